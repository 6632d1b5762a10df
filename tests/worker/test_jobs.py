"""Jobs in the database: what is claimed, by whom, in which order, and what becomes of those that fail."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from sqlalchemy import event

from packhouse import worker
from packhouse.bootstrap import create_context
from packhouse.context import Context
from packhouse.kit import jobs
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.webhooks import operations as webhooks
from packhouse.worker import Worker

T = TypeVar("T")

NOW = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
LEASE = timedelta(seconds=60)
OWNER, STRANGER = 1, 2


def on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    async def run() -> T:
        db = Database(url)
        await db.open()
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(run())


async def enqueue(db: Database, account_id: int, *payloads: Any, **options: Any) -> None:
    async with db.begin() as tx:
        await jobs.enqueue(tx, account_id, "test", [{"n": n} for n in payloads], **{"now": NOW, **options})


async def claim(db: Database, account_id: int = OWNER, limit: int = 10, *, now: datetime = NOW) -> list[Any]:
    return [job.payload["n"] for job in await jobs.claim(db, account_id, limit, now=now, lease=LEASE)]


async def list_left(db: Database, account_id: int = OWNER, *, failing: bool = False) -> list[Any]:
    async with db.read() as tx:
        return list(await jobs.list_jobs(tx, account_id, failing=failing))


class Hands:
    """A worker and its clock; `handle` is given each job's number."""

    def __init__(self, db: Database, handle: Callable[[int], Awaitable[None]]) -> None:
        self.now = NOW
        self.done: list[int] = []
        self._handle = handle
        self.worker = Worker(
            create_context(Settings(database_url="sqlite:///unused.db"), db, now=lambda: self.now, carriers=[]),
            {"test": self._do},
        )

    async def _do(self, _ctx: Context, job: jobs.Job) -> None:
        await self._handle(job.payload["n"])
        self.done.append(job.payload["n"])


async def nothing(_n: int) -> None:
    pass


def test_a_job_is_claimed_once_and_comes_back_when_its_lease_is_over(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, 2, 3)
        assert await claim(db, limit=2) == [1, 2]
        assert await claim(db) == [3]
        assert await claim(db) == []
        assert await claim(db, now=NOW + LEASE) == [1, 2, 3]
        assert [row.attempts for row in await list_left(db)] == [2, 2, 2]

    on(database_url, work)


def test_a_job_is_not_claimed_before_it_is_due_nor_by_another_account(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, due_at=NOW + timedelta(seconds=5))
        assert await claim(db) == []
        assert await claim(db, STRANGER, now=NOW + LEASE) == []
        assert await claim(db, now=NOW + timedelta(seconds=5)) == [1]

    on(database_url, work)


def test_an_undone_change_leaves_no_job_and_wakes_nobody(database_url: str) -> None:
    async def work(db: Database) -> None:
        async def enqueue_and_fail() -> None:
            async with db.begin() as tx:
                await jobs.enqueue(tx, OWNER, "test", [{"n": 1}], now=NOW)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await enqueue_and_fail()
        assert not db.work.is_set()
        assert await list_left(db) == []
        await enqueue(db, OWNER, 1)
        assert db.work.is_set()

    on(database_url, work)


def test_of_a_lane_one_job_is_in_hand_and_the_oldest_comes_first(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, 2, lane="order:1")
        await enqueue(db, OWNER, 3, lane="order:2")
        [first, other] = await jobs.claim(db, OWNER, 10, now=NOW, lease=LEASE)
        assert (first.payload["n"], other.payload["n"]) == (1, 3)
        assert await claim(db) == []
        async with db.begin() as tx:
            await jobs.finish(tx, [first])
        assert await claim(db) == [2]

    on(database_url, work)


def test_a_job_that_waits_to_be_tried_again_does_not_hold_up_its_lane(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, 2, lane="order:1")
        [first] = await jobs.claim(db, OWNER, 10, now=NOW, lease=LEASE)
        async with db.begin() as tx:
            await jobs.retry(tx, first, due_at=NOW + LEASE, error="Unreachable")
        assert await claim(db) == [2]

    on(database_url, work)


