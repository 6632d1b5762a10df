"""`packhouse bench`: benches of the packing station, and test pages on their printers."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.accounts import queries as accounts
    from packhouse.kit import clock
    from packhouse.packing_station import print_jobs, printer_states, queries

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Reader
    from packhouse.packing_station import schema

benches = Commands("Benches of the packing station.")


class PrinterName(enum.StrEnum):
    LABEL = "label"
    DOCUMENTS = "documents"


@benches.command("list")
def list_benches(account: AccountName, as_json: AsJson = False) -> None:
    """List the benches of an account with their printers and printer problems."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, Any]]:
        found = await queries.list_benches(tx, owner.account_id)
        troubles = await printer_states.list_troubles(tx, owner.account_id, now=clock.now())
        return [_to_shown(bench, troubles) for bench in found]

    terminal.show(terminal.read(account, work), as_json=as_json)


def _to_shown(bench: queries.Bench, troubles: Sequence[printer_states.Trouble]) -> dict[str, Any]:
    told = [f"{one.printer}: {', '.join(map(str, one.words))}" for one in troubles if one.bench_id == bench.id]
    shown = {name: f"{used.way} {used.target}".strip() for name, used in _find_printers(bench)}
    return {"id": bench.id, "name": bench.name, **shown, "troubles": "; ".join(told)}


def _find_printers(bench: queries.Bench) -> list[tuple[str, schema.Printer]]:
    return [(name.value, bench.settings.printer(name.value)) for name in PrinterName]


@benches.command("test-page")
def print_test_page(
    bench: Annotated[str, typer.Argument(help="The bench's name or id.")],
    account: AccountName,
    printer: Annotated[PrinterName, typer.Option(help="Which of its printers.")] = PrinterName.LABEL,
    as_json: AsJson = False,
) -> None:
    """Print a test page: by the worker, the bench's agent, or the browser at the bench."""

    async def work() -> dict[str, Any]:
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                account_id = int((await accounts.get_account(tx, account)).account_id)
                found = await queries.list_benches(tx, account_id)
            chosen = next((one for one in found if bench in (one.name, str(one.id))), None)
            if chosen is None:
                terminal.fail(f"There is no bench {bench!r}.")
            now = clock.now()
            write = print_jobs.write_test_page
            id = await db.write(lambda tx: write(tx, account_id, chosen, printer.value, now=now))
        return {"print_job": id, "bench": chosen.name, "printer": printer.value}

    terminal.show_one(terminal.run(work()), as_json=as_json)
