"""`packhouse orders mapping`: which column of a file is which field, as an account keeps it (docs/files.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.commands import Commands
from packhouse.cli.orders import read_mapping
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.kit import clock
    from packhouse.orders.files import guess, known, mapping, read, records

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Reader, Transaction

mappings = Commands("Which column of a file is which field of an order.")

Name = Annotated[str, typer.Argument(help="The mapping's name, for --preset.")]


@mappings.command("list")
def list_mappings(account: AccountName, as_json: AsJson = False) -> None:
    """Show the presets and the account's own mappings."""

    async def work(tx: Reader, owner: AccountRow) -> list[dict[str, str]]:
        presets = await known.list_presets(tx, owner.account_id)
        ours = mapping.list_presets()
        return [
            {"name": name, "title": preset.title, "whose": "Packhouse" if name in ours else account}
            for name, preset in presets.items()
        ]

    terminal.show(terminal.read(account, work), as_json=as_json)


@mappings.command("save")
def save_mapping(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The mapping, as TOML.")],
    account: AccountName,
    as_json: AsJson = False,
) -> None:
    """Store a mapping of the account under a name."""
    content = read_mapping(file) or ""

    async def work(tx: Transaction, owner: AccountRow) -> None:
        by = "command:orders mapping save"
        await known.save_mapping(tx, owner.account_id, by, name, content, now=clock.now())

    terminal.write(account, work)
    if as_json:
        terminal.print_json({"name": name})
    else:
        typer.echo(f"Kept: packhouse orders import FILE --account {account} --preset '{name}'")


@mappings.command("show")
def show_mapping(name: Name, account: AccountName, as_json: AsJson = False) -> None:
    """Print a mapping or a preset as a file that can be saved again."""

    async def work(tx: Reader, owner: AccountRow) -> str:
        return await known.get_mapping(tx, owner.account_id, name)

    ours = mapping.list_presets()
    _show(mapping.read_preset(name) if name in ours else terminal.read(account, work), as_json=as_json)


def _show(content: str, *, as_json: bool) -> None:
    if as_json:
        terminal.print_json({"mapping": content})
    else:
        typer.echo(content, nl=False)


@mappings.command("delete")
def delete_mapping(name: Name, account: AccountName, as_json: AsJson = False) -> None:
    """Delete a mapping of the account."""

    async def work(tx: Transaction, owner: AccountRow) -> None:
        await known.delete_mapping(tx, owner.account_id, name)

    terminal.write(account, work)
    if as_json:
        terminal.print_json({"deleted": name})


@mappings.command("guess")
def guess_mapping(
    file: Annotated[Path, typer.Argument(help="A file whose columns no preset knows.")], as_json: AsJson = False
) -> None:
    """Print a guessed mapping for a file, from the names and values of its columns, for you to correct."""
    try:
        with file.open("rb") as source:
            header, rows = read.read_head(source, read.Options(read.find_form(file.name)))
    except OSError as error:
        terminal.fail(f"Cannot read {file}: {error.strerror}.")
    except records.Broken as broken:
        terminal.fail(f"{file}, line {broken.line}: {broken.detail}")
    _show(guess.to_toml(file.name, header, guess.guess(header, rows)), as_json=as_json)
