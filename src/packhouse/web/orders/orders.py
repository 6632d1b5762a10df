"""Incoming orders: the list that the warehouse looks at all day."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import queries as accounts
from packhouse.accounts import users
from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import clock, errors, http
from packhouse.kit.data import zones
from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message
from packhouse.kit.wire import pagination
from packhouse.orders import counts, deletions, list_request, queries, saved_views, search, words
from packhouse.shipping import queries as shipments
from packhouse.web.frame import rendering, web_users
from packhouse.web.orders import rows, sorting

COLUMNS_COOKIE = "packhouse_columns"
# Sorts of the database; the others are `sorting.KEYS`.
SORTS = {
    "number": "order_number",
    "shop": "integration",
    "placed": "order_created_at",
    "changed": "order_updated_at",
}
_LARGEST_FIRST = {"placed", "items", "weight", "total", "warnings"}
_DEFAULT_SORT = "-placed"
SHOWN = ("incoming", "shipped", "all")
_SIZES = (50, 100, 200)
# Of what a list finds by other than kept counts so many are counted; and so many can be selected at once.
MOST_FOUND = 10_000
MOST_SELECTED = 1_000
FIRST_PAGE: pagination.Cursor | None = pagination.Cursor()
_YEAR = 365 * 86_400


class State(NamedTuple):
    """What the URL of the list says; unknown values count as not given."""

    q: str
    show: str
    shop: str
    status: str
    country: str
    tag: str
    warnings: str
    since: str
    until: str
    sort: str
    size: int
    cursor: str

    def query(self, **changes: Any) -> str:
        """The list's URL with changes; whatever changes, it begins at the first page unless a cursor is given."""
        return rendering.to_query(**self._to_kept(**changes))

    def fields(self) -> list[tuple[str, str]]:
        """What a form sends along that means the whole of the list."""
        return [(name, str(value)) for name, value in self._to_kept(size=_SIZES[1]).items() if value]

    def _to_kept(self, **changes: Any) -> dict[str, Any]:
        kept = {**self._asdict(), "cursor": "", **changes}
        kept["sort"] = "" if kept["sort"] == _DEFAULT_SORT else kept["sort"]
        kept["show"] = "" if kept["show"] == _default_show(kept["q"]) else kept["show"]
        kept["size"] = "" if kept["size"] == _SIZES[1] else kept["size"]
        kept["from"], kept["to"] = kept.pop("since"), kept.pop("until")
        return kept

    def sort_by(self, column: str) -> str:
        """What a click on the column's name asks for: the other way round where the list is sorted by it already."""
        if self.sort.removeprefix("-") == column:
            return column if self.sort.startswith("-") else f"-{column}"
        return f"-{column}" if column in _LARGEST_FIRST else column

    def is_narrowed(self) -> bool:
        """Whether anything but the default of a list is asked for."""
        return any((self.q, self.shop, self.status, self.country, self.tag, self.warnings, self.since, self.until))


def _default_show(text: str) -> str:
    """Who searches for an order means any of them."""
    return "all" if text else "incoming"


def read_state(request: Request) -> State:
    return to_state(request.query_params)


def to_state(given: Mapping[str, Any]) -> State:
    sort = given.get("sort", _DEFAULT_SORT)
    size = given.get("size", "")
    text = given.get("q", "").replace("\0", "").strip()[:200]
    show = given.get("show", "")
    return State(
        text,
        show if show in SHOWN else _default_show(text),
        given.get("shop", ""),
        given.get("status", ""),
        given.get("country", "").upper()[:2],
        given.get("tag", "").replace("\0", ""),
        "1" if given.get("warnings") else "",
        given.get("from", ""),
        given.get("to", ""),
        sort if sort.removeprefix("-") in {**SORTS, **sorting.KEYS} else _DEFAULT_SORT,
        int(size) if size in map(str, _SIZES) else _SIZES[1],
        given.get("cursor", ""),
    )


