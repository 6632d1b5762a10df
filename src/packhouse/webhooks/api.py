"""Connections, subscriptions and deliveries on the wire (contract, section 7)."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors, http, pagination, repeats
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message, message
from packhouse.kit.openapi import repeatable
from packhouse.kit.validation import Reading, read_json
from packhouse.webhooks import addresses, delivery, keys, openapi, operations, queries, schema, signing
from packhouse.webhooks.delivery import Messenger
from packhouse.webhooks.keys import Keys

router = APIRouter(prefix="/api/v3/event-subscriptions", tags=["Webhooks"], default_response_class=Response)
extensions = APIRouter(prefix="/api/packhouse", tags=["Webhooks"], default_response_class=Response)

READ, WRITE = "read:integration", "write:integration"

_ID = re.compile(r"0*[1-9][0-9]{0,17}")


def messenger(request: Request) -> Messenger:
    found: Messenger = request.app.state.messenger
    return found


@router.post("/connections", status_code=201, openapi_extra=openapi.CREATE_CONNECTION)
async def create_connection(request: Request) -> Response:
    """Make a receiver. Its signing key is in this answer."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    sent = _require_valid(read_json(schema.CONNECTION_CREATE, await http.read_body(request)))
    _refuse_private(request, sent)
    vault, now = messenger(request).vault, house.clock()
    async with house.db.write() as tx:
        id = await operations.create_connection(house.db, tx, vault, caller.account_id, sent["configuration"], now=now)
        row = await queries.get_connection(tx, caller.account_id, id)
    key = keys.open_secrets(vault, row)["signing_key"]
    shown = {"signing_key": key, "standard_webhooks_secret": signing.to_standard_secret(key)}
    return http.json_response({"data": {**queries.connection_to_wire(row), **shown}}, status=201)


@router.get("/connections", openapi_extra=openapi.LIST_CONNECTIONS)
async def list_connections(request: Request) -> Response:
    """The account's receivers, without their secrets."""
    caller = await auth.caller(request, scope=READ)
    kind = _read_choice(request, "connection_type", ("webhook", "klaviyo"))
    async with http.house(request).db.read() as tx:
        rows = [] if kind == "klaviyo" else await queries.list_connections(tx, caller.account_id)
    return http.json_response({"data": [queries.connection_to_wire(row) for row in rows]})


@router.get("/connections/{id}", openapi_extra=openapi.GET_CONNECTION)
async def get_connection(request: Request) -> Response:
    """One receiver, without its secrets."""
    caller = await auth.caller(request, scope=READ)
    row = await _get_connection(request, caller)
    return http.json_response({"data": queries.connection_to_wire(row)})


@router.patch("/connections/{id}", openapi_extra=openapi.UPDATE_CONNECTION)
async def update_connection(request: Request) -> Response:
    """Replace a receiver's configuration; one that was paused is tried again."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    id = _to_id(request, message("connection"))
    sent = _require_valid(read_json(schema.CONNECTION_UPDATE, await http.read_body(request)))
    _refuse_private(request, sent)
    async with house.db.write() as tx:
        await operations.update_connection(
            house.db, tx, messenger(request).vault, caller.account_id, id, dict(sent), now=house.clock()
        )
        row = await queries.get_connection(tx, caller.account_id, id)
    return http.json_response({"data": queries.connection_to_wire(row)})


@router.delete("/connections/{id}", status_code=204, openapi_extra=openapi.DELETE_CONNECTION)
async def delete_connection(request: Request) -> Response:
    """Take a receiver away, with its subscriptions."""
    caller = await auth.caller(request, scope=WRITE)
    id = _to_id(request, message("connection"))
    async with http.house(request).db.write() as tx:
        await operations.delete_connection(tx, caller.account_id, id)
    return Response(status_code=204)


@router.post("/connections/{id}/authorization", openapi_extra=openapi.AUTHORIZE)
async def start_authorization(request: Request) -> Response:
    """There is no kind of connection here that a person has to authorize."""
    caller = await auth.caller(request, scope=WRITE)
    await _get_connection(request, caller)
    detail = message("A webhook needs no authorization.")
    raise errors.NotFound(errors.Fault("not_found", detail, title="Not found"))


@router.post("/subscriptions", status_code=201, openapi_extra=openapi.CREATE_SUBSCRIPTION)
async def create_subscription(request: Request) -> Response:
    """Have a receiver told of a kind of event."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    sent = _require_valid(read_json(schema.SUBSCRIPTION_CREATE, await http.read_body(request)))
    async with house.db.write() as tx:
        id = await operations.create_subscription(house.db, tx, caller.account_id, dict(sent), now=house.clock())
        row = await queries.get_subscription(tx, caller.account_id, id)
    return http.json_response({"data": queries.subscription_to_wire(row)}, status=201)


