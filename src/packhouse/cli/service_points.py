"""`packhouse service-points`: the pick-up places that an account's parcels can go to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import bootstrap
    from packhouse.accounts import queries as accounts
    from packhouse.kit import clock
    from packhouse.shipping.service_points import demo, files, operations, refresh, schema

if TYPE_CHECKING:
    from packhouse.kit.db import Database

service_points = Commands("Pick-up places of carriers that parcels can go to.")


async def _find_account(db: Database, name: str) -> int:
    async with db.read() as tx:
        return int((await accounts.get_account(tx, name)).account_id)


@service_points.command("import")
def import_points(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV or GeoJSON.")],
    account: AccountName,
    carrier: Annotated[str | None, typer.Option(help="The carrier of points that name none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Store the points of a file; they replace those of an earlier file with the same carriers."""
    content = file.read_bytes()

    async def work() -> dict[str, Any]:
        points = schema.read_points(files.read_file(content, carrier))
        return await _store(account, operations.FILE, points)

    terminal.show_one(terminal.run(work()), as_json=as_json)


@service_points.command("demo")
def store_demo_points(account: AccountName, as_json: AsJson = False) -> None:
    """Store the invented points of demo orders, as points of the carrier house."""

    async def work() -> dict[str, Any]:
        return await _store(account, operations.DEMO, schema.read_points(demo.make_points()))

    terminal.show_one(terminal.run(work()), as_json=as_json)


async def _store(account: str, source: str, points: list[dict[str, Any]]) -> dict[str, Any]:
    async with terminal.open_database(terminal.load_settings()) as db:
        account_id = await _find_account(db, account)
        return (await operations.store_points(db, account_id, source, points, now=clock.now()))._asdict()


@service_points.command("refresh")
def refresh_points(carrier: str, country: str, account: AccountName, as_json: AsJson = False) -> None:
    """Ask a carrier for its points in a country: packhouse service-points refresh CARRIER NL."""

    async def work() -> dict[str, Any]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db, bootstrap.open_context(settings, db) as ctx:
            account_id = await _find_account(db, account)
            return (await refresh.refresh(ctx, account_id, carrier, country.upper()))._asdict()

    terminal.show_one(terminal.run(work()), as_json=as_json)
