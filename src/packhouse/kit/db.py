"""One SQLite file or one PostgreSQL behind the same few calls; a new database changes nothing above this file.

Reads go through `read`, changes through `write` (one transaction, committed when the block ends), and the few
single-row reads of the hottest paths through `fetch_one`. Statements are SQLAlchemy Core and run on both.
Errors of the database leave as `Busy` (a lock was not to be had in time) or `Unavailable` (away, full, restarting).
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import orjson
from sqlalchemy import BigInteger, Column, Executable, Select, Table, Text, text
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from packhouse.kit import batches, errors, postgres, refusals, sqlite, turns
from packhouse.kit.columns import metadata
from packhouse.kit.messages import message
from packhouse.kit.prepared import Prepared, prepare

# Ids are unique over all accounts and are never used twice. PostgreSQL has sequences for that; SQLite counts in this
# table, safely, because one transaction writes at a time. `account_id` 0 is the installation itself.
sequences = Table(
    "sequences",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("last", BigInteger, nullable=False),
    info={"only": "sqlite"},
)

SEQUENCES = (
    "accounts", "api_keys", "audit_log", "connections", "deliveries", "imports", "integration_logs", "integrations",
    "jobs", "orders", "parcels", "shipments", "shipping_setup", "subscriptions", "users",
)  # fmt: skip

T = TypeVar("T")
Transaction = AsyncConnection

_HAS_WORK = "packhouse.has_work"
# The driver's own connection, inside `write`.
_DRIVER = "packhouse.driver"

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
# Seconds before work that crossed another transaction is done anew, the first time; then twice as long each time.
_FIRST_PAUSE = 0.005


class DatabaseUrlError(ValueError):
    """The database URL cannot be used; the message says why in one line."""


class Tuning(NamedTuple):
    """Seconds that a write waits for its turn and that a statement may take, connections of one process, and whether
    PostgreSQL may keep statements prepared."""

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
        self.turns = turns.Turns()
        self._glances: sqlite.Glances | postgres.Glances | None = None
        self._prepared: dict[Any, Prepared] = {}
        # Not behind a pooler: the limits of time are told to each transaction there, so every change needs one.
        self.can_change_together = not self.is_sqlite and tuning.prepared_statements
        if self.is_sqlite:
            self._reader, self._writer = sqlite.make_engines(self.url, tuning.lock_timeout, tuning.pool_size)
        else:
            self._writer = self._postgres_engine()
            kept = tuning.prepared_statements
            self._reader = self._writer.execution_options(isolation_level="AUTOCOMMIT") if kept else self._writer

    async def open(self) -> None:
        """Raises Unavailable where the database cannot be reached."""
        if self.is_sqlite:
            folder = Path(self.url.database or "").parent
            if not folder.is_dir():
                raise errors.Unavailable(message("The folder {folder} does not exist.", folder=folder))
            sqlite.make_private(Path(self.url.database or ""))
        async with self.read() as tx:
            await tx.execute(text("SELECT 1"))

    async def close(self) -> None:
        if self._glances is not None:
            await self._glances.close()
            self._glances = None
        await self._writer.dispose()
        await self._reader.dispose()

    def count_connections(self) -> tuple[int, int]:
        """Of this process: in use now, and allowed at most."""
        pools: set[Any] = {self._writer.pool, self._reader.pool}
        glancing = self._glances.count() if self._glances is not None else 0
        allowed = sum(pool.size() for pool in pools) + (0 if self.is_sqlite else self._tuning.pool_size)
        return glancing + sum(pool.checkedout() for pool in pools), allowed

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Statements that change nothing, each on its own (no transaction around them)."""
        with _translated():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed and durable when the block ends, undone when it raises."""
        with _translated():
            async with self._writer.begin() as tx:
                connection = await tx.get_raw_connection()
                if not self.is_sqlite:
                    await postgres.begin(connection)
                info = tx.info  # of the connection, which others get afterwards
                info[_DRIVER] = connection.driver_connection
                try:
                    yield tx
                finally:
                    has_work = info.pop(_HAS_WORK, False)
                    del info[_DRIVER]
        if has_work:
            self.work.set()

    def tell_worker(self, tx: AsyncConnection) -> None:
        """A worker in this process wakes up when this transaction is committed."""
        tx.info[_HAS_WORK] = True

    async def attempt(self, work: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Work in one transaction, done anew where it crossed another one that was first: a deadlock that the database
        ended, a key that somebody else made meanwhile. Once the time that a lock is waited for is over, it is Busy."""
        ends_at = time.monotonic() + self._tuning.lock_timeout
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self.write() as tx:
                    return await work(tx)
            except errors.Crossed:
                if time.monotonic() + pause > ends_at:
                    raise
            await asyncio.sleep(pause)
            pause *= 2

    async def fetch_one(self, statement: Select[Any], **values: Any) -> Sequence[Any] | None:
        """The first row of a SELECT that is a constant of its module, in the driver's own types, past SQLAlchemy.

        On SQLite it runs right here: a look-up by key takes 8 µs, and handing it to a thread 90
        (docs/decisions/0004-direct-reads-on-sqlite.md).
        """
        with _translated():
            glances = self._glances or self._open_glances()
            return cast("Sequence[Any] | None", await glances.fetch_one(statement, values))

    async def run(self, tx: AsyncConnection, statement: Executable, **values: Any) -> Sequence[Any]:
        """The rows of a statement that is a constant of its module, in the driver's own types, inside `write`.

        It goes past SQLAlchemy, whose way through a statement takes ten times as long as the statement.
        """
        driver = tx.info.get(_DRIVER)
        if driver is None:  # inside `read`
            result = await tx.execute(statement, values)
            return result.all() if result.returns_rows else []
        prepared = self._prepare(statement)
        fetch = driver.fetch if self.is_sqlite else partial(postgres.fetch, driver)
        rows = await fetch(prepared.sql, prepared.order(values))
        if not self.is_sqlite:
            await self.turns.take()
        return [prepared.row(*row) for row in rows]

    async def change_together(self, statement: Executable, *, account_id: int, **values: Any) -> bool:
        """Whether a change of one row was made, at once and durable: one statement with those that others of the
        account want at the time (docs/decisions/0036-patches-together.md). If not, a transaction is to find out why.

        The statement is a constant of its module for PostgreSQL. It takes `account_id` and an array a value, waits for
        no lock, makes each change only where it still fits, and gives back the places of those made, from 1.
        """
        if not self.can_change_together:
            return False
        glances = cast("postgres.Glances", self._glances or self._open_glances())
        try:
            with _translated():
                return await glances.change(self._prepare(statement), account_id, values)
        except errors.Crossed:
            return False
        except postgres.NotSupported:
            self.can_change_together = False
            return False

    async def next_ids(self, tx: AsyncConnection, name: str, count: int) -> range | list[int]:
        """`count` ids that nobody had before, ascending; they stay used even when the transaction is undone
        (PostgreSQL) or were never given (SQLite)."""
        if not self.is_sqlite:
            return sorted(row[0] for row in await self.run(tx, _DRAW, name=f"{name}_id", count=count))
        [(last,)] = await self.run(tx, _COUNT_UP, name=name, count=count)
        return range(last - count + 1, last + 1)

    async def draw_ids(self, tx: AsyncConnection, counts: Mapping[str, int]) -> dict[str, list[int]]:
        """As `next_ids`, of several sequences in one statement: name -> ids."""
        if self.is_sqlite:
            sent = orjson.dumps(list(counts.items())).decode()
            lasts: dict[str, int] = dict(await self.run(tx, _COUNT_UP_SEVERAL, sent=sent))
            return {name: list(range(lasts[name] - count + 1, lasts[name] + 1)) for name, count in counts.items()}
        found: dict[str, list[int]] = {name: [] for name in counts}
        drawn = await self.run(tx, _DRAW_SEVERAL, names=list(counts), counts=list(counts.values()))
        for name, id in drawn:
            found[name].append(id)
        return {name: sorted(ids) for name, ids in found.items()}

    async def keep_above(self, tx: AsyncConnection, name: str, id: int) -> None:
        """An id was chosen by a person: `next_ids` gives none up to it."""
        statement = _RAISE_SQLITE if self.is_sqlite else _RAISE_POSTGRES
        await tx.execute(statement, {"name": name if self.is_sqlite else f"{name}_id", "id": id})

    async def lock_table(self, tx: AsyncConnection, table: Table) -> None:
        """Nobody else writes to it until this transaction ends; on SQLite nobody does anyway."""
        if not self.is_sqlite:
            await tx.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))

    async def allow_seconds(self, tx: AsyncConnection, seconds: int) -> None:
        """For what takes longer than a request may, until this transaction ends."""
        if not self.is_sqlite:
            await tx.execute(text(f"SET LOCAL statement_timeout = {seconds * 1000}"))

    async def forget_old_pages(self) -> bool:
        """After data was erased: nothing of it is left in SQLite's log either. Whether that is so; PostgreSQL forgets
        old rows when it vacuums."""
        if not self.is_sqlite:
            return True
        with _translated():
            path = cast("str", self.url.database)
            return await asyncio.to_thread(sqlite.empty_log, path, self._tuning.lock_timeout)

    async def upsert(self, tx: AsyncConnection, table: Table, rows: batches.Rows) -> None:
        """Insert rows, replacing those whose primary key is there: one statement for all of them. On SQLite it is
        postponed to the next statement or the commit, so a row that cannot be written may be told of there."""
        if not rows:
            return
        if self.is_sqlite:
            await batches.upsert_inline(tx, table, rows)
        else:
            statement, values = batches.to_upsert(table, rows)
            await self.run(tx, statement, **values)

    async def find_by_key(
        self,
        tx: AsyncConnection,
        account_id: int,
        columns: batches.KeyColumns,
        key: batches.KeyColumns,
        keys: batches.Keys,
        *,
        lock: bool,
    ) -> Sequence[Any]:
        """The account's rows with one of these keys, which are values of `key`'s columns: one statement of constant
        text that looks each key up in the index, whatever the number of keys and however the planner sees the table.

        With `lock`, the rows are locked in the order of their keys: so no two that lock rows this way can wait for each
        other.
        """
        if not keys:
            return []
        statement, sent = batches.to_find(columns, key, keys, lock=lock, is_sqlite=self.is_sqlite)
        return await self.run(tx, statement, account=account_id, **sent)

    def _postgres_engine(self) -> AsyncEngine:
        try:
            return postgres.make_engine(self.url, postgres.Limits(*self._tuning))
        except postgres.NotInstalled as error:
            raise DatabaseUrlError("PostgreSQL needs the extra: pip install 'packhouse[postgres]'") from error
        except postgres.UrlRefused as error:
            raise DatabaseUrlError(str(error)) from error

    def _prepare(self, statement: Executable) -> Prepared:
        found = self._prepared.get(statement)
        if found is None:
            found = self._prepared[statement] = prepare(statement, self._writer.dialect)
        return found

    def _open_glances(self) -> sqlite.Glances | postgres.Glances:
        dialect = self._writer.dialect
        if self.is_sqlite:
            self._glances = sqlite.Glances(cast("str", self.url.database), dialect)
        else:
            self._glances = postgres.Glances(self.url, postgres.Limits(*self._tuning), dialect)
        return self._glances


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
    """The database's errors in our words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, postgres.UrlRefused):
            raise DatabaseUrlError(str(error)) from error
        if error is not None and (refusal := refusals.to_refusal(error)) is not None:
            raise refusal from error


_COUNT_UP = text(
    "INSERT INTO sequences (account_id, name, last) VALUES (0, :name, :count) "
    "ON CONFLICT (account_id, name) DO UPDATE SET last = last + excluded.last RETURNING last"
)
# Without WHERE, SQLite would take ON CONFLICT for the condition of a join.
_COUNT_UP_SEVERAL = text(
    "INSERT INTO sequences (account_id, name, last) SELECT 0, value->>0, value->>1 FROM json_each(:sent) WHERE true "
    "ON CONFLICT (account_id, name) DO UPDATE SET last = last + excluded.last RETURNING name, last"
)
_DRAW_SEVERAL = text(
    "SELECT sent.name, nextval(CAST(sent.name || '_id' AS text)::regclass) "
    "FROM unnest(CAST(:names AS text[]), CAST(:counts AS integer[])) AS sent(name, count), "
    "generate_series(1, sent.count)"
)
_RAISE_SQLITE = text(
    "INSERT INTO sequences (account_id, name, last) VALUES (0, :name, :id) "
    "ON CONFLICT (account_id, name) DO UPDATE SET last = max(last, excluded.last)"
)
_DRAW = text("SELECT nextval(CAST(:name AS text)::regclass) FROM generate_series(1, CAST(:count AS integer))")
_RAISE_POSTGRES = text(
    "SELECT setval(CAST(:name AS text)::regclass, "
    "greatest(CAST(:id AS bigint), nextval(CAST(:name AS text)::regclass)))"
)
