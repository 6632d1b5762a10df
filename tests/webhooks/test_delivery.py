import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.webhooks.outcomes import RetryPolicy
from tests import make
from tests.concurrency.served import wait_until
from tests.conftest import OWNER
from tests.webhooks.conftest import CONNECTIONS, DELIVERIES, Receiver, connect, deliveries_of, wait_for_status

CREATED = "orders.order.created"


def order_of(received: Any) -> str:
    return str(received.json["data"]["order"]["order_id"])


def test_a_delivery_is_kept_with_what_was_sent_and_answered(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive(answer=b"x" * 5000)
    connection = connect(client, receiver.url, CREATED)["id"]
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    [row] = deliveries_of(client)
    found = wait_for_status(client, row["id"], "delivered")
    assert found["body"].encode() == got.body
    assert found["answer"] == "x" * 4096
    assert (found["status_code"], found["attempts"], found["error"], found["due_at"]) == (200, 1, None, None)
    assert (found["connection_id"], found["integration_id"], found["event_type"]) == (connection, 1, CREATED)
    assert found["message_id"] == got.json["id"]


def test_one_that_fails_is_tried_ten_times_more_under_one_id_and_then_given_up(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive(status=500, answer=b"no")
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order()])
    [row] = deliveries_of(client)
    found = wait_for_status(client, row["id"], "failed")
    assert (found["attempts"], found["status_code"], found["answer"], found["due_at"]) == (11, 500, "no", None)
    assert len(receiver.received) == 11
    assert {got.body for got in receiver.received} == {receiver.received[0].body}
    assert {got.headers["packhouse-delivery"] for got in receiver.received} == {found["message_id"]}
    assert [got.headers["packhouse-attempt"] for got in receiver.received] == [str(n) for n in range(1, 12)]
    assert [row["id"] for row in deliveries_of(client, status="failed")] == [found["id"]]


def test_the_waits_are_those_of_the_contract() -> None:
    waits = [RetryPolicy().find_wait(attempts) for attempts in range(1, 12)]
    minutes = [wait and wait.total_seconds() / 60 for wait in waits]
    assert minutes == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, None]


@pytest.mark.parametrize("status", [301, 302, 307, 404, 503])
def test_a_redirect_is_not_followed_and_nothing_but_2xx_counts(
    working: Callable[..., TestClient], receive: Callable[..., Receiver], status: int
) -> None:
    client, elsewhere = working(webhooks_first_wait_seconds=60, webhooks_longest_wait_seconds=60), receive()
    receiver = receive(status=status, headers={"Location": elsewhere.url})
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order()])
    receiver.wait_for(1)
    [row] = deliveries_of(client)
    wait_until(lambda: bool(client.get(f"{DELIVERIES}/{row['id']}").json()["data"]["attempts"]))
    [row] = deliveries_of(client, status="pending")
    assert (row["status_code"], row["attempts"]) == (status, 1)
    assert row["due_at"] > row["attempted_at"]
    assert elsewhere.received == []


def test_a_receiver_that_takes_too_long_has_failed(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client = working(webhooks_read_timeout_seconds=0.1, webhooks_first_wait_seconds=60)
    receiver = receive(hold=threading.Event())
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order()])
    wait_until(lambda: deliveries_of(client)[0]["attempts"] == 1)
    [row] = deliveries_of(client)
    assert (row["status"], row["status_code"], row["error"]) == ("pending", None, "ReadTimeout")


def test_a_slow_receiver_delays_no_other(working: Callable[..., TestClient], receive: Callable[..., Receiver]) -> None:
    client = working()
    slow, quick = receive(hold=threading.Event()), receive()
    connect(client, slow.url, CREATED)
    connect(client, quick.url, CREATED)
    client.post("/api/v3/orders", json=[make.order(f"o-{n}") for n in range(50)])
    quick.wait_for(50)
    assert len(slow.received) <= 10  # no more at once than one receiver is given
    assert slow.hold is not None
    slow.hold.set()
    slow.wait_for(50)


