"""Settings by HTTP: receivers, what they hear of, what they were told, and telling it again."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER
from tests.web.test_settings import send, stored
from tests.webhooks.conftest import Receiver, receive

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

__all__ = ["receive"]

Person = Callable[..., TestClient]
ADD = "/settings/webhooks"


@pytest.fixture
def receiver(receive: Callable[..., Receiver]) -> Receiver:
    return receive()


@pytest.fixture
def page(person: Person) -> TestClient:
    return person(secret_key="a key for these tests, long enough", webhooks_allow_private=True)


def connections(client: TestClient) -> Any:
    return client.get("/api/v3/event-subscriptions/connections").json()["data"]


def subscriptions(client: TestClient) -> Any:
    return client.get("/api/v3/event-subscriptions/subscriptions").json()["data"]


def test_a_receiver_is_added_with_what_it_hears_of(page: TestClient, client: TestClient, receiver: Receiver) -> None:
    refused = send(page, ADD, **{"configuration/url": "nowhere", "token": "hunter2"})
    assert refused.status_code == 422
    assert 'class="told fault"' in refused.text
    assert "hunter2" not in refused.text
    fields = {"configuration/url": receiver.url, "events": ["orders.order.created"], "token": "hunter2"}
    made = send(page, ADD, **fields)
    assert made.status_code == 200
    key = re.search(r'id="secret">([^<]+)<', made.text)
    assert key is not None
    [connection], [subscription] = connections(client), subscriptions(client)
    assert connection["configuration"]["authentication"]["type"] == "bearer"
    assert subscription["event_type"] == "orders.order.created"
    shown = page.get(ADD).text
    assert key[1] not in shown
    again = send(page, f"{ADD}/{connection['id']}/subscriptions", event_type="orders.order.created")
    assert "is subscribed to orders.order.created already" in again.text
    stored(send(page, f"{ADD}/{connection['id']}/subscriptions", event_type="orders.order.deleted"))
    assert len(subscriptions(client)) == 2
    stored(send(page, f"/settings/subscriptions/{subscription['id']}", is_active=""))
    assert [row["is_active"] for row in subscriptions(client)] == [False, True]
    stored(send(page, f"/settings/subscriptions/{subscription['id']}/delete"))
    assert [row["event_type"] for row in subscriptions(client)] == ["orders.order.deleted"]
    assert "/activate" not in page.get(ADD).text
    second = re.search(r'id="secret">([^<]+)<', send(page, f"{ADD}/{connection['id']}/rotate").text)
    assert second is not None
    keys = f"/api/packhouse/event-subscriptions/connections/{connection['id']}/signing-key"
    known = page.get(keys, auth=OWNER).json()["data"]
    assert (known["signing_key"], known["next_signing_key"]) == (key[1], second[1])
    waits = page.get(ADD).text
    assert f"{ADD}/{connection['id']}/activate" in waits
    assert "A next signing key waits." in waits
    stored(send(page, f"{ADD}/{connection['id']}/activate"))
    assert page.get(keys, auth=OWNER).json()["data"]["signing_key"] == second[1]
    assert "/activate" not in page.get(ADD).text
    stored(send(page, f"{ADD}/{connection['id']}/resume"))
    stored(send(page, f"{ADD}/{connection['id']}/delete"))
    assert (connections(client), subscriptions(client)) == ([], [])


def test_an_address_inside_a_network_is_refused(person: Person) -> None:
    refused = send(person(), ADD, **{"configuration/url": "http://127.0.0.1:1/x"})
    assert refused.status_code == 422
    assert "address is private" in refused.text


def test_a_test_is_sent_and_its_answer_shown(page: TestClient, client: TestClient, receiver: Receiver) -> None:
    send(page, ADD, **{"configuration/url": receiver.url, "events": ["orders.order.created"]})
    [subscription] = subscriptions(client)
    receiver.status = 418
    assert "answered 418" in send(page, f"/settings/subscriptions/{subscription['id']}/test").text
    assert len(receiver.received) == 1


def test_a_delivery_is_seen_and_sent_again(
    page: TestClient, receiver: Receiver, person: Person, do_jobs: Callable[..., None]
) -> None:
    send(page, ADD, **{"configuration/url": receiver.url, "events": ["orders.order.created"]})
    receiver.status, receiver.answer = 500, b"<b>broken</b>"
    page.post("/api/v3/orders", json=[make.order()], auth=OWNER)
    with_worker = {"secret_key": "a key for these tests, long enough", "webhooks_allow_private": True}
    do_jobs(**with_worker)
    assert len(receiver.received) == 1
    listed = page.get("/settings/deliveries").text
    found = re.search(r'href="(/settings/deliveries/\d+)"', listed)
    assert found is not None
    assert "orders.order.created" in listed
    one = page.get(found[1]).text
    assert "&lt;b&gt;broken&lt;/b&gt;" in one
    assert "500" in one
    receiver.status = 200
    stored(send(page, f"{found[1]}/replay"))
    do_jobs(**with_worker)
    assert len(receiver.received) == 2
    assert json.loads(receiver.received[1].body)["id"] == json.loads(receiver.received[0].body)["id"]
    assert "orders.order.created" in page.get("/settings/deliveries?status=delivered").text
    assert "Nothing was told." in page.get("/settings/deliveries?status=failed&cursor=nonsense").text
    assert person("stranger@example.org").get(found[1]).status_code == 404
