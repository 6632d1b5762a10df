"""How several processes share the connections to one port: who has fewer takes the next.

Left to themselves, the process that wakes first takes all that knock at that moment, and keeps them as long as they
live: the few connections of a client that keeps them open may all meet one process of several.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import structlog
import uvloop

from packhouse.kit import logs

_log = structlog.get_logger()


# From so many connections on a process waits no longer and takes several at once: chance shares them then.
_POLITE = 4
_AT_ONCE = 8
# Until it tries again where there was no file descriptor for another.
_EXHAUSTED_SECONDS = 0.5


class Loop(uvloop.Loop):
    """What a server is opened with on a socket that others have too.

    A process waits `wait_seconds` for each connection that it has before it takes another: one with fewer comes first,
    unless the machine is too busy to wake it meanwhile.
    """

    wait_seconds = 0.001

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], *arguments: Any, sock: Any = None, **options: Any
    ) -> asyncio.AbstractServer:
        if sock is None:
            return await super().create_server(protocol_factory, *arguments, **options)
        return cast("asyncio.AbstractServer", _Share(self, protocol_factory, sock))


class _Share:
    """As much of `asyncio.AbstractServer` as uvicorn asks of one."""

    def __init__(self, loop: Loop, make_protocol: Callable[[], asyncio.Protocol], listener: socket.socket) -> None:
        self._loop = loop
        self._make_protocol = make_protocol
        self._listener = listener
        self._taken: set[asyncio.BaseTransport] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._later: asyncio.TimerHandle | None = None
        listener.setblocking(False)
        self._listen()

    def close(self) -> None:
        """What is open stays open."""
        self._loop.remove_reader(self._listener)
        if self._later is not None:
            self._later.cancel()

    async def wait_closed(self) -> None:
        if self._opening:
            await asyncio.wait(self._opening)

    def _listen(self) -> None:
        self._later = None
        self._loop.add_reader(self._listener, self._knocked)

    def _knocked(self) -> None:
        self._loop.remove_reader(self._listener)
        self._taken = {transport for transport in self._taken if not transport.is_closing()}
        self._later = self._loop.call_later(min(self._count(), _POLITE) * self._loop.wait_seconds, self._take)

    def _take(self) -> None:
        try:
            for _ in range(_AT_ONCE if self._count() >= _POLITE else 1):
                connection, _address = self._listener.accept()
                opening = self._loop.create_task(self._open(connection))
                self._opening.add(opening)
                opening.add_done_callback(self._opening.discard)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass  # another process was first, or the client is gone
        except OSError as error:  # no file descriptors or no memory left: those that knock wait too
            _log.warning("connections wait", **logs.where(error))
            self._later = self._loop.call_later(_EXHAUSTED_SECONDS, self._listen)
            return
        self._listen()

    def _count(self) -> int:
        return len(self._taken) + len(self._opening)

    async def _open(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened: Any = await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:  # the client is gone
            connection.close()
        else:
            self._taken.add(opened[0])
