"""What lets requests pass together, and the change of all data alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Those inside finish before it closes; who comes meanwhile waits until it opens."""

    def __init__(self) -> None:
        self._inside = 0
        self._condition = asyncio.Condition()
        self._is_closed = False

    @asynccontextmanager
    async def passing(self) -> AsyncIterator[None]:
        async with self._condition:
            await self._condition.wait_for(lambda: not self._is_closed)
            self._inside += 1
        try:
            yield
        finally:
            async with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    @asynccontextmanager
    async def closed(self, patience_seconds: float) -> AsyncIterator[None]:
        """Raises TimeoutError where somebody stays inside for longer than the timeout."""
        async with self._condition:
            await self._condition.wait_for(lambda: not self._is_closed)
            self._is_closed = True
            try:
                async with asyncio.timeout(patience_seconds):
                    await self._condition.wait_for(lambda: self._inside == 0)
            except BaseException:
                self._open()
                raise
        try:
            yield
        finally:
            async with self._condition:
                self._open()

    def _open(self) -> None:
        self._is_closed = False
        self._condition.notify_all()
