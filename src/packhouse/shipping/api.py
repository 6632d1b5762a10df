"""Label calls and shipments on the wire (contract, section 5)."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
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
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping import (
    announce,
    draft,
    openapi,
    operations,
    printing,
    queries,
    schema,
    staleness,
    statuses,
    wire,
)
from packhouse.shipping.operations import Shipped
from packhouse.shipping.queries import Shipment

SCOPE = "write:parcel"


async def create_label_sync(request: Request) -> Response:
    """Ship one order and wait for its label."""
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(call: repeats.Call) -> Response:
        asked = _read_call(request, body, schema.read_sync)
        made = _Made(**await call.write(partial(_ship_one, request, caller, asked)))
        found = await _announce(request, caller, made)
        return await _to_label(request, made, found, asked.label)

    return await repeats.answer_once(request, caller.account_id, body, work)


@dataclass(frozen=True)
class _Made:
    """A shipment that a sync call has made, before its carrier is asked: all that a repeat needs to go on."""

    id: int
    uuid: str
    parcel_ids: Sequence[int]
    wire: dict[str, Any]
    meta: dict[str, Any]


async def _ship_one(request: Request, caller: Caller, asked: schema.LabelCall, tx: Transaction) -> dict[str, Any]:
    """What `_Made` is made of."""
    ctx, options = context.of(request), context.of(request).options
    now = ctx.clock()
    due_at = now + announce.GRACE
    shipped = await operations.ship_orders(tx, caller, asked, options, now=now, due_at=due_at)
    if shipped.faults:
        raise shipped.faults[0]
    [draft] = shipped.drafts
    meta = _find_meta(shipped, asked)
    return asdict(_Made(draft.id, draft.uuid, list(draft.parcel_ids), draft.to_wire(), meta))


async def create_labels_async(request: Request) -> Response:
    """Ship up to 20 orders; the labels are made afterwards. Each order succeeds or fails by itself."""
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(call: repeats.Call) -> Response:
        return await call.write(partial(_ship_several, request, caller, _read_call(request, body, schema.read_async)))

    return await repeats.answer_once(request, caller.account_id, body, work)


async def _ship_several(request: Request, caller: Caller, asked: schema.LabelCall, tx: Transaction) -> Response:
    ctx = context.of(request)
    shipped = await operations.ship_orders(tx, caller, asked, context.of(request).options, now=ctx.clock())
    answer: dict[str, Any] = {
        "data": [{**draft.to_wire(), "parcels_ids": list(draft.parcel_ids)} for draft in shipped.drafts]
    }
    if shipped.faults:
        answer["errors"] = [wire for index, fault in shipped.faults.items() for wire in _to_errors(fault, index)]
    return http.json_response({**answer, **_find_meta(shipped, asked)}, status=202)


def _to_errors(refusal: errors.ApiError, index: int) -> list[dict[str, Any]]:
    place = {"source": {"pointer": schema.to_pointer(("orders", index))}}
    return [{**fault.to_wire(refusal.status), **place} for fault in refusal.faults]


def _read_call(request: Request, body: bytes, read: Callable[[bytes], schema.LabelCall]) -> schema.LabelCall:
    unknown_ids = http.find_unknown_partners(request)
    try:
        call = read(body)
    except errors.Invalid as refusal:
        raise errors.Invalid([*unknown_ids, *refusal.faults]) from None
    if unknown_ids:
        raise errors.Invalid(unknown_ids)
    return call


def _find_meta(shipped: Shipped, call: schema.LabelCall) -> dict[str, Any]:
    detail = message("This key is unknown and was not read.")
    unknown = [draft.Notice("unknown_field", detail, schema.to_pointer(path)) for path in call.unknown]
    found = [notice.to_wire() for notice in (*unknown, *shipped.warnings)]
    return {"meta": {"warnings": found}} if found else {}


async def _announce(request: Request, caller: Caller, made: _Made) -> Shipment:
    """Raises Invalid if there is no label now; the shipment tells whether there will be one."""
    try:
        return await announce.announce(context.of(request), caller.account_id, made.id)
    except (Unreachable, errors.Unavailable):
        detail = message(
            "The carrier did not answer. The shipment is kept and will be announced as soon as the carrier "
            "does: see shipment {uuid}.",
            uuid=made.uuid,
        )
        fault = errors.ErrorItem("parcel_announcement_error", detail, title="Carrier unreachable", pointer=errors.ROOT)
        raise errors.Invalid(fault) from None


async def _to_label(request: Request, made: _Made, found: Shipment, label: schema.Label) -> Response:
    """Raises Invalid if the announcement has failed."""
    if found.row.state == operations.FAILED:
        raise errors.Invalid(wire.from_errors(found.row.errors))
    if found.row.state != operations.READY:
        detail = message("The shipment {uuid} was cancelled while its label was made.", uuid=made.uuid)
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    shown = wire.to_shipment(found, http.base_url(request))
    [parcel] = shown["parcels"]
    answer = {**made.wire, **{key: parcel[key] for key in ("documents", "tracking_number")}}
    if parcel["tracking_url"] is not None:  # a text here, where a shipment may say null
        answer["tracking_url"] = parcel["tracking_url"]
    ctx, account_id = context.of(request), found.row.account_id
    async with ctx.db.read() as tx:
        contents = await queries.find_contents(tx, account_id, made.parcel_ids, ["label"])
    if contents:
        content = await announce.read_content(ctx, account_id, contents[0])
        file = base64.b64encode(await printing.render(content, contents[0].mime_type, label)).decode()
        answer["label_details"] = {"file": file, "mime_type": label.mime_type, "dpi": label.dpi}
        answer["label"] = answer["label_details"]
    return http.json_response({"data": answer, **made.meta}, status=201)


async def list_shipments(request: Request) -> Response:
    """A page of the account's shipments, newest first; returns have a list of their own."""
    caller = await auth.caller(request)
    asked = schema.read_list_request(request.query_params.multi_items())
    cursor = pagination.decode(asked.cursor)
    async with context.of(request).db.read() as tx:
        filters = {**asked.filters, "kinds": [schema.OUTGOING]}
        page = await queries.list_shipments(tx, caller.account_id, filters, cursor, asked.page_size)
    base_url = http.base_url(request)
    data = [wire.to_shipment(found, base_url) for found in page.rows]
    return http.json_response({"data": data}, headers=http.page_links(request, page))


