"""`packhouse migrate-from`: what an account exported elsewhere, taken over."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse import bootstrap
    from packhouse.accounts import queries as accounts
    from packhouse.accounts import schema
    from packhouse.shipping.exported import files, operations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from packhouse.context import Context
    from packhouse.kit.db import Database, Transaction

_TOGETHER = 50


class _Undo(Exception):
    """Ends a dry run and rolls it back."""


def migrate_from(
    path: Annotated[Path, typer.Argument(help="A JSON file, or a folder of them.", exists=True)],
    account: AccountName,
    integration: Annotated[int | None, typer.Option(help="The shop that takes all orders.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would be done, without doing it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take over orders, shipments, sender addresses, contracts and rules that an account exported."""
    try:
        found = list(files.read_path(path))
    except OSError as error:
        terminal.fail(f"{path} cannot be read: {error}")
    records = operations.sort([one for one in found if isinstance(one, files.Exported)])
    unread = [one for one in found if isinstance(one, files.Unread)]

    async def work() -> list[operations.Taken]:
        settings = terminal.load_settings()
        async with terminal.open_database(settings) as db, bootstrap.open_context(settings, db) as ctx:
            move = await _begin(ctx, account, integration)
            return await (_try(db, move, records) if dry_run else _take(db, move, records))

    taken = terminal.run(work())
    _show(taken, unread, is_dry_run=dry_run, as_json=as_json)
    if unread or any(one.outcome == operations.REFUSED for one in taken):
        raise typer.Exit(1)


async def _begin(ctx: Context, account: str, integration: int | None) -> operations.Move:
    async with ctx.db.read() as tx:
        owner = await accounts.get_account(tx, account)
    caller = schema.Caller(owner.account_id, owner.country_code, "command:migrate-from")
    return operations.Move(caller, ctx.options, ctx.encryptor, ctx.clock(), integration)


async def _take(db: Database, move: operations.Move, records: Sequence[files.Exported]) -> list[operations.Taken]:
    """Store the records in parts: if one fails, the parts before stay, and the next run finds them unchanged."""
    taken: list[operations.Taken] = []
    for start in range(0, len(records), _TOGETHER):
        part = records[start : start + _TOGETHER]
        taken += await db.write(partial(_take_part, move, part))
    return taken


async def _take_part(move: operations.Move, part: Sequence[files.Exported], tx: Transaction) -> list[operations.Taken]:
    return [await operations.take(tx, move, one) for one in part]


async def _try(db: Database, move: operations.Move, records: Sequence[files.Exported]) -> list[operations.Taken]:
    """Take over everything in one transaction that is rolled back, so that later records find earlier ones."""
    taken: list[operations.Taken] = []

    async def work(tx: Transaction) -> None:
        taken[:] = await _take_part(move, records, tx)
        raise _Undo

    with suppress(_Undo):
        await db.write(work)
    return taken


def _show(
    taken: Sequence[operations.Taken], unread: Sequence[files.Unread], *, is_dry_run: bool, as_json: bool
) -> None:
    counts: dict[str, Counter[str]] = {}
    for one in taken:
        counts.setdefault(one.kind, Counter())[one.outcome] += 1
    told: list[dict[str, Any]] = [
        {"place": one.place, "kind": one.kind, "outcome": one.outcome, "why": str(one.why)} for one in taken if one.why
    ]
    told += [{"place": one.place, "kind": "unknown", "outcome": operations.REFUSED, "why": one.why} for one in unread]
    if as_json:
        terminal.print_json({"dry_run": is_dry_run, "counts": counts, "told": told})
        return
    if told:
        terminal.show(told, as_json=False)
    would = "would be " if is_dry_run else ""
    for kind, of_kind in counts.items():
        parts = ", ".join(f"{count} {would}{outcome}" for outcome, count in sorted(of_kind.items()))
        typer.echo(f"{kind.replace('_', ' ')}: {parts}")
    if not taken:
        typer.echo("Nothing was found.")
