"""What a connection may cost before a request is read: heads, lines, headers, their time, and how many there are."""

import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.concurrency import served
from tests.conftest import OWNER

HEAD = b"GET /health HTTP/1.1\r\nHost: packhouse.example.org\r\n"


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[served.Server]:
    """None of this reaches a database."""
    folder = tmp_path_factory.mktemp("connections")
    path = shutil.copyfile(sqlite_template, folder / "packhouse.db")
    with served.serve(f"sqlite:///{path}", folder / "log", max_connections=50, body_total_timeout_seconds=2) as server:
        yield server


@contextmanager
def connect(server: served.Server) -> Iterator[socket.socket]:
    address = httpx.URL(server.url)
    with socket.create_connection((address.host, address.port or 80), timeout=served.PATIENCE_SECONDS) as connection:
        yield connection


def read(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and body of the answer after which the connection ends."""
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers, json.loads(body)


def check(answer: tuple[int, dict[str, str], Any], status: int, detail: str) -> None:
    """The usual error shape with a request id, and the connection closes."""
    found, headers, body = answer
    [error] = body["errors"]
    assert (found, error["status"], error["detail"]) == (status, str(status), detail)
    assert headers["connection"] == "close"
    assert headers["content-type"] == "application/json"
    assert len(headers["x-request-id"]) == 32


@pytest.mark.parametrize(
    ("head", "detail"),
    [
        (HEAD + b"X-Many: 1\r\n" * 100 + b"\r\n", "A request may have at most 100 headers."),
        (HEAD + b"X-Long: " + b"a" * 8_200 + b"\r\n\r\n", "A line of a request head may have at most 8192 bytes."),
        (b"GET /" + b"a" * 8_200 + b" HTTP/1.1\r\n\r\n", "A line of a request head may have at most 8192 bytes."),
        (HEAD + b"X-Endless: " + b"a" * 70_000, "A request head may have at most 65536 bytes."),
        (b"GET /" + b"a" * 70_000, "A line of a request head may have at most 8192 bytes."),
    ],
    ids=["headers", "header", "target", "endless header", "endless target"],
)
def test_a_head_that_is_too_large(server: served.Server, head: bytes, detail: str) -> None:
    with connect(server) as connection:
        connection.sendall(head)
        check(read(connection), 431, detail)


def test_a_head_as_large_as_it_may_be(server: served.Server) -> None:
    """On one connection, twice: the limits are of a request."""
    long = {f"X-Long-{number}": "a" * 8_000 for number in range(7)}
    many = {f"X-Many-{number}": "a" for number in range(85)}
    with httpx.Client(base_url=server.url) as client:
        assert [client.get("/health", headers={**long, **many}).status_code for _ in range(2)] == [200, 200]


def test_what_is_no_http(server: served.Server) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"hello\r\n\r\n", HEAD + b"no colon\r\n\r\n"):
        with connect(server) as connection:
            connection.sendall(sent)
            check(read(connection), 400, "This is not an HTTP/1.1 request.")


def test_a_head_that_takes_too_long(server: served.Server) -> None:
    with connect(server) as connection:
        for byte in HEAD[:24]:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)
        check(read(connection), 408, "The request head did not end within 10 seconds.")


def test_a_connection_that_says_nothing_is_closed(server: served.Server) -> None:
    with connect(server) as silent, connect(server) as kept:
        kept.sendall(HEAD + b"\r\n")
        assert read(kept)[0] == 200
        assert silent.recv(65536) == b""


def test_a_body_that_comes_without_a_pause_and_never_ends(server: served.Server) -> None:
    authorization = next(httpx.BasicAuth(*OWNER).auth_flow(httpx.Request("GET", server.url))).headers["Authorization"]
    head = f"POST /api/v3/orders HTTP/1.1\r\nHost: a.example\r\nAuthorization: {authorization}\r\n"
    with connect(server) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n".encode())
        stopped = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                while not stopped.wait(0.1):
                    connection.sendall(b" ")

        sending = threading.Thread(target=trickle)
        sending.start()
        status, headers, body = read(connection)
        stopped.set()
        sending.join()
    assert (status, headers["connection"]) == (408, "close")
    assert body["errors"][0]["detail"] == "The body did not end within 2 seconds."


def test_chunks_of_nothing_but_extensions_and_trailers_without_end(server: served.Server) -> None:
    head = b"POST /api/v3/orders HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
    for sent in (b"1;" + b"x" * 1_000_000, b"0\r\nX-Trailer: " + b"x" * 1_000_000):
        with connect(server) as connection, suppress(ConnectionError):
            connection.sendall(head)
            for start in range(0, len(sent), 10_000):
                connection.sendall(sent[start : start + 10_000])
            assert connection.recv(65536)[:12] in (b"HTTP/1.1 401", b"HTTP/1.1 400")
    assert httpx.get(f"{server.url}/health").status_code == 200


def test_more_connections_than_there_may_be_are_told_so_at_once(server: served.Server) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(connect(server)) for _ in range(50)]
        for connection in held:
            connection.sendall(HEAD[:5])
        with connect(server) as refused:
            check(read(refused), 503, "The server has as many connections as it may have.")
    served.wait_until(lambda: served.is_up(server.url) and httpx.get(f"{server.url}/health").status_code == 200)


def test_endless_heads_fill_no_memory(server: served.Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    part = b"a" * 1_000_000
    for _ in range(4):
        with connect(server) as connection, suppress(ConnectionError):
            connection.sendall(HEAD + b"X-Endless: ")
            for _ in range(200):
                connection.sendall(part)
    assert process.memory_info().rss - before < 20_000_000


def test_many_who_ask_whether_the_server_is_well_do_not_make_it_ill(server: served.Server) -> None:
    found: list[int] = []

    def ask() -> None:
        with httpx.Client(base_url=server.url) as client:
            found.extend(client.get("/health").status_code for _ in range(100))

    askers = [threading.Thread(target=ask) for _ in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert found == [200] * 2_000
