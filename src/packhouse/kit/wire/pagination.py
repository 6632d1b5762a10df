"""Keyset pagination: a place in a sorted list is the sort values of a row, so that every page costs the same.

A cursor on the wire is base64 of a query string: `r` (1: backwards), `p` (position), `o` (offset). The position in a
list that is sorted by id is that id, `cj0xJnA9MzAw` = `r=1&p=300`; any other is a JSON list of the sort values.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

import orjson
from sqlalchemy import ColumnElement, Select, and_, or_, tuple_

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message

T = TypeVar("T")
U = TypeVar("U")

# Offsets are counted row by row; our own cursors never carry one, so only a hand-made cursor meets this limit.
MAX_OFFSET = 10_000
_MAX_POSITION = 4_000


class Key(NamedTuple):
    """A column to sort by; `parse` turns a position's JSON value into the column's value or raises ValueError."""

    column: ColumnElement[Any]
    descending: bool
    parse: Any


@dataclass(frozen=True, slots=True)
class Cursor:
    position: str | None = None
    backwards: bool = False
    offset: int = 0

    def encode(self) -> str:
        fields: dict[str, Any] = {"r": 1} if self.backwards else {}
        if self.position is not None:
            fields["p"] = self.position
        return base64.b64encode(urlencode(fields or {"o": 0}).encode()).decode()


def invalid_cursor() -> errors.NotFound:
    return errors.NotFound(errors.ErrorItem("not_found", message("Invalid cursor"), title="Invalid cursor"))


def decode(text: str | None) -> Cursor:
    """Raises NotFound for a cursor that cannot be read."""
    if not text:
        return Cursor()
    try:
        padded = text.replace(" ", "+") + "=" * (-len(text) % 4)
        query = base64.b64decode(padded, altchars=b"-_" if "-" in text or "_" in text else None, validate=True)
        fields = dict(parse_qsl(query.decode(), keep_blank_values=True, strict_parsing=True))
        return _from_fields(fields)
    except (ValueError, binascii.Error):
        raise invalid_cursor() from None


def _from_fields(fields: dict[str, str]) -> Cursor:
    offset = int(fields.get("o", "0"))
    position = fields.get("p")
    if fields.get("r", "0") not in ("0", "1") or not 0 <= offset <= MAX_OFFSET or len(position or "") > _MAX_POSITION:
        raise ValueError
    return Cursor(position, fields.get("r") == "1", offset)


class Order:
    """The order of a list: its keys, the last of which is unique, so that a position identifies one place."""

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys

    def apply(self, statement: Select[Any], cursor: Cursor, limit: int) -> Select[Any]:
        """Select up to `limit` rows after (or, backwards, before) the cursor's place; backwards, the nearest come
        first."""
        found = self.take(statement, self.read(cursor), cursor.backwards, limit)
        return found.offset(cursor.offset or None)

    def take(self, statement: Select[Any], values: Sequence[Any] | None, backwards: bool, limit: int) -> Select[Any]:
        """Select rows from the place with these sort values, or from the list's start (backwards: its end)."""
        if values is not None:
            statement = statement.where(self._after(values, backwards))
        return statement.order_by(*self.directed([key.column for key in self.keys], backwards)).limit(limit)

    def directed(self, columns: Sequence[ColumnElement[Any]], backwards: bool) -> list[ColumnElement[Any]]:
        """Return the columns, one per key, in the direction of the key."""
        pairs = zip(columns, self.keys, strict=True)
        return [column.desc() if key.descending != backwards else column.asc() for column, key in pairs]

    def position(self, values: Sequence[Any]) -> str:
        return str(values[0]) if len(values) == 1 else orjson.dumps(list(values), default=str).decode()

    def read(self, cursor: Cursor) -> list[Any] | None:
        """Return the sort values of the cursor's place. Raises NotFound for a position of another order."""
        position = cursor.position
        if position is None:
            return None
        try:
            raw = [int(position)] if len(self.keys) == 1 else orjson.loads(position)
            return [key.parse(value) for key, value in zip(self.keys, list(raw), strict=True)]
        except (ValueError, TypeError):
            raise invalid_cursor() from None

    def _after(self, values: Sequence[Any], backwards: bool) -> ColumnElement[bool]:
        """Select rows strictly after the position: one comparison of rows if all keys have one direction, which an
        index can answer."""
        directions = {key.descending != backwards for key in self.keys}
        if len(directions) == 1:
            row = tuple_(*(key.column for key in self.keys))
            place = tuple_(*values, types=[key.column.type for key in self.keys])
            return row < place if directions.pop() else row > place
        alternatives = []
        for i, key in enumerate(self.keys):
            same = [k.column == v for k, v in zip(self.keys[:i], values[:i], strict=True)]
            beyond = key.column < values[i] if key.descending != backwards else key.column > values[i]
            alternatives.append(and_(*same, beyond))
        # The first key's bound is repeated so that an index can start there instead of reading from the list's end.
        first = self.keys[0]
        bound = first.column <= values[0] if first.descending != backwards else first.column >= values[0]
        return and_(bound, or_(*alternatives))


