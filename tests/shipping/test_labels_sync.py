"""POST /orders/create-label-sync."""

import base64
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import FakeCarrier

URL = "/api/v3/orders/create-label-sync"


def push(client: TestClient, order_id: str = "o-1", **changes: Any) -> int:
    order = make.order(order_id, **{"shipping_address": make.address(), **changes})
    answer = client.post("/api/v3/orders", json=[order])
    assert answer.status_code == 200, answer.text
    return int(answer.json()["data"][0]["id"])


def test_the_first_label_needs_no_set_up(client: TestClient) -> None:
    push(client)
    answer = client.post(URL, json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}})
    assert answer.status_code == 201, answer.text
    label = answer.json()["data"]
    assert label["ship_with"]["properties"]["shipping_option_code"] == "house:standard"
    assert base64.b64decode(label["label"]["file"]).startswith(b"%PDF")


def test_the_answer(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    answer = shop.post(URL, json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}})
    assert answer.status_code == 201, answer.text
    label = answer.json()["data"]
    [consignment] = carrier.asked
    assert consignment.reference == label["shipment_id"]
    assert label["tracking_number"].startswith("FAKE")
