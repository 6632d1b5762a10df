"""The four calls that announce a shipment without an order (docs/labels.md).

The synchronous ones answer when the carrier has; a repeat of one that is under way goes on with it, under the same
reference, so that there is never a second label.
"""

import base64
from functools import partial
from typing import Any

import orjson
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
from packhouse.kit.wire import validation
from packhouse.shipping import announce, printing, queries, wire
from packhouse.shipping.direct import openapi, operations, schema
from packhouse.shipping.operations import ANNOUNCING, FAILED
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import Label

SCOPE = "write:parcel"

_WORDS = {
    "999": "NO_LABEL",
    "1000": "READY_TO_SEND",
    "1001": "ANNOUNCING",
    "1002": "ANNOUNCEMENT_FAILED",
    "1999": "CANCELLING",
    "2000": "CANCELLED",
    "2001": "CANCELLING_UPSTREAM",
    "3": "TO_SORTING",
    "5": "SORTED",
    "8": "DELIVERY_FAILED",
    "11": "DELIVERED",
    "12": "AWAITING_CUSTOMER_PICKUP",
    "22": "PICKED_UP_BY_DRIVER",
    "80": "UNDELIVERABLE",
    "91": "SHIPMENT_ON_ROUTE",
    "92": "DRIVER_ON_ROUTE",
}
"""Number of a parcel's status -> the word that clients of these calls compare with."""


async def announce_shipment(request: Request) -> Response:
    """Ship what is described and wait for the label."""
    return await _answer(request, schema.ANNOUNCE)


async def announce_shipment_with_rules(request: Request) -> Response:
    """Ship what is described by the account's shipping rules and defaults, and wait for the label."""
    return await _answer(request, schema.ANNOUNCE_WITH_RULES)


async def create_shipment(request: Request) -> Response:
    """Ship what is described; the label is made afterwards."""
    return await _answer(request, schema.CREATE)


async def create_shipment_with_rules(request: Request) -> Response:
    """Ship what is described by the account's shipping rules and defaults; the label is made afterwards."""
    return await _answer(request, schema.CREATE_WITH_RULES)


async def _answer(request: Request, kind: schema.CallKind) -> Response:
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(call: repeats.Call) -> Response:
        sent = validation.parse(body)
        made = await _find_known(request, caller, sent)
        if made is None:
            asked = _read(request, kind, sent, body)
            made = operations.Made(**await call.write(partial(_ship, request, caller, asked)))
        elif call.has_key:
            made = operations.Made(**await call.write(partial(_keep, made._asdict())))
        announced = await _announce(request, caller, made) if kind.is_sync else None
        return await _show(request, caller, made, announced, is_sync=kind.is_sync)

    return await repeats.answer_once(request, caller.account_id, body, work)


async def _keep(found: dict[str, Any], _tx: Transaction) -> dict[str, Any]:
    """Make nothing if the reference is known; a repeat under the same key may have made the shipment."""
    return found


async def _find_known(request: Request, caller: Caller, sent: Any) -> operations.Made | None:
    """Find the shipment with the body's reference before anything else of the body is read, so that a repeat gets the
    same answer even if its option or its sender has been deleted meanwhile."""
    if (reference := schema.find_reference(sent)) is None:
        return None
    async with context.of(request).db.read() as tx:
        found = await queries.find_by_reference(tx, caller.account_id, reference)
    return None if found is None else operations.Made(found.row.id, found.row.uuid, True)


def _read(request: Request, kind: schema.CallKind, sent: Any, body: bytes) -> schema.Call:
    unknown_ids = http.find_unknown_partners(request)
    try:
        call = schema.read_call(kind, sent, may_hold_nulls=validation.holds_nulls(body))
    except errors.Invalid as refusal:
        raise errors.Invalid([*unknown_ids, *refusal.faults]) from None
    if unknown_ids:
        raise errors.Invalid(unknown_ids)
    return call


async def _ship(request: Request, caller: Caller, asked: schema.Call, tx: Transaction) -> dict[str, Any]:
    ctx = context.of(request)
    now = ctx.clock()
    due_at = now + announce.GRACE if asked.kind.is_sync else None
    made = await operations.ship_directly(tx, caller, asked, ctx.options, now=now, due_at=due_at)
    return made._asdict()


async def _announce(request: Request, caller: Caller, made: operations.Made) -> Shipment | None:
    """Return None if the carrier cannot be reached: then the worker asks it until it answers."""
    try:
        return await announce.announce(context.of(request), caller.account_id, made.id)
    except (Unreachable, errors.Unavailable):
        return None


async def _show(
    request: Request, caller: Caller, made: operations.Made, found: Shipment | None, *, is_sync: bool
) -> Response:
    """`found` is the shipment after its announcement; None if it was not announced."""
    is_away = is_sync and found is None
    if found is None:
        async with context.of(request).db.read() as tx:
            found = await queries.get_shipment(tx, caller.account_id, made.uuid)
    shown = wire.to_shipment(found, http.base_url(request))
    document = orjson.loads(found.row.document)
    for name in ("label_details", "applied_shipping_rules"):
        if name in document:
            shown[name] = document[name]
    for parcel in shown["parcels"]:
        parcel["status"]["code"] = _WORDS.get(parcel["status"]["code"], parcel["status"]["code"])
    if is_sync:
        file = await _read_label(request, caller, found, Label(**document["label_details"]))
        for parcel in shown["parcels"]:
            parcel["label_file"] = file
    if is_away and found.row.state == ANNOUNCING:
        shown["errors"] = [_to_away()]
    return http.json_response({"data": shown}, status=409 if made.is_repeat else 201)


def _to_away() -> dict[str, Any]:
    detail = message(
        "The carrier did not answer. The shipment is kept and will be announced as soon as the carrier does."
    )
    return errors.ErrorItem("parcel_announcement_error", detail).to_wire(503)


async def _read_label(request: Request, caller: Caller, found: Shipment, label: Label) -> str | None:
    """Return the label in base64; None if there is none, or several, or none in the requested format."""
    if len(found.parcels) != 1 or found.row.state == FAILED:
        return None
    async with context.of(request).db.read() as tx:
        contents = await queries.find_contents(tx, caller.account_id, [found.parcels[0].id], ["label"])
    if not contents:
        return None
    content = await announce.read_content(context.of(request), caller.account_id, contents[0])
    try:
        return base64.b64encode(await printing.render(content, contents[0].mime_type, label)).decode()
    except errors.Invalid:
        return None


ROUTES = [
    Route("POST", f"/api/v3/shipments{at}", handler, described, tag="Shipping", scope=SCOPE)
    for at, handler, described in (
        ("/announce", announce_shipment, openapi.ANNOUNCE),
        ("/announce-with-shipping-rules", announce_shipment_with_rules, openapi.ANNOUNCE_WITH_RULES),
        ("", create_shipment, openapi.CREATE),
        ("/create-with-shipping-rules", create_shipment_with_rules, openapi.CREATE_WITH_RULES),
    )
]
