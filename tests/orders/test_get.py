"""GET /orders/{id}."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import STRANGER

URL = "/api/v3/orders"
NOT_FOUND = {
    "errors": [
        {
            "status": "404",
            "code": "not_found",
            "title": "Not found",
            "detail": "The order could not be found with the search criteria given",
        }
    ]
}


def test_one_order_is_answered_under_data(client: TestClient) -> None:
    client.post(URL, json=[make.order()])
    answer = client.get(f"{URL}/1")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert set(answer.json()) == {"data"}
    found: dict[str, Any] = answer.json()["data"]
    assert found.pop("id") == 1
    made, changed = found.pop("created_at"), found.pop("modified_at")
    assert made == changed
    assert len(made) == len("2026-03-14T08:26:53.589000+00:00")
    assert made.endswith("+00:00")
    assert found == make.order()


def test_what_the_client_did_not_send_is_absent_or_null(client: TestClient) -> None:
    client.post(URL, json=[make.order()])
    found = client.get(f"{URL}/1").json()["data"]
    for name in ("customer_details", "customs_details", "billing_address", "shipping_address", "shipping_details"):
        assert found.get(name) is None
    assert found.get("service_point_details") is None
    for name in ("notes", "tags", "order_updated_at"):
        assert found["order_details"].get(name) is None


def test_payment_status_and_total_prices_are_always_there(client: TestClient) -> None:
    client.post(URL, json=[make.order()])
    client.patch(f"{URL}/1", json={"order_details": {"notes": None, "tags": None}, "customs_details": None})
    client.post(URL, json=[make.key(order_items=[make.item(total_price={})])])
    found = client.get(f"{URL}/1").json()["data"]
    assert found["payment_details"] == make.order()["payment_details"]
    assert found["order_details"]["status"] == {"code": "unfulfilled", "message": "Unfulfilled"}
    assert found["order_details"]["order_items"][0]["total_price"] == {}


@pytest.mark.parametrize("id", ["2", "0", "-1", "abc", "1.0", "99999999999999999999", "%00", "1%20", "%D9%A1"])
def test_what_is_no_order_is_not_found(client: TestClient, id: str) -> None:
    client.post(URL, json=[make.order()])
    answer = client.get(f"{URL}/{id}")
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)


def test_a_strangers_order_is_not_found(client: TestClient) -> None:
    client.post(URL, json=[make.order()])
    answer = client.get(f"{URL}/1", auth=STRANGER)
    assert (answer.status_code, answer.json()) == (404, NOT_FOUND)
    assert client.get(f"{URL}/1").status_code == 200


def test_a_trailing_slash_makes_no_difference(client: TestClient) -> None:
    client.post(URL, json=[make.order()])
    answer = client.get(f"{URL}/1/", follow_redirects=False)
    assert answer.status_code == 200
    assert answer.content == client.get(f"{URL}/1").content
