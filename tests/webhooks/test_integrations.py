"""The webhook of an integration itself, and what the integration's logs say of deliveries that fail."""

import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from packhouse.webhooks import signing
from tests import make
from tests.cli.conftest import Run, run
from tests.concurrency.served import wait_until
from tests.conftest import OWNER, SHOP, STRANGER
from tests.webhooks.conftest import Receiver, connect

__all__ = ["run"]

KEY = "/api/packhouse/integrations/{}/signing-key"


def turn_on(client: TestClient, url: str, id: int = SHOP) -> None:
    answer = client.patch(f"/api/v3/integrations/{id}", json={"webhook_url": url, "webhook_active": True})
    assert answer.status_code == 204, answer.text


def test_an_integration_tells_of_itself(working: Callable[..., TestClient], receive: Callable[..., Receiver]) -> None:
    client, receiver = working(), receive()
    sent = {"shop_name": "Tea", "webhook_url": receiver.url, "webhook_active": True}
    made = client.post("/api/packhouse/integrations", json=sent)
    assert made.status_code == 201, made.text
    id = made.json()["data"]["id"]
    client.patch(f"/api/v3/integrations/{id}", json={"shop_name": "Tea and more"})
    client.patch(f"/api/v3/integrations/{id}", json={"shop_name": "Tea and more"})  # nothing changed
    client.delete(f"/api/v3/integrations/{id}")
    got = [received.json for received in receiver.wait_for(3)]
    assert [(told["action"], told["integration"]["shop_name"]) for told in got] == [
        ("integration_connected", "Tea"),
        ("integration_updated", "Tea and more"),
        ("integration_deleted", "Tea and more"),
    ]
    assert all(told["integration"]["id"] == id and isinstance(told["timestamp"], int) for told in got)