class PendingDeletion(NamedTuple):
    """Orders that one person is deleting: `by` is their e-mail address, empty for who looks."""

    by: str
    ids: list[int]
    until: datetime
    seconds: int


class Listing(NamedTuple):
    """A page of the list, ready to be shown."""

    state: State
    rows: list[rows.Row]
    previous: str
    next: str
    shops: Mapping[int, str]
    statuses: list[str]
    countries: list[str]
    tags: list[str]
    faults: Mapping[str, Message]
    incoming: int
    newest: int
    leaving: list[PendingDeletion]
    kept: Sequence[deletions.Kept]
    mark: str
    found: int
    is_counted: bool
    first_key: str
    views: Sequence[saved_views.View]

    @property
    def can_sort_all(self) -> bool:
        """Whether the columns without an index sort this list too."""
        return self.found <= sorting.MOST

    def is_leaving(self, id: int) -> bool:
        return any(id in asked.ids for asked in self.leaving)


async def find_listing(request: Request, web_user: web_users.WebUser) -> Listing:
    state = read_state(request)
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        shops = await list_shops(tx, account_id)
        filters, faults = to_filters(state, zones.to_zone(web_user.session.time_zone))
        is_counted = _has_kept_count(state, filters)
        found = await count_found(tx, account_id, state, filters)
        if is_sorted_here(state) and found > sorting.MOST:
            state = state._replace(sort=_DEFAULT_SORT, cursor="")
        find = _find_sorted if is_sorted_here(state) else _find_page
        page = await find(tx, web_user.caller, state, filters)
        statuses = await search.list_statuses(tx, account_id)
        countries = await search.list_values(tx, account_id, search.COUNTRY)
        tags = await search.list_values(tx, account_id, search.TAG)
        incoming = await counts.count_incoming(tx, account_id)
        newest = await search.find_newest(tx, account_id)
        leaving = await find_pending_deletions(request, web_user, tx)
        kept = await deletions.list_kept(tx, account_id, web_user.caller.actor)
        keys = [] if newest else await accounts.list_keys(tx, account_id)
        views = await saved_views.list_views(tx, account_id, web_user.caller.actor)
    shown = [rows.to_row(id, document, shops, web_user.caller.country_code) for id, document in page.found]
    previous = state.query(cursor=page.previous.encode()) if page.previous else ""
    following = state.query(cursor=page.next.encode()) if page.next else ""
    known = (shops, statuses, countries, tags, faults)
    mark = to_mark(newest, incoming, (id for asked in leaving for id in asked.ids))
    now = (incoming, newest, leaving, kept, mark)
    return Listing(state, shown, previous, following, *known, *now, found, is_counted, find_key(keys), views)


def find_key(keys: Sequence[Any]) -> str:
    """The public part of a live key that may send orders, or nothing."""
    live = (key for key in keys if key.revoked_at is None and key.takes_basic)
    return next((key.public_key for key in live if {"api", "write:order"} & set(key.scopes.split())), "")


def is_sorted_here(state: State) -> bool:
    return state.sort.removeprefix("-") in sorting.KEYS


async def find_pending_deletions(request: Request, web_user: web_users.WebUser, tx: Reader) -> list[PendingDeletion]:
    """By who asked, so that each sees what the others are about to do."""
    account_id = web_user.session.account_id
    rows = await deletions.list_deletions(tx, account_id)
    people = {f"user:{row.id}": row.email for row in await users.list_users(tx, account_id)} if rows else {}
    found: list[PendingDeletion] = []
    for actor in dict.fromkeys(row.by for row in rows):
        of_them = [row for row in rows if row.by == actor]
        until = of_them[-1].due_at
        seconds = max(0, round((until - context.of(request).clock()).total_seconds()))
        name = "" if actor == web_user.caller.actor else people.get(actor, actor)
        found.append(PendingDeletion(name, [row.id for row in of_them], until, seconds))
    return found


def to_mark(newest: int, incoming: int, leaving: Iterable[int]) -> str:
    """Another one says that a list may be old: orders came, were shipped, or are being deleted."""
    return f"{newest}-{incoming}-{hash(tuple(sorted(leaving))):x}"


