"""Orders that are changed or cancelled after their label was made: the shipment says so until it is seen to."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import push
from tests.shipping.test_telling import SECRET, told

Work = Callable[..., int]
SYNC = "/api/v3/orders/create-label-sync"


def ship(shop: TestClient, order_id: str = "o-1", **changes: Any) -> tuple[int, str]:
    """Our id of the order, and the shipment's."""
    id = push(shop, order_id, **changes)
    answer = shop.post(SYNC, json={"integration_id": make.SHOP, "order": {"order_id": order_id}})
    assert answer.status_code == 201, answer.text
    return id, answer.json()["data"]["shipment_id"]


def change(shop: TestClient, id: int, **sent: Any) -> list[str]:
    """The places that the answer warns of."""
    answer = shop.patch(f"/api/v3/orders/{id}", json=sent)
    assert answer.status_code == 200, answer.text
    warnings = answer.json().get("meta", {}).get("warnings", [])
    return [w["source"]["pointer"] for w in warnings if w["code"] == "shipment_stale"]


def stale(shop: TestClient, uuid: str) -> list[str]:
    body = shop.get(f"/api/v3/shipments/{uuid}").json()
    found = body["data"].get("stale", [])
    warnings = body.get("meta", {}).get("warnings", [])
    assert [warning["code"] for warning in warnings] == ["shipment_stale"] * len(found)
    return list(found)


MORE = {"order_items": [{"name": "Green tea", "quantity": 3}]}
CHANGES: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({"shipping_address": {"city": "Delft"}}, ["shipping_address"], ["address"]),
    (
        {"order_details": {"order_items": [{"name": "Green tea", "quantity": 3}]}},
        ["order_details/order_items"],
        ["items"],
    ),
    ({"order_details": {"status": {"code": "cancelled"}}}, [], ["cancelled"]),
    ({"payment_details": {"status": {"code": "refunded"}}}, [], ["cancelled"]),
    ({"order_details": {"status": {"code": "shipped"}}}, [], []),
    ({"order_details": {"notes": "Ring twice"}}, [], []),
    ({"payment_details": {"total_price": {"value": 30}}}, [], []),
]


@pytest.mark.parametrize(("sent", "places", "kinds"), CHANGES)
def test_a_change_of_what_is_on_the_label_marks_the_shipment(
    shop: TestClient, work: Work, sent: dict[str, Any], places: list[str], kinds: list[str]
) -> None:
    id, uuid = ship(shop)
    assert stale(shop, uuid) == []
    assert change(shop, id, **sent) == [f"/data/attributes/{place}" for place in places]
    work()
    assert stale(shop, uuid) == kinds


def test_an_upsert_marks_it_too_and_a_change_back_unmarks_it(shop: TestClient, work: Work) -> None:
    _, uuid = ship(shop)
    moved = {**make.key(), "shipping_address": make.address(house_number="14")}
    body = shop.post("/api/v3/orders", json=[moved]).json()
    [warning] = [w for w in body["meta"]["warnings"] if w["code"] == "shipment_stale"]
    assert warning["source"]["pointer"] == "/data/attributes/[0]/shipping_address"
    work()
    assert stale(shop, uuid) == ["address"]
    shop.post("/api/v3/orders", json=[{**make.key(), "shipping_address": make.address()}])
    work()
    assert stale(shop, uuid) == []


def test_a_deleted_order_was_cancelled(shop: TestClient, work: Work) -> None:
    id, uuid = ship(shop)
    assert shop.delete(f"/api/v3/orders/{id}").status_code == 204
    work()
    assert stale(shop, uuid) == ["cancelled"]


def test_it_is_marked_until_somebody_confirms_it(shop: TestClient, work: Work) -> None:
    id, uuid = ship(shop)
    change(shop, id, shipping_address={"city": "Delft"}, order_details={"status": {"code": "cancelled"}})
    work()
    assert stale(shop, uuid) == ["address", "cancelled"]
    answer = shop.post(f"/api/packhouse/shipments/{uuid}/confirm")
    assert answer.status_code == 200
    assert set(answer.json()) == {"data"}
    assert stale(shop, uuid) == []
    change(shop, id, order_details={"order_items": [{"name": "Green tea", "quantity": 9}]})
    work()
    assert stale(shop, uuid) == ["items"]
    assert shop.post("/api/packhouse/shipments/nobody/confirm").status_code == 404


def test_a_cancelled_shipment_is_marked_no_more(shop: TestClient, work: Work) -> None:
    id, uuid = ship(shop)
    change(shop, id, shipping_address={"city": "Delft"})
    work()
    assert shop.post(f"/api/v3/shipments/{uuid}/cancel").status_code == 200
    assert stale(shop, uuid) == []
    assert change(shop, id, shipping_address={"city": "Leiden"}) == []


def test_an_order_that_was_cancelled_before_is_no_news(shop: TestClient, work: Work) -> None:
    id, uuid = ship(shop, order_details={"status": {"code": "cancelled"}})
    change(shop, id, order_details={"status": {"code": "canceled"}})
    work()
    assert stale(shop, uuid) == []


def test_who_subscribed_is_told(open_shop: Callable[..., TestClient], work: Work) -> None:
    client = open_shop(secret_key=SECRET, webhooks_allow_private=True)
    url = {"url": "http://127.0.0.1:9/hook"}
    connection = {"type": "webhook", "configuration": url}
    made = client.post("/api/v3/event-subscriptions/connections", json=connection).json()
    wanted = {"connection_id": made.get("id") or made["data"]["id"], "event_type": "shipments.shipment.stale"}
    assert client.post("/api/v3/event-subscriptions/subscriptions", json=wanted).status_code == 201
    id, _ = ship(client)
    change(client, id, order_details={"notes": "Ring twice"})
    assert told(client) == []
    change(client, id, shipping_address={"city": "Delft"})
    work(secret_key=SECRET, webhooks_allow_private=True)
    assert told(client) == ["shipments.shipment.stale"]
