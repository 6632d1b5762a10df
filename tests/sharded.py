"""Databases on a cluster of Citus: made, copied and dropped on every node.

PACKHOUSE_TEST_DATABASE_URL may name a database of a coordinator that knows its nodes (docs/scaling.md); each database
that a test gets is then distributed over them. CI has no such cluster: `tests/test_sharding.py` holds what it can
without one.
"""

import asyncio
from collections.abc import Sequence
from functools import cache

import asyncpg
from sqlalchemy import make_url

from packhouse import sharding
from packhouse.kit.db import Database
from tests import servers

# Of each table; a cluster for use has 32.
_SHARDS = 4
_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()"


@cache
def find_nodes(server: str) -> Sequence[str]:
    """URLs like the server's own, the coordinator's first; none where it is no coordinator."""
    asked = "SELECT string_agg(nodename || ':' || nodeport, ',' ORDER BY groupid) FROM pg_dist_node"
    if servers.ask(server, "SELECT to_regclass('pg_dist_node') IS NOT NULL") == "False":
        return []
    places = servers.ask(server, asked)
    if places == "None":
        return []
    hosts = [place.rpartition(":") for place in places.split(",")]
    url = make_url(server)
    return [str(url.set(host=host, port=int(port)).render_as_string(hide_password=False)) for host, _, port in hosts]


def create(server: str, name: str) -> None:
    """An empty database on every node, which only has to be migrated and distributed."""
    for node in find_nodes(server):
        servers.execute(node, f'CREATE DATABASE "{name}"')
        servers.execute(servers.with_name(node, name), "CREATE EXTENSION citus")
    servers.execute(server, f'ALTER DATABASE "{name}" SET citus.shard_count = {_SHARDS}')


async def distribute(server: str, db: Database) -> None:
    """Over all nodes of the cluster, after it was migrated."""
    coordinator, *nodes = (make_url(node) for node in find_nodes(server))
    async with db.read() as tx:
        layout = await sharding.read_layout(tx)
    places = [f"{node.host}:{node.port}" for node in nodes]
    await sharding.carry_out(db, sharding.plan(layout, f"{coordinator.host}:{coordinator.port}", places))


def copy(server: str, template: str, name: str) -> None:
    """On every node, whose names for things stay the same."""

    async def work(node: str) -> None:
        connection = await asyncpg.connect(node)
        try:
            for _ in range(20):
                await connection.execute(f'ALTER DATABASE "{template}" ALLOW_CONNECTIONS false')
                await connection.fetch(_OTHERS, template)
                try:
                    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
                except asyncpg.ObjectInUseError:  # Citus looks after each database by a connection of its own
                    await asyncio.sleep(0.1)
                else:
                    break
        finally:
            await connection.close()

    async def work_all() -> None:
        await asyncio.gather(*(work(node) for node in find_nodes(server)))

    asyncio.run(work_all())
    servers.execute(server, f'ALTER DATABASE "{name}" SET citus.shard_count = {_SHARDS}')


def drop(server: str, name: str) -> None:
    for node in find_nodes(server):
        servers.execute(node, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
