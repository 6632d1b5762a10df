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
    files = [f"sqlite:///{folder / name}.db" for name in ("ours", "naive", "batch")]
    yield from _compare("SQLite", files, folder, rounds)
    with postgres.run_postgres() as server:
        names = [postgres.new_database_name() for _ in range(3)]
        for name in names:
            postgres.execute(server, f'CREATE DATABASE "{name}"')
        yield from _compare("PostgreSQL", [postgres.with_name(server, name) for name in names], folder, rounds)


def _compare(name: str, urls: list[str], folder: Path, rounds: int) -> Iterator[Figure]:
    """Of three databases: ours, that of the naive one, and that of the naive one which commits a batch at once."""
    [integration_id] = servers.prepare(urls[0], 1)
    source = make_batches(integration_id, seed=5)
    found: tuple[list[float], list[float], list[float]] = ([], [], [])
    with (
        servers.run_packhouse(urls[0], folder / "ours.log") as server,
        servers.run_naive(urls[1], folder / "naive.log") as rival,
        servers.run_naive(urls[2], folder / "batch.log", "batch") as second,
    ):
        connections = server.connect(), rival.connect(), second.connect()
        for turn in range(rounds + 1):
            bodies = [orjson.dumps(batch) for batch in islice(source, 10)]
            # The naive ones take two batches a round: they need as long for them.
            for place, sent in enumerate((bodies, bodies[:2], bodies[:2])):
                speed = len(sent) * BATCH / load.time_posts(connections[place], sent)
                if turn:  # the first one loads tables and caches
                    found[place].append(speed)
    post, asked = f"POST of {BATCH}, {name}, beside the naive", Asked(8, at_least=True)
    yield Figure(f"{post}, a commit an order", "a second", found[0], found[1], asked)
    yield Figure(f"{post}, a commit a batch", "a second", found[0], found[2], asked)
