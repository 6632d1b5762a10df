"""Does the jobs: claims what is due, account by account in turn, hands each to its handler, keeps what fails.

One runs inside every server process (`packhouse serve`), or alone (`packhouse worker`), as many as one likes.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate
from typing import NamedTuple, TypeAlias

import structlog

from packhouse.accounts import reset_links
from packhouse.context import Context
from packhouse.kit import errors, jobs, logs
from packhouse.kit.db import Transaction
from packhouse.kit.jobs import Job
from packhouse.orders import counts, deletions, search
from packhouse.orders import operations as orders
from packhouse.orders.files import uploads
from packhouse.packing_station import packing, print_jobs, printer_watch, printing
from packhouse.privacy import operations as privacy
from packhouse.privacy import retention
from packhouse.shipping import announce, staleness, tracking
from packhouse.shipping import contract_checks as checks
from packhouse.shipping import operations as shipments
from packhouse.webhooks import delivery
from packhouse.webhooks import operations as webhooks

_log = structlog.get_logger()


Handler: TypeAlias = Callable[[Context, Job], Awaitable[None]]
# It gives back nothing, after each stretch but the last: there it may be left waiting.
GroupHandler: TypeAlias = Callable[[Context, Sequence[Job]], AsyncIterator[None]]

# A handler that returns has done its job, one that raises `jobs.Reschedule` wants it again then, any other exception is
# kept with the job, which is tried again with back-off. It may be run twice for one job, and must not mind.
JOBS: dict[str, Handler] = {
    uploads.JOB: lambda ctx, job: uploads.handle(ctx.db, job, ctx.clock),
    deletions.JOB: lambda ctx, job: deletions.handle(ctx.db, job, ctx.clock()),
    shipments.JOB: announce.handle,
    search.REINDEX_JOB: lambda ctx, job: search.handle_reindex(ctx.db, job, ctx.clock()),
    counts.JOB: lambda ctx, job: counts.handle(ctx.db, job),
    orders.COMPARE_JOB: lambda ctx, job: staleness.handle(ctx.db, job, ctx.clock()),
    shipments.TRACK_JOB: tracking.handle,
    privacy.RETAIN_JOB: retention.retain,
    privacy.FINISH_JOB: retention.finish,
    reset_links.JOB: lambda ctx, job: reset_links.handle(ctx.db, ctx.mailer, job, ctx.clock()),
    checks.JOB: checks.handle,
    packing.JOB: printing.handle,
    print_jobs.SEND_JOB: printing.send,
    printer_watch.JOB: printer_watch.look,
    webhooks.JOB: delivery.deliver,
    webhooks.SLOW_JOB: delivery.deliver,
}

# Kinds of which several of one account are done in one go, and not before callers are served: as long as requests keep
# coming to this process, such a kind gets a twentieth of the time.
TOGETHER: dict[str, GroupHandler] = {
    search.JOB: lambda ctx, group: search.handle(ctx.db, group),
}
# How many of them in one go: orders where each job is of many, jobs where each is of one.
_MOST_TOGETHER = 256
_WEIGHT_TOGETHER = 1_000
_PATIENCE = 19
_LONGEST_PATIENCE_SECONDS = 5.0
_GLANCE_SECONDS = 0.05

KINDS = frozenset([*JOBS, *TOGETHER])

# How many jobs of a kind a worker has in hand at once. That of a webhook is a receiver; slow ones are a kind apart.
SLOTS: dict[str, int] = {webhooks.JOB: 100, webhooks.SLOW_JOB: 100}
USUAL_SLOTS = 8


class BorrowedSlots(NamedTuple):
    """What a job of a kind does that has been in hand for so long: it gives its slot to another, as `most` may."""

    seconds: float
    most: int


# A receiver that is not known as slow may hang for the first time.
BORROWED_SLOTS: dict[str, BorrowedSlots] = {webhooks.JOB: BorrowedSlots(seconds=1, most=400)}


# Kinds that ask a carrier, and the time of such a job in times of the carrier's answer.
ASKING = (shipments.JOB, shipments.TRACK_JOB)
_WITH_ALL_BESIDE = 1.2


class WorkerConfig(NamedTuple):
    """`lease`: how long a job may be in hand. `poll_seconds`: how long other processes' jobs may go unseen."""

    lease: timedelta = timedelta(seconds=60)
    poll_seconds: float = 1.0

    def find_leases(self, carrier_seconds: float) -> dict[str, timedelta]:
        """Return the leases of kinds that ask carriers: one that is shorter than an answer may take is raised, or a
        second worker would ask while the first is still waiting."""
        return dict.fromkeys(ASKING, max(self.lease, timedelta(seconds=carrier_seconds * _WITH_ALL_BESIDE)))


