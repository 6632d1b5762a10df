"""The shops of an account: themselves, their logs, their words for an order's status (contract, section 6)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.integrations import openapi, operations, queries, schema
from packhouse.integrations.queries import IntegrationRow
from packhouse.kit import clock, errors, http
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.encryption import Encryptor
from packhouse.kit.http import repeats, routing
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire.openapi import repeatable
from packhouse.webhooks import api as webhooks_api
from packhouse.webhooks import keys as webhook_keys
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks import queries as webhook_queries
from packhouse.webhooks.queries import ConnectionRow

READ, WRITE = "read:integration", "write:integration"


async def get_metadata(request: Request) -> Response:
    """Who is calling."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        integration_id = await queries.find_first(tx, caller.account_id)
    return http.json_response(
        {"data": {"user_id": caller.account_id, "integration_id": integration_id, "account_id": caller.account_id}}
    )


async def list_integrations(request: Request) -> Response:
    """The account's shops."""
    caller = await auth.caller(request)
    sort = ",".join(request.query_params.getlist("sort"))
    async with context.of(request).db.read() as tx:
        rows = await queries.list_integrations(tx, caller.account_id, sort)
    return http.json_response({"data": [queries.to_wire(row) for row in rows]})


async def create_integration(request: Request) -> Response:
    """Connect a shop."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        fields = schema.read_body(schema.NEW_INTEGRATION, body)
        if missing := schema.find_required(fields):
            raise errors.Invalid(missing)
        webhooks_api.refuse_private_url(request, fields.get("webhook_url") or "", ("webhook_url",))
        encryptor = context.of(request).encryptor
        id = await operations.create_integration(tx, caller.account_id, **fields, now=ctx.clock(), encryptor=encryptor)
        row = await queries.get_integration(tx, caller.account_id, id)
        return http.json_response({"data": queries.to_wire(row)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


async def get_signing_key(request: Request) -> Response:
    """What the events of a shop's own webhook are signed with, and will be while a rotation is under way."""
    caller = await auth.caller(request)
    return await context.of(request).db.write(lambda tx: _answer_keys(request, caller, tx, _keep))


async def rotate_signing_key(request: Request) -> Response:
    """Make the key that takes over next for a shop's own webhook: at `activate`, or after seven days."""
    return await _change_keys(request, webhook_keys.rotate)


async def activate_signing_key(request: Request) -> Response:
    """Sign a shop's own webhook with the next key from now on."""
    return await _change_keys(request, webhook_keys.activate)


_WorkOnKeys = Callable[..., Awaitable[webhook_keys.Keys]]


async def _keep(
    tx: Transaction,
    encryptor: Encryptor,
    row: ConnectionRow,
    *,
    now: datetime,
    actor: str,  # noqa: ARG001 - as the others
) -> webhook_keys.Keys:
    """Leave the keys as they are."""
    return await webhook_keys.keep(tx, encryptor, row, now=now)


async def _change_keys(request: Request, work: _WorkOnKeys) -> Response:
    caller = await auth.caller(request)
    return await repeats.answer_once(
        request, caller.account_id, None, lambda call: call.write(lambda tx: _answer_keys(request, caller, tx, work))
    )


async def _answer_keys(request: Request, caller: Caller, tx: Transaction, work: _WorkOnKeys) -> Response:
    ctx = context.of(request)
    now = ctx.clock()
    shop = await queries.get_integration(tx, caller.account_id, _to_id(request), lock=True)
    row = await webhooks.keep_of_integration(tx, caller.account_id, shop.id, now=now)
    live = await work(tx, context.of(request).encryptor, row, now=now, actor=caller.actor)
    wire = {
        "signing_key": live.current,
        "next_signing_key": live.next,
        "switches_at": live.switches_at and clock.to_wire(live.switches_at),
    }
    return http.json_response({"data": wire})


async def get_webhook(request: Request) -> Response:
    """How the receiver of a shop's own webhook fares."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        shop = await queries.get_integration(tx, caller.account_id, _to_id(request))
        return http.json_response({"data": await _to_webhook(tx, shop)})


async def resume_webhook(request: Request) -> Response:
    """Try a shop's own webhook again that was paused; it hears what happened meanwhile."""
    ctx = context.of(request)
    caller = await auth.caller(request)

    async def resume(tx: Transaction) -> Response:
        shop = await queries.get_integration(tx, caller.account_id, _to_id(request), lock=True)
        row = await webhooks.keep_of_integration(tx, caller.account_id, shop.id, now=ctx.clock())
        await webhooks.resume_by_hand(tx, row, now=ctx.clock(), actor=caller.actor)
        return http.json_response({"data": await _to_webhook(tx, shop)})

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(resume))


