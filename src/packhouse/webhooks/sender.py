"""The way out: one POST to a receiver, with its answer.

A name is resolved once and the connection goes to that very address, so that no second look-up can lead elsewhere;
addresses inside a network are refused unless the operator allows them. Redirects are not followed.
"""

import asyncio
import ipaddress
import resource
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import httpcore

from packhouse.webhooks.addresses import Address, is_public

ANSWER_BYTES = 4096
# Sockets of a process are files: at most this many, and at most half of what the system lets it open.
_MOST_SOCKETS = 1000
_KEEP_SECONDS = 5.0

# As `getaddrinfo` of an event loop.
Resolve = Callable[..., Awaitable[Sequence[Any]]]


class Answer(NamedTuple):
    """What came of an attempt: the receiver's status and the beginning of its body, or why there is none."""

    status_code: int | None
    body: str
    error: str | None
    duration_ms: float

    @property
    def is_success(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


class AddressRefused(httpcore.ConnectError):
    """The receiver's address lies inside a network."""


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name itself, refuses the whole name where one of its addresses is refused, connects to an address."""

    def __init__(self, resolve: Resolve, *, allow_private: bool) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._look_up = resolve
        self._allow_private = allow_private

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature of its base
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._resolve(host, port, timeout)
        if not self._allow_private and not all(map(is_public, addresses)):
            raise AddressRefused
        failed: Exception = httpcore.ConnectError()
        for address in addresses:
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def _resolve(self, host: str, port: int, seconds: float | None) -> list[Address]:
        try:
            async with asyncio.timeout(seconds):
                found = await self._look_up(host, port, type=socket.SOCK_STREAM)
            return list(dict.fromkeys(ipaddress.ip_address(entry[4][0]) for entry in found))
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        except (OSError, UnicodeError, ValueError):
            raise httpcore.ConnectError from None

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int, **options: Any) -> Sequence[Any]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, **options)


class Sockets:
    """How many attempts may be under way in this process. Receivers that are known as slow share half of them, so that
    there is always room for the others: who is not known yet holds two until it has answered, and is known after."""

    def __init__(self, count: int) -> None:
        self._all = asyncio.Semaphore(count)
        self._of_slow = asyncio.Semaphore(max(1, count // 2))

    @asynccontextmanager
    async def taken(self, *, is_slow: bool, seconds: float) -> AsyncIterator[bool]:
        """Whether there was one within so long."""
        wanted, held = [self._of_slow, self._all] if is_slow else [self._all], []
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    for semaphore in wanted:
                        await semaphore.acquire()
                        held.append(semaphore)
            yield len(held) == len(wanted)
        finally:
            for semaphore in held:
                semaphore.release()


def count_sockets() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST_SOCKETS if soft == resource.RLIM_INFINITY else max(1, min(_MOST_SOCKETS, soft // 2))


class Sender:
    """Connections are kept open for a moment, for the next event; close it at the end."""

    def __init__(
        self, *, allow_private: bool, connect_seconds: float, read_seconds: float, resolve: Resolve | None = None
    ) -> None:
        self._resolve = resolve or _resolve
        self._allow_private = allow_private
        self._whole_seconds = connect_seconds + read_seconds
        times = {"connect": connect_seconds, "pool": connect_seconds, "read": read_seconds, "write": read_seconds}
        self._extensions = {"timeout": times}
        self._pool: httpcore.AsyncConnectionPool | None = None
        self.sockets = Sockets(count_sockets())

    def may_reach(self, address: Address | None) -> bool:
        """Whether an address may be reached, as far as it is known before anything is resolved; None is not known."""
        return address is None or self._allow_private or is_public(address)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.aclose()

    def _open_pool(self) -> httpcore.AsyncConnectionPool:
        """At the first event: reading the machine's certificates takes a while."""
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                ssl_context=ssl.create_default_context(),
                max_connections=None,  # `sockets` counts them
                max_keepalive_connections=100,
                keepalive_expiry=_KEEP_SECONDS,
                network_backend=_PinnedBackend(self._resolve, allow_private=self._allow_private),
            )
        return self._pool

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Never raises for what the receiver or the network does: that is an answer too."""
        began = time.perf_counter()
        status: int | None = None
        text, error = "", None
        try:
            async with asyncio.timeout(self._whole_seconds):
                status, text = await self._post(url, headers, body)
        except TimeoutError:
            error = "Timeout"
        except Exception as failure:  # noqa: BLE001 - a receiver may do anything, and each is a failed attempt
            error = type(failure).__name__
        return Answer(status, text, error, round((time.perf_counter() - began) * 1000, 1))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
        received = bytearray()
        sent = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        pool = self._open_pool()
        async with pool.stream("POST", url, headers=sent, content=body, extensions=self._extensions) as response:
            async for chunk in response.aiter_stream():
                received += chunk
                if len(received) >= ANSWER_BYTES:
                    break
        return response.status, bytes(received[:ANSWER_BYTES]).decode("utf-8", "replace").replace("\0", "\ufffd")