async def list_shops(tx: Reader, account_id: int) -> dict[int, str]:
    return {row.id: row.shop_name for row in await integrations.list_integrations(tx, account_id)}


class _Page(NamedTuple):
    """Ids and documents."""

    found: list[tuple[int, str]]
    previous: pagination.Cursor | None
    next: pagination.Cursor | None


async def _find_page(tx: Reader, caller: Caller, state: State, filters: dict[str, Any]) -> _Page:
    direction, name = ("-", state.sort[1:]) if state.sort.startswith("-") else ("", state.sort)
    sort, cursor = f"{direction}{SORTS[name]}", _to_cursor(state.cursor)
    try:
        page = await _read_page(tx, caller.account_id, state, filters, sort, cursor, state.size)
    except errors.NotFound:  # a cursor of another sort
        page = await _read_page(tx, caller.account_id, state, filters, sort, pagination.Cursor(), state.size)
    return _Page(_to_found(page), page.previous, page.next)


async def _find_sorted(tx: Reader, caller: Caller, state: State, filters: dict[str, Any]) -> _Page:
    """The way through what matches is the one that needs no sorting in the database."""
    way = "-order_created_at" if state.q or _to_terms(state) else "-pk"
    page = await _read_page(tx, caller.account_id, state, filters, way, pagination.Cursor(), sorting.MOST)
    places = await sorting.to_places(_to_found(page), state.sort, caller.country_code)
    turned = sorting.find_page(places, state.sort, _to_cursor(state.cursor), state.size)
    documents = dict(_to_found(page))
    return _Page([(id, documents[id]) for id in turned.ids], turned.previous, turned.next)


def _to_found(page: pagination.Page[Any]) -> list[tuple[int, str]]:
    return [(row.id, row.document) for row in page.rows]


async def count_found(tx: Reader, account_id: int, state: State, filters: dict[str, Any]) -> int:
    """Count what a list shows on all its pages; one more than `MOST_FOUND` at most where its count is not kept."""
    if _has_kept_count(state, filters):
        return await counts.count(tx, account_id, filters)
    wanted = await _to_wanted(tx, account_id, state)
    if wanted is None:
        return await queries.count_orders(tx, account_id, filters, MOST_FOUND + 1)
    return await search.count_found(tx, account_id, wanted, filters, MOST_FOUND + 1)


def _has_kept_count(state: State, filters: Mapping[str, Any]) -> bool:
    return not state.q and not _to_terms(state) and filters.keys() <= counts.KEPT


async def read_whole(
    tx: Reader,
    account_id: int,
    state: State,
    filters: dict[str, Any],
    cursor: pagination.Cursor,
    size: int,
) -> pagination.Page[Any]:
    """Some of what the list shows on all its pages; where only the page sorts it, by age."""
    wanted = _DEFAULT_SORT if is_sorted_here(state) else state.sort
    direction, name = ("-", wanted[1:]) if wanted.startswith("-") else ("", wanted)
    return await _read_page(tx, account_id, state, filters, f"{direction}{SORTS[name]}", cursor, size)


async def _read_page(
    tx: Reader,
    account_id: int,
    state: State,
    filters: dict[str, Any],
    sort: str,
    cursor: pagination.Cursor,
    size: int,
) -> pagination.Page[Any]:
    """Raises NotFound for a cursor of another sort."""
    wanted = await _to_wanted(tx, account_id, state)
    if wanted is None:
        return await queries.list_orders(tx, account_id, filters, sort, cursor, size)
    return await search.list_found(tx, account_id, wanted, filters, sort, cursor, size)


async def _to_wanted(tx: Reader, account_id: int, state: State) -> search.Wanted | None:
    """What is looked up by terms, or by the number of a parcel; None where the list's own indexes do."""
    terms = _to_terms(state)
    if not terms and not state.q:
        return None
    numbers = words.to_parcel_numbers(state.q)
    ids = await shipments.find_orders_of_parcels(tx, account_id, numbers) if numbers else []
    return search.Wanted(state.q, terms, ids)