def test_two_workers_share_the_jobs_of_an_account_and_take_none_twice(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, *range(200))
        taken: list[Any] = []

        async def take() -> None:
            while found := await claim(db, limit=7):
                taken.extend(found)

        await asyncio.gather(*(take() for _ in range(4)))
        assert sorted(taken) == list(range(200))

    on(database_url, work)


def test_accounts_with_a_short_queue_do_not_wait_for_one_with_a_long_one(database_url: str) -> None:
    async def work(db: Database) -> list[int]:
        await enqueue(db, OWNER, *range(300))
        await enqueue(db, STRANGER, 1000)
        hands = Hands(db, nothing)
        assert await hands.worker.drain() == 301
        return hands.done

    done = on(database_url, work)
    assert sorted(done) == [*range(300), 1000]
    assert done.index(1000) < 2 * worker.USUAL_SLOTS


def test_a_claim_is_one_statement_that_names_the_account(database_url: str) -> None:
    async def work(db: Database) -> list[str]:
        await enqueue(db, OWNER, 1, lane="order:1")
        seen: list[str] = []
        event.listen(db._writer.sync_engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
        assert await claim(db) == [1]
        return seen

    [statement] = [text for text in on(database_url, work) if not text.startswith("BEGIN")]
    assert statement.count("account_id = ") >= 3


def test_a_job_that_fails_is_kept_and_tried_again_later_and_later(database_url: str) -> None:
    async def fail(_n: int) -> None:
        raise ValueError("Ada Visser, Keizersgracht 12")

    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1)
        hands = Hands(db, fail)
        waits = []
        for _ in range(14):
            assert await hands.worker.drain() == 1
            [row] = await list_left(db, failing=True)
            waits.append((row.due_at - hands.now).total_seconds())
            hands.now = row.due_at
        assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3600, 3600, 3600]
        assert (row.attempts, row.last_error) == (14, "ValueError")
        hands._handle = nothing
        assert await hands.worker.drain() == 1
        assert await list_left(db) == []

    on(database_url, work)


def test_a_job_may_ask_to_be_done_later_without_failing(database_url: str) -> None:
    async def later(_n: int) -> None:
        raise jobs.Reschedule(NOW + LEASE, fresh=True)

    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1)
        hands = Hands(db, later)
        assert await hands.worker.drain() == 1
        [row] = await list_left(db)
        assert (row.due_at, row.attempts, row.last_error) == (NOW + LEASE, 0, None)

    on(database_url, work)


def test_a_worker_leaves_kinds_that_it_does_not_know(database_url: str) -> None:
    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await jobs.enqueue(tx, OWNER, "tomorrow's", [{}], now=NOW)
        assert await Hands(db, nothing).worker.drain() == 0
        assert [row.attempts for row in await list_left(db)] == [0]

    on(database_url, work)


def test_a_stopping_worker_finishes_what_it_has_in_hand(database_url: str) -> None:
    async def work(db: Database) -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_n: int) -> None:
            started.set()
            await go_on.wait()

        hands = Hands(db, wait)
        running = asyncio.create_task(hands.worker.run())
        await enqueue(db, OWNER, 1)
        await started.wait()
        stopping = asyncio.create_task(hands.worker.stop(30))
        await asyncio.sleep(0)
        assert not stopping.done()
        await enqueue(db, OWNER, 2)
        go_on.set()
        await stopping
        await running
        assert hands.done == [1]
        [left] = await list_left(db)  # not even looked at, or given back
        assert left.due_at <= NOW

    on(database_url, work)


def test_a_stopping_worker_gives_back_what_takes_too_long(database_url: str) -> None:
    async def work(db: Database) -> None:
        started = asyncio.Event()

        async def hang(_n: int) -> None:
            started.set()
            await asyncio.Event().wait()

        hands = Hands(db, hang)
        running = asyncio.create_task(hands.worker.run())
        await enqueue(db, OWNER, 1)
        await started.wait()
        await hands.worker.stop(0.01)
        await running
        assert await claim(db) == [1]

    on(database_url, work)


