"""Parcels that were made elsewhere, and what has happened to parcels."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import TrackingEvent
from tests import make
from tests.conftest import STRANGER, STRANGERS_SHOP
from tests.contract import shapes
from tests.shipping.conftest import FakeCarrier, Watch, push

URL = "/api/v3/parcels/tracking"
Work = Callable[..., int]


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier(has_tracking=True)


def body(**changes: Any) -> dict[str, Any]:
    return {
        "announced_at": "2026-10-01T08:00:00Z",
        "from_address": {"country_code": "NL", "postal_code": "3511 AB"},
        "to_address": {
            "country_code": "DE",
            "postal_code": "10115",
            "name": "Noor Janssen",
            "email": "noor@example.com",
        },
        "ship_with": {"type": "contract", "properties": {"contract_id": 999}},
        "shipment": {"source_id": "s-1", "order": {"source_id": "o-9", "order_number": "N-9"}},
        "source_id": "p-1",
        "tracking_number": {"carrier_code": "fake", "tracking_number": "FAKE-7", "tracking_url": "https://t.example/7"},
        **changes,
    }


def follow(client: TestClient, **changes: Any) -> Any:
    return client.post(URL, json=body(**changes))


def test_a_parcel_made_elsewhere_is_followed(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    answer = follow(shop)
    assert answer.status_code == 200, answer.text
    assert shapes.find_errors("parcels", "post", "/parcels/tracking", answer) == []
    made = answer.json()
    assert (made["created"], made["source_id"], made["ship_with"]) == (True, "p-1", body()["ship_with"])
    assert made["to_address"] == body()["to_address"]
    at = watch.at - timedelta(hours=2)
    carrier.events = [TrackingEvent("FAKE-7", 91, "On its way", at), TrackingEvent("FAKE-7", 11, "Here", watch.at)]
    work()
    assert carrier.looks == 1
    found = shop.get(f"{URL}/FAKE-7")
    assert shapes.find_errors("parcels", "get", "/parcels/tracking/{tracking_number}", found) == []
    seen = [(event["status_code"], event["status_description"]) for event in found.json()["events"]]
    assert seen == [("announced", "Announced"), ("in_transit", "On its way"), ("delivered", "Here")]
    assert found.json()["events"][0]["event_at"].startswith("2026-10-01T08:00:00")
    watch.move(days=1)
    work()
    assert carrier.looks == 1  # it has arrived


def test_a_number_is_known_once(shop: TestClient) -> None:
    assert follow(shop).status_code == 200
    again = follow(shop, source_id="p-2")
    assert shapes.find_errors("parcels", "post", "/parcels/tracking", again) == []
    assert (again.status_code, again.json()["detail"]) == (409, again.json()["errors"][0]["detail"])
    push(shop)
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    label = shop.post("/api/v3/orders/create-label-sync", json=call).json()["data"]
    number = {"carrier_code": "fake", "tracking_number": label["tracking_number"]}
    assert follow(shop, tracking_number=number).status_code == 409
    shop.auth = STRANGER
    assert shop.get(f"{URL}/FAKE-7").status_code == 404


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("changes", "code", "place"),
    [
        (
            {"tracking_number": {"carrier_code": "dhl", "tracking_number": "1"}},
            "validation_error",
            "tracking_number/carrier_code",
        ),
        (
            {"tracking_number": {"carrier_code": "house", "tracking_number": "1"}},
            "validation_error",
            "tracking_number/carrier_code",
        ),
        (
            {"to_address": {"country_code": "DE", "postal_code": "1", "street": "x"}},
            "unknown_field",
            "to_address/street",
        ),
        ({"from_address": {"country_code": "NL"}}, "invalid", "from_address/postal_code"),
        ({"details": {"integration_id": STRANGERS_SHOP}}, "invalid", "details/integration_id"),
    ],
)
def test_what_cannot_be_followed_is_said(shop: TestClient, changes: Any, code: str, place: str) -> None:
    answer = follow(shop, **changes)
    assert answer.status_code == 400, answer.text
    [fault] = answer.json()["errors"]
    assert (fault["code"], fault["source"]["pointer"]) == (code, f"/data/attributes/{place}")
    assert shop.get(f"{URL}/1").status_code == 404


@pytest.mark.one_database
def test_without_a_contract_nobody_is_asked(open_shop: Callable[..., TestClient]) -> None:
    answer = follow(open_shop())
    assert "no contract" in answer.json()["errors"][0]["detail"]


@pytest.mark.one_database
def test_it_is_no_shipment_of_the_account(shop: TestClient) -> None:
    follow(shop)
    assert shop.get("/api/v3/shipments").json()["data"] == []
    assert shop.get("/api/v2/parcels").json()["parcels"] == []
    assert shop.post("/api/v3/parcels/1/cancel").status_code == 409


def test_events_of_a_time_keep_the_carriers_order(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    follow(shop)
    codes = (3, 7, 91, 92)
    carrier.events = [TrackingEvent("FAKE-7", code, "", watch.at - timedelta(hours=1)) for code in codes]
    work()
    words = [event["status_description"] for event in shop.get(f"{URL}/FAKE-7").json()["events"]]
    assert words == ["Announced", "En route to sorting center", "Being sorted", "Parcel en route", "Driver en route"]


def test_erasing_takes_the_carriers_words(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    follow(shop)
    carrier.events = [TrackingEvent("FAKE-7", 11, "Handed to Noor", watch.at)]
    work()
    assert "Noor" in shop.get(f"{URL}/FAKE-7").text
    answer = shop.post("/api/packhouse/persons/erase", json={"email": "noor@example.com"})
    assert answer.status_code == 200, answer.text
    shown = shop.get(f"{URL}/FAKE-7")
    assert shown.status_code == 200
    assert "oor" not in shown.text.replace("floor", "")
