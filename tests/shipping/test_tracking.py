"""Carriers with tracking are asked where parcels are, as long as there is something to hear, and whoever listens is
told."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse import bootstrap
from packhouse.carriers import TrackingEvent
from packhouse.kit import jobs
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.shipping import tracking
from tests import make
from tests.shipping.conftest import FakeCarrier, Open, Watch, push

Work = Callable[..., int]
SECRET = "a-secret-key-of-the-tests-alone-0123456789"
READY = {"code": "READY_TO_SEND", "message": "Ready to send"}


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier(has_tracking=True)


@pytest.fixture
def shop(open_shop: Open) -> TestClient:
    """With a subscriber to parcels, whose deliveries can be looked at."""
    client = open_shop(secret_key=SECRET, webhooks_allow_private=True)
    client.post("/api/packhouse/contracts", json={"carrier_code": "fake"})
    client.patch("/api/packhouse/shipping-settings", json={"default_shipping_option_code": "fake:standard"})
    url = {"type": "webhook", "configuration": {"url": "http://127.0.0.1:9/hook"}}
    made = client.post("/api/v3/event-subscriptions/connections", json=url).json()
    id = made["data"]["id"]
    wanted = {"connection_id": id, "event_type": "parcels.event.created"}
    assert client.post("/api/v3/event-subscriptions/subscriptions", json=wanted).status_code == 201
    return client


@pytest.fixture
def work(work: Work) -> Work:
    """Nobody receives what is told: it stays with the deliveries."""
    return lambda: work(secret_key=SECRET, webhooks_allow_private=True)


def ship(client: TestClient, order_id: str = "o-1") -> Any:
    push(client, order_id)
    body = {"integration_id": make.SHOP, "order": {"order_id": order_id}}
    return client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]


def read_status(client: TestClient, label: Any) -> Any:
    return client.get(f"/api/v3/shipments/{label['shipment_id']}").json()["data"]["parcels"][0]["status"]


def count_told(client: TestClient) -> int:
    return len(client.get("/api/packhouse/deliveries").json()["data"])


def find_jobs(database_url: str) -> list[Any]:
    async def find() -> list[Any]:
        db = Database(database_url)
        try:
            async with db.read() as tx:
                return [job for job in await jobs.list_jobs(tx, 1) if job.kind == "parcel.track"]
        finally:
            await db.close()

    return asyncio.run(find())


async def handle(database_url: str, carrier: FakeCarrier, watch: Watch, job: jobs.Job, times: int = 1) -> None:
    """As the worker does, each time when the job wants it; the last time raises Reschedule if it wants it again."""
    db = Database(database_url)
    ctx = bootstrap.create_context(Settings(database_url=database_url), db, now=watch, carriers=[carrier])
    try:
        for left in range(times, 0, -1):
            try:
                await tracking.handle(ctx, job)
            except jobs.Reschedule as later:
                if left == 1:
                    raise
                watch.at = later.due_at
            else:
                return
    finally:
        await db.close()


def test_a_parcel_is_followed_until_it_is_there(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, database_url: str
) -> None:
    label = ship(shop)
    number = label["tracking_number"]
    told = count_told(shop)
    work()
    assert carrier.looks == 0  # not before its time
    watch.move(hours=1)
    work()
    assert (carrier.looks, read_status(shop, label), count_told(shop)) == (1, READY, told)
    carrier.events.append(TrackingEvent(number, 22, "Taken in Utrecht", watch()))
    watch.move(minutes=59)
    work()
    assert carrier.looks == 1
    watch.move(minutes=1)
    work()
    assert read_status(shop, label) == {"code": "PICKED_UP_BY_DRIVER", "message": "Taken in Utrecht"}
    assert count_told(shop) == told + 1
    # Two steps between two looks: both are told, oldest first, and the last is what counts.
    carrier.events.append(TrackingEvent(number, 11, "", watch()))
    carrier.events.insert(0, TrackingEvent(number, 92, "In the van", watch.at.replace(microsecond=0)))
    watch.move(hours=1)
    work()
    assert read_status(shop, label) == {"code": "DELIVERED", "message": "Delivered"}
    assert count_told(shop) == told + 3
    assert find_jobs(database_url) == []
    looks = carrier.looks
    watch.move(days=3)
    work()
    assert carrier.looks == looks


def test_what_is_known_is_not_told_again(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, database_url: str
) -> None:
    label = ship(shop)
    carrier.events.append(TrackingEvent(label["tracking_number"], 91, "", watch()))
    watch.move(hours=1)
    work()
    told = count_told(shop)
    [row] = find_jobs(database_url)
    job = jobs.Job(1, row.id, row.kind, row.lane, {"shipment": 1}, 1, row.created_at)

    with pytest.raises(jobs.Reschedule):
        asyncio.run(handle(database_url, carrier, watch, job))
    assert carrier.looks == 2
    assert count_told(shop) == told
    path = f"/api/packhouse/parcels/{label['parcel_id']}/status"
    assert shop.post(path, json={"status": "12"}).status_code == 200  # a person knows better
    watch.move(hours=1)
    work()
    assert read_status(shop, label)["code"] == "AWAITING_CUSTOMER_PICKUP"


def test_a_carrier_that_is_away_is_asked_later(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    label = ship(shop)
    carrier.mood = "away"
    watch.move(hours=1)
    work()
    work()
    assert (carrier.looks, read_status(shop, label)) == (1, READY)
    carrier.mood = "well"
    carrier.events.append(TrackingEvent(label["tracking_number"], 91, "", watch()))
    watch.move(minutes=5)
    work()
    assert read_status(shop, label)["code"] == "SHIPMENT_ON_ROUTE"


def test_nobody_is_asked_for_ever(shop: TestClient, carrier: FakeCarrier, watch: Watch, database_url: str) -> None:
    ship(shop)
    [row] = find_jobs(database_url)
    job = jobs.Job(1, row.id, row.kind, row.lane, {"shipment": 1}, 1, row.created_at)
    watch.at = row.due_at
    asyncio.run(handle(database_url, carrier, watch, job, times=400))
    assert 100 < carrier.looks <= 180


def test_a_cancelled_shipment_is_not_followed(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, database_url: str
) -> None:
    label = ship(shop)
    assert shop.post(f"/api/v3/shipments/{label['shipment_id']}/cancel").status_code == 200
    watch.move(hours=1)
    work()
    assert (carrier.looks, find_jobs(database_url)) == (0, [])


def test_strange_news(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    """Of a parcel that is not ours, or with a status that nobody knows."""
    label = ship(shop)
    carrier.events += [
        TrackingEvent("OTHER", 11, "", watch()),
        TrackingEvent(label["tracking_number"], 777, "", watch()),
    ]
    watch.move(hours=1)
    work()
    assert read_status(shop, label) == READY


def test_a_carrier_without_tracking_gets_no_job(open_shop: Open, database_url: str) -> None:
    client = open_shop()
    label = ship(client)
    assert label["ship_with"]["properties"]["shipping_option_code"] == "house:standard"
    assert find_jobs(database_url) == []
