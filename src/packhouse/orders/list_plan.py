"""The plan of a list query: which index it reads, chosen by counting, the same on every database.

There are two plans. *Scanning* reads an index in the list's order and skips what the filters reject until the page is
full: it is cheap where much matches. *Sorting* finds everything that the narrowest filter accepts and sorts it: it is
cheap where little matches. A count that stops early decides, not statistics: SQLite has none, and those of PostgreSQL
describe the whole table, not one account. Both plans read only indexes; the page's documents are read last.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, FromClause, Select, UnaryExpression, and_, func, select, true, union_all
from sqlalchemy.sql.operators import custom_op

from packhouse.kit.db import Reader
from packhouse.kit.wire.pagination import Cursor, Finder, Order
from packhouse.orders.tables import orders

_o = orders.c

# How many entries of an index are sorted at most, which takes some 2 ms. There may be more where both dates are
# filtered, because a scan may be long then, and fewer in a list by order_number, where each costs a look at its row.
MOST_SORTED = 5_000
_MOST_SORTED_BY_DATES = 20_000
_MOST_ROWS_SORTED = 2_000
_DATES = {"order_created_at", "order_updated_at"}
# A list by integration is one list an integration, one after the other; of more than these it is sorted as a whole.
MOST_ARMS = 50
# Filters by equality, whose indexes go on with the id: the one that leaves fewer first.
_ORDERED_BY_ID = ("order_id_folded", "order_number_folded", "live_shipments", "status_folded", "integration_id")


class Filter(NamedTuple):
    """The name of a column, and the condition that a value of the filter makes of that column."""

    column: str
    matches: Callable[[ColumnElement[Any], Any], ColumnElement[bool]]


Conditions = Sequence[tuple[Filter, Any]]


class _Plan(NamedTuple):
    """The index of `column`, whose matches are sorted, or which is scanned until the page is full."""

    column: str
    is_sorted: bool


async def choose_plan(
    tx: Reader, account_id: int, conditions: Conditions, order: Order, integration_ids: Sequence[int]
) -> Finder:
    """`integration_ids` are the ones filtered by, or those of the account where the list is sorted by them."""
    leads = order.keys[0].column is _o.integration_id and len(integration_ids) <= MOST_ARMS
    if not conditions and not leads:
        return _find_all(account_id, order)
    rest = Order(order.keys[1:]) if leads else order
    others = [(f, value) for f, value in conditions if not (leads and f.column == "integration_id")]
    plan = await _choose(tx, account_id, conditions, others, rest)
    if plan.is_sorted or not leads:
        found = _narrow(tx, account_id, conditions, order, plan)
        return _with_documents(account_id, order, lambda cursor, limit: found.order.apply(found.rows, cursor, limit))
    arms = {id: _narrow(tx, account_id, [*others, (_SHOP, id)], order, plan) for id in integration_ids}
    return _with_documents(account_id, order, lambda cursor, limit: _join_arms(arms, order, cursor, limit))


_SHOP = Filter("integration_id", operator.eq)


def _find_all(account_id: int, order: Order) -> Finder:
    keys = [key.column.label(f"key_{index}") for index, key in enumerate(order.keys)]
    statement = select(*keys, _o.id, _o.created_at, _o.modified_at, _o.document).where(_o.account_id == account_id)
    return lambda cursor, limit: order.apply(statement, cursor, limit)


async def count(tx: Reader, account_id: int, conditions: Conditions, order: Order, most: int) -> int:
    """Count what matches, `most` at most, with the plan of its list."""
    rows = select(_o.id).where(_o.account_id == account_id)
    if conditions:
        plan = await _choose(tx, account_id, conditions, conditions, order)
        rows = _narrow(tx, account_id, conditions, order, plan).rows
    return int(await tx.fetch_value(select(func.count()).select_from(rows.limit(most).subquery("found"))))


async def _choose(tx: Reader, account_id: int, conditions: Conditions, others: Conditions, order: Order) -> _Plan:
    """`others` are the conditions without that on integrations where each integration is scanned by itself."""
    lead = str(order.keys[0].column.key)
    equal = [name for name in _ORDERED_BY_ID if any(_is_equal(f, value, name) for f, value in conditions)]
    columns = {f.column for f, _ in others}
    if not columns or (lead == "id" and len(columns) == 1 and equal):
        return _Plan(_choose_index(lead, equal, conditions, others), is_sorted=False)
    most = _MOST_SORTED_BY_DATES if columns >= _DATES else MOST_SORTED
    if any(key.column is _o.order_number for key in order.keys):
        most = _MOST_ROWS_SORTED
    counts = await _count(tx, account_id, others, most)
    narrowest = min(counts, key=lambda name: counts[name])
    if counts[narrowest] <= most:
        return _Plan(narrowest, is_sorted=True)
    return _Plan(_choose_index(lead, equal, conditions, others), is_sorted=False)


def _is_equal(filter: Filter, value: Any, name: str) -> bool:
    if filter.column != name:
        return False
    if name == "live_shipments":  # its index holds the incoming ones alone
        return bool(value)
    return name != "integration_id" or len(value) == 1


def _choose_index(lead: str, equal: Sequence[str], conditions: Conditions, others: Conditions) -> str:
    """The column whose index gives the list in its order."""
    if lead != "id":
        return lead
    if len(others) < len(conditions) or not conditions:
        return "integration_id"
    return equal[0] if equal else "id"


async def _count(tx: Reader, account_id: int, conditions: Conditions, most: int) -> dict[str, int]:
    """How many orders each column's filters let through, `most` and one at most: one statement."""
    counts = []
    for name in dict.fromkeys(filter.column for filter, _ in conditions):
        matching = [f.matches(_o[name], value) for f, value in conditions if f.column == name]
        some = select(_o.id).where(_o.account_id == account_id, *matching).limit(most + 1)
        counts.append(select(func.count()).select_from(some.subquery()).scalar_subquery().label(name))
    return dict((await tx.execute(select(*counts))).mappings().one())


