"""What waits in shipping, on the page and for receivers, after a clock that was an hour ahead is right again."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from packhouse.accounts.schema import Caller
from packhouse.kit import jobs
from packhouse.kit.db import Database
from packhouse.orders import deletions
from packhouse.orders.tables import order_deletions
from packhouse.webhooks.tables import deliveries
from tests import make
from tests.shipping.conftest import FakeCarrier, Open, Watch, push
from tests.webhooks.conftest import Receiver, connect, receive
from tests.worker.test_jobs import on

__all__ = ["receive"]

Work = Callable[..., int]
SETTINGS: dict[str, Any] = {"secret_key": "a key for tests", "webhooks_allow_private": True}


def test_an_order_that_was_to_be_deleted_while_the_clock_was_ahead(
    shop: TestClient,
    watch: Watch,
    work: Work,
    database_url: str,
) -> None:
    id = push(shop)

    async def request(db: Database) -> None:
        async with db.begin() as tx:
            await deletions.request_deletion(tx, Caller(1, "NL", "user:ada"), [id], now=watch())

    watch.move(hours=1)
    on(database_url, request)
    watch.move(hours=-1, minutes=1)
    work()
    assert shop.get(f"/api/v3/orders/{id}").status_code == 404

    async def read(db: Database) -> Any:
        async with db.read() as tx:
            return await tx.fetch_all(select(order_deletions))

    assert on(database_url, read) == []


def test_a_webhook_that_is_tried_again(
    open_shop: Open,
    watch: Watch,
    work: Work,
    receive: Callable[..., Receiver],
    database_url: str,
) -> None:
    """Its first attempt was made while the clock was ahead, another event came since."""
    client, receiver = open_shop(**SETTINGS), receive(status=500)
    connect(client, receiver.url, "orders.order.created")
    watch.move(hours=1)
    push(client, "o-1")
    work(**SETTINGS)
    assert len(receiver.received) == 1
    watch.move(hours=-1, minutes=1)
    receiver.status = 200
    push(client, "o-2")
    work(**SETTINGS)
    assert len(receiver.received) == 3

    async def read(db: Database) -> Any:
        async with db.read() as tx:
            return await tx.fetch_values(select(deliveries.c.status))

    assert list(on(database_url, read)) == ["delivered"] * 2


def test_an_event_that_was_noted_while_the_clock_was_ahead(
    open_shop: Open,
    watch: Watch,
    work: Work,
    receive: Callable[..., Receiver],
) -> None:
    client, receiver = open_shop(**SETTINGS), receive()
    connect(client, receiver.url, "orders.order.created")
    watch.move(hours=1)
    push(client)
    watch.move(hours=-1)
    work(**SETTINGS)
    assert len(receiver.received) == 1


def test_a_question_whose_asker_died_while_the_clock_was_ahead(
    shop: TestClient,
    carrier: FakeCarrier,
    watch: Watch,
    work: Work,
) -> None:
    carrier.is_idempotent = False
    push(shop)
    watch.move(hours=1)
    carrier.mood = "cut off"
    shop.post("/api/v3/orders/create-labels-async", json={"integration_id": make.SHOP, "orders": [{"order_id": "o-1"}]})
    work()
    carrier.mood = "well"
    watch.move(hours=-1, minutes=1)
    for _ in range(4):  # the waits of a job that finds the question there, and the lease of whoever asked
        work()
        watch.move(seconds=60)
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    code = shipment["parcels"][0]["status"]["code"]
    assert (code, len(carrier.asked)) == ("ANNOUNCEMENT_FAILED", 1)  # a person is told


def test_a_label_whose_worker_died_while_the_clock_was_ahead(
    shop: TestClient,
    carrier: FakeCarrier,
    watch: Watch,
    work: Work,
    database_url: str,
) -> None:
    push(shop)
    shop.post("/api/v3/orders/create-labels-async", json={"integration_id": make.SHOP, "orders": [{"order_id": "o-1"}]})

    async def claim(db: Database) -> None:
        await jobs.claim(db, 1, 10, now=watch(), lease=timedelta(seconds=60))

    watch.move(hours=1)
    on(database_url, claim)
    watch.move(hours=-1, minutes=2)
    work()
    assert len(carrier.labels) == 1


def test_a_key_of_a_call_that_died_while_the_clock_was_ahead(
    shop: TestClient,
    carrier: FakeCarrier,
    watch: Watch,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    push(shop)
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    key = {"Idempotency-Key": "key-1"}

    async def nothing_more(*_: Any) -> None:
        """A process that was killed says nothing at its end."""

    watch.move(hours=1)
    carrier.mood = "cut off"
    with monkeypatch.context() as patch:
        patch.setattr("packhouse.kit.http.idempotency.release", nothing_more)
        assert shop.post("/api/v3/orders/create-label-sync", json=body, headers=key).status_code == 500
    assert shop.post("/api/v3/orders/create-label-sync", json=body, headers=key).status_code == 409
    carrier.mood = "well"
    watch.move(hours=-1)
    again = shop.post("/api/v3/orders/create-label-sync", json=body, headers=key)
    assert again.status_code == 201, again.text
    assert len(carrier.labels) == 1
