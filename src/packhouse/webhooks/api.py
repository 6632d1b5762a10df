"""Connections, subscriptions and deliveries on the wire (contract, section 7)."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message, message
from packhouse.kit.wire import pagination
from packhouse.kit.wire.openapi import repeatable
from packhouse.kit.wire.validation import Parsed, read_json
from packhouse.webhooks import addresses, delivery, keys, openapi, operations, queries, schema, signing
from packhouse.webhooks.keys import Keys

T = TypeVar("T")

READ, WRITE = "read:integration", "write:integration"


async def create_connection(request: Request) -> Response:
    """Make a receiver. Its signing key is in this answer."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    sent = schema.read_connection(schema.CONNECTION_CREATE, await http.read_body(request))
    _refuse_private(request, sent)
    encryptor, now = context.of(request).encryptor, ctx.clock()

    async def work(tx: Transaction) -> queries.ConnectionRow:
        id = await operations.create_connection(tx, encryptor, caller.account_id, sent["configuration"], now=now)
        return await queries.get_connection(tx, caller.account_id, id)

    row = await ctx.db.write(work)
    key = keys.open_secrets(encryptor, row)["signing_key"]
    shown = {"signing_key": key, "standard_webhooks_secret": signing.to_standard_secret(key)}
    return http.json_response({"data": {**queries.connection_to_wire(row), **shown}}, status=201)


async def list_connections(request: Request) -> Response:
    """The account's receivers, without their secrets."""
    caller = await auth.caller(request)
    kind = _read_choice(request, "connection_type", ("webhook", "klaviyo"))
    async with context.of(request).db.read() as tx:
        rows = [] if kind == "klaviyo" else await queries.list_connections(tx, caller.account_id)
    return http.json_response({"data": [queries.connection_to_wire(row) for row in rows]})


async def get_connection(request: Request) -> Response:
    """One receiver, without its secrets."""
    caller = await auth.caller(request)
    row = await _get_connection(request, caller)
    return http.json_response({"data": queries.connection_to_wire(row)})


async def update_connection(request: Request) -> Response:
    """Replace a receiver's configuration; one that was paused is tried again."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    id = _to_id(request, message("connection"))
    sent = schema.read_connection(schema.CONNECTION_UPDATE, await http.read_body(request))
    _refuse_private(request, sent)

    async def work(tx: Transaction) -> queries.ConnectionRow:
        await operations.update_connection(
            tx, context.of(request).encryptor, caller.account_id, id, dict(sent), now=ctx.clock()
        )
        return await queries.get_connection(tx, caller.account_id, id)

    row = await ctx.db.write(work)
    return http.json_response({"data": queries.connection_to_wire(row)})


async def delete_connection(request: Request) -> Response:
    """Take a receiver away, with its subscriptions."""
    caller = await auth.caller(request)
    id = _to_id(request, message("connection"))
    await context.of(request).db.write(lambda tx: operations.delete_connection(tx, caller.account_id, id))
    return Response(status_code=204)


async def start_authorization(request: Request) -> Response:
    """There is no kind of connection here that a person has to authorize."""
    caller = await auth.caller(request)
    await _get_connection(request, caller)
    detail = message("A webhook needs no authorization.")
    raise errors.NotFound(detail)


async def create_subscription(request: Request) -> Response:
    """Have a receiver told of a kind of event."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    sent = _require_valid(read_json(schema.SUBSCRIPTION_CREATE, await http.read_body(request)))

    async def work(tx: Transaction) -> queries.SubscriptionRow:
        id = await operations.create_subscription(tx, caller.account_id, dict(sent), now=ctx.clock())
        return await queries.get_subscription(tx, caller.account_id, id)

    row = await ctx.db.write(work)
    return http.json_response({"data": queries.subscription_to_wire(row)}, status=201)


async def list_subscriptions(request: Request) -> Response:
    """What the account's receivers are told of."""
    caller = await auth.caller(request)
    event_type = http.read_text(request, "event_type")
    is_active = _read_choice(request, "is_active", ("true", "false"))
    wanted = None if is_active is None else is_active == "true"
    async with context.of(request).db.read() as tx:
        rows = await queries.list_subscriptions(tx, caller.account_id, event_type=event_type, is_active=wanted)
    return http.json_response({"data": [queries.subscription_to_wire(row) for row in rows]})


