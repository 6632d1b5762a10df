"""Somebody else at the database, who holds what a request needs."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import asyncpg

# A reader is kept out too; on SQLite nobody can keep readers out.
EVERYBODY = "LOCK TABLE orders IN ACCESS EXCLUSIVE MODE"
WRITERS = "LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE"


@contextmanager
def holding_orders(url: str, statement: str = WRITERS) -> Iterator[None]:
    """Nobody writes an order while the block runs."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    held, release = threading.Event(), threading.Event()
    holder = threading.Thread(target=asyncio.run, args=(_hold(url, statement, held, release),))
    holder.start()
    try:
        assert held.wait(30)
        yield
    finally:
        release.set()
        holder.join()


async def _hold(url: str, statement: str, held: threading.Event, release: threading.Event) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute(statement)
            held.set()
            await asyncio.to_thread(release.wait)
    finally:
        await connection.close()
