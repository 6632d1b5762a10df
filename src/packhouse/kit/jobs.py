"""What must happen after a change: rows written with the change, in its transaction, and acted on by a worker.

A job is done at least once. Claiming it pushes `due_at` forward by a lease and counts an attempt, so the jobs of a
worker that was killed come back by themselves. Who claimed a job and lost it to another, because the lease was over,
can no longer finish it or put it off. Of the jobs in one lane (an order, a receiver) one at a time is in hand, the
oldest due first; the lane "" is none. A job that fails is kept, with the kind of its last error, and tried again later
and later. What was put off by a clock that was ahead of ours is due at once
(docs/decisions/0038-clocks-that-jump.md).
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Row,
    Table,
    Text,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import cast as cast_to

from packhouse.kit import clock
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.db.columns import Instant, metadata

jobs = Table(
    "jobs",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("lane", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("claimed_until", Instant),
    Column("scheduled_at", Instant),  # when `due_at` was set, by the clock of who set it
    Column("created_at", Instant, nullable=False),
    Column("last_error", Text),
    # The worker's one look when idle: is anything due, and of whom?
    Index("ix_jobs_due", "due_at", "account_id"),
    Index("ix_jobs_account", "account_id", "due_at", "id"),
    Index("ix_jobs_lane", "account_id", "lane", "id"),
    # Was anything set by a clock that was ahead?
    Index("ix_jobs_scheduled", "scheduled_at", "account_id"),
)

_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(hours=1)
# Jobs of one transaction, where a clock was ahead.
_BROUGHT_AT_ONCE = 500

_j = jobs.c


class Job(NamedTuple):
    """`attempts` counts this one too; with `claimed_until` it says which claim this is."""

    account_id: int
    id: int
    kind: str
    lane: str
    payload: dict[str, Any]
    attempts: int
    created_at: datetime
    claimed_until: datetime | None = None
    claimed_at: datetime | None = None


class Backlog(NamedTuple):
    """What is to be done of one kind. `age`: since the oldest was written; `overdue`: how long the one that waits the
    longest past its time has done so. A job that a worker has in hand is not past its time."""

    jobs: int
    age: timedelta
    overdue: timedelta


NO_BACKLOG = Backlog(0, timedelta(), timedelta())


class Reschedule(Exception):
    """Raised by a handler: not an error, do this job again at `due_at`. `fresh` counts its attempts from zero; `kind`
    makes it one of another kind, for a handler whose slots are others."""

    def __init__(self, due_at: datetime, *, fresh: bool = False, kind: str | None = None) -> None:
        super().__init__(due_at)
        self.due_at = due_at
        self.fresh = fresh
        self.kind = kind


async def enqueue(
    tx: Transaction,
    account_id: int,
    kind: str,
    payloads: Sequence[dict[str, Any]],
    *,
    now: datetime,
    lane: str = "",
    lanes: Sequence[str] | None = None,
    due_at: datetime | None = None,
    ids: Sequence[int] | None = None,
    is_urgent: bool = True,
) -> None:
    """A job for each payload, written in one statement. A worker in this process hears of an urgent one at the commit,
    of any other when it looks around. `lanes`: one a payload, where they differ. `ids` were drawn together with others,
    to save a statement."""
    if not payloads:
        return
    row = {"account_id": account_id, "kind": kind, "attempts": 0, "due_at": due_at or now}
    row |= {"claimed_until": None, "scheduled_at": now, "created_at": now, "last_error": None}
    ids = await tx.next_ids("jobs", len(payloads)) if ids is None else ids
    lanes = [lane] * len(payloads) if lanes is None else lanes
    rows = [
        {**row, "id": id, "lane": lane, "payload": orjson.dumps(payload).decode()}
        for id, lane, payload in zip(ids, lanes, payloads, strict=True)
    ]
    await tx.upsert(jobs, rows)
    if is_urgent:
        tx.wake_worker()


def _of_these(among: Sequence[int] | None) -> list[ColumnElement[bool]]:
    """What keeps a look over all accounts from the nodes of a sharded database that are away."""
    return [] if among is None else [_j.account_id == func.any(cast_to(list(among), ARRAY(BigInteger)))]


async def find_accounts(
    db: Database, kinds: Collection[str], *, now: datetime, among: Sequence[int] | None = None
) -> list[int]:
    """The accounts that have something due. The one look at jobs that cannot name the account, since it finds it;
    `among` are those that may be asked where not all may."""
    due = (_j.due_at <= now, _j.kind.in_(sorted(kinds)))
    statement = select(_j.account_id).distinct().where(*due, *_of_these(among))
    async with db.read() as tx:
        return sorted(await tx.fetch_values(statement))


async def bring_back(
    db: Database, *, now: datetime, but: Collection[Job] = (), among: Sequence[int] | None = None
) -> None:
    """What a clock that was ahead of ours has put off is due now, and what was claimed by it may be claimed. `but`:
    what is in hand here, where our own clock may have been set back meanwhile. The one look of all but names no
    account, since it finds it; `among` as in `find_accounts`."""
    ahead = _j.scheduled_at > now + clock.TOLERANCE
    async with db.read() as tx:
        found = sorted(await tx.fetch_values(select(_j.account_id).distinct().where(ahead, *_of_these(among))))
    for account_id in found:
        kept = [job.id for job in but if job.account_id == account_id]
        some = select(_j.id).where(_j.account_id == account_id, ahead, _j.id.not_in(kept))
        back = {"due_at": case((_j.due_at < now, _j.due_at), else_=now), "claimed_until": None, "scheduled_at": now}
        count = _BROUGHT_AT_ONCE
        while count == _BROUGHT_AT_ONCE:

            async def work(tx: Transaction) -> Sequence[int]:
                ids = await tx.fetch_values(some.order_by(_j.id).limit(_BROUGHT_AT_ONCE))
                await tx.execute(update(jobs).where(_j.account_id == account_id, _j.id.in_(ids), ahead).values(back))
                return ids

            ids = await db.write(work)
            count = len(ids)


async def claim(
    db: Database,
    account_id: int,
    limit: int,
    *,
    now: datetime,
    lease: timedelta,
    kinds: Collection[str] | None = None,
    leases: Mapping[str, timedelta] | None = None,
) -> list[Job]:
    """At most `limit` jobs of the account that are due, oldest first; nobody else gets them before the lease ends.
    `leases`: those of kinds that have another."""
    due = [_j.account_id == account_id, _j.due_at <= now, _is_first_in_lane(account_id, now)]
    if kinds is not None:
        due.append(_j.kind.in_(sorted(kinds)))
    chosen = select(_j.id).where(*due).order_by(_j.due_at, _j.id).limit(limit)
    if not db.is_sqlite:
        chosen = chosen.with_for_update(skip_locked=True)
    ids = chosen.cte("chosen")
    of_kinds = [(_j.kind == kind, literal(now + own, Instant)) for kind, own in (leases or {}).items()]
    until = case(*of_kinds, else_=literal(now + lease, Instant)) if of_kinds else now + lease
    statement = (
        update(jobs)
        .where(_j.account_id == account_id, _j.id.in_(select(ids.c.id)))
        .values(due_at=until, claimed_until=until, scheduled_at=now, attempts=_j.attempts + 1)
        .returning(_j.account_id, _j.id, _j.kind, _j.lane, _j.payload, _j.attempts, _j.created_at, _j.claimed_until)
    )

    async def work(tx: Transaction) -> Sequence[Any]:
        return await tx.fetch_all(statement)

    rows = await db.write(work)
    return [
        Job(**{**row._asdict(), "payload": orjson.loads(row.payload), "claimed_at": now})
        for row in sorted(rows, key=lambda r: r.id)
    ]


def _is_first_in_lane(account_id: int, now: datetime) -> Any:
    """No other job of the lane is in hand, and none that is due is older.

    The second half keeps two workers that look at the same moment from taking two jobs of one lane: both see the same
    oldest one, and that one is locked.
    """
    other = jobs.alias("other")
    in_hand = other.c.claimed_until > now
    older = and_(other.c.due_at <= now, other.c.id < _j.id)
    mates = (other.c.account_id == account_id, other.c.lane == _j.lane, other.c.id != _j.id, or_(in_hand, older))
    return or_(_j.lane == "", ~exists().where(*mates))


async def finish(tx: Transaction, done: Sequence[Job]) -> int:
    """Take jobs of one account away; how many. One that was claimed by another meanwhile stays."""
    if not done:
        return 0
    claims = [(job.id, job.attempts, job.claimed_until) for job in done]
    mine = (_j.id.in_([job.id for job in done]), tuple_(_j.id, _j.attempts, _j.claimed_until).in_(claims))
    return await tx.change(delete(jobs).where(_j.account_id == done[0].account_id, *mine))


async def finish_lane(tx: Transaction, job: Job) -> None:
    """Take away the other jobs of this one's lane that nobody has in hand: this one does their work too."""
    others = (_j.account_id == job.account_id, _j.lane == job.lane, _j.id != job.id)
    await tx.execute(delete(jobs).where(*others, _j.claimed_until.is_(None)))


