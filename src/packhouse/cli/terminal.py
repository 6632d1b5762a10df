"""What every command shares: the database of the settings, one way to fail, one way to show rows."""

from __future__ import annotations

import shutil
import textwrap
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from typer.exceptions import TyperException

from packhouse.cli import lazy

with lazy.imports():
    import asyncio

    import pydantic
    import rich.console
    import rich.table
    import rich.text

    from packhouse import context, migrations
    from packhouse import settings as all_settings
    from packhouse.accounts import queries
    from packhouse.kit import clock, db, errors, messages

if TYPE_CHECKING:
    from packhouse.accounts.queries import AccountRow
    from packhouse.kit.db import Database, Reader, Transaction
    from packhouse.settings import Settings

T = TypeVar("T")
_WIDEST = 100_000

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs; errors too.")]
AccountName = Annotated[str, typer.Option("--account", help="The account's name.")]


class CommandError(TyperException):
    """What a command cannot do. The root command writes it to standard error: a line, or with --json `wire`."""

    def __init__(self, message: str, wire: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.wire = wire or to_error_list(message)

    def show(self) -> None:
        typer.echo(f"packhouse: {self.message}", err=True)


def to_error_list(detail: str, code: str = "invalid", **more: Any) -> dict[str, Any]:
    """The error list of the API, without the status of HTTP."""
    return {"errors": [{"code": code, "detail": detail, **more}]}


def show_error(error: Exception, *, as_json: bool) -> int:
    """Write what ended a command to standard error; the exit code."""
    if isinstance(error, typer.Abort):
        error = CommandError("Stopped, because nobody said yes.", to_error_list("Nobody said yes.", "aborted"))
    if not isinstance(error, TyperException):  # our own fault
        detail, steps = f"{type(error).__name__}: {error}", traceback.format_exception(error)
        print_json(to_error_list(detail, "internal_error", meta={"traceback": "".join(steps)}), is_error=True)
        return 1
    if as_json:
        wire = error.wire if isinstance(error, CommandError) else to_error_list(error.format_message())
        print_json(wire, is_error=True)
    else:
        error.show()  # type: ignore[attr-defined]
    return error.exit_code


def fail(message: str) -> NoReturn:
    """End the command with one line on standard error and exit code 1."""
    raise CommandError(message)


def load_settings() -> Settings:
    try:
        return all_settings.Settings()
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        fail(f"PACKHOUSE_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}")


def run_or_raise(task: Coroutine[Any, Any, T]) -> T:
    """Run a command's work, whose refusals the command answers itself."""
    return asyncio.run(task)


def run(task: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; what it refuses ends the command."""
    try:
        return asyncio.run(task)
    except errors.ApiError as refusal:
        raise CommandError("; ".join(fault.detail for fault in refusal.faults), refusal.to_wire()) from None
    except db.DatabaseUrlError as error:
        fail(str(error))


def read(account: str, work: Callable[[Reader, AccountRow], Awaitable[T]]) -> T:
    """Run what a command reads of the account with this name; what is refused ends the command."""

    async def task() -> T:
        async with open_database(load_settings()) as opened, opened.read() as tx:
            return await work(tx, await queries.get_account(tx, account))

    return run(task())


def write(account: str, work: Callable[[Transaction, AccountRow], Awaitable[T]]) -> T:
    """Run what a command changes in the account with this name, in one transaction; what is refused ends the
    command."""

    async def task() -> T:
        async with open_database(load_settings()) as opened:
            return await opened.write(find_and_work)

    async def find_and_work(tx: Transaction) -> T:
        return await work(tx, await queries.get_account(tx, account))

    return run(task())


@asynccontextmanager
async def open_database(settings: Settings, *, is_made: bool = False) -> AsyncIterator[Database]:
    """Open the database of the settings. Raises Unavailable where it cannot be reached or, unless `is_made` says that
    the command makes and migrates it, where it is not there or not at this version's schema."""
    opened = context.create_database(settings)
    if opened.is_sqlite and not is_made:
        _require_file(Path(opened.url.database or ""))
    try:
        await opened.open()
        if not is_made:
            await require_head(opened)
        yield opened
    finally:
        await opened.close()


def _require_file(path: Path) -> None:
    """Opening a SQLite file makes it: a command that only reads would leave an empty one behind."""
    if path.parent.is_dir() and not path.exists():
        raise errors.Unavailable(messages.message("There is no database at {path}. Run: packhouse migrate", path=path))


async def require_head(opened: Database) -> None:
    why = migrations.explain(await migrations.find_revision(opened))
    if why is not None:
        raise errors.Unavailable(why)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None) -> None:
    """A table for people, a JSON list for programs. A table that is wider than the terminal is written a row at a time,
    a value a line."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        typer.echo("There are none.")
        return
    console = rich.console.Console()
    table = rich.table.Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*(rich.text.Text(_to_text(value)) for value in row.values()))
    unbounded = console.options.update(max_width=_WIDEST)
    if console.measure(table, options=unbounded).maximum <= console.width:
        console.print(table)
        return
    if title is not None:
        typer.echo(f"{title}\n")
    for number, row in enumerate(rows):
        if number:
            typer.echo("")
        _show_values(row)


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(dict(row))
    else:
        _show_values(row)


def _show_values(row: Mapping[str, Any]) -> None:
    """A value a line, wrapped at spaces alone, so that a key or a link stays whole."""
    width = max(len(name) for name in row)
    space = max(shutil.get_terminal_size().columns - width - 2, 20)
    for name, value in row.items():
        lines = textwrap.wrap(_to_text(value), space, break_long_words=False, break_on_hyphens=False) or [""]
        typer.echo(f"{name:<{width}}  {lines[0]}".rstrip())
        for line in lines[1:]:
            typer.echo(f"{'':<{width}}  {line}")


def print_json(value: Any, *, is_error: bool = False) -> None:
    typer.echo(orjson.dumps(value, default=_to_plain).decode(), err=is_error)


def _to_plain(value: Any) -> str:
    return clock.to_wire(value) if isinstance(value, datetime) else str(value)


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=_to_plain).decode()
    return to_printable(_to_plain(value))


def to_printable(text: str) -> str:
    """A text of others must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
