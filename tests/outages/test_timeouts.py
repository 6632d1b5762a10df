"""Limits of time on PostgreSQL: who waits too long for a lock, or asks for too much, is told so."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import locks, make
from tests.concurrency.test_two_clients import CONFLICTS, is_conflict
from tests.conftest import OWNER
from tests.outages.conftest import check_unavailable

URL = "/api/v3/orders"


@pytest.fixture
def start(serve: Callable[..., TestClient]) -> Callable[..., TestClient]:
    def start(**settings: Any) -> TestClient:
        client = serve(**settings)
        client.auth = OWNER
        return client

    return start


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_a_write_waits_for_its_lock_as_long_as_the_setting_says(
    start: Callable[..., TestClient], database_url: str, profile: str
) -> None:
    client = start(lock_timeout_seconds=0.4, profile=profile)
    id = client.post(URL, json=[make.order()]).json()["data"][0]["id"]
    row = f"SELECT 1 FROM orders WHERE account_id = 1 AND id = {id} FOR UPDATE"  # noqa: S608
    with locks.holding_orders(database_url, row):
        calls: list[Callable[[], Any]] = [
            lambda: client.post(URL, json=[make.order(order_number="other")]),
            lambda: client.patch(f"{URL}/{id}", json={"order_number": "other"}),
            lambda: client.delete(f"{URL}/{id}"),
        ]
        for call in calls:
            began = time.monotonic()
            answer = call()
            assert 0.4 <= time.monotonic() - began < 15
            assert answer.status_code == CONFLICTS[profile][0]
            assert is_conflict(answer, profile)
        # Another order is not held up, and neither is a reader.
        assert client.post(URL, json=[make.order("o-2")]).status_code in (200, 201)
        assert client.get(f"{URL}/{id}").json()["data"]["order_number"] == "N-o-1"
    assert client.patch(f"{URL}/{id}", json={"order_number": "other"}).status_code == 200


def test_a_lock_that_comes_free_in_time_is_taken(start: Callable[..., TestClient], database_url: str) -> None:
    client = start(lock_timeout_seconds=30)
    id = client.post(URL, json=[make.order()]).json()["data"][0]["id"]
    answers: list[Any] = []
    waiting = threading.Thread(
        target=lambda: answers.append(client.patch(f"{URL}/{id}", json={"order_number": "other"}))
    )
    with locks.holding_orders(database_url):
        waiting.start()
        waiting.join(0.3)
        assert answers == []
    waiting.join()
    assert answers[0].status_code == 200


def test_a_reader_that_is_kept_out_is_told_so(start: Callable[..., TestClient], database_url: str) -> None:
    client = start(lock_timeout_seconds=0.2)
    with locks.holding_orders(database_url, locks.EVERYBODY):
        check_unavailable(client.get(URL))
        check_unavailable(client.get(f"{URL}/1"))
    assert client.get(URL).status_code == 200


def test_a_statement_is_ended_after_its_time(start: Callable[..., TestClient], database_url: str) -> None:
    client = start(lock_timeout_seconds=60, statement_timeout_seconds=0.4)
    with locks.holding_orders(database_url, locks.EVERYBODY):
        calls: list[Callable[[], Any]] = [lambda: client.get(URL), lambda: client.post(URL, json=[make.order()])]
        for call in calls:
            began = time.monotonic()
            answer = call()
            assert 0.4 <= time.monotonic() - began < 15
            check_unavailable(answer)
    assert client.get(URL).json()["data"] == []
    assert client.post(URL, json=[make.order()]).status_code == 200
