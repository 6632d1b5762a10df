"""The shops of an account: themselves, their logs, their words for an order's status (contract, section 6)."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.integrations import openapi, operations, queries, schema
from packhouse.kit import clock, errors, http, repeats
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.kit.openapi import repeatable
from packhouse.kit.vault import Vault
from packhouse.webhooks import api as webhooks_api
from packhouse.webhooks import keys as webhook_keys
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks import queries as webhook_queries

router = APIRouter(prefix="/api/v3", default_response_class=Response)
extensions = APIRouter(prefix="/api/packhouse", tags=["Integrations"], default_response_class=Response)

READ, WRITE = "read:integration", "write:integration"

_ID = re.compile(r"0*[1-9][0-9]{0,17}")


@router.get("/user/auth/metadata", tags=["Account"], openapi_extra=openapi.METADATA)
async def get_metadata(request: Request) -> Response:
    """Who is calling."""
    caller = await auth.caller(request)
    async with http.house(request).db.read() as tx:
        integration_id = await queries.find_first(tx, caller.account_id)
    return http.json_response({"data": {"integration_id": integration_id, "account_id": caller.account_id}})


@router.get("/integrations", tags=["Integrations"], openapi_extra=openapi.LIST)
async def list_integrations(request: Request) -> Response:
    """The account's shops."""
    caller = await auth.caller(request, scope=READ)
    sort = ",".join(request.query_params.getlist("sort"))
    async with http.house(request).db.read() as tx:
        rows = await queries.list_integrations(tx, caller.account_id, sort)
    return http.json_response({"data": [queries.to_wire(row) for row in rows]})


@extensions.post("/integrations", status_code=201, openapi_extra=repeatable(openapi.CREATE))
async def create_integration(request: Request) -> Response:
    """Connect a shop."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        fields = schema.read_body(schema.NEW_INTEGRATION, body)
        if missing := schema.find_required(fields):
            raise errors.Invalid(missing)
        webhooks_api.refuse_private_url(request, fields.get("webhook_url") or "", ("webhook_url",))
        vault = webhooks_api.messenger(request).vault
        id = await operations.create_integration(
            house.db, tx, caller.account_id, **fields, now=house.clock(), vault=vault
        )
        row = await queries.get_integration(tx, caller.account_id, id)
        return http.json_response({"data": queries.to_wire(row)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


@extensions.get("/integrations/{id}/signing-key", openapi_extra=openapi.SIGNING_KEY)
async def get_signing_key(request: Request) -> Response:
    """What the events of a shop's own webhook are signed with, and will be while a rotation is under way."""
    caller = await auth.caller(request, scope=WRITE)
    async with http.house(request).db.write() as tx:
        return await _answer_keys(
            request, caller, tx, lambda tx, vault, row, now, _actor: webhook_keys.keep(tx, vault, row, now=now)
        )


@extensions.post("/integrations/{id}/signing-key", openapi_extra=repeatable(openapi.SIGNING_KEY))
async def rotate_signing_key(request: Request) -> Response:
    """Make the key that takes over next for a shop's own webhook: at `activate`, or after seven days."""
    db = http.house(request).db
    return await _change_keys(
        request, lambda tx, vault, row, now, actor: webhook_keys.rotate(db, tx, vault, row, now=now, actor=actor)
    )


@extensions.post("/integrations/{id}/signing-key/activate", openapi_extra=repeatable(openapi.SIGNING_KEY))
async def activate_signing_key(request: Request) -> Response:
    """Sign a shop's own webhook with the next key from now on."""
    db = http.house(request).db
    return await _change_keys(
        request, lambda tx, vault, row, now, actor: webhook_keys.activate(db, tx, vault, row, now=now, actor=actor)
    )


_WorkOnKeys = Callable[[Transaction, Vault, Any, datetime, str], Awaitable[webhook_keys.Keys]]


async def _change_keys(request: Request, work: _WorkOnKeys) -> Response:
    caller = await auth.caller(request, scope=WRITE)
    return await repeats.answer_once(
        request, caller.account_id, None, lambda call: call.write(lambda tx: _answer_keys(request, caller, tx, work))
    )


