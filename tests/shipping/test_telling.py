"""Whoever listens is told when a parcel's status becomes new."""

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.contract import shapes
from tests.shipping.conftest import push

DELIVERIES = "/api/packhouse/deliveries"
SECRET = "a-secret-key-of-the-tests-alone-0123456789"


def told(client: TestClient) -> list[str]:
    rows = client.get(DELIVERIES).json()["data"]
    return sorted(row["event_type"] for row in rows)


def test_subscribers_and_the_shops_webhook(open_shop: Callable[..., TestClient]) -> None:
    client = open_shop(secret_key=SECRET, webhooks_allow_private=True)
    push(client)
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    client.post("/api/v3/orders/create-label-sync", json=body)
    assert told(client) == []
    made = client.post(
        "/api/v3/event-subscriptions/connections",
        json={"type": "webhook", "configuration": {"url": "http://127.0.0.1:9/hook"}},
    )
    assert made.status_code == 201, made.text
    connection: Any = made.json()
    id = connection.get("id") or connection["data"]["id"]
    subscribed = client.post(
        "/api/v3/event-subscriptions/subscriptions", json={"connection_id": id, "event_type": "parcels.event.created"}
    )
    assert subscribed.status_code == 201, subscribed.text
    label = client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]
    assert told(client) == ["parcels.event.created"] * 2  # being announced, ready to send
    changes = {"webhook_active": True, "webhook_url": "http://127.0.0.1:9/shop"}
    assert client.patch(f"/api/v3/integrations/{make.SHOP}", json=changes).status_code == 204
    before = told(client)
    client.post(f"/api/packhouse/parcels/{label['parcel_id']}/status", json={"status": "11"})
    after = told(client)
    assert len(after) == len(before) + 2
    assert "parcel_status_changed" in after


def test_the_shop_is_told_the_whole_parcel(open_shop: Callable[..., TestClient]) -> None:
    client = open_shop(secret_key=SECRET, webhooks_allow_private=True)
    changes = {"webhook_active": True, "webhook_url": "http://127.0.0.1:9/shop"}
    assert client.patch(f"/api/v3/integrations/{make.SHOP}", json=changes).status_code == 204
    push(client, shipping_address=make.address(email="ada@example.com"))
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    label = client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]
    ids = [row["id"] for row in client.get(DELIVERIES).json()["data"] if row["event_type"] == "parcel_status_changed"]
    whole = client.get(f"{DELIVERIES}/{max(ids)}").json()["data"]
    told_body = whole["body"] if isinstance(whole["body"], dict) else json.loads(whole["body"])
    document = shapes.load("webhooks")
    assert (
        shapes.find_errors_of("webhooks", document["components"]["schemas"]["ParcelStatusChangedWebhook"], told_body)
        == []
    )
    parcel = told_body["parcel"]
    assert parcel["status"] == {"id": 1000, "message": "Ready to send"}
    assert (parcel["name"], parcel["address"], parcel["email"]) == ("Ada Visser", "Keizersgracht 12", "ada@example.com")
    assert (parcel["order_number"], parcel["external_order_id"]) == ("N-o-1", "o-1")
    assert parcel["country"] == {"iso_2": "NL", "iso_3": "NLD", "name": parcel["country"]["name"]}
    assert (parcel["tracking_number"], parcel["shipment_uuid"]) == (label["tracking_number"], label["shipment_id"])
    assert parcel["carrier"] == {"code": "house"}
    assert isinstance(parcel["shipment"]["id"], int)