DEFAULT_CONFIG = WorkerConfig()


@asynccontextmanager
async def running(ctx: Context, is_busy: Callable[[], bool] = lambda: False) -> AsyncIterator[None]:
    """Keep a worker at work while the block runs. At its end it takes nothing new and finishes what it has in hand.
    `is_busy` says whether this process is serving callers just now."""
    worker = Worker(ctx, pace=WorkerConfig(lease=timedelta(seconds=ctx.settings.worker_lease_seconds)), is_busy=is_busy)
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop(ctx.settings.stop_timeout_seconds)
        await task


class _Outcome(NamedTuple):
    """The outcome of a job that has been in hand: done without `due_at`."""

    job: Job
    due_at: datetime | None = None
    error: str | None = None
    fresh: bool = False
    kind: str | None = None


class Worker:
    def __init__(
        self,
        ctx: Context,
        handlers: Mapping[str, Handler] | None = None,
        together: Mapping[str, GroupHandler] | None = None,
        *,
        pace: WorkerConfig = DEFAULT_CONFIG,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ctx = ctx
        self._db = ctx.db
        self._handlers = JOBS if handlers is None else handlers
        self._together = (TOGETHER if handlers is None else {}) if together is None else together
        self._pace = pace
        self._leases = pace.find_leases(ctx.settings.carriers_timeout_seconds)
        self._is_busy = is_busy
        self._patient_until = 0.0
        self._sizes = dict.fromkeys(self._together, USUAL_SLOTS)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[str] = Counter()
        self._held: dict[tuple[int, int], Job] = {}
        self._lent: dict[str, set[tuple[int, int]]] = {kind: set() for kind in BORROWED_SLOTS}
        self._outcomes: list[_Outcome] = []
        self._accounts: list[int] = []
        self._served = 0
        self._look_again_at = 0.0

    async def run(self) -> None:
        """Until `stop`."""
        while not self._stopping.is_set():
            self._db.work.clear()
            if not await self._try_turn():
                await self._rest()
        await self._settle_all()

    async def stop(self, patience_seconds: float) -> None:
        """What is in hand is finished, unless it takes too long: then it is given back to be done again."""
        self._stopping.set()
        self._db.work.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=patience_seconds)
            for task in late:
                task.cancel()

    async def drain(self) -> int:
        """Do what is due until nothing is; how many jobs that were. For commands and tests."""
        self._stopping.clear()
        done = 0
        while (taken := await self._turn()) or self._tasks or self._outcomes:
            done += taken
            if self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        return done

    async def _try_turn(self) -> int:
        """A database that is away is waited for."""
        try:
            return await self._turn()
        except errors.Unavailable as error:
            _log.warning("worker waits", detail=error.faults[0].detail)
        except Exception as error:  # noqa: BLE001 - a worker that ends leaves all jobs undone
            _log.error("worker failed", **logs.where(error))
        return 0

    async def _turn(self) -> int:
        """Each account that has something due gets its share of what is free; how many jobs were taken."""
        await self._settle()
        taken = 0
        for account_id in await self._next_accounts():
            free = self._free()
            if not free or self._stopping.is_set():
                break
            share = max(1, min(free.values()) // max(1, len(self._accounts)))
            now = self._ctx.clock()
            claimed = await self._claim(account_id, share, free, now)
            self._served = account_id
            if len(claimed) < share:
                self._accounts.remove(account_id)
            for kind in {job.kind for job in claimed} & self._together.keys():
                claimed += await self._claim(account_id, self._sizes[kind] - USUAL_SLOTS, [kind], now)
            if self._stopping.is_set():  # meanwhile: given back untouched
                self._take(claimed)
                self._outcomes += [_Outcome(job, now) for job in claimed]
                break
            for kind, group in _to_groups(claimed, self._together):
                self._start(kind, self._cut(kind, group, now) if kind in self._together else group)
            taken += len(claimed)
        return taken

    async def _claim(self, account_id: int, limit: int, kinds: Collection[str], now: datetime) -> list[Job]:
        if limit <= 0:
            return []
        return await jobs.claim(
            self._db, account_id, limit, now=now, lease=self._pace.lease, kinds=kinds, leases=self._leases
        )

    def _cut(self, kind: str, group: list[Job], now: datetime) -> list[Job]:
        """What is done in one go must end within its lease, also while callers are served: the rest is given back, and
        as many are taken the next time as weigh as much as these."""
        weights = list(accumulate(len(job.payload.get("ids", (1,))) for job in group))
        count = max(1, sum(weight <= _WEIGHT_TOGETHER for weight in weights))
        self._sizes[kind] = min(_MOST_TOGETHER, max(USUAL_SLOTS, _WEIGHT_TOGETHER * len(group) // max(1, weights[-1])))
        rest = group[count:]
        self._take(rest)
        self._outcomes += [_Outcome(job, now) for job in rest]
        return group[:count]

    def _free(self) -> dict[str, int]:
        """Return, for every kind that is not all taken, how many more could be in hand."""
        free = {kind: self._find_slots(kind) - self._in_hand[kind] for kind in self._handlers}
        if time.monotonic() >= self._patient_until or not self._is_busy():
            free |= {kind: USUAL_SLOTS for kind in self._together if not self._in_hand[kind]}
        return {kind: count for kind, count in free.items() if count > 0}

    def _find_slots(self, kind: str) -> int:
        return SLOTS.get(kind, USUAL_SLOTS) + len(self._lent.get(kind, ()))

    async def _next_accounts(self) -> list[int]:
        """Those known to have something due, the one after the last served first. A look at a long backlog is not for
        nothing, so looking may take a tenth of the time."""
        began = time.monotonic()
        if (not self._accounts or began >= self._look_again_at) and (free := self._free()):
            now = self._ctx.clock()
            among = await self._ctx.health.find_reachable()
            await jobs.bring_back(self._db, now=now, but=self._held.values(), among=among)
            self._accounts = await jobs.find_accounts(self._db, free, now=now, among=among)
            took = time.monotonic() - began
            self._look_again_at = began + max(self._pace.poll_seconds, 10 * took)
        return sorted(self._accounts, key=lambda account_id: (account_id <= self._served, account_id))

    def _take(self, group: Sequence[Job]) -> None:
        self._in_hand.update(job.kind for job in group)
        self._held |= {(job.account_id, job.id): job for job in group}

    def _start(self, kind: str, group: Sequence[Job]) -> None:
        self._take(group)
        task = asyncio.create_task(self._do(kind, group))
        self._tasks.add(task)
        task.add_done_callback(self._end)
        if kind in BORROWED_SLOTS:
            lending = asyncio.get_running_loop().call_later(BORROWED_SLOTS[kind].seconds, self._lend, kind, group)
            task.add_done_callback(lambda _: lending.cancel())

    def _lend(self, kind: str, group: Sequence[Job]) -> None:
        if len(self._lent[kind]) < BORROWED_SLOTS[kind].most:
            self._lent[kind] |= {(job.account_id, job.id) for job in group}
            self._db.work.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._db.work.set()

    async def _do(self, kind: str, group: Sequence[Job]) -> None:
        now = self._ctx.clock
        try:
            await self._hand_over(kind, group)
            outcomes = [_Outcome(job) for job in group]
        except jobs.Reschedule as later:
            outcomes = [_Outcome(job, later.due_at, fresh=later.fresh, kind=later.kind) for job in group]
        except asyncio.CancelledError:
            outcomes = [_Outcome(job, now()) for job in group]
        except errors.Unavailable as error:  # nothing is wrong with the jobs
            for job in group:
                _log.warning("job waits", kind=kind, job=job.id, account=job.account_id, detail=error.faults[0].detail)
            outcomes = [_Outcome(job, now() + jobs.back_off(job.attempts), type(error).__name__) for job in group]
        except Exception as error:  # noqa: BLE001 - whatever it is, the jobs are kept
            told = logs.where(error)
            for job in group:
                _log.error("job failed", kind=kind, job=job.id, account=job.account_id, attempts=job.attempts, **told)
            outcomes = [_Outcome(job, now() + jobs.back_off(job.attempts), told["error"]) for job in group]
        self._outcomes += outcomes

    async def _hand_over(self, kind: str, group: Sequence[Job]) -> None:
        if kind not in self._together:
            [job] = group
            await self._handlers[kind](self._ctx, job)
            return
        began = time.monotonic()
        async for _ in self._together[kind](self._ctx, group):
            await self._be_patient(time.monotonic() - began)
            began = time.monotonic()
        ended = time.monotonic()
        self._patient_until = ended + _PATIENCE * (ended - began)

    async def _be_patient(self, took: float) -> None:
        """While callers are served, the longer the more time was just taken; not when stopping."""
        ends_at = time.monotonic() + min(_PATIENCE * took, _LONGEST_PATIENCE_SECONDS)
        while self._is_busy() and not self._stopping.is_set() and time.monotonic() < ends_at:
            with suppress(TimeoutError):
                async with asyncio.timeout(_GLANCE_SECONDS):
                    await self._stopping.wait()

    async def _settle(self) -> None:
        """Write down what became of jobs, all in one transaction, or in one for each account where the database is
        sharded; until then their slots are taken. Those whose lease was over and that another worker has taken are that
        one's to settle."""
        for settled in self._to_portions(list(self._outcomes)):
            try:
                count = await self._db.write(partial(_write_down, settled=settled, now=self._ctx.clock()))
            except errors.Unavailable as error:
                if not await self._is_away(settled[0].job.account_id):
                    raise
                _log.warning("worker leaves jobs behind", count=len(settled), detail=error.faults[0].detail)
            else:
                if count < len(settled):
                    _log.warning("jobs were taken over", count=len(settled) - count)
            self._release(settled)

    def _to_portions(self, outcomes: list[_Outcome]) -> list[list[_Outcome]]:
        """What is written down at once: never of several nodes, of which one may be away."""
        if not self._db.is_sharded:
            return [outcomes] if outcomes else []
        ids = sorted({outcome.job.account_id for outcome in outcomes})
        return [[outcome for outcome in outcomes if outcome.job.account_id == id] for id in ids]

    async def _is_away(self, account_id: int) -> bool:
        """Whether the account's node is, so that its jobs come back by themselves and hold up no others meanwhile."""
        reachable = await self._ctx.health.find_reachable()
        return reachable is not None and account_id not in reachable

    def _release(self, settled: Sequence[_Outcome]) -> None:
        gone = {*map(id, settled)}
        self._outcomes = [outcome for outcome in self._outcomes if id(outcome) not in gone]
        self._in_hand.subtract(outcome.job.kind for outcome in settled)
        for job in (outcome.job for outcome in settled):
            key = (job.account_id, job.id)
            self._lent.get(job.kind, set()).discard(key)
            if self._held.get(key) is job:
                del self._held[key]

    async def _settle_all(self) -> None:
        if self._tasks:
            await asyncio.wait(self._tasks)
        try:
            await self._settle()
        except errors.Unavailable as error:  # their leases end by themselves, and they are done again
            _log.warning("worker leaves jobs behind", count=len(self._outcomes), detail=error.faults[0].detail)

    async def _rest(self) -> None:
        """Until a job is enqueued in this process or one in hand ends, but no longer than a poll."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pace.poll_seconds):
                await self._db.work.wait()


async def _write_down(tx: Transaction, settled: Sequence[_Outcome], now: datetime) -> int:
    """How many of them were still this worker's."""
    count = 0
    done: dict[int, list[Job]] = {}
    for job, due_at, error, fresh, kind in settled:
        if due_at is None:
            done.setdefault(job.account_id, []).append(job)
        else:
            count += await jobs.retry(tx, job, now=now, due_at=due_at, error=error, fresh=fresh, kind=kind)
    for finished in done.values():
        count += await jobs.finish(tx, finished)
    return count


def _to_groups(claimed: Sequence[Job], together: Collection[str]) -> list[tuple[str, list[Job]]]:
    """What is handed over at once: the jobs of a kind that is done together, or a single one."""
    groups = {kind: [job for job in claimed if job.kind == kind] for kind in together}
    whole = [(kind, group) for kind, group in groups.items() if group]
    return whole + [(job.kind, [job]) for job in claimed if job.kind not in groups]
