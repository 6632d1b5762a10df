"""Rows on disk, so that all rows of one order are found wherever in a file they stand, whatever its size."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import orjson

from packhouse.orders.files.records import MAX_RECORD, Row

_BUFFERED = 500
_CACHE_KILOBYTES = 8_000


class Group(NamedTuple):
    """The rows of one order in the file's order, and whether there were more than a record may hold."""

    rows: list[Row]
    is_too_long: bool


class Spool:
    """Rows put in one after the other, each with the key of its order, and given out order by order.

    The file has no name (`""`): it is gone with the process, however that ends.
    """

    def __init__(self) -> None:
        self._db = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        for name, value in (("journal_mode", "OFF"), ("synchronous", "OFF"), ("cache_size", f"-{_CACHE_KILOBYTES}")):
            self._db.execute(f"PRAGMA {name} = {value}")
        self._db.execute("CREATE TABLE runs (seq INTEGER PRIMARY KEY, key TEXT, is_long INTEGER, rows BLOB)")
        self._db.execute("BEGIN")
        self._waiting: list[tuple[str | None, bool, bytes]] = []
        self._key: str | None = None
        self._rows: list[Row] = []
        self._size = 0
        self._dropped: str | None = None

    def add(self, key: str | None, row: Row) -> None:
        """A row without a key is an order of its own, but `extend` may be called for those that follow it."""
        if self._rows and (key is None or key != self._key):
            self._end_run()
        self._key = key
        self.extend(row)

    def extend(self, row: Row) -> None:
        """Put in a row of the order that the last one was of."""
        _, cells = row
        self._size += 50 + sum(map(len, cells))
        if self._size <= MAX_RECORD or not self._rows:
            self._rows.append(row)

    def has_run(self) -> bool:
        return bool(self._rows)

    def drop_last(self) -> None:
        """Forget the run that was being put in: the file broke, and rows of it may be missing."""
        self._dropped = self._key if self._rows else None
        self._rows, self._size = [], 0

    def _end_run(self) -> None:
        self._waiting.append((self._key, self._size > MAX_RECORD, orjson.dumps(self._rows)))
        self._rows, self._size = [], 0
        if len(self._waiting) >= _BUFFERED:
            self._write()

    def _write(self) -> None:
        self._db.executemany("INSERT INTO runs (key, is_long, rows) VALUES (?, ?, ?)", self._waiting)
        self._waiting = []

    def end(self) -> bool:
        """Find what lies apart; whether anything does."""
        if self._rows:
            self._end_run()
        self._write()
        self._db.execute("CREATE INDEX runs_key ON runs (key)")
        self._db.execute("CREATE TABLE apart (key TEXT PRIMARY KEY, first INTEGER)")
        self._db.execute(
            "INSERT INTO apart SELECT key, MIN(seq) FROM runs WHERE key IS NOT NULL GROUP BY key HAVING COUNT(*) > 1"
        )
        return self._has("SELECT 1 FROM apart LIMIT 1") or self._has(
            "SELECT 1 FROM runs WHERE key = ? LIMIT 1", self._dropped
        )

    def _has(self, statement: str, *values: str | None) -> bool:
        return self._db.execute(statement, values).fetchone() is not None

    def groups(self) -> Iterator[Group]:
        """Orders where the first row of each stands."""
        runs = self._db.cursor().execute(
            "SELECT seq, runs.key, is_long, rows, first FROM runs LEFT JOIN apart ON apart.key = runs.key ORDER BY seq"
        )
        for seq, key, is_long, rows, first in runs:
            if first is None:
                yield Group(_to_rows(rows), bool(is_long))
            elif first == seq:
                yield self._gather(key)

    def _gather(self, key: str) -> Group:
        found: list[Row] = []
        size, is_long = 0, False
        parts = self._db.cursor().execute("SELECT is_long, rows FROM runs WHERE key = ? ORDER BY seq", (key,))
        for part_is_long, rows in parts:
            size += len(rows)
            is_long = is_long or bool(part_is_long) or size > MAX_RECORD
            if not is_long or not found:
                found += _to_rows(rows)
        return Group(found, is_long)

    def close(self) -> None:
        self._db.close()


def _to_rows(rows: bytes) -> list[Row]:
    return [(line, cells) for line, cells in orjson.loads(rows)]


def to_key(cells: Sequence[str]) -> str:
    return "\x1f".join(cells)
