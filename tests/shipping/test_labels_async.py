"""POST /orders/create-labels-async, and what the worker makes of it: at least once, and never a label twice."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import FakeCarrier, Watch, push
from tests.statements import recording

URL = "/api/v3/orders/create-labels-async"
Work = Callable[..., int]


def call(client: TestClient, *orders: Any, **changes: Any) -> Any:
    return client.post(URL, json={"integration_id": make.SHOP, "orders": list(orders), **changes})


def read(client: TestClient, shipment_id: str) -> Any:
    return client.get(f"/api/v3/shipments/{shipment_id}").json()["data"]


def status(client: TestClient, shipment_id: str) -> list[str]:
    return [parcel["status"]["code"] for parcel in read(client, shipment_id)["parcels"]]


def test_labels_are_made_by_the_worker(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    for n in range(3):
        push(shop, f"o-{n}")
    answer = call(shop, *({"order_id": f"o-{n}"} for n in range(3)))
    assert answer.status_code == 202, answer.text
    labels = answer.json()["data"]
    assert [label["order_id"] for label in labels] == ["o-0", "o-1", "o-2"]
    assert carrier.asked == []
    for label in labels:
        assert label["parcels_ids"] == [label["parcel_id"]]
        assert status(shop, label["shipment_id"]) == ["ANNOUNCING"]
    work()
    for label in labels:
        [parcel] = read(shop, label["shipment_id"])["parcels"]
        assert parcel["status"] == {"code": "READY_TO_SEND", "message": "Ready to send"}
        assert parcel["tracking_number"] == f"FAKE{label['parcel_id']}"
        assert [document["document_type"] for document in parcel["documents"]] == ["label"]
        assert parcel["announced_at"]
    assert sorted(c.reference for c in carrier.asked) == sorted(label["shipment_id"] for label in labels)


@pytest.mark.parametrize("name", ["order_id", "order_number"])
def test_twenty_take_as_many_statements_as_one(shop: TestClient, name: str) -> None:
    for n in range(22):
        push(shop, f"o-{n}")
    orders = [{name: f"o-{n}" if name == "order_id" else f"N-o-{n}"} for n in range(22)]
    assert len(call(shop, orders[0]).json()["data"]) == 1  # the first one finds its tables
    told = []
    for some in (orders[1:2], orders[2:]):
        with recording() as statements:
            assert len(call(shop, *some).json()["data"]) == len(some)
        # The server looks at how far the jobs are, now and then.
        told.append([sent[:40] for sent in statements if not (sent.startswith("SELECT") and "FROM jobs" in sent)])
    assert told[0] == told[1]
    assert len(told[0]) <= 12


def test_each_order_succeeds_or_fails_by_itself(shop: TestClient) -> None:
    push(shop, "good")
    shop.post("/api/v3/orders", json=[make.order("homeless")])
    answer = call(shop, {"order_id": "good"}, {"order_id": "none"}, {"order_id": "homeless"})
    assert answer.status_code == 202
    assert [label["order_id"] for label in answer.json()["data"]] == ["good"]
    assert [(e["status"], e["code"], e["source"]["pointer"]) for e in answer.json()["errors"]] == [
        ("404", "not_found", "/data/attributes/orders/[1]"),
        ("400", "validation_error", "/data/attributes/orders/[2]"),
    ]


def test_between_1_and_20_orders(shop: TestClient) -> None:
    for n in range(21):
        push(shop, f"o-{n}")
    every = [{"order_id": f"o-{n}"} for n in range(21)]
    for orders in ([], every, [every[0], every[0]]):
        answer = call(shop, *orders)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["source"]["pointer"].startswith("/data/attributes/orders")
    assert shop.get("/api/v3/shipments").json() == {"data": []}
    assert len(call(shop, *every[:20]).json()["data"]) == 20


def test_a_refusal_of_the_carrier_is_in_the_shipment(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    push(shop)
    [label] = call(shop, {"order_id": "o-1"}).json()["data"]
    carrier.mood = "strict"
    work()
    shipment = read(shop, label["shipment_id"])
    assert [error["code"] for error in shipment["errors"]] == ["parcel_announcement_error"]
    assert status(shop, label["shipment_id"]) == ["ANNOUNCEMENT_FAILED"]


def test_a_carrier_that_is_away_is_asked_again(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    push(shop)
    [label] = call(shop, {"order_id": "o-1"}).json()["data"]
    carrier.mood = "away"
    waits = 0
    for _ in range(4):
        work()
        assert status(shop, label["shipment_id"]) == ["ANNOUNCING"]
        asked = len(carrier.asked)
        work()
        waits += len(carrier.asked) == asked  # not before its time
        watch.move(hours=1)
    assert waits == 4
    carrier.mood = "well"
    work()
    assert status(shop, label["shipment_id"]) == ["READY_TO_SEND"]


@pytest.mark.parametrize("is_sync", [True, False])
def test_a_label_that_was_made_is_neither_lost_nor_made_twice(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, is_sync: bool
) -> None:
    """The carrier makes the label, and before we have written it down the line breaks."""
    push(shop)
    carrier.mood = "dies after"
    if is_sync:
        answer = shop.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": "o-1"}})
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["code"] == "parcel_announcement_error"
    else:
        call(shop, {"order_id": "o-1"})
        work()
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shipment["id"] in carrier.labels
    assert status(shop, shipment["id"]) == ["ANNOUNCING"]
    carrier.mood = "well"
    watch.move(hours=2)
    work()
    assert status(shop, shipment["id"]) == ["READY_TO_SEND"]
    assert list(carrier.labels) == [shipment["id"]]
    [parcel] = read(shop, shipment["id"])["parcels"]
    assert parcel["tracking_number"] == carrier.labels[shipment["id"]].parcels[0].tracking_number
    assert len(parcel["documents"]) == 1


def test_a_caller_that_is_gone_is_taken_over(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    """Whoever asked is gone between the carrier's answer and our commit."""
    push(shop)
    carrier.mood = "cut off"
    with contextlib.suppress(BaseException):  # whatever the client makes of it
        shop.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": "o-1"}})
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert status(shop, shipment["id"]) == ["ANNOUNCING"]
    carrier.mood = "well"
    assert list(carrier.labels) != []
    watch.move(minutes=1)
    work()
    assert len(carrier.asked) == 1  # the caller could still be at it
    watch.move(minutes=5)
    work()
    [reference] = carrier.labels
    assert [c.reference for c in carrier.asked] == [reference, reference]
    assert status(shop, reference) == ["READY_TO_SEND"]


