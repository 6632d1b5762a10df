"""The one connection of a process that writes to SQLite: aiosqlite's interface without its thread.

A statement of ours takes microseconds to a millisecond, and the way to a thread and back costs more than that, above
all while the event loop is busy: whoever wants to run Python again has to wait for the interpreter's lock. What waits
for the disk or for another process does not hold the loop: COMMIT (a write to the disk that is waited for) runs in a
thread, which needs no lock meanwhile, and BEGIN IMMEDIATE asks again in short steps.
(docs/decisions/0007-writes-on-the-event-loop.md)
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_SHORTEST_WAIT = 0.002
_LONGEST_WAIT = 0.05
_BEGIN = "BEGIN IMMEDIATE"


class InlineConnection:
    """What SQLAlchemy's aiosqlite dialect asks of a connection. `patience` is in seconds."""

    def __init__(self, path: str, patience: float) -> None:
        self._patience = patience
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, isolation_level=None, timeout=0, check_same_thread=False, cached_statements=256
        )
        self._disk = ThreadPoolExecutor(1, "sqlite-commit")

    @property
    def driver(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("The connection is closed.")
        return self._connection

    @property
    def isolation_level(self) -> str | None:
        return self.driver.isolation_level

    def cursor(self) -> "InlineCursor":
        return InlineCursor(self, self.driver.cursor())

    async def create_function(self, *arguments: Any, **options: Any) -> None:
        self.driver.create_function(*arguments, **options)

    async def begin(self) -> None:
        """Take the write lock, waiting for another process up to the patience. Raises sqlite3.OperationalError."""
        loop = asyncio.get_running_loop()
        ends_at, wait = loop.time() + self._patience, _SHORTEST_WAIT
        while True:
            try:
                self.driver.execute(_BEGIN)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or loop.time() >= ends_at:
                    raise
            else:
                return
            await asyncio.sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

    async def commit(self) -> None:
        """Durable when it returns. A caller that is cancelled meanwhile still waits for the outcome: a connection whose
        commit is under way must not be given to the next."""
        if not self.driver.in_transaction:
            return
        ended = asyncio.get_running_loop().run_in_executor(self._disk, self.driver.execute, "COMMIT")
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            await asyncio.wait([ended])
            raise

    async def rollback(self) -> None:
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._disk.shutdown(wait=False)


class InlineCursor:
    """Runs where it is called."""

    def __init__(self, connection: InlineConnection, cursor: sqlite3.Cursor) -> None:
        self._owner = connection
        self._cursor = cursor
        self.arraysize = cursor.arraysize

    async def __aenter__(self) -> "InlineCursor":
        return self

    @property
    def description(self) -> Any:
        return self._cursor.description

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._cursor.lastrowid

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        if statement == _BEGIN:
            await self._owner.begin()
        else:
            self._cursor.execute(statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        self._cursor.executemany(statement, parameters)

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._cursor.fetchmany(self.arraysize if size is None else size)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()
