"""A label call that is sent again under its key: one shipment and one label, wherever the first one was cut off."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.carriers import Announcement, Consignment
from packhouse.kit.http import idempotency
from tests import make
from tests.conftest import OWNER
from tests.shipping.conftest import FakeCarrier, Open, Watch, push

Work = Callable[..., int]
SYNC, ASYNC = "/api/v3/orders/create-label-sync", "/api/v3/orders/create-labels-async"
ONE = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
SEVERAL = {"integration_id": make.SHOP, "orders": [{"order_id": "o-1"}]}
KEY = {"Idempotency-Key": "key-1"}


def list_shipments(client: TestClient) -> Any:
    return client.get("/api/v3/shipments").json()["data"]


class Gate(FakeCarrier):
    """Answers when it is told to, and says when it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    async def _wait(self) -> None:
        self.is_asked.set()
        await asyncio.to_thread(self.may_answer.wait)

    async def announce(self, consignment: Consignment, /) -> Announcement:
        await self._wait()
        return await super().announce(consignment)


def test_a_sync_call_is_answered_the_same_and_makes_one_label(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    first = shop.post(SYNC, json=ONE, headers=KEY)
    again = shop.post(SYNC, json=ONE, headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (len(list_shipments(shop)), len(carrier.asked)) == (1, 1)


def test_an_async_call_is_answered_the_same_and_makes_one_label(
    shop: TestClient, carrier: FakeCarrier, work: Work
) -> None:
    push(shop)
    first = shop.post(ASYNC, json=SEVERAL, headers=KEY)
    work()
    again = shop.post(ASYNC, json=SEVERAL, headers=KEY)
    work()
    assert (first.status_code, again.content) == (202, first.content)
    assert (len(list_shipments(shop)), len(carrier.asked)) == (1, 1)


@pytest.mark.parametrize("is_idempotent", [True, False])
def test_a_call_that_was_cut_off_after_the_carrier_answered(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, is_idempotent: bool
) -> None:
    """Nobody knows whether the carrier made a label: who sends the call again gets the shipment that was made."""
    push(shop)
    carrier.is_idempotent, carrier.mood = is_idempotent, "cut off"
    assert shop.post(SYNC, json=ONE, headers=KEY).status_code == 500
    carrier.mood = "well"
    watch.move(minutes=3)
    again = shop.post(SYNC, json=ONE, headers=KEY)
    [shipment] = list_shipments(shop)
    assert len(carrier.labels) == 1
    if not is_idempotent:  # asked once: the shipment says so
        assert (again.status_code, len(carrier.asked)) == (400, 1)
        assert shipment["id"].replace("-", "") in again.json()["errors"][0]["detail"]
        return
    assert again.status_code == 201, again.text
    assert again.json()["data"]["shipment_id"] == shipment["id"]
    assert shipment["parcels"][0]["status"]["code"] == "READY_TO_SEND"
    assert shop.post(SYNC, json=ONE, headers=KEY).content == again.content


def test_a_repeat_of_a_call_that_is_under_way(
    open_shop: Open, shop: TestClient, watch: Watch, carrier: FakeCarrier
) -> None:
    push(shop)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(shop.post(SYNC, json=ONE, headers=KEY)))
    first.start()
    assert isinstance(carrier, Gate)
    assert carrier.is_asked.wait(60)
    other = open_shop()
    repeat = other.post(SYNC, json=ONE, headers=KEY)
    assert (repeat.status_code, repeat.headers.get("retry-after")) == (409, "1")
    assert repeat.json()["errors"][0]["source"] == {"header": "Idempotency-Key"}
    assert other.post(SYNC, json={**ONE, "order": {"order_id": "o-2"}}, headers=KEY).status_code == 409
    assert "retry-after" not in other.post(SYNC, json={**ONE, "order": {"order_id": "o-2"}}, headers=KEY).headers
    watch.move(seconds=idempotency.LEASE.total_seconds() - 1)
    assert other.post(SYNC, json=ONE, headers=KEY).status_code == 409
    carrier.may_answer.set()
    first.join(60)
    assert answers[0].status_code == 201
    assert other.post(SYNC, json=ONE, headers=KEY).content == answers[0].content
    assert len(list_shipments(shop)) == 1


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def carrier(request: pytest.FixtureRequest) -> FakeCarrier:
    gated = "under_way" in request.node.name or "lease" in request.node.name
    return request.getfixturevalue("gate") if gated else FakeCarrier()


def test_after_its_lease_a_call_is_taken_over(
    open_shop: Open, shop: TestClient, watch: Watch, carrier: FakeCarrier
) -> None:
    """The first one hangs, as if it had been killed; what it answers at last changes nothing."""
    push(shop)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(shop.post(SYNC, json=ONE, headers=KEY)))
    first.start()
    assert isinstance(carrier, Gate)
    assert carrier.is_asked.wait(60)
    other = open_shop()
    watch.move(seconds=idempotency.LEASE.total_seconds() + 1)
    carrier.may_answer.set()
    second = other.post(SYNC, json=ONE, headers=KEY)
    first.join(60)
    assert second.status_code == 201, second.text
    assert second.json()["data"]["shipment_id"] == answers[0].json()["data"]["shipment_id"]
    assert len(list_shipments(shop)) == len(carrier.labels) == 1
    assert other.post(SYNC, json=ONE, headers=KEY).content == second.content


def test_a_cancellation_is_answered_the_same(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    id = shop.post(SYNC, json=ONE).json()["data"]["shipment_id"]
    first = shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY)
    again = shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY)
    assert (first.status_code, again.status_code, again.content) == (200, 200, first.content)
    assert len(carrier.cancelled) == 1
    assert shop.post(f"/api/v3/shipments/{id}/cancel").status_code == 409
    other = shop.post(SYNC, json=ONE).json()["data"]["shipment_id"]
    assert shop.post(f"/api/v3/shipments/{other}/cancel", headers=KEY).status_code == 409  # another path


def test_a_cancellation_that_the_carrier_refuses_is_refused_again(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    id = shop.post(SYNC, json=ONE).json()["data"]["shipment_id"]
    carrier.mood = "strict"
    first = shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY)
    carrier.mood = "well"
    again = shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY)
    assert (first.status_code, again.status_code, again.content) == (409, 409, first.content)
    assert carrier.cancelled == []


def test_a_cancellation_that_was_cut_off_goes_on(
    shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(shop)
    id = shop.post(SYNC, json=ONE).json()["data"]["shipment_id"]

    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(carrier, "cancel", die)
        assert shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY).status_code == 500
    watch.move(minutes=3)
    work()  # the worker has done it meanwhile
    assert (asked := len(carrier.cancelled)) > 0
    again = shop.post(f"/api/v3/shipments/{id}/cancel", headers=KEY)
    assert (again.status_code, len(carrier.cancelled)) == (200, asked)


def test_without_a_key_a_second_label_is_a_warning(shop: TestClient, carrier: FakeCarrier) -> None:
    push(shop)
    first, second = (shop.post(SYNC, json=ONE) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    warning = "1 live shipment(s) already; this is one more"
    assert (warning in first.text, warning in second.text) == (False, True)
    assert len(carrier.labels) == 2


def test_another_account_may_have_the_same_key(shop: TestClient) -> None:
    push(shop)
    assert shop.post(SYNC, json=ONE, headers=KEY, auth=OWNER).status_code == 201
    stranger = shop.post(SYNC, json=ONE, headers=KEY, auth=("stranger-public", "stranger-secret"))
    assert stranger.status_code == 400  # its own answer: it has no such shop
    assert "does not exist" in stranger.text
