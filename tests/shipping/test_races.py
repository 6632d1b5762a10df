"""An order that is deleted while it is shipped, a shipment that is cancelled while its label is made."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import asyncpg
import pytest
from starlette.testclient import TestClient

from packhouse.kit.db import Reader, Transaction
from tests import make
from tests.concurrency.served import wait_until
from tests.shipping.conftest import FakeCarrier, Watch, push
from tests.shipping.test_repeats import Gate
from tests.statements import listening
from tests.web.conftest import people, person, token

__all__ = ["people", "person"]

Work = Callable[..., int]
ASYNC = "/api/v3/orders/create-labels-async"
SYNC = "/api/v3/orders/create-label-sync"


async def _delete(url: str, id: int, done: threading.Event, go_on: threading.Event) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("DELETE FROM orders WHERE account_id = 1 AND id = $1", id)
            done.set()
            await asyncio.to_thread(go_on.wait)
    finally:
        await connection.close()


async def _is_waited_for(url: str) -> bool:
    connection = await asyncpg.connect(url)
    try:
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        return bool(await connection.fetchval(waiting))
    finally:
        await connection.close()


@contextmanager
def deleting(url: str, id: int) -> Iterator[Callable[[], None]]:
    """The order is deleted at the end of the block; `wait()` until somebody waits for that, where it can be seen."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM orders WHERE account_id = 1 AND id = ?", (id,))
            yield lambda: None
            connection.execute("COMMIT")
        return
    done, go_on = threading.Event(), threading.Event()
    deleter = threading.Thread(target=asyncio.run, args=(_delete(url, id, done, go_on),))
    deleter.start()
    try:
        assert done.wait(30)
        yield lambda: wait_until(lambda: asyncio.run(_is_waited_for(url)), 30)
    finally:
        go_on.set()
        deleter.join()


def meanwhile(url: str, id: int, call: Callable[[], Any]) -> Any:
    """What `call` answers that begins before the order is gone and ends after."""
    answers: list[Any] = []
    with deleting(url, id) as wait:
        caller = threading.Thread(target=lambda: answers.append(call()))
        caller.start()
        wait()
    caller.join(60)
    return answers[0]


def test_an_async_call_ships_the_others(shop: TestClient, database_url: str, carrier: FakeCarrier, work: Work) -> None:
    ids = [push(shop, f"o-{n}") for n in range(3)]
    body = {"integration_id": make.SHOP, "orders": [{"order_id": f"o-{n}"} for n in range(3)]}
    answer = meanwhile(database_url, ids[1], lambda: shop.post(ASYNC, json=body))
    assert answer.status_code == 202, answer.text
    assert [label["order_id"] for label in answer.json()["data"]] == ["o-0", "o-2"]
    [error] = answer.json()["errors"]
    assert (error["status"], error["source"]["pointer"]) == ("404", "/data/attributes/orders/[1]")
    work()
    assert len(carrier.labels) == 2


def test_a_sync_call_of_an_order_that_is_gone(shop: TestClient, database_url: str) -> None:
    id = push(shop)
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    assert meanwhile(database_url, id, lambda: shop.post(SYNC, json=body)).status_code == 404


def test_a_selection_on_the_page_ships_the_others(person: Callable[..., TestClient], database_url: str) -> None:
    page = person("owner")
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = [make.order(f"o-{n}", shipping_address=make.address(), shipping_details=measured) for n in range(3)]
    made = page.post("/api/v3/orders", json=sent, auth=("owner-public", "owner-secret"))
    ids = [receipt["id"] for receipt in made.json()["data"]]
    form = {"csrf": token(page.get("/orders").text), "id": [str(id) for id in ids]}
    answer = meanwhile(database_url, ids[1], lambda: page.post("/orders/labels", data=form))
    assert answer.status_code == 200, answer.text
    assert "1 order was deleted meanwhile." in answer.text
    assert "of 3" in answer.text
    shipped = page.get("/api/v3/shipments", auth=("owner-public", "owner-secret")).json()["data"]
    assert sorted(shipment["external_reference_id"] for shipment in shipped) == ["o-0", "o-2"]
    lost = page.post("/orders/labels", data={**form, "id": str(ids[1])})  # and one that was gone before
    assert (lost.status_code, "1 order was deleted meanwhile." in lost.text) == (200, True)


