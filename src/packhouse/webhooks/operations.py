"""Connections and subscriptions made, changed, deleted; events kept for subscribers; deliveries sent again.

Each runs inside the caller's transaction and touches no network.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import delete, insert, update

from packhouse.accounts import audit
from packhouse.kit import errors, jobs, security
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.encryption import Encryptor
from packhouse.kit.messages import message
from packhouse.webhooks import keys, queries, schema, signing
from packhouse.webhooks.queries import ConnectionRow
from packhouse.webhooks.schema import MASK, Event
from packhouse.webhooks.tables import connections, deliveries, subscriptions

JOB = "webhook.deliver"
# The same for a receiver that is known to take long: a kind of its own, with slots of its own.
SLOW_JOB = "webhook.deliver_slowly"

_c, _s, _d = connections.c, subscriptions.c, deliveries.c


class Receiver(NamedTuple):
    """Who is told."""

    connection_id: int
    is_paused: bool = False
    is_slow: bool = False


async def notify(tx: Transaction, account_id: int, events: Iterable[Event], *, now: datetime) -> None:
    """Write a delivery of each event for each subscriber to its kind. Without subscribers, `events` is not read."""
    subscribers: dict[str, list[Receiver]] = {}
    for row in await queries.list_subscribers(tx, account_id):
        subscribers.setdefault(row.event_type, []).append(_to_receiver(row.connection_id, row))
    if not subscribers:
        return
    wanted = [
        (event, {"event_type": event.event_type, "timestamp": _to_milliseconds(now), "data": event.data}, to)
        for event in events
        for to in subscribers.get(event.event_type, [])
    ]
    await _write(tx, account_id, wanted, now)


async def has_subscribers(tx: Reader, account_id: int, event_type: str) -> bool:
    """For those who would have to ask the database before they could tell."""
    return any(row.event_type == event_type for row in await queries.list_subscribers(tx, account_id))


class OwnEvent(NamedTuple):
    """What an integration's own webhook is told; `integration` has at least its id and its webhook."""

    integration: Mapping[str, Any]
    action: str
    subject: str
    told: Mapping[str, Any]


async def notify_integrations(tx: Transaction, account_id: int, events: Sequence[OwnEvent], *, now: datetime) -> None:
    """Tell integrations' own webhooks, where they have an active one: in as many statements for one event as for
    many."""
    urls: dict[int, str] = {}
    for event in events:
        shop = event.integration
        if shop.get("webhook_active") and shop.get("webhook_url"):
            urls[shop["id"]] = shop["webhook_url"]
    if not urls:
        return
    known = {row.integration_id: row for row in await queries.find_of_integrations(tx, account_id, urls)}
    receivers = {
        id: await _keep_of_integration(tx, account_id, id, url, known.get(id), now) for id, url in urls.items()
    }
    wanted = [
        (
            Event(event.action, event.subject, {}, event.integration["id"]),
            {"action": event.action, "timestamp": _to_milliseconds(now), **event.told},
            receivers[event.integration["id"]],
        )
        for event in events
        if event.integration["id"] in receivers
    ]
    await _write(tx, account_id, wanted, now)


async def _keep_of_integration(
    tx: Transaction, account_id: int, integration_id: int, url: str, found: ConnectionRow | None, now: datetime
) -> Receiver:
    """The connection that stands for an integration's webhook, `found` if it is there, and whether it is paused; a new
    URL starts afresh. Nothing is asked or written where it is there and the same."""
    configuration = orjson.dumps({"url": url}).decode()
    if found is None:
        return Receiver(await _insert_connection(tx, account_id, configuration, None, now, integration_id))
    if found.configuration != configuration:
        await _change_connection(tx, account_id, found.id, now, configuration=configuration)
        await resume_connection(tx, account_id, found.id, now=now)
        return Receiver(found.id)
    return _to_receiver(found.id, found)


async def _write(
    tx: Transaction,
    account_id: int,
    wanted: Sequence[tuple[Event, dict[str, Any], Receiver]],
    now: datetime,
) -> None:
    if not wanted:
        return
    rows = []
    for id, (event, body, to) in zip(await tx.next_ids("deliveries", len(wanted)), wanted, strict=True):
        rows.append(
            {
                "account_id": account_id,
                "id": id,
                "connection_id": to.connection_id,
                "integration_id": event.integration_id,
                "event_type": event.event_type,
                "subject": event.subject,
                "body": signing.to_body({"id": queries.to_message_id(id), **body}),
                "status": "held" if to.is_paused else "pending",
                "attempts": 0,
                "due_at": None if to.is_paused else now,
                "scheduled_at": now,
                "created_at": now,
                "attempted_at": None,
                "status_code": None,
                "answer": None,
                "error": None,
            }
        )
    await tx.upsert(deliveries, rows)
    await _wake(tx, account_id, {to for _, _, to in wanted if not to.is_paused}, now)


