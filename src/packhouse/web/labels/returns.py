"""Returns: their list, and one that is made from what was shipped."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.carriers import Unreachable
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.shipping import announce, prices, queries, wire
from packhouse.shipping.queries import Shipment
from packhouse.shipping.returns import operations, schema
from packhouse.shipping.schema import OUTGOING, RETURN
from packhouse.shipping.setup import options, setup
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.web.frame import amounts, forms, languages, rendering, web_users
from packhouse.web.frame.forms import FRESH, Outcome

SCOPE = "write:parcel"
_PAGE = 50
_ADDRESS = (
    "name", "company_name", "address_line_1", "house_number", "address_line_2", "postal_code", "city", "po_box",
    "state_province_code", "country_code", "email", "phone_number",
)  # fmt: skip
_FORM = "return"


async def show_returns(request: Request) -> Response:
    """Newest first."""
    web_user = await web_users.require_user(request)
    account_id, wanted = web_user.session.account_id, {"kinds": [RETURN]}
    async with context.of(request).db.read() as tx:
        try:
            cursor = pagination.decode(request.query_params.get("cursor"))
            page = await queries.list_shipments(tx, account_id, wanted, cursor, _PAGE)
        except errors.NotFound:
            page = await queries.list_shipments(tx, account_id, wanted, pagination.Cursor(), _PAGE)
    values: dict[str, Any] = {
        "section": "returns",
        "returns": [(found, orjson.loads(found.row.document), _find_reason(found)) for found in page.rows],
        "on_the_way": wire.TRACKING,
        "following": page.next.encode() if page.next else "",
        "previous": page.previous.encode() if page.previous else "",
    }
    return rendering.render(request, "returns.html", web_user, **values)


def _find_reason(found: Shipment) -> Any:
    """Why a carrier refused it, where one did."""
    return next((fault.detail for fault in wire.from_errors(found.row.errors)), "")


class _Line(NamedTuple):
    """An item that was shipped; its field of the form is `items/<place>`."""

    place: int
    item: Mapping[str, Any]
    quantity: int


async def show_new_return(request: Request) -> Response:
    """The form, filled with all that was shipped."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    return await _show_form(request, web_user, request.query_params.get("shipment", ""))


async def _show_form(request: Request, web_user: web_users.WebUser, uuid: str, outcome: Outcome = FRESH) -> Response:
    ctx = context.of(request)
    found = await _read_shipment(request, web_user, uuid)
    account = await setup.read_setup(ctx.db, web_user.session.account_id, now=ctx.clock(), with_rates=True)
    document = orjson.loads(found.row.document)
    weight = units.add(*(units.to_decimal(orjson.loads(p.document)["weight"]["value"]) for p in found.parcels))
    values: dict[str, Any] = {
        "section": "returns",
        "shipment": found,
        "document": document,
        "lines": _list_lines(found),
        "weight": weight,
        "costs": _find_costs(request, account, document, weight),
        "options": _find_options(request, account, document),
        "senders": account.sender_address,
        "default_sender": account.default_sender(),
        "default_option": account.settings.get("default_return_option_code") or "",
    }
    return forms.render(request, "return_new.html", web_user, outcome, **values)


async def _read_shipment(request: Request, web_user: web_users.WebUser, uuid: str) -> Shipment:
    async with context.of(request).db.read() as tx:
        found = await queries.get_shipment(tx, web_user.session.account_id, uuid[:64].replace("\0", ""))
    if found.row.kind != OUTGOING or found.row.erased_at is not None:
        raise HTTPException(404)
    return found


def _list_lines(found: Shipment) -> list[_Line]:
    items = [item for parcel in found.parcels for item in orjson.loads(parcel.document)["items"]]
    return [_Line(place, item, item["quantity"]) for place, item in enumerate(items)]


