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
from tests.concurrency.served import wait_until
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
    assert names["is_authentic"](body, signature, "secretkey")
    assert not names["is_authentic"](body + b" ", signature, "secretkey")


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

    assert got.headers["webhook-signature"] == by_standard(made["signing_key"], got)
    assert base64.b64decode(made["standard_webhooks_secret"].removeprefix("whsec_")).decode() == made["signing_key"]
    assert got.headers["webhook-id"] == got.json["id"] == got.headers["packhouse-delivery"]


def test_the_standard_headers_are_sent_only_where_they_were_asked_for(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    connect(client, receiver.url, "orders.order.created")
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert not [name for name in got.headers if name.startswith("webhook-")]


def test_a_key_is_shown_to_its_owner_and_kept_from_others(working: Callable[..., TestClient]) -> None:
    client = working()
    made = connect(client, "http://127.0.0.1:9/")
    path = KEYS.format(made["id"])
    shown = client.get(path).json()["data"]
    assert shown == {
        "signing_key": made["signing_key"],
        "standard_webhooks_secret": made["standard_webhooks_secret"],
        "next_signing_key": None,
        "next_standard_webhooks_secret": None,
        "switches_at": None,
    }
    for method, at in (("GET", path), ("POST", path), ("POST", f"{path}/activate")):
        assert client.request(method, at, auth=STRANGER).status_code == 404
    assert client.get(path).json()["data"] == shown


def audited(client: TestClient) -> tuple[str, str]:
    told = client.get("/api/packhouse/audit-log").json()["data"][0]
    return told["action"], told["subject"]


def test_the_next_key_is_shown_first_and_signs_when_its_owner_says_so(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    made = connect(client, receiver.url, "orders.order.created", standard_webhooks=True)
    path, old = KEYS.format(made["id"]), made["signing_key"]
    refused = client.post(f"{path}/activate")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (409, "conflict")
    first = client.post(path).json()["data"]["next_signing_key"]
    rotated = client.post(path).json()["data"]
    new = rotated["next_signing_key"]
    assert len({old, first, new}) == 3
    assert (rotated["signing_key"], client.get(path).json()["data"]) == (old, rotated)
    assert audited(client) == ("signing_key.rotated", f"connection {made['id']} (127.0.0.1)")
    shown = client.get(f"{CONNECTIONS}/{made['id']}").json()["data"]
    assert shown["key_switches_at"] == rotated["switches_at"]
    client.post("/api/v3/orders", json=[make.order("o-1")])
    [got] = receiver.wait_for(1)
    assert got.headers["sendcloud-signature"] == signing.sign(old, got.body)
    assert got.headers["webhook-signature"] == f"{by_standard(old, got)} {by_standard(new, got)}"
    activated = client.post(f"{path}/activate").json()["data"]
    assert (activated["signing_key"], activated["next_signing_key"], activated["switches_at"]) == (new, None, None)
    assert client.get(path).json()["data"] == activated
    assert audited(client) == ("signing_key.activated", f"connection {made['id']} (127.0.0.1)")
    assert client.post(f"{path}/activate").status_code == 409
    client.post("/api/v3/orders", json=[make.order("o-2")])
    got = receiver.wait_for(2)[1]
    assert got.headers["sendcloud-signature"] == signing.sign(new, got.body)
    assert got.headers["webhook-signature"] == f"{by_standard(new, got)} {by_standard(old, got)}"


def test_a_rotation_that_nobody_finishes_ends_by_itself(database_url: str, receive: Callable[..., Receiver]) -> None:
    times = [datetime.now(UTC)]
    settings = Settings(database_url=database_url, secret_key=SecretStr("a key for tests"), webhooks_allow_private=True)
    app = create_app(settings, now=lambda: times[-1], works=True)
    configuration = {"url": "", "standard_webhooks": True}
    with TestClient(app) as client:
        client.auth = OWNER
        receiver = receive()
        configuration["url"] = receiver.url
        made = connect(client, receiver.url, "orders.order.created", standard_webhooks=True)
        old, path = made["signing_key"], KEYS.format(made["id"])
        new = client.post(path).json()["data"]["next_signing_key"]
        client.patch(f"{CONNECTIONS}/{made['id']}", json={"configuration": configuration})
        signed_by = []
        for n, days in enumerate((0, 6.99, 7, 7.99, 8)):
            times.append(times[0] + timedelta(days=days))
            client.post("/api/v3/orders", json=[make.order(f"o-{n}")])
            wait_until(lambda n=n: f"o-{n}" in map(order_of, receiver.received))  # type: ignore[misc]
            got = next(got for got in receiver.received if order_of(got) == f"o-{n}")
            keys = {signing.sign(key, got.body): key for key in (old, new)}
            standard = {by_standard(key, got): key for key in (old, new)}
            several = [standard[signature] for signature in got.headers["webhook-signature"].split(" ")]
            signed_by.append((keys[got.headers["sendcloud-signature"]], several))
        assert client.get(path).json()["data"]["signing_key"] == new
        again = client.post(path).json()["data"]
    assert signed_by == [(old, [old, new])] * 2 + [(new, [new, old])] * 2 + [(new, [new])]
    assert again["signing_key"] == new
    assert again["next_signing_key"] not in (old, new)


def order_of(got: Received) -> str:
    return str(got.json["data"]["order"]["order_id"])


def by_standard(key: str, got: Received) -> str:
    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    return f"v1,{base64.b64encode(hmac.new(key.encode(), signed, hashlib.sha256).digest()).decode()}"


def test_keys_are_shown_nowhere_else(working: Callable[..., TestClient]) -> None:
    client = working()
    made = connect(client, "https://hooks.example.com/")
    shown: list[Any] = [
        client.get(CONNECTIONS).text,
        client.get(f"{CONNECTIONS}/{made['id']}").text,
        client.patch(f"{CONNECTIONS}/{made['id']}", json={"type": "webhook"}).text,
    ]
    assert not [text for text in shown if made["signing_key"] in text or "signing_key" in text]
