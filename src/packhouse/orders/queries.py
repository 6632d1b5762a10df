"""Reads of orders: one by id, by their keys, a page of a list, the history of one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, bindparam, literal, literal_column, or_, select, union_all

from packhouse.accounts import queries as accounts
from packhouse.integrations import queries as integrations
from packhouse.kit import clock, errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.orders import list_plan, list_request, tables
from packhouse.orders.tables import order_history, orders

_o, _h = orders.c, order_history.c


class VersionedOrder(NamedTuple):
    """What is answered of an order, and its version; times are in the driver's own type."""

    version: int
    id: int
    created_at: datetime | str
    modified_at: datetime | str
    document: str


GET_ORDER = accounts.owned(
    VersionedOrder, [_o.version, _o.id, _o.created_at, _o.modified_at, _o.document], _o.id == bindparam("id")
)

NOT_FOUND = errors.not_found(message("The order could not be found with the search criteria given"))


def _to_instant(value: Any) -> datetime:
    return datetime.fromisoformat(pagination.to_text(value)).astimezone(UTC)


class Sort(NamedTuple):
    column: ColumnElement[Any]
    parse: Callable[[Any], Any]


SORTS = {
    "integration": Sort(_o.integration_id, pagination.to_int),
    "order_number": Sort(_o.order_number, pagination.to_text),
    "order_created_at": Sort(_o.order_created_at, _to_instant),
    "order_updated_at": Sort(_o.order_updated_at, _to_instant),
    "pk": Sort(_o.id, pagination.to_int),
}


