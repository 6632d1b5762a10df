"""`packhouse orders`: import and export (docs/files.md)."""

import codecs
import enum
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from io import BufferedIOBase
from pathlib import Path
from typing import Annotated, Any

import typer

from packhouse.accounts import queries as account_queries
from packhouse.cli import imports, streams, terminal
from packhouse.cli.streams import STREAM
from packhouse.cli.terminal import AccountName, AsJson
from packhouse.integrations import queries as integration_queries
from packhouse.kit import errors, pagination
from packhouse.kit.db import Database
from packhouse.orders import queries, schema, search
from packhouse.orders.files import formats, read, write
from packhouse.orders.files.columns import COLUMNS
from packhouse.orders.profile import PROFILES

orders = typer.Typer(no_args_is_help=True, help="Orders in bulk: import and export.")


class Form(enum.StrEnum):
    """The names of `read.FORMS`, as a choice."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    XLSX = "xlsx"


class Dates(enum.StrEnum):
    DAY_FIRST = "day-first"
    MONTH_FIRST = "month-first"


class DecimalMark(enum.StrEnum):
    DOT = "."
    COMMA = ","


FormName = Annotated[Form | None, typer.Option("--format", help="By the file's name without it.")]
Time = Annotated[str, typer.Option(metavar="TIME", help="A date (that day in UTC) or a date-time.")]
PresetName = Annotated[
    str | None, typer.Option("--preset", help="A preset or a mapping of the account; found without.")
]
Separator = Annotated[str | None, typer.Option(help="What separates cells: a character, or tab; found without.")]
Encoding = Annotated[str | None, typer.Option(help="Like utf-8 or cp1252; found without.")]
DatesOption = Annotated[
    Dates | None, typer.Option(help="What comes first in 03/02/2026; found without, where it can be.")
]
DecimalOption = Annotated[DecimalMark | None, typer.Option(help="The decimal mark; found without, where it can be.")]
TimeZone = Annotated[
    str | None, typer.Option(help="Of times that name none, like Europe/Paris; the account's without.")
]
Into = Annotated[int | None, typer.Option(min=1, help="The shop of all records, whichever they name.")]

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
    save_as: Annotated[str | None, typer.Option(help="Keep the mapping under this name, for --preset.")] = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: DecimalOption = None,
    dates: DatesOption = None,
    time_zone: TimeZone = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="FIELD=VALUE", help="A value of every order.")
    ] = None,
    refused: Annotated[str | None, typer.Option(metavar="FILE", help="Write what is refused to this file.")] = None,
    again: Annotated[bool, typer.Option("--again", help="Even if the same file was imported before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create or update orders from a file. What is refused is reported and keeps nothing else out."""
    if into is not None and integration is not None:
        terminal.fail("Say --integration for records that name no shop, or --into for all records.")
    if mapping is not None and preset is not None:
        terminal.fail("Say --mapping for a file, or --preset for a name.")
    asked = imports.Asked(
        account,
        Path(file).name,
        _choose_form(file, form),
        preset,
        _read_mapping(mapping),
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


def _read_mapping(path: Path | None) -> str | None:
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


def to_conventions(decimal: DecimalMark | None, dates: Dates | None) -> formats.Conventions:
    return formats.Conventions(decimal.value if decimal else None, dates.value if dates else None)


def read_fixed(said: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in said:
        name, mark, value = part.partition("=")
        if not mark or name not in COLUMNS or COLUMNS[name].of_item:
            terminal.fail(f"--set: {part!r} is no FIELD=VALUE with a field of orders.")
        found[name] = value
    return found


@orders.command("reindex")
def reindex_orders(account: AccountName) -> None:
    """Write anew what every order of an account is found by: for orders that are older than search."""

    async def work() -> int:
        done = 0
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await account_queries.get_account(tx, account)
            with streams.progress("Reading", None) as progress:
                async for done in search.reindex(db, owner.account_id, owner.country_code):
                    progress(0, done)
        return done

    typer.echo(f"{terminal.run(work())} orders can be found by what is in them.")


@orders.command("export")
def export_orders(
    account: AccountName,
    file: Annotated[str, typer.Argument(help="A file, or - for standard output.")] = STREAM,
    form: FormName = None,
    integration: Annotated[list[str] | None, typer.Option(help="Of these shops: ids, repeated or with commas.")] = None,
    status: Annotated[str, typer.Option(help="Of this order status (its code).")] = "",
    order_number: Annotated[str, typer.Option(help="Of this order number.")] = "",
    order_id: Annotated[str, typer.Option(help="Of this order id.")] = "",
    order_created_at: Time = "",
    order_created_at_min: Time = "",
    order_created_at_max: Time = "",
    order_updated_at: Time = "",
    order_updated_at_min: Time = "",
    order_updated_at_max: Time = "",
    sort: Annotated[str, typer.Option(help=f"Of {', '.join(queries.SORTS)}; each with - for descending.")] = "",
) -> None:
    """Write orders to a file, as the API gives them."""
    settings = terminal.load_settings()
    chosen = write.FORMS[_choose_written(file, form)]
    asked = _read_request(
        [
            *(("integration", ids) for ids in integration or ()),
            ("status", status),
            ("order_number", order_number),
            ("order_id", order_id),
            ("order_created_at", order_created_at),
            ("order_created_at_min", order_created_at_min),
            ("order_created_at_max", order_created_at_max),
            ("order_updated_at", order_updated_at),
            ("order_updated_at_min", order_updated_at_min),
            ("order_updated_at_max", order_updated_at_max),
            ("sort", sort),
        ]
    )

    async def work(write: Callable[[str], Any], progress: Callable[[int, int], None]) -> None:
        async with terminal.open_database(settings) as db:
            account_id = await _find_owner(db, account, asked)
            write(chosen.begin)
            count = 0
            async for page in _read_pages(db, account_id, asked):
                for row in page:
                    order = queries.to_wire(row, id_is_text=PROFILES[settings.profile].id_is_text)
                    write(chosen.write(order, count == 0))
                    count += 1
                progress(0, count)
            write(chosen.end)

    # Orders that scroll by on a terminal are progress enough, and a bar would be drawn in the midst of them.
    is_quiet = file == STREAM and sys.stdout.isatty()
    with streams.replace(file) as target, streams.progress("Exporting", None, is_quiet=is_quiet) as progress:
        terminal.run(work(lambda text: target.write(text.encode()), progress))


def _read_request(parameters: list[tuple[str, str]]) -> schema.ListRequest:
    """The list's own reader; what it refuses is named as an option, and a sort that the list would overlook too."""
    try:
        asked = schema.read_list_request([*parameters, ("page_size", str(schema.MAX_PAGE))])
    except errors.Invalid as invalid:
        faults = (f"--{(fault.parameter or '').replace('_', '-')}: {fault.detail}" for fault in invalid.faults)
        terminal.fail("; ".join(faults))
    unknown = [part for part in asked.sort.split(",") if part and part.strip().removeprefix("-") not in queries.SORTS]
    if unknown:
        terminal.fail(f"--sort: {unknown[0]!r} is none of {', '.join(queries.SORTS)}.")
    return asked


async def _find_owner(db: Database, account: str, asked: schema.ListRequest) -> int:
    async with db.read() as tx:
        owner = await account_queries.get_account(tx, account)
        wanted = asked.filters.get("integration", [])
        known = await integration_queries.find_known(tx, owner.account_id, wanted) if wanted else set()
    if strangers := [id for id in wanted if id not in known]:
        raise errors.NotFound(errors.Fault("not_found", f"The account has no integration {strangers[0]}."))
    return int(owner.account_id)


async def _read_pages(db: Database, account_id: int, asked: schema.ListRequest) -> AsyncIterator[list[Any]]:
    """Each page is a read of its own, so that a long export holds no snapshot open."""
    cursor: pagination.Cursor | None = pagination.Cursor()
    while cursor is not None:
        async with db.read() as tx:
            page = await queries.list_orders(tx, account_id, asked.filters, asked.sort, cursor, asked.page_size)
        yield [row[-4:] for row in page.rows]
        cursor = page.next


def _choose_written(file: str, form: Form | None) -> str:
    found = form or ("json" if file == STREAM else write.find_form(file))
    if found is None:
        terminal.fail(f"{file!r} does not tell its format. Say it with --format {'|'.join(write.FORMS)}.")
    return str(found)