async def get_subscription(request: Request) -> Response:
    """One subscription."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        row = await queries.get_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
    return http.json_response({"data": queries.subscription_to_wire(row)})


async def update_subscription(request: Request) -> Response:
    """Change a subscription, or set it to rest."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    id = _to_id(request, message("subscription"))
    sent = _require_valid(read_json(schema.SUBSCRIPTION_UPDATE, await http.read_body(request)))

    async def work(tx: Transaction) -> queries.SubscriptionRow:
        await operations.update_subscription(tx, caller.account_id, id, dict(sent), now=ctx.clock())
        return await queries.get_subscription(tx, caller.account_id, id)

    row = await ctx.db.write(work)
    return http.json_response({"data": queries.subscription_to_wire(row)})


async def delete_subscription(request: Request) -> Response:
    """End a subscription; what was noted for it before is still sent."""
    caller = await auth.caller(request)
    await context.of(request).db.write(
        lambda tx: operations.delete_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
    )
    return Response(status_code=204)


async def broadcast_test(request: Request) -> Response:
    """Send an invented event to a subscription's receiver, now, and show what it answers."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        row = await queries.get_subscription(tx, caller.account_id, _to_id(request, message("subscription")))
        receiver = await queries.get_connection(tx, caller.account_id, row.connection_id)
    answer = await delivery.broadcast(context.of(request), receiver, row.event_type)
    result: dict[str, Any] = {"success": answer.is_success}
    if answer.status_code is not None:
        result["status_code"] = answer.status_code
    result["response_body"] = answer.body if answer.error is None else answer.error
    return http.json_response({"data": result})


async def resume_connection(request: Request) -> Response:
    """Try a paused receiver again; it hears what happened meanwhile."""
    ctx = context.of(request)
    caller = await auth.caller(request)

    async def resume(tx: Transaction) -> Response:
        stored = await queries.get_connection(tx, caller.account_id, _to_id(request, message("connection")))
        await operations.resume_by_hand(tx, stored, now=ctx.clock(), actor=caller.actor)
        row = await queries.get_connection(tx, caller.account_id, stored.id)
        return http.json_response({"data": queries.connection_to_wire(row)})

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(resume))


async def get_signing_key(request: Request) -> Response:
    """What a receiver's events are signed with, and what they will be while a rotation is under way."""
    caller = await auth.caller(request)
    row = await _get_connection(request, caller)
    secrets = keys.open_secrets(context.of(request).encryptor, row)
    return _answer_keys(keys.find_keys(secrets, row, context.of(request).clock()))


async def rotate_signing_key(request: Request) -> Response:
    """Make the key that takes over next: at `activate`, or after seven days."""
    return await _change_keys(request, keys.rotate)


async def activate_signing_key(request: Request) -> Response:
    """Sign with the next key from now on."""
    return await _change_keys(request, keys.activate)


async def _change_keys(request: Request, work: Callable[..., Awaitable[Keys]]) -> Response:
    ctx = context.of(request)
    caller = await auth.caller(request)

    async def change(tx: Transaction) -> Response:
        row = await queries.get_connection(tx, caller.account_id, _to_id(request, message("connection")))
        encryptor = context.of(request).encryptor
        return _answer_keys(await work(tx, encryptor, row, now=ctx.clock(), actor=caller.actor))

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(change))


async def list_deliveries(request: Request) -> Response:
    """What receivers were or will be told, newest first."""
    caller = await auth.caller(request)
    size = http.read_page_size(request, openapi.MAX_PAGE, openapi.DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    status = _read_choice(request, "status", schema.STATUSES)
    connection = request.query_params.get("connection_id") or None
    if connection is not None and http.parse_id(connection) == http.NO_ID:
        raise errors.Invalid(errors.ErrorItem("invalid", message("Input should be an id"), parameter="connection_id"))
    async with context.of(request).db.read() as tx:
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


async def get_delivery(request: Request) -> Response:
    """One delivery, with what was sent and the beginning of what was answered."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        row = await queries.get_delivery(tx, caller.account_id, _to_id(request, message("delivery")))
    return http.json_response({"data": queries.delivery_to_wire(row, whole=True)})


async def replay_delivery(request: Request) -> Response:
    """Send it again, under the same id, whatever became of it."""
    ctx = context.of(request)
    caller = await auth.caller(request)

    async def replay(tx: Transaction) -> Response:
        id = _to_id(request, message("delivery"))
        await operations.replay_deliveries(tx, caller.account_id, [id], now=ctx.clock())
        row = await queries.get_delivery(tx, caller.account_id, id)
        return http.json_response({"data": queries.delivery_to_wire(row)}, status=202)

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(replay))


async def _get_connection(request: Request, caller: Caller) -> queries.ConnectionRow:
    async with context.of(request).db.read() as tx:
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
    return http.to_id(request, errors.not_found(message("There is no such {what}.", what=what)))


def _require_valid(reading: Parsed[T]) -> T:
    if reading.flaws:
        faults = [
            errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws
        ]
        raise errors.Invalid(faults)
    return reading.value


def _refuse_private(request: Request, sent: dict[str, Any]) -> None:
    """An address inside a network is refused at once where it is written as such; a name when it is resolved."""
    refuse_private_url(request, sent.get("configuration", {}).get("url", ""), ("configuration", "url"))


def refuse_private_url(request: Request, url: str, path: errors.Path) -> None:
    """Raises Invalid at that place of the body where the URL's host is an address that is not to be reached."""
    if not context.of(request).sender.may_reach(addresses.find_address(url)):
        detail = message("The URL's address is private; see PACKHOUSE_WEBHOOKS_ALLOW_PRIVATE")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(path)))