async def _to_webhook(tx: Reader, shop: IntegrationRow) -> dict[str, Any]:
    row = await webhook_queries.find_of_integration(tx, shop.account_id, shop.id)
    known = {} if row is None else webhook_queries.connection_to_wire(row)
    return {
        "connection_id": row and row.id,
        "webhook_url": shop.webhook_url,
        "webhook_active": shop.webhook_active,
        "failing_since": known.get("failing_since"),
        "paused_at": known.get("paused_at"),
        "slow_since": known.get("slow_since"),
        "held": 0 if row is None else await webhook_queries.count_held(tx, shop.account_id, row.id),
    }


async def list_all_logs(request: Request) -> Response:
    """What went wrong with any shop, newest first."""
    caller = await auth.caller(request)
    return await _answer_logs(request, caller.account_id, None)


async def get_integration(request: Request) -> Response:
    """One shop."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        row = await queries.get_integration(tx, caller.account_id, _to_id(request))
    return http.json_response({"data": queries.to_wire(row)})


async def patch_integration(request: Request) -> Response:
    """Change what is sent of a shop."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    id = _to_id(request)
    fields = schema.read_body(schema.INTEGRATION, await http.read_body(request))
    webhooks_api.refuse_private_url(request, fields.get("webhook_url") or "", ("webhook_url",))
    await ctx.db.write(lambda tx: operations.update_integration(tx, caller.account_id, id, fields, now=ctx.clock()))
    return Response(status_code=204)


async def delete_integration(request: Request) -> Response:
    """Disconnect a shop: its orders stay readable, new ones are refused."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    await ctx.db.write(
        lambda tx: operations.delete_integration(tx, caller.account_id, _to_id(request), now=ctx.clock())
    )
    return Response(status_code=204)


async def list_logs(request: Request) -> Response:
    """What went wrong with one shop, newest first."""
    caller = await auth.caller(request)
    return await _answer_logs(request, caller.account_id, _to_id(request))


async def create_log(request: Request) -> Response:
    """Tell what went wrong with a shop."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    id = _to_id(request)
    entry = schema.read_body(schema.NEW_LOG, await http.read_body(request), closed=True)

    async def work(tx: Transaction) -> dict[str, Any]:
        await queries.get_integration(tx, caller.account_id, id)
        return await operations.append_log(tx, caller.account_id, id, entry, now=ctx.clock(), protected=False)

    made = await ctx.db.write(work)
    return http.json_response({"data": made}, status=201)


async def list_statuses(request: Request) -> Response:
    """The words of a shop for an order's status."""
    caller = await auth.caller(request)
    asked = schema.read_status_request(dict(request.query_params))
    async with context.of(request).db.read() as tx:
        await _require_named(tx, caller.account_id, asked.integration_id)
        rows = await queries.list_statuses(tx, caller.account_id, asked.integration_id, show_deleted=asked.show_deleted)
    return http.json_response({"data": [queries.to_status(row, asked.language) for row in rows]})


async def replace_statuses(request: Request) -> Response:
    """Say which statuses a shop has; those that are not named are deleted."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    sent = schema.read_body(schema.NEW_STATUSES, await http.read_body(request))

    async def work(tx: Transaction) -> None:
        await _require_sent(tx, caller.account_id, sent["integration_id"])
        await operations.replace_statuses(
            tx, caller.account_id, sent["integration_id"], sent["statuses"], now=ctx.clock()
        )

    await ctx.db.write(work)
    return http.json_response(None)


async def get_mapping(request: Request) -> Response:
    """Which of a shop's statuses stand for the four of ours."""
    caller = await auth.caller(request)
    given = {"integration_id": request.query_params.get("integration_id", "")}
    asked = schema.read_status_request(given)
    async with context.of(request).db.read() as tx:
        row = await _require_named(tx, caller.account_id, asked.integration_id)
        mapping = await queries.find_mapping(tx, caller.account_id, row)
    return http.json_response({"data": {"integration_id": row.id, "mapping": mapping}})


async def replace_mapping(request: Request) -> Response:
    """Say which of a shop's statuses stand for the four of ours."""
    caller = await auth.caller(request)
    sent = schema.read_body(schema.NEW_MAPPING, await http.read_body(request))

    async def work(tx: Transaction) -> None:
        row = await _require_sent(tx, caller.account_id, sent["integration_id"])
        await operations.replace_mapping(tx, caller.account_id, row, sent["mapping"])

    await context.of(request).db.write(work)
    return http.json_response(None)


