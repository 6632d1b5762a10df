"""Returns on the wire (docs/returns.md).

The synchronous call answers when the carrier does. A refusal by the carrier is answered 400. If the carrier cannot be
reached, the worker tries again, so that a repeat never makes a second label.
"""

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.carriers import Unreachable
from packhouse.kit import errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.shipping import announce, queries
from packhouse.shipping import api as shipping
from packhouse.shipping import wire as shipping_wire
from packhouse.shipping.operations import FAILED
from packhouse.shipping.returns import openapi, operations, schema, wire
from packhouse.shipping.returns import queries as returns
from packhouse.shipping.returns.schema import Made
from packhouse.shipping.schema import RETURN
from packhouse.shipping.setup import setup

SCOPE = shipping.SCOPE


async def create_return(request: Request) -> Response:
    """Make a return; its label is made afterwards."""
    return await _make(request, is_sync=False)


async def announce_return(request: Request) -> Response:
    """Make a return and wait for its label."""
    return await _make(request, is_sync=True)


async def _make(request: Request, *, is_sync: bool) -> Response:
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(call: repeats.Call) -> Response:
        made = Made(**await call.write(partial(_ship, request, caller, _read(request, body), is_sync)))
        if is_sync:
            await _announce(request, caller, made)
        return http.json_response(made.to_wire(), status=201)

    return await repeats.answer_once(request, caller.account_id, body, work)


def _read(request: Request, body: bytes) -> dict[str, Any]:
    unknown_ids = http.find_unknown_partners(request)
    try:
        sent = schema.read_return(body)
    except errors.Invalid as refusal:
        raise errors.Invalid([*unknown_ids, *refusal.faults]) from None
    if unknown_ids:
        raise errors.Invalid(unknown_ids)
    return sent


async def _ship(
    request: Request, caller: Caller, sent: dict[str, Any], is_sync: bool, tx: Transaction
) -> dict[str, Any]:
    ctx = context.of(request)
    now = ctx.clock()
    due_at = now + announce.GRACE if is_sync else None
    return (await operations.ship_return(tx, caller, sent, ctx.options, now=now, due_at=due_at))._asdict()


async def _announce(request: Request, caller: Caller, made: Made) -> None:
    """Raises Invalid if the carrier refuses."""
    ctx = context.of(request)
    try:
        found = await announce.announce(ctx, caller.account_id, made.id)
    except (Unreachable, errors.Unavailable):
        return
    if found.row.state == FAILED:
        raise errors.Invalid(shipping_wire.from_errors(found.row.errors))


async def validate_return(request: Request) -> Response:
    """Say how a return would be understood, or what is wrong with it; nothing is made."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    sent = _read(request, await http.read_body(request))
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        draft = await operations.draft_return(tx, caller.account_id, found, sent, ctx.options, now=ctx.clock())
    return http.json_response(wire.to_understood(sent, draft.document))


async def list_returns(request: Request) -> Response:
    """A page of the returns that were made between two dates, newest first."""
    caller = await auth.caller(request)
    asked = schema.read_list_request(request.query_params)
    cursor = pagination.decode(asked.cursor)
    filters = {**asked.filters, "kinds": [RETURN]}
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        page = await queries.list_shipments(tx, caller.account_id, filters, cursor, asked.page_size)
        first = [found.parcels[0].id for found in page.rows]
        happened = await queries.list_events(tx, caller.account_id, first) if first else {}
    base_url, now = http.base_url(request), ctx.clock()
    data = [wire.to_return(found, happened.get(found.parcels[0].id, ()), base_url, now) for found in page.rows]
    links = {
        "next": _to_url(request, page.next),
        "previous": _to_url(request, page.previous),
    }
    return http.json_response({**links, "data": data}, headers=http.page_links(request, page))


def _to_url(request: Request, cursor: pagination.Cursor | None) -> str | None:
    if cursor is None:
        return None
    [link] = http.to_links(request, prev=None, next=cursor.encode()).values()
    return link.partition(">")[0].removeprefix("<")


async def get_return(request: Request) -> Response:
    """One return and what has happened to it."""
    caller = await auth.caller(request)
    id = http.to_id(request, returns.no_such_return())
    ctx = context.of(request)
    async with ctx.db.read() as tx:
        found = await returns.get_return(tx, caller.account_id, id)
        happened = await queries.list_events(tx, caller.account_id, [found.parcels[0].id])
    events = happened.get(found.parcels[0].id, ())
    return http.json_response(wire.to_return(found, events, http.base_url(request), ctx.clock()))


async def cancel_return(request: Request) -> Response:
    """Cancel a return, at once or as soon as its carrier answers."""
    caller = await auth.caller(request)
    id = http.to_id(request, returns.no_such_return())
    async with context.of(request).db.read() as tx:
        found = await returns.get_return(tx, caller.account_id, id)
    try:
        await shipping.cancel(request, caller, found.row.uuid)
    except errors.Conflict as refusal:
        return http.json_response({"errors": [_to_conflict(fault) for fault in refusal.faults]}, status=409)
    return http.json_response({"message": message("The return is being cancelled.")}, status=202)


def _to_conflict(fault: errors.ErrorItem) -> dict[str, Any]:
    """Write an error in the form that is published for this call, and in the form of all errors."""
    return {**fault.to_wire(409), "field": "non_field_errors", "code": 409, "message": fault.detail}


_URL = "/api/v3/returns"
_route = partial(Route, tag="Returns", scope=SCOPE)
ROUTES = [
    _route("POST", _URL, create_return, openapi.CREATE),
    _route("GET", _URL, list_returns, openapi.LIST),
    _route("POST", f"{_URL}/validate", validate_return, openapi.VALIDATE),
    _route("POST", f"{_URL}/announce-synchronously", announce_return, openapi.CREATE),
    _route("GET", f"{_URL}/{{id}}", get_return, openapi.GET),
    _route("PATCH", f"{_URL}/{{id}}/cancel", cancel_return, openapi.CANCEL),
]
