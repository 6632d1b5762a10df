"""Many callers, one statement: what is asked while a batch is on its way waits for it to come back, and then all of it
is the next batch. Most of what a single row costs is the way to the server and back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeAlias, TypeVar

A = TypeVar("A")
Q = TypeVar("Q")

_LARGEST_BATCH = 100

BatchFunction: TypeAlias = Callable[[Sequence[Q]], Awaitable[Sequence[A]]]


class Coalescer(Generic[Q, A]):
    """`open_batches` opens what a batch needs, for as long as there are questions; a batch gives an answer to each
    question. When a batch fails, so do all whose questions it took or who waited for the next one."""

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