def test_what_it_tells_is_signed_with_its_own_key(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    key = client.get(KEY.format(SHOP)).json()["data"]["signing_key"]  # before anything was sent
    turn_on(client, receiver.url)
    [got] = receiver.wait_for(1)
    assert got.headers["sendcloud-signature"] == signing.sign(key, got.body)
    known = {"signing_key": key, "next_signing_key": None, "switches_at": None}
    assert client.get(KEY.format(SHOP)).json() == {"data": known}
    assert client.post(f"{KEY.format(SHOP)}/activate").status_code == 409
    for method in ("GET", "POST"):
        assert client.request(method, KEY.format(SHOP), auth=STRANGER).status_code == 404
        assert client.request(method, KEY.format(987)).status_code == 404
    rotated = client.post(KEY.format(SHOP)).json()["data"]
    new = rotated["next_signing_key"]
    assert (rotated["signing_key"], new == key, rotated["switches_at"] is None) == (key, False, False)
    client.patch(f"/api/v3/integrations/{SHOP}", json={"shop_name": "A name"})
    assert receiver.wait_for(2)[1].headers["sendcloud-signature"] == signing.sign(key, receiver.received[1].body)
    assert client.post(f"{KEY.format(SHOP)}/activate").json()["data"] == {**known, "signing_key": new}
    client.patch(f"/api/v3/integrations/{SHOP}", json={"shop_name": "Another name"})
    assert receiver.wait_for(3)[2].headers["sendcloud-signature"] == signing.sign(new, receiver.received[2].body)
    told = client.get("/api/packhouse/audit-log").json()["data"][0]
    assert (told["action"], told["subject"]) == ("signing_key.activated", f"webhook of integration {SHOP} (127.0.0.1)")


def test_a_key_is_made_with_its_integration(working: Callable[..., TestClient], run: Run) -> None:
    """And what is made without a place for secrets gets it when it is asked for."""
    client = working()
    made = client.post("/api/packhouse/integrations", json={"shop_name": "Tea"}).json()["data"]["id"]
    listed = json.loads(run("connections list --account owner --json").stdout)
    assert [row["integration_id"] for row in listed] == [made]
    assert client.get(KEY.format(made)).status_code == 200
    client.delete(f"/api/v3/integrations/{made}")
    assert client.get(KEY.format(made)).status_code == 404


def test_without_a_place_for_secrets_shops_are_connected_all_the_same(serve: Callable[..., TestClient]) -> None:
    client = serve()
    client.auth = OWNER
    answer = client.post("/api/packhouse/integrations", json={"shop_name": "Tea"})
    assert answer.status_code == 201
    key = client.get(KEY.format(answer.json()["data"]["id"]))
    assert key.status_code in (200, 503)  # SQLite keeps a key in a file; PostgreSQL needs PACKHOUSE_SECRET_KEY
    if key.status_code == 503:
        assert "PACKHOUSE_SECRET_KEY" in key.json()["errors"][0]["detail"]


def test_a_webhook_that_fails_for_days_is_paused_and_resumed(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(webhooks_pause_after_days=1e-7), receive(status=500)
    path = f"/api/packhouse/integrations/{SHOP}/webhook"
    before = {"connection_id": None, "webhook_url": None, "webhook_active": False}
    assert client.get(path).json()["data"] == {
        **before,
        "failing_since": None,
        "paused_at": None,
        "slow_since": None,
        "held": 0,
    }
    turn_on(client, receiver.url)
    wait_until(lambda: client.get(path).json()["data"]["paused_at"] is not None)
    told = client.get(path).json()["data"]
    assert (told["webhook_url"], told["webhook_active"], told["held"]) == (receiver.url, True, 1)
    entry = client.get(f"/api/v3/integrations/{SHOP}/logs").json()["data"][0]
    assert entry["exception"].startswith(
        f"The webhook of integration {SHOP} (127.0.0.1) was paused: it has taken nothing"
    )
    assert client.post(f"{path}/resume", auth=STRANGER).status_code == 404
    receiver.status, heard = 200, len(receiver.received)
    assert client.post(f"{path}/resume").json()["data"]["paused_at"] is None
    receiver.wait_for(heard + 1)


def test_one_without_an_active_webhook_tells_nobody(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    client.patch(f"/api/v3/integrations/{SHOP}", json={"webhook_url": receiver.url, "webhook_active": False})
    assert client.get("/api/packhouse/deliveries").json() == {"data": []}


def test_a_delivery_that_is_given_up_is_shown_in_the_integrations_logs(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive(status=500)
    connect(client, receiver.url, "orders.order.created")
    client.post("/api/v3/orders", json=[make.order()])

    def read() -> list[Any]:
        found = client.get(f"/api/v3/integrations/{SHOP}/logs").json()["data"]
        assert isinstance(found, list)
        return found

    wait_until(lambda: len(read()) == 1)
    [entry] = read()
    assert (entry["integration_id"], entry["exception_type"], entry["protected"]) == (SHOP, "WebhookFailed", True)
    assert entry["exception"] == "Delivery 1 (orders.order.created) was given up after 11 attempts: status 500."
    assert (entry["base_url"], entry["method"]) == (receiver.url.removesuffix("/hook"), "POST")
    assert (entry["response_code"], entry["response"]["body"]) == (500, "thanks")


def test_parcels_tell_subscribers_and_their_shop(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, subscriber, shop = working(), receive(), receive()
    connect(client, subscriber.url, "parcels.event.created")
    turn_on(client, shop.url)
    client.post("/api/v3/orders", json=[make.order(shipping_address=make.address())])
    options = client.post("/api/v3/shipping-options", json={}).json()["data"]
    chosen = {"type": "shipping_option_code", "properties": {"shipping_option_code": options[0]["code"]}}
    sent = {"integration_id": SHOP, "order": {"order_id": "o-1"}, "ship_with": chosen}
    shipped = client.post("/api/v3/orders/create-label-sync", json=sent)
    assert shipped.status_code == 201, shipped.text
    [first, second] = [got.json for got in subscriber.wait_for(2)[:2]]
    assert [told["data"]["event"]["phase"] for told in (first, second)] == ["announcing", "ready_to_send"]
    assert first["event_type"] == "parcels.event.created"
    assert first["data"]["parcel"]["parcel_id"] == second["data"]["parcel"]["parcel_id"]
    assert second["data"]["parcel"]["carrier_code"]
    assert second["data"]["parcel"]["tracking_number"]
    changed = [got.json for got in shop.wait_for(3) if got.json["action"] == "parcel_status_changed"]
    assert [told["parcel"]["status"]["id"] for told in changed] == [1001, 1000]