@router.get("/subscriptions", openapi_extra=openapi.LIST_SUBSCRIPTIONS)
async def list_subscriptions(request: Request) -> Response:
    """What the account's receivers are told of."""
    caller = await auth.caller(request, scope=READ)
    event_type = http.read_text(request, "event_type")
    is_active = _read_choice(request, "is_active", ("true", "false"))
    wanted = None if is_active is None else is_active == "true"
    async with http.house(request).db.read() as tx:
        rows = await queries.list_subscriptions(tx, caller.account_id, event_type=event_type, is_active=wanted)
    return http.json_response({"data": [queries.subscription_to_wire(row) for row in rows]})


@router.get("/subscriptions/{id}", openapi_extra=openapi.GET_SUBSCRIPTION)
async def get_subscription(request: Request) -> Response:
    """One subscription."""
    caller = await auth.caller(request, scope=READ)
    async with http.house(request).db.read() as tx:
        row = await queries.get_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
    return http.json_response({"data": queries.subscription_to_wire(row)})


@router.patch("/subscriptions/{id}", openapi_extra=openapi.UPDATE_SUBSCRIPTION)
async def update_subscription(request: Request) -> Response:
    """Change a subscription, or set it to rest."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    id = _to_id(request, message("subscription"))
    sent = _require_valid(read_json(schema.SUBSCRIPTION_UPDATE, await http.read_body(request)))
    async with house.db.write() as tx:
        await operations.update_subscription(tx, caller.account_id, id, dict(sent), now=house.clock())
        row = await queries.get_subscription(tx, caller.account_id, id)
    return http.json_response({"data": queries.subscription_to_wire(row)})


@router.delete("/subscriptions/{id}", status_code=204, openapi_extra=openapi.DELETE_SUBSCRIPTION)
async def delete_subscription(request: Request) -> Response:
    """End a subscription; what was noted for it before is still sent."""
    caller = await auth.caller(request, scope=WRITE)
    async with http.house(request).db.write() as tx:
        await operations.delete_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
    return Response(status_code=204)


@router.post("/broadcast/test/{id}", openapi_extra=openapi.BROADCAST)
async def broadcast_test(request: Request) -> Response:
    """Send an invented event to a subscription's receiver, now, and show what it answers."""
    caller = await auth.caller(request, scope=WRITE)
    async with http.house(request).db.read() as tx:
        row = await queries.get_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
        receiver = await queries.get_connection(tx, caller.account_id, row.connection_id)
    answer = await delivery.broadcast(messenger(request), receiver, row.event_type)
    result: dict[str, Any] = {"success": answer.is_success}
    if answer.status_code is not None:
        result["status_code"] = answer.status_code
    result["response_body"] = answer.body if answer.error is None else answer.error
    return http.json_response({"data": result})


@extensions.post("/event-subscriptions/connections/{id}/resume", openapi_extra=repeatable(openapi.RESUME))
async def resume_connection(request: Request) -> Response:
    """Try a paused receiver again; it hears what happened meanwhile."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)

    async def resume(tx: Transaction) -> Response:
        stored = await queries.get_connection(tx, caller.account_id, _to_id(request, message("connection")))
        await operations.resume_by_hand(house.db, tx, stored, now=house.clock(), actor=caller.actor)
        row = await queries.get_connection(tx, caller.account_id, stored.id)
        return http.json_response({"data": queries.connection_to_wire(row)})

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(resume))


@extensions.get("/event-subscriptions/connections/{id}/signing-key", openapi_extra=openapi.SIGNING_KEY)
async def get_signing_key(request: Request) -> Response:
    """What a receiver's events are signed with, and what they will be while a rotation is under way."""
    caller = await auth.caller(request, scope=WRITE)
    row = await _get_connection(request, caller)
    secrets = keys.open_secrets(messenger(request).vault, row)
    return _answer_keys(keys.find_keys(secrets, row, http.house(request).clock()))


@extensions.post("/event-subscriptions/connections/{id}/signing-key", openapi_extra=repeatable(openapi.SIGNING_KEY))
async def rotate_signing_key(request: Request) -> Response:
    """Make the key that takes over next: at `activate`, or after seven days."""
    return await _change_keys(request, keys.rotate)


@extensions.post(
    "/event-subscriptions/connections/{id}/signing-key/activate", openapi_extra=repeatable(openapi.SIGNING_KEY)
)
async def activate_signing_key(request: Request) -> Response:
    """Sign with the next key from now on."""
    return await _change_keys(request, keys.activate)


