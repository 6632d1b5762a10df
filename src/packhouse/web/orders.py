"""Incoming orders: the list that the warehouse looks at all day."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.integrations import queries as integrations
from packhouse.kit import errors, http, pagination
from packhouse.orders import queries, schema
from packhouse.web import rendering, rows, visitors

router = APIRouter(include_in_schema=False)

COLUMNS_COOKIE = "packhouse_columns"
_SORTS = {
    "number": "order_number",
    "shop": "integration",
    "placed": "order_created_at",
    "changed": "order_updated_at",
}
_DEFAULT_SORT = "-placed"
_SIZES = (50, 100, 200)
_YEAR = 365 * 86_400


class State(NamedTuple):
    """What the URL of the list says; unknown values count as not given."""

    shop: str
    status: str
    since: str
    until: str
    sort: str
    size: int
    cursor: str

    def query(self, **changes: Any) -> str:
        """The list's URL with changes; whatever changes, it begins at the first page unless a cursor is given."""
        kept = {**self._asdict(), "cursor": "", **changes}
        kept["sort"] = "" if kept["sort"] == _DEFAULT_SORT else kept["sort"]
        kept["size"] = "" if kept["size"] == _SIZES[1] else kept["size"]
        kept["from"], kept["to"] = kept.pop("since"), kept.pop("until")
        return rendering.to_query(**kept)


def read_state(request: Request) -> State:
    given = request.query_params
    sort = given.get("sort", _DEFAULT_SORT)
    size = given.get("size", "")
    return State(
        given.get("shop", ""),
        given.get("status", ""),
        given.get("from", ""),
        given.get("to", ""),
        sort if sort.removeprefix("-") in _SORTS else _DEFAULT_SORT,
        int(size) if size in map(str, _SIZES) else _SIZES[1],
        given.get("cursor", ""),
    )


class Listing(NamedTuple):
    """A page of the list, ready to be shown."""

    state: State
    rows: list[rows.Row]
    previous: str
    next: str
    shops: Mapping[int, str]
    faults: Mapping[str, str]


async def find_listing(request: Request, visitor: visitors.Visitor) -> Listing:
    state = read_state(request)
    account_id = visitor.session.account_id
    async with http.house(request).db.read() as tx:
        shops = {row.id: row.shop_name for row in await integrations.list_integrations(tx, account_id)}
        filters, faults = _to_filters(state)
        direction, name = ("-", state.sort[1:]) if state.sort.startswith("-") else ("", state.sort)
        cursor = _to_cursor(state.cursor)
        page = await queries.list_orders(tx, account_id, filters, f"{direction}{_SORTS[name]}", cursor, state.size)
    origin = visitor.session.caller.country_code
    shown = [rows.to_row(row[-4], 1, row[-1], shops, origin) for row in page.rows]
    return Listing(
        state,
        shown,
        state.query(cursor=page.previous.encode()) if page.previous else "",
        state.query(cursor=page.next.encode()) if page.next else "",
        shops,
        faults,
    )


def _to_cursor(text: str) -> pagination.Cursor:
    """One that cannot be read is the first page: a person did not write it."""
    try:
        return pagination.decode(text)
    except errors.NotFound:
        return pagination.Cursor()


def _to_filters(state: State) -> tuple[dict[str, Any], dict[str, str]]:
    """For `orders.queries`, and what is wrong with a value that a person typed, by field."""
    asked = {
        "integration": state.shop,
        "status": state.status,
        "order_created_at_min": state.since,
        "order_created_at_max": state.until,
    }
    try:
        return schema.read_list_request(asked.items()).filters, {}
    except errors.Invalid as refusal:
        return {}, {fault.parameter or "": fault.detail for fault in refusal.faults}


@router.get("/orders")
async def show_orders(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    listing = await find_listing(request, visitor)
    is_list_only = rendering.is_partial(request)
    template = "orders_list.html" if is_list_only else "orders.html"
    return rendering.render(request, template, visitor, **to_values(request, listing))


def to_values(request: Request, listing: Listing) -> dict[str, Any]:
    """What the list's templates need."""
    hidden = _find_hidden(request)
    return {
        "section": "orders",
        "listing": listing,
        "state": listing.state,
        "columns": [column for column in rows.COLUMNS if column not in hidden],
        "all_columns": rows.COLUMNS,
        "sorts": _SORTS,
    }


def _find_hidden(request: Request) -> set[str]:
    """What is kept is what a reader took away, so that a new column shows itself."""
    return set(request.cookies.get(COLUMNS_COOKIE, "").split(".")) & set(rows.COLUMNS[1:])


@router.post("/orders/columns")
async def choose_columns(request: Request) -> Response:
    visitor = await visitors.visitor(request)
    form = await visitors.read_form(request, visitor.token)
    shown = set(visitors.texts(form, "column"))
    hidden = [column for column in rows.COLUMNS[1:] if column not in shown]
    response = rendering.redirect(request, visitors.to_local(visitors.text(form, "then") or "/orders"))
    visitors.set_cookie(request, response, COLUMNS_COOKIE, ".".join(hidden) or "none", _YEAR)
    return response
