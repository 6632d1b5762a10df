"""Does the jobs: claims what is due, account by account in turn, hands each to its handler, keeps what fails.

One runs inside every server process (`packhouse serve`), or alone (`packhouse worker`), as many as one likes.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import structlog

from packhouse.accounts import reset_links
from packhouse.integrations import operations as integrations
from packhouse.kit import clock, errors, jobs, logs, places
from packhouse.kit.clock import Clock
from packhouse.kit.db import Database, Transaction
from packhouse.kit.jobs import Job
from packhouse.kit.mail import Mailer
from packhouse.kit.vault import Vault
from packhouse.orders import deletions, search
from packhouse.orders import operations as orders
from packhouse.orders.files import uploads
from packhouse.privacy import operations as privacy
from packhouse.privacy import retention
from packhouse.settings import Settings
from packhouse.shipping import announce, staleness, storage, tracking
from packhouse.shipping import operations as shipments
from packhouse.shipping.announce import Desk
from packhouse.shipping.carriers import Carrier, registry
from packhouse.shipping.options import Options
from packhouse.webhooks import delivery
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.delivery import Messenger
from packhouse.webhooks.outcomes import Patience
from packhouse.webhooks.sender import Sender

_log = structlog.get_logger()


@dataclass(frozen=True)
class Workshop:
    """What handlers need, composed once by `open_workshop`."""

    db: Database
    clock: Clock
    desk: Desk
    messenger: Messenger
    mailer: Mailer | None = None


Handler: TypeAlias = Callable[[Workshop, Job], Awaitable[None]]
# It gives back nothing, after each stretch but the last: there it may be left waiting.
GroupHandler: TypeAlias = Callable[[Workshop, Sequence[Job]], AsyncIterator[None]]

# A handler that returns has done its job, one that raises `jobs.Later` wants it again then, any other exception is
# kept with the job, which is tried again with back-off. It may be run twice for one job, and must not mind.
JOBS: dict[str, Handler] = {
    uploads.JOB: lambda workshop, job: uploads.handle(workshop.db, job, workshop.clock),
    deletions.JOB: lambda workshop, job: deletions.handle(workshop.db, job, workshop.clock()),
    shipments.JOB: lambda workshop, job: announce.handle(workshop.desk, job),
    search.REINDEX_JOB: lambda workshop, job: search.handle_reindex(workshop.db, job, workshop.clock()),
    orders.COMPARE_JOB: lambda workshop, job: staleness.handle(workshop.db, job, workshop.clock()),
    shipments.TRACK_JOB: lambda workshop, job: tracking.handle(workshop.desk, job),
    privacy.RETAIN_JOB: lambda workshop, job: retention.retain(workshop.desk, job),
    privacy.FINISH_JOB: lambda workshop, job: retention.finish(workshop.desk, job),
    reset_links.JOB: lambda workshop, job: reset_links.handle(workshop.db, workshop.mailer, job, workshop.clock()),
    webhooks.JOB: lambda workshop, job: delivery.deliver(workshop.messenger, job),
    webhooks.SLOW_JOB: lambda workshop, job: delivery.deliver(workshop.messenger, job),
}

# Kinds of which several of one account are done in one go, and not before callers are served: as long as requests keep
# coming to this process, such a kind gets a twentieth of the time.
TOGETHER: dict[str, GroupHandler] = {
    search.JOB: lambda workshop, group: search.handle(workshop.db, group),
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


class Loan(NamedTuple):
    """What a job of a kind does that has been in hand for so long: it gives its slot to another, as `most` may."""

    seconds: float
    most: int


# A receiver that is not known as slow may hang for the first time.
LOANS: dict[str, Loan] = {webhooks.JOB: Loan(seconds=1, most=400)}


# Kinds that ask a carrier, and the time of such a job in times of the carrier's answer.
ASKING = (shipments.JOB, shipments.TRACK_JOB)
_WITH_ALL_BESIDE = 1.2


class Pace(NamedTuple):
    """`lease`: how long a job may be in hand. `poll_seconds`: how long other processes' jobs may go unseen."""

    lease: timedelta = timedelta(seconds=60)
    poll_seconds: float = 1.0

    def find_leases(self, carrier_seconds: float) -> dict[str, timedelta]:
        """Of kinds that ask carriers: one that is shorter than an answer may take is raised, or a second worker would
        ask while the first is still waiting."""
        return dict.fromkeys(ASKING, max(self.lease, timedelta(seconds=carrier_seconds * _WITH_ALL_BESIDE)))


USUAL_PACE = Pace()


def create_desk(
    settings: Settings, db: Database, now: Clock = clock.now, carriers: Sequence[Carrier] | None = None
) -> Desk:
    """Carriers are those that are installed, unless they are given. Raises StorageError and InvalidRates."""
    places.use_rates(settings.exchange_rates_file)
    secret = settings.s3_secret_key
    store = storage.open_store(
        settings.documents_url,
        endpoint=settings.s3_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=secret.get_secret_value() if secret else None,
    )
    installed = registry.find_carriers() if carriers is None else carriers
    return Desk(
        db,
        now,
        Options({carrier.code: carrier for carrier in installed}),
        open_vault(settings, db),
        store,
        settings.carriers_timeout_seconds,
    )


