"""Weights, sizes and options of a selection, a row an order, before their labels are made."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import join
from packhouse.orders import plain, search
from packhouse.shipping import prices
from packhouse.shipping.setup import setup
from packhouse.web.frame import formats, languages, ranges, rendering, web_users
from packhouse.web.frame.languages import marked
from packhouse.web.labels import labels
from packhouse.web.orders import options, orders, parcels, rows

_SIDES = tuple(f"dimensions/{side}" for side in parcels.SIDES)
_MEASURES = ("weight/value", *_SIDES)
_UNITS = {"weight/unit": ("weight/value",), "dimensions/unit": _SIDES}
_FIELDS = (*_MEASURES, *_UNITS, "option")
# For all rows: what each order, its rule or the account asks for.
SUGGESTED = "suggested"
_TAKEN_OVER = marked("Taken over in every row. Nothing has been made yet.")
_NONE = marked("Choose at least one order.")
_GONE = marked("Some of these orders were deleted meanwhile.")

_Typed = dict[str, str]


class Line(NamedTuple):
    """An order in the table: what stands in its fields, what is wrong with it by field ('' is the order), and the
    numbers that are asked about."""

    row: rows.Row
    values: Mapping[str, str]
    choices: options.Choices
    faults: Mapping[str, str]
    is_chosen: bool
    questions: Mapping[str, str]


class State(NamedTuple):
    """What was typed by order, which are ticked, why some were refused, which shipments were made before, and what is
    asked about. `has_held` where some had better not be shipped: they are no longer ticked, and shipped if they are
    ticked again."""

    typed: Mapping[int, _Typed]
    chosen: Sequence[int]
    refused: Mapping[int, Mapping[str, str]]
    made: Sequence[int]
    has_held: bool = False
    questions: Mapping[int, Mapping[str, str]] = {}


async def show_measures(request: Request) -> Response:
    web_user = await web_users.require_user(request, scope=labels.SCOPE)
    ids = ranges.from_text(request.query_params.get("orders", ""), labels.MOST)
    option = request.query_params.get("option", "")
    return await _show(request, web_user, ids, State({id: {"option": option} for id in ids}, ids, {}, []))


async def make_measured(request: Request) -> Response:
    """From the list with a selection alone: on to its table. From the table: labels of what is ticked. Each order
    succeeds or is refused by itself, and those that are refused stay in the table."""
    web_user = await web_users.require_user(request, scope=labels.SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ticked = web_users.ids(web_users.texts(form, "id"), labels.MOST)
    if "row" not in form:
        asked = {"orders": ranges.to_text(ticked), "option": web_users.text(form, "option")}
        return rendering.redirect(request, "/labels/new" + rendering.to_query(**asked))
    ids = web_users.ids(web_users.texts(form, "row"), labels.MOST)
    state = State(
        {id: read_typed(form, id) for id in ids},
        ticked,
        {},
        ranges.from_text(web_users.text(form, "made"), labels.MOST),
    )
    if (for_all := _read_for_all(form)) or web_users.text(form, "spread"):
        spread = {id: {**typed, **for_all} for id, typed in state.typed.items()}
        return await _show(request, web_user, ids, state._replace(typed=spread), _TAKEN_OVER if for_all else "")
    if not ticked:
        return await _show(request, web_user, ids, state, _NONE, status=422)
    typed = {id: _to_parcel(state.typed.get(id, {})) for id in ticked}
    ships_held = web_users.text(form, "held") == labels.SHIP_THEM
    way = labels.read_way(request, form)
    written = {id: way._replace(confirmed=_read_confirmed(way.confirmed, id)) for id in ticked}
    selection = labels.Selection(ticked, {}, labels.EACH, typed, ships_held, written)
    outcome = await labels.ship_selection(request, web_user.caller, selection)
    made = [*state.made, *outcome.ids]
    if not outcome.refused:
        return labels.to_progress(request, labels.to_outcome(made, outcome.gone), labels.EACH)
    told = _GONE if outcome.gone else ""
    left = [id for id in ids if id in outcome.refused or id not in ticked]
    state = state._replace(
        chosen=[id for id in left if id in outcome.refused and id not in outcome.held],
        refused=_to_fields(outcome.refused),
        made=made,
        has_held=bool(outcome.held),
        questions=_to_fields(outcome.questions),
    )
    return await _show(request, web_user, left, state, told, status=422)


def _read(form: FormData, at: str) -> _Typed:
    return {name: web_users.text(form, f"{at}{name}") for name in _FIELDS if f"{at}{name}" in form}


def read_typed(form: FormData, id: int) -> _Typed:
    """Return what is typed in the row of an order."""
    return _read(form, f"orders/{id}/")


def read_weights(
    document: Mapping[str, Any], typed: Mapping[str, str], way: parcels.Written, id: int
) -> options.Weights:
    """What the only parcel of an order weighs in kg by what is typed in its row."""
    written = way._replace(confirmed=_read_confirmed(way.confirmed, id))
    return parcels.read_weights(document, _to_parcel(typed), 1, written)


def _read_confirmed(confirmed: Iterable[str], id: int) -> list[str]:
    """Return, of what was confirmed, what is about one order, under the names of its only parcel."""
    at = f"orders/{id}/"
    return [f"parcels/0/{text.removeprefix(at)}" for text in confirmed if text.startswith(at)]


def _read_for_all(form: FormData) -> _Typed:
    """What was filled in to be the same for all; a unit goes with its number."""
    typed = _read(form, "all/")
    found = {name: value for name, value in typed.items() if value and name not in _UNITS}
    units = {unit: typed[unit] for unit, of in _UNITS.items() if unit in typed and any(name in found for name in of)}
    if found.get("option") == SUGGESTED:
        found["option"] = ""
    return {**found, **units}


def _to_parcel(typed: Mapping[str, str]) -> _Typed:
    """Under the names that a label call's only parcel has in a form."""
    return {name if name == "option" else f"parcels/0/{name}": value for name, value in typed.items()}


