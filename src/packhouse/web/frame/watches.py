"""What open pages are told by the server, looked for once a second an account, however many of them are open."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

LOOK_SECONDS = 1.0

# An event's name and what it says, by what it is about: `orders`, `order/17`.
News = dict[str, tuple[str, dict[str, Any]]]
# Given the orders that are followed. None where nobody can say at this moment.
Look = Callable[[Collection[int]], Awaitable[News | None]]


class Watch:
    """One account, while any stream follows it."""

    def __init__(self) -> None:
        self.streams = 0
        self.task: asyncio.Task[None] | None = None
        self.followed: Counter[int] = Counter()
        self.seen: News = {}
        self._looked = asyncio.Event()

    async def go_on(self, look: Look, stopping: asyncio.Event) -> None:
        """Until the server is told to stop."""
        try:
            while not stopping.is_set():
                found = await look([order for order, streams in self.followed.items() if streams > 0])
                self.seen = self.seen if found is None else found
                self._tell()
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await stopping.wait()
        finally:
            self._tell()

    def _tell(self) -> None:
        looked, self._looked = self._looked, asyncio.Event()
        looked.set()

    async def wait(self) -> bool:
        """For the next look; False when there will be none. Raises what a look raised."""
        if self.task is not None and not self.task.done():
            await self._looked.wait()
        if self.task is not None and self.task.done():
            self.task.result()
            return False
        return True

    def about(self, orders: Sequence[int]) -> News:
        """Return, of what was seen, what a stream with these orders tells."""
        names = ("orders", *(f"order/{order}" for order in orders))
        return {name: self.seen[name] for name in names if name in self.seen}


class Watches:
    """Those of a process, by account."""

    def __init__(self) -> None:
        self._by_account: dict[int, Watch] = {}

    @asynccontextmanager
    async def follow(
        self, account_id: int, orders: Sequence[int], look: Look, stopping: asyncio.Event
    ) -> AsyncIterator[Watch]:
        """The first stream of an account begins its looks, and the last one ends them."""
        watch = self._by_account.get(account_id)
        if watch is None or watch.task is None or watch.task.done():
            watch = self._by_account[account_id] = Watch()
            watch.task = asyncio.create_task(watch.go_on(look, stopping))
        watch.streams += 1
        watch.followed.update(orders)
        try:
            yield watch
        finally:
            watch.streams -= 1
            watch.followed.subtract(orders)
            watch.followed += Counter()  # what nobody follows any more is forgotten
            if not watch.streams:
                watch.task.cancel()
                if self._by_account.get(account_id) is watch:
                    del self._by_account[account_id]
