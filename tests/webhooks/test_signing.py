import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.client import is_signed
from packhouse.settings import Settings
from packhouse.webhooks import signing
from tests import make
from tests.conftest import OWNER, STRANGER
from tests.webhooks.conftest import CONNECTIONS, Received, Receiver, connect

KEYS = "/api/packhouse/event-subscriptions/connections/{}/signing-key"


def test_the_signature_of_the_contract() -> None:
    body = signing.to_body({"key": "value"})
    assert body == '{"key": "value"}'
    assert signing.sign("secretkey", body.encode()) == (
        "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    )


def test_the_documented_check_says_so_too() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "webhooks.md").read_text("utf-8")
    [example] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102
    body, signature = b'{"key": "value"}', "1eed4b3d41f4653ac64fd56f1bf1cbfd349e4482cbc11dff7134bd93e5da4b0a"
    assert names["is_ours"](body, signature, "secretkey")
    assert not names["is_ours"](body + b" ", signature, "secretkey")


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
    assert is_signed(got.body, got.headers["sendcloud-signature"], key)
    assert got.body.isascii()
    assert got.body.decode() == json.dumps(got.json)
    assert got.json["data"]["order"]["status"]["message"] == "Zażółć ✓"

    assert got.headers["webhook-signature"] == by_standard(made, got)
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


def test_after_a_rotation_both_keys_are_good_for_a_day_where_a_header_carries_two(
    database_url: str, receive: Callable[..., Receiver]
) -> None:
    times = [datetime.now(UTC)]
    settings = Settings(database_url=database_url, secret_key=SecretStr("a key for tests"), webhooks_allow_private=True)
    app = create_app(settings, now=lambda: times[-1], works=True)
    with TestClient(app) as client:
        client.auth = OWNER
        receiver = receive()
        made = connect(client, receiver.url, "orders.order.created", standard_webhooks=True)
        new = client.post(KEYS.format(made["id"])).json()["data"]
        client.patch(
            f"{CONNECTIONS}/{made['id']}", json={"configuration": {"url": receiver.url, "standard_webhooks": True}}
        )
        client.post("/api/v3/orders", json=[make.order("o-1")])
        [first] = receiver.wait_for(1)
        times.append(times[0] + timedelta(days=1))
        client.post("/api/v3/orders", json=[make.order("o-2")])
        second = receiver.wait_for(2)[1]
    assert first.headers["webhook-signature"] == f"{by_standard(new, first)} {by_standard(made, first)}"
    assert first.headers["sendcloud-signature"] == signing.sign(new["signing_key"], first.body)
    assert second.headers["webhook-signature"] == by_standard(new, second)


def by_standard(keys: Any, got: Received) -> str:
    secret = base64.b64decode(keys["standard_webhooks_secret"].removeprefix("whsec_"))
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    return f"v1,{base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()}"


def test_keys_are_shown_nowhere_else(working: Callable[..., TestClient]) -> None:
    client = working()
    made = connect(client, "https://hooks.example.com/")
    shown: list[Any] = [
        client.get(CONNECTIONS).text,
        client.get(f"{CONNECTIONS}/{made['id']}").text,
        client.patch(f"{CONNECTIONS}/{made['id']}", json={"type": "webhook"}).text,
    ]
    assert not [text for text in shown if made["signing_key"] in text or "signing_key" in text]
