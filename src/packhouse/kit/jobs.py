"""Jobs: rows that are written in the transaction of a change and handled by a worker.

A job is done at least once. Claiming it moves `due_at` forward by a lease and counts an attempt, so the jobs of a
killed worker come back by themselves. A worker that lost its claim, because the lease ended, can no longer finish or
postpone the job. In one lane (an order, a receiver), one job runs at a time, the oldest due one first; the lane "" is
none. A failed job is kept with the kind of its last error, and is tried again after growing waits. A job that was
postponed by a clock ahead of ours is due at once (docs/decisions/0038-clocks-that-jump.md).
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
_MOST_LISTED = 100

_j = jobs.c


class Job(NamedTuple):
    """A claimed job. `attempts` includes this one; together with `claimed_until` it identifies the claim."""

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
    """The jobs of one kind that are still to be done. `age` is the time since the oldest was written; `overdue` is how
    long the longest overdue one has been due. A job that a worker is running is not overdue."""

    jobs: int
    age: timedelta
    overdue: timedelta


NO_BACKLOG = Backlog(0, timedelta(), timedelta())


class Reschedule(Exception):
    """Raised by a handler that is to run again at `due_at`; it is no error. `fresh` resets the attempts; `kind` changes
    the job's kind, for a handler with other slots."""

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
    """Write a job for each payload in one statement. A worker in this process learns of an urgent job at the commit,
    and of others at its next poll. `lanes` has one for each payload if they differ. `ids` were drawn together with
    others, to save a statement."""
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
    """Keep a query over all accounts away from the nodes of a sharded database that are down."""
    return [] if among is None else [_j.account_id == func.any(cast_to(list(among), ARRAY(BigInteger)))]


async def find_accounts(
    db: Database, kinds: Collection[str], *, now: datetime, among: Sequence[int] | None = None
) -> list[int]:
    """Find the accounts that have due jobs. This query cannot name the account, since it finds it; `among` limits it to
    the accounts that can be reached."""
    due = (_j.due_at <= now, _j.kind.in_(sorted(kinds)))
    statement = select(_j.account_id).distinct().where(*due, *_of_these(among))
    async with db.read() as tx:
        return sorted(await tx.fetch_values(statement))


async def bring_back(
    db: Database, *, now: datetime, but: Collection[Job] = (), among: Sequence[int] | None = None
) -> None:
    """Make jobs due that a clock ahead of ours has postponed, and jobs claimable that it claimed. `but` names the jobs
    that run here, because our own clock may have been set back meanwhile. This query cannot name the account, since it
    finds it; `among` is as in `find_accounts`."""
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
    """Claim up to `limit` due jobs of the account, oldest first. Nobody else gets them before the lease ends. `leases`
    has the kinds with another lease."""
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
    """No other job of the lane is running, and no due one is older. The second half prevents two workers that poll at
    the same moment from taking two jobs of one lane: both see the same oldest one, which is locked."""
    other = jobs.alias("other")
    in_hand = other.c.claimed_until > now
    older = and_(other.c.due_at <= now, other.c.id < _j.id)
    mates = (other.c.account_id == account_id, other.c.lane == _j.lane, other.c.id != _j.id, or_(in_hand, older))
    return or_(_j.lane == "", ~exists().where(*mates))


async def finish(tx: Transaction, done: Sequence[Job]) -> int:
    """Delete jobs of one account and return how many. A job that somebody else has claimed meanwhile stays."""
    if not done:
        return 0
    claims = [(job.id, job.attempts, job.claimed_until) for job in done]
    mine = (_j.id.in_([job.id for job in done]), tuple_(_j.id, _j.attempts, _j.claimed_until).in_(claims))
    return await tx.change(delete(jobs).where(_j.account_id == done[0].account_id, *mine))


async def finish_lane(tx: Transaction, job: Job) -> None:
    """Delete the other jobs of this job's lane that nobody is running: this job does their work too."""
    others = (_j.account_id == job.account_id, _j.lane == job.lane, _j.id != job.id)
    await tx.execute(delete(jobs).where(*others, _j.claimed_until.is_(None)))


async def remove_waiting(tx: Transaction, account_id: int, lane: str) -> None:
    """Delete the jobs of a lane that nobody is running."""
    await tx.execute(delete(jobs).where(_j.account_id == account_id, _j.lane == lane, _j.claimed_until.is_(None)))


async def is_mine(tx: Reader, job: Job) -> bool:
    """Return whether nobody else has claimed the job since, and prevent that until the transaction ends. A worker that
    was too slow must not write anything more."""
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
    """Return 1, or 0 if somebody else has claimed the job meanwhile, which leaves it as it is. `error` is the kind of
    an error, never its message, which may contain what a customer typed."""
    changes: dict[str, Any] = {"due_at": due_at, "claimed_until": None, "last_error": error, "kind": kind or job.kind}
    changes["scheduled_at"] = now or job.claimed_at
    if fresh:
        changes["attempts"] = 0
    claimed = (_j.attempts == job.attempts, _j.claimed_until == job.claimed_until)
    mine = (_j.account_id == job.account_id, _j.id == job.id, *claimed)
    return await tx.change(update(jobs).where(*mine).values(changes))


def back_off(attempts: int) -> timedelta:
    """Return 2 seconds after the first failure, doubling up to an hour."""
    doubled: int = 2 ** min(attempts - 1, 20)
    return min(_FIRST_WAIT * doubled, _LONGEST_WAIT)


async def list_jobs(tx: Reader, account_id: int, *, failing: bool = False) -> Sequence[Row[*tuple[Any, ...]]]:
    """List the first hundred jobs that an account still has, oldest first; with `failing`, only those that have failed
    before."""
    statement = select(jobs).where(_j.account_id == account_id)
    if failing:
        statement = statement.where(_j.last_error.is_not(None))
    return await tx.fetch_all(statement.order_by(_j.id).limit(_MOST_LISTED))


async def find_next_due(tx: Reader, account_id: int, *, after: datetime) -> datetime | None:
    """Return when the next job of an account is due, or None."""
    statement = select(_j.due_at).where(_j.account_id == account_id, _j.due_at > after)
    return cast("datetime | None", await tx.fetch_value(statement.order_by(_j.due_at).limit(1)))


async def find_backlog(tx: Reader, *, now: datetime, among: Sequence[int] | None = None) -> dict[str, Backlog]:
    """Return the backlog by kind over all accounts, for the operator. It reads the whole table, which only holds jobs
    that are still to be done. `among` is as in `find_accounts`."""
    past = func.min(case((_j.due_at <= now, _j.due_at)))
    counted = (_j.kind, func.count(), func.min(_j.created_at), past)
    statement = select(*counted).where(*_of_these(among)).group_by(_j.kind)
    return {
        kind: Backlog(count, _since(oldest, now), _since(due_at, now))
        for kind, count, oldest, due_at in await tx.fetch_all(statement)
    }


def _since(moment: datetime | None, now: datetime) -> timedelta:
    """Return at least zero: another machine's clock may be ahead of ours."""
    return max(timedelta(), now - moment) if moment is not None else timedelta()