async def _wake(tx: Transaction, account_id: int, receivers: Collection[Receiver], now: datetime) -> None:
    for is_slow in (False, True):
        ids = sorted(to.connection_id for to in receivers if to.is_slow is is_slow)
        payloads, lanes = [{"connection_id": id} for id in ids], [f"webhook:{id}" for id in ids]
        await jobs.enqueue(tx, account_id, to_job(is_slow=is_slow), payloads, now=now, lanes=lanes)


def to_job(*, is_slow: bool) -> str:
    return SLOW_JOB if is_slow else JOB


def _to_receiver(connection_id: int, row: ConnectionRow | queries.Subscriber) -> Receiver:
    return Receiver(connection_id, row.paused_at is not None, row.slow_since is not None)


def _to_milliseconds(now: datetime) -> int:
    return int(now.timestamp() * 1000)


async def create_connection(
    tx: Transaction, encryptor: Encryptor, account_id: int, configuration: dict[str, Any], *, now: datetime
) -> int:
    """Its signing key is made with it. Raises NoSecretKey, and Invalid for a mask where a secret should be."""
    shown, hidden = _split(configuration, {})
    sealed = keys.seal(encryptor, {**hidden, "signing_key": security.new_secret()})
    return await _insert_connection(tx, account_id, orjson.dumps(shown).decode(), sealed, now)


async def _insert_connection(
    tx: Transaction,
    account_id: int,
    configuration: str,
    sealed: str | None,
    now: datetime,
    integration_id: int | None = None,
) -> int:
    [id] = await tx.next_ids("connections", 1)
    row = {"account_id": account_id, "id": id, "integration_id": integration_id, "configuration": configuration}
    await tx.execute(insert(connections).values({**row, "sealed": sealed, "created_at": now, "updated_at": now}))
    return id


async def update_connection(
    tx: Transaction, encryptor: Encryptor, account_id: int, id: int, sent: dict[str, Any], *, now: datetime
) -> None:
    """A configuration is replaced whole, and a paused receiver is tried again. Raises NotFound and Invalid."""
    stored = await queries.get_connection(tx, account_id, id)
    if "configuration" not in sent:
        return
    secrets = keys.open_secrets(encryptor, stored)
    shown, hidden = _split(sent["configuration"], secrets)
    sealed = keys.seal(encryptor, {**secrets, **hidden})
    await _change_connection(tx, account_id, id, now, configuration=orjson.dumps(shown).decode(), sealed=sealed)
    await resume_connection(tx, account_id, id, now=now)


async def _change_connection(tx: Transaction, account_id: int, id: int, now: datetime, **changes: Any) -> None:
    of_it = (_c.account_id == account_id, _c.id == id)
    await tx.execute(update(connections).where(*of_it).values(**changes, updated_at=now))


async def delete_connection(tx: Transaction, account_id: int, id: int) -> None:
    """With its subscriptions; what it was still to hear fails. Raises NotFound."""
    await queries.get_connection(tx, account_id, id)
    await give_up(tx, account_id, id)
    await tx.execute(delete(subscriptions).where(_s.account_id == account_id, _s.connection_id == id))
    await tx.execute(delete(connections).where(_c.account_id == account_id, _c.id == id))


async def give_up(tx: Transaction, account_id: int, connection_id: int) -> None:
    """What a receiver that is no more was still to hear; also what was noted or sent again while it was deleted."""
    waits = (_d.account_id == account_id, _d.connection_id == connection_id, _d.status.in_(("pending", "held")))
    gone = {"status": "failed", "due_at": None, "error": "ConnectionDeleted"}
    await tx.execute(update(deliveries).where(*waits).values(gone))


