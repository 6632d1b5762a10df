"""Settings: packing slips, which customers find in their box."""

from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.integrations import queries as integrations
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.printing import printers
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.shipping.slips import designs, schema, words
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Outcome

_HERE = "/settings/slips"
_FORM = "slips"
_MOST_BYTES = schema.MAX_LOGO_BYTES + 100_000


async def show_slips(request: Request) -> Response:
    return await _show(_to_shop(request), request, await web_users.owner(request))


def _to_shop(request: Request) -> int:
    """The shop whose slips are meant; 0 stands for all shops."""
    text = request.path_params.get("id", "0")
    return designs.ALL_SHOPS if text == "0" else forms.read_id(text) or _no_such_shop()


def _no_such_shop() -> int:
    raise HTTPException(404)


async def _show(shop: int, request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        shops = await _list_shops(tx, account_id)
        found = await designs.list_designs(tx, account_id)
    if shop not in (designs.ALL_SHOPS, *shops):
        raise HTTPException(404)
    design = found.get(shop, found.get(designs.ALL_SHOPS, schema.PLAIN))
    values: dict[str, Any] = {
        "place": f"{_HERE}/{shop}" if shop else _HERE,
        "shop": shop,
        "shops": shops,
        "design": design,
        "has_own": shop in found,
        "own": set(found) - {designs.ALL_SHOPS},
        "has_logo": design.digest is not None,
        "slip_languages": {code: told.name for code, told in words.LANGUAGES.items()},
        "tag": words.TAG,
        "most_text": designs.MAX_TEXT,
    }
    return forms.render(request, "settings_slips.html", web_user, outcome, **values)


async def _list_shops(tx: Reader, account_id: int) -> dict[int, str]:
    return {row.id: row.shop_name for row in await integrations.list_integrations(tx, account_id)}


async def store_slips(request: Request) -> Response:
    web_user = await web_users.owner(request)
    form = await web_users.read_form(request, web_user.token, most=_MOST_BYTES)
    ctx, shop = context.of(request), _to_shop(request)
    file = form.get("logo")
    try:
        name = await _find_name(request, web_user, shop)
        uploaded = await file.read() if isinstance(file, UploadFile) else b""
        texts = {
            code: web_users.text(form, f"text/{code}").replace("\0", "").replace("\r\n", "\n").strip()
            for code in words.LANGUAGES
        }
        otherwise = web_users.text(form, "otherwise") or words.DEFAULT
        drops_logo = bool(web_users.text(form, "drops_logo"))
        wanted = designs.Wanted(texts, otherwise, uploaded or None, drops_logo)
        await designs.store_design(ctx, web_user.caller, shop, name, wanted)
    except errors.Invalid as refusal:
        outcome = Outcome(forms.to_typed(_FORM, form, refusal.faults), status=422)
        return await _show(shop, request, web_user, outcome)
    finally:
        await form.close()
    return rendering.redirect(request, f"{_HERE}/{shop}" if shop else _HERE)


async def _find_name(request: Request, web_user: web_users.WebUser, shop: int) -> str:
    """What a shop is called in the audit log."""
    async with context.of(request).db.read() as tx:
        shops = await _list_shops(tx, web_user.session.account_id)
    if shop not in (designs.ALL_SHOPS, *shops):
        raise HTTPException(404)
    return shops.get(shop, "*")


async def delete_slips(request: Request) -> Response:
    """A shop's own look; its slips are like those of all shops again."""
    web_user = await web_users.owner(request)
    await web_users.read_form(request, web_user.token)
    shop = _to_shop(request)
    name = await _find_name(request, web_user, shop)
    await designs.delete_design(context.of(request), web_user.caller, shop, name)
    return rendering.redirect(request, _HERE)


async def show_example(request: Request) -> Response:
    """A slip of an invented order, in a language, as a PDF."""
    web_user = await web_users.owner(request)
    ctx, account_id, shop = context.of(request), web_user.session.account_id, _to_shop(request)
    language = request.query_params.get("language", words.DEFAULT)
    if language not in words.LANGUAGES:
        raise HTTPException(404)
    looks = await designs.load_designs(ctx, account_id, [shop])
    async with ctx.db.read() as tx:
        setup = await setup_queries.find_setup(tx, account_id) or Setup()
    sender = setup.sender_address.get(setup.default_sender() or 0)
    zone = zones.to_zone(web_user.session.time_zone)
    example = _to_example(shop, language, ctx.clock().isoformat())
    body = await printers.run("packing-slips", [example], sender, looks, zone)
    return rendering.document(request, body, "packing-slip.pdf")


def _to_example(shop: int, language: str, placed_at: str) -> dict[str, Any]:
    items = [
        {"name": "Teapot, blue", "sku": "TP-1", "quantity": 1, "total_price": {}},
        {"name": "Cup", "sku": "CU-6", "quantity": 6, "total_price": {}},
    ]
    details = {"integration": {"id": shop}, "order_created_at": placed_at, "tags": [words.TAG + language]}
    return {
        "order_number": "1001",
        "order_details": {**details, "order_items": items},
        "payment_details": {},
        "shipping_address": {
            "name": "Ada Visser",
            "address_line_1": "Teststraat",
            "house_number": "10",
            "postal_code": "1011 AB",
            "city": "Amsterdam",
            "country_code": "NL",
        },
    }


_OPERATIONS = [("GET", "", show_slips), ("POST", "", store_slips), ("GET", "/example", show_example)]
ROUTES = [Route(method, f"{_HERE}{at}", handler) for method, at, handler in _OPERATIONS]
ROUTES += [Route(method, f"{_HERE}/{{id}}{at}", handler) for method, at, handler in _OPERATIONS]
ROUTES += [Route("POST", f"{_HERE}/{{id}}/delete", delete_slips)]
