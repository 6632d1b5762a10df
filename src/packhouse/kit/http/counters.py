"""Storage of the rate limits' counters: an unlogged table in PostgreSQL, or a file beside a SQLite database, so that
counting waits neither for the disk nor for a write of orders. Losing counters does no harm.

There is a row per account and kind. For the limit and for its burst, it has the window (`slot`), the calls in it and
those in the window before. Counting is one statement, which only returns the row if there was room.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import BigInteger, Column, Table, Text, text

from packhouse.kit import errors
from packhouse.kit.db import Database, Transaction
from packhouse.kit.db.columns import metadata
from packhouse.kit.messages import message

rate_counters = Table(
    "rate_counters",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True),
    *(
        Column(f"{name}{part}", BigInteger, nullable=False)
        for name in ("", "burst_")
        for part in ("slot", "used", "before")
    ),
    prefixes=["UNLOGGED"],
    info={"only": "postgresql"},
)

WEIGHT = 1000
PARTS = ("slot", "used", "before", "burst_slot", "burst_used", "burst_before")


class Counters(Protocol):
    async def count(self, values: Mapping[str, Any]) -> tuple[bool, Sequence[int]]:
        """Return whether there was room, and the current row, in the order of `PARTS`. `values` has account_id, kind,
        and for both limits slot, calls and the weight of the window before, in thousandths."""
        ...

    async def close(self) -> None: ...


def _now(name: str) -> tuple[str, str]:
    """Return the calls of this window and the one before, from a row that may be of an earlier window. A row of a later
    window was written by a server whose clock is ahead: it counts as this one."""
    slot, used, before = (f"rate_counters.{name}{part}" for part in ("slot", "used", "before"))
    current = f"CASE WHEN {slot} >= :{name}slot THEN {used} ELSE 0 END"
    previous = f"CASE WHEN {slot} >= :{name}slot THEN {before} WHEN {slot} = :{name}slot - 1 THEN {used} ELSE 0 END"
    return current, previous


def _update(name: str) -> str:
    current, previous = _now(name)
    slot = f"rate_counters.{name}slot"
    later = f"CASE WHEN {slot} > :{name}slot THEN {slot} ELSE :{name}slot END"
    return f"{name}slot = {later}, {name}used = {current} + 1, {name}before = {previous}"


def _condition(name: str) -> str:
    current, previous = _now(name)
    weight, calls = (f"CAST(:{name}{part} AS bigint)" for part in ("weight", "calls"))
    return f"({current}) * {WEIGHT} + ({previous}) * {weight} + {WEIGHT} <= {calls} * {WEIGHT}"


_COLUMNS = ", ".join(PARTS)
_TAKE = (
    f"INSERT INTO rate_counters (account_id, kind, {_COLUMNS}) "  # noqa: S608 - made of the constants above
    "VALUES (:account_id, :kind, :slot, 1, 0, :burst_slot, 1, 0) "
    f"ON CONFLICT (account_id, kind) DO UPDATE SET {_update('')}, {_update('burst_')} "
    f"WHERE {_condition('')} AND {_condition('burst_')} RETURNING {_COLUMNS}"
)
_LOOK = f"SELECT {_COLUMNS} FROM rate_counters WHERE account_id = :account_id AND kind = :kind"  # noqa: S608
_CREATE = (
    "CREATE TABLE IF NOT EXISTS rate_counters (account_id INTEGER, kind TEXT, slot INTEGER, used INTEGER, "
    "before INTEGER, burst_slot INTEGER, burst_used INTEGER, burst_before INTEGER, PRIMARY KEY (account_id, kind))"
)


def create_counters(db: Database) -> Counters:
    return _FileCounters(f"{db.url.database}-limits") if db.is_sqlite else _TableCounters(db)


class _TableCounters:
    def __init__(self, db: Database) -> None:
        self._db = db

    async def count(self, values: Mapping[str, Any]) -> tuple[bool, Sequence[int]]:
        async def work(tx: Transaction) -> tuple[Any, Any]:
            row = await tx.fetch_one(text(_TAKE), values)
            seen = row or (await tx.execute(text(_LOOK), {n: values[n] for n in ("account_id", "kind")})).one()
            return row, seen

        row, seen = await self._db.write(work)
        return row is not None, list(seen)

    async def close(self) -> None:
        pass


class _FileCounters:
    """A statement takes microseconds, so it runs on the event loop."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: sqlite3.Connection | None = None

    async def count(self, values: Mapping[str, Any]) -> tuple[bool, Sequence[int]]:
        try:
            row = self._open().execute(_TAKE, values).fetchone()
            return row is not None, row or self._open().execute(_LOOK, values).fetchone()
        except sqlite3.Error as error:
            raise errors.Unavailable(
                message("The rate counters cannot be used: {name}.", name=error.sqlite_errorname)
            ) from error

    async def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = sqlite3.connect(self._path, isolation_level=None, timeout=1)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _CREATE):
                self._file.execute(statement)
        return self._file
