"""Clients at the same orders at the same time, against a served process."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import make
from tests.concurrency import served

CONFLICT_DETAIL = "We are still processing a previous request. Please try again in a moment."
CONFLICTS = {
    "guide": (409, {"status": "409", "code": "conflict", "detail": CONFLICT_DETAIL, "source": {"pointer": "/data"}}),
    "reference": (400, {"status": "400", "code": "invalid", "detail": CONFLICT_DETAIL, "source": {"pointer": "/data"}}),
}
SUCCESS = {"guide": 200, "reference": 201}
ROUNDS = 5


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[served.Server]:
    with served.serve(database_url, tmp_path / "log", "--migrate") as server:
        yield server


def at_once(server: served.Server, works: Sequence[Callable[[httpx.Client], Any]]) -> list[Any]:
    """Each in a thread and on a connection of its own, all let go at the same moment."""
    gate = threading.Barrier(len(works))

    def run(work: Callable[[httpx.Client], Any]) -> Any:
        with server.client() as client:
            client.get("/health")  # the connection stands before the gate opens
            gate.wait(served.PATIENCE_SECONDS)
            return work(client)

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def posting(batch: list[dict[str, Any]]) -> Callable[[httpx.Client], httpx.Response]:
    return lambda client: client.post("/api/v3/orders", json=batch)


def is_conflict(answer: httpx.Response, profile: str = "guide") -> bool:
    """The profile's conflict, to the letter."""
    status, error = CONFLICTS[profile]
    if answer.status_code != status or answer.json() != {"errors": [error]}:
        return False
    return (answer.headers.get("retry-after") == "1") is (profile == "guide")


def succeeded(answers: Sequence[httpx.Response], profile: str = "guide") -> list[httpx.Response]:
    """At least one did, and whatever did not met the conflict and nothing else."""
    good = [answer for answer in answers if answer.status_code == SUCCESS[profile]]
    assert good
    assert [a.text for a in answers if a not in good and not is_conflict(a, profile)] == []
    return good


def read(client: httpx.Client, id: int) -> Any:
    return client.get(f"/api/v3/orders/{id}").json()["data"]


def history(client: httpx.Client, id: int) -> Any:
    return client.get(f"/api/packhouse/orders/{id}/history", params={"page_size": 200}).json()["data"]


def of_writer(writer: int, order_id: str) -> dict[str, Any]:
    """An order that tells in every part whose it is."""
    mark = f"writer {writer}"
    return make.order(
        order_id,
        order_number=mark,
        order_details={"notes": mark, "order_items": [make.item(name=f"{mark} {n}", sku=mark) for n in range(3)]},
        shipping_address=make.address(name=mark),
    )


def without_ours(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in ("id", "created_at", "modified_at")}


@pytest.mark.parametrize("writers", [2, 16])
def test_a_key_that_many_create_at_once_is_one_order(server: served.Server, writers: int) -> None:
    for round in range(ROUNDS):
        key = f"same-{round}"
        answers = at_once(server, [posting([of_writer(n, key)]) for n in range(writers)])
        good = succeeded(answers)
        ids = {answer.json()["data"][0]["id"] for answer in good}
        assert len(ids) == 1
        with server.client() as client:
            listed = client.get("/api/v3/orders", params={"order_id": key}).json()["data"]
            assert [order["id"] for order in listed] == list(ids)
            assert without_ours(listed[0]) in [of_writer(n, key) for n in range(writers)]
            entries = history(client, listed[0]["id"])
            assert [entry["version"] for entry in entries] == list(range(len(good), 0, -1))
            assert [entry["action"] for entry in entries] == ["updated"] * (len(good) - 1) + ["created"]


@pytest.mark.parametrize("writers", [2, 16])
def test_an_order_that_many_update_at_once_is_one_writers_whole(server: served.Server, writers: int) -> None:
    with server.client() as client:
        id = client.post("/api/v3/orders", json=[make.order("o-1")]).json()["data"][0]["id"]
        answers = at_once(server, [posting([of_writer(n, "o-1")]) for n in range(writers)])
        good = [n for n, answer in enumerate(answers) if answer in succeeded(answers)]
        stored = without_ours(read(client, id))
        assert stored in [of_writer(n, "o-1") for n in good]
        entries = history(client, id)
        assert [entry["version"] for entry in entries] == list(range(len(good) + 1, 0, -1))
        told = [
            c["value"] for e in entries for c in e["changes"] if (c["op"], c["path"]) == ("replace", "/order_number")
        ]
        assert sorted(told) == sorted(f"writer {n}" for n in good)
        assert told[0] == stored["order_number"]


@pytest.mark.parametrize("writers", [2, 16])
def test_what_different_clients_patch_in_one_order_is_all_kept(server: served.Server, writers: int) -> None:
    with server.client() as client:
        items = [make.item(name=f"tea {n}") for n in range(writers)]
        id = client.post("/api/v3/orders", json=[make.order(order_details={"order_items": items})]).json()["data"][0][
            "id"
        ]

        def patch(writer: int) -> Callable[[httpx.Client], httpx.Response]:
            part = {"name": f"tea {writer}", "sku": f"sku {writer}"}
            return lambda client: client.patch(f"/api/v3/orders/{id}", json={"order_details": {"order_items": [part]}})

        answers = at_once(server, [patch(n) for n in range(writers)])
        good = [n for n, answer in enumerate(answers) if answer in succeeded(answers)]
        kept = [item.get("sku") for item in read(client, id)["order_details"]["order_items"]]
        assert kept == [f"sku {n}" if n in good else None for n in range(writers)]
        assert len(history(client, id)) == len(good) + 1


