"""Shipping options on the wire: the list, its older form, and the numbers of methods from before there were codes."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message, join, message
from packhouse.kit.wire import validation
from packhouse.shipping import carrier_rates, openapi, option_filters
from packhouse.shipping.api import SCOPE
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.setup_schema import Setup


async def list_shipping_options(request: Request) -> Response:
    """The shipping options that the account can use for what is described, the cheapest first."""
    rows, missing = await _list(request, is_single=False)
    told = join(" ", missing) if rows and missing else None
    if not rows:
        told = message("No shipping option fits this request.")
    return http.json_response({"data": rows, "message": told})


async def fetch_shipping_options(request: Request) -> Response:
    """List the options for one parcel in the older form, always with prices."""
    rows, _ = await _list(request, is_single=True)
    for row in rows:
        billed = row["parcel_billed_weights"]
        row["billed_weight"] = {key: billed[0][key] for key in ("value", "unit", "volumetric")} if billed else None
    return http.json_response({"data": rows})


async def _list(request: Request, *, is_single: bool) -> tuple[list[dict[str, Any]], list[Message]]:
    """Return the options, and why some have no price although their carrier tells prices."""
    caller = await auth.caller(request)
    body = await http.read_body(request)
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock(), with_rates=True)
    wanted = option_filters.read_request(body, found, is_single=is_single)
    offers = option_filters.find_offers(ctx.options, found, found.rates, wanted)
    missing: list[Message] = []
    if wanted.shows_quotes:
        offers, missing = await carrier_rates.ask(ctx, found, wanted, offers)
    names = {code: carrier.name for code, carrier in ctx.options.carriers.items()}
    return [
        option_filters.to_wire(offer, names[offer.option.carrier_code], found.contract[offer.contract_id], wanted)
        for offer in offers
    ], missing


_KNOWN = {8: "sendcloud:letter"}
"""Numbers of methods that every account has had."""


async def map_shipping_methods(request: Request) -> Response:
    """Codes of options for numbers of methods: those of the account's aliases, and the unstamped letter."""
    caller = await auth.caller(request)
    reading = validation.read_json(option_filters.METHODS, await http.read_body(request))
    setup.refuse_flaws(reading.flaws)
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    data = {str(id): _find_code(found, id) for id in reading.value["shipping_method_ids"]}
    return http.json_response({"data": data})


def _find_code(found: Setup, id: int) -> str | None:
    return (found.settings.get("option_aliases") or {}).get(str(id)) or _KNOWN.get(id)


ROUTES = [
    Route("POST", f"/api/v3/{name}", handler, described, tag="Shipping", scope=SCOPE)
    for name, handler, described in (
        ("shipping-options", list_shipping_options, openapi.OPTIONS),
        ("fetch-shipping-options", fetch_shipping_options, openapi.FETCH_OPTIONS),
        ("compat/shipping-options", map_shipping_methods, openapi.METHODS),
    )
]
