"""From orders to labels: made for one or many, printed together, tried again, cancelled."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts.schema import Caller
from packhouse.kit import errors, http, pagination
from packhouse.kit.db import Transaction
from packhouse.orders import search
from packhouse.shipping import announce, operations, printers, printing, queries, schema
from packhouse.shipping.api import desk
from packhouse.shipping.carriers import Unreachable
from packhouse.shipping.setup_schema import Setup
from packhouse.web import rendering, visitors

router = APIRouter(include_in_schema=False)

SCOPE = "write:parcel"
MOST = 200
_LABEL = schema.Label(schema.PDF, schema.DPIS[schema.PDF][0])
_UNDERWAY = (operations.ANNOUNCING, operations.WITHDRAWING, operations.CANCELLING)


class Outcome(NamedTuple):
    """Of a selection: uuids of the shipments made, and why others were not, by the order's id."""

    uuids: list[str]
    refused: dict[int, str]


@router.post("/orders/labels")
async def make_labels(request: Request) -> Response:
    """For one order the carrier is waited for; for many the worker asks it, and the progress stands at an address."""
    visitor = await visitors.visitor(request, scope=SCOPE)
    form = await visitors.read_form(request, visitor.token)
    ids = visitors.ids(visitors.texts(form, "id"), MOST)
    option = visitors.text(form, "option") or None
    outcome = await _ship(request, visitor.caller, ids, option)
    if len(outcome.uuids) == 1 and not outcome.refused:
        await _announce(request, visitor.caller, outcome.uuids[0])
    refused = list(outcome.refused)
    return rendering.redirect(
        request, "/labels" + rendering.to_query(shipment=outcome.uuids, refused=refused, option=option)
    )


async def _ship(request: Request, caller: Caller, ids: Sequence[int], option: str | None) -> Outcome:
    async with http.house(request).db.write() as tx:
        return await _ship_each(request, tx, caller, ids, option)


async def _find_refusals(request: Request, caller: Caller, ids: Sequence[int], option: str | None) -> dict[int, str]:
    """Why orders are refused now, in the words of the attempt: it is made once more and taken back."""
    outcome = Outcome([], {})
    with suppress(_Undone):
        async with http.house(request).db.write() as tx:
            outcome = await _ship_each(request, tx, caller, ids, option)
            raise _Undone
    return outcome.refused


async def _ship_each(
    request: Request, tx: Transaction, caller: Caller, ids: Sequence[int], option: str | None
) -> Outcome:
    """Each order succeeds or is refused by itself."""
    house = http.house(request)
    outcome = Outcome([], {})
    for row in await search.find_stored(tx, caller.account_id, ids):
        document = orjson.loads(row.document)
        ship_with = {"shipping_option_code": option} if option else {}
        selector = {"order_id": document["order_id"], "apply_shipping_rules": option is None}
        integration = document["order_details"]["integration"]["id"]
        call = schema.LabelCall(integration, None, None, ship_with, [selector], True, _LABEL, [])
        try:
            options = desk(request).options
            shipped = await operations.ship_orders(house.db, tx, caller, call, options, now=house.clock())
        except errors.Refusal as refusal:
            outcome.refused[row.id] = _to_words(refusal)
            continue
        outcome.uuids.extend(draft.uuid for draft in shipped.drafts)
        if shipped.faults:
            outcome.refused[row.id] = " ".join(map(_to_words, shipped.faults.values()))
    return outcome


class _Undone(Exception):
    """Takes a transaction back that was a question."""


def _to_words(refusal: errors.Refusal) -> str:
    return " ".join(fault.detail for fault in refusal.faults)


async def _announce(request: Request, caller: Caller, uuid: str) -> None:
    """Whatever comes of it stands in the shipment; a carrier that does not answer is asked again by the worker."""
    async with http.house(request).db.read() as tx:
        found = await queries.get_shipment(tx, caller.account_id, uuid)
    try:
        await announce.announce(desk(request), caller.account_id, found.row.id)
    except (Unreachable, errors.Unavailable):
        return


@router.get("/labels")
async def show_labels(request: Request) -> Response:
    """How far a selection is. All of it stands in the address, so it outlives a reload."""
    visitor = await visitors.visitor(request, scope=SCOPE)
    given = request.query_params
    uuids = given.getlist("shipment")[:MOST]
    refused_ids = visitors.ids(given.getlist("refused"), MOST)
    account_id = visitor.session.account_id
    async with http.house(request).db.read() as tx:
        asked = {"ids": uuids}
        page = await queries.list_shipments(tx, account_id, asked, pagination.Cursor(), MOST) if uuids else None
        orders = await search.find_stored(tx, account_id, refused_ids) if refused_ids else []
    found: list[queries.Shipment] = list(page.rows) if page else []
    option = given.get("option") or None
    reasons = await _find_refusals(request, visitor.caller, refused_ids, option) if orders else {}
    failed = [shipment for shipment in found if shipment.row.state == operations.FAILED]
    ready = [shipment for shipment in found if shipment.row.state == operations.READY]
    values: dict[str, Any] = {
        "section": "shipments",
        "total": len(found) + len(orders),
        "underway": [shipment for shipment in found if shipment.row.state in _UNDERWAY],
        "ready": ready,
        "failed": [(shipment, _to_reason(shipment)) for shipment in failed],
        "refused": [(row, reasons.get(row.id, "")) for row in orders],
        "parcels": [parcel.id for shipment in ready for parcel in shipment.parcels],
        "option": option or "",
        "here": f"/labels?{request.url.query}",
    }
    template = "labels_progress.html" if rendering.is_partial(request) else "labels.html"
    return rendering.render(request, template, visitor, **values)


