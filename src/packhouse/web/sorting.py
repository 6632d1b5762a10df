"""The list by a column that no index is made for: among the newest orders that match, which are few enough to be read.

An index of every column would make each POST dearer, and nobody packs by the weight of orders of last year.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import orjson

from packhouse.kit.pagination import Cursor
from packhouse.web import formats
from packhouse.web.rows import Row

MOST = 1_000


def _to_total(row: Row) -> list[Any]:
    """Amounts of one currency side by side: those of two cannot be compared."""
    amount = formats.to_decimal(row.total.get("value"))
    return [row.total.get("currency") or "", float(amount if amount is not None else -1)]


# What a row is sorted by: a value that JSON keeps as it is. What an order does not say comes first.
KEYS: dict[str, Callable[[Row], Any]] = {
    "recipient": lambda row: (row.recipient or row.company).casefold(),
    "country": lambda row: row.country,
    "items": lambda row: row.items,
    "weight": lambda row: -1.0 if row.weight is None else float(row.weight),
    "total": _to_total,
    "payment": lambda row: str(row.payment.get("message") or row.payment.get("code") or "").casefold(),
    "status": lambda row: str(row.status.get("message") or row.status.get("code") or "").casefold(),
    "delivery": lambda row: row.delivery.casefold(),
    "tags": lambda row: [tag.casefold() for tag in row.tags],
    "warnings": lambda row: len(row.warnings),
}


class Page(NamedTuple):
    rows: list[Row]
    previous: Cursor | None
    next: Cursor | None


def find_page(rows: Sequence[Row], sort: str, cursor: Cursor, size: int) -> Page:
    """Keyset pages: a place is a row's value and id, so that orders may come and go meanwhile."""
    find = KEYS[sort.removeprefix("-")]
    keyed = sorted((([find(row), row.id], row) for row in rows), key=lambda pair: pair[0])
    if sort.startswith("-"):
        keyed.reverse()
    first = _find_first(keyed, sort, cursor)
    if cursor.backwards:
        first, last = max(0, first - size), first
    else:
        last = min(first + size, len(keyed))
    shown = keyed[first:last]
    previous = Cursor(_to_position(shown[0][0]), backwards=True) if shown and first > 0 else None
    following = Cursor(_to_position(shown[-1][0])) if shown and last < len(keyed) else None
    return Page([row for _, row in shown], previous, following)


def _find_first(keyed: Sequence[tuple[list[Any], Row]], sort: str, cursor: Cursor) -> int:
    """The index of the first row beyond the cursor's place, or of the place itself backwards.

    A place of another sort is the start.
    """
    place = _read(cursor)
    if place is None:
        return 0
    try:
        if sort.startswith("-"):
            before = [key > place if cursor.backwards else key >= place for key, _ in keyed]
        else:
            before = [key < place if cursor.backwards else key <= place for key, _ in keyed]
    except TypeError:
        return 0
    return sum(before)


def _read(cursor: Cursor) -> list[Any] | None:
    try:
        place = orjson.loads(cursor.position or "")
    except orjson.JSONDecodeError:
        return None
    return place if isinstance(place, list) and len(place) == 2 else None


def _to_position(key: list[Any]) -> str:
    return orjson.dumps(key).decode()
