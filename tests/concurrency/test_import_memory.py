"""A large file of orders is put in, checked and stored while the server's memory stays as it was: no file and no list
of its records is ever in memory as a whole. More orders by PACKHOUSE_TEST_IMPORT_ORDERS."""

import os
import re
import tempfile
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

ORDERS = int(os.environ.get("PACKHOUSE_TEST_IMPORT_ORDERS", "4300"))
# After these a process has its threads, connections and caches, which it keeps.
FIRST = 800
# How much more than it has then a process is given; the file is more than twice as large.
ROOM_BYTES = 80_000_000
# The threads of the loop's pool are started when they are first needed, and the stack of each counts as data: six of
# 8 MB. With them the limit still lies below the size of the file.
STACK_BYTES = 6 * 8 * 1024 * 1024
# An order is some 2.7 kB without them.
NOTES = "x" * 40_000


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


def import_all(server: served.Server, count: int, seed: int) -> int:
    """The size of the file."""
    with file_of(count, seed) as file, server.client(auth=None) as page:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        form = {"csrf": token(enter(page).get("/orders").text)}
        answer = page.post("/import", data=form, files={"file": ("orders.jsonl", file)}, timeout=600)
        assert answer.status_code == 303, answer.text
        place = answer.headers["location"]
        served.wait_until(lambda: "checked, nothing stored yet" in look(page, place).text, 600)
        page.post(f"{place}/run", data=form)
        served.wait_until(lambda: 'href="/orders">To the incoming orders' in look(page, place).text, 600)
        outcome = {name: int(number.replace(",", "")) for name, number in figures(look(page, place)).items()}
        assert sum(outcome.values()) == count
        assert outcome["refused"] == 0
    return size


def limit_memory(process: psutil.Process, room: int) -> None:
    """The kernel gives it so much more than it has, and no more: how busy the machine is makes no difference."""
    status = Path(f"/proc/{process.pid}/status").read_text("utf-8")
    found = re.search(r"^VmData:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    limit = int(found[1]) * 1024 + room + STACK_BYTES
    process.rlimit(psutil.RLIMIT_DATA, (limit, limit))


def test_a_large_file_takes_no_memory(database_url: str, people: None, tmp_path: Path) -> None:
    assert people is None
    with served.serve(database_url, tmp_path / "log", log_level="error") as server:
        import_all(server, FIRST, 1)
        limit_memory(psutil.Process(server.process.pid), ROOM_BYTES)
        assert import_all(server, ORDERS, 2) > max(2 * ROOM_BYTES, ROOM_BYTES + STACK_BYTES)
        assert server.lines() == []
        assert server.stop() == 0
