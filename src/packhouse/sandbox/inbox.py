"""An inbox that receives webhooks and can be asked for them, so that a test needs no receiver of its own."""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from packhouse.kit import clock
from packhouse.sandbox.deliveries import read_event

MOST = 1_000
MOST_INBOXES = 50
LONGEST_BODY = 1_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in; `delivery` is the number of the attempt in `/sandbox/deliveries`."""

    id: int
    at: str
    event: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    answered: int
    delivery: int | None
    is_signed: bool

    def to_wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": self.at,
            "event": self.event,
            "headers": [list(pair) for pair in self.headers],
            "body": self.body.decode("utf-8", "replace"),
            "bytes": len(self.body),
            "answered": self.answered,
            "delivery": self.delivery,
            "is_signed": self.is_signed,
        }


class Inbox:
    """What one name has received, newest last, and what it answers: 200 unless it was told otherwise."""

    def __init__(self) -> None:
        self._kept: deque[Received] = deque(maxlen=MOST)
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()
        self._status, self._left = 200, 0

    def __iter__(self) -> Iterator[Received]:
        return iter(tuple(self._kept))

    def answer_with(self, status: int, times: int) -> None:
        """Answer the next `times` requests so, and then 200 again."""
        self._status, self._left = status, times

    def receive(
        self,
        body: bytes,
        headers: Sequence[tuple[str, str]],
        *,
        at: Any,
        delivery: int | None,
        is_signed: bool,
    ) -> Received:
        status = self._status if self._left else 200
        self._left = max(0, self._left - 1)
        number = next(self._numbers)
        received = Received(number, clock.to_wire(at), read_event(body), headers, body, status, delivery, is_signed)
        self._kept.append(received)
        self._news.set()
        self._news = asyncio.Event()
        return received

    async def list_received(self, *, after: int, event: str, count: int, wait_seconds: float) -> list[Received]:
        """List those later than `after`, of this event where one is named; wait until there are `count` of them."""
        try:
            async with asyncio.timeout(wait_seconds):
                while len(found := self._find(after, event)) < count:
                    await self._news.wait()
        except TimeoutError:
            return self._find(after, event)
        return found

    def _find(self, after: int, event: str) -> list[Received]:
        return [received for received in self._kept if received.id > after and event in ("", received.event)]

    def clear(self) -> None:
        """Forget all; the numbers go on."""
        self._kept.clear()
        self._left = 0