class _Found(NamedTuple):
    """Keys and ids of what matches, and the list's order on these columns."""

    rows: Select[Any]
    order: Order


def _narrow(tx: Reader, account_id: int, conditions: Conditions, order: Order, plan: _Plan) -> _Found:
    matching = [f.matches(_column(tx, f.column, plan), value) for f, value in conditions]
    keys = [key.column.label(f"key_{index}") for index, key in enumerate(order.keys)]
    rows = select(*keys, _o.id).where(_o.account_id == account_id, *matching)
    if not plan.is_sorted:
        return _Found(rows, order)
    # Kept from the planner's eyes, or it would scan in the list's order after all.
    matches = rows.cte("matches").prefix_with("MATERIALIZED")
    columns = [matches.c[f"key_{index}"] for index in range(len(keys))]
    pairs = zip(order.keys, columns, strict=True)
    return _Found(_select_all(matches), Order([key._replace(column=column) for key, column in pairs]))


def _column(tx: Reader, name: str, plan: _Plan) -> ColumnElement[Any]:
    """On SQLite a column with a plus before it is no reason to take its index."""
    if not tx.is_sqlite or name == plan.column:
        return _o[name]
    return UnaryExpression(_o[name], operator=custom_op("+"), type_=_o[name].type)


def _join_arms(arms: dict[int, _Found], order: Order, cursor: Cursor, limit: int) -> Select[Any]:
    """Join the first rows of each integration at or beyond the cursor's place."""
    values = order.read(cursor)
    descending = order.keys[0].descending != cursor.backwards
    rest = Order(order.keys[1:])
    taken: list[Select[Any]] = []
    for id in sorted(arms, reverse=descending):
        is_before = values is not None and (id > values[0] if descending else id < values[0])
        if not is_before:
            place = values[1:] if values is not None and id == values[0] else None
            arm = rest.take(arms[id].rows, place, cursor.backwards, limit + cursor.offset)
            taken.append(_select_all(arm.subquery(f"arm_{len(taken)}")))
    if not taken:
        return select(*_empty(order)).where(~true())
    joined = union_all(*taken).subquery("arms")
    columns = [joined.c[f"key_{index}"] for index in range(len(order.keys))]
    found = _select_all(joined).order_by(*order.directed(columns, cursor.backwards))
    return found.limit(limit).offset(cursor.offset or None)


def _select_all(source: FromClause) -> Select[Any]:
    return select(*source.columns)


def _empty(order: Order) -> list[ColumnElement[Any]]:
    return [*(key.column.label(f"key_{index}") for index, key in enumerate(order.keys)), _o.id]


def _with_documents(account_id: int, order: Order, find: Finder) -> Finder:
    """Return the rows, in their order, with what is answered of each."""

    def finish(cursor: Cursor, limit: int) -> Select[Any]:
        page = find(cursor, limit).subquery("page")
        keys = [page.c[f"key_{index}"] for index in range(len(order.keys))]
        statement = select(*keys, _o.id, _o.created_at, _o.modified_at, _o.document)
        same = and_(_o.account_id == account_id, _o.id == page.c.id)
        return statement.join_from(page, orders, same).order_by(*order.directed(keys, cursor.backwards))

    return finish