def _find_costs(
    request: Request, account: Setup, document: Mapping[str, Any], weight: Decimal
) -> Mapping[str, prices.Cost]:
    """Return what the way back to the account's default address costs, by option."""
    home = account.sender_address.get(account.default_sender() or 0)
    if home is None or not weight:
        return {}
    way = places.to_place(document["to_address"]), places.to_place(home)
    return prices.find_costs_of_route(context.of(request).options, account, way, [weight])


def _find_options(request: Request, account: Setup, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Those for returns that start where the customer is."""
    known, origin = context.of(request).options, document["to_address"]["country_code"]
    return [
        (option.code, option.name) for option, _ in options.find_options(known, account, origin=origin, is_return=True)
    ]


async def create_return(request: Request) -> Response:
    """Make a return and ask for its label; the worker asks again where the carrier is away."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    uuid = web_users.text(form, "shipment")
    found = await _read_shipment(request, web_user, uuid)
    ctx = context.of(request)
    account = await setup.read_setup(ctx.db, web_user.session.account_id, now=ctx.clock())
    sent = {name: web_users.text(form, name).replace("\0", "") for name in form}
    try:
        reader = amounts.FormReader(languages.negotiate(request), web_users.texts(form, amounts.CONFIRMED))
        with reader.refusing():
            body = schema.read_return(orjson.dumps(_to_body(found, account, sent, reader)))
        now = ctx.clock()
        due_at = now + announce.GRACE
        made = await ctx.db.write(
            lambda tx: operations.ship_return(tx, web_user.caller, body, ctx.options, now=now, due_at=due_at)
        )
    except errors.Invalid as refusal:
        typed = forms.to_typed(_FORM, form, refusal.faults)
        return await _show_form(request, web_user, uuid, Outcome(typed, status=422))
    with suppress(Unreachable, errors.Unavailable):
        await announce.announce(ctx, web_user.session.account_id, made.id)
    return rendering.redirect(request, "/returns")


def _to_body(found: Shipment, account: Setup, sent: Mapping[str, str], reader: amounts.FormReader) -> dict[str, Any]:
    """The form as the API would be sent it."""
    document = orjson.loads(found.row.document)
    sender = account.sender_address.get(forms.read_id(sent.get("to_address", "")) or account.default_sender() or 0)
    if sender is not None and not all(sender.get(name) for name in ("address_line_1", "postal_code", "city")):
        raise forms.refuse("to_address", message("This address is not complete: see Settings, Sender addresses."))
    weight = reader.weight("weight/value", sent.get("weight/value", ""), "kg")
    body: dict[str, Any] = {
        "from_address": _to_address(document["to_address"]),
        "to_address": _to_address(sender or document["from_address"]),
        "ship_with": {"shipping_option_code": sent.get("ship_with") or None},
        "weight": {"value": weight, "unit": "kg"},
        "parcel_items": list(_to_items(_list_lines(found), sent, reader)),
        "order_number": found.row.order_number,
        "apply_rules": True,
    }
    invoice = (document.get("customs_details") or {}).get("commercial_invoice_number")
    return {**body, **({"customs_invoice_nr": invoice} if invoice else {})}


def _to_address(address: Mapping[str, Any]) -> dict[str, Any]:
    return {name: address[name] for name in _ADDRESS if address.get(name)}


def _to_items(lines: Sequence[_Line], sent: Mapping[str, str], reader: amounts.FormReader) -> list[dict[str, Any]]:
    """What comes back of each item; what does not is left out."""
    items = []
    for line in lines:
        field = f"items/{line.place}"
        quantity = reader.pieces(field, sent.get(field, "0") or "0", line.quantity)
        if not quantity:
            continue
        shown = wire.to_item(line.item)
        items.append({**shown, "quantity": quantity, "return_message": sent.get("message") or None})
    return items


ROUTES = [
    Route("GET", "/returns", show_returns),
    Route("GET", "/returns/new", show_new_return),
    Route("POST", "/returns", create_return),
]
