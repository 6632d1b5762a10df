import base64
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, STRANGER
from tests.webhooks.conftest import BROADCAST, CONNECTIONS, SUBSCRIPTIONS, Receiver, connect

URL = "https://hooks.example.com/in"


def post(client: TestClient, configuration: Any, **more: Any) -> Any:
    return client.post(CONNECTIONS, json={"type": "webhook", "configuration": configuration, **more})


def test_a_connection_is_made_listed_read_changed_and_deleted(working: Callable[..., TestClient]) -> None:
    client = working()
    made = connect(client, URL)
    shown = {name: value for name, value in made.items() if name not in ("signing_key", "standard_webhooks_secret")}
    assert shown["type"] == "webhook"
    assert shown["configuration"] == {
        "url": URL,
        "authentication": {"type": "none"},
        "headers": {},
        "auth_type": "none",
        "auth_config": {},
        "extra_headers": {},
        "standard_webhooks": False,
    }
    path = f"{CONNECTIONS}/{made['id']}"
    assert client.get(path).json() == {"data": shown}
    assert client.get(CONNECTIONS).json() == {"data": [shown]}
    assert client.get(f"{CONNECTIONS}?connection_type=webhook").json() == {"data": [shown]}
    assert client.get(f"{CONNECTIONS}?connection_type=klaviyo").json() == {"data": []}
    changed = client.patch(path, json={"configuration": {"url": f"{URL}/2"}})
    assert changed.status_code == 200
    assert changed.json()["data"]["configuration"]["url"] == f"{URL}/2"
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get(path).status_code == 404


def test_a_stranger_sees_nothing(working: Callable[..., TestClient]) -> None:
    client = working()
    id = connect(client, URL, "orders.order.created")["id"]
    subscription = client.get(SUBSCRIPTIONS).json()["data"][0]["id"]
    client.auth = STRANGER
    assert client.get(CONNECTIONS).json() == {"data": []}
    assert client.get(SUBSCRIPTIONS).json() == {"data": []}
    for method, path in (
        ("GET", f"{CONNECTIONS}/{id}"),
        ("DELETE", f"{CONNECTIONS}/{id}"),
        ("POST", f"{CONNECTIONS}/{id}/authorization"),
        ("GET", f"{SUBSCRIPTIONS}/{subscription}"),
        ("DELETE", f"{SUBSCRIPTIONS}/{subscription}"),
        ("POST", f"{BROADCAST}/{subscription}"),
        ("POST", f"/api/packhouse/event-subscriptions/connections/{id}/resume"),
    ):
        assert client.request(method, path).status_code == 404, path
    assert client.patch(f"{CONNECTIONS}/{id}", json={"configuration": {"url": URL}}).status_code == 404
    assert client.patch(f"{SUBSCRIPTIONS}/{subscription}", json={"is_active": False}).status_code == 404
    refused = client.post(SUBSCRIPTIONS, json={"connection_id": id, "event_type": "orders.order.created"})
    assert refused.json()["errors"][0]["detail"] == f"Connection with id {id} does not exist"


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [
        ({"type": "none"}, "authorization", None),
        ({"type": "bearer", "token": "s3cret"}, "authorization", "Bearer s3cret"),
        (
            {"type": "basic", "username": "ada", "password": "s3cret"},
            "authorization",
            "Basic " + base64.b64encode(b"ada:s3cret").decode(),
        ),
        ({"type": "api_key", "key": "s3cret"}, "x-api-key", "s3cret"),
        ({"type": "api_key", "header": "X-Token", "key": "s3cret"}, "x-token", "s3cret"),
    ],
)
def test_each_way_to_authenticate(
    working: Callable[..., TestClient],
    receive: Callable[..., Receiver],
    authentication: dict[str, str],
    header: str,
    value: str | None,
) -> None:
    client, receiver = working(), receive()
    made = connect(client, receiver.url, "orders.order.created", authentication=authentication)
    assert "s3cret" not in str(made)
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert got.headers.get(header) == value


