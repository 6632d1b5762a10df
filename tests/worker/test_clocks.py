"""A clock that jumps by an hour, in either direction, delays nothing by more than a minute and a lease."""

import asyncio
from datetime import datetime, timedelta

import pytest

from packhouse.kit import jobs
from packhouse.kit.db import Database
from tests.worker.test_jobs import LEASE, NOW, OWNER, Hands, claim, enqueue, list_left, nothing, on

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


async def drain(db: Database, now: datetime) -> list[int]:
    hands = Hands(db, nothing)
    hands.now = now
    await hands.worker.drain()
    return hands.done


@pytest.mark.parametrize("wait", [timedelta(), timedelta(seconds=10), HOUR])
def test_a_job_that_was_written_while_the_clock_was_ahead(database_url: str, wait: timedelta) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, now=NOW + HOUR, due_at=NOW + HOUR + wait)
        assert await drain(db, NOW + MINUTE) == [1]

    on(database_url, work)


def test_a_job_that_was_put_off_while_the_clock_was_ahead(database_url: str) -> None:
    """Though it was written long before."""

    async def fail(_n: int) -> None:
        raise ValueError

    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, now=NOW - 24 * HOUR)
        hands = Hands(db, fail)
        hands.now = NOW + HOUR
        await hands.worker.drain()
        assert await drain(db, NOW + MINUTE) == [1]

    on(database_url, work)


def test_a_job_whose_worker_died_while_the_clock_was_ahead(database_url: str) -> None:
    """It blocks neither itself nor its lane."""

    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, 2, lane="order:1", now=NOW)
        assert await claim(db, now=NOW + HOUR) == [1]
        assert sorted(await drain(db, NOW + LEASE + MINUTE)) == [1, 2]

    on(database_url, work)


def test_what_waits_by_a_clock_like_ours_waits(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, 1, now=NOW, due_at=NOW + 2 * HOUR)
        await enqueue(db, OWNER, 2, now=NOW + timedelta(seconds=20), due_at=NOW + timedelta(seconds=40))
        assert await claim(db, now=NOW) == []
        assert await drain(db, NOW) == []
        assert await drain(db, NOW + timedelta(seconds=40)) == [2]
        assert [row.due_at for row in await list_left(db)] == [NOW + 2 * HOUR]

    on(database_url, work)


def test_what_is_in_hand_is_not_taken_twice_when_the_clock_is_set_back(database_url: str) -> None:
    async def work(db: Database) -> None:
        begun: list[int] = []
        first, second, go_on = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def wait(n: int) -> None:
            begun.append(n)
            (first if n == 1 else second).set()
            await go_on.wait()

        hands = Hands(db, wait)
        await enqueue(db, OWNER, 1)
        running = asyncio.create_task(hands.worker.run())
        await asyncio.wait_for(first.wait(), 60)
        hands.now = NOW - HOUR
        await enqueue(db, OWNER, 2, now=NOW - HOUR)
        await asyncio.wait_for(second.wait(), 60)
        go_on.set()
        await hands.worker.stop(60)
        await running
        assert sorted(begun) == [1, 2]
        assert await list_left(db) == []

    on(database_url, work)


def test_many_jobs_come_back(database_url: str) -> None:
    async def work(db: Database) -> None:
        await enqueue(db, OWNER, *range(1200), now=NOW + HOUR)
        await jobs.bring_back(db, now=NOW)
        rows = await jobs.claim(db, OWNER, 2000, now=NOW, lease=LEASE)
        assert len(rows) == 1200

    on(database_url, work)
