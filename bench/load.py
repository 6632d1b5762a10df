"""The clients. They must cost little, because they share the machine with what they measure.

A load comes from a process of its own (`python -m bench.load HOST PORT CONNECTIONS SECONDS`, requests as JSON on
standard input), which does no more with an answer than count its bytes.
"""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from http.client import HTTPConnection
from typing import NamedTuple, TypeAlias

import orjson
import uvloop

from bench.servers import AUTHORIZATION, Server

CONNECTIONS = 8
_SETTLED_SECONDS = 10
WRITERS = 4
"""Connections that push batches at once: while one batch waits for the disk, another is validated."""

Requests: TypeAlias = Sequence[tuple[str, str, str]]
"""Method, path and body of each."""

_LENGTH = b"content-length: "
_HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}


class Load(NamedTuple):
    """What came of a load; `latencies` in milliseconds, ascending."""

    answered: int
    refused: int
    seconds: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        return self.answered / self.seconds

    @property
    def median(self) -> float:
        return statistics.median(self.latencies)

    @property
    def p99(self) -> float:
        return self.latencies[int(len(self.latencies) * 0.99)]


def post(connection: HTTPConnection, body: bytes, path: str = "/api/v3/orders") -> bytes:
    """One batch; the answer's bytes. Raises RuntimeError where it was not accepted."""
    connection.request("POST", path, body, _HEADERS)
    response = connection.getresponse()
    answer = response.read()
    if response.status >= 300:
        raise RuntimeError(f"A batch was answered with {response.status}: {answer[:500]!r}")
    return answer


def time_posts(connection: HTTPConnection, bodies: Iterable[bytes]) -> float:
    """Seconds for all, one after the other."""
    began = time.perf_counter()
    for body in bodies:
        post(connection, body)
    return time.perf_counter() - began


def to_posts(bodies: Sequence[bytes]) -> Requests:
    return [("POST", "/api/v3/orders", body.decode()) for body in bodies]


def get(connection: HTTPConnection, path: str) -> bytes:
    connection.request("GET", path, headers=_HEADERS)
    return connection.getresponse().read()


def settle(server: Server) -> None:
    """Wait until the worker inside has done what earlier loads left to it, so that it disturbs nothing measured; for
    some seconds at most."""
    connection = server.connect()
    ends_at = time.monotonic() + _SETTLED_SECONDS
    while time.monotonic() < ends_at:
        lines = get(connection, "/metrics").decode().splitlines()
        left = [float(line.rpartition(" ")[2]) for line in lines if line.startswith("packhouse_outbox_jobs")]
        if not any(left):
            break
        time.sleep(0.2)
    connection.close()


def start(server: Server, requests: Requests, connections: int, seconds: float = 0) -> subprocess.Popen[bytes]:
    """A load on its way: each request once, in order, or random ones for some seconds. `finish` waits for its end."""
    arguments = [server.host, str(server.port), str(connections), str(seconds)]
    command = [sys.executable, "-m", "bench.load", *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if process.stdin is not None:
        process.stdin.write(orjson.dumps(requests))
        process.stdin.close()
        process.stdin = None
    return process


def finish(process: subprocess.Popen[bytes]) -> Load:
    """Raises RuntimeError where a request was not answered with a 2xx."""
    out, _ = process.communicate(timeout=300)
    load = Load(**orjson.loads(out))
    if load.refused or not load.answered:
        raise RuntimeError(f"{load.refused} of {load.answered} requests were not answered with 2xx.")
    return load


def run(server: Server, requests: Requests, connections: int, seconds: float = 0) -> Load:
    return finish(start(server, requests, connections, seconds))


class _Asker(asyncio.Protocol):
    """Asks, waits for the whole answer, asks again, until there is nothing left to ask."""

    def __init__(self, next_request: Callable[[], bytes | None]) -> None:
        self._next = next_request
        self._buffer = b""
        self._asked_at = 0.0
        self.latencies: list[float] = []
        self.refused = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        request = self._next()
        if request is None:
            self._transport.close()
            return
        self._asked_at = time.perf_counter()
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = buffer.index(_LENGTH) + len(_LENGTH)
        if len(buffer) < head + 4 + int(buffer[at : buffer.index(b"\r", at)]):
            return
        self._buffer = b""
        self.latencies.append((time.perf_counter() - self._asked_at) * 1000)
        self.refused += not buffer.startswith(b"HTTP/1.1 2")
        self._ask()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(error)


async def _ask_all(host: str, port: int, connections: int, seconds: float, requests: Sequence[bytes]) -> None:
    loop = asyncio.get_running_loop()
    left = iter(requests)
    began = time.perf_counter()

    def draw() -> bytes | None:
        if not seconds:
            return next(left, None)
        return random.choice(requests) if time.perf_counter() < began + seconds else None

    made = [await loop.create_connection(lambda: _Asker(draw), host, port) for _ in range(connections)]
    askers = [asker for _, asker in made]
    await asyncio.gather(*(asker.done for asker in askers))
    took = time.perf_counter() - began
    latencies = sorted(latency for asker in askers for latency in asker.latencies)
    refused = sum(asker.refused for asker in askers)
    answer = {"answered": len(latencies), "refused": refused, "seconds": took, "latencies": latencies}
    sys.stdout.write(orjson.dumps(answer).decode())


def _to_bytes(host: str, method: str, path: str, body: str) -> bytes:
    sent = body.encode()
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {AUTHORIZATION}\r\n"
    if sent:
        head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    return f"{head}\r\n".encode() + sent


def main(host: str, port: str, connections: str, seconds: str) -> None:
    requests = [_to_bytes(host, *request) for request in orjson.loads(sys.stdin.buffer.read())]
    uvloop.run(_ask_all(host, int(port), int(connections), float(seconds), requests))


if __name__ == "__main__":
    main(*sys.argv[1:])