async def get_shipment(request: Request) -> Response:
    """One shipment, its parcels and their documents."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        found = await queries.get_shipment(tx, caller.account_id, _to_uuid(request))
    return http.json_response(_to_shown(request, found))


def _to_shown(request: Request, found: Shipment) -> dict[str, Any]:
    answer: dict[str, Any] = {"data": wire.to_shipment(found, http.base_url(request))}
    if stale := wire.find_stale(found.row):
        answer["meta"] = {"warnings": stale}
    return answer


async def confirm_shipment(request: Request) -> Response:
    """Say that a shipment is right for its order, as that is now: it is no longer stale."""
    caller = await auth.caller(request)
    ctx = context.of(request)

    async def confirm(tx: Transaction) -> Response:
        found = await staleness.confirm(tx, caller.account_id, _to_uuid(request), now=ctx.clock())
        return http.json_response(_to_shown(request, found))

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(confirm))


async def cancel_shipment(request: Request) -> Response:
    """Cancel a shipment, at once or as soon as its carrier answers."""
    return await cancel(request, await auth.caller(request), _to_uuid(request))


async def cancel(request: Request, caller: Caller, uuid: str) -> Response:
    """Cancel the shipment of that uuid. Raises NotFound, Conflict."""

    async def request_it(tx: Transaction) -> dict[str, Any]:
        ctx = context.of(request)
        now = ctx.clock()
        found = await operations.request_cancellation(tx, caller.account_id, uuid, now=now, due_at=now + announce.GRACE)
        return {"id": found.row.id, "state": found.row.state}

    async def work(call: repeats.Call) -> Response:
        asked = await call.write(request_it)
        return await _cancel(request, caller, asked["id"], asked["state"])

    return await repeats.answer_once(request, caller.account_id, None, work)


async def _cancel(request: Request, caller: Caller, id: int, state: str) -> Response:
    """`state` is the state before the request. Raises Conflict if the carrier refuses."""
    if state == operations.ANNOUNCING:
        return _to_cancellation(202, "queued", "The shipment will be cancelled when its announcement has ended.")
    if state == operations.READY:
        try:
            faults = await announce.cancel(context.of(request), caller.account_id, id)
        except (Unreachable, errors.Unavailable):
            return _to_cancellation(202, "queued", "The carrier will be asked to cancel as soon as it answers.")
        if faults:
            raise errors.Conflict(faults)
    return _to_cancellation(200, "cancelled", "The shipment has been cancelled.")


def _to_cancellation(status: int, state: str, message: str) -> Response:
    return http.json_response({"data": {"status": state, "message": message}}, status=status)


def _to_uuid(request: Request) -> str:
    text: str = request.path_params["id"]
    if "\0" in text or len(text) > 64:
        raise errors.NotFound(queries.no_such_shipment())
    return text


async def track_parcel(request: Request) -> Response:
    """Say where a parcel is, for a carrier that does not tell by itself."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    body = await http.read_body(request)

    async def track(tx: Transaction) -> Response:
        id = http.to_id(request, queries.no_such_parcel())
        sent = schema.read_status(body)
        row = await operations.track_parcel(
            tx, caller.account_id, id, statuses.to_number(str(sent["status"])), sent.get("message"), now=ctx.clock()
        )
        status = {"code": statuses.to_word(row["status_code"]), "message": row["status_message"]}
        return http.json_response({"data": {"id": id, "status": status}})

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(track))


ROUTES = [
    Route(
        "POST",
        "/api/v3/orders/create-label-sync",
        create_label_sync,
        repeatable(openapi.SYNC),
        tag="Shipping",
        scope=SCOPE,
    ),
    Route(
        "POST",
        "/api/v3/orders/create-labels-async",
        create_labels_async,
        repeatable(openapi.ASYNC),
        tag="Shipping",
        scope=SCOPE,
    ),
    Route("GET", "/api/v3/shipments", list_shipments, openapi.LIST, tag="Shipping", scope=SCOPE),
    Route("GET", "/api/v3/shipments/{id}", get_shipment, openapi.GET, tag="Shipping", scope=SCOPE),
    Route(
        "POST",
        "/api/packhouse/shipments/{id}/confirm",
        confirm_shipment,
        repeatable(openapi.CONFIRM),
        tag="Shipping",
        scope=SCOPE,
    ),
    Route(
        "POST",
        "/api/v3/shipments/{id}/cancel",
        cancel_shipment,
        repeatable(openapi.CANCEL),
        tag="Shipping",
        scope=SCOPE,
    ),
    Route(
        "POST",
        "/api/packhouse/parcels/{id}/status",
        track_parcel,
        repeatable(openapi.TRACK),
        tag="Shipping",
        scope=SCOPE,
    ),
]