@asynccontextmanager
async def open_messenger(settings: Settings, db: Database, now: Clock = clock.now) -> AsyncIterator[Messenger]:
    """What telling others needs; the server has one for its test broadcasts."""
    sender = Sender(
        allow_private=settings.webhooks_allow_private,
        connect_seconds=settings.webhooks_connect_timeout_seconds,
        read_seconds=settings.webhooks_read_timeout_seconds,
    )
    patience = Patience(
        first_wait=timedelta(seconds=settings.webhooks_first_wait_seconds),
        longest_wait=timedelta(seconds=settings.webhooks_longest_wait_seconds),
        pause_after=timedelta(days=settings.webhooks_pause_after_days),
        keep=timedelta(days=settings.webhooks_keep_days),
        concurrency=settings.webhooks_concurrency,
        turn=timedelta(seconds=settings.worker_lease_seconds / 3),
    )
    try:
        yield Messenger(db, now, open_vault(settings, db), sender, patience, _write_into_logs)
    finally:
        await sender.close()


async def _write_into_logs(
    db: Database, tx: Transaction, account_id: int, integration_id: int | None, entry: dict[str, Any], now: datetime
) -> None:
    """What could not be told is told by the integration's logs."""
    await integrations.append_log(db, tx, account_id, integration_id, entry, now=now)


def open_vault(settings: Settings, db: Database) -> Vault:
    """Beside a SQLite file there may be a key file; PostgreSQL, where several machines meet, needs the setting."""
    keys = settings.secret_key.get_secret_value() if settings.secret_key else None
    return Vault(keys, Path(f"{db.url.database}.key") if db.is_sqlite else None)


def open_mailer(settings: Settings) -> Mailer | None:
    """None where no mail is sent. The settings say that there is a sender where there is a server."""
    if settings.smtp_url is None or settings.mail_from is None:
        return None
    return Mailer(settings.smtp_url.get_secret_value(), settings.mail_from)


@asynccontextmanager
async def open_workshop(
    settings: Settings, db: Database, now: Clock = clock.now, carriers: Sequence[Carrier] | None = None
) -> AsyncIterator[Workshop]:
    async with open_messenger(settings, db, now) as messenger:
        desk = replace(create_desk(settings, db, now, carriers), is_worker=True)
        yield Workshop(db, now, desk, messenger, open_mailer(settings))


@asynccontextmanager
async def running(
    settings: Settings,
    db: Database,
    now: Clock = clock.now,
    carriers: Sequence[Carrier] | None = None,
    is_busy: Callable[[], bool] = lambda: False,
) -> AsyncIterator[None]:
    """A worker at work while the block runs. At its end it takes nothing new and finishes what it has in hand.
    `is_busy` says whether this process is serving callers just now."""
    pace = Pace(lease=timedelta(seconds=settings.worker_lease_seconds))
    async with open_workshop(settings, db, now, carriers) as workshop:
        worker = Worker(workshop, pace=pace, is_busy=is_busy)
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            await worker.stop(settings.stop_timeout_seconds)
            await task


class _Outcome(NamedTuple):
    """Of a job that has been in hand: done without `due_at`."""

    job: Job
    due_at: datetime | None = None
    error: str | None = None
    fresh: bool = False
    kind: str | None = None


class Worker:
    def __init__(
        self,
        workshop: Workshop,
        handlers: Mapping[str, Handler] | None = None,
        together: Mapping[str, GroupHandler] | None = None,
        *,
        pace: Pace = USUAL_PACE,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._workshop = workshop
        self._db = workshop.db
        self._handlers = JOBS if handlers is None else handlers
        self._together = (TOGETHER if handlers is None else {}) if together is None else together
        self._pace = pace
        self._leases = pace.find_leases(workshop.desk.patience_seconds)
        self._is_busy = is_busy
        self._patient_until = 0.0
        self._sizes = dict.fromkeys(self._together, USUAL_SLOTS)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_hand: Counter[str] = Counter()
        self._held: dict[tuple[int, int], Job] = {}
        self._lent: dict[str, set[tuple[int, int]]] = {kind: set() for kind in LOANS}
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
            now = self._workshop.clock()
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
        """Of every kind that is not all taken, how many more could be in hand."""
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
            now = self._workshop.clock()
            await jobs.bring_back(self._db, now=now, but=self._held.values())
            self._accounts = await jobs.find_accounts(self._db, free, now=now)
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
        if kind in LOANS:
            lending = asyncio.get_running_loop().call_later(LOANS[kind].seconds, self._lend, kind, group)
            task.add_done_callback(lambda _: lending.cancel())

    def _lend(self, kind: str, group: Sequence[Job]) -> None:
        if len(self._lent[kind]) < LOANS[kind].most:
            self._lent[kind] |= {(job.account_id, job.id) for job in group}
            self._db.work.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._db.work.set()

    async def _do(self, kind: str, group: Sequence[Job]) -> None:
        now = self._workshop.clock
        try:
            await self._hand_over(kind, group)
            outcomes = [_Outcome(job) for job in group]
        except jobs.Later as later:
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
            await self._handlers[kind](self._workshop, job)
            return
        began = time.monotonic()
        async for _ in self._together[kind](self._workshop, group):
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
        """Write down what became of jobs, all in one transaction; until then their slots are taken. Those whose lease
        was over and that another worker has taken are that one's to settle."""
        if not self._outcomes:
            return
        settled = list(self._outcomes)
        async with self._db.write() as tx:
            count = await _write_down(tx, settled, self._workshop.clock())
        if count < len(settled):
            _log.warning("jobs were taken over", count=len(settled) - count)
        del self._outcomes[: len(settled)]
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
