"""Batches of orders: taken by a rule, picked bin by bin, handed over or given back."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import users
from packhouse.integrations import queries as integrations
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.orders import contents, plain
from packhouse.packing_station import bins, schema
from packhouse.packing_station.batches import operations, picks, queries
from packhouse.packing_station.batches.picks import Pick
from packhouse.packing_station.batches.queries import Batch
from packhouse.packing_station.batches.schema import MAX_SIZE, Criteria
from packhouse.printing import printers
from packhouse.shipping.setup import setup
from packhouse.web.frame import forms, languages, rendering, web_users
from packhouse.web.frame.forms import FRESH, Outcome
from packhouse.web.frame.languages import marked
from packhouse.web.pack import code_128

SCOPE = "write:parcel"
_PLACE = "/pack/batches"
_TAKE = "take"
_PACKERS = ("owner", "packer")

DUE_NAMES = {"": marked("any"), "today": marked("today or earlier"), "tomorrow": marked("tomorrow or earlier")}
PIECES_NAMES = {
    "": marked("any"),
    "one": marked("just one piece"),
    "one_sku": marked("one SKU"),
    "several": marked("several SKUs"),
}
STATE_NAMES = {
    queries.WAITING: marked("waits"),
    queries.PACKED: marked("packed"),
    queries.ASIDE: marked("put aside"),
    queries.RETURNED: marked("given back"),
}
PACKING_NAMES = {
    "open": marked("being packed"),
    "labelling": marked("its label is being made"),
    "failed": marked("it has no label"),
}
LOG_NAMES = {
    "taken": marked("Taken"),
    "handed_over": marked("Handed over"),
    "given_back": marked("Given back"),
}


async def show_batches(request: Request) -> Response:
    return await _show(request, await web_users.require_user(request, scope=SCOPE))


async def _show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        people = await _find_people(tx, account_id)
        open_ones = await queries.list_batches(tx, account_id)
        finished = await queries.list_batches(tx, account_id, queries.DONE, 5)
        shops = {row.id: row.shop_name for row in await integrations.list_integrations(tx, account_id)}
    values: dict[str, Any] = {
        "batches": open_ones,
        "people": people,
        "finished": finished,
        "shops": shops,
        "options": [(option.code, option.name) for option in ctx.options.all()],
        "due_names": DUE_NAMES,
        "pieces_names": PIECES_NAMES,
        "usual": Criteria(),
        "most": MAX_SIZE,
        "me": web_user.caller.actor,
        "section": "pack",
    }
    return forms.render(request, "pack_batches.html", web_user, outcome, **values)


async def take_batch(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx, now = context.of(request), context.of(request).clock()
    given = {name: web_users.text(form, name).replace("\0", "") for name in Criteria._fields}
    size = _to_number(given.pop("size") or str(Criteria().size))
    shop = forms.read_id(given.pop("integration_id")) or 0
    given["countries"] = given["countries"].upper()
    criteria = Criteria(size, shop, **given)
    account = await setup.read_setup(ctx.db, web_user.session.account_id, now=now)
    zone = zones.to_zone(web_user.session.time_zone)
    try:
        id = await operations.take(ctx.db, web_user.caller, criteria, account, zone, now=now)
    except (errors.Invalid, errors.Conflict) as refusal:
        status = 422 if refusal.status == 400 else refusal.status
        return await _show(request, web_user, Outcome(forms.to_typed(_TAKE, form, refusal.faults), status=status))
    return rendering.redirect(request, f"{_PLACE}/{id}")


def _to_number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0


def _to_id(request: Request) -> int:
    return forms.to_id(request, message("batch"))


async def show_batch(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    account_id, id = web_user.session.account_id, _to_id(request)
    async with context.of(request).db.read() as tx:
        batch = await queries.get_batch(tx, account_id, id)
        places = await queries.list_places(tx, account_id, id)
        found = await _find_picks(tx, account_id, places)
        people = await _find_people(tx, account_id)
        packers = await _find_packers(tx, account_id)
    code = schema.to_batch_code(id)
    values: dict[str, Any] = {
        "batch": batch,
        "places": places,
        "picks": found,
        "to_places": picks.to_places,
        "people": people,
        "packers": packers,
        "me": web_user.caller.actor,
        "state_names": STATE_NAMES,
        "packing_names": PACKING_NAMES,
        "log_names": LOG_NAMES,
        "code": code_128.to_svg(code, code),
        "section": "pack",
    }
    return rendering.render(request, "pack_batch.html", web_user, **values)


async def _find_people(tx: Reader, account_id: int) -> dict[str, str]:
    """E-mail addresses by actor."""
    return {users.to_actor(row.id): row.email for row in await users.list_users(tx, account_id)}


async def _find_packers(tx: Reader, account_id: int) -> dict[str, str]:
    """E-mail addresses, by id, of those who may pack."""
    found = await users.list_users(tx, account_id)
    return {str(row.id): row.email for row in found if row.role in _PACKERS and not row.disabled_at}


async def _find_picks(tx: Reader, account_id: int, places: Sequence[queries.Place]) -> list[Pick]:
    at = {place.order_id: place.position for place in places if place.state != queries.RETURNED}
    rows = await queries.find_documents(tx, account_id, list(at))
    placed: list[tuple[int, Mapping[str, Any]]] = [(at[row.id], plain.read(row.document)) for row in rows]
    items = [item for _, order in placed for item in contents.list_goods(order)]
    return picks.find_picks(placed, await bins.read_bins(tx, account_id, items))


async def print_pick_list(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    account_id, id = web_user.session.account_id, _to_id(request)
    async with context.of(request).db.read() as tx:
        batch = await queries.get_batch(tx, account_id, id)
        found = await _find_picks(tx, account_id, await queries.list_places(tx, account_id, id))
        people = await _find_people(tx, account_id)
    if not found:
        raise HTTPException(404)
    rows = [(pick.bin, str(pick.quantity), pick.sku, pick.name, picks.to_places(pick)) for pick in found]
    words = _to_words(languages.negotiate(request), batch, found, people.get(batch.owner, ""))
    body = await printers.run("batch-pick-list", words, rows)
    return rendering.document(request, body, f"{batch.name}.pdf")


def _to_words(tag: str, batch: Batch, found: Sequence[Pick], owner: str) -> dict[str, Any]:
    told = message(
        "{orders} orders, {pieces} pieces, {articles} articles",
        orders=batch.total,
        pieces=sum(pick.quantity for pick in found),
        articles=len(found),
    )
    titles = (marked("Bin"), marked("Quantity"), marked("SKU"), marked("Article"), marked("Places on the cart"))
    title = message("Pick list {name}", name=batch.name)
    return {
        "title": languages.translate(tag, title),
        "told": f"{languages.translate(tag, told)} · {owner}",
        "columns": tuple(languages.translate(tag, title) for title in titles),
        "page": languages.translate(tag, marked("Page")),
        "code": schema.to_batch_code(batch.id),
    }


async def hand_over(request: Request) -> Response:
    """To the person that is named, or to oneself."""
    web_user = await web_users.require_user(request, scope=SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ctx, id = context.of(request), _to_id(request)
    async with ctx.db.read() as tx:
        packers = await _find_packers(tx, web_user.session.account_id)
    wanted = web_users.text(form, "user")
    if wanted and wanted not in packers:
        raise forms.refuse("user", message("Choose who packs it."))
    owner = users.to_actor(int(wanted)) if wanted else web_user.caller.actor
    await ctx.db.write(lambda tx: operations.hand_over(tx, web_user.caller, id, owner, now=ctx.clock()))
    return rendering.redirect(request, f"{_PLACE}/{id}")


async def give_back(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=SCOPE)
    await web_users.read_form(request, web_user.token)
    ctx, id = context.of(request), _to_id(request)
    await ctx.db.write(lambda tx: operations.give_back(tx, web_user.caller, id, now=ctx.clock()))
    return rendering.redirect(request, _PLACE)


ROUTES = [
    Route("GET", _PLACE, show_batches),
    Route("POST", _PLACE, take_batch),
    Route("GET", f"{_PLACE}/{{id}}", show_batch),
    Route("GET", f"{_PLACE}/{{id}}/pick-list", print_pick_list),
    Route("POST", f"{_PLACE}/{{id}}/owner", hand_over),
    Route("POST", f"{_PLACE}/{{id}}/back", give_back),
]
