"""`python -m bench.million [--orders N] [--calls N] [--only NAME] [--folder PATH]`: lists over a full table, through
HTTP, beside the plain page of the same minute (docs/benchmarks.md). Speed is a figure, not a test: the exit code is 0.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import orjson
import psutil
from tests import servers as postgres

from bench import load, servers, shelves
from bench.report import Asked, Figure, show
from packhouse.kit import clock
from packhouse.orders import demo

_MEGABYTE = 1024 * 1024
_PLAIN_BESIDE = 12  # plain pages after each combination, so that both meet the same minutes
_SHARES = (1 / (24 * shelves.DAYS), 1 / shelves.DAYS, 0.01, 0.03, 0.1, 0.5, 1.0)
SORTS = ("integration", "order_number", "order_created_at", "order_updated_at", "pk")
MIXED = ("integration,-order_created_at", "-integration,order_number", "-order_created_at,order_number")


class Shop(NamedTuple):
    """A full table behind a server, and how to draw a value of each filter: rare and common ones alike."""

    ids: Sequence[int]
    orders: int
    dice: random.Random

    def draw(self, name: str) -> str:
        if name == "integration":
            most, _, tenth, _, least = self.ids
            return self.dice.choice([f"{most}", f"{tenth}", f"{least}", f"{least},{tenth}", f"{most},{tenth}"])
        if name == "status":
            return self.dice.choice([*shelves.STATUSES, "Fulfilled"])
        if name in ("order_number", "order_id"):
            id = self.dice.randint(1, self.orders)
            return shelves.to_order_id(id) if name == "order_id" else shelves.to_number(id)
        return self._draw_time(name)

    def _draw_time(self, name: str) -> str:
        days = shelves.DAYS * self.dice.choice(_SHARES)
        if name.endswith("_min"):
            return clock.to_wire(shelves.FIRST_DAY + timedelta(days=shelves.DAYS - days))
        if name.endswith("_max"):
            return clock.to_wire(shelves.FIRST_DAY + timedelta(days=days))
        return (shelves.FIRST_DAY + timedelta(days=self.dice.randrange(shelves.DAYS))).date().isoformat()


FILTERS = (
    "integration",
    "order_number",
    "order_id",
    "status",
    *(f"order_{change}_at{end}" for change in ("created", "updated") for end in ("", "_min", "_max")),
)


class Timed(NamedTuple):
    """Milliseconds of a combination's calls."""

    family: str
    name: str
    calls: Sequence[float]

    @property
    def p50(self) -> float:
        return statistics.median(self.calls)

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.calls, n=100)[98]


def combinations() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Family, name, filters, sort."""
    for name in FILTERS:
        yield "filters alone", name, (name,), ""
    for pair in itertools.combinations(FILTERS, 2):
        yield "pairs of filters", " & ".join(pair), pair, ""
    for sort in (*(f"{sign}{name}" for name in SORTS for sign in ("", "-")), *MIXED):
        yield "sorts", sort, (), sort
        yield "sorts with integration", f"{sort} & integration", ("integration",), sort


def fetch(connection: HTTPConnection, query: str) -> float:
    """Milliseconds of one list. Raises RuntimeError where it was not answered with 200."""
    began = time.perf_counter()
    connection.request("GET", f"/api/v3/orders?{query}", headers={"Authorization": servers.AUTHORIZATION})
    response = connection.getresponse()
    body = response.read()
    took = (time.perf_counter() - began) * 1000
    if response.status != 200:
        raise RuntimeError(f"{query} was answered with {response.status}: {body[:300]!r}")
    return took


def time_lists(connection: HTTPConnection, shop: Shop, calls: int) -> tuple[list[float], list[Timed]]:
    """The plain page's milliseconds, and those of each combination."""
    plain = [fetch(connection, "") for _ in range(calls)][20:]
    timed = []
    for family, name, filters, sort in combinations():
        took = []
        for _ in range(calls):
            drawn = "".join(f"&{one}={quote(shop.draw(one))}" for one in filters)
            took.append(fetch(connection, f"sort={sort}{drawn}"))
        timed.append(Timed(family, name, took))
        plain += [fetch(connection, "") for _ in range(_PLAIN_BESIDE)]
    return plain, timed


def to_figures(database: str, plain: Sequence[float], timed: Sequence[Timed]) -> Iterator[Figure]:
    """Of each family the slowest combination: what holds for it holds for all."""
    for family in dict.fromkeys(one.family for one in timed):
        found = [one for one in timed if one.family == family]
        slow, slower = max(found, key=lambda one: one.p50), max(found, key=lambda one: one.p99)
        base = [statistics.median(plain)]
        yield Figure(f"{database}: {family}, p50 ({slow.name})", "ms", [slow.p50], base, Asked(10, at_least=False))
        yield Figure(f"{database}: {family}, p99 ({slower.name})", "ms", [slower.p99], base, Asked(30, at_least=False))


