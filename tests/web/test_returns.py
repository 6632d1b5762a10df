"""Returns on the page."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.web.conftest import token

pytestmark = pytest.mark.one_database
Person = Callable[..., TestClient]


def ship(client: TestClient) -> str:
    """A shipped order of two items; the shipment's uuid."""
    items = [make.item(item_id=f"i-{n}", quantity=n, name=f"Thing {n}") for n in (1, 2)]
    [sender] = client.get("/api/packhouse/sender-addresses").json()["data"]
    complete = {"address_line_1": "Havenstraat 8", "postal_code": "3511 AB", "city": "Utrecht"}
    client.patch(f"/api/packhouse/sender-addresses/{sender['id']}", json=complete).raise_for_status()
    order = make.order(shipping_address=make.address(), order_number="N-7")
    order["order_details"]["order_items"] = items
    client.post("/api/v3/orders", json=[order]).raise_for_status()
    call = {"integration_id": make.SHOP, "order": {"order_id": order["order_id"]}}
    answer = client.post("/api/v3/orders/create-label-sync", json=call)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["shipment_id"])


def fill(page: TestClient, uuid: str, **fields: str) -> Any:
    form = page.get(f"/returns/new?shipment={uuid}")
    assert form.status_code == 200, form.text
    sent = {"csrf": token(form.text), "shipment": uuid, "weight/value": "1.5", "items/0": "0", "items/1": "1", **fields}
    return page.post("/returns", data=sent, follow_redirects=False)


def test_a_return_is_made_of_a_shipment(person: Person, client: TestClient) -> None:
    uuid = ship(client)
    page = person("packer")
    assert f"/returns/new?shipment={uuid}" in page.get("/shipments").text
    answer = fill(page, uuid, ship_with="house:return", message="Too blue")
    assert (answer.status_code, answer.headers["location"]) == (303, "/returns")
    [found] = client.get("/api/v3/returns?from_date=2020-01-01&to_date=2099-01-01").json()["data"]
    assert (found["order_number"], found["weight"]) == ("N-7", {"value": 1.5, "unit": "kg"})
    assert found["from_address"]["name"] == make.address()["name"]
    assert [(item["item_id"], item["quantity"]) for item in found["parcel_items"]] == [("i-2", 1)]
    assert found["parcel_items"][0]["return_message"] == "Too blue"
    assert found["label_url"]
    listed = page.get("/returns").text
    assert "N-7" in listed
    assert f"/labels/print?parcel={found['parcel_id']}" in listed
    assert page.get(f"/labels/print?parcel={found['parcel_id']}").content.startswith(b"%PDF")
    assert "house:return" not in page.get("/shipments").text


def test_what_is_refused_stands_at_its_field(person: Person, client: TestClient) -> None:
    uuid = ship(client)
    page = person()
    answer = fill(page, uuid, **{"weight/value": "heavy", "items/1": "1.5"})
    assert answer.status_code == 422
    assert re.search(r'name="weight/value"[^>]*aria-invalid', answer.text)
    assert re.search(r'name="items/1"[^>]*aria-invalid', answer.text)
    assert client.get("/api/v3/returns?from_date=2020-01-01&to_date=2099-01-01").json()["data"] == []
    assert fill(page, uuid, ship_with="house:standard").status_code == 422


def test_it_is_cancelled_from_the_list(person: Person, client: TestClient) -> None:
    uuid = ship(client)
    page = person("packer")
    fill(page, uuid)
    listed = page.get("/returns").text
    action = re.search(r'action="(/shipments/[^"]+/cancel)"', listed)
    assert action is not None
    sent = {"csrf": token(listed), "then": "/returns"}
    assert page.post(action[1], data=sent, follow_redirects=False).headers["location"] == "/returns"
    [found] = client.get("/api/v3/returns?from_date=2020-01-01&to_date=2099-01-01").json()["data"]
    assert found["status_history"][-1]["parent_status"] == "cancelled"


def test_only_what_was_shipped_comes_back(person: Person, client: TestClient) -> None:
    uuid = ship(client)
    page = person()
    fill(page, uuid)
    [found] = client.get("/api/v3/returns?from_date=2020-01-01&to_date=2099-01-01").json()["data"]
    back = re.search(r"/shipments/([0-9a-f-]{36})/cancel", page.get("/returns").text)
    assert back is not None
    assert found["parcel_id"]
    assert page.get(f"/returns/new?shipment={back[1]}").status_code == 404
    assert page.get("/returns/new?shipment=nothing").status_code == 404


def test_rules_and_the_default_are_set_in_the_settings(person: Person, client: TestClient) -> None:
    page = person()
    csrf = token(page.get("/settings/rules/new").text)
    rule = {"csrf": csrf, "name": "Back", "is_active": "1", "for_returns": "1"}
    rule["actions/shipping_option_code"] = "post:return"
    assert page.post("/settings/rules", data=rule, follow_redirects=False).status_code == 303
    [made] = client.get("/api/packhouse/shipping-rules").json()["data"]
    assert (made["for_returns"], made["actions"]) == (True, {"shipping_option_code": "post:return"})
    sent = {
        "csrf": csrf,
        "default_shipping_option_code": "house:standard",
        "default_return_option_code": "house:return",
    }
    assert page.post("/settings/options", data=sent, follow_redirects=False).status_code == 303
    assert client.get("/api/packhouse/shipping-settings").json()["data"]["default_return_option_code"] == "house:return"
    sent["default_return_option_code"] = "house:standard"
    assert page.post("/settings/options", data=sent, follow_redirects=False).status_code == 422
