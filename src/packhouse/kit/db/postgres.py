"""Connections to PostgreSQL.

The driver reads the URL, including TLS parameters. A dead connection is found before it is used. A connection pooler
may stand between. A new connection sends the time limits (`Limits`) to the server. A pooler in transaction mode refuses
these parameters and may use another server connection for each transaction. Behind one (`prepared_statements` off),
each transaction therefore sets them itself, everything but a single read runs in a transaction, and no statement is
prepared. A single read (`PointReads`) then has the driver's own time limit.

A database may be sharded by account with Citus (`Server`, docs/scaling.md). Then no plan is made for all accounts at
once, and no statement covers several of them (docs/decisions/0103-what-is-different-on-citus.md).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Dialect, event
from sqlalchemy import exc as sa_exc
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from packhouse.kit.db.coalescer import BatchFunction, Coalescer
from packhouse.kit.db.columns import is_reference
from packhouse.kit.db.statements import CompiledStatement, compile_many, compile_statement

try:
    import asyncpg
except ModuleNotFoundError:  # pragma: no cover - the extra is not installed
    asyncpg = None

_CONNECT_SECONDS = 5
# Parameters of the URL that name files; the driver's own word about one that is missing does not say which.
_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
# The server ends a statement that takes too long. When even that does not come, we end it here, so much later.
_GRACE_SECONDS = 5


class Limits(NamedTuple):
    """Seconds to wait for a lock and for a statement, and the connections of one process."""

    lock_timeout: float
    statement_timeout: float
    pool_size: int
    prepared_statements: bool

    def to_parameters(self) -> dict[str, str]:
        """Return the limits in milliseconds, by PostgreSQL's names."""
        return {
            "lock_timeout": str(int(self.lock_timeout * 1000)),
            "statement_timeout": str(int(self.statement_timeout * 1000)),
            "idle_in_transaction_session_timeout": str(int(self.statement_timeout * 2000)),
        }


# Left to itself the server keeps a plan after five executions: one that was made for a table of a few rows walks
# through all of it, once it holds thousands, until a vacuum comes by. Planning takes a tenth of a millisecond, nothing
# beside a batch (docs/decisions/0033-planned-each-time.md).
_PLANNED_ANEW = {"plan_cache_mode": "force_custom_plan"}
# Rows that are found by their keys have one good plan, however few there are: so it is made once, and planning, which
# takes longer than some of these statements, is saved.
_BY_KEY = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


# A sharded database finds the shard of a statement while planning, so it must see the account's number; and how a shard
# is read is its own node's to plan.
_BY_SHARD = "SET plan_cache_mode = force_custom_plan; " + "; ".join(
    f"SET {name} = on" for name in _BY_KEY if name.startswith("enable_")
)
# Its answer is how many rows it found, which a pooler passes on as it stands.
_FIND_CITUS = "SELECT FROM pg_proc WHERE proname = 'citus_version'"


@dataclass(slots=True)
class Server:
    """Facts about the server that the first connection of a process finds out; None until then."""

    is_sharded: bool | None = None

    async def look(self, connection: Any) -> None:
        if self.is_sharded is None:
            self.is_sharded = await connection.execute(_FIND_CITUS) != "SELECT 0"


class NotInstalled(Exception):
    """The extra `[postgres]` is missing."""


class UrlRefused(Exception):
    """The driver cannot use a parameter of the URL; the message says which."""


class PooledDialect(PGDialect_asyncpg):
    """A dialect for poolers, without the statements by which SQLAlchemy asks a new connection about JSON outside a
    transaction. No table has JSON columns, and only tests of migrations read the catalogue."""

    supports_statement_cache = True

    def on_connect(self) -> None:
        return None


registry.register("postgresql.pooled", __name__, "PooledDialect")


def _to_connect(url: URL, limits: Limits, server: Server, **parameters: str) -> Callable[..., Awaitable[Any]]:
    """Return a function that opens a connection and ignores its arguments. Raises NotInstalled and UrlRefused."""
    if asyncpg is None:
        raise NotInstalled
    _require_files(url)
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    kept: dict[str, Any] = {"statement_cache_size": 0}
    if limits.prepared_statements:
        kept = {"server_settings": {**limits.to_parameters(), **parameters, "application_name": "packhouse"}}
    timeout = limits.statement_timeout + _GRACE_SECONDS

    async def connect(*_: Any, **__: Any) -> Any:
        try:
            connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, command_timeout=timeout, **kept)
            await server.look(connection)
        except (asyncpg.exceptions.ClientConfigurationError, FileNotFoundError) as error:
            if isinstance(error, FileNotFoundError) and error.filename is None:
                raise  # no socket there: the server is away
            raise UrlRefused(f"The database URL cannot be used: {error}") from error
        return connection

    return connect