def measure_depth(database: str, connection: HTTPConnection, shop: Shop, calls: int) -> Figure:
    cursor = quote(b64encode(f"p={shop.orders // 1000 + 1}".encode()).decode())
    deep, first = [], []
    for _ in range(calls):
        first.append(fetch(connection, ""))
        deep.append(fetch(connection, f"cursor={cursor}"))
    depth = shop.orders - shop.orders // 1000
    return Figure(f"{database}: a page at depth {depth:,}", "ms", deep, first, Asked(2, at_least=False))


def measure_memory(database: str, server: servers.Server, connection: HTTPConnection, calls: int) -> Figure:
    process = psutil.Process(server.process.pid)
    for _ in range(calls):
        fetch(connection, "page_size=200")
    early = process.memory_info().rss / _MEGABYTE
    for _ in range(4 * calls):
        fetch(connection, "page_size=200")
    late = process.memory_info().rss / _MEGABYTE
    return Figure(f"{database}: memory after lists of 200", "MB", [late], [early], Asked(1.05, at_least=False))


def measure_inserts(database: str, full: servers.Server, empty: servers.Server, shops: Sequence[int]) -> Figure:
    """Orders a second by POST of 100, in turns."""
    made = demo.make_orders(10**9, seed=9, integration_ids=list(shops), now=clock.now())
    found: tuple[list[float], list[float]] = ([], [])
    for turn in range(8):
        for place, server in enumerate((full, empty)):
            bodies = [orjson.dumps(list(islice(made, 100))) for _ in range(10)]
            # Anew each time: one that waits while bodies are made may be closed for it.
            with closing(server.connect()) as connection:
                speed = 1000 / load.time_posts(connection, bodies)
            if turn:
                found[place].append(speed)
    return Figure(f"{database}: inserts into the full table", "a second", found[0], found[1], Asked(0.6, at_least=True))


def measure(database: str, urls: tuple[str, str], folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    """Of a full and an empty database."""
    full, empty = urls
    ids = servers.prepare(full, len(shelves.INTEGRATIONS))
    began = time.perf_counter()
    asyncio.run(shelves.fill(full, options.orders, 1, ids))
    print(f"{database}: filled with {options.orders:,} orders in {time.perf_counter() - began:.0f} s", flush=True)
    shop = Shop(ids, options.orders, random.Random(1))
    with servers.run_packhouse(full, folder / "full.log") as server:
        connection = server.connect()
        plain, timed = time_lists(connection, shop, options.calls)
        for one in timed:
            if options.verbose:
                print(f"  {one.p50:7.2f} {one.p99:7.2f} ms  {one.family}: {one.name}", flush=True)
        yield Figure(f"{database}: the plain page", "ms", plain)
        yield from to_figures(database, plain, timed)
        yield measure_depth(database, connection, shop, options.calls)
        yield measure_memory(database, server, connection, options.calls // 2)
        servers.prepare(empty, len(shelves.INTEGRATIONS))
        with servers.run_packhouse(empty, folder / "empty.log") as other:
            yield measure_inserts(database, server, other, ids)


def measure_all(folder: Path, options: argparse.Namespace) -> Iterator[Figure]:
    if options.only in (None, "postgresql"):
        with ExitStack() as stack:
            server = stack.enter_context(postgres.run_postgres(folder))
            names = [postgres.new_database_name() for _ in range(2)]
            for name in names:
                postgres.execute(server, f'CREATE DATABASE "{name}"')
            first, second = (postgres.with_name(server, name) for name in names)
            yield from measure("PostgreSQL", (first, second), folder, options)
    if options.only in (None, "sqlite"):
        urls = (f"sqlite:///{folder / 'full.db'}", f"sqlite:///{folder / 'empty.db'}")
        yield from measure("SQLite", urls, folder, options)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.million", description="Lists over a million orders.")
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=200, help="of each combination")
    parser.add_argument("--only", choices=["postgresql", "sqlite"])
    parser.add_argument("--folder", type=Path, help="on the disk to measure; this checkout's without it")
    parser.add_argument("--verbose", action="store_true", help="p50 and p99 of every combination")
    options = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=options.folder or Path.cwd()) as folder:
        figures = list(measure_all(Path(folder), options))
    show(figures)
    print(f"\n{options.calls} calls of each combination, in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
