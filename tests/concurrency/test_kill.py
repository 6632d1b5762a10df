"""The server is killed while it writes. What it answered is there whole, and of the rest nothing is half there."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests import make
from tests.concurrency import served

ROUNDS = 4
WRITERS = 3
BATCH = 20
# A kill comes after so many batches were answered in a round: in the middle of writing, not at a time of the clock.
ANSWERED_BEFORE_KILL = (1, 7, 4, 12)
# The orders that every batch of a writer writes again, so that they have a history.
AGAIN = 5


@dataclass
class Ledger:
    """What the clients know: the batches that were sent, and the receipts of those that were answered."""

    sent: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    receipts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    enough: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def note_sent(self, tag: str, batch: list[dict[str, Any]]) -> None:
        with self.lock:
            self.sent[tag] = batch

    def note_answered(self, tag: str, receipts: list[dict[str, Any]]) -> None:
        with self.lock:
            self.receipts[tag] = receipts
        self.enough.release()


def to_batch(round: int, writer: int, number: int) -> tuple[str, list[dict[str, Any]]]:
    """New orders, and a few of the writer's own once more; every one of them carries the batch's tag."""
    tag = f"{round}-{writer}-{number}"
    names = [f"again-{writer}-{n}" for n in range(AGAIN)] + [f"new-{tag}-{n}" for n in range(BATCH - AGAIN)]
    items = [make.item(name=f"{tag} item {n}") for n in range(2)]
    batch = [make.order(name, order_details={"notes": tag, "order_items": items}, order_number=tag) for name in names]
    return tag, batch


def write(server: served.Server, ledger: Ledger, round: int, writer: int) -> None:
    """Batch after batch until the server is gone."""
    with server.client() as client:
        for number in range(1000):
            tag, batch = to_batch(round, writer, number)
            ledger.note_sent(tag, batch)
            try:
                answer = client.post("/api/v3/orders", json=batch)
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                ledger.note_answered(tag, answer.json()["data"])
            else:
                assert answer.status_code == 409, answer.text


def write_until_killed(server: served.Server, ledger: Ledger, round: int) -> None:
    writers = [threading.Thread(target=write, args=(server, ledger, round, n)) for n in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(ANSWERED_BEFORE_KILL[round]):
            assert ledger.enough.acquire(timeout=served.PATIENCE_SECONDS)
    finally:
        server.kill()
        for writer in writers:
            writer.join()


def read_all(client: httpx.Client) -> dict[str, dict[str, Any]]:
    """Every order, by the shop's id for it."""
    found: dict[str, dict[str, Any]] = {}
    url: str | None = "/api/v3/orders?page_size=200"
    while url is not None:
        answer = client.get(url)
        for order in answer.json()["data"]:
            assert order["order_id"] not in found, "one key, two orders"
            found[order["order_id"]] = order
        url = answer.links.get("next", {}).get("url")
    return found


def read_history(client: httpx.Client, id: int) -> list[dict[str, Any]]:
    entries = client.get(f"/api/packhouse/orders/{id}/history", params={"page_size": 200}).json()["data"]
    assert isinstance(entries, list)
    return entries


def check_answered(ledger: Ledger, orders: dict[str, dict[str, Any]]) -> None:
    """Each new order of an answered batch is as it was sent, under the id of its receipt."""
    for tag, receipts in ledger.receipts.items():
        for order, receipt in zip(ledger.sent[tag], receipts, strict=True):
            stored = orders[order["order_id"]]
            assert stored["id"] == receipt["id"]
            if order["order_id"].startswith("new-"):
                assert {name: stored[name] for name in order} == order


def check_whole(ledger: Ledger, orders: dict[str, dict[str, Any]]) -> None:
    """A batch is there with all its orders or with none, and each order is one batch's, from its head to its items."""
    for order in orders.values():
        sent = {sent["order_id"]: sent for sent in ledger.sent[order["order_details"]["notes"]]}[order["order_id"]]
        assert {name: order[name] for name in sent} == sent
    present = Counter(order["order_details"]["notes"] for name, order in orders.items() if name.startswith("new-"))
    assert set(present.values()) == {BATCH - AGAIN}
    assert set(ledger.receipts) <= set(present)


def check_history(client: httpx.Client, orders: dict[str, dict[str, Any]]) -> None:
    """Of an order that was written again and again there is a version for each batch that was stored."""
    stored = {order["order_details"]["notes"] for name, order in orders.items() if name.startswith("new-")}
    for name, order in orders.items():
        if not name.startswith("again-"):
            continue
        entries = read_history(client, order["id"])
        assert [entry["version"] for entry in entries] == list(range(len(entries), 0, -1))
        writer = name.split("-")[1]
        assert len(entries) == len([tag for tag in stored if tag.split("-")[1] == writer])
        notes = ("replace", "/order_details/notes")
        tags = {c["value"] for e in entries for c in e["changes"] if (c["op"], c["path"]) == notes}
        assert len(tags) == len(entries) - 1
        assert tags <= stored


def check_ids(ledger: Ledger, orders: dict[str, dict[str, Any]]) -> None:
    """An id names one order for ever: in the receipts of all rounds, and in what is stored."""
    owners: dict[int, str] = {order["id"]: name for name, order in orders.items()}
    assert len(owners) == len(orders)
    for receipts in ledger.receipts.values():
        for receipt in receipts:
            assert owners[receipt["id"]] == receipt["order_id"]


def test_a_killed_server_keeps_what_it_answered_and_nothing_by_halves(database_url: str, tmp_path: Path) -> None:
    ledger = Ledger()
    for round in range(ROUNDS):
        ledger.enough = threading.Semaphore(0)
        with served.serve(database_url, tmp_path / "log") as server:
            write_until_killed(server, ledger, round)
        with served.serve(database_url, tmp_path / "log", "--migrate") as server, server.client() as client:
            orders = read_all(client)
            check_answered(ledger, orders)
            check_whole(ledger, orders)
            check_history(client, orders)
            check_ids(ledger, orders)
            assert server.stop() == 0
    assert len(ledger.receipts) >= sum(ANSWERED_BEFORE_KILL)


def test_after_a_kill_the_next_order_gets_a_new_id(database_url: str, tmp_path: Path) -> None:
    seen: list[int] = []
    for round in range(2):
        with served.serve(database_url, tmp_path / "log") as server, server.client() as client:
            made = client.post("/api/v3/orders", json=[make.order(f"o-{round}"), make.order(f"gone-{round}")])
            seen += [receipt["id"] for receipt in made.json()["data"]]
            assert client.delete(f"/api/v3/orders/{seen[-1]}").status_code == 204
            server.kill()
    with served.serve(database_url, tmp_path / "log") as server, server.client() as client:
        again = client.post("/api/v3/orders", json=[make.order(f"gone-{round}") for round in range(2)])
        seen += [receipt["id"] for receipt in again.json()["data"]]
        assert len(read_history(client, seen[1])) == 2
    assert len(set(seen)) == len(seen) == 6
    assert seen == sorted(seen)
