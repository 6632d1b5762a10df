"""Packhouse beside the naive implementation of `bench.naive`, on both databases, in turns."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import orjson
from tests import servers as postgres

from bench import load, servers
from bench.batches import BATCH, make_batches
from bench.report import Asked, Figure


def measure_naive(folder: Path, rounds: int) -> Iterator[Figure]:
    """Orders a second by POST of 100 new ones."""
    yield _compare("SQLite", f"sqlite:///{folder / 'ours.db'}", f"sqlite:///{folder / 'naive.db'}", folder, rounds)
    with postgres.run_postgres() as server:
        names = [postgres.new_database_name() for _ in range(2)]
        for name in names:
            postgres.execute(server, f'CREATE DATABASE "{name}"')
        ours, naive = (postgres.with_name(server, name) for name in names)
        yield _compare("PostgreSQL", ours, naive, folder, rounds)


def _compare(name: str, ours: str, naive: str, folder: Path, rounds: int) -> Figure:
    [integration_id] = servers.prepare(ours, 1)
    source = make_batches(integration_id, seed=5)
    found: tuple[list[float], list[float]] = ([], [])
    with (
        servers.run_packhouse(ours, folder / "ours.log") as server,
        servers.run_naive(naive, folder / "naive.log") as rival,
    ):
        ours_connection, rival_connection = server.connect(), rival.connect()
        for turn in range(rounds + 1):
            bodies = [orjson.dumps(batch) for batch in islice(source, 10)]
            # The naive one takes two batches a round: it needs as long for them.
            rival_speed = 2 * BATCH / load.time_posts(rival_connection, bodies[:2])
            speed = 10 * BATCH / load.time_posts(ours_connection, bodies)
            if turn:  # the first one loads tables and caches
                found[0].append(speed)
                found[1].append(rival_speed)
    return Figure(f"POST of {BATCH}, {name}, beside the naive", "a second", found[0], found[1], Asked(8, at_least=True))
