"""Reads of connections, subscriptions and deliveries."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from sqlalchemy import ColumnElement, bindparam, exists, func, select

from packhouse.kit import clock, errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.webhooks import schema
from packhouse.webhooks.tables import (
    connections,
    deliveries,
    subscriptions,
)


class ConnectionRow(NamedTuple):
    """A row of `connections`."""

    account_id: int
    id: int
    integration_id: int | None
    configuration: str
    sealed: str | None
    failing_since: datetime | None
    paused_at: datetime | None
    slow_since: datetime | None
    key_switches_at: datetime | None
    created_at: datetime
    updated_at: datetime


class SubscriptionRow(NamedTuple):
    """A row of `subscriptions`."""

    account_id: int
    id: int
    connection_id: int
    event_type: str
    is_active: bool
    created_at: datetime
    updated_at: datetime


class DeliveryRow(NamedTuple):
    """A row of `deliveries`."""

    account_id: int
    id: int
    connection_id: int
    integration_id: int | None
    event_type: str
    subject: str
    body: str
    status: str
    attempts: int
    due_at: datetime | None
    scheduled_at: datetime | None
    created_at: datetime
    attempted_at: datetime | None
    status_code: int | None
    answer: str | None
    error: str | None


_c, _s, _d = connections.c, subscriptions.c, deliveries.c

# The subscribers: the one query that an account without subscriptions pays for.
_SUBSCRIBERS = (
    select(_s.event_type, _s.connection_id, _c.paused_at, _c.slow_since)
    .join(connections, (_c.account_id == _s.account_id) & (_c.id == _s.connection_id))
    .where(_s.account_id == bindparam("account_id"), _s.is_active)
)


class Subscriber(NamedTuple):
    """An active subscription and the state of its connection; times are in the driver's own type."""

    event_type: str
    connection_id: int
    paused_at: datetime | str | None
    slow_since: datetime | str | None


async def list_subscribers(tx: Reader, account_id: int) -> list[Subscriber]:
    return [Subscriber(*row) for row in await tx.run(_SUBSCRIBERS, account_id=account_id)]


