"""A clock that is moved: what waits for hours happens at once, and is told."""

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from packhouse.sandbox.clock import VirtualClock, read_span
from tests import make


class Receiver(ThreadingHTTPServer):
    """Refuses the first `failures` events, and takes what comes then."""

    failures = 3
    received = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        receiver = self.server
        assert isinstance(receiver, Receiver)
        receiver.received += 1
        self.send_response(500 if receiver.received <= receiver.failures else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def move(account: httpx.Client, **change: Any) -> dict[str, Any]:
    answer = account.post("/sandbox/clock", json=change)
    assert answer.status_code == 200, answer.text
    moved: dict[str, Any] = answer.json()["data"]
    return moved


def test_the_retries_of_hours_are_run_in_order(account: httpx.Client, receiver: Receiver) -> None:
    move(account, freeze=True)
    hook = {"webhook_active": True, "webhook_url": receiver.url}
    assert account.patch("/api/v3/integrations/1", json=hook).status_code in (200, 204)
    account.post("/api/v3/orders", json=[make.order()])
    label = {"integration_id": 1, "order": {"order_id": "o-1"}}
    account.post("/api/v3/orders/create-label-sync", json=label)
    first = move(account, advance="1s")
    assert receiver.received >= 1
    assert first["is_frozen"] is True
    seen = receiver.received
    ran = move(account, advance="6h")["ran"]
    deliveries = [run for run in ran if run["kind"].startswith("webhook")]
    assert receiver.received > seen
    assert receiver.received > receiver.failures
    assert len(deliveries) >= receiver.failures - seen + 1
    times = [datetime.fromisoformat(run["at"]) for run in ran]
    assert times == sorted(times)
    assert max(times) - min(times) >= timedelta(minutes=5)
    assert move(account, advance="6h")["ran"] == []


def test_a_token_expires(account: httpx.Client) -> None:
    token = account.post("/oauth2/token", data={"grant_type": "client_credentials"}).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    url = f"{account.base_url}/api/v3/orders"
    assert httpx.get(url, headers=bearer).status_code == 200
    move(account, advance="59m")
    assert httpx.get(url, headers=bearer).status_code == 200
    move(account, advance="2m")
    assert httpx.get(url, headers=bearer).status_code == 401


def test_an_idempotency_key_is_forgotten(account: httpx.Client) -> None:
    def ask() -> httpx.Response:
        return account.post("/api/v3/orders", json=[make.order()], headers={"Idempotency-Key": "k-1"})

    ask()
    account.delete("/api/v3/orders/1")
    assert ask().json()["data"][0]["id"] == 1
    move(account, advance="25h")
    assert ask().json()["data"][0]["id"] == 2


def test_the_clock_stands_still_and_goes_on(account: httpx.Client) -> None:
    stands_at = move(account, freeze=True)["now"]
    account.post("/api/v3/orders", json=[make.order()])
    assert account.get("/api/v3/orders/1").json()["data"]["created_at"] == stands_at
    assert account.get("/sandbox/clock").json()["data"]["now"] == stands_at
    moved = move(account, advance="90m")
    assert datetime.fromisoformat(moved["now"]) - datetime.fromisoformat(stands_at) == timedelta(minutes=90)
    goes_on = move(account, resume=True)
    assert goes_on["is_frozen"] is False
    assert goes_on["ahead_seconds"] == pytest.approx(5_400, abs=30)
    assert account.get("/sandbox/clock").json()["data"]["now"] > goes_on["now"]
    assert move(account, to="2040-01-01")["now"] >= "2040-01-01T00:00:00"


@pytest.mark.parametrize(
    "change",
    [{"advance": "soon"}, {"advance": "-1h"}, {"advance": "20000d"}, {"to": "2020-01-01"}, {"to": "x"}, {"a": 1}],
)
def test_a_clock_is_not_moved_otherwise(account: httpx.Client, change: dict[str, Any]) -> None:
    assert account.post("/sandbox/clock", json=change).status_code == 400


def test_spans_are_written_in_parts() -> None:
    assert read_span("1d12h 30m 5s") == timedelta(days=1, hours=12, minutes=30, seconds=5)
    assert read_span("1.5h") == timedelta(minutes=90)
    clock = VirtualClock()
    clock.move_to(clock() - timedelta(hours=1))
    assert clock.state.offset == timedelta()
