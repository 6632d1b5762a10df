import base64
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.webhooks.schema import EVENTS
from tests import make
from tests.webhooks.conftest import BROADCAST, CONNECTIONS, SUBSCRIPTIONS, Receiver, connect, deliveries_of

URL = "https://hooks.example.com/in"


def subscribe(client: TestClient, connection: int, event: str, **more: Any) -> Any:
    return client.post(SUBSCRIPTIONS, json={"connection_id": connection, "event_type": event, **more})


def test_a_subscription_is_made_listed_read_changed_and_deleted(working: Callable[..., TestClient]) -> None:
    client = working()
    connection = connect(client, URL)["id"]
    answer = subscribe(client, connection, "parcels.event.created")
    assert answer.status_code == 201
    made = answer.json()["data"]
    assert (made["connection_id"], made["event_type"], made["is_active"]) == (connection, "parcels.event.created", True)
    path = f"{SUBSCRIPTIONS}/{made['id']}"
    assert client.get(path).json() == {"data": made}
    changed = client.patch(path, json={"is_active": False}).json()["data"]
    assert changed == {**made, "is_active": False, "updated_at": changed["updated_at"]}
    assert client.get(SUBSCRIPTIONS, params={"is_active": "false"}).json() == {"data": [changed]}
    assert client.get(SUBSCRIPTIONS, params={"is_active": "true"}).json() == {"data": []}
    assert client.get(SUBSCRIPTIONS, params={"event_type": "parcels.event.created"}).json() == {"data": [changed]}
    assert client.get(SUBSCRIPTIONS, params={"event_type": "orders.order.created"}).json() == {"data": []}
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == client.delete(path).status_code == 404


@pytest.mark.one_database
def test_what_is_refused(working: Callable[..., TestClient]) -> None:
    client = working()
    connection = connect(client, URL, "orders.order.created")["id"]
    pointer = {"pointer": "/data/attributes/connection_id"}
    again = subscribe(client, connection, "orders.order.created")
    assert (again.status_code, again.json()["errors"][0]["source"]) == (400, pointer)
    unknown = subscribe(client, 999, "orders.order.created")
    assert (unknown.status_code, unknown.json()["errors"][0]["source"]) == (400, pointer)
    assert subscribe(client, connection, "orders.order.eaten").status_code == 400
    assert client.get(SUBSCRIPTIONS, params={"is_active": "maybe"}).status_code == 400
    assert client.post(SUBSCRIPTIONS, json={}).status_code == 400


@pytest.mark.parametrize("event", EVENTS)
def test_a_test_broadcast_gives_back_what_the_receiver_answers(
    working: Callable[..., TestClient], receive: Callable[..., Receiver], event: str
) -> None:
    client, receiver = working(), receive(status=418, answer=b"I am a teapot")
    connect(client, receiver.url, event)
    id = client.get(SUBSCRIPTIONS).json()["data"][0]["id"]
    answer = client.post(f"{BROADCAST}/{id}")
    assert (answer.status_code, answer.json()) == (
        200,
        {"data": {"success": False, "status_code": 418, "response_body": "I am a teapot"}},
    )
    receiver.status = 204
    receiver.answer = b""
    assert client.post(f"{BROADCAST}/{id}").json()["data"] == {
        "success": True,
        "status_code": 204,
        "response_body": "",
    }
    assert [got.json["event_type"] for got in receiver.received] == [event, event]
    assert "sendcloud-signature" in receiver.received[0].headers
    assert deliveries_of(client) == []


def test_a_test_broadcast_says_why_there_is_no_answer(working: Callable[..., TestClient]) -> None:
    client = working()
    connect(client, "http://127.0.0.1:9/", "orders.order.created")
    id = client.get(SUBSCRIPTIONS).json()["data"][0]["id"]
    answer = client.post(f"{BROADCAST}/{id}")
    assert (answer.status_code, answer.json()) == (200, {"data": {"success": False, "response_body": "ConnectError"}})


def test_orders_tell_what_happened_to_them(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, "orders.order.created", "orders.order.updated", "orders.order.deleted")
    id = client.post("/api/v3/orders", json=[make.order()]).json()["data"][0]["id"]
    receiver.wait_for(1)
    client.post("/api/v3/orders", json=[make.key(status={"code": "packed", "message": "Packed"})])
    receiver.wait_for(2)
    client.post("/api/v3/orders", json=[make.key(status={"code": "packed", "message": "Packed"})])  # nothing changed
    client.patch(f"/api/v3/orders/{id}", json={"order_number": "N-2"})
    receiver.wait_for(3)
    client.delete(f"/api/v3/orders/{id}")
    got = [received.json for received in receiver.wait_for(4)]
    assert [event["event_type"].rpartition(".")[2] for event in got] == ["created", "updated", "updated", "deleted"]
    order = got[3]["data"]["order"]
    assert (order["id"], order["order_id"], order["order_number"], order["integration_id"]) == (id, "o-1", "N-2", 1)
    assert [event["data"]["order"]["status"]["code"] for event in got] == ["unfulfilled", "packed", "packed", "packed"]
    assert "Ada" not in str(got)
    assert len({event["id"] for event in got}) == 4
    assert all(isinstance(event["timestamp"], int) for event in got)


def test_only_active_subscriptions_of_the_kind_are_told(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, "orders.order.deleted", "orders.order.created")
    for row in client.get(SUBSCRIPTIONS).json()["data"]:
        if row["event_type"] == "orders.order.created":
            client.patch(f"{SUBSCRIPTIONS}/{row['id']}", json={"is_active": False})
    id = client.post("/api/v3/orders", json=[make.order()]).json()["data"][0]["id"]
    client.delete(f"/api/v3/orders/{id}")
    receiver.wait_for(1)
    assert [row["event_type"] for row in deliveries_of(client)] == ["orders.order.deleted"]


def test_where_nobody_listens_nothing_is_written(client: TestClient) -> None:
    client.post("/api/v3/orders", json=[make.order()])
    assert deliveries_of(client) == []


@pytest.mark.one_database
@pytest.mark.parametrize("path", [CONNECTIONS, SUBSCRIPTIONS, "/api/packhouse/deliveries"])
def test_nobody_comes_in_without_credentials(client: TestClient, path: str) -> None:
    wrong = {"Authorization": "Basic " + base64.b64encode(b"a:b").decode()}
    assert client.get(path, auth=("a", "b"), headers=wrong).status_code == 401
