"""Parcels by themselves, in version 3 and for clients that read version 2."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.shipping import statuses
from tests import make
from tests.conftest import STRANGER
from tests.contract import shapes
from tests.shipping.conftest import FakeCarrier, push


def ship(client: TestClient) -> Any:
    push(client)
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    return client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]


@pytest.mark.one_database
def test_all_statuses_are_listed(client: TestClient) -> None:
    answer = client.get("/api/v3/parcels/statuses")
    assert shapes.find_errors("parcels", "get", "/parcels/statuses", answer) == []
    rows = answer.json()["data"]
    assert len(rows) == 35
    assert {"code": "TO_SORTING", "message": "En route to sorting center"} in rows
    assert len({row["code"] for row in rows}) == len({status.number for status in statuses.ALL}) == 35


def test_a_parcel_is_tracked_by_its_number(shop: TestClient) -> None:
    label = ship(shop)
    url = f"/api/v3/parcels/tracking/{label['tracking_number']}"
    answer = shop.get(url)
    assert shapes.find_errors("parcels", "get", "/parcels/tracking/{tracking_number}", answer) == []
    seen = [(event["event_type"], event["status_code"]) for event in answer.json()["events"]]
    assert seen == [("internal", "announcing"), ("internal", "ready_to_send")]
    path = f"/api/packhouse/parcels/{label['parcel_id']}/status"
    moved = shop.post(path, json={"status": "delivered"}).json()["data"]["status"]
    assert moved == {"code": "DELIVERED", "message": "Delivered"}
    *before, event = shop.get(url).json()["events"]
    assert before == answer.json()["events"]
    assert (event["event_type"], event["status_code"], event["status_description"]) == (
        "carrier",
        "delivered",
        "Delivered",
    )
    for number in ("NOBODYS", "a%00b", "x" * 300):
        missing = shop.get(f"/api/v3/parcels/tracking/{number}")
        assert shapes.find_errors("parcels", "get", "/parcels/tracking/{tracking_number}", missing) == []
        assert missing.json()["errors"][0]["code"] == "not_found"
    shop.auth = STRANGER
    assert shop.get(url).status_code == 404


def test_a_parcel_is_cancelled_with_its_shipment(shop: TestClient, carrier: FakeCarrier) -> None:
    label = ship(shop)
    url = f"/api/v3/parcels/{label['parcel_id']}/cancel"
    answer = shop.post(url)
    assert (answer.status_code, answer.json()["data"]["status"]) == (200, "cancelled")
    assert len(carrier.cancelled) == 1
    assert shop.post(url).status_code == 409
    assert shop.post("/api/v3/parcels/99999/cancel").status_code == 404


def test_filters_take_the_word_and_the_number(shop: TestClient) -> None:
    label = ship(shop)
    for status in ("READY_TO_SEND", "ready_to_send", "1000"):
        found = shop.get("/api/v3/shipments", params={"parcel_status": status}).json()["data"]
        assert [shipment["id"] for shipment in found] == [label["shipment_id"]]
        assert found[0]["parcels"][0]["status"] == {"code": "READY_TO_SEND", "message": "Ready to send"}
    assert shop.get("/api/v3/shipments", params={"parcel_status": "DELIVERED"}).json()["data"] == []


def test_version_2_reads_the_same_parcels(shop: TestClient) -> None:
    label = ship(shop)
    id = label["parcel_id"]
    parcel = shop.get(f"/api/v2/parcels/{id}").json()["parcel"]
    assert parcel["status"] == {"id": 1000, "message": "Ready to send"}
    assert (parcel["order_number"], parcel["tracking_number"]) == ("N-o-1", label["tracking_number"])
    assert parcel["address"] == "Keizersgracht 12"
    assert parcel["country"] == {"iso_2": "NL"}
    page = shop.get("/api/v2/parcels?limit=1").json()
    assert page["parcels"] == [parcel]
    assert (page["next"], page["previous"]) == (None, None)
    ship(shop)
    following = shop.get("/api/v2/parcels?limit=1").json()["next"]
    assert shop.get(following).json()["parcels"] == [parcel]
    assert len(shop.get("/api/v2/parcels?order_number=N-o-1").json()["parcels"]) == 2
    assert shop.get("/api/v2/parcels?parcel_status=2000").json()["parcels"] == []
    shown = shop.get(f"/api/v2/labels/{id}").json()["label"]
    assert shop.get(shown["label_printer"]).content.startswith(b"%PDF")
    assert len(shown["normal_printer"]) == 4
    assert shop.get("/api/v2/parcels/99999").status_code == 404
    assert shop.get("/api/v2/parcels?limit=0").status_code == 400
    for method, path in (("POST", "/api/v2/parcels"), ("GET", "/api/v2/orders"), ("GET", "/api/v2/shipping_methods")):
        assert shop.request(method, path).status_code == 404, path
    shop.auth = STRANGER
    assert shop.get(f"/api/v2/parcels/{id}").status_code == 404
    assert shop.get("/api/v2/parcels").json()["parcels"] == []