def test_receivers_that_hang_leave_slots_to_the_others(database_url: str) -> None:
    async def work(db: Database) -> None:
        heard, go_on = asyncio.Event(), asyncio.Event()
        hanging: Counter[str] = Counter()

        async def handle(_ctx: Context, job: jobs.Job) -> None:
            if job.payload["n"] == "quick":
                heard.set()
                return
            hanging[job.kind] += 1
            await go_on.wait()

        async def tell(kind: str, *payloads: Any) -> None:
            async with db.begin() as tx:
                await jobs.enqueue(tx, OWNER, kind, [{"n": n} for n in payloads], now=NOW)

        slots = {kind: worker.SLOTS[kind] for kind in (webhooks.JOB, webhooks.SLOW_JOB)}
        hand = Worker(Hands(db, nothing).worker._ctx, dict.fromkeys(slots, handle))
        await tell(webhooks.SLOW_JOB, *range(slots[webhooks.SLOW_JOB] + 50))
        await tell(webhooks.JOB, *range(slots[webhooks.JOB]), "quick")
        running = asyncio.create_task(hand.run())
        await asyncio.wait_for(heard.wait(), 60)
        assert hanging == slots
        go_on.set()
        await hand.stop(60)
        await running
        assert await hand.drain() == 50
        assert hanging[webhooks.SLOW_JOB] == slots[webhooks.SLOW_JOB] + 50
        assert hand._in_hand.total() == 0
        assert not any(hand._lent.values())

    on(database_url, work)


def test_jobs_that_are_done_together_wait_while_callers_are_served(database_url: str) -> None:
    async def work(db: Database) -> None:
        groups: list[list[int]] = []
        is_busy = True

        async def take(_ctx: Context, group: Sequence[jobs.Job]) -> AsyncIterator[None]:
            await asyncio.sleep(1)
            groups.append([job.payload["n"] for job in group])
            if not group:
                yield

        ctx = Hands(db, nothing).worker._ctx
        hand = Worker(ctx, {}, {"test": take}, is_busy=lambda: is_busy)
        await enqueue(db, OWNER, 1, 2, 3)
        await hand.drain()
        await enqueue(db, OWNER, 4, 5)
        assert await hand.drain() == 0  # the next nineteen seconds are the callers'
        assert groups == [[1, 2, 3]]
        is_busy = False
        assert await hand.drain() == 2
        assert (groups[1:], await list_left(db)) == ([[4, 5]], [])

    on(database_url, work)


@pytest.mark.parametrize("end", ["quiet", "stop"])
def test_a_group_waits_between_its_stretches_while_callers_are_served(database_url: str, end: str) -> None:
    async def work(db: Database) -> None:
        began: list[int] = []
        first, second = asyncio.Event(), asyncio.Event()
        is_busy = True

        async def take(_ctx: Context, _group: Sequence[jobs.Job]) -> AsyncIterator[None]:
            began.append(1)
            first.set()
            await asyncio.sleep(0.3)
            yield
            began.append(2)
            second.set()

        hand = Worker(Hands(db, nothing).worker._ctx, {}, {"test": take}, is_busy=lambda: is_busy)
        await enqueue(db, OWNER, 1)
        running = asyncio.create_task(hand.run())
        await asyncio.wait_for(first.wait(), 60)
        await asyncio.sleep(1)
        assert began == [1]
        if end == "quiet":
            is_busy = False
            await asyncio.wait_for(second.wait(), 60)
        await hand.stop(60)
        await running
        assert (began, await list_left(db)) == ([1, 2], [])

    on(database_url, work)