def test_batches_that_cross_leave_each_order_whole(server: served.Server) -> None:
    names = [f"o-{n}" for n in range(40)]
    for round in range(ROUNDS):
        forth = [of_writer(2 * round, name) for name in names]
        back = [of_writer(2 * round + 1, name) for name in reversed(names)]
        good = succeeded(at_once(server, [posting(forth), posting(back)]))
        with server.client() as client:
            orders = client.get("/api/v3/orders").json()["data"]
        assert sorted(order["order_id"] for order in orders) == sorted(names)
        # All or nothing: the batch that came last is there with all of its orders.
        marks = {order["order_number"] for order in orders}
        assert len(marks) == 1
        assert marks <= {f"writer {2 * round}", f"writer {2 * round + 1}"}
        assert [without_ours(o) for o in orders] == [
            of_writer(int(marks.copy().pop()[7:]), o["order_id"]) for o in orders
        ]
        assert len({answer.json()["data"][0]["id"] for answer in good}) <= 2


def test_new_and_known_orders_that_cross_are_never_two(server: served.Server) -> None:
    def batch(writer: int) -> list[dict[str, Any]]:
        return [of_writer(writer, f"shared-{n}") for n in range(10)] + [of_writer(writer, f"own-{writer}")]

    works = [posting(batch(n) if n % 2 else batch(n)[::-1]) for n in range(6)]
    answers = at_once(server, works)
    good = [n for n, answer in enumerate(answers) if answer in succeeded(answers)]
    with server.client() as client:
        names = [order["order_id"] for order in client.get("/api/v3/orders").json()["data"]]
    assert sorted(names) == sorted([*(f"shared-{n}" for n in range(10)), *(f"own-{n}" for n in good)])


def test_an_order_is_deleted_once(server: served.Server) -> None:
    with server.client() as client:
        id = client.post("/api/v3/orders", json=[make.order()]).json()["data"][0]["id"]
        answers = at_once(server, [lambda client: client.delete(f"/api/v3/orders/{id}")] * 8)
        assert sorted(answer.status_code for answer in answers if not is_conflict(answer)).count(204) == 1
        assert {answer.status_code for answer in answers if not is_conflict(answer)} <= {204, 404}
        assert [entry["action"] for entry in history(client, id)] == ["deleted", "created"]


def test_a_delete_and_writes_of_one_key_never_mix_two_lives(server: served.Server) -> None:
    with server.client() as client:
        id = client.post("/api/v3/orders", json=[make.order("o-1")]).json()["data"][0]["id"]
        answers = at_once(
            server,
            [lambda client: client.delete(f"/api/v3/orders/{id}"), *(posting([of_writer(n, "o-1")]) for n in (1, 2))],
        )
        assert [a.text for a in answers if a.status_code not in (200, 204) and not is_conflict(a)] == []
        listed = client.get("/api/v3/orders", params={"order_id": "o-1"}).json()["data"]
        assert len(listed) <= 1
        versions = [entry["version"] for entry in history(client, id)]
        assert versions == list(range(len(versions), 0, -1))
        written = sum(len(history(client, order["id"])) for order in listed if order["id"] != id)
        # Whatever was answered is in one life or in the other.
        assert len(versions) + written == 1 + sum(answer.status_code in (200, 204) for answer in answers)


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_one_who_waits_too_long_gets_the_profiles_conflict(database_url: str, tmp_path: Path, profile: str) -> None:
    """So short a wait that most of the clients cannot have their turn."""
    batch = [make.order(f"o-{n}") for n in range(100)]
    settings = {"profile": profile, "lock_timeout_seconds": 0.01}
    with served.serve(database_url, tmp_path / "log", **settings) as server:
        for round in range(20):
            changed = [{**order, "order_number": f"{round}"} for order in batch]
            answers = at_once(
                server, [posting([{**o, "order_number": f"{round} {n}"} for o in changed]) for n in range(8)]
            )
            good = succeeded(answers, profile)
            if len(good) < len(answers):
                break
        else:
            pytest.fail("nobody ever had to wait")
        with server.client() as client:
            orders = client.get("/api/v3/orders").json()["data"]
            assert len({order["order_number"] for order in orders}) == 1
            # The last of those that were turned away may still be letting go.
            served.wait_until(lambda: posting(batch)(client).status_code == SUCCESS[profile])


def test_readers_see_a_batch_with_all_of_its_orders_or_none(server: served.Server) -> None:
    names = [f"o-{n}" for n in range(30)]
    done = threading.Event()

    def write(client: httpx.Client) -> None:
        try:
            for writer in range(15):
                assert posting([of_writer(writer, name) for name in names])(client).status_code == 200
        finally:
            done.set()

    def look(client: httpx.Client) -> list[tuple[int, int]]:
        seen = []
        while not done.is_set():
            orders = client.get("/api/v3/orders").json()["data"]
            seen.append((len(orders), len({order["order_number"] for order in orders})))
        return seen

    _, seen = at_once(server, [write, look])
    assert seen
    assert set(seen) <= {(0, 0), (len(names), 1)}