def test_extra_headers_are_sent_and_their_values_hidden(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    made = connect(client, receiver.url, "orders.order.created", headers={"X-Env": "test", "X-More": "a b"})
    assert made["configuration"]["headers"] == {"X-Env": "********", "X-More": "********"}
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert (got.headers["x-env"], got.headers["x-more"]) == ("test", "a b")
    assert got.headers["content-type"] == "application/json"


def test_a_configuration_as_it_was_read_can_be_sent_back(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    keyed = {"type": "api_key", "header": "X-Token", "key": "s3cret"}
    made = connect(client, receiver.url, "orders.order.created", authentication=keyed, headers={"X-Env": "test"})
    path = f"{CONNECTIONS}/{made['id']}"
    read = client.get(path).json()["data"]
    assert client.patch(path, json=read).json()["data"]["configuration"] == read["configuration"]
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert (got.headers["x-token"], got.headers["x-env"]) == ("s3cret", "test")


def test_secrets_are_encrypted_at_rest(working: Callable[..., TestClient], database_url: str, backend: str) -> None:
    client = working()
    made = connect(client, URL, authentication={"type": "bearer", "token": "s3cret-token"}, headers={"X-Env": "s3cret"})
    if backend == "sqlite":
        [row] = sqlite3.connect(database_url.removeprefix("sqlite:///")).execute("SELECT * FROM connections").fetchall()
        assert not [value for value in row if "s3cret" in str(value) or made["signing_key"] in str(value)]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("configuration", "pointer"),
    [
        ({}, "/url"),
        ({"url": "ftp://hooks.example.com"}, "/url"),
        ({"url": "https://ada:pw@hooks.example.com/"}, "/url"),
        ({"url": "https://hooks.example.com/\r\nX: y"}, "/url"),
        ({"url": URL, "authentication": {"type": "digest"}}, "/authentication"),
        ({"url": URL, "authentication": {"type": "bearer"}}, "/authentication/bearer/token"),
        ({"url": URL, "authentication": {"type": "bearer", "token": "a\r\nb"}}, "/authentication/bearer/token"),
        ({"url": URL, "headers": {"X-A": "a\r\nX-B: b"}}, "/headers/X-A"),
        ({"url": URL, "authentication": {"type": "bearer", "token": "********"}}, "/authentication/token"),
    ],
)
def test_what_cannot_be_sent_to_is_refused_with_its_place(
    working: Callable[..., TestClient], configuration: Any, pointer: str
) -> None:
    answer = post(working(), configuration)
    assert answer.status_code == 400
    assert [fault["source"]["pointer"] for fault in answer.json()["errors"]] == [
        f"/data/attributes/configuration{pointer}"
    ]


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["Host", "content-length", "Sendcloud-Signature", "Authorization", "bad name"])
def test_headers_that_are_ours_are_refused(working: Callable[..., TestClient], name: str) -> None:
    assert post(working(), {"url": URL, "headers": {name: "x"}}).status_code == 400


@pytest.mark.one_database
def test_klaviyo_is_refused_because_nothing_here_could_tell_it(working: Callable[..., TestClient]) -> None:
    answer = working().post(CONNECTIONS, json={"type": "klaviyo", "configuration": {"url": URL}})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"pointer": "/data/attributes/type"}


@pytest.mark.one_database
def test_a_webhook_needs_no_authorization(working: Callable[..., TestClient]) -> None:
    client = working()
    id = connect(client, URL)["id"]
    answer = client.post(f"{CONNECTIONS}/{id}/authorization")
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (404, "A webhook needs no authorization.")


def test_without_a_secret_key_sqlite_keeps_one_beside_it_and_postgresql_refuses(
    serve: Callable[..., TestClient], client: TestClient, database_url: str, backend: str
) -> None:
    answer = post(client, {"url": URL})
    if backend == "postgresql":
        assert answer.status_code == 503
        assert "PACKHOUSE_SECRET_KEY" in answer.json()["errors"][0]["detail"]
        assert client.get(CONNECTIONS).json() == {"data": []}
        return
    assert answer.status_code == 201
    file = Path(f"{database_url.removeprefix('sqlite:///')}.key")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text()) > 30
    again = serve()
    again.auth = OWNER
    path = f"/api/packhouse/event-subscriptions/connections/{answer.json()['data']['id']}/signing-key"
    assert again.get(path).json()["data"]["signing_key"] == answer.json()["data"]["signing_key"]


def test_a_secret_key_can_be_exchanged(working: Callable[..., TestClient]) -> None:
    made = connect(working(secret_key="the old one"), URL)
    path = f"/api/packhouse/event-subscriptions/connections/{made['id']}/signing-key"
    assert working(secret_key="a new one, the old one").get(path).json()["data"]["signing_key"] == made["signing_key"]


def test_deleting_a_connection_ends_its_subscriptions(
    working: Callable[..., TestClient], receive: Callable[..., Receiver]
) -> None:
    client, receiver = working(), receive()
    id = connect(client, receiver.url, "orders.order.created")["id"]
    client.delete(f"{CONNECTIONS}/{id}")
    assert client.get(SUBSCRIPTIONS).json() == {"data": []}
    client.post("/api/v3/orders", json=[make.order()])
    assert client.get("/api/packhouse/deliveries").json() == {"data": []}
