"""Settings: who is told of what happens (receivers and their subscriptions)."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.web.frame import confirm, forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.web.frame.languages import marked
from packhouse.webhooks import addresses, delivery, keys, operations, queries, schema

_HERE = "/settings/webhooks"
EVENT_WORDS: Mapping[str, str] = {
    schema.PARCEL_EVENT: marked("A parcel is on its way or has arrived"),
    schema.ORDER_CREATED: marked("An order came in"),
    schema.ORDER_UPDATED: marked("An order was changed"),
    schema.ORDER_DELETED: marked("An order was deleted"),
    schema.SHIPMENT_STALE: marked("An order was changed after its label"),
}


async def show_webhooks(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        rows = await queries.list_connections(tx, account_id)
        subscriptions = await queries.list_subscriptions(tx, account_id)
    now = context.of(request).clock()
    receivers = [queries.connection_to_wire(row) for row in rows]
    of_receivers = {
        receiver["id"]: [row for row in subscriptions if row.connection_id == receiver["id"]] for receiver in receivers
    }
    values: dict[str, Any] = {
        "receivers": receivers,
        "subscriptions": of_receivers,
        "events": schema.EVENTS,
        "event_words": EVENT_WORDS,
        "rotating": {row.id for row in rows if row.key_switches_at is not None and row.key_switches_at > now},
    }
    return forms.render(request, "settings_webhooks.html", web_user, outcome, **values)


async def create_receiver(request: Request) -> Response:
    """With its first subscriptions; its signing key is shown this once."""
    return await confirm.carry_out(request, "new", _create_receiver, _show, _HERE)


async def _create_receiver(change: Change) -> Mapping[str, Any]:
    configuration: dict[str, Any] = {"url": change.text("configuration/url")}
    if token := change.text("token"):
        configuration["authentication"] = {"type": "bearer", "token": token}
    if change.is_ticked("standard_webhooks"):
        configuration["standard_webhooks"] = True
    sent = {"type": "webhook", "configuration": configuration}
    _refuse_flaws(validation.read_json(schema.CONNECTION_CREATE, orjson.dumps(sent)))
    if not context.of(change.request).sender.may_reach(addresses.find_address(configuration["url"])):
        raise forms.refuse(
            "configuration/url", message("This address is private; see PACKHOUSE_WEBHOOKS_ALLOW_PRIVATE.")
        )
    events = [event for event in schema.EVENTS if event in change.texts("events")]
    encryptor = context.of(change.request).encryptor
    id = await operations.create_connection(change.tx, encryptor, change.account_id, configuration, now=change.now)
    for event in events:
        await _subscribe(change, id, event)
    return await _find_key(change, id)


async def _find_key(change: Change, id: int) -> Mapping[str, Any]:
    row = await queries.get_connection(change.tx, change.account_id, id)
    url = orjson.loads(row.configuration)["url"]
    encryptor = context.of(change.request).encryptor
    return {
        "url": url,
        "key": (await keys.keep(change.tx, encryptor, row, now=change.now)).current,
    }


async def _subscribe(change: Change, connection_id: int, event_type: str) -> None:
    sent = {"connection_id": connection_id, "event_type": event_type}
    reading = validation.read_json(schema.SUBSCRIPTION_CREATE, orjson.dumps(sent))
    _refuse_flaws(reading)
    await operations.create_subscription(change.tx, change.account_id, dict(reading.value), now=change.now)


def _refuse_flaws(reading: validation.Parsed[Any]) -> None:
    if reading.flaws:
        flaws = [
            errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws
        ]
        raise errors.Invalid(flaws)


async def create_subscription(request: Request) -> Response:
    id = forms.to_id(request, message("receiver"))

    async def work(change: Change) -> None:
        await queries.get_connection(change.tx, change.account_id, id)
        await _subscribe(change, id, change.text("event_type"))

    return await forms.carry_out(request, f"subscribe-{id}", work, _show, _HERE)


async def resume_receiver(request: Request) -> Response:
    id = forms.to_id(request, message("receiver"))

    async def work(change: Change) -> None:
        row = await queries.get_connection(change.tx, change.account_id, id)
        await operations.resume_by_hand(change.tx, row, now=change.now, actor=change.actor)

    return await forms.carry_out(request, f"receiver-{id}", work, _show, _HERE)


async def rotate_signing_key(request: Request) -> Response:
    id = forms.to_id(request, message("receiver"))

    async def work(change: Change) -> Mapping[str, Any]:
        row = await queries.get_connection(change.tx, change.account_id, id)
        encryptor = context.of(request).encryptor
        live = await keys.rotate(change.tx, encryptor, row, now=change.now, actor=change.actor)
        return {"url": orjson.loads(row.configuration)["url"], "key": live.next or live.current, "is_next": True}

    return await confirm.carry_out(request, f"receiver-{id}", work, _show, _HERE)


async def activate_signing_key(request: Request) -> Response:
    """The next key takes over."""
    id = forms.to_id(request, message("receiver"))

    async def work(change: Change) -> None:
        row = await queries.get_connection(change.tx, change.account_id, id)
        encryptor = context.of(request).encryptor
        await keys.activate(change.tx, encryptor, row, now=change.now, actor=change.actor)

    return await confirm.carry_out(request, f"receiver-{id}", work, _show, _HERE)


async def delete_receiver(request: Request) -> Response:
    id = forms.to_id(request, message("receiver"))

    async def work(change: Change) -> None:
        await operations.delete_connection(change.tx, change.account_id, id)

    return await forms.carry_out(request, f"receiver-{id}", work, _show, _HERE)


async def change_subscription(request: Request) -> Response:
    """Set it to rest, or wake it."""
    id = forms.to_id(request, message("subscription"))

    async def work(change: Change) -> None:
        sent = {"is_active": change.is_ticked("is_active")}
        await operations.update_subscription(change.tx, change.account_id, id, sent, now=change.now)

    return await forms.carry_out(request, f"subscription-{id}", work, _show, _HERE)


async def delete_subscription(request: Request) -> Response:
    id = forms.to_id(request, message("subscription"))

    async def work(change: Change) -> None:
        await operations.delete_subscription(change.tx, change.account_id, id)

    return await forms.carry_out(request, f"subscription-{id}", work, _show, _HERE)


async def test_subscription(request: Request) -> Response:
    """An invented event, sent now; what is answered is shown. The network is met outside any transaction."""
    id = forms.to_id(request, message("subscription"))
    web_user = await web_users.owner(request)
    await web_users.read_form(request, web_user.token)
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        row = await queries.get_subscription(tx, account_id, id)
        receiver = await queries.get_connection(tx, account_id, row.connection_id)
    answer = await delivery.broadcast(context.of(request), receiver, row.event_type)
    return await _show(request, web_user, Outcome(told={"tested": id, "answer": answer}))


ROUTES = [
    Route("GET", "/settings/webhooks", show_webhooks),
    Route("POST", "/settings/webhooks", create_receiver),
    Route("POST", "/settings/webhooks/{id}/subscriptions", create_subscription),
    Route("POST", "/settings/webhooks/{id}/resume", resume_receiver),
    Route("POST", "/settings/webhooks/{id}/rotate", rotate_signing_key),
    Route("POST", "/settings/webhooks/{id}/activate", activate_signing_key),
    Route("POST", "/settings/webhooks/{id}/delete", delete_receiver),
    Route("POST", "/settings/subscriptions/{id}", change_subscription),
    Route("POST", "/settings/subscriptions/{id}/delete", delete_subscription),
    Route("POST", "/settings/subscriptions/{id}/test", test_subscription),
]