def _read_choice(request: Request, name: str, choices: tuple[str, ...]) -> str | None:
    """An empty parameter counts as not sent."""
    sent = request.query_params.get(name) or None
    if sent is not None and sent not in choices:
        detail = message("Select a valid choice. {sent} is not one of the available choices.", sent=sent)
        raise errors.Invalid(errors.ErrorItem("invalid_choice", detail, title="Invalid Choice", parameter=name))
    return sent


ROUTES = [
    Route(
        "POST",
        "/api/v3/event-subscriptions/connections",
        create_connection,
        openapi.CREATE_CONNECTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "GET",
        "/api/v3/event-subscriptions/connections",
        list_connections,
        openapi.LIST_CONNECTIONS,
        tag="Webhooks",
        scope=READ,
    ),
    Route(
        "GET",
        "/api/v3/event-subscriptions/connections/{id}",
        get_connection,
        openapi.GET_CONNECTION,
        tag="Webhooks",
        scope=READ,
    ),
    Route(
        "PATCH",
        "/api/v3/event-subscriptions/connections/{id}",
        update_connection,
        openapi.UPDATE_CONNECTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "DELETE",
        "/api/v3/event-subscriptions/connections/{id}",
        delete_connection,
        openapi.DELETE_CONNECTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/v3/event-subscriptions/connections/{id}/authorization",
        start_authorization,
        openapi.AUTHORIZE,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/v3/event-subscriptions/subscriptions",
        create_subscription,
        openapi.CREATE_SUBSCRIPTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "GET",
        "/api/v3/event-subscriptions/subscriptions",
        list_subscriptions,
        openapi.LIST_SUBSCRIPTIONS,
        tag="Webhooks",
        scope=READ,
    ),
    Route(
        "GET",
        "/api/v3/event-subscriptions/subscriptions/{id}",
        get_subscription,
        openapi.GET_SUBSCRIPTION,
        tag="Webhooks",
        scope=READ,
    ),
    Route(
        "PATCH",
        "/api/v3/event-subscriptions/subscriptions/{id}",
        update_subscription,
        openapi.UPDATE_SUBSCRIPTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "DELETE",
        "/api/v3/event-subscriptions/subscriptions/{id}",
        delete_subscription,
        openapi.DELETE_SUBSCRIPTION,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/v3/event-subscriptions/broadcast/test/{id}",
        broadcast_test,
        openapi.BROADCAST,
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/packhouse/event-subscriptions/connections/{id}/resume",
        resume_connection,
        repeatable(openapi.RESUME),
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "GET",
        "/api/packhouse/event-subscriptions/connections/{id}/signing-key",
        get_signing_key,
        openapi.SIGNING_KEY,
        name="get_connection_signing_key",
        tag="Webhooks",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/packhouse/event-subscriptions/connections/{id}/signing-key",
        rotate_signing_key,
        repeatable(openapi.SIGNING_KEY),
        name="rotate_connection_signing_key",
        scope=WRITE,
        tag="Webhooks",
    ),
    Route(
        "POST",
        "/api/packhouse/event-subscriptions/connections/{id}/signing-key/activate",
        activate_signing_key,
        repeatable(openapi.SIGNING_KEY),
        name="activate_connection_signing_key",
        scope=WRITE,
        tag="Webhooks",
    ),
    Route("GET", "/api/packhouse/deliveries", list_deliveries, openapi.LIST_DELIVERIES, tag="Webhooks", scope=READ),
    Route("GET", "/api/packhouse/deliveries/{id}", get_delivery, openapi.GET_DELIVERY, tag="Webhooks", scope=READ),
    Route(
        "POST",
        "/api/packhouse/deliveries/{id}/replay",
        replay_delivery,
        repeatable(openapi.REPLAY),
        tag="Webhooks",
        scope=WRITE,
    ),
]
