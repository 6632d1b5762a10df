"""The worker of an account of the sandbox: it can be halted, notes what it ran, and runs what time brings due."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from packhouse.context import Context
from packhouse.kit import clock, jobs
from packhouse.kit.jobs import Job
from packhouse.sandbox.clock import VirtualClock
from packhouse.worker import JOBS, TOGETHER, GroupHandler, Handler, Worker

MOST_RUNS = 1_000
_PATIENCE_SECONDS = 5.0
_MOST_STEPS = 10_000


class Run(NamedTuple):
    """A job that was done, or tried: `outcome` is `done`, `later`, or the kind of its error."""

    at: datetime
    job: int
    kind: str
    attempt: int
    outcome: str

    def to_wire(self) -> dict[str, Any]:
        return {**self._asdict(), "at": clock.to_wire(self.at)}


class SandboxWorker:
    """Does the jobs of one context, at the pace of its virtual clock."""

    def __init__(self, ctx: Context, virtual: VirtualClock) -> None:
        self._ctx = ctx
        self._clock = virtual
        self.account_id = 0
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self.runs: deque[Run] = deque(maxlen=MOST_RUNS)

    def start(self) -> None:
        self._worker = self._create()
        self._task = asyncio.create_task(self._worker.run())

    async def halt(self) -> None:
        """What is in hand is finished, or given back."""
        worker, task = self._worker, self._task
        self._worker = self._task = None
        if worker is not None and task is not None:
            await worker.stop(_PATIENCE_SECONDS)
            await task

    async def advance(self, span: timedelta) -> list[Run]:
        """Move the clock by a span, standing still at each moment at which a job is due until it is done. Return what
        ran, in that order."""
        await self.halt()
        try:
            return await self._step_to(self._clock() + span)
        finally:
            self.start()

    async def _step_to(self, target: datetime) -> list[Run]:
        before = len(self.runs) and self.runs[-1]
        worker = self._create()
        for _ in range(_MOST_STEPS):
            await worker.drain()
            async with self._ctx.db.read() as tx:
                due_at = await jobs.find_next_due(tx, self.account_id, after=self._clock())
            if due_at is None or due_at > target:
                break
            self._clock.move_to(due_at)
        self._clock.move_to(target)
        await worker.drain()
        return self._list_since(before)

    def _list_since(self, last: Any) -> list[Run]:
        runs = list(self.runs)
        start = next((at + 1 for at in range(len(runs) - 1, -1, -1) if runs[at] is last), 0)
        return runs[start:]

    def _create(self) -> Worker:
        handlers = {kind: self._noting(handler) for kind, handler in JOBS.items()}
        together = {kind: self._noting_all(handler) for kind, handler in TOGETHER.items()}
        return Worker(self._ctx, handlers, together)

    def _note(self, job: Job, outcome: str) -> None:
        self.runs.append(Run(self._clock(), job.id, job.kind, job.attempts, outcome))

    def _noting(self, handler: Handler) -> Handler:
        async def handle(ctx: Context, job: Job) -> None:
            try:
                await handler(ctx, job)
            except jobs.Reschedule:
                self._note(job, "later")
                raise
            except Exception as error:
                self._note(job, type(error).__name__)
                raise
            self._note(job, "done")

        return handle

    def _noting_all(self, handler: GroupHandler) -> GroupHandler:
        async def handle(ctx: Context, group: Sequence[Job]) -> AsyncIterator[None]:
            async for _ in handler(ctx, group):
                yield
            for job in group:
                self._note(job, "done")

        return handle
