"""A receiver in a thread of this process, a server with its worker inside, and what both agreed on."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.concurrency.served import wait_until
from tests.conftest import OWNER

CONNECTIONS = "/api/v3/event-subscriptions/connections"
SUBSCRIPTIONS = "/api/v3/event-subscriptions/subscriptions"
BROADCAST = "/api/v3/event-subscriptions/broadcast/test"
DELIVERIES = "/api/packhouse/deliveries"


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers `status`, with `answer` and `headers`; `hold` makes it wait before it answers."""

    status: int = 200
    answer: bytes = b"thanks"
    headers: dict[str, str] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    hold: threading.Event | None = None
    url: str = ""

    def wait_for(self, count: int) -> list[Received]:
        wait_until(lambda: len(self.received) >= count)
        return self.received


def _to_handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            named = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, named, body))
            if receiver.hold is not None:
                receiver.hold.wait(120)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """A hundred connect at once: those that the usual five do not hold are dropped, and try again for seconds."""


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    """`receive(status=500)` starts a receiver on a free port of this machine."""
    servers: list[tuple[ThreadingHTTPServer, Receiver]] = []

    def start(**options: Any) -> Receiver:
        receiver = Receiver(**options)
        server = _Server(("127.0.0.1", 0), _to_handler(receiver))
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        servers.append((server, receiver))
        return receiver

    yield start
    for server, receiver in servers:
        if receiver.hold is not None:
            receiver.hold.set()
        server.shutdown()
        server.server_close()


QUICK = {
    "secret_key": "a key for tests",
    "webhooks_allow_private": True,
    "webhooks_first_wait_seconds": 0.05,
    "webhooks_longest_wait_seconds": 0.1,
}


@pytest.fixture
def working(serve: Callable[..., TestClient]) -> Callable[..., TestClient]:
    """The owner's client of a server that works, may reach this machine, and tries again soon."""

    def start(**settings: Any) -> TestClient:
        client = serve(**{"works": True, **QUICK, **settings})
        client.auth = OWNER
        return client

    return start


def connect(client: TestClient, url: str, *events: str, **configuration: Any) -> Any:
    """A connection, subscribed to these events; its wire form as it was made."""
    sent = {"type": "webhook", "configuration": {"url": url, **configuration}}
    answer = client.post(CONNECTIONS, json=sent)
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    for event in events:
        subscribed = client.post(SUBSCRIPTIONS, json={"connection_id": made["id"], "event_type": event})
        assert subscribed.status_code == 201, subscribed.text
    return made


def deliveries_of(client: TestClient, **parameters: Any) -> list[Any]:
    """Newest first."""
    found = client.get(DELIVERIES, params=parameters).json()["data"]
    assert isinstance(found, list)
    return found


def wait_for_status(client: TestClient, id: int, status: str) -> Any:
    wait_until(lambda: client.get(f"{DELIVERIES}/{id}").json()["data"]["status"] == status)
    return client.get(f"{DELIVERIES}/{id}").json()["data"]