async def _change_keys(request: Request, work: Callable[..., Awaitable[Keys]]) -> Response:
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)

    async def change(tx: Transaction) -> Response:
        row = await queries.get_connection(tx, caller.account_id, _to_id(request, message("connection")))
        vault = messenger(request).vault
        return _answer_keys(await work(house.db, tx, vault, row, now=house.clock(), actor=caller.actor))

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(change))


@extensions.get("/deliveries", openapi_extra=openapi.LIST_DELIVERIES)
async def list_deliveries(request: Request) -> Response:
    """What receivers were or will be told, newest first."""
    caller = await auth.caller(request, scope=READ)
    size = http.read_page_size(request, openapi.MAX_PAGE, openapi.DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    status = _read_choice(request, "status", schema.STATUSES)
    connection = request.query_params.get("connection_id") or None
    if connection is not None and not _ID.fullmatch(connection):
        raise errors.Invalid(errors.Fault("invalid", message("Input should be an id"), parameter="connection_id"))
    async with http.house(request).db.read() as tx:
        page = await queries.list_deliveries(
            tx,
            caller.account_id,
            cursor,
            size,
            status=status,
            connection_id=int(connection) if connection else None,
        )
    return http.json_response(
        {"data": [queries.delivery_to_wire(row) for row in page.rows]}, headers=http.page_links(request, page)
    )


@extensions.get("/deliveries/{id}", openapi_extra=openapi.GET_DELIVERY)
async def get_delivery(request: Request) -> Response:
    """One delivery, with what was sent and the beginning of what was answered."""
    caller = await auth.caller(request, scope=READ)
    async with http.house(request).db.read() as tx:
        row = await queries.get_delivery(tx, caller.account_id, _to_id(request, message("delivery")))
    return http.json_response({"data": queries.delivery_to_wire(row, whole=True)})


@extensions.post("/deliveries/{id}/replay", status_code=202, openapi_extra=repeatable(openapi.REPLAY))
async def replay_delivery(request: Request) -> Response:
    """Send it again, under the same id, whatever became of it."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)

    async def replay(tx: Transaction) -> Response:
        id = _to_id(request, message("delivery"))
        await operations.replay_deliveries(house.db, tx, caller.account_id, [id], now=house.clock())
        row = await queries.get_delivery(tx, caller.account_id, id)
        return http.json_response({"data": queries.delivery_to_wire(row)}, status=202)

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(replay))


async def _get_connection(request: Request, caller: Caller) -> Any:
    async with http.house(request).db.read() as tx:
        return await queries.get_connection(tx, caller.account_id, _to_id(request, message("connection")))


def _answer_keys(live: Keys) -> Response:
    wire = {
        "signing_key": live.current,
        "standard_webhooks_secret": signing.to_standard_secret(live.current),
        "next_signing_key": live.next,
        "next_standard_webhooks_secret": live.next and signing.to_standard_secret(live.next),
        "switches_at": live.switches_at and clock.to_wire(live.switches_at),
    }
    return http.json_response({"data": wire})


def _to_id(request: Request, what: Message) -> int:
    text = request.path_params["id"]
    if not _ID.fullmatch(text):
        raise errors.NotFound(
            errors.Fault("not_found", message("There is no such {what}.", what=what), title="Not found")
        )
    return int(text)


def _require_valid(reading: Reading[Any]) -> Any:
    if reading.flaws:
        faults = [errors.Fault("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
        raise errors.Invalid(faults)
    return reading.value


def _refuse_private(request: Request, sent: dict[str, Any]) -> None:
    """An address inside a network is refused at once where it is written as such; a name when it is resolved."""
    refuse_private_url(request, sent.get("configuration", {}).get("url", ""), ("configuration", "url"))


def refuse_private_url(request: Request, url: str, path: errors.Path) -> None:
    """Raises Invalid at that place of the body where the URL's host is an address that is not to be reached."""
    if not messenger(request).sender.may_reach(addresses.find_address(url)):
        detail = message("The URL's address lies inside a network; see PACKHOUSE_WEBHOOKS_ALLOW_PRIVATE")
        raise errors.Invalid(errors.Fault("invalid", detail, pointer=errors.to_pointer(path)))


def _read_choice(request: Request, name: str, choices: tuple[str, ...]) -> str | None:
    """An empty parameter counts as not sent."""
    sent = request.query_params.get(name) or None
    if sent is not None and sent not in choices:
        detail = message("Select a valid choice. {sent} is not one of the available choices.", sent=sent)
        raise errors.Invalid(errors.Fault("invalid_choice", detail, title="Invalid Choice", parameter=name))
    return sent
