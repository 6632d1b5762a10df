"""Chooses where lists are read: on a streaming replica that has all writes, otherwise on the primary.

A client that has written sees what it wrote. Before a list, the primary says up to which position its log is durable,
which covers every answered write, and the replica says whether it has replayed that position. These queries touch no
table, no process remembers who wrote, and the result holds for any number of workers. A replica that hangs delays
nobody for long: its list is read from the primary, and for a while no other list is sent to it
(docs/decisions/0067-a-replica-that-hangs.md).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import structlog
from sqlalchemy import text

from packhouse.kit import errors
from packhouse.kit.db import Database, DatabaseUrlError, Reader

T = TypeVar("T")
Work = Callable[[Reader], Awaitable[T]]

# A replica is a few milliseconds behind; one that is farther is not waited for.
_LOOKS = 6
_BETWEEN_LOOKS_SECONDS = 0.005

# Who has waited for so long asks whether the replica is there at all, and waits on if it is: a list may be a long one.
_PATIENCE_SECONDS = 0.12
_PROBE_SECONDS = 0.08
_PASSED_OVER_SECONDS = 10.0

_WRITTEN = text("SELECT CAST(pg_current_wal_flush_lsn() AS text)")
_HAS_REPLAYED = text("SELECT pg_last_wal_replay_lsn() >= CAST(CAST(:place AS text) AS pg_lsn)")
_PROBE = text("SELECT 1")

_log = structlog.get_logger()


class _PassedOver(Exception):
    """The replica is behind, unreachable or hanging: the primary has to answer."""


class ReplicaReads:
    """Reads of lists; `replica` is a database with a pool of its own, or None."""

    def __init__(self, primary: Database, replica: Database | None = None) -> None:
        if replica is not None and (primary.is_sqlite or replica.is_sqlite):
            raise DatabaseUrlError("Only PostgreSQL has replicas: both database URLs must be postgresql://…")
        self._primary = primary
        self.replica = replica
        self._passed_over_until = 0.0
        self._answered_at = 0.0
        self._abandoned: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        if self._abandoned:
            await asyncio.wait(self._abandoned)
        if self.replica is not None:
            await self.replica.close()

    async def read(self, work: Work[T]) -> T:
        """Return the result of `work`, which gets a reader as from `Database.read` and sees everything that was written
        before. It may start on the replica and run again on the primary."""
        if self.replica is not None and time.monotonic() >= self._passed_over_until:
            with suppress(_PassedOver):
                return await self._read_replica(self.replica, work)
        async with self._primary.read() as connection:
            return await work(connection)

    async def _read_replica(self, replica: Database, work: Work[T]) -> T:
        """Raises _PassedOver."""
        async with self._primary.read() as tx:
            place = (await tx.execute(_WRITTEN)).scalar_one()
        if self._passed_over_until:  # it hung: others keep away until this one has an answer
            self._passed_over_until = time.monotonic() + _PASSED_OVER_SECONDS
        reading = asyncio.create_task(self._try_replica(replica, place, work))
        try:
            while not (await asyncio.wait([reading], timeout=_PATIENCE_SECONDS))[0]:
                if not await self._answers(replica):
                    self._passed_over_until = time.monotonic() + _PASSED_OVER_SECONDS
                    _log.warning("replica passed over", seconds=_PASSED_OVER_SECONDS)
                    raise _PassedOver
        finally:
            self._abandon(reading)
        self._passed_over_until = 0.0
        return await reading

    async def _try_replica(self, replica: Database, place: str, work: Work[T]) -> T:
        """Raises _PassedOver."""
        try:
            async with replica.read() as connection:
                if not await _has_replayed(connection, place):
                    raise _PassedOver
                self._answered_at = time.monotonic()
                result = await work(connection)
                self._answered_at = time.monotonic()
                return result
        except errors.Unavailable as away:
            raise _PassedOver from away

    async def _answers(self, replica: Database) -> bool:
        """Return whether the replica answers at all; an answer to somebody else counts if all its connections are in
        use."""
        began = time.monotonic()
        probing = asyncio.create_task(_probe(replica))
        try:
            done, _ = await asyncio.wait([probing], timeout=_PROBE_SECONDS)
        finally:
            self._abandon(probing)
        return self._answered_at >= began or (bool(done) and probing.exception() is None)

    def _abandon(self, task: "asyncio.Task[Any]") -> None:
        """End the connection without waiting: closing one that hangs takes the driver seconds."""
        if not task.done():
            task.cancel()
            self._abandoned.add(task)
            task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._abandoned.discard(task)
        if not task.cancelled():
            task.exception()  # looked at, or the loop would tell of it


async def _probe(replica: Database) -> None:
    async with replica.read() as connection:
        await connection.execute(_PROBE)


async def _has_replayed(connection: Reader, place: str) -> bool:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
        # Nothing, where it is no replica any more.
        if (await connection.execute(_HAS_REPLAYED, {"place": place})).scalar_one():
            return True
    return False
