"""Combines concurrent queries into one statement: while a batch is running, new queries wait and form the next batch.
Most of the cost of reading a single row is the round trip to the server."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeAlias, TypeVar

A = TypeVar("A")
Q = TypeVar("Q")

_LARGEST_BATCH = 100

BatchFunction: TypeAlias = Callable[[Sequence[Q]], Awaitable[Sequence[A]]]


class Coalescer(Generic[Q, A]):
    """`open_batches` opens what batches need, as long as there are queries; a batch returns one result for each query.
    If a batch fails, so do its queries and those that wait for the next batch."""

    def __init__(self, open_batches: Callable[[], AbstractAsyncContextManager[BatchFunction[Q, A]]]) -> None:
        self._open_batches = open_batches
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._task is None:  # it starts in the next iteration of the loop, so it takes all that this one asks
            self._task = asyncio.create_task(self._answer_all())
        return await answer

    async def _answer_all(self) -> None:
        taken: list[tuple[Q, asyncio.Future[A]]] = []
        try:
            async with self._open_batches() as answer_batch:
                while self._waiting:
                    taken, self._waiting = self._waiting[:_LARGEST_BATCH], self._waiting[_LARGEST_BATCH:]
                    answers = await answer_batch([question for question, _ in taken])
                    for given, (_, answer) in zip(answers, taken, strict=True):
                        if not answer.done():  # else its caller is gone
                            answer.set_result(given)
        except BaseException as error:
            for _, answer in [*taken, *self._waiting]:
                if not answer.done():
                    answer.set_exception(error if isinstance(error, Exception) else ConnectionError("closed"))
            self._waiting = []
            if not isinstance(error, Exception):
                raise
        finally:  # some may have come while it was put away
            self._task = asyncio.create_task(self._answer_all()) if self._waiting else None