def has_subscribers(account_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether `list_subscribers` would find any of the account that this column names."""
    return exists().where(_s.account_id == account_id, _s.is_active)


async def find_connection(tx: Reader, account_id: int, id: int) -> ConnectionRow | None:
    """Find a connection of any kind, an integration's too."""
    mine = (_c.account_id == account_id, _c.id == id)
    return await tx.fetch_one(select(connections).where(*mine), into=ConnectionRow)


async def require_connection(tx: Reader, account_id: int, id: int) -> ConnectionRow:
    """Return a connection of any kind that is there: this transaction has made it."""
    return errors.require(await find_connection(tx, account_id, id), message("There is no such connection."))


async def get_connection(tx: Reader, account_id: int, id: int) -> ConnectionRow:
    """One that the account made. Raises NotFound."""
    found = await require_connection(tx, account_id, id)
    if found.integration_id is not None:
        raise errors.NotFound(message("There is no such connection."))
    return found


async def find_of_integration(tx: Reader, account_id: int, integration_id: int) -> ConnectionRow | None:
    of_it = (_c.account_id == account_id, _c.integration_id == integration_id)
    return await tx.fetch_one(select(connections).where(*of_it), into=ConnectionRow)


async def find_of_integrations(
    tx: Reader, account_id: int, integration_ids: Collection[int]
) -> Sequence[ConnectionRow]:
    of_them = (_c.account_id == account_id, _c.integration_id.in_(sorted(integration_ids)))
    return await tx.fetch_all(select(connections).where(*of_them), into=ConnectionRow)


async def list_all_connections(tx: Reader, account_id: int) -> Sequence[ConnectionRow]:
    """Those of integrations too."""
    statement = select(connections).where(_c.account_id == account_id).order_by(_c.id)
    return await tx.fetch_all(statement, into=ConnectionRow)


async def list_connections(tx: Reader, account_id: int) -> Sequence[ConnectionRow]:
    made = (_c.account_id == account_id, _c.integration_id.is_(None))
    return await tx.fetch_all(select(connections).where(*made).order_by(_c.id), into=ConnectionRow)


async def get_subscription(tx: Reader, account_id: int, id: int) -> SubscriptionRow:
    """Raises NotFound."""
    mine = (_s.account_id == account_id, _s.id == id)
    found = await tx.fetch_one(select(subscriptions).where(*mine), into=SubscriptionRow)
    return errors.require(found, message("There is no such subscription."))


async def list_subscriptions(
    tx: Reader, account_id: int, *, event_type: str | None = None, is_active: bool | None = None
) -> Sequence[SubscriptionRow]:
    statement = select(subscriptions).where(_s.account_id == account_id)
    if event_type is not None:
        statement = statement.where(_s.event_type == event_type)
    if is_active is not None:
        statement = statement.where(_s.is_active.is_(is_active))
    return await tx.fetch_all(statement.order_by(_s.id), into=SubscriptionRow)


async def find_due(tx: Reader, account_id: int, connection_id: int, limit: int, *, now: datetime) -> list[DeliveryRow]:
    """At most `limit` deliveries that are due, in the order in which they were made.

    Two requests that wait for each other's lock may have told the time in another order than they wrote: where the
    limit cuts, earlier events of the same subjects are fetched too.
    """
    of_it = (_d.account_id == account_id, _d.connection_id == connection_id)
    due = select(deliveries).where(*of_it, _d.due_at <= now)
    found = await tx.fetch_all(due.order_by(_d.due_at, _d.id).limit(limit), into=DeliveryRow)
    if len(found) == limit:
        subjects, ids = {row.subject for row in found}, [row.id for row in found]
        earlier = due.where(_d.id < max(ids), _d.id.not_in(ids), _d.subject.in_(subjects), _d.attempts == 0)
        found += await tx.fetch_all(earlier, into=DeliveryRow)
    return sorted(found, key=lambda row: row.id)


async def find_next_due(tx: Reader, account_id: int, connection_id: int) -> datetime | None:
    statement = select(func.min(_d.due_at)).where(
        _d.account_id == account_id, _d.connection_id == connection_id, _d.due_at.is_not(None)
    )
    found: datetime | None = await tx.fetch_value(statement)
    return found


async def get_delivery(tx: Reader, account_id: int, id: int) -> DeliveryRow:
    """Raises NotFound."""
    mine = (_d.account_id == account_id, _d.id == id)
    found = await tx.fetch_one(select(deliveries).where(*mine), into=DeliveryRow)
    return errors.require(found, message("There is no such delivery."))


async def list_deliveries(
    tx: Reader,
    account_id: int,
    cursor: pagination.Cursor,
    size: int,
    *,
    status: str | None = None,
    connection_id: int | None = None,
) -> pagination.Page[DeliveryRow]:
    """Newest first."""
    statement = select(_d.id, *(column for column in _d if column.name != "id")).where(_d.account_id == account_id)
    if status is not None:
        statement = statement.where(_d.status == status)
    if connection_id is not None:
        statement = statement.where(_d.connection_id == connection_id)
    order = pagination.Order([pagination.Key(_d.id, True, pagination.to_int)])
    return await pagination.fetch_page(tx, statement, order, cursor, size, into=_to_delivery)


def _to_delivery(id: int, account_id: int, *others: Any) -> DeliveryRow:
    """Read a row of the list, which begins with the column that it is sorted by."""
    return DeliveryRow(account_id, id, *others)


async def find_failed(tx: Reader, account_id: int) -> Collection[int]:
    statement = select(_d.id).where(_d.account_id == account_id, _d.status == "failed")
    return list(await tx.fetch_values(statement.order_by(_d.id)))


async def count_held(tx: Reader, account_id: int, connection_id: int) -> int:
    """What a paused receiver has not heard."""
    of_it = (_d.account_id == account_id, _d.connection_id == connection_id, _d.status == "held")
    return int(await tx.fetch_value(select(func.count()).where(*of_it)))


def connection_to_wire(row: ConnectionRow) -> dict[str, Any]:
    """From `failing_since` to `key_switches_at` it is ours in addition."""
    return {
        "id": row.id,
        "type": "webhook",
        "configuration": schema.to_published(orjson.loads(row.configuration)),
        "failing_since": _to_wire(row.failing_since),
        "paused_at": _to_wire(row.paused_at),
        "slow_since": _to_wire(row.slow_since),
        "key_switches_at": _to_wire(row.key_switches_at),
        "created_at": _to_wire(row.created_at),
        "updated_at": _to_wire(row.updated_at),
    }


def subscription_to_wire(row: SubscriptionRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "connection_id": row.connection_id,
        "event_type": row.event_type,
        "is_active": row.is_active,
        "created_at": _to_wire(row.created_at),
        "updated_at": _to_wire(row.updated_at),
    }


def delivery_to_wire(row: DeliveryRow, *, whole: bool = False) -> dict[str, Any]:
    """`whole`: with what was sent and what was answered."""
    wire = {
        "id": row.id,
        "message_id": to_message_id(row.id),
        "connection_id": row.connection_id,
        "integration_id": row.integration_id,
        "event_type": row.event_type,
        "subject": row.subject,
        "status": row.status,
        "attempts": row.attempts,
        "due_at": _to_wire(row.due_at),
        "created_at": _to_wire(row.created_at),
        "attempted_at": _to_wire(row.attempted_at),
        "status_code": row.status_code,
        "error": row.error,
    }
    return wire | {"body": row.body, "answer": row.answer} if whole else wire


def to_name(row: ConnectionRow) -> str:
    """A connection as people know it, without what its URL may hide."""
    host = urlsplit(to_base_url(row)).hostname or "no address"
    whose = f"connection {row.id}" if row.integration_id is None else f"webhook of integration {row.integration_id}"
    return f"{whose} ({host})"


def to_base_url(row: ConnectionRow) -> str:
    """Scheme, host and port."""
    url = urlsplit(orjson.loads(row.configuration)["url"])
    return f"{url.scheme}://{url.netloc}"


def to_message_id(id: int) -> str:
    """What a receiver knows a delivery by, the same at every attempt."""
    return f"msg_{id}"


def _to_wire(instant: datetime | None) -> str | None:
    return None if instant is None else clock.to_wire(instant)