class PointReads:
    """Reads of single rows by key that bypass SQLAlchemy, which takes ten times as long, on as many further connections
    as the engine has. Concurrent reads are combined into one statement (docs/decisions/0027-look-ups-together.md). On a
    sharded database, each is a statement on a connection of its own, unless all its tables are copied to every node."""

    def __init__(self, url: URL, limits: Limits, server: Server, dialect: Dialect) -> None:
        self._connect = _to_connect(url, limits, server, **_BY_KEY)
        self._pool = asyncpg.create_pool(min_size=0, max_size=limits.pool_size, connect=self._enter, reset=_leave)
        self._server = server
        self._dialect = dialect
        self._reads: dict[Any, tuple[_PointRead, Coalescer[dict[str, Any], Any]]] = {}

    async def fetch_one(self, statement: Any, values: dict[str, Any]) -> Any:
        """Raises asyncpg's errors and OSError."""
        found = self._reads.get(statement)
        if found is None:
            one, many = compile_statement(statement, self._dialect), compile_many(statement, self._dialect)
            read = _PointRead(one, many, self._server, all(map(is_reference, statement.get_final_froms())))
            found = self._reads[statement] = (read, Coalescer(partial(self._open, read)))
        read, coalescer = found
        if read.is_coalesced:
            return await coalescer.ask(values)
        async with self._open(read) as fetch:
            return (await fetch([values]))[0]

    @asynccontextmanager
    async def _open(self, read: "_PointRead") -> AsyncIterator[BatchFunction[dict[str, Any], Any]]:
        await self._pool
        with _noticing():
            async with self._pool.acquire(timeout=_CONNECT_SECONDS) as connection:
                yield partial(read.fetch, connection)

    async def _enter(self, *arguments: Any, **options: Any) -> Any:
        connection = await self._connect(*arguments, **options)
        if self._server.is_sharded:
            await connection.execute(_BY_SHARD)
        return connection

    def count(self) -> int:
        """Count the connections that are in use."""
        return int(self._pool.get_size() - self._pool.get_idle_size())

    async def close(self) -> None:
        await self._pool.close()


@dataclass(slots=True)
class _PointRead:
    """One statement for a single read and for many at once; not every server can do the latter."""

    one: CompiledStatement
    many: CompiledStatement
    server: Server
    is_of_no_account: bool
    is_refused: bool = False

    @property
    def is_coalesced(self) -> bool:
        return not (self.is_refused or (self.server.is_sharded and not self.is_of_no_account))

    async def fetch(self, connection: Any, sets: Sequence[dict[str, Any]]) -> Sequence[Any]:
        """Return the first row for each set of values, or None."""
        if len(sets) > 1 and self.is_coalesced:
            try:
                found = await connection.fetch(self.many.sql, *self.many.order(_to_lists(sets)))
            except asyncpg.FeatureNotSupportedError:
                self.is_refused = True
            else:
                rows: list[Any] = [None] * len(sets)
                for place, *row in found:
                    rows[place - 1] = self.one.row(*row)
                return rows
        return [await self._fetch_one(connection, values) for values in sets]

    async def _fetch_one(self, connection: Any, values: dict[str, Any]) -> Any:
        row = await connection.fetchrow(self.one.sql, *self.one.order(values))
        return None if row is None else self.one.row(*row)


def _to_lists(sets: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Return one array per parameter."""
    return {name: [values[name] for values in sets] for name in sets[0]}


async def begin(connection: Any) -> None:
    """Begin the transaction of SQLAlchemy's raw connection now, so that its first statement may bypass SQLAlchemy;
    behind a pooler it has begun already. Raises asyncpg's errors and OSError."""
    adapter = connection.dbapi_connection
    if adapter._transaction is not None:  # noqa: SLF001 - there is no other way to ask, nor to begin
        return
    with _noticing():
        try:
            await adapter._start_transaction()  # noqa: SLF001
        except adapter.dbapi.Error as error:  # in SQLAlchemy's words for the driver's
            raise error.__cause__ or error from None


async def fetch(connection: Any, sql: str, parameters: Sequence[Any]) -> Any:
    """Raises asyncpg's errors and OSError."""
    with _noticing():
        return await connection.fetch(sql, *parameters)


class _noticing:  # noqa: N801 - reads as a statement: `with _noticing():`
    """Report a lost connection. The driver reports some as its own mistakes: in the middle of a statement, or when it
    reads the server's last words."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, asyncpg.InterfaceError | asyncpg.InternalClientError):
            raise ConnectionError(str(error)) from error


async def _leave(_connection: Any) -> None:
    """Skip the reset: a single statement leaves nothing behind, and resetting costs as much as the SELECT."""


def make_engine(url: URL, limits: Limits, server: Server) -> AsyncEngine:
    """Make the engine without connecting. Raises NotInstalled and UrlRefused."""
    dialect: dict[str, Any] = {}
    driver = "postgresql+asyncpg"
    if not limits.prepared_statements:
        driver = "postgresql+pooled"
        dialect = {"prepared_statement_cache_size": 0, "prepared_statement_name_func": lambda: ""}
    engine = create_async_engine(
        URL.create(driver),
        async_creator=_to_connect(url, limits, server, **_PLANNED_ANEW),
        connect_args=dialect,
        pool_size=limits.pool_size,
        max_overflow=0,
        pool_timeout=limits.lock_timeout,
        pool_pre_ping=False,
        hide_parameters=True,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    if not limits.prepared_statements:
        listing = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in limits.to_parameters().items())
        event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql(f"SELECT {listing}"))
    return engine


def _require_files(url: URL) -> None:
    for name in _FILES:
        for file in url.normalized_query.get(name, ()):
            if not Path(file).is_file():
                raise UrlRefused(f"The database URL cannot be used: {name} names {file}, which is no file.")


def _refuse_dead(connection: Any, _record: Any, _proxy: Any) -> None:
    """Reject a connection that the driver knows to be closed, which costs nothing, unlike a ping. The pool takes
    another one."""
    if connection.driver_connection.is_closed():
        raise sa_exc.InvalidatePoolError
