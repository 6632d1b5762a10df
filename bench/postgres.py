"""The same on PostgreSQL: beside raw asyncpg on one connection, two processes beside one, reads while others post.

Raw upserts that go on while something else is measured come from a process of their own
(`python -m bench.postgres URL SECONDS`).
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import orjson
from sqlalchemy import BigInteger, Integer
from tests import servers as databases

from bench import load, servers
from bench.batches import BATCH, make_batches, to_requests, warm_up
from bench.limits import Row
from bench.report import Asked, Figure
from packhouse.kit import clock
from packhouse.kit.db.columns import Instant
from packhouse.orders.tables import orders, to_row

_COLUMNS = [column for column in orders.columns if not column.info.get("kept")]
_NAMES = [column.name for column in _COLUMNS]
_KINDS: dict[type, str] = {BigInteger: "bigint", Integer: "integer", Instant: "timestamptz"}
_ARRAYS = ", ".join(f"${i}::{_KINDS.get(type(column.type), 'text')}[]" for i, column in enumerate(_COLUMNS, 1))
_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in ("account_id", "id"))
_UPSERT = (
    f"INSERT INTO orders ({', '.join(_NAMES)}) SELECT * FROM unnest({_ARRAYS}) "  # noqa: S608
    f"ON CONFLICT (account_id, id) DO UPDATE SET {_REPLACED} RETURNING id"
)
_SELECT = "SELECT id, created_at, modified_at, document FROM orders WHERE account_id = $1 AND id = $2"


# More than a server takes, so that the writers are still at it when the reader ends.
_BATCHES_A_SECOND = 80
# Where the ids begin that raw SELECTs ask for while others are written.
_READ_FROM = 1_000_001


class _Place(NamedTuple):
    """Databases of one server: ours, and one that the raw statements write to; a shop that both have."""

    ours: str
    raw: str
    shop: int


@contextmanager
def _open_place() -> Iterator[_Place]:
    with databases.run_postgres() as server:
        names = [databases.new_database_name() for _ in range(2)]
        for name in names:
            databases.execute(server, f'CREATE DATABASE "{name}"')
        ours, raw = (databases.with_name(server, name) for name in names)
        servers.make_database(raw)
        yield _Place(ours, raw, servers.make_database(ours))


def _to_columns(batch: Sequence[dict[str, Any]], first_id: int, now: datetime) -> list[Row]:
    """What Packhouse stores for these orders, a list a column, in the driver's own types."""
    made = {"version": 1, "created_at": now, "created_by": "api_key:bench-public", "modified_at": now}
    rows = [to_row(order, account_id=1, id=id, **made) for id, order in enumerate(batch, first_id)]
    instants = {column.name for column in _COLUMNS if isinstance(column.type, Instant)}
    return [[clock.to_instant(row[name]) if name in instants else row[name] for row in rows] for name in _NAMES]


async def _time_upserts(url: str, batches: Sequence[Sequence[Row]]) -> float:
    """Seconds for all, one transaction a batch, on one connection."""
    connection = await asyncpg.connect(url)
    try:
        statement = await connection.prepare(_UPSERT)
        began = time.perf_counter()
        for columns in batches:
            await statement.fetch(*columns)
        return time.perf_counter() - began
    finally:
        await connection.close()


async def _count_selects(url: str, ids: Sequence[int], seconds: float) -> float:
    """Rows a second on one connection, one after the other."""
    connection = await asyncpg.connect(url)
    try:
        statement = await connection.prepare(_SELECT)
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            await statement.fetchrow(1, ids[done % len(ids)])
            done += 1
        return done / (time.perf_counter() - began)
    finally:
        await connection.close()


async def _time_selects(url: str, ids: Sequence[int], seconds: float) -> list[float]:
    """Milliseconds of each, ascending, on one connection."""
    connection = await asyncpg.connect(url)
    try:
        statement = await connection.prepare(_SELECT)
        took: list[float] = []
        began = time.perf_counter()
        while (at := time.perf_counter()) < began + seconds:
            await statement.fetchrow(1, ids[len(took) % len(ids)])
            took.append((time.perf_counter() - at) * 1000)
        return sorted(took)
    finally:
        await connection.close()


