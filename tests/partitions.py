"""PostgreSQL as a stand-in for a database that is sharded with Citus.

Every table that Citus would distribute is partitioned by its account, and the few functions that are asked of Citus are
there. The planner then leaves out partitions by the rule by which Citus leaves out shards: from what a statement binds
each of its tables to, and from nothing that is only known row by row. So a plan that reads partitions of more than one
place is of a statement that Citus would ask every shard for, or refuse.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import asyncpg
import pytest
from sqlalchemy import Engine, event

from packhouse.accounts import queries as accounts
from packhouse.kit.db.columns import metadata

PARTS = 3
# What the server asks of Citus besides; a node is away when its row says so.
_CITUS = """
    CREATE FUNCTION citus_version() RETURNS text LANGUAGE sql RETURN 'a stand-in';
    CREATE TABLE pg_dist_node (nodename text, nodeport integer, groupid integer, noderole text, is_up boolean);
    INSERT INTO pg_dist_node VALUES
        ('first', 1, 1, 'primary', true), ('second', 2, 2, 'primary', true), ('here', 0, 0, 'primary', true);
    CREATE FUNCTION citus_check_connection_to_node(name text, port integer) RETURNS boolean LANGUAGE sql STABLE
        RETURN (SELECT is_up FROM pg_dist_node WHERE nodename = name AND nodeport = port);
    CREATE TABLE pg_dist_placement (shardid bigint, groupid integer);
    INSERT INTO pg_dist_placement VALUES (1, 1), (2, 2);
    CREATE FUNCTION get_shard_id_for_distribution_column(of_table text, account bigint) RETURNS bigint LANGUAGE sql
        RETURN CASE WHEN account % 2 = 1 THEN 1 ELSE 2 END;
"""
_FOREIGN_KEYS = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype = 'f'"


class Seen(NamedTuple):
    """A statement as the driver sent it, and the first values that came with it."""

    sql: str
    values: Sequence[Any]


def list_distributed() -> list[str]:
    tables = [table for table in metadata.sorted_tables if table.info.get("only") != "sqlite"]
    return sorted(table.name for table in tables if table.name not in accounts.REFERENCE_TABLES)


async def spread(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, name in await connection.fetch(_FOREIGN_KEYS):
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        for table in list_distributed():
            await connection.execute(_to_partitions(table))
        await connection.execute(_CITUS)
    finally:
        await connection.close()


def _to_partitions(table: str) -> str:
    parts = "".join(
        f"CREATE TABLE {table}_part_{index} PARTITION OF {table} FOR VALUES WITH (MODULUS {PARTS}, REMAINDER {index}); "
        for index in range(PARTS)
    )
    return (
        f"ALTER TABLE {table} RENAME TO {table}_whole; "  # noqa: S608 - names of our own tables
        f"CREATE TABLE {table} (LIKE {table}_whole INCLUDING ALL) PARTITION BY HASH (account_id); {parts}"
        f"INSERT INTO {table} SELECT * FROM {table}_whole; DROP TABLE {table}_whole"
    )


@contextmanager
def listening() -> Iterator[list[Seen]]:
    """Every statement that is sent meanwhile, on whichever connection: SQLAlchemy's, and what goes past it."""
    seen: list[Seen] = []
    connect = asyncpg.connect

    async def connect_and_listen(*arguments: Any, **options: Any) -> Any:
        connection = await connect(*arguments, **options)
        connection.add_query_logger(lambda query: seen.append(Seen(query.query, _find_first(query.args))))
        return connection

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        seen.append(Seen(statement, _find_first(values)))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncpg, "connect", connect_and_listen)
            yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _find_first(values: Any) -> Sequence[Any]:
    """Of one row, where a statement was sent for several."""
    return values[0] if values and isinstance(values[0], tuple) else values or ()


async def find_places(connection: Any, statement: Seen) -> set[int]:
    """The places whose partitions the statement's plan touches: one at most, where it stays on one shard."""
    rows = await connection.fetch(f"EXPLAIN {statement.sql}", *statement.values)
    return {int(found) for (line,) in rows for found in re.findall(r" on \w+_part_(\d)\b", line)}
