"""POST /orders/create-label-sync (contract, section 5)."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.concurrency import served
from tests.conftest import STRANGER
from tests.shipping.conftest import FakeCarrier, push
from tests.statements import recording

URL = "/api/v3/orders/create-label-sync"


def call(client: TestClient, **changes: Any) -> Any:
    return client.post(URL, json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}, **changes})


def ship_with(code: str | None, contract_id: int | None = None) -> dict[str, Any]:
    return {"type": "shipping_option_code", "properties": {"shipping_option_code": code, "contract_id": contract_id}}


def test_the_first_label_needs_no_set_up(client: TestClient) -> None:
    push(client)
    answer = call(client)
    assert answer.status_code == 201, answer.text
    label = answer.json()["data"]
    assert label["ship_with"]["properties"]["shipping_option_code"] == "house:standard"
    assert base64.b64decode(label["label"]["file"]).startswith(b"%PDF")
    # Nobody follows an own delivery: the sync answer knows a URL or none, a shipment's parcel may say null.
    assert "tracking_url" not in label
    [parcel] = client.get(f"/api/v3/shipments/{label['shipment_id']}").json()["data"]["parcels"]
    assert parcel["tracking_url"] is None
    assert [item["hs_code"] for item in parcel["parcel_items"]] == [""]


def test_a_call_reads_its_shipment_once(shop: TestClient) -> None:
    """Before the carrier is asked: afterwards its row is locked, and what was read is what is answered."""
    push(shop)
    with recording() as statements:
        assert call(shop).status_code == 201
    read = [statement for statement in statements if statement.startswith("SELECT")]
    of_shipments = [statement for statement in read if "FROM shipments" in statement]
    assert len(of_shipments) == 2
    assert len([statement for statement in read if "FROM parcels" in statement]) == 1


def test_the_answer(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    answer = call(shop)
    assert answer.status_code == 201, answer.text
    label = answer.json()["data"]
    [consignment] = carrier.asked
    parcel_id = label["parcel_id"]
    file = base64.b64encode(f"%PDF {consignment.reference} {parcel_id}".encode()).decode()
    link = f"http://testserver/api/v3/parcels/{parcel_id}/documents/label"
    assert label == {
        "shipment_id": consignment.reference,
        "order_id": "o-1",
        "order_number": "N-o-1",
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": "fake:standard", "contract_id": consignment.contract.id},  # type: ignore[union-attr]
        },
        "parcel_id": parcel_id,
        "label_details": {"file": file, "mime_type": "application/pdf", "dpi": 72},
        "label": {"file": file, "mime_type": "application/pdf", "dpi": 72},
        "documents": [{"document_type": "label", "type": "label", "size": "a6", "link": link}],
        "tracking_number": f"FAKE{parcel_id}",
        "tracking_url": f"https://track.example.com/FAKE{parcel_id}",
    }
    fetched = shop.get(link.removeprefix("http://testserver"))
    assert (fetched.content, fetched.headers["content-type"]) == (base64.b64decode(file), "application/pdf")


@pytest.mark.parametrize("order", [{"order_id": "o-1"}, {"order_number": "N-o-1"}, [{"order_id": "o-1"}]])
def test_an_order_is_named_by_id_or_number(shop: TestClient, order: Any) -> None:
    push(shop)
    assert call(shop, order=order).json()["data"]["order_id"] == "o-1"


@pytest.mark.parametrize(
    "order", [{"order_id": "none"}, {"order_number": "none"}, {"order_id": "o-1", "order_number": "x"}]
)
def test_no_such_order(shop: TestClient, order: Any) -> None:
    push(shop)
    answer = call(shop, order=order)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "not_found"


def test_several_orders_of_one_number(shop: TestClient, carrier: FakeCarrier) -> None:
    for name in ("o-1", "o-2"):
        push(shop, name, order_number="same")
    answer = call(shop, order={"order_number": "same"})
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["code"]) == (400, "validation_error")
    assert fault["detail"].startswith("multiple_orders_found")
    assert carrier.asked == []


def test_an_order_without_an_address(shop: TestClient) -> None:
    shop.post("/api/v3/orders", json=[make.order()])
    answer = call(shop)
    fault = {
        "status": "400",
        "code": "validation_error",
        "title": "Invalid order",
        "detail": "The order has no valid shipping address.",
    }
    assert (answer.status_code, answer.json()) == (400, {"errors": [fault]})
    push(shop, "blank", shipping_address=make.address(address_line_1=" "))
    answer = call(shop, order={"order_id": "blank"})
    assert (answer.status_code, answer.json()) == (400, {"errors": [fault]})


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"sender_address_id": 99999}, "sender_address_id"),
        ({"brand_id": 99999}, "brand_id"),
        ({"ship_with": ship_with(None, 99999)}, "ship_with/properties/contract_id"),
    ],
)
def test_what_the_account_has_not(shop: TestClient, changes: Any, pointer: str) -> None:
    push(shop)
    answer = call(shop, **changes)
    source = {"pointer": f"/data/attributes/{pointer}"}
    fault = {"status": "404", "code": "invalid", "detail": "Does not exist.", "source": source}
    assert (answer.status_code, answer.json()) == (404, {"errors": [fault]})


def test_an_unknown_or_foreign_integration(shop: TestClient) -> None:
    push(shop)
    for id in (99999, 3):
        answer = call(shop, integration_id=id)
        [fault] = answer.json()["errors"]
        assert answer.status_code == 400
        assert fault["detail"] == f"Integration with id {id} does not exist"
    assert shop.post(URL, json={"integration_id": 1, "order": {"order_id": "o-1"}}, auth=STRANGER).status_code == 400


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("mime_type", "dpi"), [("application/pdf", 150), ("application/pdf", 203), ("image/png", 72), ("image/png", 600)]
)
def test_a_resolution_that_the_type_has_not(shop: TestClient, carrier: FakeCarrier, mime_type: str, dpi: int) -> None:
    push(shop)
    answer = call(shop, label_details={"mime_type": mime_type, "dpi": dpi})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"pointer": "/data/attributes/label_details/dpi"}
    assert carrier.asked == []


@pytest.mark.one_database
def test_every_flaw_of_the_body_at_once(shop: TestClient) -> None:
    answer = shop.post(URL, json={"order": {"order_id": 1}, "brand_id": 0, "label_details": {"dpi": 71}})
    pointers = {fault["source"]["pointer"].removeprefix("/data/attributes/") for fault in answer.json()["errors"]}
    assert answer.status_code == 400
    assert pointers == {"integration_id", "order/order_id", "brand_id", "label_details/dpi"}


def test_what_ships_it_in_turn(shop: TestClient) -> None:
    """The call, else the order, else the rules when asked, else the default."""
    rule = {"name": "All", "actions": {"shipping_option_code": "fake:local"}}
    assert shop.post("/api/packhouse/shipping-rules", json=rule).status_code == 201
    push(shop, "plain")
    push(shop, "own", shipping_details={"ship_with": ship_with("fake:local")})

    def code(order_id: str, **changes: Any) -> str:
        order = {"order_id": order_id, **changes.pop("order", {})}
        answer = call(shop, order=order, **changes)
        return str(answer.json()["data"]["ship_with"]["properties"]["shipping_option_code"])

    assert code("plain") == "fake:standard"
    assert code("plain", order={"apply_shipping_rules": True}) == "fake:local"
    assert code("own") == "fake:local"
    assert code("own", ship_with=ship_with("house:standard")) == "house:standard"
    assert code("own", ship_with=ship_with("fake:standard"), order={"apply_shipping_rules": True}) == "fake:standard"


@pytest.mark.one_database
def test_an_option_must_fit(shop: TestClient) -> None:
    push(shop, "abroad", shipping_address=make.address(country_code="FR"))
    push(shop, "heavy", shipping_details={"measurement": {"weight": {"value": 21, "unit": "kg"}}})
    for order_id, code in (("abroad", "fake:local"), ("heavy", "fake:local"), ("abroad", "none:such")):
        answer = call(shop, order={"order_id": order_id}, ship_with=ship_with(code))
        [fault] = answer.json()["errors"]
        assert (answer.status_code, fault["code"]) == (400, "validation_error")
        assert fault["title"] == "Invalid shipping option"


@pytest.mark.one_database
def test_a_carrier_that_refuses(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    carrier.mood = "strict"
    answer = call(shop)
    fault = {"status": "400", "code": "parcel_announcement_error", "detail": "The postal code is not served."}
    assert (answer.status_code, answer.json()) == (400, {"errors": [fault]})
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shipment["errors"] == [fault]
    assert shipment["parcels"][0]["status"] == {"code": "ANNOUNCEMENT_FAILED", "message": "Announcement failed"}


def test_a_carrier_that_is_left_to_the_workers(
    shop: TestClient, carrier: FakeCarrier, work: Callable[..., int]
) -> None:
    """The server asks it nothing, and answers when a worker has."""
    carrier.worker_only = True
    push(shop)
    with ThreadPoolExecutor(1) as others:
        answering = others.submit(call, shop)
        served.wait_until(lambda: work() >= 0 and answering.done())
        answer = answering.result()
    assert answer.status_code == 201, answer.text
    assert len(carrier.asked) == 1
    id = answer.json()["data"]["shipment_id"]
    assert answer.json()["data"]["tracking_number"] == f"FAKE{answer.json()['data']['parcel_id']}"
    assert shop.post(f"/api/v3/shipments/{id}/cancel").status_code == 202
    assert carrier.cancelled == []


def test_an_order_can_be_shipped_again_with_a_warning(shop: TestClient) -> None:
    id = push(shop)
    before = shop.get(f"/api/v3/orders/{id}").json()
    first, second = call(shop).json(), call(shop).json()
    assert not any("live shipment" in w["detail"] for w in first["meta"]["warnings"])
    assert any("1 live shipment" in w["detail"] for w in second["meta"]["warnings"])
    assert first["data"]["shipment_id"] != second["data"]["shipment_id"]
    assert shop.get(f"/api/v3/orders/{id}").json() == before


def test_the_first_warning_is_of_the_sender_address(shop: TestClient) -> None:
    push(shop)
    [sender] = shop.get("/api/v3/sender-addresses").json()["data"]
    assert (sender["name"], sender["country_code"], sender["is_default"]) == ("owner", "NL", True)
    assert any("sender address" in w["detail"] for w in call(shop).json()["meta"]["warnings"])
    changes = {"address_line_1": "Lange Straat", "postal_code": "3511 AB", "city": "Utrecht"}
    assert shop.patch(f"/api/packhouse/sender-addresses/{sender['id']}", json=changes).status_code == 200
    assert not any("sender address" in w["detail"] for w in call(shop).json()["meta"]["warnings"])


def test_an_order_with_odd_totals_is_warned_of(shop: TestClient) -> None:
    weight = {"weight": {"value": "500", "unit": "g"}}
    item = make.item(measurement=weight, unit_price={"value": 12.5, "currency": "EUR"})
    odd = make.item(measurement=weight, unit_price={"value": 10, "currency": "EUR"})
    total = {"measurement": {"weight": {"value": 3, "unit": "kg"}}}
    push(shop, "odd", order_details={"order_items": [item, odd]}, shipping_details=total)
    push(shop, "even", order_details={"order_items": [item]})
    told = [w["detail"] for w in call(shop, order={"order_id": "odd"}).json()["meta"]["warnings"]]
    assert any("3.000 kg, its items weigh 2.000 kg" in text for text in told)
    assert any("2 at 10 are 20, the item's total says 25.0" in text for text in told)
    even = call(shop, order={"order_id": "even"}).json()
    assert [w["code"] for w in even["meta"]["warnings"]] == ["required"]
    shipment = shop.get(f"/api/v3/shipments/{even['data']['shipment_id']}").json()["data"]
    assert shipment["parcels"][0]["weight"] == {"value": "1.000", "unit": "kg"}
