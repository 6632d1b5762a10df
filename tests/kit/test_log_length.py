"""SQLite's write-ahead log, which a long reader keeps from being cut back."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from packhouse.kit.db import Database
from tests.concurrency.served import wait_until


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_log_is_cut_back_after_a_long_reader_is_gone(database_url: str) -> None:
    path = database_url.removeprefix("sqlite:///")
    log = Path(f"{path}-wal")

    def measure() -> int:
        return log.stat().st_size

    async def write(db: Database) -> None:
        for _ in range(50):
            async with db.begin() as tx:
                await tx.execute(text("INSERT INTO blobs SELECT randomblob(1000) FROM generate_series_of_1000"))

    async def work() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            await tx.execute(text("CREATE TABLE blobs (content BLOB)"))
            numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) SELECT i FROM n"
            await tx.execute(text(f"CREATE VIEW generate_series_of_1000 AS {numbers}"))
        with closing(sqlite3.connect(path, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM orders").fetchone()
            await write(db)
            assert measure() > 50_000_000
            reader.execute("COMMIT")
            # Nobody writes any more.
            await asyncio.to_thread(wait_until, lambda: measure() < 1_000_000)
        await db.close()

    asyncio.run(work())
