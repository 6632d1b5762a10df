"""Sixteen clients and two server processes at the same orders: whoever is answered is in the history, and what stays
is one writer's and whole."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.concurrency import served
from tests.concurrency.test_two_clients import history, is_conflict, of_writer, read, without_ours

ORDERS = "/api/v3/orders"
CLIENTS = 16
TURNS = 5
NAMES = [f"o-{n}" for n in range(100)]


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[served.Server]:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        yield server
        assert [line for line in server.lines() if line["level"] == "error"] == []


class Crowd:
    """`answered` is each mark that was answered 2xx with its answer; anything but that and the conflict is strange."""

    def __init__(self, server: served.Server) -> None:
        self._server = server
        self.answered: dict[int, httpx.Response] = {}
        self.refused = 0
        self.strange: list[str] = []

    def send(self, gate: threading.Barrier, batches: dict[int, list[dict[str, Any]]]) -> None:
        with self._server.client() as client:
            client.get("/health")  # the connection stands before the gate opens
            gate.wait(served.PATIENCE_SECONDS)
            for mark, batch in batches.items():
                answer = client.post(ORDERS, json=batch)
                if answer.status_code == 200:
                    self.answered[mark] = answer
                elif is_conflict(answer):
                    self.refused += 1
                else:
                    self.strange.append(answer.text)

    def run(self, batches: list[dict[int, list[dict[str, Any]]]]) -> None:
        """Each client's batches by their marks, one after the other; all clients let go at the same moment."""
        before = len(self.answered) + self.refused
        gate = threading.Barrier(len(batches))
        threads = [threading.Thread(target=self.send, args=(gate, own)) for own in batches]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.strange == []
        assert self.answered
        assert len(self.answered) + self.refused - before == sum(len(own) for own in batches)


def marks_of(entries: list[dict[str, Any]]) -> list[int | None]:
    """Of an order's history, oldest first: whose each version is; None for the one that made it."""
    told = [
        next((c["value"] for c in entry["changes"] if (c["op"], c["path"]) == ("replace", "/order_number")), None)
        for entry in reversed(entries)
    ]
    return [None if mark is None else int(mark.removeprefix("writer ")) for mark in told]


def test_sixteen_clients_on_one_hot_order(server: served.Server) -> None:
    crowd = Crowd(server)
    marks = [[client * TURNS + turn for turn in range(TURNS)] for client in range(CLIENTS)]
    crowd.run([{mark: [of_writer(mark, "hot")] for mark in own} for own in marks])
    ids = {answer.json()["data"][0]["id"] for answer in crowd.answered.values()}
    assert len(ids) == 1
    with server.client() as client:
        assert [order["order_id"] for order in client.get(ORDERS).json()["data"]] == ["hot"]
        entries = history(client, *ids)
        stored = without_ours(read(client, *ids))
    # Each answer told its version by ETag: these are all there are, and each is in the history as its writer's.
    versions = {int(answer.headers["etag"].strip('"')): mark for mark, answer in crowd.answered.items()}
    assert [entry["version"] for entry in reversed(entries)] == sorted(versions) == list(range(1, len(versions) + 1))
    assert marks_of(entries)[1:] == [versions[version] for version in sorted(versions)][1:]
    assert stored == of_writer(versions[max(versions)], "hot")


def test_sixteen_clients_with_crossing_batches_of_a_hundred(server: served.Server) -> None:
    """The first round makes the orders, the second one changes them; each batch in an order of its own."""
    seed = random.Random(4711)
    crowd = Crowd(server)
    made: list[int | None] = []
    for round in range(2):
        marks = range(round * CLIENTS, (round + 1) * CLIENTS)
        crowd.run([{mark: [of_writer(mark, name) for name in seed.sample(NAMES, 100)]} for mark in marks])
        with server.client() as client:
            orders = client.get(ORDERS, params={"page_size": 200}).json()["data"]
            assert sorted(order["order_id"] for order in orders) == sorted(NAMES)
            histories = [history(client, order["id"]) for order in orders]
        # Whole over all orders: every order went through the same writers in the same turn.
        made = marks_of(histories[0])
        assert [marks_of(entries) for entries in histories] == [made] * len(NAMES)
        assert len(made) == len(crowd.answered)
        assert set(made[1:]) < set(crowd.answered)
        last = made[-1] if len(made) > 1 else next(iter(crowd.answered))
        assert last is not None
        assert [without_ours(order) for order in orders] == [of_writer(last, order["order_id"]) for order in orders]
        for answer in crowd.answered.values():
            owners = {receipt["order_id"]: receipt["id"] for receipt in answer.json()["data"]}
            assert owners == {order["order_id"]: order["id"] for order in orders}


def test_keys_that_sixteen_clients_make_at_once_are_one_order_each(server: served.Server) -> None:
    """Half of a batch's keys are everybody's, the others its own."""
    seed, size = random.Random(4712), 100
    shared = NAMES[: size // 2]
    crowd = Crowd(server)
    batches: list[dict[int, list[dict[str, Any]]]] = []
    for mark in range(CLIENTS):
        names = [*shared, *(f"own-{mark}-{n}" for n in range(size - len(shared)))]
        batches.append({mark: [of_writer(mark, name) for name in seed.sample(names, size)]})
    crowd.run(batches)
    found: list[str] = []
    with server.client() as client:
        url: str | None = f"{ORDERS}?page_size=200"
        while url is not None:
            answer = client.get(url)
            found += [order["order_id"] for order in answer.json()["data"]]
            url = answer.links.get("next", {}).get("url")
    own = [f"own-{mark}-{n}" for mark in crowd.answered for n in range(size - len(shared))]
    assert sorted(found) == sorted([*shared, *own])