async def _answer_logs(request: Request, account_id: int, integration_id: int | None) -> Response:
    size = http.read_page_size(request, schema.MAX_LOG_PAGE, schema.DEFAULT_LOG_PAGE)
    cursor = schema.read_log_cursor(http.read_cursor(request))
    async with context.of(request).db.read() as tx:
        if integration_id is not None:
            await queries.get_integration(tx, account_id, integration_id)
        page = await queries.list_logs(tx, account_id, integration_id, cursor, size)
    headers = http.to_links(request, prev=page.previous, next=page.next)
    return http.json_response({"data": [queries.to_log(row) for row in page.rows]}, headers=headers)


async def _require_named(tx: Reader, account_id: int, id: int) -> IntegrationRow:
    """The integration of a query string. Raises Invalid."""
    row = await queries.find_integration(tx, account_id, id)
    if row is None:
        detail = message("Select a valid choice. {id} is not one of the available choices.", id=id)
        fault = errors.ErrorItem("invalid_choice", detail, title="Invalid Choice", parameter="integration_id")
        raise errors.Invalid(fault)
    return row


async def _require_sent(tx: Reader, account_id: int, id: int) -> IntegrationRow:
    """The integration of a body, locked. Raises Invalid."""
    row = await queries.find_integration(tx, account_id, id, lock=True)
    if row is None:
        pointer = errors.to_pointer(("integration_id",))
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("Integration with id {id} does not exist", id=id), pointer=pointer)
        )
    return row


def _to_id(request: Request) -> int:
    return http.to_id(request, queries.no_such_integration(request.path_params["id"]))


ROUTES = [
    Route("GET", "/api/v3/user/auth/metadata", get_metadata, openapi.METADATA, tag="Account", scope=routing.ANY_SCOPE),
    Route("GET", "/api/v3/integrations", list_integrations, openapi.LIST, tag="Integrations", scope=READ),
    Route(
        "POST",
        "/api/packhouse/integrations",
        create_integration,
        repeatable(openapi.CREATE),
        tag="Integrations",
        scope=WRITE,
    ),
    Route(
        "GET",
        "/api/packhouse/integrations/{id}/signing-key",
        get_signing_key,
        openapi.SIGNING_KEY,
        tag="Integrations",
        scope=WRITE,
    ),
    Route(
        "POST",
        "/api/packhouse/integrations/{id}/signing-key",
        rotate_signing_key,
        repeatable(openapi.SIGNING_KEY),
        scope=WRITE,
        tag="Integrations",
    ),
    Route(
        "POST",
        "/api/packhouse/integrations/{id}/signing-key/activate",
        activate_signing_key,
        repeatable(openapi.SIGNING_KEY),
        scope=WRITE,
        tag="Integrations",
    ),
    Route(
        "GET", "/api/packhouse/integrations/{id}/webhook", get_webhook, openapi.WEBHOOK, tag="Integrations", scope=READ
    ),
    Route(
        "POST",
        "/api/packhouse/integrations/{id}/webhook/resume",
        resume_webhook,
        repeatable(openapi.WEBHOOK),
        tag="Integrations",
        scope=WRITE,
    ),
    Route("GET", "/api/v3/integrations/logs", list_all_logs, openapi.LOGS, tag="Integrations", scope=READ),
    Route("GET", "/api/v3/integrations/{id}", get_integration, openapi.GET, tag="Integrations", scope=READ),
    Route("PATCH", "/api/v3/integrations/{id}", patch_integration, openapi.PATCH, scope=WRITE, tag="Integrations"),
    Route("DELETE", "/api/v3/integrations/{id}", delete_integration, openapi.DELETE, scope=WRITE, tag="Integrations"),
    Route("GET", "/api/v3/integrations/{id}/logs", list_logs, openapi.LOGS_OF_ONE, tag="Integrations", scope=READ),
    Route("POST", "/api/v3/integrations/{id}/logs", create_log, openapi.CREATE_LOG, scope=WRITE, tag="Integrations"),
    Route("GET", "/api/v3/shop-order-statuses", list_statuses, openapi.STATUSES, tag="Integrations", scope=READ),
    Route(
        "POST",
        "/api/v3/shop-order-statuses",
        replace_statuses,
        openapi.REPLACE_STATUSES,
        tag="Integrations",
        scope=WRITE,
    ),
    Route("GET", "/api/v3/shop-order-statuses/mapping", get_mapping, openapi.MAPPING, tag="Integrations", scope=READ),
    Route(
        "POST",
        "/api/v3/shop-order-statuses/mapping",
        replace_mapping,
        openapi.REPLACE_MAPPING,
        tag="Integrations",
        scope=WRITE,
    ),
]
