"""One SQLite file or one PostgreSQL behind the same few calls; nothing above this package depends on which.

`read` gives a `Reader`, `write` runs work in one `Transaction`, and `fetch_one` reads single rows on the hottest paths.
Errors of the database become `LockTimeout` (a lock was not available in time) or `Unavailable` (unreachable, full,
restarting).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast, overload

from sqlalchemy import Select, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from packhouse.kit import errors
from packhouse.kit.db import errors as db_errors
from packhouse.kit.db import postgres, sqlite
from packhouse.kit.db.statements import CompiledStatements
from packhouse.kit.db.transaction import Reader, Transaction
from packhouse.kit.messages import message

T = TypeVar("T")

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
# Seconds before work that crossed another transaction is done anew, the first time; then twice as long each time.
_FIRST_PAUSE = 0.005


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the message gives the reason in one line."""


class Tuning(NamedTuple):
    """Seconds that a write waits for a lock and that a statement may take, connections of one process, and whether
    PostgreSQL may keep prepared statements."""

    lock_timeout: float = 2.0
    statement_timeout: float = 30.0
    pool_size: int = 8
    prepared_statements: bool = True


DEFAULT_TUNING = Tuning()


class Database:
    """Open with `await open()`, end with `await close()`. One per process."""

    def __init__(self, url: str, tuning: Tuning = DEFAULT_TUNING) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._tuning = tuning
        self.work = asyncio.Event()  # set when there may be something for a worker in this process
        self._point_reads: sqlite.PointReads | postgres.PointReads | None = None
        self._server = postgres.Server(is_sharded=False if self.is_sqlite else None)
        if self.is_sqlite:
            self._reader, self._writer = sqlite.make_engines(self.url, tuning.lock_timeout, tuning.pool_size)
        else:
            self._writer = self._postgres_engine()
            kept = tuning.prepared_statements
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT") if kept else self._writer
        self._statements = CompiledStatements(self._writer.dialect)

    @property
    def is_sharded(self) -> bool | None:
        """Whether the database is sharded by account with Citus; None until the first connection finds out."""
        return self._server.is_sharded

    async def open(self) -> None:
        """Raises Unavailable if the database cannot be reached."""
        if self.is_sqlite:
            folder = Path(self.url.database or "").parent
            if not folder.is_dir():
                raise errors.Unavailable(message("The folder {folder} does not exist.", folder=folder))
            sqlite.make_private(Path(self.url.database or ""))
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        if self._point_reads is not None:
            await self._point_reads.close()
            self._point_reads = None
        await self._writer.dispose()
        await self._reader.dispose()

    def count_connections(self) -> tuple[int, int]:
        """Count the connections of this process: in use now, and allowed at most."""
        pools: set[Any] = {self._writer.pool, self._reader.pool}
        reading = self._point_reads.count() if self._point_reads is not None else 0
        allowed = sum(pool.size() for pool in pools) + (0 if self.is_sqlite else self._tuning.pool_size)
        return reading + sum(pool.checkedout() for pool in pools), allowed

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Reader]:
        """Open a connection for statements that change nothing, each on its own."""
        with _translated():
            async with self._reader.connect() as connection:
                yield Reader(connection, self._statements, is_sharded=bool(self.is_sharded))

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Open one transaction, which is committed durably when the block ends and rolled back when it raises. It is
        tried once: use `write` where two transactions may conflict."""
        with _translated():
            async with self._writer.begin() as connection:
                raw = await connection.get_raw_connection()
                if not self.is_sqlite:
                    await postgres.begin(raw)
                is_sharded = bool(self.is_sharded)
                tx = Transaction(connection, self._statements, raw.driver_connection, is_sharded=is_sharded)
                yield tx
        if tx.has_work:
            self.work.set()

    async def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """Run `work` in one transaction, and run it again if it conflicts with another one that was first: a deadlock
        that the database ended, or a key that somebody else has inserted. Raises LockTimeout when the time to wait for
        locks is over."""
        ends_at = time.monotonic() + self._tuning.lock_timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self.begin() as tx:
                    return await work(tx)
            except errors.SerializationConflict:
                if time.monotonic() + pause > ends_at:
                    raise
            await asyncio.sleep(pause)
            pause *= 2

    @overload
    async def fetch_one(self, statement: Select[Any], *, into: Callable[..., T], **values: Any) -> T | None: ...

    @overload
    async def fetch_one(self, statement: Select[Any], *, into: None = None, **values: Any) -> Any: ...

    async def fetch_one(self, statement: Select[Any], *, into: Callable[..., Any] | None = None, **values: Any) -> Any:
        """Return the first row of a SELECT that is a constant of its module, or None: `into` a NamedTuple that has its
        columns in their order, in the driver's own types. The statement bypasses SQLAlchemy.

        On SQLite it runs on the event loop: a look-up by key takes 8 µs, and handing it to a thread takes 90
        (docs/decisions/0004-direct-reads-on-sqlite.md).
        """
        with _translated():
            point_reads = self._point_reads or self._open_point_reads()
            row = await point_reads.fetch_one(statement, values)
        return row if row is None or into is None else into(*row)

    async def forget_old_pages(self) -> bool:
        """Remove erased data from SQLite's log; return whether that was done. PostgreSQL removes old rows when it
        vacuums."""
        if not self.is_sqlite:
            return True
        with _translated():
            path = cast("str", self.url.database)
            return await asyncio.to_thread(sqlite.empty_log, path, self._tuning.lock_timeout)

    def _postgres_engine(self) -> AsyncEngine:
        try:
            return postgres.make_engine(self.url, postgres.Limits(*self._tuning), self._server)
        except postgres.NotInstalled as error:
            raise DatabaseUrlError("PostgreSQL needs the extra: pip install 'packhouse[postgres]'") from error
        except postgres.UrlRefused as error:
            raise DatabaseUrlError(str(error)) from error

    def _open_point_reads(self) -> sqlite.PointReads | postgres.PointReads:
        dialect = self._writer.dialect
        if self.is_sqlite:
            self._point_reads = sqlite.PointReads(cast("str", self.url.database), dialect)
        else:
            limits = postgres.Limits(*self._tuning)
            self._point_reads = postgres.PointReads(self.url, limits, self._server, dialect)
        return self._point_reads


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        driver = _DRIVERS[parsed.drivername]
    except (sa_exc.ArgumentError, KeyError, ValueError):
        raise DatabaseUrlError(
            "The database URL must be sqlite:///path/to/file or postgresql://user:password@host:port/name."
        ) from None
    if driver.startswith("sqlite") and parsed.database in (None, "", ":memory:"):
        raise DatabaseUrlError("SQLite needs a file: sqlite:///path/to/file.")
    return parsed.set(drivername=driver)


class _translated:  # noqa: N801 - reads as a statement: `with _translated():`
    """Translate the errors of the database into ours."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, postgres.UrlRefused):
            raise DatabaseUrlError(str(error)) from error
        if error is not None and (refusal := db_errors.to_refusal(error)) is not None:
            raise refusal from error