def _to_reason(shipment: queries.Shipment) -> str:
    return " ".join(error["detail"] for error in orjson.loads(shipment.row.errors))


@router.get("/labels/print")
async def print_labels(request: Request) -> Response:
    """The labels of parcels in one PDF, in the order asked."""
    visitor = await visitors.visitor(request, scope=SCOPE)
    ids = visitors.ids(request.query_params.getlist("parcel"), MOST * 2)
    kinds = (
        ["label"]
        if request.query_params.get("only") == "labels"
        else ["label", "customs-declaration", "commercial-invoice"]
    )
    async with http.house(request).db.read() as tx:
        found = await queries.find_contents(tx, visitor.session.account_id, ids, kinds)
    if not found:
        raise HTTPException(404)
    place = {id: index for index, id in enumerate(ids)}
    rows = sorted(found, key=lambda row: (place[row.parcel_id], kinds.index(row.kind)))
    contents = [await announce.read_content(desk(request), visitor.session.account_id, row) for row in rows]
    body = await printing.merge(rows, contents, _LABEL, None)
    headers = {**rendering.headers(request), "Content-Disposition": 'inline; filename="labels.pdf"'}
    return Response(body, media_type=schema.PDF, headers=headers)


_PAPERS = {name: name for name in ("pick-list", "packing-slips")}


@router.post("/orders/print/{paper}")
async def print_papers(request: Request) -> Response:
    """For a selection: one list of what to fetch, or a slip for each box, as PDF. A form, because it may be long."""
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    printer = _PAPERS.get(request.path_params["paper"])
    if printer is None:
        raise HTTPException(404)
    ids = visitors.ids(visitors.texts(form, "id"), MOST)
    account_id = visitor.session.account_id
    async with http.house(request).db.read() as tx:
        found = {row.id: row for row in await search.find_stored(tx, account_id, ids)}
        setup = await queries.find_setup(tx, account_id) or Setup()
    documents = [orjson.loads(found[id].document) for id in dict.fromkeys(ids) if id in found]
    if not documents:
        raise HTTPException(404)
    sender = setup.sender_address.get(setup.default_sender() or 0)
    further = (sender,) if printer == "packing-slips" else ()
    body = await printers.run(printer, documents, *further)
    headers = {**rendering.headers(request), "Content-Disposition": f'inline; filename="{printer}.pdf"'}
    return Response(body, media_type=schema.PDF, headers=headers)


@router.get("/shipments")
async def show_shipments(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    given = request.query_params
    number, tracking = given.get("number", "").strip()[:200], given.get("tracking", "").strip()[:200]
    filters: dict[str, Any] = {"order_number": number} if number else {}
    filters |= {"tracking_number": tracking} if tracking else {}
    async with http.house(request).db.read() as tx:
        try:
            cursor = pagination.decode(given.get("cursor"))
            page = await queries.list_shipments(tx, visitor.session.account_id, filters, cursor, 50)
        except errors.NotFound:
            page = await queries.list_shipments(tx, visitor.session.account_id, filters, pagination.Cursor(), 50)
    values: dict[str, Any] = {
        "section": "shipments",
        "shipments": [(found, orjson.loads(found.row.document)) for found in page.rows],
        "number": number,
        "tracking": tracking,
        "following": page.next.encode() if page.next else "",
        "previous": page.previous.encode() if page.previous else "",
    }
    return rendering.render(request, "shipments.html", visitor, **values)


@router.post("/shipments/{uuid}/cancel")
async def cancel_shipment(request: Request) -> Response:
    visitor = await visitors.visitor(request, scope=SCOPE)
    form = await visitors.read_form(request, visitor.token)
    house = http.house(request)
    now = house.clock()
    uuid = request.path_params["uuid"][:64].replace("\0", "")
    account_id = visitor.session.account_id
    async with house.db.write() as tx:
        found = await operations.request_cancellation(
            house.db, tx, account_id, uuid, now=now, due_at=now + announce.GRACE
        )
    if found.row.state == operations.READY:
        try:
            if faults := await announce.cancel(desk(request), account_id, found.row.id):
                raise errors.Conflict(faults)
        except Unreachable:  # the worker asks again
            pass
    return rendering.redirect(request, visitors.to_local(visitors.text(form, "then") or "/shipments"))
