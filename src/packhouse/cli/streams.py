"""Files that a command reads and writes: standard input and output, files that take their name when whole, progress."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path
from typing import IO, cast

from packhouse.cli import lazy, terminal

with lazy.imports():
    import rich.console
    import rich.progress

STREAM = "-"


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends even a wait for the next record; asyncio's own handler would let that wait go on."""
    previous = signal.signal(signal.SIGINT, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def open_source(file: str) -> Iterator[BufferedIOBase]:
    if file == STREAM:
        yield cast("BufferedIOBase", sys.stdin.buffer)
        return
    try:
        source = Path(file).open("rb")  # noqa: SIM115 - closed below; an error of the work is not one of opening
    except OSError as error:
        terminal.fail(f"Cannot read {file}: {error.strerror}.")
    with source:
        yield source


@contextmanager
def replace(file: str) -> Iterator[IO[bytes]]:
    """A temporary file beside the one wanted, which takes its name when it is whole and on disk."""
    if file == STREAM:
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


def find_size(file: str) -> int | None:
    return Path(file).stat().st_size or None if file != STREAM and Path(file).is_file() else None


def find_position(source: BufferedIOBase) -> int:
    return source.tell() if source.seekable() else 0


@contextmanager
def progress(what: str, total: int | None, *, is_quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """On standard error, and only to a person: `(bytes read, orders)`. Asked of the stream itself, for rich takes any
    stream for a terminal where `FORCE_COLOR` is set."""
    is_shown = sys.stderr.isatty() and not is_quiet
    console = rich.console.Console(stderr=True)
    bars = rich.progress
    columns = (
        bars.SpinnerColumn(),
        bars.TextColumn("{task.description}"),
        bars.TextColumn("{task.fields[count]} orders"),
    )
    known = (bars.BarColumn(), bars.TaskProgressColumn(), bars.TimeRemainingColumn()) if total else ()
    with bars.Progress(*columns, *known, console=console, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(what, total=total, count=0)
        yield lambda done, count: progress.update(task, completed=done, count=count)
