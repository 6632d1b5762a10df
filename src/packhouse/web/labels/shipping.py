"""Papers for a selection of orders, and the list of shipments."""

from functools import partial
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.carriers import Unreachable
from packhouse.context import Context
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import join, message
from packhouse.kit.wire import pagination
from packhouse.orders import plain, search
from packhouse.printing import printers
from packhouse.shipping import announce, operations, queries, schema, staleness, wire
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.shipping.slips import designs
from packhouse.web.frame import forms, ranges, rendering, web_users
from packhouse.web.orders import orders

SCOPE = "write:parcel"
MOST = 200
_PAGE = 50
# Fields of the form, and the parameters of the API that they are.
_ASKED = {
    "number": "order_number",
    "tracking": "tracking_number",
    "shop": "integration_id",
    "status": "parcel_status",
    "from": "announced_after",
    "to": "announced_before",
}
# The status of a parcel that its carrier does not have yet.
_READY = "1000"
_PAPERS = {name: name for name in ("pick-list", "packing-slips")}


async def print_papers(request: Request) -> Response:
    """For a selection: one list of what to fetch, or a slip for each box, as PDF. A form, because it may be long."""
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    printer = _PAPERS.get(request.path_params["paper"])
    if printer is None:
        raise HTTPException(404)
    ids = web_users.ids(web_users.texts(form, "id"), MOST)
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        found = {row.id: row for row in await search.find_stored(tx, account_id, ids)}
        setup = await setup_queries.find_setup(tx, account_id) or Setup()
    documents = [plain.read(found[id].document) for id in dict.fromkeys(ids) if id in found]
    if not documents:
        raise HTTPException(404)
    if printer != "packing-slips":
        return rendering.document(request, await printers.run(printer, documents), f"{printer}.pdf")
    sender = setup.sender_address.get(setup.default_sender() or 0)
    shops = {document["order_details"]["integration"]["id"] for document in documents}
    looks = await designs.load_designs(context.of(request), account_id, shops)
    body = await printers.run(printer, documents, sender, looks, zones.to_zone(web_user.session.time_zone))
    return rendering.document(request, body, f"{printer}.pdf")


async def show_shipments(request: Request) -> Response:
    """Newest first; what narrows the list stands in the URL, and a value that cannot be read narrows nothing."""
    web_user = await web_users.require_user(request)
    account_id = web_user.session.account_id
    asked = {name: request.query_params.get(name, "").strip()[:200] for name in _ASKED}
    zone = zones.to_zone(web_user.session.time_zone)
    wanted = {**asked, "from": orders.to_instant(asked["from"], zone)}
    wanted["to"] = orders.to_instant(asked["to"], zone, is_last=True)
    filters = {name: value for field, name in _ASKED.items() for value in _read_filter(name, wanted[field])}
    if request.query_params.get("stale"):
        filters["stale"], asked["stale"] = True, "1"
    if "order_number" in filters:  # people also look for what a shipment without an order is called by
        filters["named"] = filters.pop("order_number")
    filters["kinds"] = [schema.OUTGOING]
    async with context.of(request).db.read() as tx:
        shops = await orders.list_shops(tx, account_id)
        try:
            cursor = pagination.decode(request.query_params.get("cursor"))
            page = await queries.list_shipments(tx, account_id, filters, cursor, _PAGE)
        except errors.NotFound:
            page = await queries.list_shipments(tx, account_id, filters, pagination.Cursor(), _PAGE)
    values: dict[str, Any] = {
        "section": "shipments",
        "shipments": [(found, orjson.loads(found.row.document)) for found in page.rows],
        "asked": asked,
        "shops": shops,
        "statuses": {**wire.STATUSES, **wire.TRACKING},
        "on_the_way": wire.TRACKING,
        "stale_words": wire.STALE,
        "whereabouts": {_READY: wire.STATUSES[_READY], **wire.TRACKING},
        "trackers": {code for code, carrier in context.of(request).options.carriers.items() if carrier.has_tracking},
        "following": page.next.encode() if page.next else "",
        "previous": page.previous.encode() if page.previous else "",
        "cursor": request.query_params.get("cursor", ""),
    }
    return rendering.render(request, "shipments.html", web_user, **values)