def _to_terms(state: State) -> list[str]:
    terms = [search.to_tag_term(state.tag)] if state.tag else []
    terms += [search.WARNING] if state.warnings else []
    return [*terms, f"{search.COUNTRY}{state.country}"] if state.country else terms


def _to_cursor(text: str) -> pagination.Cursor:
    """One that cannot be read is the first page: a person did not write it."""
    try:
        return pagination.decode(text)
    except errors.NotFound:
        return pagination.Cursor()


def to_instant(text: str, zone: tzinfo, *, is_last: bool = False) -> str:
    """The first or last moment of a day of the zone, as the API is asked for it; what is no date stays as it is."""
    try:
        first, following = zones.to_span(date.fromisoformat(text), zone)
    except (ValueError, OverflowError):
        return text
    return clock.to_wire(following - timedelta(microseconds=1) if is_last else first)


def to_filters(state: State, zone: tzinfo) -> tuple[dict[str, Any], dict[str, Message]]:
    """For `orders.queries`, and what is wrong with a value that a person typed, by field."""
    asked = {
        "integration": state.shop,
        "status": state.status,
        "order_created_at_min": to_instant(state.since, zone),
        "order_created_at_max": to_instant(state.until, zone, is_last=True),
    }
    filters: dict[str, Any] = {} if state.show == "all" else {"incoming": state.show == "incoming"}
    try:
        return {**filters, **list_request.read_list_request(asked.items()).filters}, {}
    except errors.Invalid as refusal:
        return filters, {fault.parameter or "": fault.detail for fault in refusal.faults}


async def show_orders(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    listing = await find_listing(request, web_user)
    template = "orders_list.html" if rendering.is_partial(request) else "orders.html"
    return rendering.render(request, template, web_user, **to_values(request, listing))


def to_values(request: Request, listing: Listing) -> dict[str, Any]:
    """What the list's templates need."""
    hidden = _find_hidden(request)
    return {
        "section": "orders",
        "shops": listing.shops,
        "first_key": listing.first_key,
        "base_url": http.base_url(request),
        "listing": listing,
        "state": listing.state,
        "columns": [column for column in rows.COLUMNS if column not in hidden],
        "all_columns": rows.COLUMNS,
        "sorts": {**SORTS, **sorting.KEYS} if listing.can_sort_all else SORTS,
        "most_sorted": sorting.MOST,
        "most_found": MOST_FOUND,
        "most_selected": MOST_SELECTED,
        "sizes": _SIZES,
        "incoming": listing.incoming,
    }


def _find_hidden(request: Request) -> set[str]:
    """What is kept is what a reader took away, so that a new column shows itself."""
    return set(request.cookies.get(COLUMNS_COOKIE, "").split(".")) & set(rows.COLUMNS[1:])


async def choose_columns(request: Request) -> Response:
    web_user = await web_users.require_user(request)
    form = await web_users.read_form(request, web_user.token)
    shown = set(web_users.texts(form, "column"))
    hidden = [column for column in rows.COLUMNS[1:] if column not in shown]
    response = rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/orders"))
    web_users.set_cookie(request, response, COLUMNS_COOKIE, ".".join(hidden) or "none", _YEAR)
    return response


async def list_found(request: Request) -> Response:
    """The ids of all that a list shows on its pages, as many as can be selected, for the page's script."""
    web_user = await web_users.require_user(request)
    account_id, state = web_user.session.account_id, read_state(request)
    filters, _ = to_filters(state, zones.to_zone(web_user.session.time_zone))
    async with context.of(request).db.read() as tx:
        page = await read_whole(tx, account_id, state, filters, pagination.Cursor(), MOST_SELECTED)
    return Response(orjson.dumps([str(row.id) for row in page.rows]), media_type="application/json")


ROUTES = [
    Route("GET", "/orders", show_orders),
    Route("GET", "/orders/found", list_found),
    Route("POST", "/orders/columns", choose_columns),
]
