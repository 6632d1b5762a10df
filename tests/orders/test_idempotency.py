"""`Idempotency-Key`: what is sent again is done once."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.kit.http.idempotency import idempotency_keys
from packhouse.settings import Settings
from tests import make
from tests.concurrency import served
from tests.conftest import OWNER, STRANGER, STRANGERS_SHOP

ORDERS = "/api/v3/orders"


def send(client: Any, key: str, *orders: dict[str, Any], **options: Any) -> Any:
    return client.post(ORDERS, json=list(orders), headers={"Idempotency-Key": key}, **options)


def test_the_same_again_is_answered_the_same_and_done_once(client: TestClient) -> None:
    odd = {**make.order("o-1"), "colour": "blue"}  # a warning belongs to the answer
    first = send(client, "key-1", odd, make.order("o-2"))
    id = first.json()["data"][0]["id"]
    client.patch(f"{ORDERS}/{id}", json={"order_number": "changed since"})
    client.delete(f"{ORDERS}/{first.json()['data'][1]['id']}")
    again = send(client, "key-1", odd, make.order("o-2"))
    assert first.status_code == again.status_code == 200
    assert again.content == first.content
    assert "meta" in again.json()
    assert client.get(f"{ORDERS}/{id}").json()["data"]["order_number"] == "changed since"
    assert len(client.get(ORDERS).json()["data"]) == 1
    assert len(client.get(f"/api/packhouse/orders/{id}/history").json()["data"]) == 2


def test_another_body_under_the_same_key_is_refused(client: TestClient) -> None:
    send(client, "key-1", make.order("o-1"))
    other = send(client, "key-1", make.order("o-2"))
    assert other.status_code == 409
    fault = other.json()["errors"][0]
    assert (fault["code"], fault["source"]) == ("conflict", {"header": "Idempotency-Key"})
    assert [order["order_id"] for order in client.get(ORDERS).json()["data"]] == ["o-1"]
    assert send(client, "key-2", make.order("o-2")).status_code == 200


def test_a_key_is_its_accounts_own(client: TestClient) -> None:
    send(client, "key-1", make.order("o-1"))
    order = make.order("o-1", order_details={"integration": {"id": STRANGERS_SHOP}})
    assert send(client, "key-1", order, auth=STRANGER).status_code == 200


def test_a_refusal_is_answered_the_same_until_what_was_sent_is_put_right(client: TestClient) -> None:
    broken = make.order("o-1", order_details={"integration": {"id": 9}})
    first = send(client, "key-1", broken)
    assert first.status_code == 400
    again = send(client, "key-1", broken)
    assert (again.status_code, again.content) == (400, first.content)
    assert send(client, "key-1", make.order("o-1")).status_code == 200
    assert send(client, "key-1", broken).status_code == 409


def test_the_headers_of_an_answer_come_again(client: TestClient) -> None:
    first = send(client, "key-1", make.order("o-1"))
    client.patch(f"{ORDERS}/{first.json()['data'][0]['id']}", json={"order_number": "changed since"})
    again = send(client, "key-1", make.order("o-1"))
    assert again.headers["etag"] == first.headers["etag"]
    kept = {name: value for name, value in first.headers.items() if name != "x-request-id"}
    assert {name: value for name, value in again.headers.items() if name != "x-request-id"} == kept


def test_a_refusal_that_says_nothing_of_the_work_is_not_kept(client: TestClient, database_url: str) -> None:
    assert send(client, "key-1", make.order("o-1"), auth=("owner-public", "wrong")).status_code == 401
    too_large = client.post(ORDERS, content=b" " * 11_000_000, headers={"Idempotency-Key": "key-1"})
    assert too_large.status_code == 413
    assert count_kept(database_url) == 0
    assert send(client, "key-1", make.order("o-1")).status_code == 200


def test_what_is_kept_cannot_be_read_without_the_key(client: TestClient, database_url: str) -> None:
    key = "a-key-that-nobody-guesses"
    made = client.post("/api/packhouse/clients", json={"name": "shop"}, headers={"Idempotency-Key": key})
    secret = made.json()["data"]["client_secret"]

    async def read() -> str:
        db = Database(database_url)
        async with db.read() as tx:
            rows = await tx.fetch_all(select(idempotency_keys))
        await db.close()
        return repr(rows)

    stored = asyncio.run(read())
    assert len(stored) > 100
    assert secret not in stored
    assert key not in stored


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "naïve"])
def test_a_key_that_is_none(client: TestClient, key: str) -> None:
    answer = client.post(ORDERS, json=[make.order()], headers=[(b"Idempotency-Key", key.encode())])
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}


@pytest.fixture
def clockwork(database_url: str) -> Iterator[tuple[TestClient, Callable[[timedelta], None]]]:
    """A server whose time goes on when it is told to."""
    at = [clock.now()]

    def now() -> datetime:
        return at[0]

    def pass_by(time: timedelta) -> None:
        at[0] += time

    app = create_app(Settings(database_url=database_url), now=now)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.auth = OWNER
        yield client, pass_by


def count_kept(url: str) -> int:
    async def ask() -> int:
        db = Database(url)
        async with db.read() as tx:
            found = await tx.fetch_value(select(func.count()).select_from(idempotency_keys))
        await db.close()
        return int(found)

    return asyncio.run(ask())


def test_a_key_is_kept_for_a_day_and_then_removed(
    clockwork: tuple[TestClient, Callable[[timedelta], None]], database_url: str
) -> None:
    client, pass_by = clockwork
    for n in range(50):
        assert send(client, f"key-{n}", make.order("o-1", order_number=f"{n}")).status_code == 200
    pass_by(timedelta(hours=23, minutes=59))
    assert send(client, "key-49", make.order("o-1", order_number="other")).status_code == 409
    assert count_kept(database_url) == 50
    pass_by(timedelta(minutes=1))
    assert send(client, "key-49", make.order("o-1", order_number="other")).status_code == 200
    # A bounded number at each request, and in the end all of them.
    assert 25 <= count_kept(database_url) <= 31
    for n in range(3):
        send(client, f"next-{n}", make.order("o-1"))
    assert count_kept(database_url) == 4


def test_the_same_sent_twice_at_once_is_done_once(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        for round in range(3):
            orders = [make.order(f"o-{round}-{n}") for n in range(20)]

            def post(_: int, round: int = round, orders: list[dict[str, Any]] = orders) -> Any:
                with server.client() as client:
                    return send(client, f"key-{round}", *orders)

            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(post, range(8)))
            assert {answer.status_code for answer in answers} == {200}
            assert len({answer.content for answer in answers}) == 1
        with server.client() as client:
            listed = client.get(ORDERS, params={"page_size": 200}).json()["data"]
            assert len(listed) == 60
            for order in listed[::10]:
                assert len(client.get(f"/api/packhouse/orders/{order['id']}/history").json()["data"]) == 1