async def _answer_keys(request: Request, caller: Caller, tx: Transaction, work: _WorkOnKeys) -> Response:
    house = http.house(request)
    now = house.clock()
    shop = await queries.get_integration(tx, caller.account_id, _to_id(request), lock=True)
    row = await webhooks.keep_of_integration(house.db, tx, caller.account_id, shop.id, now=now)
    live = await work(tx, webhooks_api.messenger(request).vault, row, now, caller.actor)
    wire = {
        "signing_key": live.current,
        "next_signing_key": live.next,
        "switches_at": live.switches_at and clock.to_wire(live.switches_at),
    }
    return http.json_response({"data": wire})


@extensions.get("/integrations/{id}/webhook", openapi_extra=openapi.WEBHOOK)
async def get_webhook(request: Request) -> Response:
    """How the receiver of a shop's own webhook fares."""
    caller = await auth.caller(request, scope=READ)
    async with http.house(request).db.read() as tx:
        shop = await queries.get_integration(tx, caller.account_id, _to_id(request))
        return http.json_response({"data": await _to_webhook(tx, shop)})


@extensions.post("/integrations/{id}/webhook/resume", openapi_extra=repeatable(openapi.WEBHOOK))
async def resume_webhook(request: Request) -> Response:
    """Try a shop's own webhook again that was paused; it hears what happened meanwhile."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)

    async def resume(tx: Transaction) -> Response:
        shop = await queries.get_integration(tx, caller.account_id, _to_id(request), lock=True)
        row = await webhooks.keep_of_integration(house.db, tx, caller.account_id, shop.id, now=house.clock())
        await webhooks.resume_by_hand(house.db, tx, row, now=house.clock(), actor=caller.actor)
        return http.json_response({"data": await _to_webhook(tx, shop)})

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(resume))


async def _to_webhook(tx: Transaction, shop: Any) -> dict[str, Any]:
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


@router.get("/integrations/logs", tags=["Integrations"], openapi_extra=openapi.LOGS)
async def list_all_logs(request: Request) -> Response:
    """What went wrong with any shop, newest first."""
    caller = await auth.caller(request, scope=READ)
    return await _answer_logs(request, caller.account_id, None)


@router.get("/integrations/{id}", tags=["Integrations"], openapi_extra=openapi.GET)
async def get_integration(request: Request) -> Response:
    """One shop."""
    caller = await auth.caller(request, scope=READ)
    async with http.house(request).db.read() as tx:
        row = await queries.get_integration(tx, caller.account_id, _to_id(request))
    return http.json_response({"data": queries.to_wire(row)})


@router.patch("/integrations/{id}", status_code=204, tags=["Integrations"], openapi_extra=openapi.PATCH)
async def patch_integration(request: Request) -> Response:
    """Change what is sent of a shop."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    id = _to_id(request)
    fields = schema.read_body(schema.INTEGRATION, await http.read_body(request))
    webhooks_api.refuse_private_url(request, fields.get("webhook_url") or "", ("webhook_url",))
    async with house.db.write() as tx:
        await operations.update_integration(house.db, tx, caller.account_id, id, fields, now=house.clock())
    return Response(status_code=204)


@router.delete("/integrations/{id}", status_code=204, tags=["Integrations"], openapi_extra=openapi.DELETE)
async def delete_integration(request: Request) -> Response:
    """Disconnect a shop: its orders stay readable, new ones are refused."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    async with house.db.write() as tx:
        await operations.delete_integration(house.db, tx, caller.account_id, _to_id(request), now=house.clock())
    return Response(status_code=204)


@router.get("/integrations/{id}/logs", tags=["Integrations"], openapi_extra=openapi.LOGS_OF_ONE)
async def list_logs(request: Request) -> Response:
    """What went wrong with one shop, newest first."""
    caller = await auth.caller(request, scope=READ)
    return await _answer_logs(request, caller.account_id, _to_id(request))


@router.post("/integrations/{id}/logs", status_code=201, tags=["Integrations"], openapi_extra=openapi.CREATE_LOG)
async def create_log(request: Request) -> Response:
    """Tell what went wrong with a shop."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    id = _to_id(request)
    entry = schema.read_body(schema.NEW_LOG, await http.read_body(request), closed=True)
    async with house.db.write() as tx:
        await queries.get_integration(tx, caller.account_id, id)
        made = await operations.append_log(
            house.db, tx, caller.account_id, id, entry, now=house.clock(), protected=False
        )
    return http.json_response({"data": made}, status=201)


