"""Migrated databases of PostgreSQL that one test after the other uses: each gets one as the migrations made it.

A database is three hundred files. To make and to drop one for each test took longer than most tests; to empty the
tables that a test wrote to, and to put back the few rows that all begin with, takes a fraction of it.
"""

import asyncio
from typing import Any, NamedTuple

import asyncpg

from tests import servers, sharded

_QUOTE = "'"
_TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY relname
"""
# Deleting leaves the rows' room behind, which later statements look through.
_LARGE = f"{_TABLES.partition('ORDER')[0]} AND pg_relation_size(oid) > 262144"
_HAS_CITUS = "SELECT count(*) > 0 FROM pg_proc WHERE proname = 'citus_version'"
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename"
_COLUMNS = """
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
        string_agg(quote_ident(attname) || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY attnum)
    FROM pg_attribute
    WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
"""
# Whatever a statement of DDL changes, by the ids of the things, which are never given twice.
_SCHEMA = """
    SELECT md5(concat_ws('|',
        (SELECT string_agg((oid, relname, relkind, relnatts, reloptions)::text, ',' ORDER BY oid)
            FROM pg_class WHERE oid >= 16384 AND relkind <> 't' AND relname NOT LIKE 'pg_toast%'),
        (SELECT string_agg((attrelid, attnum, attname, atttypid, atttypmod, attnotnull, atthasdef)::text, ','
            ORDER BY attrelid, attnum) FROM pg_attribute WHERE attrelid >= 16384 AND attnum > 0
            AND attrelid IN (SELECT oid FROM pg_class WHERE relkind IN ('r', 'v', 'm', 'p'))),
        (SELECT string_agg((indexrelid, indisvalid)::text, ',' ORDER BY indexrelid)
            FROM pg_index WHERE indrelid >= 16384 AND indrelid IN (SELECT oid FROM pg_class WHERE relkind = 'r')),
        (SELECT string_agg((oid, conname, convalidated)::text, ',' ORDER BY oid) FROM pg_constraint WHERE oid >= 16384),
        (SELECT string_agg((oid, tgname, tgenabled)::text, ',' ORDER BY oid) FROM pg_trigger WHERE oid >= 16384),
        (SELECT string_agg((oid, proname)::text, ',' ORDER BY oid) FROM pg_proc WHERE oid >= 16384),
        (SELECT string_agg((oid, nspname)::text, ',' ORDER BY oid) FROM pg_namespace WHERE oid >= 16384),
        (SELECT string_agg(adbin::text, ',' ORDER BY oid) FROM pg_attrdef WHERE oid >= 16384),
        (SELECT string_agg(setconfig::text, ',') FROM pg_db_role_setting
            WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()))
    ))
"""
_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name NOT LIKE 'Citus %'
"""


class _Origin(NamedTuple):
    """What every database begins with: its schema's digest, and the statements that bring back its rows and numbers."""

    schema: str
    restore: list[str]


class Pool:
    """`take` gives a database; `give_back` makes it again what it was, or drops it where its schema was changed."""

    def __init__(self, server: str, template: str) -> None:
        self._server, self._template = server, template
        self._free: list[_Database] = []
        self._taken: dict[str, _Database] = {}
        self._runner = asyncio.Runner()

    def take(self) -> str:
        """Its URL."""
        database = self._free.pop() if self._free else self._make()
        self._taken[database.url] = database
        return database.url

    def give_back(self, url: str) -> None:
        database = self._taken.pop(url)
        if self._runner.run(database.restore()):
            self._free.append(database)
        else:
            self._drop(database)

    def close(self) -> None:
        for database in (*self._free, *self._taken.values()):
            self._drop(database)
        self._runner.close()

    def _make(self) -> "_Database":
        name = servers.new_database_name()
        copy = sharded.copy if sharded.find_nodes(self._server) else servers.copy_database
        copy(self._server, self._template, name)
        database = _Database(name, servers.with_name(self._server, name))
        self._runner.run(database.read_origin())
        return database

    def _drop(self, database: "_Database") -> None:
        self._runner.run(database.disconnect())
        if sharded.find_nodes(self._server):
            sharded.drop(self._server, database.name)
            return
        servers.execute(self._server, f'DROP DATABASE IF EXISTS "{database.name}" WITH (FORCE)')


class _Database:
    """One connection stays open to it: to open one, and to find the tables anew, takes longer than to empty them."""

    def __init__(self, name: str, url: str) -> None:
        self.name, self.url = name, url
        self._connection: Any = None
        self._origin = _Origin("", [])

    async def connect(self) -> Any:
        if self._connection is None or self._connection.is_closed():  # a test may have ended it
            self._connection = await asyncpg.connect(self.url)
        return self._connection

    async def disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()

    async def read_origin(self) -> None:
        connection = await self.connect()
        statements = await _list_statements(connection)
        if not await connection.fetchval(_HAS_CITUS):  # which takes them one by one
            statements = ["; ".join(statements)]
        self._origin = _Origin(await connection.fetchval(_SCHEMA), statements)

    async def restore(self) -> bool:
        """Whether it is again what it was."""
        try:
            connection = await self.connect()
            await connection.execute(_OTHERS)
            if await connection.fetchval(_SCHEMA) != self._origin.schema:
                return False
            large = ", ".join(f'"{table}"' for (table,) in await connection.fetch(_LARGE))
            truncate = f"TRUNCATE {large} CASCADE; " if large else ""
            async with connection.transaction():
                for statements in (truncate + self._origin.restore[0], *self._origin.restore[1:]):
                    await connection.execute(statements)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True


async def _list_statements(connection: Any) -> list[str]:
    statements = ["SET LOCAL session_replication_role = replica"]  # no foreign key is looked at meanwhile
    if await connection.fetchval(_HAS_CITUS):  # on no node
        everywhere = "SET LOCAL citus.propagate_set_commands = 'local'"
        statements = [everywhere, "SET LOCAL citus.multi_shard_modify_mode = 'sequential'", *statements]
    for (table,) in await connection.fetch(_TABLES):
        statements.append(f'DELETE FROM "{table}"')  # noqa: S608
        rows = await connection.fetchval(f'SELECT json_agg(t) FROM "{table}" t')  # noqa: S608
        if rows is not None:
            columns, typed = await connection.fetchrow(_COLUMNS, f'"{table}"')
            found = f"json_to_recordset('{rows.replace(_QUOTE, 2 * _QUOTE)}') AS sent ({typed})"
            into = f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE'
            statements.append(f"{into} SELECT {columns} FROM {found}")  # noqa: S608
    for (sequence,) in await connection.fetch(_SEQUENCES):
        last, called = await connection.fetchrow(f'SELECT last_value, is_called FROM "{sequence}"')  # noqa: S608
        statements.append(f"SELECT setval('\"{sequence}\"', {last}, {str(called).lower()})")
    # What PostgreSQL learned of one test's rows says nothing of the next one's.
    return [*statements, "DELETE FROM pg_statistic WHERE starelid >= 16384"]
