"""What every command shares: the database of the settings, one way to fail, one way to show rows."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from packhouse import migrations
from packhouse.app import create_database
from packhouse.kit import clock, errors
from packhouse.kit.db import Database, DatabaseUrlError
from packhouse.settings import Settings

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Answer as JSON, for programs.")]
AccountName = Annotated[str, typer.Option("--account", help="The account's name.")]


def fail(message: str) -> NoReturn:
    """One line on standard error and exit code 1."""
    typer.echo(f"packhouse: {message}", err=True)
    raise typer.Exit(1)


def load_settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        fail(f"PACKHOUSE_{'_'.join(map(str, first['loc'])).upper()}: {first['msg']}")


def run_or_raise(task: Coroutine[Any, Any, T]) -> T:
    """Run a command's work, whose refusals the command answers itself."""
    return asyncio.run(task)


def run(task: Coroutine[Any, Any, T]) -> T:
    """Run a command's work; what it refuses is one line."""
    try:
        return asyncio.run(task)
    except errors.Refusal as refusal:
        fail("; ".join(fault.detail for fault in refusal.faults))
    except DatabaseUrlError as error:
        fail(str(error))


@asynccontextmanager
async def open_database(settings: Settings, *, migrated: bool = True) -> AsyncIterator[Database]:
    """Raises Unavailable where it cannot be reached or, unless `migrated` is False, is not at this version's schema."""
    db = create_database(settings)
    try:
        await db.open()
        if migrated:
            await require_head(db)
        yield db
    finally:
        await db.close()


async def require_head(db: Database) -> None:
    why = migrations.explain(await migrations.find_revision(db))
    if why is not None:
        raise errors.Unavailable(why)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A table for people, a JSON list for programs."""
    if as_json:
        print_json(list(rows))
        return
    if not rows:
        typer.echo("There are none.")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(_to_text(value) for value in row.values()))
    Console().print(table)


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(dict(row))
        return
    width = max(len(name) for name in row)
    for name, value in row.items():
        typer.echo(f"{name:<{width}}  {_to_text(value)}")


def print_json(value: Any) -> None:
    typer.echo(orjson.dumps(value, default=_to_text).decode())


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    return clock.to_wire(value) if isinstance(value, datetime) else str(value)