@router.get("/shop-order-statuses", tags=["Integrations"], openapi_extra=openapi.STATUSES)
async def list_statuses(request: Request) -> Response:
    """The words of a shop for an order's status."""
    caller = await auth.caller(request, scope=READ)
    asked = schema.read_status_request(dict(request.query_params))
    async with http.house(request).db.read() as tx:
        await _require_named(tx, caller.account_id, asked.integration_id)
        rows = await queries.list_statuses(tx, caller.account_id, asked.integration_id, show_deleted=asked.show_deleted)
    return http.json_response({"data": [queries.to_status(row, asked.language) for row in rows]})


@router.post("/shop-order-statuses", tags=["Integrations"], openapi_extra=openapi.REPLACE_STATUSES)
async def replace_statuses(request: Request) -> Response:
    """Say which statuses a shop has; those that are not named are deleted."""
    house = http.house(request)
    caller = await auth.caller(request, scope=WRITE)
    sent = schema.read_body(schema.NEW_STATUSES, await http.read_body(request))
    async with house.db.write() as tx:
        await _require_sent(tx, caller.account_id, sent["integration_id"])
        await operations.replace_statuses(
            tx, caller.account_id, sent["integration_id"], sent["statuses"], now=house.clock()
        )
    return http.json_response(None)


@router.get("/shop-order-statuses/mapping", tags=["Integrations"], openapi_extra=openapi.MAPPING)
async def get_mapping(request: Request) -> Response:
    """Which of a shop's statuses stand for the four of ours."""
    caller = await auth.caller(request, scope=READ)
    given = {"integration_id": request.query_params.get("integration_id", "")}
    asked = schema.read_status_request(given)
    async with http.house(request).db.read() as tx:
        row = await _require_named(tx, caller.account_id, asked.integration_id)
        mapping = await queries.find_mapping(tx, caller.account_id, row)
    return http.json_response({"data": {"integration_id": row.id, "mapping": mapping}})


@router.post("/shop-order-statuses/mapping", tags=["Integrations"], openapi_extra=openapi.REPLACE_MAPPING)
async def replace_mapping(request: Request) -> Response:
    """Say which of a shop's statuses stand for the four of ours."""
    caller = await auth.caller(request, scope=WRITE)
    sent = schema.read_body(schema.NEW_MAPPING, await http.read_body(request))
    async with http.house(request).db.write() as tx:
        row = await _require_sent(tx, caller.account_id, sent["integration_id"])
        await operations.replace_mapping(tx, caller.account_id, row, sent["mapping"])
    return http.json_response(None)


async def _answer_logs(request: Request, account_id: int, integration_id: int | None) -> Response:
    size = http.read_page_size(request, schema.MAX_LOG_PAGE, schema.DEFAULT_LOG_PAGE)
    cursor = schema.read_log_cursor(http.read_cursor(request))
    async with http.house(request).db.read() as tx:
        if integration_id is not None:
            await queries.get_integration(tx, account_id, integration_id)
        page = await queries.list_logs(tx, account_id, integration_id, cursor, size)
    headers = http.to_links(request, prev=page.previous, next=page.next)
    return http.json_response({"data": [queries.to_log(row) for row in page.rows]}, headers=headers)


async def _require_named(tx: Transaction, account_id: int, id: int) -> Any:
    """The integration of a query string. Raises Invalid."""
    row = await queries.find_integration(tx, account_id, id)
    if row is None:
        detail = message("Select a valid choice. {id} is not one of the available choices.", id=id)
        fault = errors.Fault("invalid_choice", detail, title="Invalid Choice", parameter="integration_id")
        raise errors.Invalid(fault)
    return row


async def _require_sent(tx: Transaction, account_id: int, id: int) -> Any:
    """The integration of a body, locked. Raises Invalid."""
    row = await queries.find_integration(tx, account_id, id, lock=True)
    if row is None:
        pointer = errors.to_pointer(("integration_id",))
        raise errors.Invalid(
            errors.Fault("invalid", message("Integration with id {id} does not exist", id=id), pointer=pointer)
        )
    return row


def _to_id(request: Request) -> int:
    text = request.path_params["id"]
    if not _ID.fullmatch(text):
        raise errors.NotFound(queries.no_such_integration(text))
    return int(text)
