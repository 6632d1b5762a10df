"""Connections to SQLite. The writing one has aiosqlite's interface without its thread.

A statement takes microseconds to a millisecond. Handing it to a thread costs more than that, above all while the event
loop is busy, because the thread has to wait for the interpreter's lock. Waiting for the disk or for another process
does not block the loop: COMMIT, which waits for the disk, runs in a thread without the lock, and BEGIN IMMEDIATE is
tried again in short intervals (docs/decisions/0007-writes-on-the-event-loop.md).
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Timer
from typing import Any

from sqlalchemy import Dialect, event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from packhouse.kit.db.statements import CompiledStatements

_SHORTEST_WAIT = 0.002
_LONGEST_WAIT = 0.05
_BEGIN = "BEGIN IMMEDIATE"
# Rows of one statement. Few sizes, because the text of each and what the driver makes of it are kept: with as many
# sizes as there are numbers of rows, a process grew by tens of megabytes.
_SIZES = (100, 20, 5, 1)
# Fewer rows are written where they are given: the way to the thread costs more.
_WORTH_THE_WAY = 5
# Changed rows until what was committed is moved from the log into the file, and the pages of the log (4 kB each) at
# which the connection that writes no longer leaves that to another (docs/decisions/0034-checkpoints-beside.md).
_MOVED_AFTER = 500
_LONGEST_LOG = 4_000
# How soon it is tried again to cut back a log that a reader holds.
_TRIED_AGAIN_SECONDS = 1.0


class InlineConnection:
    """The interface that SQLAlchemy's aiosqlite dialect expects of a connection. `lock_timeout` is in seconds."""

    def __init__(self, path: str, lock_timeout: float) -> None:
        self._lock_timeout = lock_timeout
        self._connection: sqlite3.Connection | None = sqlite3.connect(
            path, isolation_level=None, timeout=0, check_same_thread=False, cached_statements=256
        )
        self._thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._postponed: list[tuple[str, Sequence[Any]]] = []
        self._checkpoints = _Checkpoints(path)

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
        """Take the write lock, waiting for another process up to the lock timeout. Raises sqlite3.OperationalError."""
        loop = asyncio.get_running_loop()
        ends_at, wait = loop.time() + self._lock_timeout, _SHORTEST_WAIT
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
        """Return when the transaction is durable."""
        if self.driver.in_transaction:
            await self._run(self._write, [*self._take_postponed(), ("COMMIT", ())])
            self._checkpoints.follow(self.driver.total_changes)

    def upsert(self, table: str, names: tuple[str, ...], keys: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> None:
        """Insert rows, replacing those whose key exists: many before the next statement or with the commit. A statement
        with a whole batch takes milliseconds, mostly without the interpreter's lock. That is worth a thread, but only
        once per transaction, since the file is locked meanwhile."""
        if len(rows) < _WORTH_THE_WAY and not self._postponed:
            text = _to_upsert(table, names, keys, 1)
            for row in rows:
                self.driver.execute(text, row)
            return
        start = 0
        for size in _SIZES:
            text = _to_upsert(table, names, keys, size)
            while len(rows) - start >= size:
                part = rows[start : start + size]
                self._postponed.append((text, list(chain.from_iterable(part))))
                start += size

    async def fetch(self, statement: str, parameters: Sequence[Any]) -> sqlite3.Cursor:
        """Run the statement here, after postponed ones."""
        await self.catch_up()
        return self.driver.execute(statement, parameters)

    async def catch_up(self) -> None:
        if self._postponed:
            await self._run(self._write, self._take_postponed())

    def _take_postponed(self) -> list[tuple[str, Sequence[Any]]]:
        taken, self._postponed = self._postponed, []
        return taken

    def _write(self, statements: Sequence[tuple[str, Sequence[Any]]]) -> None:
        for statement, parameters in statements:
            self.driver.execute(statement, parameters)

    async def _run(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Run in the thread. A cancelled caller still waits for the result: a connection with a running statement must
        not be given to the next caller."""
        ended = asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)
        try:
            await asyncio.shield(ended)
        except asyncio.CancelledError:
            await asyncio.wait([ended])
            raise

    async def rollback(self) -> None:
        self._postponed.clear()
        if self.driver.in_transaction:
            self.driver.execute("ROLLBACK")

    async def close(self) -> None:
        self.stop()

    def stop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._thread.shutdown(wait=False)
        self._checkpoints.stop()


class _Checkpoints:
    """Moves committed pages from the log into the file on a connection of its own, without waiting for anybody. SQLite
    does this in the COMMIT that finds the log long, which took a third of the time of all commits
    (docs/decisions/0034-checkpoints-beside.md)."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "sqlite-checkpoints")
        self._connection: sqlite3.Connection | None = None
        self._moving: Future[None] | None = None
        self._again: Timer | None = None
        self._changes = 0

    def follow(self, changes: int) -> None:
        """`changes`: rows that the writing connection has changed so far."""
        if changes - self._changes >= _MOVED_AFTER and (self._moving is None or self._moving.done()):
            self._changes = changes
            self._moving = self._thread.submit(self._move)

    def _move(self) -> None:
        # A disk that is full, or another process that is at it: whoever writes tries again, and tells.
        with suppress(sqlite3.Error):
            if self._connection is None:
                self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0, check_same_thread=False)
                self._connection.execute("PRAGMA synchronous = FULL")
            _, pages, _ = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages > _LONGEST_LOG:
                self._cut(self._connection)

    def _cut(self, connection: sqlite3.Connection) -> None:
        """A long read has made the log grow: truncate it as soon as the read ends, even if nobody writes any more."""
        is_held, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_held:
            self._again = Timer(_TRIED_AGAIN_SECONDS, self._retry)
            self._again.daemon = True
            self._again.start()

    def _retry(self) -> None:
        with suppress(RuntimeError):  # closed meanwhile
            self._thread.submit(self._move)

    def stop(self) -> None:
        self._thread.shutdown(wait=True)
        if self._again is not None:
            self._again.cancel()
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class InlineCursor:
    """A cursor that runs its statements at once."""

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
            await self._owner.catch_up()
            self._cursor.execute(statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        await self._owner.catch_up()
        self._cursor.executemany(statement, parameters)

    async def fetchone(self) -> Any:
        return self._cursor.fetchone()

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        return self._cursor.fetchmany(self.arraysize if size is None else size)

    async def fetchall(self) -> list[Any]:
        return self._cursor.fetchall()

    async def close(self) -> None:
        self._cursor.close()


class PointReads:
    """Reads on the event loop, on a connection of their own. The reads of one iteration of the loop share one
    transaction: taking and releasing its lock costs more than reading a row. They see what was committed before the
    request arrived, because requests arrive between two iterations (docs/decisions/0004-direct-reads-on-sqlite.md)."""

    def __init__(self, path: str, dialect: Dialect) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=0.1)
        self._statements = CompiledStatements(dialect)
        self._connection.execute("PRAGMA query_only = ON")
        self._connection.execute("PRAGMA cache_size = -16000")

    async def fetch_one(self, statement: Any, values: dict[str, Any]) -> Any:
        """Raises sqlite3.Error."""
        if not self._connection.in_transaction:
            self._connection.execute("BEGIN")
            asyncio.get_running_loop().call_soon(self._end)
        compiled = self._statements.compile(statement)
        row = self._connection.execute(compiled.sql, compiled.order(values)).fetchone()
        return None if row is None else compiled.row(*row)

    def _end(self) -> None:
        with suppress(sqlite3.ProgrammingError):  # closed meanwhile
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")

    def count(self) -> int:
        """Return the connections that are in use: none, between two iterations."""
        return 0

    async def close(self) -> None:
        self._connection.close()


def make_private(path: Path) -> None:
    """Create the file with access for its owner only, because it holds names and addresses. SQLite gives its log and
    index the same mode."""
    with suppress(OSError):  # whoever opens it next says why
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


def empty_log(path: str, lock_timeout: float) -> bool:
    """Return whether all commits are in the file now and the log, which holds old pages, is empty. It waits for
    readers, so do not call it on the event loop."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=lock_timeout)
    try:
        (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return not is_busy


def make_engines(url: URL, lock_timeout: float, pool_size: int) -> tuple[AsyncEngine, AsyncEngine]:
    """Return an engine that reads on this many connections in threads, and one that writes on `InlineConnection`."""

    async def connect() -> InlineConnection:
        return InlineConnection(str(url.database), lock_timeout)

    def set_up(connection: Any, _record: Any) -> None:
        if connection.isolation_level is not None:
            connection.isolation_level = None  # we begin and commit; the driver does nothing by itself
        cursor = connection.cursor()
        wait = int(lock_timeout * 1000)
        for pragma in (f"busy_timeout = {wait}", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        if isinstance(connection.driver_connection, InlineConnection):
            cursor.execute("PRAGMA busy_timeout = 0")  # from here on it waits by itself, without holding the loop
            cursor.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
            # What is deleted or replaced leaves no bytes behind: most builds of SQLite do so anyway.
            cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    def make(size: int, reset: Any, **options: Any) -> AsyncEngine:
        engine = create_async_engine(
            url,
            poolclass=AsyncAdaptedQueuePool,
            pool_size=size,
            max_overflow=0,
            pool_timeout=lock_timeout,
            pool_reset_on_return=reset,
            hide_parameters=True,
            **options,
        )
        event.listen(engine.sync_engine, "connect", set_up)
        return engine

    writer = make(1, "rollback", async_creator=connect)
    # The write lock is taken at the start: a transaction that reads first and writes later could not wait for it.
    event.listen(writer.sync_engine, "begin", lambda connection: connection.exec_driver_sql(_BEGIN))
    return make(pool_size, None), writer


@lru_cache(256)
def _to_upsert(table: str, names: tuple[str, ...], keys: tuple[str, ...], count: int) -> str:
    values = ", ".join([f"({', '.join('?' * len(names))})"] * count)
    changed = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    listed = ", ".join(f'"{name}"' for name in names)
    into = f"INSERT INTO {table} ({listed}) VALUES {values}"  # noqa: S608 - names of our own tables and columns
    return f"{into} ON CONFLICT ({', '.join(keys)}) DO {f'UPDATE SET {changed}' if changed else 'NOTHING'}"