def test_a_hundred_receivers_that_hang_delay_no_other(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client = working(webhooks_connect_timeout_seconds=30, webhooks_read_timeout_seconds=60)
    hanging, quick = receive(hold=threading.Event()), receive()
    for n in range(100):
        connect(client, f"{hanging.url}/{n}", "orders.order.updated")
    connect(client, quick.url, CREATED)
    client.post("/api/v3/orders", json=[make.order(f"o-{n}") for n in range(3)])
    quick.wait_for(3)
    client.post("/api/v3/orders", json=[make.order(f"o-{n}", order_number="new") for n in range(3)])
    wait_until(lambda: len({got.path for got in hanging.received}) == 100)
    client.post("/api/v3/orders", json=[make.order(f"later-{n}") for n in range(50)])
    quick.wait_for(53)
    assert {row["attempts"] for row in deliveries_of(client, status="pending", page_size=200)} == {0}
    assert len(hanging.received) <= 200  # who has answered nothing is not asked much
    assert hanging.hold is not None
    hanging.hold.set()
    hanging.wait_for(300)


def test_a_receiver_is_slow_until_it_answers_at_once(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client = working(webhooks_read_timeout_seconds=1.2)
    receiver = receive(hold=threading.Event())
    path = f"{CONNECTIONS}/{connect(client, receiver.url, CREATED)['id']}"
    assert client.get(path).json()["data"]["slow_since"] is None
    client.post("/api/v3/orders", json=[make.order(f"o-{n}") for n in range(30)])
    wait_until(lambda: client.get(path).json()["data"]["slow_since"] is not None)
    assert len(receiver.received) < 10
    client.post("/api/v3/orders", json=[make.order("another")])
    assert receiver.hold is not None
    receiver.hold.set()
    wait_until(lambda: not deliveries_of(client, status="pending"))
    assert {order_of(got) for got in receiver.received} == {*(f"o-{n}" for n in range(30)), "another"}
    assert client.get(path).json()["data"]["slow_since"] is None


def test_events_of_one_order_arrive_in_order(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, CREATED, "orders.order.updated")
    for n in range(30):
        client.post("/api/v3/orders", json=[make.order(f"o-{k}", order_number=f"{n}") for k in range(4)])
    receiver.wait_for(120)
    for k in range(4):
        numbers = [got.json["data"]["order"]["order_number"] for got in receiver.received if order_of(got) == f"o-{k}"]
        assert numbers == [f"{n}" for n in range(30)]


def test_one_that_fails_does_not_hold_up_what_comes_after_it(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client = working(webhooks_first_wait_seconds=60, webhooks_longest_wait_seconds=60)
    receiver = receive(status=500)
    connect(client, receiver.url, CREATED, "orders.order.updated")
    client.post("/api/v3/orders", json=[make.order()])
    wait_until(lambda: deliveries_of(client)[0]["attempts"] == 1)
    receiver.status = 200
    client.post("/api/v3/orders", json=[make.order(order_number="N-2")])
    receiver.wait_for(2)
    wait_until(lambda: [row["status"] for row in deliveries_of(client)] == ["delivered", "pending"])


def test_a_delivery_is_replayed_under_its_id(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order()])
    receiver.wait_for(1)
    [row] = deliveries_of(client)
    wait_for_status(client, row["id"], "delivered")
    answer = client.post(f"{DELIVERIES}/{row['id']}/replay")
    assert (answer.status_code, answer.json()["data"]["status"]) == (202, "pending")
    first, second = receiver.wait_for(2)
    assert first.body == second.body
    wait_for_status(client, row["id"], "delivered")


def test_a_receiver_that_fails_for_days_is_paused_and_hears_the_rest_when_it_is_resumed(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client = working(webhooks_pause_after_days=1e-7)
    receiver = receive(status=500)
    id = connect(client, receiver.url, CREATED)["id"]
    path = f"{CONNECTIONS}/{id}"
    client.post("/api/v3/orders", json=[make.order("o-1")])
    wait_until(lambda: client.get(path).json()["data"]["paused_at"] is not None)
    assert client.get(path).json()["data"]["failing_since"] is not None
    heard = len(receiver.received)
    client.post("/api/v3/orders", json=[make.order("o-2")])
    assert [row["status"] for row in deliveries_of(client)] == ["held", "held"]
    told = client.get("/api/packhouse/audit-log").json()["data"][0]
    assert (told["action"], told["subject"]) == ("connection.paused", f"connection {id} (127.0.0.1)")
    assert told["actor"] == {"type": "server", "name": "webhooks"}
    entry = client.get("/api/v3/integrations/logs").json()["data"][0]
    assert (entry["integration_id"], entry["exception_type"]) == (None, "WebhookPaused")
    assert entry["exception"].startswith(
        f"The connection {id} (127.0.0.1) was paused: it has taken nothing for 1e-07 days"
    )
    receiver.status = 200
    assert len(receiver.received) == heard
    resumed = client.post(f"/api/packhouse/event-subscriptions/connections/{id}/resume").json()["data"]
    assert (resumed["paused_at"], resumed["failing_since"]) == (None, None)
    told = client.get("/api/packhouse/audit-log").json()["data"][0]
    assert (told["action"], told["actor"]) == ("connection.resumed", {"type": "api_key", "name": OWNER[0]})
    receiver.wait_for(heard + 2)
    wait_until(lambda: {row["status"] for row in deliveries_of(client)} == {"delivered"})


def test_what_was_delivered_long_ago_is_taken_away(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(webhooks_keep_days=1e-9), receive()
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order("o-1")])
    receiver.wait_for(1)
    wait_until(lambda: deliveries_of(client) == [])


def test_what_a_paused_receiver_misses_is_not_kept_for_ever(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    keep_days = 3 / 86_400
    client, receiver = working(webhooks_pause_after_days=1e-7, webhooks_keep_days=keep_days), receive(status=500)
    id = connect(client, receiver.url, CREATED)["id"]
    client.post("/api/v3/orders", json=[make.order("o-1")])
    wait_until(lambda: client.get(f"{CONNECTIONS}/{id}").json()["data"]["paused_at"] is not None)
    client.post("/api/v3/orders", json=[make.order("o-2")])
    assert len(deliveries_of(client, status="held")) == 2
    wait_until(lambda: deliveries_of(client) == [])
    client.post("/api/v3/orders", json=[make.order("o-3")])
    receiver.status, heard = 200, len(receiver.received)
    client.post(f"/api/packhouse/event-subscriptions/connections/{id}/resume")
    receiver.wait_for(heard + 1)
    assert order_of(receiver.received[-1]) == "o-3"


def test_under_another_secret_key_nothing_is_lost_and_nothing_fails_without_a_word(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(works=False), receive()
    id = connect(client, receiver.url, CREATED)["id"]
    client.post("/api/v3/orders", json=[make.order("o-1")])
    stranger = working(secret_key="another key", works=False)  # a worker of its would put the delivery off by a minute
    answer = stranger.get(f"/api/packhouse/event-subscriptions/connections/{id}/signing-key")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "another PACKHOUSE_SECRET_KEY" in answer.json()["errors"][0]["detail"]
    assert [row["status"] for row in deliveries_of(stranger)] == ["pending"]
    both = working(secret_key="another key, a key for tests")
    both.post("/api/v3/orders", json=[make.order("o-2")])
    assert sorted(map(order_of, receiver.wait_for(2))) == ["o-1", "o-2"]


def test_deliveries_are_listed_in_pages_and_by_receiver(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    first, second = (connect(client, receiver.url, CREATED)["id"] for _ in range(2))
    client.post("/api/v3/orders", json=[make.order(f"o-{n}") for n in range(3)])
    receiver.wait_for(6)
    page = client.get(DELIVERIES, params={"page_size": 4})
    assert len(page.json()["data"]) == 4
    rest = client.get(page.links["next"]["url"]).json()["data"]
    ids = [row["id"] for row in [*page.json()["data"], *rest]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 6
    assert {row["connection_id"] for row in deliveries_of(client, connection_id=second)} == {second}
    assert len(deliveries_of(client, connection_id=first)) == 3
    assert client.get(DELIVERIES, params={"status": "lost"}).status_code == 400
    assert client.get(DELIVERIES, params={"connection_id": "x"}).status_code == 400


def test_the_body_at_rest_is_what_json_says(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, CREATED)
    client.post("/api/v3/orders", json=[make.order("Łódź \U0001f600")])
    [got] = receiver.wait_for(1)
    assert json.loads(got.body)["data"]["order"]["order_id"] == "Łódź \U0001f600"
