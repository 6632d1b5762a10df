"""`packhouse shard`: PostgreSQL with Citus as a database that is sharded by account (docs/scaling.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.terminal import AsJson

with lazy.imports():
    from packhouse import sharding

if TYPE_CHECKING:
    from packhouse.kit.db import Database

_PLACE = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}")
# A statement that makes a table known to the nodes may give others something to do, so it is looked again.
_ROUNDS = 3

AddNode = Annotated[
    list[str] | None, typer.Option("--add-node", help="A worker node as HOST:PORT, once for each (repeatable).")
]
Coordinator = Annotated[
    str | None,
    typer.Option(help="HOST:PORT at which the nodes reach the coordinator, if it differs from the database URL."),
]


def shard(
    add_node: AddNode = None,
    coordinator: Coordinator = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Shard the database by account with Citus; run it again after each migration and for each new node."""
    nodes = [_check(place) for place in add_node or ()]
    done = terminal.run(_shard(nodes, coordinator and _check(coordinator), is_dry=dry_run))
    if as_json:
        terminal.print_json({"statements": done, "carried_out": not dry_run})
        return
    for statement in done:
        typer.echo(statement)
    if not done and not dry_run:
        typer.echo("The database is sharded already.")


async def _shard(nodes: list[str], coordinator: str | None, *, is_dry: bool) -> list[str]:
    done: list[str] = []
    async with terminal.open_database(terminal.load_settings()) as db:
        if db.is_sqlite:
            terminal.fail("Only PostgreSQL with Citus can be sharded: PACKHOUSE_DATABASE_URL names a SQLite file.")
        place = coordinator or _find_place(db)
        for _ in range(_ROUNDS):
            async with db.read() as tx:
                statements = sharding.plan(await sharding.read_layout(tx), place, nodes)
            done += statements
            if is_dry or not statements:
                break
            await sharding.carry_out(db, statements)
    return done


def _check(place: str) -> str:
    if not _PLACE.fullmatch(place):
        terminal.fail(f"{place!r} is no HOST:PORT.")
    return place


def _find_place(db: Database) -> str:
    """Return where the nodes find the coordinator, according to the URL."""
    named = db.url.query.get("host", "")
    host = db.url.host or (named if isinstance(named, str) else named[0])
    return f"{host if host and not host.startswith('/') else 'localhost'}:{db.url.port or 5432}"
