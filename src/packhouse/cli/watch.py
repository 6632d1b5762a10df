"""`packhouse orders watch`: a folder whose files are imported as they come (docs/files.md).

A file is taken when its size rests, and moved to `done/` or `failed/` when all of it is in the database, with its
report beside it. Killed at any moment, it goes on: what is there already is unchanged, and a file that was imported
whole, but not moved, is known by its bytes.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from packhouse.cli import lazy, terminal
from packhouse.cli.orders import (
    DatesOption,
    DecimalOption,
    Encoding,
    Into,
    PresetName,
    Separator,
    TimeZone,
    to_conventions,
    to_encoding,
    to_separator,
)
from packhouse.cli.terminal import AccountName, AsJson

with lazy.imports():
    from packhouse.cli import imports
    from packhouse.kit import errors, messages
    from packhouse.orders.files import read

DONE, FAILED = "done", "failed"
_LOCK = ".packhouse-watch"
# Names that programs give to what they are still writing.
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".swp", "~")
_Look = dict[Path, tuple[int, int]]


def watch_folder(
    folder: Annotated[Path, typer.Argument(help="Where files appear; done/ and failed/ are made in it.")],
    account: AccountName,
    preset: PresetName = None,
    into: Into = None,
    separator: Separator = None,
    encoding: Encoding = None,
    decimal: DecimalOption = None,
    dates: DatesOption = None,
    time_zone: TimeZone = None,
    interval: Annotated[float, typer.Option(min=0.05, help="Seconds between two looks, for which a size rests.")] = 2.0,
    once: Annotated[
        bool,
        typer.Option("--once", help="End when every file that is there was taken, or the database is away (exit 1)."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import the files that appear in a folder, until it is stopped; with --json a line of JSON tells of each."""
    asked = imports.Asked(
        account,
        preset=preset,
        into=into,
        separator=to_separator(separator),
        encoding=to_encoding(encoding),
        told=to_conventions(decimal, dates),
        time_zone=time_zone,
    )
    try:
        _require_apart(folder)
        with _alone(folder):
            _watch(folder, asked, interval, once=once, as_json=as_json)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except OSError as error:
        terminal.fail(f"Cannot watch {folder}: {error.strerror}.")


def _require_apart(folder: Path) -> None:
    """The database would be taken for a file to import, and moved away."""
    url = terminal.load_settings().database_url
    path = url.removeprefix("sqlite:///")
    if path != url and Path(path).resolve().parent == folder.resolve():
        terminal.fail(f"{folder} holds the database. Watch a folder of its own.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that watch one folder would take each file twice."""
    for name in (DONE, FAILED):
        (folder / name).mkdir(exist_ok=True)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            terminal.fail(f"Somebody watches {folder} already.")
        yield


def _watch(folder: Path, asked: imports.Asked, interval: float, *, once: bool, as_json: bool) -> None:
    before: _Look = {}
    while True:
        now = _look(folder)
        resting = [path for path, size in now.items() if before.get(path) == size]
        due = sorted(resting, key=lambda path: (now[path][1], path.name))
        waiting = [path for path in due if not _take(path, asked, as_json=as_json)]
        if once and waiting:
            raise typer.Exit(1)
        if once and not now:
            return
        before = {path: size for path, size in now.items() if path not in resting}
        time.sleep(interval)


def _look(folder: Path) -> _Look:
    """The files that may be whole, each with its size and when it was last written to."""
    found: _Look = {}
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED):
            continue
        try:
            told = path.stat()
        except FileNotFoundError:
            continue
        if path.is_file():
            found[path] = told.st_size, told.st_mtime_ns
    return found


def _take(path: Path, asked: imports.Asked, *, as_json: bool) -> bool:
    """Import a file and move it away. While the database is not there, the file waits: then False."""
    report = imports.Report(is_dry_run=False)
    with closing(report):
        try:
            terminal.run_or_raise(_import(path, asked, report))
        except errors.Unavailable as unavailable:
            waits = terminal.CommandError(f"{path.name} waits: {unavailable.faults[0].detail}", unavailable.to_wire())
            terminal.show_error(waits, as_json=as_json)
            return False
        except errors.ApiError as refusal:
            report.stop("; ".join(fault.detail for fault in refusal.faults))
        where = path.parent / (DONE if report.is_clean() else FAILED)
        target = _find_free(where / path.name)
        _write_report(target.with_name(f"{target.name}.report.json"), report)
        path.replace(target)
        if as_json:
            terminal.print_json({"file": path.name, "moved_to": where.name, "counts": dict(report.counts)})
        else:
            typer.echo(f"{path.name}: {where.name}. {report.sum_up()}")
    return True


async def _import(path: Path, asked: imports.Asked, report: imports.Report) -> None:
    asked = asked.of(path.name, read.find_form(path.name) or read.CSV)
    async with terminal.open_database(terminal.load_settings()) as db:
        with path.open("rb") as source:
            await imports.import_file(db, source, asked, report, lambda: None, is_stream=False)
    if report.stopped is not None and report.is_away:
        raise errors.Unavailable(messages.foreign(str(report.stopped["detail"])))


def _find_free(path: Path) -> Path:
    """The path itself, or one with a number where a file of that name was there before."""
    number, free = 0, path
    while free.exists():
        number += 1
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return free


def _write_report(path: Path, report: imports.Report) -> None:
    """It takes its name when it is whole and on disk, so that one that is there can be believed."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w", encoding="utf-8") as file:
        report.write_json(file.write)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
