"""What is measured. Rounds of the limit and of ours take turns, so that a slow minute of the machine meets both."""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import psutil

from bench import deliveries, files, labels, limits, load, pages, postgres, rivals, servers, station, worst
from bench.batches import BATCH, make_batches, to_requests, warm_up
from bench.report import Asked, Figure
from packhouse.kit import clock
from packhouse.orders import schema

_MEGABYTE = 1024 * 1024


class Plan(NamedTuple):
    """How much is done; `rounds` are of each pair."""

    rounds: int = 7
    batches: int = 40
    get_seconds: float = 2.0
    get_orders: int = 2_000
    validations: int = 41
    memory_batches: int = 1_000


QUICK = Plan(rounds=5, batches=20, get_seconds=1.0, get_orders=1_000, validations=21, memory_batches=300)


def measure_posts(folder: Path, plan: Plan) -> Iterator[Figure]:
    """Orders a second by POST of 100, new ones and then the same ones with another status."""
    ours, raw = f"sqlite:///{folder / 'posts.db'}", folder / "raw.db"
    integration_id = servers.make_database(ours)
    servers.make_database(f"sqlite:///{raw}")
    table = limits.RawTable(raw)
    with servers.run_packhouse(ours, folder / "posts.log") as server:
        source = make_batches(integration_id)
        warm_up(server, source)
        rounds = [list(islice(source, plan.batches)) for _ in range(plan.rounds)]
        count = plan.batches * BATCH
        for kind, version in (("created", 1), ("updated", 2)):
            found: dict[str, list[float]] = {"raw": [], "one": [], "many": []}
            for turn, batches in enumerate(rounds):
                sent = batches if version == 1 else [change(batch, "packed") for batch in batches]
                more = list(islice(source, plan.batches)) if version == 1 else [change(b, "sent") for b in batches]
                load.settle(server)
                first = 1 + 2 * turn * count
                took = _time_raw(table, sent, first, version)
                # All that ours is sent, so that both tables grow alike.
                took += _time_raw(table, more, *((first + count, 1) if version == 1 else (first, 3)))
                found["raw"].append(2 * count / took)
                found["many"].append(BATCH * load.run(server, to_requests(sent), load.WRITERS).rate)
                found["one"].append(BATCH * load.run(server, to_requests(more), 1).rate)
            asked = Asked(0.5, at_least=True) if version == 1 else None
            yield Figure(
                f"POST of {BATCH}, {kind}, {load.WRITERS} clients", "a second", found["many"], found["raw"], asked
            )
            yield Figure(f"POST of {BATCH}, {kind}, 1 client", "a second", found["one"], found["raw"])
    table.close()


def _time_raw(table: limits.RawTable, batches: Sequence[list[dict[str, Any]]], first_id: int, version: int) -> float:
    now = clock.now()
    rows = [limits.to_rows(b, first_id + i * BATCH, version, now) for i, b in enumerate(batches)]
    versions = [limits.to_versions(r, version, now) for r in rows] if version > 1 else []
    return table.time_batches(rows, versions)


def change(batch: list[dict[str, Any]], status: str) -> list[dict[str, Any]]:
    changed = deepcopy(batch)
    for order in changed:
        order["order_details"]["status"] = {"code": status, "message": status.title()}
    return changed


def measure_gets(folder: Path, plan: Plan) -> Iterator[Figure]:
    """GETs a second of single orders, beside the same bytes out of a dictionary."""
    url, answers = f"sqlite:///{folder / 'gets.db'}", folder / "answers.json"
    source = make_batches(servers.make_database(url))
    with servers.run_packhouse(url, folder / "gets.log") as server:
        paths = store(server, source, plan.get_orders)
        load.settle(server)
        connection = server.connect()
        answers.write_bytes(orjson.dumps({path: load.get(connection, path).decode() for path in paths}))
        connection.close()
        asked = [("GET", path, "") for path in paths]
        with servers.run_floor(answers) as floor:
            found: tuple[list[float], list[float]] = ([], [])
            for _ in range(plan.rounds):
                found[0].append(load.run(floor, asked, load.CONNECTIONS, plan.get_seconds).rate)
                found[1].append(load.run(server, asked, load.CONNECTIONS, plan.get_seconds).rate)
    yield Figure("GET by id", "a second", found[1], found[0], Asked(0.25, at_least=True))


