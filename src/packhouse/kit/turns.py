"""Steps that keep the event loop for milliseconds take turns."""

import asyncio
from collections import deque


class Turns:
    """One long step a turn of the loop: whatever is quick has its own between two of them."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_going_on = False

    async def take(self) -> None:
        """The caller's step begins when this comes back, and ends with its next `await`."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.append(mine)
        if not self._is_going_on:
            self._is_going_on = True
            loop.call_soon(self._go_on)
        await mine

    def _go_on(self) -> None:
        while self._waiting:
            next_one = self._waiting.popleft()
            if not next_one.done():  # else its caller is gone
                next_one.set_result(None)
                break
        self._is_going_on = bool(self._waiting)
        if self._is_going_on:
            asyncio.get_running_loop().call_soon(self._go_on)
