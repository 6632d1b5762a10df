"""A large file of orders is put in, checked and stored while the server's memory stays as it was: no file and no list
of its records is ever in memory as a whole. More orders by PACKHOUSE_TEST_IMPORT_ORDERS."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO

import orjson
import psutil

from packhouse.kit import clock
from packhouse.orders import demo
from tests.concurrency import served
from tests.concurrency.test_import_kill import enter, look
from tests.conftest import SHOP
from tests.web.conftest import people, token
from tests.web.test_import_page import figures

__all__ = ["people"]

ORDERS = int(os.environ.get("PACKHOUSE_TEST_IMPORT_ORDERS", "18000"))
# What a process has warmed up after: threads and drivers keep a little more for a while, for longer where it is busy.
FIRST = 10_000
MOST_MORE = 60_000_000
# An order is some 2.7 kB without them.
NOTES = "x" * 8_000


@contextmanager
def file_of(count: int, seed: int) -> Iterator[IO[bytes]]:
    with tempfile.TemporaryFile() as file:
        made = demo.make_orders(count, seed=seed, integration_ids=[SHOP], now=clock.now())
        while batch := list(islice(made, 500)):
            for order in batch:
                order["order_details"]["notes"] = NOTES
                file.write(orjson.dumps(order) + b"\n")
        file.seek(0)
        yield file


class Gauge:
    """The most memory that a process had, looked at again and again."""

    def __init__(self, process: psutil.Process) -> None:
        self.most = 0
        self._process, self._over = process, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.most = max(self.most, self._process.memory_info().rss)

    def __enter__(self) -> "Gauge":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def import_all(server: served.Server, count: int, seed: int) -> tuple[int, int]:
    """The most memory meanwhile, and the size of the file."""
    with file_of(count, seed) as file, server.client(auth=None) as page:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        form = {"csrf": token(enter(page).get("/orders").text)}
        with Gauge(psutil.Process(server.process.pid)) as gauge:
            answer = page.post("/import", data=form, files={"file": ("orders.jsonl", file)}, timeout=600)
            place = answer.headers["location"]
            served.wait_until(lambda: "checked, nothing stored yet" in look(page, place).text, 600)
            page.post(f"{place}/run", data=form)
            served.wait_until(lambda: 'href="/orders">To the incoming orders' in look(page, place).text, 600)
        outcome = {name: int(number.replace(",", "")) for name, number in figures(look(page, place)).items()}
        assert sum(outcome.values()) == count
        assert outcome["refused"] == 0
    return gauge.most, size


def test_a_large_file_takes_no_memory(database_url: str, people: None, tmp_path: Path) -> None:
    assert people is None
    with served.serve(database_url, tmp_path / "log", log_level="error") as server:
        before, _ = import_all(server, FIRST, 1)
        after, size = import_all(server, ORDERS, 2)
        print(f"{ORDERS:,} orders, {size / 1e6:.0f} MB: {before / 1e6:.0f} MB, then {after / 1e6:.0f} MB")  # noqa: T201
        assert size > 100_000_000
        assert after - before < MOST_MORE
        assert server.stop() == 0