def store(server: servers.Server, source: Iterator[list[dict[str, Any]]], count: int) -> list[str]:
    """The paths of so many new orders."""
    connection = server.connect()
    paths: list[str] = []
    for batch in islice(source, count // BATCH):
        receipts = orjson.loads(load.post(connection, orjson.dumps(batch)))["data"]
        paths += [f"/api/v3/orders/{receipt['id']}" for receipt in receipts]
    connection.close()
    return paths


def measure_validation(_folder: Path, plan: Plan) -> Iterator[Figure]:
    """Milliseconds for a batch of 100, beside parsing the same bytes."""
    batch = next(make_batches(1))
    good, refused = orjson.dumps(batch), orjson.dumps(_spoil(batch))

    if len(schema.read_batch(refused).flaws) != 3 * BATCH:
        raise RuntimeError("The spoiled batch should have three errors an order.")
    if schema.read_batch(good).flaws:
        raise RuntimeError("The batch should be valid.")
    cases: list[tuple[str, bytes, Callable[[], object], float]] = [
        ("validation of a batch", good, partial(schema.read_batch, good), 4),
        ("refusal of a batch, 300 errors", refused, partial(schema.read_batch, refused), 9),
    ]
    for name, body, read, bound in cases:
        limit, ours = [], []
        for _ in range(plan.validations):
            limit.append(_time_ms(partial(orjson.loads, body)))
            ours.append(_time_ms(read))
        yield Figure(name, "ms", ours, limit, Asked(bound, at_least=False))


def _spoil(batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    spoiled = deepcopy(batch)
    for order in spoiled:
        order["order_details"]["order_items"][0]["quantity"] = 0
        order["payment_details"]["status"] = {}
        order["shipping_address"]["country_code"] = "QQ"
        order["shipping_address"].pop("state_province_code", None)
    return spoiled


def _time_ms(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def measure_memory(folder: Path, plan: Plan) -> Iterator[Figure]:
    """Resident memory of the server after many batches, and what the last four fifths of them added."""
    url = f"sqlite:///{folder / 'memory.db'}"
    source = make_batches(servers.make_database(url))
    early = plan.memory_batches // 5
    with servers.run_packhouse(url, folder / "memory.log") as server:
        process = psutil.Process(server.process.pid)
        connection = server.connect()
        samples = {}
        for number, batch in enumerate(islice(source, plan.memory_batches), 1):
            load.post(connection, orjson.dumps(batch))
            samples[number] = process.memory_info().rss / _MEGABYTE
        connection.close()
    last, first = samples[plan.memory_batches], samples[early]
    yield Figure(f"memory after {plan.memory_batches:,} batches", "MB", [last], (), Asked(150, at_least=False))
    yield Figure(f"memory against after {early} batches", "MB", [last], [first], Asked(1.05, at_least=False))


def measure_start(folder: Path, plan: Plan) -> Iterator[Figure]:
    """Seconds from the start of the process to the first answer, on a database that is up to date."""
    url = f"sqlite:///{folder / 'start.db'}"
    servers.make_database(url)
    took = [servers.time_start(url, folder / "start.log") for _ in range(min(plan.rounds, 5))]
    yield Figure("start to first answer", "s", took, (), Asked(2, at_least=False))


def measure_labels(folder: Path, plan: Plan) -> Iterator[Figure]:
    yield from labels.measure_speed(plan.rounds)
    yield from labels.measure_calls(folder, plan.rounds)


MEASURES: dict[str, Callable[[Path, Plan], Iterator[Figure]]] = {
    "post": measure_posts,
    "get": measure_gets,
    "postgres-post": lambda folder, plan: postgres.measure_posts(folder, plan.rounds, 2 * plan.batches),
    "postgres-get": lambda folder, plan: postgres.measure_gets(folder, plan.rounds, plan.get_seconds),
    "validation": measure_validation,
    "memory": measure_memory,
    "start": measure_start,
    "labels": measure_labels,
    "files": lambda folder, plan: files.measure(folder, 100 * plan.get_orders),
    "deliveries": lambda folder, _plan: deliveries.measure(folder, 3),
    "pages": lambda folder, plan: pages.measure(folder, plan.rounds),
    "station": lambda folder, _plan: station.measure(folder),
    "worst": lambda folder, _plan: worst.measure(folder),
    "naive": lambda folder, plan: rivals.measure_naive(folder, plan.rounds),
}