async def remove_waiting(tx: Transaction, account_id: int, lane: str) -> None:
    """Take away the jobs of a lane that nobody has in hand."""
    await tx.execute(delete(jobs).where(_j.account_id == account_id, _j.lane == lane, _j.claimed_until.is_(None)))


async def is_mine(tx: Reader, job: Job) -> bool:
    """Whether nobody else has claimed it since: a worker that was too slow is to write nothing more. Until the
    transaction ends nobody does."""
    statement = select(_j.attempts).where(_j.account_id == job.account_id, _j.id == job.id).with_for_update()
    return bool(await tx.fetch_value(statement) == job.attempts)


async def retry(
    tx: Transaction,
    job: Job,
    *,
    due_at: datetime,
    now: datetime | None = None,
    error: str | None = None,
    fresh: bool = False,
    kind: str | None = None,
) -> int:
    """1, or 0 where it was claimed by another meanwhile: then it stays as it is. `error` is a kind of error, never its
    message: that may hold what a customer typed."""
    changes: dict[str, Any] = {"due_at": due_at, "claimed_until": None, "last_error": error, "kind": kind or job.kind}
    changes["scheduled_at"] = now or job.claimed_at
    if fresh:
        changes["attempts"] = 0
    claimed = (_j.attempts == job.attempts, _j.claimed_until == job.claimed_until)
    mine = (_j.account_id == job.account_id, _j.id == job.id, *claimed)
    return await tx.change(update(jobs).where(*mine).values(changes))