async def resume_connection(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    """A paused receiver hears everything that happened meanwhile, from now on."""
    await _change_connection(tx, account_id, id, now, paused_at=None, failing_since=None)
    held = (_d.account_id == account_id, _d.connection_id == id, _d.status == "held")
    freed = await tx.execute(update(deliveries).where(*held).values(status="pending", due_at=now, scheduled_at=now))
    if freed.rowcount:
        await _wake(tx, account_id, [Receiver(id)], now)


async def resume_by_hand(tx: Transaction, row: ConnectionRow, *, now: datetime, actor: str) -> None:
    """Resume a connection, given its row, and note it in the audit log."""
    await resume_connection(tx, row.account_id, row.id, now=now)
    await audit.record(tx, row.account_id, actor, "connection.resumed", queries.to_name(row), now=now)


async def keep_of_integration(tx: Transaction, account_id: int, integration_id: int, *, now: datetime) -> ConnectionRow:
    """Return the connection that stands for an integration's own webhook, made without a URL where there is none."""
    found = await queries.find_of_integration(tx, account_id, integration_id)
    if found is not None:
        return found
    configuration = orjson.dumps({"url": ""}).decode()
    id = await _insert_connection(tx, account_id, configuration, None, now, integration_id)
    return await queries.require_connection(tx, account_id, id)


def _split(configuration: dict[str, Any], known: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is shown, and the secrets that its masks stand for; a mask that was sent stands for the `known` secret."""
    authentication = dict(configuration.get("authentication", {"type": "none"}))
    headers = configuration.get("headers", {})
    hidden: dict[str, Any] = {"authentication": {}, "headers": {}}
    for name in schema.SECRET_KEYS:
        if name in authentication:
            kept = known.get("authentication", {}).get(name)
            hidden["authentication"][name] = _unmask(authentication[name], kept, f"authentication/{name}")
            authentication[name] = MASK
    for name, value in headers.items():
        hidden["headers"][name] = _unmask(value, known.get("headers", {}).get(name), f"headers/{name}")
    shown = {
        "url": configuration["url"],
        "authentication": authentication,
        "headers": dict.fromkeys(headers, MASK),
        "standard_webhooks": configuration.get("standard_webhooks", False),
    }
    return shown, hidden


def _unmask(sent: str, known: str | None, place: str) -> str:
    if sent != MASK:
        return sent
    if known is None:
        pointer = f"{errors.ATTRIBUTES}/configuration/{place}"
        raise errors.Invalid(
            errors.ErrorItem(
                "invalid", message("There is no stored secret that this mask could stand for."), None, pointer
            )
        )
    return known


async def create_subscription(tx: Transaction, account_id: int, sent: dict[str, Any], *, now: datetime) -> int:
    """Raises Invalid for a connection that there is not, and for one that hears of this kind already."""
    await _require_new(tx, account_id, sent["connection_id"], sent["event_type"])
    [id] = await tx.next_ids("subscriptions", 1)
    row = {"account_id": account_id, "id": id, "is_active": True, "created_at": now, "updated_at": now, **sent}
    await tx.execute(insert(subscriptions).values(row))
    return id


async def update_subscription(
    tx: Transaction, account_id: int, id: int, sent: dict[str, Any], *, now: datetime
) -> None:
    """Raises NotFound, and Invalid as a new one would."""
    stored = await queries.get_subscription(tx, account_id, id)
    place = (sent.get("connection_id", stored.connection_id), sent.get("event_type", stored.event_type))
    if place != (stored.connection_id, stored.event_type):
        await _require_new(tx, account_id, *place)
    of_it = (_s.account_id == account_id, _s.id == id)
    await tx.execute(update(subscriptions).where(*of_it).values(**sent, updated_at=now))


async def delete_subscription(tx: Transaction, account_id: int, id: int) -> None:
    """Raises NotFound."""
    if not await tx.change(delete(subscriptions).where(_s.account_id == account_id, _s.id == id)):
        raise errors.NotFound(message("There is no such subscription."))


async def _require_new(tx: Reader, account_id: int, connection_id: int, event_type: str) -> None:
    pointer = f"{errors.ATTRIBUTES}/connection_id"
    found = await queries.find_connection(tx, account_id, connection_id)
    if found is None or found.integration_id is not None:
        detail = message("Connection with id {connection_id} does not exist", connection_id=connection_id)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=pointer))
    same_kind = await queries.list_subscriptions(tx, account_id, event_type=event_type)
    if any(row.connection_id == connection_id for row in same_kind):
        detail = message(
            "Connection {connection_id} is subscribed to {event_type} already",
            connection_id=connection_id,
            event_type=event_type,
        )
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=pointer))


async def replay_deliveries(tx: Transaction, account_id: int, ids: Collection[int], *, now: datetime) -> None:
    """Send them again, under the same ids, whatever became of them. Raises NotFound, also without its receiver."""
    woken: set[int] = set()
    for id in ids:
        row = await queries.get_delivery(tx, account_id, id)
        if row.connection_id not in woken:
            connection = await queries.find_connection(tx, account_id, row.connection_id)
            if connection is None:
                detail = message("The receiver of delivery {id} was deleted.", id=id)
                raise errors.NotFound(detail)
            woken.add(row.connection_id)
        afresh = {"status": "pending", "attempts": 0, "due_at": now, "scheduled_at": now}
        await tx.execute(update(deliveries).where(_d.account_id == account_id, _d.id == id).values(afresh))
    await _wake(tx, account_id, [Receiver(id) for id in woken], now)