def test_one_order_that_is_gone_while_its_label_is_asked_for(
    person: Callable[..., TestClient], database_url: str
) -> None:
    page = person("owner")
    order = make.order("o-1", shipping_address=make.address())
    id = page.post("/api/v3/orders", json=[order], auth=("owner-public", "owner-secret")).json()["data"][0]["id"]
    form = {"csrf": token(page.get("/orders").text), "seen": "0"}
    assert meanwhile(database_url, id, lambda: page.post(f"/orders/{id}/label", data=form)).status_code == 404


@pytest.fixture
def carrier(request: pytest.FixtureRequest) -> FakeCarrier:
    return Gate() if "cancelled" in request.node.name else FakeCarrier()


@pytest.mark.parametrize("mood", ["well", "strict"])
def test_a_shipment_that_is_cancelled_while_its_label_is_made(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, mood: str
) -> None:
    push(shop)
    assert isinstance(carrier, Gate)
    carrier.mood = mood
    answers: list[Any] = []
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    caller = threading.Thread(target=lambda: answers.append(shop.post(SYNC, json=body)))
    caller.start()
    assert carrier.is_asked.wait(60)
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shop.post(f"/api/v3/shipments/{shipment['id']}/cancel").status_code == 202
    carrier.may_answer.set()
    caller.join(60)
    assert answers[0].status_code == 409, answers[0].text
    carrier.mood = "well"
    watch.move(minutes=5)
    work()
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shipment["parcels"][0]["status"]["code"] == "CANCELLED"
    assert bool(carrier.cancelled) is (mood == "well")


def test_telling_makes_as_many_statements_for_fifty_parcels_as_for_two(shop: TestClient) -> None:
    hook = {"webhook_active": True, "webhook_url": "https://shop.example.com/hook"}
    assert shop.patch(f"/api/v3/integrations/{make.SHOP}", json=hook).status_code == 204
    counts = []
    for count in (2, 50):
        push(shop, f"o-{count}", order_details={"order_items": [make.item(item_id="tea", quantity=count)]})
        parcels = [{"parcel_items": [{"item_id": "tea", "quantity": 1}]}] * count
        body = {"integration_id": make.SHOP, "orders": [{"order_id": f"o-{count}", "parcels": parcels}]}
        with counting(shop) as seen:
            assert shop.post(ASYNC, json=body).status_code == 202
        counts.append(len(seen))
    assert counts[0] == counts[1]
    told = shop.get("/api/packhouse/deliveries", params={"page_size": 100}).json()["data"]
    assert sum(row["event_type"] == "parcel_status_changed" for row in told) == 52


@contextmanager
def counting(client: TestClient) -> Iterator[list[str]]:
    """All statements of a server's transactions, those that go past SQLAlchemy too."""
    seen: list[str] = []
    run, upsert = Reader.run, Transaction.upsert

    async def note_run(tx: Reader, statement: Any, **values: Any) -> Any:
        seen.append(str(statement))
        return await run(tx, statement, **values)

    async def note_upsert(tx: Transaction, table: Any, rows: Any) -> None:
        seen.append(f"upsert {table}")
        await upsert(tx, table, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "run", note_run)
        patch.setattr(Transaction, "upsert", note_upsert)
        with listening(client) as others:
            yield seen
        seen.extend(others)


def test_the_page_of_refused_orders_writes_nothing(person: Callable[..., TestClient]) -> None:
    page = person("packer")
    sent = [make.order("s-1"), make.order("s-2", shipping_address=make.address())]
    made = page.post("/api/v3/orders", json=sent, auth=("owner-public", "owner-secret"))
    ids = [receipt["id"] for receipt in made.json()["data"]]
    page.get("/orders")
    with counting(page) as seen:
        shown = page.get(f"/labels?refused={ids[0]}-{ids[1]}")
    assert "no valid shipping address" in shown.text
    writes = ("INSERT", "UPDATE", "DELETE", "upsert", "BEGIN IMMEDIATE")
    assert [text for text in seen if text.lstrip().startswith(writes) or "FOR UPDATE" in text] == []