def _time_raw_under_load(url: str, ids: Sequence[int], seconds: float) -> tuple[float, float]:
    """What no server in between could better: the 99th percentile of raw SELECTs while as many connections as we have
    clients upsert batches, and the median of an idle database."""
    median = statistics.median(asyncio.run(_time_selects(url, ids, seconds)))
    command = [sys.executable, "-m", "bench.postgres", url, str(seconds + 1)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writers:
        if writers.stdout is not None:
            writers.stdout.readline()  # they are at it
        loaded = asyncio.run(_time_selects(url, ids, seconds))
    return loaded[int(len(loaded) * 0.99)], median


async def _upsert_for(url: str, seconds: float) -> None:
    """Each connection writes some batches of its own, again and again."""
    rounds = _to_raw_rounds(make_batches(1, seed=2), 12 * load.WRITERS, first_id=1)
    connections = [await asyncpg.connect(url) for _ in range(load.WRITERS)]
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    ends_at = time.perf_counter() + seconds

    async def write(connection: Any, batches: Sequence[Sequence[Row]]) -> None:
        statement = await connection.prepare(_UPSERT)
        for columns in cycle(batches):
            if time.perf_counter() > ends_at:
                break
            await statement.fetch(*columns)

    await asyncio.gather(*[write(c, rounds[i :: load.WRITERS]) for i, c in enumerate(connections)])
    for connection in connections:
        await connection.close()


def measure_posts(folder: Path, rounds: int, batches: int) -> Iterator[Figure]:
    """Orders a second by POST of 100 new ones, beside raw unnest upserts of the same rows; two processes beside one."""
    with _open_place() as place:
        source, count = make_batches(place.shop), batches * BATCH
        found: dict[str, list[float]] = {"raw": [], "one": [], "many": [], "pair": []}
        for turn in range(rounds):
            # One after the other, because the worker of a server that has nothing else to do works for the other one.
            with servers.run_packhouse(place.ours, folder / "posts-pg.log") as server:
                warm_up(server, source)
                # As many as ours is sent by all clients, so that both tables grow alike.
                rows = _to_raw_rounds(source, 3 * batches, first_id=1 + 3 * turn * count)
                found["raw"].append(3 * count / asyncio.run(_time_upserts(place.raw, rows)))
                for name, writers in (("many", load.WRITERS), ("one", 1)):
                    sent = to_requests(list(islice(source, batches)))
                    found[name].append(BATCH * load.run(server, sent, writers).rate)
                load.settle(server)
            with servers.run_packhouse(place.ours, folder / "pair-pg.log", "--workers", "2") as pair:
                warm_up(pair, source)
                sent = to_requests(list(islice(source, batches)))
                found["pair"].append(BATCH * load.run(pair, sent, load.WRITERS).rate)
                load.settle(pair)
    post = f"POST of {BATCH}, PostgreSQL"
    yield Figure(f"{post}, 4 clients", "a second", found["many"], found["raw"], Asked(0.5, at_least=True))
    yield Figure(f"{post}, 1 client", "a second", found["one"], found["raw"])
    yield Figure(f"{post}, 2 processes beside 1", "a second", found["pair"], found["many"], Asked(1.4, at_least=True))


def _to_raw_rounds(source: Iterator[list[dict[str, Any]]], batches: int, first_id: int) -> list[list[Row]]:
    now = clock.now()
    return [_to_columns(batch, first_id + i * BATCH, now) for i, batch in enumerate(islice(source, batches))]


def measure_gets(folder: Path, rounds: int, seconds: float) -> Iterator[Figure]:
    """GETs by id beside raw SELECTs; PATCHes beside GETs; GETs while batches come in beside GETs of a quiet server."""
    with _open_place() as place, servers.run_packhouse(place.ours, folder / "gets-pg.log") as server:
        source = make_batches(place.shop, seed=1)
        ids = _store(server, source, 2_000)
        gets = [("GET", f"/api/v3/orders/{id}", "") for id in ids]
        named = ("raw", "get", "patch", "idle", "loaded", "raw_idle", "raw_loaded")
        found: dict[str, list[float]] = {name: [] for name in named}
        asyncio.run(_time_upserts(place.raw, _to_raw_rounds(source, 20, first_id=_READ_FROM)))
        load.settle(server)
        load.run(server, gets, load.CONNECTIONS, seconds)
        for turn in range(rounds):
            found["raw"].append(asyncio.run(_count_selects(place.ours, ids, seconds)))
            found["get"].append(load.run(server, gets, load.CONNECTIONS, seconds).rate)
            note = orjson.dumps({"order_details": {"notes": f"Round {turn}"}}).decode()
            patches = [("PATCH", path, note) for _, path, _ in gets]
            found["patch"].append(load.run(server, patches, load.CONNECTIONS).rate)
            load.settle(server)
            found["idle"].append(load.run(server, gets, 1, seconds).median)
            found["loaded"].append(_time_gets_under_load(server, source, gets, seconds))
            raw_ids = range(_READ_FROM, _READ_FROM + 2_000)
            raw_loaded, raw_idle = _time_raw_under_load(place.raw, raw_ids, seconds)
            found["raw_loaded"].append(raw_loaded)
            found["raw_idle"].append(raw_idle)
    yield Figure("GET by id, PostgreSQL", "a second", found["get"], found["raw"], Asked(0.6, at_least=True))
    yield Figure("PATCH beside GET, PostgreSQL", "a second", found["patch"], found["get"], Asked(0.3, at_least=True))
    yield Figure("p99 of GET under POSTs, PostgreSQL", "ms", found["loaded"], found["idle"], Asked(10, at_least=False))
    yield Figure("p99 of raw SELECT under raw upserts", "ms", found["raw_loaded"], found["raw_idle"])


def _store(server: servers.Server, source: Iterator[list[dict[str, Any]]], count: int) -> list[int]:
    connection = server.connect()
    ids: list[int] = []
    for batch in islice(source, count // BATCH):
        ids += [int(receipt["id"]) for receipt in orjson.loads(load.post(connection, orjson.dumps(batch)))["data"]]
    connection.close()
    return ids


def _time_gets_under_load(
    server: servers.Server, source: Iterator[list[dict[str, Any]]], gets: load.Requests, seconds: float
) -> float:
    """The 99th percentile, in milliseconds, of one reader while four clients post as fast as they are answered."""
    enough = int(_BATCHES_A_SECOND * (seconds + 1))
    posts = load.start(server, to_requests(list(islice(source, enough))), load.WRITERS)
    time.sleep(0.5)
    p99 = load.run(server, gets, 1, seconds).p99
    load.finish(posts)
    load.settle(server)
    return p99


if __name__ == "__main__":
    asyncio.run(_upsert_for(sys.argv[1], float(sys.argv[2])))