def _to_fields(refused: Mapping[int, Mapping[str, str]]) -> dict[int, dict[str, str]]:
    """And back; what belongs to no field of the table stands at the order."""
    found: dict[int, dict[str, str]] = {}
    for id, faults in refused.items():
        at_fields: dict[str, str] = {}
        for name, words in faults.items():
            field = name.removeprefix("parcels/0/")
            place = field if field in _FIELDS else ""
            at_fields[place] = join("\n", (at_fields[place], words)) if place in at_fields else words
        found[id] = at_fields
    return found


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    ids: Sequence[int],
    state: State,
    told: str = "",
    *,
    status: int = 200,
) -> Response:
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        found = await search.find_stored(tx, account_id, ids)
        shops = await orders.list_shops(tx, account_id)
    if not found:
        raise HTTPException(404)
    documents = [plain.read(row.document) for row in found]
    account = await setup.read_setup(ctx.db, account_id, now=ctx.clock(), with_rates=True)
    tag, origin, known = languages.negotiate(request), web_user.session.caller.country_code, ctx.options
    shown = [rows.to_row(row.id, row.document, shops, origin) for row in found]
    fields = [
        {**_to_values(tag, row, document), **state.typed.get(row.id, {})}
        for row, document in zip(shown, documents, strict=True)
    ]
    way = parcels.Written(tag)
    pairs = zip(documents, fields, shown, strict=True)
    each = options.find_each(
        known, account, documents, [read_weights(document, typed, way, row.id) for document, typed, row in pairs]
    )
    lines = [_to_line(*told_of, state) for told_of in zip(found, shown, fields, each, strict=True)]
    lines.sort(key=lambda line: (line.row.placed_at, line.row.id), reverse=True)
    made = ranges.to_text(state.made)
    values: dict[str, Any] = {"lines": lines, "told": told, "made": made, "count_made": len(state.made)}
    values |= {"common": options.gather(known, each), "section": "orders", "has_held": state.has_held}
    costs = (line.choices.find_cost(line.values["option"]) for line in lines if line.is_chosen)
    values |= {"total": prices.add_up(costs), "has_rates": bool(account.rates)}
    return rendering.render(request, "measures.html", web_user, status=status, **values)


def _to_line(
    stored: search.OrderRow, row: rows.Row, fields: Mapping[str, str], choices: options.Choices, state: State
) -> Line:
    faults = state.refused.get(row.id) or ({"": labels.SHIPPED} if stored.live_shipments else {})
    is_chosen = row.id in state.chosen and (row.id in state.refused or not stored.live_shipments)
    return Line(row, fields, choices, faults, is_chosen, state.questions.get(row.id, {}))


def _to_values(tag: str, row: rows.Row, document: Mapping[str, Any]) -> _Typed:
    """The weight of the order or its items, the size of the order."""
    measurement = (document.get("shipping_details") or {}).get("measurement") or {}
    size = measurement.get("dimension") or {}
    sides = {f"dimensions/{side}": formats.typed(tag, size.get(side)) for side in parcels.SIDES}
    weight = "" if row.weight is None else formats.plain(tag, row.weight)
    units = {"weight/unit": "kg", "dimensions/unit": size.get("unit") or "cm"}
    return {"weight/value": weight, **sides, **units, "option": ""}


ROUTES = [
    Route("GET", "/labels/new", show_measures),
    Route("POST", "/labels/new", make_measured),
]
