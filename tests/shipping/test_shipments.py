"""Shipments after they are made: read, listed, cancelled, tracked; and what that does to the order."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from packhouse.kit.db import Database
from packhouse.kit.wire.pagination import Cursor
from packhouse.orders import queries as orders
from packhouse.shipping import queries
from tests import make
from tests.conftest import STRANGER
from tests.shipping.conftest import FakeCarrier, Watch, push

URL = "/api/v3/shipments"
Work = Callable[..., int]


def ship(client: TestClient, order_id: str = "o-1") -> Any:
    push(client, order_id)
    body = {"integration_id": make.SHOP, "order": {"order_id": order_id}}
    answer = client.post("/api/v3/orders/create-label-sync", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def ids(answer: Any) -> list[str]:
    return [shipment["id"] for shipment in answer.json()["data"]]


def count_incoming(url: str) -> int:
    async def count() -> int:
        db = Database(url)
        try:
            async with db.read() as tx:
                page = await orders.list_orders(tx, 1, {"incoming": True}, "", Cursor(), 100)
                return len(page.rows)
        finally:
            await db.close()

    return asyncio.run(count())


def test_filters(shop: TestClient, watch: Watch) -> None:
    made = []
    for n in range(3):
        made.append(ship(shop, f"o-{n}"))
        watch.move(hours=1)
    first, second, third = (label["shipment_id"] for label in made)
    shop.post(f"{URL}/{third}/cancel")
    noon = watch().isoformat().replace("+00:00", "Z")

    def find(**parameters: Any) -> list[str]:
        return ids(shop.get(URL, params=parameters))

    assert find() == [third, second, first]
    assert find(parcel_status="2000") == [third]
    assert find(parcel_status="cancelled") == [third]
    assert find(parcel_status=1000) == [second, first]
    assert find(tracking_number=made[1]["tracking_number"]) == [second]
    assert find(order_number="n-O-1") == [second]
    assert find(external_reference_id="o-0") == [first]
    assert find(integration_id=1) == [third, second, first]
    assert find(integration_id=2) == []
    assert find(ids=f"{first},{third}") == [third, first]
    assert find(shipment_uuids=second) == [second]
    assert find(updated_after=noon) == [third]
    assert find(announced_before=noon) == [third, second, first]
    assert find(announced_after=noon) == []
    for name, value in (("updated_after", "yesterday"), ("page_size", "101"), ("integration_id", "x")):
        answer = shop.get(URL, params={name: value})
        assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": name})
    assert shop.get(URL, params={"cursor": "no"}).status_code == 404


def test_pages(shop: TestClient) -> None:
    made = [ship(shop, f"o-{n}")["shipment_id"] for n in range(5)][::-1]
    first = shop.get(URL, params={"page_size": 2})
    second = shop.get(first.links["next"]["url"])
    third = shop.get(second.links["next"]["url"])
    assert [*ids(first), *ids(second), *ids(third)] == made
    assert "next" not in third.links
    assert ids(shop.get(second.links["prev"]["url"])) == made[:2]


def test_one(shop: TestClient) -> None:
    label = ship(shop)
    shipment = shop.get(f"{URL}/{label['shipment_id']}").json()["data"]
    assert shipment["to_address"] == make.address()
    assert shipment["from_address"]["name"] == "owner"
    assert shipment["carrier"] == {"code": "fake", "name": "Fake Carrier"}
    assert shipment["ship_with"] == label["ship_with"]
    assert shipment["total_order_price"] == {"value": "25.0", "currency": "EUR"}
    assert shipment["errors"] == []
    [parcel] = shipment["parcels"]
    assert parcel["documents"] == label["documents"]
    assert parcel["parcel_items"] == [
        {"hs_code": "", "description": "Green tea", "quantity": 2, "price": {"value": "12.50", "currency": "EUR"}}
    ]


def test_links_are_absolute_and_need_the_account(open_shop: Any) -> None:
    client = open_shop(public_url="https://orders.example.com/")
    push(client)
    answer = client.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": "o-1"}})
    [document] = answer.json()["data"]["documents"]
    assert document["link"].startswith("https://orders.example.com/api/v3/parcels/")
    path = document["link"].removeprefix("https://orders.example.com")
    assert client.get(path).status_code == 200
    assert client.get(path, auth=("nobody", "x")).status_code == 401
    assert client.get(path, auth=STRANGER).status_code == 404


def test_deleting_an_order_leaves_its_shipments_and_labels(shop: TestClient) -> None:
    label = ship(shop)
    assert shop.delete("/api/v3/orders/1").status_code == 204
    shipment = shop.get(f"{URL}/{label['shipment_id']}").json()["data"]
    assert shipment["order_number"] == "N-o-1"
    assert shop.get(f"/api/v3/parcels/{label['parcel_id']}/documents/label").status_code == 200
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 200


def test_an_order_with_a_live_shipment_is_not_incoming(
    shop: TestClient, carrier: FakeCarrier, database_url: str
) -> None:
    push(shop)
    assert count_incoming(database_url) == 1
    label = ship(shop)
    assert count_incoming(database_url) == 0
    push(shop, order_number="N-2")  # an upsert does not touch the count
    assert count_incoming(database_url) == 0
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 200
    assert count_incoming(database_url) == 1
    carrier.mood = "strict"
    shop.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": "o-1"}})
    assert count_incoming(database_url) == 1


def test_cancelling(shop: TestClient, carrier: FakeCarrier) -> None:
    label = ship(shop)
    answer = shop.post(f"{URL}/{label['shipment_id']}/cancel")
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
    assert carrier.cancelled == [label["shipment_id"]]
    [parcel] = shop.get(f"{URL}/{label['shipment_id']}").json()["data"]["parcels"]
    assert parcel["status"] == {"code": "CANCELLED", "message": "Cancelled"}
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 409
    assert carrier.cancelled == [label["shipment_id"]]


def test_cancelling_when_the_carrier_is_away(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    label = ship(shop)
    carrier.mood = "away"
    answer = shop.post(f"{URL}/{label['shipment_id']}/cancel")
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "queued")
    assert ids(shop.get(URL, params={"parcel_status": "2001"})) == [label["shipment_id"]]
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 409
    carrier.mood = "well"
    watch.move(minutes=10)
    work()
    assert set(carrier.cancelled) == {label["shipment_id"]}
    assert ids(shop.get(URL, params={"parcel_status": "2000"})) == [label["shipment_id"]]


def test_cancelling_before_the_label_is_made(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    """Nobody knows then whether the carrier has it: it is asked, and told."""
    push(shop)
    body = {"integration_id": 1, "orders": [{"order_id": "o-1"}]}
    [label] = shop.post("/api/v3/orders/create-labels-async", json=body).json()["data"]
    answer = shop.post(f"{URL}/{label['shipment_id']}/cancel")
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "queued")
    assert ids(shop.get(URL, params={"parcel_status": "1999"})) == [label["shipment_id"]]
    work()
    assert set(carrier.cancelled) == {label["shipment_id"]}
    assert ids(shop.get(URL, params={"parcel_status": "2000"})) == [label["shipment_id"]]


def test_a_carrier_that_does_not_cancel(shop: TestClient, carrier: FakeCarrier) -> None:
    label = ship(shop)
    carrier.mood = "strict"
    answer = shop.post(f"{URL}/{label['shipment_id']}/cancel")
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (409, "The van has left.")
    assert ids(shop.get(URL, params={"parcel_status": "1000"})) == [label["shipment_id"]]


def test_a_shipment_older_than_42_days(shop: TestClient, watch: Watch) -> None:
    label = ship(shop)
    watch.move(days=42, seconds=1)
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 409


def test_a_parcel_is_tracked_by_people(shop: TestClient) -> None:
    label = ship(shop)
    path = f"/api/packhouse/parcels/{label['parcel_id']}/status"
    answer = shop.post(path, json={"status": "91"})
    assert answer.json() == {
        "data": {"id": label["parcel_id"], "status": {"code": "SHIPMENT_ON_ROUTE", "message": "Parcel en route"}}
    }
    assert shop.post(path, json={"status": 11, "message": "At the neighbours'"}).status_code == 200
    [parcel] = shop.get(f"{URL}/{label['shipment_id']}").json()["data"]["parcels"]
    assert parcel["status"] == {"code": "DELIVERED", "message": "At the neighbours'"}
    assert shop.post(path, json={"status": "77"}).status_code == 400
    assert shop.post(f"{URL}/{label['shipment_id']}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/api/v3/shipments/{shipment_id}", None),
        ("POST", "/api/v3/shipments/{shipment_id}/cancel", None),
        ("GET", "/api/v3/parcels/{parcel_id}/documents/label", None),
        ("GET", "/api/v3/parcel-documents/label?parcels={parcel_id}", None),
        ("POST", "/api/packhouse/parcels/{parcel_id}/status", {"status": "11"}),
        ("GET", "/api/packhouse/sender-addresses/{sender_id}", None),
        ("PATCH", "/api/packhouse/sender-addresses/{sender_id}", {"city": "X"}),
        ("DELETE", "/api/packhouse/sender-addresses/{sender_id}", None),
    ],
)
def test_a_stranger_finds_nothing(shop: TestClient, method: str, path: str, body: Any) -> None:
    label = ship(shop)
    sender_id = shop.get("/api/v3/sender-addresses").json()["data"][0]["id"]
    before = shop.get(f"{URL}/{label['shipment_id']}").json()
    answer = shop.request(method, path.format(sender_id=sender_id, **label), json=body, auth=STRANGER)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
    assert shop.get(URL, auth=STRANGER).json() == {"data": []}
    assert shop.get(f"{URL}/{label['shipment_id']}").json() == before


def test_a_page_takes_as_many_statements_at_any_size(shop: TestClient, database_url: str) -> None:
    for n in range(6):
        ship(shop, f"o-{n}")

    async def count(size: int) -> int:
        statements: list[str] = []
        db = Database(database_url)
        event.listen(db._reader.sync_engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
        try:
            async with db.read() as tx:
                page = await queries.list_shipments(tx, 1, {}, Cursor("6"), size)
                assert len(page.rows) == size
        finally:
            await db.close()
        return len([text for text in statements if text.lstrip().startswith("SELECT") and "FROM" in text])

    assert asyncio.run(count(1)) == asyncio.run(count(5)) <= 4
