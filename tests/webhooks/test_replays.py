"""A delivery that is sent again by hand is tried at once, whatever its receiver is at."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, update
from starlette.testclient import TestClient

from packhouse.kit.db import Database
from packhouse.webhooks.tables import connections, deliveries
from tests.shipping.conftest import FakeCarrier, Open, Watch, open_shop, push, watch, work
from tests.webhooks.conftest import DELIVERIES, Receiver, connect
from tests.worker.test_jobs import on

__all__ = ["open_shop", "watch", "work"]

Work = Callable[..., int]
SETTINGS: dict[str, Any] = {"secret_key": "a key for tests", "webhooks_allow_private": True}


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier()


@pytest.fixture
def client(open_shop: Open) -> TestClient:
    return open_shop(**SETTINGS)


def read(client: TestClient, id: int) -> Any:
    return client.get(f"{DELIVERIES}/{id}").json()["data"]


def fail(client: TestClient, receiver: Receiver, work: Work) -> int:
    """A delivery that was tried once and waits for its next attempt; its id."""
    receiver.status = 500
    connect(client, receiver.url, "orders.order.created")
    push(client)
    work(**SETTINGS)
    [row] = client.get(DELIVERIES).json()["data"]
    assert (row["status"], row["attempts"], len(receiver.received)) == ("pending", 1, 1)
    return int(row["id"])


async def pause(db: Database, at: Any) -> None:
    async with db.begin() as tx:
        await tx.execute(update(connections).values(paused_at=at).where(connections.c.account_id == 1))
        held = {"status": "held", "due_at": None}
        await tx.execute(update(deliveries).values(held).where(deliveries.c.account_id == 1))


def test_one_whose_receiver_backs_off(
    client: TestClient, receive: Callable[..., Receiver], watch: Watch, work: Work
) -> None:
    receiver = receive()
    id = fail(client, receiver, work)
    watch.move(seconds=1)
    receiver.status = 200
    assert client.post(f"{DELIVERIES}/{id}/replay").status_code == 202
    work(**SETTINGS)
    assert (read(client, id)["status"], len(receiver.received)) == ("delivered", 2)


@pytest.mark.parametrize("status", [200, 500])
def test_one_whose_receiver_is_paused(
    client: TestClient, receive: Callable[..., Receiver], watch: Watch, work: Work, database_url: str, status: int
) -> None:
    """Once: what fails again is held with the others."""
    receiver = receive()
    id = fail(client, receiver, work)
    on(database_url, lambda db: pause(db, watch()))
    watch.move(hours=2)
    work(**SETTINGS)
    assert len(receiver.received) == 1
    receiver.status = status
    assert client.post(f"{DELIVERIES}/{id}/replay").status_code == 202
    work(**SETTINGS)
    assert len(receiver.received) == 2
    assert read(client, id)["status"] == ("delivered" if status == 200 else "held")
    watch.move(hours=2)
    work(**SETTINGS)
    assert len(receiver.received) == 2


def test_one_that_is_under_way(client: TestClient, receive: Callable[..., Receiver], watch: Watch, work: Work) -> None:
    """What becomes of the attempt before is not taken for the one that was asked for."""
    receiver = receive()
    id = fail(client, receiver, work)
    watch.move(minutes=10)

    class Meddling(list[Any]):
        def append(self, received: Any) -> None:
            super().append(received)
            if len(self) == 2:
                watch.move(seconds=1)
                assert client.post(f"{DELIVERIES}/{id}/replay").status_code == 202

    receiver.received = Meddling(receiver.received)
    receiver.status = 200
    work(**SETTINGS)
    assert len(receiver.received) == 3
    assert (read(client, id)["status"], read(client, id)["attempts"]) == ("delivered", 1)


def test_one_whose_receiver_was_deleted_at_that_moment(
    client: TestClient, receive: Callable[..., Receiver], watch: Watch, work: Work, database_url: str
) -> None:
    """The work ends, and the delivery says why."""
    receiver = receive()
    id = fail(client, receiver, work)
    watch.move(seconds=1)
    assert client.post(f"{DELIVERIES}/{id}/replay").status_code == 202

    async def forget(db: Database) -> None:
        async with db.begin() as tx:
            await tx.execute(delete(connections).where(connections.c.account_id == 1))

    on(database_url, forget)
    assert work(**SETTINGS) == 1
    assert (read(client, id)["status"], read(client, id)["error"]) == ("failed", "ConnectionDeleted")
    assert len(receiver.received) == 1
