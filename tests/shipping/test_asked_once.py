"""A carrier that makes a second label when it is asked again: it is asked once, and a person is told where its answer
is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import FakeCarrier, Watch, push

Work = Callable[..., int]
LATER = {"integration_id": make.SHOP, "orders": [{"order_id": "o-1"}]}
NOW = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}


@pytest.fixture
def carrier() -> FakeCarrier:
    return FakeCarrier(is_idempotent=False)


def order_label(shop: TestClient) -> str:
    push(shop)
    [label] = shop.post("/api/v3/orders/create-labels-async", json=LATER).json()["data"]
    return str(label["shipment_id"])


def read(shop: TestClient, id: str) -> Any:
    return shop.get(f"/api/v3/shipments/{id}").json()["data"]


def code(shop: TestClient, id: str) -> str:
    return str(read(shop, id)["parcels"][0]["status"]["code"])


def check_told(shop: TestClient, id: str) -> None:
    """The reference is what the carrier was told; the order may be shipped again."""
    found = read(shop, id)
    assert found["parcels"][0]["status"] == {"code": "ANNOUNCEMENT_FAILED", "message": "Announcement failed"}
    [fault] = found["errors"]
    assert fault["code"] == "parcel_announcement_error"
    assert "Fake Carrier was asked for a label and its answer was lost" in fault["detail"]
    assert id.replace("-", "") in fault["detail"]


def test_a_worker_that_dies_over_a_label_asks_for_no_second(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    id = order_label(shop)
    carrier.mood = "cut off"
    work()
    assert (code(shop, id), len(carrier.asked)) == ("ANNOUNCING", 1)
    carrier.mood = "well"
    watch.move(seconds=60)  # whoever asked may be at it still
    work()
    assert (code(shop, id), len(carrier.asked)) == ("ANNOUNCING", 1)
    watch.move(minutes=5)
    work()
    assert len(carrier.asked) == 1
    check_told(shop, id)


def test_an_answer_that_is_lost_on_its_way(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    id = order_label(shop)
    carrier.mood = "dies after"
    work()
    check_told(shop, id)
    carrier.mood = "well"
    watch.move(hours=2)
    work()
    assert len(carrier.asked) == 1
    check_told(shop, id)
    again = shop.post("/api/v3/orders/create-label-sync", json=NOW)  # a person has looked, and wants one
    assert again.status_code == 201, again.text
    assert len(carrier.asked) == 2


def test_a_question_that_nobody_heard_is_asked_again(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    id = order_label(shop)
    carrier.mood = "away"
    for _ in range(3):
        work()
        watch.move(minutes=1)
    assert (code(shop, id), len(carrier.asked)) == ("ANNOUNCING", 3)
    carrier.mood = "well"
    work()
    assert (code(shop, id), len(carrier.asked)) == ("READY_TO_SEND", 4)


def test_a_sync_call_is_answered_with_what_is_not_known(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    carrier.mood = "dies after"
    answer = shop.post("/api/v3/orders/create-label-sync", json=NOW)
    assert answer.status_code == 400
    [fault] = answer.json()["errors"]
    assert "its answer was lost" in fault["detail"]
    assert len(carrier.asked) == 1


def test_what_is_cancelled_while_its_answer_is_lost_is_not_asked_for(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work
) -> None:
    id = order_label(shop)
    carrier.mood = "cut off"
    work()
    assert shop.post(f"/api/v3/shipments/{id}/cancel").status_code in (200, 202)
    carrier.mood = "well"
    watch.move(minutes=5)
    work()
    found = read(shop, id)
    assert found["parcels"][0]["status"]["code"] == "CANCELLED"
    assert "its answer was lost" in found["errors"][0]["detail"]
    assert len(carrier.asked) == 1