def test_several_parcels(shop: TestClient, carrier: FakeCarrier, work: Work) -> None:
    weight = {"weight": {"value": 250, "unit": "g"}}
    items = [make.item(item_id="tea", quantity=3, measurement=weight), make.item(name="Cup", item_id="cup", quantity=1)]
    push(shop, order_details={"order_items": items})
    parcels = [
        {"parcel_items": [{"item_id": "tea", "quantity": 2}]},
        {
            "parcel_items": [{"item_id": "tea", "quantity": 1}, {"item_id": "cup", "quantity": 1}],
            "weight": {"value": "2", "unit": "lbs"},
            "dimensions": {"length": "10", "width": "1", "height": "0.5", "unit": "in"},
        },
    ]
    [label] = call(shop, {"order_id": "o-1", "parcels": parcels}).json()["data"]
    assert len(label["parcels_ids"]) == 2
    assert label["parcel_id"] == label["parcels_ids"][0]
    work()
    first, second = read(shop, label["shipment_id"])["parcels"]
    assert first["weight"] == {"value": "0.500", "unit": "kg"}
    assert [(item["item_id"], item["quantity"]) for item in second["parcel_items"]] == [("tea", 1), ("cup", 1)]
    assert second["weight"] == {"value": "0.907", "unit": "kg"}
    assert second["dimensions"] == {"length": "25.40", "width": "2.54", "height": "1.27", "unit": "cm"}
    assert first["tracking_number"] != second["tracking_number"]
    assert len(carrier.labels) == 1


def test_parcels_that_do_not_add_up(shop: TestClient) -> None:
    """Shipped all the same, with a warning at the place."""
    weight = {"weight": {"value": 250, "unit": "g"}}
    tea = make.item(name="Tea", item_id="tea", quantity=3, measurement=weight)
    push(shop, order_details={"order_items": [tea, make.item(name="Bag", measurement=weight)]})
    parcels = [
        {"parcel_items": [{"item_id": "tea", "quantity": 1}], "weight": {"value": "0.2", "unit": "kg"}},
        {"parcel_items": [{"item_id": "tea", "quantity": 1}], "weight": {"value": "0.26", "unit": "kg"}},
    ]
    answer = call(shop, {"order_id": "o-1", "parcels": parcels})
    assert answer.status_code == 202
    told = {w["source"]["pointer"]: w["detail"] for w in answer.json()["meta"]["warnings"] if w["code"] == "invalid"}
    at = "/data/attributes/orders/[0]/parcels"
    assert told[f"{at}/0/weight"] == "The parcel weighs 0.200 kg according to the call, its items weigh 0.250 kg."
    assert f"{at}/1/weight" not in told
    left = [w["detail"] for w in answer.json()["meta"]["warnings"] if w["source"]["pointer"] == at]
    assert left == ["1 of Tea are not in any parcel.", "2 of Bag are not in any parcel."]


def test_fifty_parcels(shop: TestClient, work: Work) -> None:
    push(shop, order_details={"order_items": [make.item(item_id="tea", quantity=50)]})
    parcels = [{"parcel_items": [{"item_id": "tea", "quantity": 1}]}] * 50
    [label] = call(shop, {"order_id": "o-1", "parcels": parcels}).json()["data"]
    work()
    found = read(shop, label["shipment_id"])["parcels"]
    assert [parcel["id"] for parcel in found] == label["parcels_ids"]
    assert len({parcel["tracking_number"] for parcel in found}) == 50


def test_more_than_was_ordered(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop, order_details={"order_items": [make.item(item_id="tea", quantity=3)]})
    parcels = [
        {"parcel_items": [{"item_id": "tea", "quantity": 2}]},
        {"parcel_items": [{"item_id": "tea", "quantity": 2}]},
    ]
    strange = [{"parcel_items": [{"item_id": "cake", "quantity": 1}]}]
    answer = call(shop, {"order_id": "o-1", "parcels": parcels}, {"order_number": "N-o-1", "parcels": strange})
    assert answer.status_code == 400
    assert [error["source"]["pointer"] for error in answer.json()["errors"]] == [
        "/data/attributes/orders/[0]/parcels/1/parcel_items/0/quantity",
        "/data/attributes/orders/[1]/parcels/0/parcel_items/0/item_id",
    ]
    assert shop.get("/api/v3/shipments").json() == {"data": []}
    for count in (0, 51):
        assert call(shop, {"order_id": "o-1", "parcels": parcels[:1] * count}).status_code == 400
    assert carrier.asked == []
