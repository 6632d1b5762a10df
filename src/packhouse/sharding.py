"""What makes PostgreSQL with Citus a database that is sharded by account.

All that lies in PostgreSQL's own catalogue is asked there, so the statements are right after any migration: a table
that is new is distributed, what is distributed already is left alone (docs/scaling.md).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import text

from packhouse.accounts import queries as accounts
from packhouse.kit import errors
from packhouse.kit.db import Database, Reader, connection_of
from packhouse.kit.messages import foreign

try:
    import asyncpg
except ModuleNotFoundError:  # pragma: no cover - the extra is not installed
    asyncpg = None

# The table that all others are colocated with: their rows of one account then lie on one node.
FIRST = "orders"
# Small and local to the coordinator: nothing of it belongs to an account.
_LOCAL = "alembic_version"
_LONGEST_SECONDS = 24 * 3600

_HAS_CITUS = text("SELECT count(*) > 0 FROM pg_proc WHERE proname = 'citus_version'")
_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
_PLAIN_TABLES = text(f"{_TABLES} AND NOT relispartition")
_CITUS_TABLES = text(f"{_TABLES} AND NOT relation_is_a_known_shard(oid)")
_KINDS = text("SELECT logicalrelid::text, partmethod = 'h', repmodel = 't' FROM pg_dist_partition")
_FOREIGN_KEYS = text(
    "SELECT conname, conrelid::regclass::text, confrelid::regclass::text, pg_get_constraintdef(oid) "
    "FROM pg_constraint WHERE contype = 'f' AND conparentid = 0 AND connamespace = 'public'::regnamespace "
    "ORDER BY conrelid::regclass::text, conname"
)
_NODES = text(
    "SELECT nodename || ':' || nodeport, groupid = 0 FROM pg_dist_node WHERE noderole = 'primary' ORDER BY groupid"
)
_MOVES = text("SELECT count(*) FROM get_rebalance_table_shards_plan()")


class ForeignKey(NamedTuple):
    name: str
    table: str
    refers_to: str
    definition: str


class Layout(NamedTuple):
    """How a database lies on its nodes. `nodes` are `host:port`, without the coordinator; `kinds` says of each table
    whether it is `local`, `reference` or `distributed`; `moves` is how many shards lie on the wrong node."""

    has_citus: bool
    coordinator: str | None
    nodes: Sequence[str]
    kinds: Mapping[str, str]
    foreign_keys: Sequence[ForeignKey]
    moves: int


async def read_layout(tx: Reader) -> Layout:
    has_citus = bool(await tx.fetch_value(_HAS_CITUS))
    names = await tx.fetch_values(_CITUS_TABLES if has_citus else _PLAIN_TABLES)
    kinds = dict.fromkeys(sorted({*names} - {_LOCAL}), "local")
    keys = [key for key in await tx.fetch_all(_FOREIGN_KEYS, into=ForeignKey) if key.table in kinds]
    if not has_citus:
        return Layout(False, None, [], kinds, keys, 0)
    for name, is_distributed, is_reference in await tx.fetch_all(_KINDS):
        if name in kinds and (is_distributed or is_reference):
            kinds[name] = "distributed" if is_distributed else "reference"
    nodes = await tx.fetch_all(_NODES)
    coordinator = next((name for name, is_first in nodes if is_first), None)
    workers = [name for name, is_first in nodes if not is_first]
    moves = await tx.fetch_value(_MOVES) if workers and kinds.get(FIRST) == "distributed" else 0
    return Layout(True, coordinator, workers, kinds, keys, moves)


def plan(layout: Layout, coordinator: str, nodes: Collection[str]) -> list[str]:
    """The statements that bring a database to where `coordinator` and all of `nodes` hold it, in their order; none
    where it is there. Nodes are `host:port`."""
    statements = [] if layout.has_citus else ["CREATE EXTENSION citus;"]
    if layout.coordinator is None:
        statements.append(f"SELECT citus_set_coordinator_host({_to_arguments(coordinator)});")
    added = [node for node in dict.fromkeys(nodes) if node not in layout.nodes]
    statements += [f"SELECT citus_add_node({_to_arguments(node)});" for node in added]
    statements += [*_make_references(layout), *_distribute(layout)]
    if layout.moves or (added and layout.kinds.get(FIRST) == "distributed"):
        statements.append("SELECT rebalance_table_shards();")
    return statements


def _make_references(layout: Layout) -> Iterator[str]:
    """Those that others refer to come first."""
    for name in accounts.REFERENCE_TABLES:
        if layout.kinds.get(name) == "local":
            yield f"SELECT create_reference_table('{name}');"


def _distribute(layout: Layout) -> Iterator[str]:
    """A table that refers to a distributed one, or is referred to by one, can only be distributed without the foreign
    key: it is taken away meanwhile, in one transaction."""
    references = accounts.REFERENCE_TABLES
    waiting = [name for name, kind in layout.kinds.items() if kind == "local" and name not in references]
    waiting.sort(key=lambda name: (name != FIRST, name))
    between = [key for key in layout.foreign_keys if key.refers_to not in references and key.table != key.refers_to]
    between = [key for key in between if {key.table, key.refers_to} & {*waiting}]
    tied = {*chain.from_iterable((key.table, key.refers_to) for key in between)}
    yield from (_to_distributed(name) for name in waiting if name not in tied)
    if between:
        yield "BEGIN;"
        yield from (f"ALTER TABLE {key.table} DROP CONSTRAINT {key.name};" for key in between)
        yield from (_to_distributed(name) for name in waiting if name in tied)
        yield from (f"ALTER TABLE {key.table} ADD CONSTRAINT {key.name} {key.definition};" for key in between)
        yield "COMMIT;"


def _to_distributed(name: str) -> str:
    mate = "none" if name == FIRST else FIRST
    return f"SELECT create_distributed_table('{name}', 'account_id', colocate_with => '{mate}');"


def _to_arguments(node: str) -> str:
    host, _, port = node.rpartition(":")
    return f"'{host}', {int(port)}"


async def carry_out(db: Database, statements: Sequence[str]) -> None:
    """Each by itself, but for those in a transaction: to copy a table takes as long as it takes. What failed can be
    done again: the plan is then of what is left. Raises Conflict with the database's words."""
    async with db.read() as tx:
        connection = connection_of(tx)
        raw: Any = await connection.get_raw_connection()
        try:
            await raw.driver_connection.execute("SET statement_timeout = 0; SET lock_timeout = '1min'")
            for statement in statements:
                await raw.driver_connection.execute(statement, timeout=_LONGEST_SECONDS)
        except asyncpg.PostgresError as error:
            raise errors.Conflict(errors.ErrorItem("conflict", foreign(str(error)))) from error
        finally:
            await connection.invalidate()  # it is set for this work alone
