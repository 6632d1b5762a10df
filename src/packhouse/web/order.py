"""One order: beside its list on wide screens, by itself on narrow ones, at the same address."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson
from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import users
from packhouse.kit import errors, http, pagination
from packhouse.orders import operations, queries, schema, search, warnings
from packhouse.shipping import queries as shipments
from packhouse.shipping import setup
from packhouse.shipping.api import desk
from packhouse.web import choices, edits, orders, rendering, rows, visitors
from packhouse.web import parcels as packing
from packhouse.web.front import front

router = APIRouter(include_in_schema=False)

_HISTORY = 50
_CHANGED = ("replace", "add", "remove")


class Shown(NamedTuple):
    """Everything of one order that the page tells. `warnings` by the place where they stand."""

    id: int
    version: int
    document: Mapping[str, Any]
    row: rows.Row
    warnings: Mapping[str, list[str]]
    history: list[Any]
    people: Mapping[str, str]
    shipments: list[Any]
    live: int
    choices: choices.Choices
    leaving: list[orders.Leaving]


class Typed(NamedTuple):
    """What a person has sent that was not stored: the fields, their faults, and whether the order changed meanwhile."""

    fields: Mapping[str, str]
    faults: Mapping[str, str]
    is_stale: bool = False


_NOTHING = Typed({}, {})


@router.get("/orders/{id}")
async def show_order(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    return await answer_order(request, visitor, to_id(request))


@router.post("/orders/{id}")
async def change_order(request: Request) -> Response:
    """One section of the page: its fields that differ are patched, with the rules and the words of the API."""
    visitor = await visitors.visitor(request, scope="write:order")
    form = await visitors.read_form(request, visitor.token)
    id = to_id(request)
    sent = {name: visitors.text(form, name).replace("\r\n", "\n") for name in form if "/" in name}
    house = http.house(request)
    try:
        async with house.db.write() as tx:
            stored = await queries.find_order(tx, visitor.session.account_id, id)
            if stored is None:
                raise HTTPException(404)
            patch = _read(stored, sent, visitors.text(form, "version"))
            await operations.patch_order(house.db, tx, visitor.caller, id, patch, now=house.clock())
    except errors.Conflict:
        return await answer_order(request, visitor, id, Typed(sent, {}, is_stale=True), status=409)
    except errors.Invalid as refusal:
        return await answer_order(request, visitor, id, Typed(sent, edits.to_faults(refusal.faults, sent)), status=422)
    if rendering.is_partial(request):
        return await answer_order(request, visitor, id)
    query = request.scope.get("query_string", b"").decode("latin-1")
    return rendering.redirect(request, f"/orders/{id}" + (f"?{query}" if query else ""))


def _read(stored: Any, sent: Mapping[str, str], version: str) -> Any:
    """Raises Conflict where the form was made of another version, Invalid as the API does."""
    if str(stored.version) != version:
        raise errors.Conflict(errors.Fault("conflict", "The order was changed meanwhile."))
    reading = schema.read_patch(orjson.dumps(edits.to_patch(orjson.loads(stored.document), sent)))
    if reading.flaws:
        raise operations.to_invalid_patch(reading.flaws)
    return reading.value


async def answer_order(
    request: Request,
    visitor: visitors.Visitor,
    id: int,
    typed: Typed = _NOTHING,
    *,
    parcels: int | None = None,
    status: int = 200,
) -> Response:
    """The order with what was typed into its forms; `parcels` is how many the form for its label has."""
    shown = await find_order(request, visitor, id)
    values: dict[str, Any] = {
        "order": shown,
        "typed": typed,
        "fields": edits.to_fields(shown.document),
        "parcels": parcels or _to_count(request.query_params.get("parcels", "")),
        "most_parcels": packing.MOST,
        "outside_images": front(request).outside_images,
        "list_query": orders.read_state(request).query(cursor=request.query_params.get("cursor", "")),
    }
    if rendering.is_partial(request):
        return rendering.render(request, "order.html", visitor, status=status, **values)
    values |= orders.to_values(request, await orders.find_listing(request, visitor))
    return rendering.render(request, "order_page.html", visitor, status=status, **values)


def _to_count(text: str) -> int:
    return min(int(text), packing.MOST) if re.fullmatch(r"[1-9][0-9]?", text) else 1


async def find_order(request: Request, visitor: visitors.Visitor, id: int) -> Shown:
    """Raises HTTPException 404."""
    account_id = visitor.session.account_id
    async with http.house(request).db.read() as tx:
        found = await search.find_stored(tx, account_id, [id])
        if not found:
            raise HTTPException(404)
        history = await queries.list_history(tx, account_id, id, pagination.Cursor(), _HISTORY)
        people = {f"user:{row.id}": row.email for row in await users.list_users(tx, account_id)}
        shops = await orders.list_shops(tx, account_id)
        shipped = await shipments.list_shipments_of_order(tx, account_id, id)
        leaving = [asked for asked in await orders.find_leaving(request, visitor, tx) if id in asked.ids]
    document = orjson.loads(found[0].document)
    house = http.house(request)
    account = await setup.read_setup(house.db, account_id, now=house.clock())
    found_choices = choices.find_choices(desk(request).options, account, [document])
    origin = visitor.session.caller.country_code
    places: dict[str, list[str]] = {}
    for warning in warnings.find_warnings(document, origin):
        places.setdefault("/".join(map(str, warning.path)), []).append(warning.detail)
    row = rows.to_row(id, found[0].document, shops, origin)
    live = found[0].live_shipments
    entries = [_to_entry(entry) for entry in history.rows]
    return Shown(id, found[0].version, document, row, places, entries, people, shipped, live, found_choices, leaving)


def _to_entry(row: Any) -> dict[str, Any]:
    """A version of the order as lines that a person can read: the place, what it was, what it became."""
    lines: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for change in orjson.loads(row.changes):
        if change["op"] == "test":
            before = change
        elif change["op"] in _CHANGED:
            was = before.get("value") if before.get("path") == change["path"] else None
            lines.append(
                {"place": _to_place(change["path"]), "was": _to_text(was), "is": _to_text(change.get("value"))}
            )
    return {"version": row.version, "action": row.action, "at": row.at, "by": row.by, "lines": lines}


def _to_place(path: str) -> list[str]:
    """The last steps, as on the wire; items are counted from one."""
    steps = path.strip("/").replace("~1", "/").replace("~0", "~").split("/")
    return [str(int(step) + 1) if step.isdecimal() else step for step in steps if step != "-"][-3:]


def _to_text(value: Any) -> str:
    """As a person would write it down: `2.5 kg`, `gift, late`."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(_to_text, value.values())))[:300]
    if isinstance(value, list):
        return ", ".join(filter(None, map(_to_text, value)))[:300]
    return "" if value is None else str(value)


def to_id(request: Request) -> int:
    text = request.path_params["id"]
    if not re.fullmatch(r"[1-9][0-9]{0,17}", text):
        raise HTTPException(404)
    return int(text)
