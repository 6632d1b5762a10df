"""Returns: labels from a customer to the account, with options and rules of their own."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SECOND_SHOP, STRANGER
from tests.contract import shapes
from tests.shipping import test_direct as direct
from tests.shipping.conftest import FakeCarrier, Watch, push
from tests.shipping.test_direct import from_address, to_address

URL = "/api/v3/returns"
SYNC, VALIDATE = f"{URL}/announce-synchronously", f"{URL}/validate"
SHIPMENTS = "/api/v3/shipments"
SECRET = "a-secret-key-of-the-tests-alone-0123456789"
Work = Callable[..., int]


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier(has_returns=True)


def item(**changes: Any) -> dict[str, Any]:
    return {
        "item_id": "i-1",
        "description": "Tea pot",
        "quantity": 1,
        "weight": {"value": 0.4, "unit": "kg"},
        "price": {"value": 12.5, "currency": "EUR"},
        "sku": "TP-1",
        "return_reason_id": "3",
        "return_message": "It leaks.",
        **changes,
    }


def body(**changes: Any) -> dict[str, Any]:
    made = {
        "from_address": to_address(),
        "to_address": from_address(),
        "ship_with": {"type": "shipping_option_code", "shipping_option_code": "fake:return"},
        "weight": {"value": 1.2, "unit": "kg"},
        "parcel_items": [item()],
        "order_number": "N-7",
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def post(client: TestClient, url: str = SYNC, **changes: Any) -> Any:
    return client.post(url, json=body(**changes))


def faults(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.text
    return [(e["code"], e.get("source", {}).get("pointer", "")) for e in answer.json()["errors"]]


def list_all(client: TestClient, **parameters: Any) -> Any:
    answer = client.get(URL, params={"from_date": "2020-01-01", "to_date": "2099-01-01", **parameters})
    assert answer.status_code == 200, answer.text
    return answer


def test_the_label_goes_from_the_customer_to_the_account(shop: TestClient, carrier: FakeCarrier) -> None:
    answer = post(shop, external_reference="r-1")
    assert answer.status_code == 201, answer.text
    assert shapes.find_errors("returns", "post", "/returns/announce-synchronously", answer) == []
    [consignment] = carrier.asked
    assert consignment.is_return
    assert (consignment.sender.name, consignment.recipient.company_name) == ("Noor Janssen", "West BV")
    made = answer.json()
    assert made["multi_collo_ids"] == []
    label = shop.get(f"/api/v3/parcels/{made['parcel_id']}/documents/label")
    assert label.content.startswith(b"%PDF")
    found = shop.get(f"{URL}/{made['return_id']}")
    assert shapes.find_errors("returns", "get", "/returns/{id}", found) == []
    shown = found.json()
    assert shown["label"]["label_printer"].endswith(f"/api/v3/parcels/{made['parcel_id']}/documents/label")
    assert len(shown["label"]["normal_printer"]) == 4
    assert [step["parent_status"] for step in shown["status_history"]] == ["announcing", "ready-to-send"]
    assert (shown["is_cancellable"], shown["status"], shown["external_reference"]) == (True, "open", "r-1")
    assert shown["weight"] == {"value": 1.2, "unit": "kg"}
    [kept] = shown["parcel_items"]
    assert (kept["return_reason_id"], kept["return_message"], kept["return_reason"]) == ("3", "It leaks.", {"id": 3})
    assert kept["price"] == {"value": 12.5, "currency": "EUR"}


def test_async_answers_at_once_and_the_worker_makes_one_label(
    shop: TestClient, carrier: FakeCarrier, work: Work
) -> None:
    answer = post(shop, URL)
    assert answer.status_code == 201, answer.text
    assert shapes.find_errors("returns", "post", "/returns", answer) == []
    assert carrier.asked == []
    assert shop.get(f"{URL}/{answer.json()['return_id']}").json()["label_url"] is None
    work()
    work()
    assert len(carrier.labels) == len(carrier.asked) == 1
    assert shop.get(f"{URL}/{answer.json()['return_id']}").json()["label_url"]


def test_a_carrier_that_is_away_makes_the_label_later(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    carrier.mood = "dies after"
    assert post(shop).status_code == 201
    carrier.mood = "well"
    work()
    assert len(carrier.labels) == 1


def test_what_the_carrier_refuses(shop: TestClient, carrier: FakeCarrier) -> None:
    carrier.mood = "strict"
    answer = post(shop, external_reference="r-1")
    assert faults(answer) == [("parcel_announcement_error", "")]
    carrier.mood = "well"
    assert post(shop, external_reference="r-1").status_code == 201  # the reference is free again
    [again, failed] = list_all(shop).json()["data"]
    assert failed["errors"][0]["code"] == "parcel_announcement_error"
    assert again["errors"] == []


def test_a_reference_is_used_once(shop: TestClient) -> None:
    made = post(shop, external_reference="r-1").json()
    assert faults(post(shop, external_reference="r-1")) == [("invalid", "/data/attributes/external_reference")]
    assert faults(post(shop, VALIDATE, external_reference="r-1"))
    # Shipments have references of their own.
    assert direct.post(shop, external_reference_id="r-1").status_code == 201
    assert shop.patch(f"{URL}/{made['return_id']}/cancel").status_code == 202
    assert post(shop, external_reference="r-1").status_code == 201


@pytest.mark.one_database
def test_validate_makes_nothing(shop: TestClient, carrier: FakeCarrier) -> None:
    size = {"length": 300, "width": 200, "height": 100, "unit": "mm"}
    answer = post(shop, VALIDATE, weight={"value": "1200", "unit": "g"}, dimensions=size, total_order_value=None)
    assert answer.status_code == 200, answer.text
    assert shapes.find_errors("returns", "post", "/returns/validate", answer) == []
    shown = answer.json()
    assert (shown["weight"], shown["dimensions"]) == (1.2, {"length": 30.0, "width": 20.0, "height": 10.0})
    assert shown["ship_with"]["shipping_option_code"] == "fake:return"
    assert (list_all(shop).json()["data"], carrier.asked) == ([], [])
    wrong = post(shop, VALIDATE, weight=..., from_address=to_address(name=""), order_number=7)
    assert {place for _, place in faults(wrong)} == {
        f"/data/attributes/{place}" for place in ("weight", "from_address/name", "order_number")
    }


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"ship_with": {"shipping_option_code": "fake:standard"}}, "ship_with"),
        ({"ship_with": {"shipping_product_code": "fake:standard"}}, "ship_with"),
        ({"ship_with": {"shipping_option_code": "fake:return", "contract": 999}}, "ship_with"),
        (
            {"customs_information": {"invoice_number": "7", "export_reason": "gift"}},
            "customs_information/export_reason",
        ),
        ({"from_address": to_address(country_code="CH")}, "parcel_items/0/hs_code"),
        ({"from_address": to_address(country_code="CH"), "parcel_items": [], "collo_count": 2}, "collo_count"),
    ],
)
def test_what_is_refused(shop: TestClient, carrier: FakeCarrier, changes: Any, place: str) -> None:
    for url in (URL, SYNC, VALIDATE):
        assert f"/data/attributes/{place}" in {found for _, found in faults(post(shop, url, **changes))}
    assert list_all(shop).json()["data"] == carrier.asked == []


@pytest.mark.one_database
@pytest.mark.parametrize(
    "ship_with",
    [
        {"shipping_product_code": "fake:return"},
        {"type": "shipping_option_code", "properties": {"shipping_option_code": "fake:return", "contract_id": None}},
        {"functionalities": {"returns": True, "multicollo": True}, "type": "shipping_product_code"},
    ],
)
def test_an_option_is_named_in_many_ways(shop: TestClient, carrier: FakeCarrier, ship_with: Any) -> None:
    if "functionalities" in ship_with:
        [contract] = shop.get("/api/packhouse/contracts").json()["data"][-1:]
        ship_with["contract"] = contract["id"]
    assert post(shop, ship_with=ship_with).status_code == 201
    assert [one.option_code for one in carrier.asked] == ["fake:return"]


@pytest.mark.one_database
def test_an_option_for_returns_ships_no_order(shop: TestClient) -> None:
    push(shop)
    named = {"type": "shipping_option_code", "properties": {"shipping_option_code": "fake:return"}}
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}, "ship_with": named}
    answer = shop.post("/api/v3/orders/create-label-sync", json=call)
    assert answer.status_code == 400
    assert "for returns alone" in answer.json()["errors"][0]["detail"]


@pytest.mark.one_database
def test_options_for_returns_stand_last_in_the_list(shop: TestClient) -> None:
    rows = shop.post("/api/v3/shipping-options", json={}).json()["data"]
    flags = [row["functionalities"]["returns"] for row in rows]
    assert flags == sorted(flags)
    rows = shop.post("/api/v3/shipping-options", json={"functionalities": {"returns": True}}).json()["data"]
    assert {row["code"] for row in rows} == {"fake:return", "house:return", "post:return"}


@pytest.mark.one_database
def test_returns_have_rules_of_their_own(shop: TestClient, carrier: FakeCarrier) -> None:
    sender = {**from_address(), "name": "Returns desk"}
    address = shop.post("/api/packhouse/sender-addresses", json=sender).json()["data"]["id"]
    rule = {
        "name": "returns of NL",
        "for_returns": True,
        "conditions": {"weight": {"min": 1, "unit": "kg"}},
        "actions": {"shipping_option_code": "fake:return", "sender_address_id": address},
    }
    made = shop.post("/api/packhouse/shipping-rules", json=rule)
    assert made.status_code == 201, made.text
    assert made.json()["data"]["for_returns"] is True
    house = {"shipping_option_code": "house:return"}
    assert post(shop, ship_with=house).status_code == 201
    assert carrier.asked == []  # rules are asked where the call says so
    assert post(shop, ship_with=house, apply_rules=True).status_code == 201
    [consignment] = carrier.asked
    assert consignment.recipient.name == "Returns desk"
    push(shop)
    label = {"integration_id": make.SHOP, "order": {"order_id": "o-1", "apply_shipping_rules": True}}
    assert shop.post("/api/v3/orders/create-label-sync", json=label).json()["data"]["ship_with"]["properties"][
        "shipping_option_code"
    ] == ("fake:standard")


@pytest.mark.one_database
def test_without_an_option_the_default_or_the_cheapest_is_taken(shop: TestClient, carrier: FakeCarrier) -> None:
    csv = "option_code,price\nhouse:return,5.00\nfake:return,4.10\npost:return,4.20\n"
    table = {"name": "r", "currency": "EUR", "csv": csv}
    assert shop.post("/api/packhouse/rate-tables", json=table).status_code == 201
    made = post(shop, ship_with={}).json()
    assert [one.option_code for one in carrier.asked] == ["fake:return"]
    assert shop.get(f"{URL}/{made['return_id']}").json()["label_cost"] == {"value": 4.1, "currency": "EUR"}
    changes = {"default_return_option_code": "house:return"}
    assert shop.patch("/api/packhouse/shipping-settings", json=changes).status_code == 200
    made = post(shop, ship_with={}).json()
    assert shop.get(f"{URL}/{made['return_id']}").json()["shipping_option"] == {"code": "house:return"}


def test_several_parcels_share_the_weight(shop: TestClient, carrier: FakeCarrier) -> None:
    made = post(shop, collo_count=3, weight={"value": 1, "unit": "kg"}).json()
    assert len(made["multi_collo_ids"]) == 3
    assert made["parcel_id"] == made["multi_collo_ids"][0]
    [consignment] = carrier.asked
    assert [str(parcel.weight) for parcel in consignment.parcels] == ["0.334"] * 3
    assert [len(parcel.items) for parcel in consignment.parcels] == [1, 0, 0]


@pytest.mark.parametrize("option", ["house:return", "post:return"])
@pytest.mark.one_database
def test_built_in_carriers_make_return_labels(shop: TestClient, option: str) -> None:
    made = post(shop, ship_with={"shipping_option_code": option}).json()
    shown = shop.get(f"{URL}/{made['return_id']}").json()
    assert shown["tracking_number"]
    assert shop.get(f"/api/v3/parcels/{made['parcel_id']}/documents/label").content.startswith(b"%PDF")


def test_the_list(shop: TestClient, watch: Watch) -> None:
    ids: list[int] = []
    for _ in range(3):
        ids.insert(0, post(shop).json()["return_id"])
        watch.move(days=1)
    page = list_all(shop, page_size=2)
    assert [found["id"] for found in page.json()["data"]] == ids[:2]
    assert page.json()["previous"] is None
    following = page.json()["next"]
    assert f'<{following}>; rel="next"' in page.headers["link"]
    rest = shop.get(following.removeprefix("http://testserver"))
    assert [found["id"] for found in rest.json()["data"]] == ids[2:]
    assert rest.json()["next"] is None
    for row in page.json()["data"]:
        assert shapes.find_errors_of("returns", {"$ref": "#/components/schemas/Return"}, row) == []
    day = (watch.at - timedelta(days=2)).date().isoformat()
    assert [row["id"] for row in list_all(shop, from_date=day, to_date=day).json()["data"]] == [ids[1]]
    parcel = page.json()["data"][0]["parcel_id"]
    told = shop.post(f"/api/packhouse/parcels/{parcel}/status", json={"status": "DELIVERED"})
    assert told.status_code == 200, told.text
    [delivered] = list_all(shop, parent_parcel_status="delivered").json()["data"]
    assert delivered["id"] == ids[0]
    assert delivered["delivered_at_iso"]
    assert delivered["is_cancellable"] is False
    assert list_all(shop, parent_parcel_status="delivery-forced").json()["data"] == []
    # They are no shipments in the list of those, and are read and told of as such.
    assert shop.get(SHIPMENTS).json()["data"] == []


@pytest.mark.one_database
def test_the_list_refuses(shop: TestClient) -> None:
    answer = shop.get(URL, params={"to_date": "soon", "parent_parcel_status": "DELIVERED", "page_size": 41})
    assert answer.status_code == 400
    assert [(e["code"], e["source"]["parameter"]) for e in answer.json()["errors"]] == [
        ("required", "from_date"),
        ("invalid", "to_date"),
        ("invalid_choice", "parent_parcel_status"),
        ("invalid", "page_size"),
    ]


def test_cancel(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    made = post(shop).json()
    url = f"{URL}/{made['return_id']}/cancel"
    answer = shop.patch(url)
    assert answer.status_code == 202, answer.text
    assert shapes.find_errors("returns", "patch", "/returns/{id}/cancel", answer) == []
    assert len(carrier.cancelled) == 1
    history = shop.get(f"{URL}/{made['return_id']}").json()["status_history"]
    assert [step["parent_status"] for step in history][-2:] == ["cancelling-upstream", "cancelled"]
    again = shop.patch(url)
    assert again.status_code == 409
    assert shapes.find_errors("returns", "patch", "/returns/{id}/cancel", again) == []
    assert again.json()["errors"][0]["status"] == "409"
    assert shop.patch(f"{URL}/999/cancel").status_code == 404
    waiting = post(shop, URL).json()
    assert shop.patch(f"{URL}/{waiting['return_id']}/cancel").status_code == 202
    work()
    last = shop.get(f"{URL}/{waiting['return_id']}").json()["status_history"][-1]
    assert last["parent_status"] == "cancelled"


@pytest.mark.one_database
def test_a_shipment_is_no_return_and_strangers_see_none(shop: TestClient) -> None:
    push(shop)
    shop.post("/api/v3/orders/create-label-sync", json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}})
    assert shop.get(f"{URL}/1").status_code == 404
    made = post(shop).json()
    shop.auth = STRANGER
    assert shop.get(f"{URL}/{made['return_id']}").status_code == 404
    assert shop.patch(f"{URL}/{made['return_id']}/cancel").status_code == 404
    assert list_all(shop).json()["data"] == []


def test_the_shop_that_shipped_the_order_is_told(open_shop: Callable[..., TestClient]) -> None:
    client = open_shop(secret_key=SECRET, webhooks_allow_private=True)
    client.post("/api/packhouse/contracts", json={"carrier_code": "fake"})
    push(client, order_number="N-7", order_details=make.order("o-1", SECOND_SHOP)["order_details"])
    call = {"integration_id": SECOND_SHOP, "order": {"order_id": "o-1"}}
    assert client.post("/api/v3/orders/create-label-sync", json=call).status_code == 201
    for shop in (make.SHOP, SECOND_SHOP):
        hook = {"webhook_active": True, "webhook_url": f"http://127.0.0.1:9/{shop}"}
        assert client.patch(f"/api/v3/integrations/{shop}", json=hook).status_code == 204
    made = post(client, delivery_option="drop_off_point").json()
    rows = client.get("/api/packhouse/deliveries").json()["data"]
    [id] = [row["id"] for row in rows if row["event_type"] == "return_created"]
    told = client.get(f"/api/packhouse/deliveries/{id}").json()["data"]
    sent = told["body"] if isinstance(told["body"], dict) else json.loads(told["body"])
    schema = {"$ref": "#/components/schemas/ReturnCreatedWebhook"}
    assert shapes.find_errors_of("webhooks", schema, sent) == []
    assert told["integration_id"] == SECOND_SHOP
    assert sent["data"] == {
        "id": made["return_id"],
        "order_number": "N-7",
        "return_reason_id": 3,
        "paid_return": False,
        "delivery_choice": "drop_off_point",
        "items": [{"item_id": "i-1", "description": "Tea pot", "quantity": 1, "sku": "TP-1", "return_reason_id": 3}],
    }


@pytest.mark.one_database
def test_a_repeat_under_the_same_key_makes_no_second_label(shop: TestClient, carrier: FakeCarrier) -> None:
    key = {"Idempotency-Key": "once"}
    first = shop.post(SYNC, json=body(), headers=key)
    again = shop.post(SYNC, json=body(), headers=key)
    assert first.json() == again.json()
    assert len(carrier.labels) == 1


def test_erasing_the_customer_erases_the_return(shop: TestClient) -> None:
    made = post(shop, from_address=to_address(email="noor@example.com")).json()
    answer = shop.post("/api/packhouse/persons/erase", json={"email": "noor@example.com"})
    assert answer.status_code == 200, answer.text
    shown = shop.get(f"{URL}/{made['return_id']}").json()
    assert "noor" not in json.dumps(shown).lower()
    assert "leaks" not in json.dumps(shown)
    assert shown["to_address"]["company_name"] == "West BV"
