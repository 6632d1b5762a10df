import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from packhouse.webhooks import signing
from tests import make
from tests.conftest import STRANGER
from tests.webhooks.conftest import CONNECTIONS, Receiver, connect

KEYS = "/api/packhouse/event-subscriptions/connections/{}/signing-key"


def test_the_signature_of_the_contract() -> None:
    body = signing.to_body({"key": "value"})
    assert body == '{"key": "value"}'
    assert signing.sign("secretkey", body.encode()) == (
        "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    )


def test_a_body_has_spaces_between_its_parts_and_nothing_but_ascii() -> None:
    body = signing.to_body({"a": [1, "Łódź"], "b": {"c": None}})
    assert body == '{"a": [1, "\\u0141\\u00f3d\\u017a"], "b": {"c": null}}'


def test_what_arrives_is_signed_over_exactly_its_bytes(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    made = connect(client, receiver.url, "orders.order.created", standard_webhooks=True)
    order = make.order(order_details={"status": {"code": "new", "message": "Zażółć ✓"}})
    client.post("/api/v3/orders", json=[order])
    [got] = receiver.wait_for(1)
    key = made["signing_key"]
    assert got.headers["sendcloud-signature"] == hmac.new(key.encode(), got.body, hashlib.sha256).hexdigest()
    assert got.body.isascii()
    assert got.body.decode() == json.dumps(got.json)
    assert got.json["data"]["order"]["status"]["message"] == "Zażółć ✓"

    secret = base64.b64decode(made["standard_webhooks_secret"].removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{expected}"
    assert got.headers["webhook-id"] == got.json["id"] == got.headers["packhouse-delivery"]


def test_the_standard_headers_are_sent_only_where_they_were_asked_for(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, "orders.order.created")
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert not [name for name in got.headers if name.startswith("webhook-")]


def test_a_key_is_shown_to_its_owner_rotated_and_kept_from_others(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    made = connect(client, receiver.url, "orders.order.created")
    path = KEYS.format(made["id"])
    assert client.get(path).json()["data"]["signing_key"] == made["signing_key"]
    assert client.get(path, auth=STRANGER).status_code == 404
    assert client.post(path, auth=STRANGER).status_code == 404
    new = client.post(path).json()["data"]
    assert new["signing_key"] != made["signing_key"]
    assert client.get(path).json()["data"] == new
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert got.headers["sendcloud-signature"] == signing.sign(new["signing_key"], got.body)


def test_keys_are_shown_nowhere_else(working: Callable[..., TestClient]) -> None:
    client = working()
    made = connect(client, "https://hooks.example.com/")
    shown: list[Any] = [
        client.get(CONNECTIONS).text,
        client.get(f"{CONNECTIONS}/{made['id']}").text,
        client.patch(f"{CONNECTIONS}/{made['id']}", json={"type": "webhook"}).text,
    ]
    assert not [text for text in shown if made["signing_key"] in text or "signing_key" in text]
