"""Two servers on one listening socket share what knocks.

Both are on one loop that waits longer than a busy machine lets a process sleep: what is told here is never chance.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from functools import partial

from packhouse.cli import sharing


class Patient(sharing.Loop):
    wait_seconds = 0.03


# Longer than a server waits before it takes a connection.
PAUSE_SECONDS = 5 * Patient.wait_seconds


class Counting(asyncio.Protocol):
    def __init__(self, taken: list[asyncio.BaseTransport]) -> None:
        self.taken = taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.taken.append(transport)


class Doors:
    """A port, the servers that listen on it, and clients that keep their connections."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=64))
        self.taken: list[list[asyncio.BaseTransport]] = []

    async def open(self) -> None:
        """One server more."""
        taken: list[asyncio.BaseTransport] = []
        listener = self.stack.enter_context(self.listener.dup())
        server = await asyncio.get_running_loop().create_server(partial(Counting, taken), sock=listener)
        self.stack.callback(server.close)
        self.taken.append(taken)

    async def knock(self, connections: int) -> None:
        """So many at once, and until they are taken and nobody waits to take more."""
        for _ in range(connections):
            self.stack.enter_context(socket.create_connection(self.listener.getsockname()))
        for _ in range(1 + connections // 4):
            await asyncio.sleep(PAUSE_SECONDS)

    def count(self) -> list[int]:
        return [len(taken) for taken in self.taken]


def run(visit: Callable[[Doors], Awaitable[None]]) -> None:
    async def open_and_visit() -> None:
        with ExitStack() as stack:
            await visit(Doors(stack))

    with asyncio.Runner(loop_factory=Patient) as runner:
        runner.run(open_and_visit())


def test_what_knocks_together_is_shared() -> None:
    async def visit(doors: Doors) -> None:
        await doors.open()
        await doors.open()
        await doors.knock(8)
        assert doors.count() == [4, 4]
        await doors.knock(32)
        assert doors.count() == [20, 20]

    run(visit)


def test_the_one_with_fewer_takes_the_next() -> None:
    async def visit(doors: Doors) -> None:
        await doors.open()
        await doors.knock(3)
        await doors.open()
        for shared in ([3, 1], [3, 2], [3, 3]):
            await doors.knock(1)
            assert doors.count() == shared

    run(visit)


def test_a_connection_that_ended_counts_no_more() -> None:
    async def visit(doors: Doors) -> None:
        await doors.open()
        await doors.knock(3)
        await doors.open()
        await doors.knock(1)
        for transport in doors.taken[0]:
            transport.close()
        await asyncio.sleep(PAUSE_SECONDS)
        await doors.knock(1)
        assert doors.count() == [4, 1]

    run(visit)
