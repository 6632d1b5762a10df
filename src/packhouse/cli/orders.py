"""`packhouse orders`: import and export (docs/files.md)."""

from __future__ import annotations

import codecs
import enum
from collections.abc import Callable
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from packhouse.cli import lazy, streams, terminal
from packhouse.cli.choices import READ_FORMATS
from packhouse.cli.commands import Commands
from packhouse.cli.streams import STREAM
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.accounts import queries as account_queries
    from packhouse.cli import imports
    from packhouse.kit import clock
    from packhouse.orders import search
    from packhouse.orders.files import columns, formats, read

if TYPE_CHECKING:
    from packhouse.orders.files.formats import Conventions

orders = Commands("Orders in bulk: import and export.")


Form = enum.StrEnum("Form", {name.upper(): name for name in READ_FORMATS})  # type: ignore[misc]


class Dates(enum.StrEnum):
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class DecimalMark(enum.StrEnum):
    DOT = "."
    COMMA = ","


FormName = Annotated[Form | None, typer.Option("--format", help="By default that of the file's name.")]
Time = Annotated[str, typer.Option(metavar="TIME", help="A date (that day in UTC) or a date-time.")]
PresetName = Annotated[
    str | None, typer.Option("--preset", help="A preset or a mapping of the account; detected by default.")
]
Separator = Annotated[
    str | None, typer.Option(help="The separator of cells: a character, or tab; detected by default.")
]
Encoding = Annotated[str | None, typer.Option(help="For example utf-8 or cp1252; detected by default.")]
DatesOption = Annotated[
    Dates | None, typer.Option(help="What comes first in 03/02/2026; detected by default, if possible.")
]
DecimalOption = Annotated[DecimalMark | None, typer.Option(help="The decimal mark; detected by default, if possible.")]
TimeZone = Annotated[
    str | None, typer.Option(help="The zone of times without one, for example Europe/Paris; by default the account's.")
]
Into = Annotated[int | None, typer.Option(min=1, help="The shop of all records, whatever they name.")]

_INTERRUPTED = 130


@orders.command("import")
def import_orders(
    file: Annotated[str, typer.Argument(help="A file, or - for standard input (then with --format).")],
    account: AccountName,
    form: FormName = None,
    integration: Annotated[int | None, typer.Option(min=1, help="The shop of records that name none.")] = None,
    into: Into = None,
    preset: PresetName = None,
    mapping: Annotated[Path | None, typer.Option(help="A file that says which column is which field.")] = None,
    save_as: Annotated[str | None, typer.Option(help="Store the mapping under this name, for --preset.")] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: DecimalOption = None,
    dates: DatesOption = None,
    time_zone: TimeZone = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A value of every order.")
    ] = None,
    refused: Annotated[str | None, typer.Option(metavar="FILE", help="Write refused records to this file.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Import the file even if it was imported before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create or update orders from a file. Refused records are reported; all others are stored."""
    if into is not None and integration is not None:
        terminal.fail("Say --integration for records that name no shop, or --into for all records.")
    if mapping is not None and preset is not None:
        terminal.fail("Say --mapping for a file, or --preset for a name.")
    asked = imports.Asked(
        account,
        Path(file).name,
        _choose_form(file, form),
        preset,
        read_mapping(mapping),
        integration,
        into,
        dry_run,
        again,
        to_separator(separator),
        to_encoding(encoding),
        to_conventions(decimal, dates),
        time_zone,
        read_fixed(set_ or []),
        save_as,
    )
    raise typer.Exit(_import(file, asked, refused, as_json=as_json))


def _import(file: str, asked: imports.Asked, refused: str | None, *, as_json: bool) -> int:
    report = imports.Report(asked.is_dry_run)

    async def work(source: BufferedIOBase, count: Callable[[], None]) -> None:
        async with terminal.open_database(terminal.load_settings()) as db:
            await imports.import_file(db, source, asked, report, count, is_stream=file == STREAM)

    code = 0
    with closing(report):
        try:
            total = streams.find_size(file)
            with (
                streams.open_source(file) as source,
                streams.progress("Importing", total) as progress,
                streams.interruptible(),
            ):
                terminal.run(work(source, lambda: progress(streams.find_position(source), report.count_done())))
        except KeyboardInterrupt:
            report.stop("interrupted")
            code = _INTERRUPTED
        report.show(as_json=as_json)
        if refused is not None and report.counts["refused"]:
            with streams.replace(refused) as target:
                report.write_refused(target)
        return code or int(not report.is_clean())


def _choose_form(file: str, form: Form | None) -> str:
    found = form or (None if file == STREAM else read.find_form(file))
    if found is None:
        what = "Standard input" if file == STREAM else repr(file)
        terminal.fail(f"{what} does not tell its format. Say it with --format {'|'.join(read.FORMS)}.")
    return str(found)


def read_mapping(path: Path | None) -> str | None:
    try:
        return None if path is None else path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        terminal.fail(f"Cannot read {path}: {error}.")


def to_separator(said: str | None) -> str | None:
    named = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
    found = named.get(said, said) if said else None
    if found is not None and (len(found) != 1 or found in '"\r\n'):
        terminal.fail("--separator: one character is expected, or tab.")
    return found


def to_encoding(said: str | None) -> str | None:
    try:
        return None if said is None else codecs.lookup(said).name
    except LookupError:
        terminal.fail(f"--encoding: {said!r} is not known.")


def to_conventions(decimal: DecimalMark | None, dates: Dates | None) -> Conventions:
    return formats.Conventions(decimal.value if decimal else None, dates.value if dates else None)


def read_fixed(said: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in said:
        name, mark, value = part.partition("=")
        if not mark or name not in columns.COLUMNS or columns.COLUMNS[name].of_item:
            terminal.fail(f"--set: {part!r} is no FIELD=VALUE with a field of orders.")
        found[name] = value
    return found


@orders.command("reindex")
def reindex_orders(account: AccountName, as_json: AsJson = False) -> None:
    """Rebuild the search index of an account, for orders that are older than search."""

    async def work() -> int:
        done = 0
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await account_queries.get_account(tx, account)
            with streams.progress("Reading", None) as progress:
                async for done in search.reindex(db, owner.account_id, owner.country_code, clock.now()):
                    progress(0, done)
        return done

    done = terminal.run(work())
    if as_json:
        terminal.print_json({"reindexed": done})
    else:
        typer.echo(f"{done} orders can be found by what is in them.")
