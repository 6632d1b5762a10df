"""Snapshots of an account: kept, put back, and how long that takes."""

import time

import httpx
import pytest

from tests import make

MANY = 10_000


def list_ids(account: httpx.Client) -> list[str]:
    return sorted(order["order_id"] for order in account.get("/api/v3/orders").json()["data"])


def test_orders_and_clock_are_put_back(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("a")])
    assert account.post("/sandbox/snapshot", json={"name": "one"}).status_code == 201
    account.post("/api/v3/orders", json=[make.order("a", order_number="N-9"), make.order("b")])
    account.post("/sandbox/clock", json={"advance": "2d"})
    account.post("/sandbox/snapshot", json={"name": "two"})
    for name, ids, number, days in (("one", ["a"], "N-a", 0), ("two", ["a", "b"], "N-9", 2), ("one", ["a"], "N-a", 0)):
        assert account.post("/sandbox/restore", json={"name": name}).status_code == 200
        assert list_ids(account) == ids
        assert account.get("/api/v3/orders/1").json()["data"]["order_number"] == number
        assert account.get("/sandbox/clock").json()["data"]["ahead_seconds"] == pytest.approx(days * 86_400, abs=30)
    created = account.post("/api/v3/orders", json=[make.order("c")]).json()["data"]
    assert created[0]["id"] == 2


def test_a_reset_makes_all_as_it_was(new_account: object) -> None:
    account: httpx.Client = new_account(orders=3)  # type: ignore[operator]
    before = list_ids(account)
    account.post("/api/v3/orders", json=[make.order("a")])
    account.post("/sandbox/faults", json={"name": "unavailable"})
    account.post("/sandbox/clock", json={"advance": "1d"})
    assert account.post("/sandbox/reset").status_code == 204
    assert account.get("/sandbox/requests").json()["data"] == []
    assert account.get("/sandbox/faults").json()["data"] == []
    assert account.get("/sandbox/clock").json()["data"]["ahead_seconds"] < 30
    assert list_ids(account) == before


def test_snapshots_are_named_listed_and_taken_away(account: httpx.Client) -> None:
    account.post("/sandbox/snapshot", json={})
    account.post("/api/v3/orders", json=[make.order("a")])
    account.post("/sandbox/snapshot", json={})
    listed = account.get("/sandbox/snapshots").json()["data"]
    assert [snapshot["name"] for snapshot in listed] == ["first", "default"]
    account.delete("/api/v3/orders/1")
    account.post("/sandbox/restore", json={})
    assert list_ids(account) == ["a"]
    assert account.delete("/sandbox/snapshots/default").status_code == 204
    assert account.delete("/sandbox/snapshots/first").status_code == 404
    assert account.post("/sandbox/restore", json={"name": "default"}).status_code == 404
    assert account.post("/sandbox/snapshot", json={"name": "../x"}).status_code == 400


def test_orders_of_ones_own_are_stored(account: httpx.Client) -> None:
    orders = [make.order(f"o-{number}") for number in range(150)]
    assert account.post("/sandbox/seed", json={"orders": orders}).json() == {"data": {"stored": 150}}
    assert account.post("/sandbox/seed", json={"count": 20, "seed": 4}).json() == {"data": {"stored": 20}}
    assert account.post("/sandbox/seed", json={"orders": [{"order_id": "x"}]}).status_code == 400
    assert len(account.get("/api/v3/orders?page_size=200").json()["data"]) == 170


def test_a_request_under_way_is_waited_for(account: httpx.Client) -> None:
    """None is answered from half a database: restores and requests at the same time, for a while."""
    account.post("/sandbox/seed", json={"count": 200})
    account.post("/sandbox/snapshot", json={})
    for number in range(10):
        assert account.post("/api/v3/orders", json=[make.order(f"o-{number}")]).status_code == 200
        assert account.post("/sandbox/restore", json={}).status_code == 200
        assert len(account.get("/api/v3/orders?page_size=200").json()["data"]) == 200


def test_ten_thousand_orders_take_no_time(account: httpx.Client) -> None:
    """Under 100 ms, of the time that this process, in which the sandbox runs, gets of the machine."""
    account.post("/sandbox/seed", json={"count": MANY}, timeout=120)
    account.post("/sandbox/clock", json={"advance": "1s"}, timeout=120)  # what was to be done of it is done

    def measure(path: str) -> float:
        began = time.process_time()
        assert account.post(path, json={"name": "many"}).status_code in (200, 201)
        return time.process_time() - began

    saved = min(measure("/sandbox/snapshot") for _ in range(5))
    put_back = min(measure("/sandbox/restore") for _ in range(5))
    assert saved < 0.1
    assert put_back < 0.1
