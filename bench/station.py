"""The packing station: how long the machine takes from an order's last scan to its print job; and every page of people
that lists orders, by each sort that it offers, at 50,000 orders."""

import re
import statistics
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from http.client import HTTPConnection
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
import psutil

from bench import load, pages, servers
from bench.batches import BATCH
from bench.report import Asked, Figure
from packhouse.kit import clock
from packhouse.orders import demo
from packhouse.web.orders import orders

_SKU = "BENCH-1"
_ROUNDS = 5
_A_ROUND = 60
_ORDERS = 50_000
_PAGE_ROUNDS, _A_PAGE_ROUND = 3, 10
_P95 = 18
"""The place of the 95th in a hundred among the cut points of twentieths."""


class _Bench(NamedTuple):
    """A browser at a bench: what each of its forms carries."""

    connection: HTTPConnection
    cookie: str
    csrf: str
    bench: str

    def send(self, place: str, fields: Mapping[str, str]) -> tuple[float, str]:
        """Milliseconds and the answer."""
        body = urlencode({"csrf": self.csrf, "bench": self.bench, **fields})
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"}
        began = time.perf_counter()
        self.connection.request("POST", place, body, headers)
        answer = self.connection.getresponse()
        told = answer.read().decode()
        return (time.perf_counter() - began) * 1000, told

    def scan(self, text: str, key: str) -> tuple[float, str]:
        return self.send("/pack/scan", {"text": text, "key": key, "way": "scan"})


def measure_scans(folder: Path) -> Iterator[Figure]:
    """The answer to the last scan of an order of one piece: its shipment, its label as PDF and its print job are
    stored, and the screen that prints it is drawn. A worker runs inside the server, as operators have it by default."""
    url = f"sqlite:///{folder / 'station.db'}"
    shop = servers.make_database(url)
    with servers.run_packhouse(url, folder / "station.log") as server, pages.reading(server, url) as reader:
        numbers = _store(reader.connection, shop, _A_ROUND * (_ROUNDS + 1))
        load.settle(server)
        bench = _open_bench(reader)
        slowest, middle = [], []
        for turn in range(_ROUNDS + 1):
            took = [_pack(bench, number) for number in numbers[turn * _A_ROUND : (turn + 1) * _A_ROUND]]
            slowest.append(statistics.quantiles(took, n=20)[_P95])
            middle.append(statistics.median(took))
    # The first round loads fonts and caches.
    yield Figure("last scan to print job, p95", "ms", slowest[1:], asked=Asked(300, at_least=False))
    yield Figure("last scan to print job, p50", "ms", middle[1:])


def _store(connection: HTTPConnection, shop: int, count: int) -> list[str]:
    """The numbers of so many orders of one piece each."""
    source = demo.make_orders(10**9, seed=11, integration_ids=[shop], now=clock.now())
    wanted: list[dict[str, Any]] = []
    for number, order in enumerate(islice((o for o in source if o["shipping_address"]["country_code"] == "NL"), count)):
        [item, *_] = order["order_details"]["order_items"]
        order["order_details"]["order_items"] = [{**item, "sku": _SKU, "quantity": 1}]
        order["order_details"].pop("tags", None)
        order.get("shipping_details", {}).pop("ship_with", None)
        order["order_details"]["status"] = {"code": "unfulfilled", "message": "Unfulfilled"}
        order["payment_details"]["status"] = {"code": "paid", "message": "Paid"}
        wanted.append({**order, "order_id": f"bench-{number}", "order_number": f"BENCH-{number}"})
    for at in range(0, count, BATCH):
        load.post(connection, orjson.dumps(wanted[at : at + BATCH]))
    return [order["order_number"] for order in wanted]


def _open_bench(reader: pages.Reader) -> _Bench:
    reader.connection.close()  # the server does so with one that is idle for long; it opens again by itself
    _, page = reader.fetch("/pack")
    bench = _Bench(reader.connection, reader.cookie, _find(r'name="csrf" value="([^"]+)"', page), "0")
    bench.send("/pack/bench", {})
    _, page = reader.fetch("/settings/benches")
    return bench._replace(bench=_find(r"/settings/benches/(\d+)", page))


def _find(pattern: str, page: bytes) -> str:
    found = re.search(pattern, page.decode())
    if found is None:
        raise RuntimeError(f"The page has no {pattern}.")
    return found[1]


def _pack(bench: _Bench, number: str) -> float:
    """Milliseconds of the last scan. Raises RuntimeError where it came to no print job of this order."""
    _, told = bench.scan(number, f"{number}-1")
    if 'data-tone="ask"' in told:  # an invented address may look wrong
        bench.scan("PHGO", f"{number}-2")
    took, told = bench.scan(_SKU, f"{number}-3")
    [first, *_] = re.findall(r'data-print="\d+"><span>([^<]+)<', told) or [""]
    if 'data-tone="done"' not in told or first != number:
        raise RuntimeError(f"{number} was not packed: {told[:2000]}")
    return took


def measure_pages(folder: Path) -> Iterator[Figure]:
    """The slowest of each page's answers, by their medians: the lists of orders by every sort that they offer, from
    both ends, with a filter and a search; and the other pages of a working day."""
    url = f"sqlite:///{folder / 'many.db'}"
    shop = servers.make_database(url)
    made = demo.make_orders(_ORDERS, seed=3, integration_ids=[shop], now=clock.now() - timedelta(hours=1))
    with servers.run_packhouse(url, folder / "many.log") as server, pages.reading(server, url) as reader:
        while batch := list(islice(made, BATCH)):
            load.post(reader.connection, orjson.dumps(batch))
        load.settle(server)
        _open_bench(reader)
        process = psutil.Process(server.process.pid)
        for name, places in _list_places().items():
            found = {place: _time(reader, process, place) for place in places}
            slowest = max(found, key=lambda place: statistics.median(found[place]))
            figure = f"{name} at {_ORDERS:,} orders, slowest of {len(places)}: {slowest}"
            yield Figure(figure, "ms of the server", found[slowest], asked=Asked(150, at_least=False))


def _list_places() -> dict[str, list[str]]:
    sorts = [f"{direction}{name}" for name in orders.SORTS for direction in ("", "-")]
    lists = [f"/orders?size=200&show={shown}&sort={sort}" for sort in sorts for shown in ("all", "incoming")]
    narrowed = [f"/orders?size=200&{query}" for query in ("country=NL", "warnings=1", "q=Visser", "status=unfulfilled")]
    days = ["/", "/shipments", "/returns", "/pack", "/pack/batches", "/pack/bins", "/settings/benches"]
    return {"list of 200": lists, "list of 200, narrowed": narrowed, "page": days}


def _time(reader: pages.Reader, process: psutil.Process, place: str) -> list[float]:
    """Milliseconds of the server's processor for one answer, in rounds of ten: what others do on this machine is not in
    them, and the database is, because SQLite runs in the server."""
    reader.fetch(place)
    found = []
    for _ in range(_PAGE_ROUNDS):
        before = sum(process.cpu_times()[:2])
        for _ in range(_A_PAGE_ROUND):
            reader.fetch(place)
        found.append((sum(process.cpu_times()[:2]) - before) * 1000 / _A_PAGE_ROUND)
    return found


def measure(folder: Path) -> Iterator[Figure]:
    yield from measure_scans(folder)
    yield from measure_pages(folder)
