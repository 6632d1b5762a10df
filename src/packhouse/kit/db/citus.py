"""Finds the nodes of a Citus database that can be reached, and what is on those that cannot."""

from collections.abc import Collection

from sqlalchemy import text

from packhouse.kit.db.transaction import Reader

_REACHED = text(
    "SELECT nodename || ':' || nodeport, citus_check_connection_to_node(nodename, nodeport) IS TRUE "
    "FROM pg_dist_node WHERE noderole = 'primary' AND groupid > 0 ORDER BY 1"
)
_SHARDS_AWAY = text(
    "SELECT shardid FROM pg_dist_placement JOIN pg_dist_node USING (groupid) "
    "WHERE nodename || ':' || nodeport = ANY (CAST(:nodes AS text[]))"
)


async def find_nodes(tx: Reader) -> dict[str, bool]:
    """Return the nodes other than the coordinator, as `host:port`, and whether each can be reached from it."""
    return {name: bool(is_up) for name, is_up in await tx.fetch_all(_REACHED)}


async def find_shards_away(tx: Reader, nodes: Collection[str]) -> set[int]:
    return set(await tx.fetch_values(_SHARDS_AWAY, {"nodes": list(nodes)}))
