"""Sender addresses at the path of the v3 API; /api/packhouse changes them."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.shipping import openapi, wire
from packhouse.shipping.api import SCOPE
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.setup_schema import SENDER, Setup

MAX_PAGE, DEFAULT_PAGE = 100, 40
_TEXTS = (
    "name",
    "company_name",
    "address_line_1",
    "house_number",
    "address_line_2",
    "postal_code",
    "city",
    "po_box",
    "state_province_code",
    "country_code",
    "email",
    "phone_number",
)
_TAX_NUMBERS = {"vat_number": "VAT", "eori_number": "EORI"}


async def list_sender_addresses_in_pages(request: Request) -> Response:
    """A page of the addresses that parcels can be sent from, the default first."""
    caller = await auth.caller(request)
    size = http.read_page_size(request, MAX_PAGE, DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    found = await _read_setup(request, caller)
    default = found.default_sender()
    page = pagination.slice_page(list(found.sender_address), lambda one: (one != default, one), cursor, size)
    data = [_to_sender(found, id) for id in page.rows]
    return http.json_response({"data": data}, headers=http.page_links(request, page))


async def get_sender_address_by_id(request: Request) -> Response:
    """One address that parcels can be sent from."""
    caller = await auth.caller(request)
    id = http.find_id(request)
    found = await _read_setup(request, caller)
    if id not in found.sender_address:
        detail = message("No sender address found.")
        raise errors.NotFound(detail)
    return http.json_response({"data": _to_sender(found, id)})


async def _read_setup(request: Request, caller: Caller) -> Setup:
    ctx = context.of(request)
    return await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())


def _to_sender(found: Setup, id: int) -> dict[str, Any]:
    """Write an empty text for what is not set."""
    shown = wire.to_address(setup.show_item(found, SENDER, id))
    return {
        "id": id,
        **{name: shown.get(name) or "" for name in _TEXTS},
        "tax_numbers": list(_to_tax_numbers(shown)),
        "signature": {"full_name": "", "initials": ""},
        "is_default": shown["is_default"],
    }


def _to_tax_numbers(address: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"name": kind, "country_code": address["country_code"], "value": address[name][:100]}
        for name, kind in _TAX_NUMBERS.items()
        if address.get(name)
    ]


_URL = "/api/v3/addresses/sender-addresses"
ROUTES = [
    Route("GET", _URL, list_sender_addresses_in_pages, openapi.SENDER_PAGE, tag="Shipping", scope=SCOPE),
    Route("GET", f"{_URL}/{{id}}", get_sender_address_by_id, openapi.SENDER_ADDRESS, tag="Shipping", scope=SCOPE),
]
