"""Rate limits (contract, section 8): counted for each account over all workers and processes, in one statement.

A limit is so many calls in any window of so many seconds. Counted is by fixed windows, the one before weighed by how
much of it the last `seconds` still cover: a row an account and kind, whatever the limit, and no edge at which twice as
many pass. A call that is refused is not counted, so that trying too early costs nothing.

On PostgreSQL the counters stand in a table that is not logged; on SQLite in a file of their own beside the database,
so that counting waits neither for the disk nor for whoever is writing orders. Lost counters are no harm.
"""

import math
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Table, Text, text

from packhouse.kit import errors
from packhouse.kit.db import Database, metadata

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


class Limit(NamedTuple):
    name: str
    calls: int
    seconds: int


class Policy(NamedTuple):
    """The limit of a kind of calls, and what may come at once of it where that is limited too."""

    limit: Limit
    burst: Limit | None = None

    def limits(self) -> list[Limit]:
        return [self.limit] if self.burst is None else [self.limit, self.burst]


READ, WRITE = "read", "write"
DOCUMENTED = {
    READ: Policy(Limit("read", 1000, 60)),
    WRITE: Policy(Limit("write", 100, 60), Limit("burst", 15, 1)),
}
_NO_BURST = Limit("none", 10**9, 1)
_WEIGHT = 1000


class _Window(NamedTuple):
    """Which window of a limit an instant lies in, and how much of the one before still counts, in thousandths."""

    slot: int
    weight: int

    @classmethod
    def at(cls, limit: Limit, now: float) -> "_Window":
        slot, passed = divmod(now, limit.seconds)
        return cls(int(slot), _WEIGHT - int(passed * _WEIGHT / limit.seconds))


def _now(name: str) -> tuple[str, str]:
    """The calls of this window and of the one before, from a row that may be of an earlier one. A row of a later one
    comes from a server whose clock is ahead: it counts as this one."""
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
    return f"({current}) * {_WEIGHT} + ({previous}) * {weight} + {_WEIGHT} <= {calls} * {_WEIGHT}"


_COLUMNS = "slot, used, before, burst_slot, burst_used, burst_before"
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


class Limiter:
    """`take` counts a call or raises Throttled; either way the headers say how much is left."""

    def __init__(self, db: Database, policies: dict[str, Policy]) -> None:
        self._db = db
        self._policies = policies
        self._file: sqlite3.Connection | None = None

    async def take(self, account_id: int, kind: str, now: datetime) -> dict[str, str]:
        policy, at = self._policies[kind], now.timestamp()
        limits = (policy.limit, policy.burst or _NO_BURST)
        values: dict[str, Any] = {"account_id": account_id, "kind": kind}
        for name, limit in zip(("", "burst_"), limits, strict=True):
            window = _Window.at(limit, at)
            values |= {f"{name}slot": window.slot, f"{name}weight": window.weight, f"{name}calls": limit.calls}
        taken, row = await self._count(values)
        states = [_State.of(limit, row[i : i + 3], at) for limit, i in zip(policy.limits(), (0, 3), strict=False)]
        headers = _to_headers(states)
        if not taken:
            raise _throttled(states, headers)
        return headers

    async def _count(self, values: dict[str, Any]) -> tuple[bool, Sequence[Any]]:
        if self._db.is_sqlite:
            return self._count_in_file(values)
        async with self._db.write() as tx:
            row = (await tx.execute(text(_TAKE), values)).first()
            seen = row or (await tx.execute(text(_LOOK), {n: values[n] for n in ("account_id", "kind")})).one()
        return row is not None, list(seen)

    def _count_in_file(self, values: dict[str, Any]) -> tuple[bool, Sequence[Any]]:
        try:
            row = self._open().execute(_TAKE, values).fetchone()
            return row is not None, row or self._open().execute(_LOOK, values).fetchone()
        except sqlite3.Error as error:
            raise errors.Unavailable(f"The rate counters cannot be used: {error.sqlite_errorname}.") from error

    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            self._file = sqlite3.connect(f"{self._db.url.database}-limits", isolation_level=None, timeout=1)
            for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = OFF", _CREATE):
                self._file.execute(statement)
        return self._file

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class _State(NamedTuple):
    limit: Limit
    left: int
    wait_seconds: float

    @classmethod
    def of(cls, limit: Limit, counted: Sequence[int], now: float) -> "_State":
        """`wait_seconds` is how long until one more call has room."""
        slot, used, before = counted
        window = _Window.at(limit, now)
        if slot < window.slot:
            used, before = 0, used if slot == window.slot - 1 else 0
        passed = now % limit.seconds
        weighed = used + before * window.weight / _WEIGHT
        return cls(limit, max(0, math.floor(limit.calls - weighed)), cls._wait(limit, used, before, passed))

    @staticmethod
    def _wait(limit: Limit, used: int, before: int, passed: float) -> float:
        room = limit.calls - 1 - used
        if room >= 0:  # later in this window, when less of the one before counts
            return 0.0 if before <= room else max(0.0, (1 - room / before) * limit.seconds - passed)
        return limit.seconds - passed + (1 - (limit.calls - 1) / used) * limit.seconds


def _to_headers(states: Sequence[_State]) -> dict[str, str]:
    """As the IETF's draft of RateLimit header fields has them: what is left, and in how many seconds there is more."""
    policy = ", ".join(f'"{state.limit.name}";q={state.limit.calls};w={state.limit.seconds}' for state in states)
    left = ", ".join(f'"{state.limit.name}";r={state.left};t={math.ceil(state.wait_seconds)}' for state in states)
    return {"RateLimit-Policy": policy, "RateLimit": left}


def _throttled(states: Sequence[_State], headers: dict[str, str]) -> errors.Throttled:
    seconds = max(1, math.ceil(max(state.wait_seconds for state in states)))
    full = max(states, key=lambda state: state.wait_seconds).limit
    detail = f"At most {full.calls} calls of this kind in {full.seconds} s. Please try again in {seconds} s."
    return errors.Throttled(errors.Fault("throttled", detail), {**headers, "Retry-After": str(seconds)})
