"""The statements of a read or a transaction: SQLAlchemy Core, the same on both databases.

`Database.read` gives a `Reader`, `Database.write` passes a `Transaction` to its work. Rows have names.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, overload

import orjson
from sqlalchemy import BigInteger, Column, Executable, Row, Table, Text, text
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.kit.db import bulk, postgres
from packhouse.kit.db.columns import metadata
from packhouse.kit.db.statements import CompiledStatements

T = TypeVar("T")

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
    "accounts", "api_keys", "audit_log", "batches", "benches", "connections", "deliveries", "imports",
    "integration_logs", "integrations", "jobs", "orders", "packing_events", "parcel_events", "parcels", "print_jobs",
    "rate_tables",
    "service_points", "shipments", "shipping_setup", "subscriptions", "users",
)  # fmt: skip


# Rows that a sharded database is sent as one VALUES (docs/decisions/0103-what-is-different-on-citus.md).
_FEW_ROWS = 20


class Reader:
    """Statements that change nothing, each in a transaction of its own."""

    def __init__(
        self,
        connection: AsyncConnection,
        statements: CompiledStatements,
        driver: Any = None,
        *,
        is_sharded: bool = False,
    ) -> None:
        self._connection = connection
        self._statements = statements
        self.is_sharded = is_sharded
        self._driver = driver  # its own connection, inside a transaction

    @property
    def is_sqlite(self) -> bool:
        return self._connection.dialect.name == "sqlite"

    async def execute(self, statement: Executable, values: Any = None) -> CursorResult[*tuple[Any, ...]]:
        """Run a statement through SQLAlchemy, with its types. The methods below are shorter for most purposes."""
        return await self._connection.execute(statement, values)

    @overload
    async def fetch_all(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Sequence[Row[*tuple[Any, ...]]]: ...

    @overload
    async def fetch_all(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, into: Callable[..., T]
    ) -> list[T]: ...

    async def fetch_all(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, into: Callable[..., Any] | None = None
    ) -> Sequence[Any]:
        """Return the rows, `into` a NamedTuple that has the statement's columns in their order."""
        rows = (await self._connection.execute(statement, values)).all()
        return rows if into is None else [into(*row) for row in rows]

    @overload
    async def fetch_one(
        self, statement: Executable, values: Mapping[str, Any] | None = None
    ) -> Row[*tuple[Any, ...]] | None: ...

    @overload
    async def fetch_one(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, into: Callable[..., T]
    ) -> T | None: ...

    async def fetch_one(
        self, statement: Executable, values: Mapping[str, Any] | None = None, *, into: Callable[..., Any] | None = None
    ) -> Any:
        """Return the first row, `into` as `fetch_all` does; or None."""
        row = (await self._connection.execute(statement, values)).first()
        return row if row is None or into is None else into(*row)

    async def fetch_value(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Any:
        """Return the first column of the first row, or None."""
        return (await self._connection.execute(statement, values)).scalar()

    async def fetch_values(self, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
        """Return the first column of all rows."""
        return (await self._connection.execute(statement, values)).scalars().all()

    async def run(self, statement: Executable, **values: Any) -> Sequence[Any]:
        """Return the rows of a statement that is a constant of its module, in the driver's own types.

        Inside a transaction the statement bypasses SQLAlchemy, which takes ten times as long as the statement itself.
        """
        if self._driver is None:
            result = await self._connection.execute(statement, values)
            return result.all() if result.returns_rows else []
        compiled = self._statements.compile(statement)
        fetch = self._driver.fetch if self.is_sqlite else partial(postgres.fetch, self._driver)
        rows = await fetch(compiled.sql, compiled.order(values))
        return [compiled.row(*row) for row in rows]

    async def find_by_key(
        self, account_id: int, columns: bulk.KeyColumns, key: bulk.KeyColumns, keys: bulk.Keys, *, lock: bool
    ) -> Sequence[Any]:
        """Return the account's rows with one of these keys, which are values of `key`'s columns: one statement of
        constant text that looks each key up in the index, whatever the number of keys and however the planner sees the
        table.

        With `lock`, the rows are locked in the order of their keys, so no two that lock rows this way can wait for each
        other.
        """
        if not keys:
            return []
        statement, sent = bulk.to_find(columns, key, keys, lock=lock, is_sqlite=self.is_sqlite)
        return await self.run(statement, account=account_id, **sent)

    async def find_present(self, account_id: int, key: Column[Any], values: Sequence[str]) -> set[str]:
        """Return those of these texts that some row of the account has in `key`, the first column of its index."""
        if not values:
            return set()
        statement, sent = bulk.to_present(key, values, is_sqlite=self.is_sqlite)
        return {row.value for row in await self.run(statement, account=account_id, **sent)}


class Transaction(Reader):
    """Statements that are committed together, or not at all."""

    has_work = False
    """Whether a worker in this process is woken when this is committed."""

    async def change(self, statement: Executable, values: Any = None) -> int:
        """Run an INSERT, UPDATE or DELETE; return how many rows it changed."""
        return int((await self._connection.execute(statement, values)).rowcount)

    def wake_worker(self) -> None:
        """Wake a worker in this process when this transaction is committed."""
        self.has_work = True

    async def next_ids(self, name: str, count: int) -> range | list[int]:
        """Return `count` ids that nobody had before, ascending; they stay used even when the transaction is undone
        (PostgreSQL) or were never given (SQLite)."""
        if not self.is_sqlite:
            return sorted(id for (id,) in await self.run(_DRAW, name=f"{name}_id", count=count))
        [(last,)] = await self.run(_COUNT_UP, name=name, count=count)
        return range(last - count + 1, last + 1)

    async def draw_ids(self, counts: Mapping[str, int]) -> dict[str, list[int]]:
        """Draw the ids of several sequences in one statement: name -> ids."""
        if self.is_sqlite:
            sent = orjson.dumps(list(counts.items())).decode()
            lasts: dict[str, int] = dict(await self.run(_COUNT_UP_SEVERAL, sent=sent))
            return {name: list(range(lasts[name] - count + 1, lasts[name] + 1)) for name, count in counts.items()}
        found: dict[str, list[int]] = {name: [] for name in counts}
        for name, id in await self.run(_DRAW_SEVERAL, names=list(counts), counts=list(counts.values())):
            found[name].append(id)
        return {name: sorted(ids) for name, ids in found.items()}

    async def keep_above(self, name: str, id: int) -> None:
        """Let `next_ids` give no id up to this one, which was chosen by a person."""
        statement = _RAISE_SQLITE if self.is_sqlite else _RAISE_POSTGRES
        await self.execute(statement, {"name": name if self.is_sqlite else f"{name}_id", "id": id})

    async def lock_table(self, table: Table) -> None:
        """Let nobody else write to a table until this transaction ends; on SQLite nobody does anyway."""
        if not self.is_sqlite:
            await self.execute(text(f"LOCK TABLE {table.name} IN SHARE ROW EXCLUSIVE MODE"))

    async def allow_seconds(self, seconds: int) -> None:
        """Let a statement take longer than a request may, until this transaction ends."""
        if not self.is_sqlite:
            await self.execute(text(f"SET LOCAL statement_timeout = {seconds * 1000}"))

    async def upsert(self, table: Table, rows: bulk.Rows) -> None:
        """Insert rows, replacing those whose primary key is there: one statement for all of them. On SQLite it is
        postponed to the next statement or the commit, so a row that cannot be written may be reported there."""
        if not rows:
            return
        if self.is_sqlite:
            bulk.upsert_inline(self._driver, table, rows)
        else:
            is_few = self.is_sharded and len(rows) <= _FEW_ROWS
            statement, values = (bulk.to_upsert_few if is_few else bulk.to_upsert)(table, rows)
            await self.run(statement, **values)


def connection_of(tx: Reader) -> AsyncConnection:
    """Return SQLAlchemy's own connection, for Alembic and for tests."""
    return tx._connection  # noqa: SLF001 - the one way past the class


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