class Page(NamedTuple, Generic[T]):
    """Rows in the list's order, and the cursors of the pages beside them where there are any."""

    rows: Sequence[T]
    previous: Cursor | None
    next: Cursor | None

    def with_rows(self, rows: Sequence[U]) -> "Page[U]":
        return Page(rows, self.previous, self.next)


def to_int(value: Any) -> int:
    if type(value) is not int or not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def to_text(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError
    return value


# Up to so many rows beyond the cursor's place, nearest first; their columns begin with the order's keys.
Finder = Callable[[Cursor, int], Select[Any]]


async def fetch_page(
    tx: Reader,
    statement: Select[Any],
    order: Order,
    cursor: Cursor,
    size: int,
    *,
    into: Callable[..., T] | None = None,
) -> Page[T]:
    """Fetch a page. The statement's columns must begin with the order's keys; its rows are made `into` a NamedTuple.
    It takes two statements at most, at any size and depth."""
    page = await find_page(tx, partial(order.apply, statement), order, cursor, size)
    return page if into is None else page.with_rows([into(*row) for row in page.rows])


async def find_page(tx: Reader, find: Finder, order: Order, cursor: Cursor, size: int) -> Page[Any]:
    """Find a page whose rows are found by a statement of the caller's own."""
    rows = list(await tx.fetch_all(find(cursor, size + 1)))
    more, rows = len(rows) > size, rows[:size]
    if cursor.backwards:
        rows.reverse()
    place = len(order.keys)
    ahead = Cursor(order.position(rows[-1][:place])) if rows else Cursor()
    behind = Cursor(order.position(rows[0][:place]) if rows else None, backwards=True)
    # The way the page was read, the row past its end tells; the other way there may be rows unless this is the start.
    started = cursor.position is not None or cursor.offset > 0 or cursor.backwards
    other = ahead if cursor.backwards else behind
    found = started and await tx.fetch_one(find(other, 1)) is not None
    if cursor.backwards:
        return Page(rows, behind if more else None, ahead if found else None)
    return Page(rows, behind if found else None, ahead if more else None)


def slice_page(ids: Sequence[int], key: Callable[[int], Any], cursor: Cursor, size: int) -> Page[int]:
    """Return a page of a short list in memory, sorted by `key`, whose rows are ids. A deleted id keeps the place that
    it had. Raises NotFound for a position that is no id."""
    found = sorted(ids, key=key)
    start = cursor.offset
    if cursor.position is not None:
        if not _ID.fullmatch(cursor.position):
            raise invalid_cursor()
        place = key(int(cursor.position))
        start += sum(key(id) <= place for id in found)
    if cursor.backwards:
        before = found if cursor.position is None else [id for id in found if key(id) < place]
        found, start = before, max(len(before) - size, 0)
        after = sorted(ids, key=key)[len(before) :]
        rows = found[start:]
        is_more = bool(after)
    else:
        rows = found[start : start + size]
        is_more = len(found) > start + size
    ahead = Cursor(str(rows[-1])) if rows and is_more else None
    behind = Cursor(str(rows[0]), backwards=True) if rows and start else None
    return Page(rows, behind, ahead)


_ID = re.compile(r"[0-9]{1,18}")