def test_jobs_of_a_group_that_fails_are_all_kept(database_url: str) -> None:
    async def work(db: Database) -> None:
        async def fail(_ctx: Context, _group: Sequence[jobs.Job]) -> AsyncIterator[None]:
            yield
            raise RuntimeError

        hand = Worker(Hands(db, nothing).worker._ctx, {}, {"test": fail})
        await enqueue(db, OWNER, 1, 2)
        await hand.drain()
        assert [row.last_error for row in await list_left(db)] == ["RuntimeError"] * 2

    on(database_url, work)


async def claim_one(db: Database, now: datetime) -> jobs.Job:
    [job] = await jobs.claim(db, OWNER, 1, now=now, lease=LEASE)
    return job


async def try_to(db: Database, how: str, job: jobs.Job) -> int:
    async with db.begin() as tx:
        if how == "finish":
            return await jobs.finish(tx, [job])
        return await jobs.retry(tx, job, due_at=NOW, fresh=how == "retry afresh")


@pytest.mark.parametrize("how", ["finish", "retry", "retry afresh"])
def test_who_has_lost_a_job_can_neither_finish_it_nor_put_it_off(database_url: str, how: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1)
        lost = await claim_one(db, NOW)
        again = await claim_one(db, NOW + LEASE)
        assert await try_to(db, how, lost) == 0
        assert await claim(db, now=NOW + LEASE) == []  # it is still in hand
        # The one who has it puts it off and counts anew, and a third one claims it: the first attempt once more.
        assert await try_to(db, "retry afresh", again) == 1
        third = await claim_one(db, NOW + 2 * LEASE)
        assert third.attempts == lost.attempts
        assert await try_to(db, how, lost) == 0
        assert await try_to(db, how, again) == 0
        assert await try_to(db, "finish", third) == 1
        assert await list_left(db) == []

    on(database_url, work)


def test_a_worker_that_stalls_leaves_its_job_to_the_one_that_took_it(database_url: str) -> None:
    async def work(db: Database) -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def stall(_n: int) -> None:
            started.set()
            await go_on.wait()

        async def put_off(_n: int) -> None:
            raise jobs.Reschedule(NOW + 3 * LEASE, fresh=True)

        stalled, quick = Hands(db, stall), Hands(db, put_off)
        await enqueue(db, OWNER, 1)
        running = asyncio.create_task(stalled.worker.drain())
        await asyncio.wait_for(started.wait(), 60)
        quick.now = stalled.now = NOW + LEASE
        assert await quick.worker.drain() == 1
        go_on.set()
        await asyncio.wait_for(running, 60)
        [row] = await list_left(db)  # not finished by the one who had lost it
        assert (row.due_at, row.attempts) == (NOW + 3 * LEASE, 0)
        assert stalled.worker._in_hand.total() == 0

    on(database_url, work)


@pytest.mark.parametrize(("lease", "carrier", "expected"), [(2, 45, 54), (60, 45, 60), (2, 1, 2)])
def test_a_job_that_asks_a_carrier_is_in_hand_for_as_long_as_that_may_take(
    database_url: str, lease: float, carrier: int, expected: float
) -> None:
    async def work(db: Database) -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def ask(_ctx: Context, _job: jobs.Job) -> None:
            started.set()
            await go_on.wait()

        settings = Settings(database_url="sqlite:///unused.db", carriers_timeout_seconds=int(carrier))
        ctx = create_context(settings, db, now=lambda: NOW, carriers=[])
        pace = worker.WorkerConfig(lease=timedelta(seconds=lease))
        hand = Worker(ctx, {"label.announce": ask, "test": ask}, pace=pace)
        async with db.begin() as tx:
            await jobs.enqueue(tx, OWNER, "label.announce", [{"n": 1}], now=NOW)
            await jobs.enqueue(tx, OWNER, "test", [{"n": 2}], now=NOW)
        running = asyncio.create_task(hand.run())
        await started.wait()
        asking, other = await list_left(db)
        assert asking.claimed_until == asking.due_at == NOW + timedelta(seconds=expected)
        assert other.claimed_until == NOW + timedelta(seconds=lease)
        go_on.set()
        await hand.stop(60)
        await running

    on(database_url, work)
