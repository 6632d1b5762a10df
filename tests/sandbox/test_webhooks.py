"""Webhooks in the sandbox: sent on request, received in an inbox, explained, and lost on the way."""

import json
from typing import Any

import httpx
import pytest

from packhouse.client import sign
from packhouse.sandbox import signature
from tests import make

LABEL = {"integration_id": 1, "order": {"order_id": "o-1"}}


@pytest.fixture
def shop(account: httpx.Client) -> httpx.Client:
    """An account with an order that has a label."""
    account.post("/api/v3/orders", json=[make.order("o-1", shipping_address=make.address())])
    made = account.post("/api/v3/orders/create-label-sync", json=LABEL)
    assert made.status_code < 300, made.text
    return account


def trigger(account: httpx.Client, event: str, **more: Any) -> list[dict[str, Any]]:
    answer = account.post("/sandbox/trigger", json={"event": event, "inbox": "shop", **more})
    assert answer.status_code == 201, answer.text
    made: list[dict[str, Any]] = answer.json()["data"]
    return made


def ask(account: httpx.Client, event: str = "", wait: str = "5s", **query: Any) -> list[dict[str, Any]]:
    answer = account.get("/sandbox/inbox/shop", params={"event": event, "wait": wait, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def fail(account: httpx.Client, kind: str, **rule: Any) -> None:
    assert account.post("/sandbox/delivery-faults", json={"kind": kind, **rule}).status_code == 201


def test_an_event_is_received_with_its_exact_bytes(shop: httpx.Client) -> None:
    [made] = trigger(shop, "parcel_status_changed", order="o-1", status="DELIVERED")
    [received] = ask(shop, "parcel_status_changed")
    body = json.loads(received["body"])
    assert body["parcel"]["status"] == {"id": 11, "message": "Delivered"}
    headers = {name.lower(): value for name, value in received["headers"]}
    key = shop.account["signing_key"]  # type: ignore[attr-defined]
    assert headers["sendcloud-signature"] == sign(received["body"].encode(), key)
    assert headers["packhouse-delivery"] == made["message_id"]
    assert received["is_signed"] is True
    kept = shop.get(f"/sandbox/deliveries/{received['delivery']}/body").content
    assert kept == received["body"].encode()
    assert ask(shop, "parcel_status_changed", wait="0", after=received["id"]) == []


@pytest.mark.parametrize(
    "event",
    [
        "integration_connected",
        "integration_deleted",
        "parcel_status_changed",
        "parcels.event.created",
        "orders.order.created",
        "orders.order.updated",
        "orders.order.deleted",
        "shipments.shipment.stale",
    ],
)
def test_every_event_can_be_had(shop: httpx.Client, event: str) -> None:
    assert [made["event_type"] for made in trigger(shop, event)] == [event]
    received = ask(shop, event)
    assert [each["event"] for each in received] == [event]


def test_an_event_of_nothing_is_rejected_with_what_is_missing(account: httpx.Client) -> None:
    for sent, told in (
        ({"event": "parcel_status_changed", "inbox": "shop"}, "make a label first"),
        ({"event": "orders.order.created", "inbox": "shop"}, "push one first"),
        ({"event": "integration_connected"}, "Name an `inbox`"),
    ):
        answer = account.post("/sandbox/trigger", json=sent)
        assert (answer.status_code, told in answer.text) == (409, True)
    assert account.post("/sandbox/trigger", json={"event": "x"}).status_code == 400
    assert account.post("/sandbox/trigger", json={"event": "orders.order.created", "order": 7}).status_code == 404


def test_an_inbox_that_fails_is_tried_again_when_the_clock_moves(shop: httpx.Client) -> None:
    shop.put("/sandbox/inbox/shop", json={"status": 500, "times": 2})
    trigger(shop, "orders.order.created")
    assert [each["answered"] for each in ask(shop)] == [500]
    shop.post("/sandbox/clock", json={"advance": "6h"})
    received = ask(shop)
    assert [each["answered"] for each in received] == [500, 500, 200]
    assert len({each["body"] for each in received}) == 1
    shop.delete("/sandbox/inbox/shop")
    assert ask(shop, wait="") == []


def count_in_time(account: httpx.Client, count: int) -> list[dict[str, Any]]:
    """The entries of the inbox once there are so many."""
    after, found = 0, list[dict[str, Any]]()
    while len(found) < count:
        more = ask(account, after=after)
        assert more, f"{len(found)} of {count} came in"
        found += more
        after = found[-1]["id"]
    return found


def test_a_delivery_is_doubled(shop: httpx.Client) -> None:
    fail(shop, "duplicate", event="orders.*")
    trigger(shop, "orders.order.created")
    assert len({each["body"] for each in count_in_time(shop, 2)}) == 1


def test_a_delivery_is_lost_without_a_trace_or_tried_again(shop: httpx.Client) -> None:
    fail(shop, "drop")
    trigger(shop, "orders.order.created")
    fail(shop, "fail")
    trigger(shop, "orders.order.updated")
    [lost, failed] = wait_for_attempts(shop, 2)
    assert (lost["fault"], lost["status"], lost["arrivals"]) == ("drop", 200, 0)
    assert (failed["fault"], failed["error"], failed["arrivals"]) == ("fail", "ConnectError", 0)
    shop.post("/sandbox/clock", json={"advance": "1h"})
    assert [each["event"] for each in ask(shop)] == ["orders.order.updated"]


def wait_for_attempts(account: httpx.Client, count: int) -> list[dict[str, Any]]:
    for _ in range(200):
        found: list[dict[str, Any]] = account.get("/sandbox/deliveries").json()["data"]
        if len(found) >= count:
            return found
    raise AssertionError(found)


def test_an_answer_that_is_lost_brings_the_same_event_again(shop: httpx.Client) -> None:
    fail(shop, "answer_lost")
    trigger(shop, "orders.order.created")
    assert len(ask(shop)) == 1
    shop.post("/sandbox/clock", json={"advance": "1h"})
    received = ask(shop)
    assert len(received) == 2
    assert len({dict(each["headers"])["packhouse-delivery"] for each in lower(received)}) == 1


def lower(received: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "headers": [[n.lower(), value] for n, value in each["headers"]]} for each in received]


def test_two_deliveries_change_places(shop: httpx.Client) -> None:
    fail(shop, "reorder", event="orders.order.created")
    trigger(shop, "orders.order.created")
    trigger(shop, "orders.order.updated")
    events = [each["event"] for each in count_in_time(shop, 2)]
    assert events == ["orders.order.updated", "orders.order.created"]


def test_a_delivery_is_late_by_the_clock_of_the_account(shop: httpx.Client) -> None:
    shop.post("/sandbox/clock", json={"freeze": True})
    fail(shop, "delay", seconds=3600)
    trigger(shop, "orders.order.created")
    wait_for_attempts(shop, 1)
    assert ask(shop, wait="") == []
    shop.post("/sandbox/clock", json={"advance": "2h"})
    assert [each["event"] for each in ask(shop)] == ["orders.order.created"]


def test_rules_are_listed_and_taken_away(account: httpx.Client) -> None:
    fail(account, "drop", times=None, probability=0.5)
    [rule] = account.get("/sandbox/delivery-faults").json()["data"]
    assert (rule["kind"], rule["times"], rule["happened"]) == ("drop", None, 0)
    assert account.post("/sandbox/delivery-faults", json={"kind": "eat"}).status_code == 400
    account.delete("/sandbox/delivery-faults")
    assert account.get("/sandbox/delivery-faults").json()["data"] == []


def test_a_signature_is_explained_step_by_step(shop: httpx.Client) -> None:
    trigger(shop, "orders.order.created")
    [received] = ask(shop)
    url = f"/sandbox/deliveries/{received['delivery']}/signature"
    told = shop.get(url).json()["data"]
    assert told["is_valid"] is True
    assert told["sent"] in [step["value"] for step in told["steps"]]
    again = json.dumps(json.loads(received["body"]), separators=(",", ":")).encode()
    compared = shop.post(url, content=again).json()["data"]["received"]
    assert compared["is_valid"] is False
    assert [each["code"] for each in compared["differences"]] == ["whitespace"]
    assert compared["first_difference"]["at"] == received["body"].encode().index(b" ")
    assert shop.post(url, content=received["body"]).json()["data"]["received"]["differences"] == []
    assert shop.get("/sandbox/deliveries/99/signature").status_code == 404


SENT = b'{"name": "Caf\\u00e9", "url": "https://x.example/a", "price": 1.0, "b": {"z": 1, "a": 2}}'


@pytest.mark.parametrize(
    ("received", "codes"),
    [
        (SENT, []),
        (json.dumps(json.loads(SENT), separators=(",", ":")).encode(), ["whitespace"]),
        (json.dumps(json.loads(SENT), ensure_ascii=False).encode(), ["unescaped"]),
        (json.dumps(json.loads(SENT), sort_keys=True).encode(), ["order"]),
        (SENT.replace(b"/", b"\\/"), ["slashes"]),
        (SENT.replace(b"1.0", b"1"), ["numbers"]),
        (SENT + b"\n", ["whitespace"]),
        (SENT.replace(b"1.0", b"1.5"), ["values"]),
        (SENT.replace(b"\\u00e9", b"\\u00E9"), ["escapes"]),
        (b"name=x", ["no_json"]),
        ("{}".encode("utf-16"), ["no_json"]),
    ],
)
def test_it_is_said_what_a_framework_wrote_anew(received: bytes, codes: list[str]) -> None:
    assert [each["code"] for each in signature.find_differences(SENT, received)] == codes


def test_both_headers_of_standard_webhooks_are_explained() -> None:
    headers = {"webhook-signature": "v1,x", "webhook-id": "msg_1", "webhook-timestamp": "17"}
    told = signature.explain(headers, b"{}", ["key"])
    assert "msg_1.17.{}" in [step["value"] for step in told["steps"]]
    assert told["is_valid"] is False
