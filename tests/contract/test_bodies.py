"""Bodies as they come over a real connection to `packhouse serve`: too much, too little, too slowly."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests import make
from tests.concurrency import served
from tests.conftest import OWNER

LIMIT = 100_000
PART = b" " * 65_536
ROUTES = ["POST /api/v3/orders", "PATCH /api/v3/orders/1"]
TOLD = {ROUTES[0]: ROUTES[0], ROUTES[1]: "PATCH /api/v3/orders/{id}"}
CHUNKED = "Transfer-Encoding: chunked"


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[served.Server]:
    """With one order in it, and little patience."""
    settings = {"max_body_bytes": LIMIT, "body_timeout_seconds": 1}
    with served.serve(database_url, tmp_path / "log", **settings) as server, server.client() as client:
        assert client.post("/api/v3/orders", json=[make.order("first")]).status_code == 200
        yield server


@contextmanager
def begin(server: served.Server, route: str, *headers: str) -> Iterator[socket.socket]:
    """A request whose head is out."""
    address = httpx.URL(server.url)
    authorization = next(httpx.BasicAuth(*OWNER).auth_flow(httpx.Request("GET", server.url))).headers["Authorization"]
    named = ["Host: packhouse.example.org", f"Authorization: {authorization}", "Content-Type: application/json"]
    head = "\r\n".join([f"{route} HTTP/1.1", *named, *headers, "", ""])
    with socket.create_connection((address.host, address.port or 80), timeout=served.PATIENCE_SECONDS) as connection:
        connection.sendall(head.encode())
        yield connection


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def read(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of the answer; the connection is at its end afterwards."""
    received = b""
    while part := connection.recv(65536):
        received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    assert len(body) == int(headers["content-length"]), "one answer, whole, and nothing after it"
    return int(first.split(" ")[1]), headers, json.loads(body)


def check_too_large(answer: tuple[int, dict[str, str], Any], size: str) -> None:
    status, headers, body = answer
    assert (status, headers["connection"]) == (413, "close")
    detail = f"The body has {size} bytes, and at most {LIMIT} are allowed."
    assert body == {"errors": [{"status": "413", "code": "invalid", "detail": detail}]}


def check_untouched(server: served.Server) -> None:
    """The server answers, and holds the one order that it held."""
    with server.client() as client:
        assert [order["order_id"] for order in client.get("/api/v3/orders").json()["data"]] == ["first"]


def refusals(server: served.Server, count: int) -> list[tuple[str, int]]:
    """Route and status of each request that was not carried out, once there are so many."""

    def find() -> list[tuple[str, int]]:
        lines = [line for line in server.lines() if line.get("status", 200) != 200]
        return [(f"{line['method']} {line['route']}", line["status"]) for line in lines]

    served.wait_until(lambda: len(find()) >= count)
    return find()


@pytest.mark.one_database
def test_a_body_that_is_too_large(server: served.Server) -> None:
    """Sent to its end by a client that does not look for an answer before, as most do."""
    size = 100 * len(PART)
    for route in ROUTES:
        with begin(server, route, CHUNKED) as connection:
            for _ in range(100):
                connection.sendall(chunk(PART))
            connection.sendall(b"0\r\n\r\n")
            check_too_large(read(connection), f"more than {LIMIT}")
        with begin(server, route, f"Content-Length: {size}") as connection:
            for _ in range(100):
                connection.sendall(PART)
            check_too_large(read(connection), str(size))
    assert refusals(server, 4) == [(TOLD[route], 413) for route in ROUTES for _ in range(2)]
    check_untouched(server)


@pytest.mark.one_database
def test_a_client_that_waits_to_be_let_in_sends_nothing(server: served.Server) -> None:
    with begin(server, ROUTES[0], f"Content-Length: {LIMIT + 1}", "Expect: 100-continue") as connection:
        check_too_large(read(connection), str(LIMIT + 1))
    with begin(server, ROUTES[0], "Content-Length: 2", "Expect: 100-continue", "Connection: close") as connection:
        assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"[]")
        assert read(connection)[0] == 400


@pytest.mark.one_database
def test_a_client_that_sends_without_end_is_cut_off_and_fills_no_memory(server: served.Server) -> None:
    """It may read its answer at any time; a whole connection of it is more than a process may hold."""
    process = psutil.Process(server.process.pid)
    before = most = process.memory_info().rss
    sent = 0
    with begin(server, ROUTES[0], CHUNKED) as connection:
        connection.sendall(chunk(PART) * 2)
        answered = connection.recv(65536)
        with suppress(ConnectionError):
            while sent < 2_000_000_000:
                connection.sendall(chunk(PART))
                sent += len(PART)
                most = max(most, process.memory_info().rss)
    assert answered.startswith(b"HTTP/1.1 413 ")
    assert 50_000_000 < sent < 200_000_000
    assert most - before < 20_000_000
    check_untouched(server)


@pytest.mark.one_database
@pytest.mark.parametrize("route", ROUTES)
def test_a_client_that_sends_half_and_stops(server: served.Server, route: str) -> None:
    half = b'[{"order_id": "half", '
    for framing, sent in ((CHUNKED, chunk(half)), ("Content-Length: 1000", half)):
        with begin(server, route, framing) as connection:
            connection.sendall(sent)
            status, headers, body = read(connection)
        assert (status, headers["connection"]) == (408, "close")
        detail = "The rest of the body did not arrive within 1 seconds."
        assert body == {"errors": [{"status": "408", "code": "invalid", "detail": detail}]}
    assert refusals(server, 2) == [(TOLD[route], 408)] * 2
    check_untouched(server)


@pytest.mark.one_database
@pytest.mark.parametrize("route", ROUTES)
def test_a_body_that_ends_before_its_end(server: served.Server, route: str) -> None:
    """A whole order, and a client that hangs up where more was said to come: nobody knows what it left out."""
    body = json.dumps([make.order("short")]).encode()
    for framing, sent in ((CHUNKED, chunk(body)), ("Content-Length: 1000", body)):
        with begin(server, route, framing) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536) == b""
    assert refusals(server, 2) == [(TOLD[route], 499)] * 2
    assert not [line for line in server.lines() if line["level"] == "error"]
    check_untouched(server)


@pytest.mark.parametrize("framing", [CHUNKED, "Content-Length"])
def test_a_body_that_comes_byte_by_byte(server: served.Server, framing: str) -> None:
    """Longer than the server waits for any one part of it."""
    body = json.dumps([make.order("slow")]).encode()
    head = CHUNKED if framing == CHUNKED else f"Content-Length: {len(body)}"
    began = time.monotonic()
    with begin(server, ROUTES[0], head, "Connection: close") as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        for byte in body:
            connection.sendall(chunk(bytes([byte])) if framing == CHUNKED else bytes([byte]))
            time.sleep(1.2 / len(body))
        if framing == CHUNKED:
            connection.sendall(b"0\r\n\r\n")
        status, _, answer = read(connection)
    assert time.monotonic() - began > 1
    assert (status, [receipt["order_id"] for receipt in answer["data"]]) == (200, ["slow"])
    with server.client() as client:
        assert len(client.get("/api/v3/orders").json()["data"]) == 2