def _read_filter(name: str, text: str) -> list[Any]:
    """The filter's value, if there is one: as the API reads it."""
    try:
        return list(schema.read_list_request([(name, text)]).filters.values()) if text else []
    except errors.Invalid:
        return []


async def cancel_shipment(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx = context.of(request)
    now = ctx.clock()
    uuid = request.path_params["uuid"][:64].replace("\0", "")
    account_id = web_user.session.account_id
    found = await ctx.db.write(
        lambda tx: operations.request_cancellation(tx, account_id, uuid, now=now, due_at=now + announce.GRACE)
    )
    if found.row.state == operations.READY:
        try:
            if faults := await announce.cancel(context.of(request), account_id, found.row.id):
                raise errors.Conflict(faults)
        except (Unreachable, errors.Unavailable):  # the worker asks again
            pass
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/shipments"))


async def cancel_shipments(request: Request) -> Response:
    """A page that asks first; then each is cancelled or refused by itself, and the worker asks the carriers."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), MOST)
    account_id, ctx = web_user.session.account_id, context.of(request)
    async with ctx.db.read() as tx:
        page = await queries.list_shipments(tx, account_id, {"numbers": ids}, pagination.Cursor(), MOST)
    found = [shipment.row for shipment in page.rows]
    if not found:
        raise HTTPException(404)
    then = web_users.to_local(web_users.text(form, "then") or "/shipments")
    values: dict[str, Any] = {"section": "shipments", "rows": found, "then": then, "refused": []}
    if not web_users.text(form, "confirmed"):
        return rendering.render(request, "shipments_cancel.html", web_user, **values)
    for row in found:
        work = partial(_request_cancellation, ctx, account_id, row.uuid)
        try:
            await ctx.db.write(work)
        except errors.ApiError as refusal:
            values["refused"].append((row, join("\n", (fault.detail for fault in refusal.faults))))
    if not values["refused"]:
        return rendering.redirect(request, then)
    values["done"] = len(found) - len(values["refused"])
    return rendering.render(request, "shipments_cancel.html", web_user, status=422, **values)


async def _request_cancellation(ctx: Context, account_id: int, uuid: str, tx: Transaction) -> None:
    await operations.request_cancellation(tx, account_id, uuid, now=ctx.clock(), due_at=ctx.clock())


async def print_shipments(request: Request) -> Response:
    """The documents of a selection, at the address where they can be printed again."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), MOST)
    return rendering.redirect(request, "/labels/print" + rendering.to_query(shipments=ranges.to_text(ids)))


async def confirm_shipment(request: Request) -> Response:
    """The label is right all the same."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx = context.of(request)
    uuid = request.path_params["uuid"][:64].replace("\0", "")
    await ctx.db.write(lambda tx: staleness.confirm(tx, web_user.session.account_id, uuid, now=ctx.clock()))
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/shipments"))


async def track_parcels(request: Request) -> Response:
    """Where parcels are, as somebody says whose carrier does not: all of them, or none where one is not on its way."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = sorted(web_users.ids(web_users.texts(form, "parcel"), MOST))
    if not ids:
        raise forms.refuse("parcel", message("Choose a parcel."))
    ctx, status = context.of(request), web_users.text(form, "status")

    async def work(tx: Transaction) -> None:
        for id in ids:
            await operations.track_parcel(tx, web_user.session.account_id, id, status, None, now=ctx.clock())

    await ctx.db.write(work)
    return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/shipments"))


ROUTES = [
    Route("POST", "/orders/print/{paper}", print_papers),
    Route("GET", "/shipments", show_shipments),
    Route("POST", "/shipments/cancel", cancel_shipments),
    Route("POST", "/shipments/print", print_shipments),
    Route("POST", "/shipments/{uuid}/cancel", cancel_shipment),
    Route("POST", "/shipments/{uuid}/confirm", confirm_shipment),
    Route("POST", "/shipments/track", track_parcels),
]
