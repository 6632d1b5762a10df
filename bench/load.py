"""The clients. They must cost little, because they share the machine with what they measure.

Batches go out on one connection of the standard library. GETs come from a process of their own
(`python -m bench.load HOST PORT CONNECTIONS SECONDS AUTHORIZATION`, paths on standard input), which does no more with
an answer than count its bytes.
"""

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from http.client import HTTPConnection

import orjson
import uvloop

from bench.servers import AUTHORIZATION, Server

CONNECTIONS = 8
_LENGTH = b"content-length: "
_HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}


def post(connection: HTTPConnection, body: bytes) -> bytes:
    """One batch; the answer's bytes. Raises RuntimeError where it was not accepted."""
    connection.request("POST", "/api/v3/orders", body, _HEADERS)
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


def get(connection: HTTPConnection, path: str) -> bytes:
    connection.request("GET", path, headers=_HEADERS)
    return connection.getresponse().read()


def count_gets(server: Server, paths: Sequence[str], seconds: float) -> float:
    """GETs a second over keep-alive connections, each asking for one random path after the other."""
    arguments = [server.host, str(server.port), str(CONNECTIONS), str(seconds), AUTHORIZATION]
    command = [sys.executable, "-m", "bench.load", *arguments]
    done = subprocess.run(command, input="\n".join(paths).encode(), stdout=subprocess.PIPE, check=True)
    found = orjson.loads(done.stdout)
    if found["refused"]:
        raise RuntimeError(f"{found['refused']} of {found['answered']} GETs were not answered with 200.")
    return float(found["answered"] / found["seconds"])


class _Asker(asyncio.Protocol):
    """Asks, waits for the whole answer, asks again."""

    def __init__(self, requests: Sequence[bytes], ends_at: float) -> None:
        self._requests = requests
        self._ends_at = ends_at
        self._buffer = b""
        self.answered = self.refused = 0
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._ask()

    def _ask(self) -> None:
        self._transport.write(random.choice(self._requests))  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer = self._buffer + data if self._buffer else data
        head = buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        at = buffer.index(_LENGTH) + len(_LENGTH)
        if len(buffer) < head + 4 + int(buffer[at : buffer.index(b"\r", at)]):
            return
        self._buffer = b""
        self.answered += 1
        self.refused += not buffer.startswith(b"HTTP/1.1 200")
        if time.perf_counter() < self._ends_at:
            self._ask()
        else:
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.done.set_result(error)


async def _ask_all(host: str, port: int, connections: int, seconds: float, requests: Sequence[bytes]) -> None:
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Asker(requests, began + seconds), host, port) for _ in range(connections)
    ]
    askers = [asker for _, asker in made]
    await asyncio.gather(*(asker.done for asker in askers))
    counted = {"answered": sum(a.answered for a in askers), "refused": sum(a.refused for a in askers)}
    sys.stdout.write(orjson.dumps({**counted, "seconds": time.perf_counter() - began}).decode())


def main(host: str, port: str, connections: str, seconds: str, authorization: str) -> None:
    head = f"HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n"
    requests = [f"GET {path} {head}".encode() for path in sys.stdin.read().split()]
    uvloop.run(_ask_all(host, int(port), int(connections), float(seconds), requests))


if __name__ == "__main__":
    main(*sys.argv[1:])
