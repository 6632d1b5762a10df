"""`packhouse orders`: import and export (docs/files.md)."""

import enum
import itertools
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO, Annotated, Any, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn

from packhouse.accounts import queries as account_queries
from packhouse.accounts.schema import Caller
from packhouse.cli import imports, terminal
from packhouse.cli.terminal import AccountName, AsJson
from packhouse.integrations import queries as integration_queries
from packhouse.kit import errors, pagination
from packhouse.kit.db import Database
from packhouse.orders import files, queries, schema, search
from packhouse.orders.profile import PROFILES

orders = typer.Typer(no_args_is_help=True, help="Orders in bulk: import and export.")


class Form(enum.StrEnum):
    """The names of `files.FORMS`, as a choice."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


FormName = Annotated[Form | None, typer.Option("--format", help="By the file's name without it.")]
Time = Annotated[str, typer.Option(metavar="TIME", help="A date (that day in UTC) or a date-time.")]

_STREAM = "-"
_INTERRUPTED = 130


@orders.command("import")
def import_orders(
    file: Annotated[str, typer.Argument(help="A file, or - for standard input (then with --format).")],
    account: AccountName,
    form: FormName = None,
    integration: Annotated[int | None, typer.Option(min=1, help="The shop of records that name none.")] = None,
    into: Annotated[int | None, typer.Option(min=1, help="The shop of all records, whichever they name.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Create or update orders from a file. What is refused is reported and keeps nothing else out."""
    if into is not None and integration is not None:
        terminal.fail("Say --integration for records that name no shop, or --into for all records.")
    chosen = files.FORMS[_choose_form(file, form)]
    report = imports.Report(dry_run)

    async def work(source: BufferedIOBase, count: Callable[[], None]) -> None:
        async with terminal.open_database(terminal.load_settings()) as db:
            caller = await _find_caller(db, account, into or integration)
            records = chosen.read(source, integration)
            records = records if into is None else files.move(records, into)
            while batch := _next_batch(records, report):
                await _store(db, caller, batch, report)
                count()

    code = 0
    with closing(report):
        try:
            with _open(file) as source, _progress("Importing", _size(file)) as progress, _interruptible():
                terminal.run(work(source, lambda: progress(_position(source), report.counts.total())))
        except KeyboardInterrupt:
            report.stop("interrupted")
            code = _INTERRUPTED
        report.show(as_json=as_json)
    raise typer.Exit(code or int(not report.is_clean()))


async def _find_caller(db: Database, account: str, integration: int | None) -> Caller:
    async with db.read() as tx:
        owner = await account_queries.get_account(tx, account)
        wanted = [] if integration is None else [integration]
        if wanted and not await integration_queries.find_live(db, tx, owner.account_id, wanted):
            raise errors.NotFound(errors.Fault("not_found", f"The account has no integration {integration}."))
    return Caller(owner.account_id, owner.country_code, "command:orders import")


def _next_batch(records: Iterator[files.Record], report: imports.Report) -> list[files.Record]:
    """Up to 100; where the file breaks, what was read before is still a batch."""
    batch: list[files.Record] = []
    if report.stopped:
        return batch
    try:
        batch.extend(itertools.islice(records, schema.MAX_BATCH))
    except files.Broken as broken:
        report.stop(broken.detail, broken.line)
    return batch


async def _store(db: Database, caller: Caller, batch: list[files.Record], report: imports.Report) -> None:
    try:
        await imports.store(db, caller, batch, report)
    except errors.Unavailable as unavailable:
        report.stop(unavailable.faults[0].detail, batch[0].line)


@orders.command("reindex")
def reindex_orders(account: AccountName) -> None:
    """Write anew what every order of an account is found by: for orders that are older than search."""

    async def work() -> int:
        done = 0
        async with terminal.open_database(terminal.load_settings()) as db:
            async with db.read() as tx:
                owner = await account_queries.get_account(tx, account)
            with _progress("Reading", None) as progress:
                async for done in search.reindex(db, owner.account_id, owner.country_code):
                    progress(0, done)
        return done

    typer.echo(f"{terminal.run(work())} orders can be found by what is in them.")


@orders.command("export")
def export_orders(
    account: AccountName,
    file: Annotated[str, typer.Argument(help="A file, or - for standard output.")] = _STREAM,
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
    chosen = files.FORMS[_choose_form(file, form, otherwise="json")]
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
    is_quiet = file == _STREAM and sys.stdout.isatty()
    with _replace(file) as target, _progress("Exporting", None, is_quiet=is_quiet) as progress:
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


def _choose_form(file: str, form: Form | None, otherwise: str | None = None) -> str:
    found = form or (otherwise if file == _STREAM else files.find_form(file))
    if found is None:
        what = "Standard input" if file == _STREAM else repr(file)
        terminal.fail(f"{what} does not tell its format. Say it with --format {'|'.join(files.FORMS)}.")
    return str(found)


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C ends even a wait for the next record; asyncio's own handler would let that wait go on."""
    previous = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def _open(file: str) -> Iterator[BufferedIOBase]:
    if file == _STREAM:
        yield cast("BufferedIOBase", sys.stdin.buffer)
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below; an error of the work is not one of opening
    except OSError as error:
        terminal.fail(f"Cannot read {file}: {error.strerror}.")
    with source:
        yield source


@contextmanager
def _replace(file: str) -> Iterator[IO[bytes]]:
    """A temporary file beside the one wanted, which takes its name when it is whole and on disk."""
    if file == _STREAM:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file).resolve()
    if path.exists() and not path.is_file():
        terminal.fail(f"Cannot write {file}: it is no regular file.")
    part: Path | None = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False
        ) as made:
            part = Path(made.name)
            yield made
            made.flush()
            os.fsync(made.fileno())
        part.replace(path)
    except OSError as error:
        terminal.fail(f"Cannot write {file}: {error.strerror}.")
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def _size(file: str) -> int | None:
    return Path(file).stat().st_size or None if file != _STREAM and Path(file).is_file() else None


def _position(source: BufferedIOBase) -> int:
    return source.tell() if source.seekable() else 0


@contextmanager
def _progress(what: str, total: int | None, *, is_quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """On standard error, and only to a person: `(bytes read, orders)`. Asked of the stream itself, for rich takes any
    stream for a terminal where `FORCE_COLOR` is set."""
    is_shown = sys.stderr.isatty() and not is_quiet
    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.fields[count]} orders"))
    known = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn()) if total else ()
    with Progress(*columns, *known, console=console, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(what, total=total, count=0)
        yield lambda done, count: progress.update(task, completed=done, count=count)
