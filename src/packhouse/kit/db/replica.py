"""Where lists are read: a streaming replica as far as it has all that was written, else the primary.

A client that has written sees what it wrote: before a list, the primary is asked how far its log is durable, which
covers every write that was answered, and the replica whether it has replayed that. The question costs no table and no
row, nothing is remembered in a process, and it holds over any number of workers.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy import text

from packhouse.kit import errors
from packhouse.kit.db import Database, DatabaseUrlError, Reader

# A replica is a few milliseconds behind; one that is farther is not waited for.
_LOOKS = 6
_BETWEEN_LOOKS_SECONDS = 0.005

_WRITTEN = text("SELECT CAST(pg_current_wal_flush_lsn() AS text)")
_HAS_REPLAYED = text("SELECT pg_last_wal_replay_lsn() >= CAST(CAST(:place AS text) AS pg_lsn)")


class Lists:
    """Reads of lists; `replica` is a database of its own, with a pool of its own, or None."""

    def __init__(self, primary: Database, replica: Database | None = None) -> None:
        if replica is not None and (primary.is_sqlite or replica.is_sqlite):
            raise DatabaseUrlError("Only PostgreSQL has replicas: both database URLs must be postgresql://…")
        self._primary = primary
        self.replica = replica

    async def close(self) -> None:
        if self.replica is not None:
            await self.replica.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Like `Database.read`; what was written before it began is there."""
        async with AsyncExitStack() as stack:
            connection = None if self.replica is None else await self._find(self.replica, stack)
            if connection is None:
                connection = await stack.enter_async_context(self._primary.read())
            yield connection

    async def _find(self, replica: Database, stack: AsyncExitStack) -> Reader | None:
        """A connection to the replica, closed with the stack; None where it is away or behind."""
        async with self._primary.read() as tx:
            place = (await tx.execute(_WRITTEN)).scalar_one()
        try:
            async with AsyncExitStack() as own:
                connection = await own.enter_async_context(replica.read())
                if await _has_replayed(connection, place):
                    stack.push_async_exit(own.pop_all())
                    return connection
        except errors.Unavailable:
            return None
        return None


async def _has_replayed(connection: Reader, place: str) -> bool:
    for look in range(_LOOKS):
        if look:
            await asyncio.sleep(_BETWEEN_LOOKS_SECONDS)
        # Nothing, where it is no replica any more.
        if (await connection.execute(_HAS_REPLAYED, {"place": place})).scalar_one():
            return True
    return False