def back_off(attempts: int) -> timedelta:
    """2 seconds after the first failure, doubling to an hour."""
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


async def list_jobs(tx: Reader, account_id: int, *, failing: bool = False) -> Sequence[Row[*tuple[Any, ...]]]:
    """What is still to be done for an account, oldest first; with `failing`, only what has failed before."""
    statement = select(jobs).where(_j.account_id == account_id)
    if failing:
        statement = statement.where(_j.last_error.is_not(None))
    return await tx.fetch_all(statement.order_by(_j.id))


async def find_next_due(tx: Reader, account_id: int, *, after: datetime) -> datetime | None:
    """When the next job of an account is due; None where none is to come."""
    statement = select(_j.due_at).where(_j.account_id == account_id, _j.due_at > after)
    return cast("datetime | None", await tx.fetch_value(statement.order_by(_j.due_at).limit(1)))


async def find_backlog(tx: Reader, *, now: datetime, among: Sequence[int] | None = None) -> dict[str, Backlog]:
    """By kind, over all accounts: for the operator, whose question names none. It reads the whole table, which holds
    only what is still to be done. `among` as in `find_accounts`."""
    past = func.min(case((_j.due_at <= now, _j.due_at)))
    counted = (_j.kind, func.count(), func.min(_j.created_at), past)
    statement = select(*counted).where(*_of_these(among)).group_by(_j.kind)
    return {
        kind: Backlog(count, _since(oldest, now), _since(due_at, now))
        for kind, count, oldest, due_at in await tx.fetch_all(statement)
    }


def _since(moment: datetime | None, now: datetime) -> timedelta:
    """Another machine's clock may be ahead of ours."""
    return max(timedelta(), now - moment) if moment is not None else timedelta()
