"""Copies of a SQLite database while it is in use, and putting one back."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from packhouse.sandbox.clock import ClockState

MOST = 32
_TRIES = 20
_PAUSE_SECONDS = 0.005


class Snapshot(NamedTuple):
    """`seeds` are the invented orders that were stored until then."""

    path: Path
    clock: ClockState
    seeds: tuple[tuple[int, int], ...] = ()


async def save(database: Path, to: Path) -> None:
    """Write a copy of what is committed. There is no such file yet."""
    for _ in range(_TRIES):
        if await asyncio.to_thread(_copy_still_file, database, to):
            return
        await asyncio.sleep(_PAUSE_SECONDS)
    await asyncio.to_thread(_copy_pages, database, to, is_new=True)


async def put_back(copy: Path, database: Path) -> None:
    """Make the database what the copy is. This process has closed its connections; where another one has not, the
    pages are written through SQLite."""
    if _to_log(database).exists():
        await asyncio.to_thread(_copy_pages, copy, database, is_new=False)
    else:
        await asyncio.to_thread(shutil.copyfile, copy, database)


def _copy_still_file(source: Path, target: Path) -> bool:
    """Copy the file, a quarter of the work of copying its pages: nobody writes to it while its log is empty and the
    lock for writing is ours. Return whether that could be had."""
    with closing(sqlite3.connect(source, isolation_level=None, timeout=1)) as holding:
        try:
            holding.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            holding.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        log = _to_log(source)
        if log.exists() and log.stat().st_size:
            return False
        shutil.copyfile(source, target)
        return True


def _copy_pages(source: Path, target: Path, *, is_new: bool) -> None:
    with (
        closing(sqlite3.connect(source, isolation_level=None)) as reading,
        closing(sqlite3.connect(target, isolation_level=None)) as writing,
    ):
        # What a copy holds is worth no wait for the disk: it ends with the sandbox.
        writing.execute("PRAGMA synchronous = OFF")
        if is_new:
            writing.execute("PRAGMA journal_mode = OFF")
        reading.backup(writing, sleep=_PAUSE_SECONDS)


def _to_log(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")
