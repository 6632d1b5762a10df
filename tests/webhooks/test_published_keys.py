"""Connections take the published keys, and refuse what they do not know."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.webhooks.conftest import CONNECTIONS, Receiver, connect
from tests.webhooks.test_connections import URL, post


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("kind", "config", "header", "value"),
    [
        ("none", {}, "authorization", None),
        ("bearer", {"token": "s3cret"}, "authorization", "Bearer s3cret"),
        (
            "basic",
            {"username": "ada", "password": "s3cret"},
            "authorization",
            "Basic " + base64.b64encode(b"ada:s3cret").decode(),
        ),
        ("api_key", {"header": "X-Token", "key": "s3cret"}, "x-token", "s3cret"),
    ],
)
def test_the_published_keys_open_a_receiver(
    working: Callable[..., TestClient],
    receive: Callable[..., Receiver],
    kind: str,
    config: dict[str, str],
    header: str,
    value: str | None,
) -> None:
    client, receiver = working(), receive()
    more: dict[str, Any] = {"auth_type": kind, "auth_config": config, "extra_headers": {"X-Env": "test"}}
    made = connect(client, receiver.url, "orders.order.created", **more)
    shown = made["configuration"]
    assert (shown["auth_type"], set(shown["auth_config"]), shown["extra_headers"]) == (
        kind,
        set(config),
        {"X-Env": "********"},
    )
    assert "s3cret" not in str(made)
    again = client.patch(f"{CONNECTIONS}/{made['id']}", json={"configuration": shown})
    assert again.json()["data"]["configuration"] == shown
    client.post("/api/v3/orders", json=[make.order()])
    [got] = receiver.wait_for(1)
    assert (got.headers.get(header), got.headers["x-env"]) == (value, "test")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("configuration", "code", "place"),
    [
        ({"url": URL, "auth": {"type": "bearer"}}, "unknown_field", "/auth"),
        ({"url": URL, "auth_type": "digest"}, "invalid", "/auth_type"),
        ({"url": URL, "auth_config": {"token": "a"}}, "required", "/auth_type"),
        ({"url": URL, "auth_type": "bearer"}, "invalid", "/auth_config/token"),
        ({"url": URL, "auth_type": "none", "auth_config": {"token": "a"}}, "unknown_field", "/auth_config/token"),
        (
            {"url": URL, "auth_type": "none", "authentication": {"type": "bearer", "token": "a"}},
            "invalid",
            "/auth_type",
        ),
        ({"url": URL, "headers": {"X-A": "1"}, "extra_headers": {"X-A": "2"}}, "invalid", "/extra_headers"),
        ({"url": URL, "extra_headers": {"X-A": "a\r\nX-B: b"}}, "invalid", "/extra_headers/X-A"),
    ],
)
def test_what_is_unknown_or_said_twice_is_refused(
    working: Callable[..., TestClient], configuration: dict[str, Any], code: str, place: str
) -> None:
    client = working()
    answer = post(client, configuration)
    assert answer.status_code == 400
    faults = [(fault["code"], fault["source"]["pointer"]) for fault in answer.json()["errors"]]
    assert faults == [(code, f"/data/attributes/configuration{place}")]
    refused = post(client, {"url": URL}, colour="red").json()["errors"]
    assert [fault["source"]["pointer"] for fault in refused] == ["/data/attributes/colour"]