def _is_one_of(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    return column == values[0] if len(values) == 1 else column.in_(values)


def _is_text(column: ColumnElement[Any], text: str) -> ColumnElement[bool]:
    return column == text.casefold()


def _is_within(column: ColumnElement[Any], span: list_request.Span) -> ColumnElement[bool]:
    return column.between(span.first, span.last)


def _is_from(column: ColumnElement[Any], span: list_request.Span) -> ColumnElement[bool]:
    return column >= span.first


def _is_until(column: ColumnElement[Any], span: list_request.Span) -> ColumnElement[bool]:
    return column <= span.last


def _is_incoming(column: ColumnElement[Any], is_so: bool) -> ColumnElement[bool]:
    # Written out, so that a partial index is known to hold all of these.
    return column == 0 if is_so else column > literal_column("0")


# What a list can be narrowed by: the parameter's name, the column and its condition on a value that `schema` has read.
FILTERS = {
    "integration": list_plan.Filter("integration_id", _is_one_of),
    "order_number": list_plan.Filter("order_number_folded", _is_text),
    "order_id": list_plan.Filter("order_id_folded", _is_text),
    "status": list_plan.Filter("status_folded", _is_text),
    "order_created_at": list_plan.Filter("order_created_at", _is_within),
    "order_created_at_min": list_plan.Filter("order_created_at", _is_from),
    "order_created_at_max": list_plan.Filter("order_created_at", _is_until),
    "order_updated_at": list_plan.Filter("order_updated_at", _is_within),
    "order_updated_at_min": list_plan.Filter("order_updated_at", _is_from),
    "order_updated_at_max": list_plan.Filter("order_updated_at", _is_until),
    # Not a parameter of the Orders API: what the warehouse still has to do, or has done.
    "incoming": list_plan.Filter("live_shipments", _is_incoming),
}


def to_order(sort: str) -> pagination.Order:
    """`-order_created_at,pk`: an unsupported name anywhere means the default, of a name given twice the first counts.

    The id comes last, in the direction of the key before it, so that no two orders share a place.
    """
    keys: dict[str, pagination.Key] = {}
    for part in sort.split(",") if sort else ():
        name = part.strip().removeprefix("-")
        if name not in SORTS:
            keys = {}
            break
        if "pk" not in keys:
            descending = part.strip().startswith("-")
            keys.setdefault(name, pagination.Key(SORTS[name].column, descending, SORTS[name].parse))
    if "pk" not in keys:
        descending = list(keys.values())[-1].descending if keys else True
        keys["pk"] = pagination.Key(SORTS["pk"].column, descending, SORTS["pk"].parse)
    return pagination.Order(list(keys.values()))


async def list_orders(
    tx: Reader, account_id: int, filters: Mapping[str, Any], sort: str, cursor: pagination.Cursor, size: int
) -> pagination.Page[Any]:
    """Rows have the columns of a `StoredOrder`; the sort's values come before."""
    order = to_order(sort)
    conditions = [(FILTERS[name], value) for name, value in filters.items()]
    shops = [*filters.get("integration", ())]
    if not shops and order.keys[0].column is SORTS["integration"].column:
        shops = await integrations.list_ids(tx, account_id)
    find = await list_plan.choose_plan(tx, account_id, conditions, order, shops)
    return await pagination.find_page(tx, find, order, cursor, size)


async def count_orders(tx: Reader, account_id: int, filters: Mapping[str, Any], most: int) -> int:
    """Count what a list shows on all its pages, `most` at most."""
    conditions = [(FILTERS[name], value) for name, value in filters.items()]
    return await list_plan.count(tx, account_id, conditions, to_order("-pk"), most)


class StoredOrder(NamedTuple):
    """What is answered of an order."""

    id: int
    created_at: datetime | str
    modified_at: datetime | str
    document: str


class StoredColumns(Protocol):
    """A row that has the columns of a `StoredOrder`, in any order."""

    @property
    def id(self) -> int: ...
    @property
    def created_at(self) -> datetime | str: ...
    @property
    def modified_at(self) -> datetime | str: ...
    @property
    def document(self) -> str: ...


def to_stored(row: StoredColumns) -> StoredOrder:
    """Return what is answered from a row that has more."""
    return StoredOrder(row.id, row.created_at, row.modified_at, row.document)


def to_wire(row: StoredColumns, *, id_is_text: bool) -> str:
    """Write a row that has the columns of a `StoredOrder`."""
    return tables.to_wire(row.id, row.created_at, row.modified_at, row.document, id_is_text=id_is_text)


class FoundOrder(NamedTuple):
    """An order that is about to be changed; its time is in the driver's own type."""

    id: int
    integration_id: int
    order_id: str
    version: int
    created_at: datetime | str
    created_by: str
    live_shipments: int
    document: str


class ShippableOrder(NamedTuple):
    """What labels are made of."""

    id: int
    integration_id: int
    order_id: str
    order_number: str
    live_shipments: int
    document: str


_STORED = (
    _o.id, _o.integration_id, _o.order_id, _o.version, _o.created_at, _o.created_by, _o.live_shipments, _o.document,
)  # fmt: skip
_KEY = (_o.integration_id, _o.order_id)
_SHIPPABLE = (_o.id, _o.integration_id, _o.order_id, _o.order_number, _o.live_shipments, _o.document)


_FIND_ORDER = (
    select(*_STORED).where(_o.account_id == bindparam("account_id"), _o.id == bindparam("id")).with_for_update()
)


async def find_addressed(
    tx: Reader,
    account_id: int,
    keys: Collection[tuple[int, str]],
    ids: Collection[int],
    *,
    lock: bool,
) -> Sequence[FoundOrder]:
    """The orders that a batch names, by integration and order_id or by id; locked in the order of their keys.

    An order keeps its key for life, so an id is turned into its key before anything is locked.
    """
    named = await tx.find_by_key(account_id, _KEY, (_o.id,), [(id,) for id in ids], lock=False)
    wanted = sorted({*keys, *((row.integration_id, row.order_id) for row in named)})
    return [FoundOrder(*row) for row in await tx.find_by_key(account_id, _STORED, _KEY, wanted, lock=lock)]


async def find_changed(
    tx: Reader, account_id: int, keys: Collection[tuple[int, str]], since: datetime
) -> set[tuple[int, str]]:
    """Those of these orders, by integration and order_id, that were made or changed after that time."""
    columns = (*_KEY, _o.modified_at)
    rows = await tx.find_by_key(account_id, columns, _KEY, sorted(keys), lock=False)
    return {(row.integration_id, row.order_id) for row in rows if clock.to_instant(row.modified_at) > since}


async def find_order(tx: Reader, account_id: int, id: int) -> FoundOrder | None:
    """To change it: locked."""
    return next((FoundOrder(*row) for row in await tx.run(_FIND_ORDER, account_id=account_id, id=id)), None)


async def find_shippable(
    tx: Reader,
    account_id: int,
    integration_id: int,
    order_ids: Collection[str],
    numbers: Collection[str],
    *,
    lock: bool = True,
) -> Sequence[ShippableOrder]:
    """The orders of a shop that label calls name by `order_id` or by number; locked in the order of their keys."""
    folded = sorted({number.casefold() for number in numbers})
    named: list[ColumnElement[bool]] = [_o.order_id.in_(sorted(order_ids))] if order_ids else []
    named += [_o.order_number_folded.in_(folded) & _o.order_number.in_(sorted(numbers))] if numbers else []
    statement = select(*_SHIPPABLE).where(_o.account_id == account_id, _o.integration_id == integration_id, or_(*named))
    statement = statement.order_by(*_KEY)
    return await tx.fetch_all(statement.with_for_update() if lock else statement, into=ShippableOrder)


async def find_of_shop(
    tx: Reader, account_id: int, integration_id: int, order_ids: Collection[str]
) -> Sequence[ShippableOrder]:
    """Find shippable orders by `order_id` alone: a statement of constant text."""
    keys = [(integration_id, order_id) for order_id in sorted(set(order_ids))]
    return [ShippableOrder(*row) for row in await tx.find_by_key(account_id, _SHIPPABLE, _KEY, keys, lock=True)]


class HistoryEntry(NamedTuple):
    """One version of an order; `changes` is JSON."""

    version: int
    action: str
    at: datetime
    by: str
    changes: str


async def list_history(
    tx: Reader, account_id: int, id: int, cursor: pagination.Cursor, size: int
) -> pagination.Page[HistoryEntry]:
    """Newest first, also of a deleted order. Raises NotFound."""
    written = select(_h.version, _h.action, _h.at, _h.by, _h.changes).where(_h.account_id == account_id, _h.id == id)
    made = select(
        literal(1).label("version"), literal("created").label("action"), _o.created_at, _o.created_by, literal("[]")
    ).where(_o.account_id == account_id, _o.id == id)
    entries = union_all(written, made).subquery("entries")
    order = pagination.Order([pagination.Key(entries.c.version, True, pagination.to_int)])
    page = await pagination.fetch_page(tx, select(entries), order, cursor, size, into=HistoryEntry)
    if not page.rows and cursor == pagination.Cursor():
        raise errors.NotFound(NOT_FOUND)
    return page
