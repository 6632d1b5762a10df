"""Labels a second: drawn as PDF, and turned into PNG and ZPL for a printer of 203 dpi. And how long it takes to accept
20 labels that are made afterwards, beside reading one order."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from bench import load, servers
from bench.report import Asked, Figure
from packhouse.carriers import PDF, PNG, ZPL, Address, Consignment, Parcel, serials
from packhouse.kit import clock
from packhouse.orders import demo
from packhouse.printing import labels, sheets

_SENDER = Address("Anna Bakker", "Keizersgracht", "1015 CR", "Amsterdam", "NL", house_number="12")
_RECIPIENTS = (
    Address("Żaneta Wiśniewska", "ulica Świętokrzyska", "00-116", "Warszawa", "PL", house_number="14"),
    Address("Παναγιώτης Παπαδόπουλος", "Λεωφόρος Σοφίας", "106 74", "Αθήνα", "GR", house_number="5"),
    Address("王小明", "建国路", "100022", "北京市", "CN", house_number="88号"),
    Address("محمد بن عبد الله", "شارع الملك فهد", "12271", "الرياض", "SA", house_number="7421"),
)


def _make(id: int) -> bytes:
    """No two alike: another number, another order, another recipient than the one before."""
    told = Consignment(
        reference=f"0f1c9d6e-1111-4222-8333-{id:012d}",
        order_number=f"N-{id}",
        sender=_SENDER,
        recipient=_RECIPIENTS[id % len(_RECIPIENTS)],
        parcels=[Parcel(id, Decimal("1.25"))],
        option_code="house:standard",
        notes=f"Leave parcel {id} with the neighbour.",
        announced_at=datetime(2026, 11, 24, tzinfo=UTC),
    )
    number = f"(00){serials.to_sscc('952', id)}"
    return labels.make_labels(told, [("Own delivery", "Own delivery", "H", "gs1-128", number, number)])[0]


def measure_speed(rounds: int, count: int = 40) -> Iterator[Figure]:
    """By the core's time, not the clock's: what one core does."""
    made = [_make(id) for id in range(count)]  # also loads the fonts
    ways: list[tuple[str, Callable[[int], object], float]] = [
        ("labels as PDF", lambda number: _make(count + number), 40),
        ("labels from PDF to PNG, 203 dpi", partial(_convert, made, PNG), 30),
        ("labels from PDF to ZPL, 203 dpi", partial(_convert, made, ZPL), 30),
    ]
    for name, make, least in ways:
        found = []
        for turn in range(rounds):
            began = time.process_time()
            for id in range(count):
                make(turn * count + id)
            found.append(count / (time.process_time() - began))
        yield Figure(name, "a second and core", found, (), Asked(least, at_least=True))


def _convert(made: list[bytes], mime_type: str, id: int) -> bytes:
    return sheets.convert(made[id % len(made)], PDF, mime_type, 203)


CALL = 20
"""The most orders that one call ships."""
_GETS = 100
_CALLS = 5


def measure_calls(folder: Path, rounds: int) -> Iterator[Figure]:
    """Milliseconds of a call for 20 labels, durably accepted, beside a GET of one order; and of the rows of such a call
    alone, written and committed by the driver, which no server could do without. One client, nothing else."""
    url = f"sqlite:///{folder / 'calls.db'}"
    shop = servers.make_database(url)
    with servers.run_packhouse(url, folder / "calls.log", "--no-worker") as server:
        connection = server.connect()
        names, ids = _store_orders(connection, shop, (rounds + 1) * _CALLS * CALL)
        bodies = [_to_call(shop, names[at : at + CALL]) for at in range(0, len(names), CALL)]
        raw = _RawCalls(folder / "raw-calls.db", folder / "calls.db")
        calls, gets, written = [], [], []
        for turn in range(rounds + 1):
            some = ids[turn * _GETS : (turn + 1) * _GETS]
            gets.append(_time_ms([partial(load.get, connection, f"/api/v3/orders/{id}") for id in some]))
            part = bodies[turn * _CALLS : (turn + 1) * _CALLS]
            calls.append(_time_ms([partial(_accept, connection, body) for body in part]))
            written.append(_time_ms([partial(raw.write, rows) for rows in raw.take_newest(_CALLS)]))
        connection.close()
        raw.close()
    # The first round loads tables and caches.
    yield Figure(f"{CALL} labels accepted, to GET by id", "ms", calls[1:], gets[1:], Asked(5, at_least=False))
    yield Figure(f"raw write of {CALL} labels, to GET by id", "ms", written[1:], gets[1:])


class _RawCalls:
    """The rows of calls, read from the server's file and written to another one with the same tables and pragmas."""

    _TABLES = ("shipments", "parcels", "jobs")

    def __init__(self, path: Path, source: Path) -> None:
        servers.make_database(f"sqlite:///{path}")
        self._source = sqlite3.connect(source)
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def take_newest(self, calls: int) -> list[list[tuple[str, list[Any]]]]:
        """Of so many calls, of each table: the statement and its rows."""
        taken: dict[str, list[Any]] = {}
        for table in self._TABLES:
            statement = f"SELECT * FROM {table} ORDER BY id DESC LIMIT {calls * CALL}"  # noqa: S608
            taken[table] = self._source.execute(statement).fetchall()
        return [
            [(_to_insert(table, rows[0]), rows[at : at + CALL]) for table, rows in taken.items()]
            for at in range(0, calls * CALL, CALL)
        ]

    def write(self, call: Sequence[tuple[str, list[Any]]]) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        for statement, rows in call:
            self._connection.executemany(statement, rows)
        self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()
        self._source.close()


def _to_insert(table: str, row: Sequence[Any]) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})"  # noqa: S608


def _store_orders(connection: HTTPConnection, shop: int, count: int) -> tuple[list[str], list[int]]:
    """The shop's ids of so many new orders that can be shipped, and ours."""
    source = demo.make_orders(10**9, seed=7, integration_ids=[shop], now=clock.now())
    wanted = list(islice((order for order in source if order.get("shipping_address")), count))
    for order in wanted:
        order.get("shipping_details", {}).pop("ship_with", None)
    ids: list[int] = []
    for at in range(0, count, 100):
        answer = orjson.loads(load.post(connection, orjson.dumps(wanted[at : at + 100])))
        ids += [receipt["id"] for receipt in answer["data"]]
    return [order["order_id"] for order in wanted], ids


def _to_call(shop: int, names: Sequence[str]) -> bytes:
    return orjson.dumps({"integration_id": shop, "orders": [{"order_id": name} for name in names]})


def _accept(connection: HTTPConnection, body: bytes) -> None:
    answer: dict[str, Any] = orjson.loads(load.post(connection, body, "/api/v3/orders/create-labels-async"))
    if len(answer["data"]) != CALL:
        raise RuntimeError(f"Not all labels were accepted: {answer.get('errors')}")


def _time_ms(calls: Sequence[Callable[[], object]]) -> float:
    """Of each, on average."""
    began = time.perf_counter()
    for call in calls:
        call()
    return (time.perf_counter() - began) * 1000 / len(calls)
