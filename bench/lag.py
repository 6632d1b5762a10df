"""`python -m bench.lag [--orders N] [--only NAME] [--folder PATH]`: how long the index behind search takes to catch up
after a load of so many orders, each with a job of its own, with one worker that has nothing else to do. Speed is a
figure, not a test.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests import servers as postgres

from bench import servers, shelves
from bench.report import Asked, Figure, show
from packhouse import worker
from packhouse.app import create_database
from packhouse.cli import interpreter
from packhouse.kit import clock, jobs
from packhouse.orders import search
from packhouse.settings import Settings

_ASKED = Asked(60, at_least=False)
_BATCH = 1_000


async def catch_up(url: str, count: int) -> float:
    """Seconds, from the last order's job to the last term."""
    settings = Settings(database_url=url)
    db = create_database(settings)
    await db.open()
    try:
        for start in range(1, count + 1, _BATCH):
            payloads = [search.to_payload([id], "NL") for id in range(start, min(start + _BATCH, count + 1))]
            async with db.begin() as tx:
                await jobs.enqueue(tx, 1, search.JOB, payloads, now=clock.now())
        began = time.perf_counter()
        async with worker.open_workshop(settings, db) as workshop:
            done = await worker.Worker(workshop).drain()
        took = time.perf_counter() - began
        if done < count:
            raise RuntimeError(f"{done} jobs of {count} were done")
        return took
    finally:
        await db.close()


def measure(name: str, url: str, count: int) -> Figure:
    ids = servers.prepare(url, len(shelves.INTEGRATIONS))
    asyncio.run(shelves.fill(url, count, 1, ids))
    return Figure(f"{name}: search lag after {count:,} orders", "s", [asyncio.run(catch_up(url, count))], asked=_ASKED)


def measure_all(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    if options.only in (None, "postgresql"):
        with postgres.run_postgres(folder) as server:
            name = postgres.new_database_name()
            postgres.execute(server, f'CREATE DATABASE "{name}"')
            yield measure("PostgreSQL", postgres.with_name(server, name), options.orders)
    if options.only in (None, "sqlite"):
        yield measure("SQLite", f"sqlite:///{folder / 'lag.db'}", options.orders)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.lag", description="How far search is behind after a load.")
    parser.add_argument("--orders", type=int, default=40_000)
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--folder", type=Path, help="on the disk to measure; this checkout's without it")
    options = parser.parse_args()
    interpreter.tune()
    # Not in /tmp, which may be memory: then a commit would cost nothing.
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder or Path.cwd()) as folder:
        show(list(measure_all(Path(folder), options)))


if __name__ == "__main__":
    main()
