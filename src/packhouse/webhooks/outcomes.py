"""What became of attempts: written down, retried on schedule, given up at last; and the receiver judged by it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from sqlalchemy import bindparam, delete, select, update

from packhouse.accounts import audit
from packhouse.kit import clock
from packhouse.kit.db import Transaction
from packhouse.webhooks import queries
from packhouse.webhooks.queries import ConnectionRow, DeliveryRow
from packhouse.webhooks.sender import Answer
from packhouse.webhooks.tables import connections, deliveries

_log = structlog.get_logger()

SLOW = timedelta(seconds=1)
_PRUNED_AT_ONCE = 500
_c, _d = connections.c, deliveries.c

# Account, integration (None: of none alone), an entry for the logs of integrations.
Tell = Callable[[Transaction, int, int | None, dict[str, Any], datetime], Awaitable[None]]
# Who acts where the server does by itself.
_ACTOR = "server:webhooks"


class RetryPolicy(NamedTuple):
    """The schedule of the contract: after the first attempt ten more, the waits doubling from the first to the longest.

    `turn`: how long a receiver is served before others get their chance. `slow`: an answer that takes longer makes its
    receiver one of the slow, until all of a turn's answers take less.
    """

    first_wait: timedelta = timedelta(minutes=5)
    longest_wait: timedelta = timedelta(hours=1)
    retries: int = 10
    pause_after: timedelta = timedelta(days=5)
    keep: timedelta = timedelta(days=30)
    concurrency: int = 10
    turn: timedelta = timedelta(seconds=20)
    slow: timedelta = SLOW

    def is_slow(self, answer: Answer) -> bool:
        return answer.duration_ms > self.slow / timedelta(milliseconds=1)

    def find_sweep(self) -> timedelta:
        """How often a paused receiver's deliveries are looked through for what is kept no longer."""
        return max(self.keep / 30, timedelta(seconds=1))

    def find_wait(self, attempts: int) -> timedelta | None:
        """Before the next attempt, after so many; None after the last."""
        if attempts > self.retries:
            return None
        doubled: int = 2 ** (attempts - 1)
        return min(self.first_wait * doubled, self.longest_wait)


class Attempt(NamedTuple):
    delivery: DeliveryRow
    answer: Answer
    at: datetime


_WRITE_DOWN = (
    update(deliveries)
    .where(
        _d.account_id == bindparam("of_account"),
        _d.id == bindparam("of_id"),
        # Sent again by hand meanwhile: then what became of this attempt is not what is asked for.
        _d.scheduled_at == bindparam("as_scheduled"),
    )
    .values(
        status=bindparam("status"),
        attempts=bindparam("attempts"),
        due_at=bindparam("due_at"),
        scheduled_at=bindparam("scheduled_at"),
        attempted_at=bindparam("attempted_at"),
        status_code=bindparam("status_code"),
        answer=bindparam("answer"),
        error=bindparam("error"),
    )
)


async def bring_back(tx: Transaction, account_id: int, connection_id: int, *, now: datetime) -> None:
    """What a clock that was ahead of ours has put off is due now (docs/decisions/0038-clocks-that-jump.md)."""
    of_it = (_d.account_id == account_id, _d.connection_id == connection_id, _d.due_at.is_not(None))
    ahead = _d.scheduled_at > now + clock.TOLERANCE
    await tx.execute(update(deliveries).where(*of_it, ahead).values(due_at=now, scheduled_at=now))


async def write_down(
    tx: Transaction, policy: RetryPolicy, tell: Tell, attempts: Sequence[Attempt], *, now: datetime
) -> None:
    """Attempts at one receiver."""
    first = attempts[0].delivery
    receiver = await queries.find_connection(tx, first.account_id, first.connection_id)
    rows = [_to_changes(policy, attempt) for attempt in attempts]
    if receiver is not None and receiver.paused_at is not None:  # asked for by hand, once
        rows = [row if row["due_at"] is None else {**row, "status": "held", "due_at": None} for row in rows]
    await tx.execute(_WRITE_DOWN, rows)
    for attempt, row in zip(attempts, rows, strict=True):
        if row["status"] == "failed":
            await _tell_of_failure(tx, tell, receiver, attempt, now)
    if receiver is not None:
        since = await _judge(tx, policy, receiver, attempts)
        if since is not None and now - since >= policy.pause_after and receiver.paused_at is None:
            await _pause(tx, policy, tell, receiver, now)
    await prune(tx, first.account_id, first.connection_id, now - policy.keep)


def _to_changes(policy: RetryPolicy, attempt: Attempt) -> dict[str, Any]:
    count = attempt.delivery.attempts + 1
    wait = None if attempt.answer.is_success else policy.find_wait(count)
    ended = "delivered" if attempt.answer.is_success else "failed"
    status = ended if wait is None else "pending"
    return {
        "of_account": attempt.delivery.account_id,
        "of_id": attempt.delivery.id,
        "status": status,
        "attempts": count,
        "as_scheduled": attempt.delivery.scheduled_at,
        "due_at": None if wait is None else attempt.at + wait,
        "scheduled_at": attempt.at,
        "attempted_at": attempt.at,
        "status_code": attempt.answer.status_code,
        "answer": attempt.answer.body,
        "error": attempt.answer.error,
    }


async def _tell_of_failure(
    tx: Transaction, tell: Tell, receiver: ConnectionRow | None, attempt: Attempt, now: datetime
) -> None:
    """`receiver` is None for one that was deleted meanwhile."""
    found, answer = attempt.delivery, attempt.answer
    why = answer.error or f"status {answer.status_code}"
    _log.warning("delivery failed", account=found.account_id, delivery=found.id, why=why)
    detail = f"Delivery {found.id} ({found.event_type}) was given up after {found.attempts + 1} attempts: {why}."
    entry = _to_entry(receiver, "WebhookFailed", detail)
    if answer.status_code is not None:
        entry |= {"response_code": answer.status_code, "response": {"headers": None, "body": answer.body}}
    await tell(tx, found.account_id, found.integration_id, entry, now)


def _to_entry(receiver: ConnectionRow | None, kind: str, detail: str) -> dict[str, Any]:
    base = "webhook" if receiver is None else queries.to_base_url(receiver)
    return {"base_url": base, "method": "POST", "exception_type": kind, "exception": detail}


async def _judge(
    tx: Transaction, policy: RetryPolicy, receiver: ConnectionRow, attempts: Sequence[Attempt]
) -> datetime | None:
    """Since when the receiver has taken nothing; None for one that took anything. Whether it is slow is noted too."""
    is_well = any(attempt.answer.is_success for attempt in attempts)
    since: datetime | None = None if is_well else receiver.failing_since or attempts[0].at
    is_slow = any(policy.is_slow(attempt.answer) for attempt in attempts)
    slow_since = (receiver.slow_since or attempts[0].at) if is_slow else None
    if (since, slow_since) != (receiver.failing_since, receiver.slow_since):
        of_it = (_c.account_id == receiver.account_id, _c.id == receiver.id)
        await tx.execute(update(connections).where(*of_it).values(failing_since=since, slow_since=slow_since))
    return since


async def _pause(tx: Transaction, policy: RetryPolicy, tell: Tell, receiver: ConnectionRow, now: datetime) -> None:
    """What it has not heard is held until somebody resumes it. Its account is told by its logs and its audit log."""
    of_it = (_c.account_id == receiver.account_id, _c.id == receiver.id)
    await tx.execute(update(connections).where(*of_it).values(paused_at=now))
    waits = (_d.account_id == receiver.account_id, _d.connection_id == receiver.id, _d.status == "pending")
    held = await tx.execute(update(deliveries).where(*waits).values(status="held", due_at=None))
    _log.warning("receiver paused", account=receiver.account_id, connection=receiver.id, held=held.rowcount)
    name = queries.to_name(receiver)
    days = f"{policy.pause_after / timedelta(days=1):g}"
    detail = f"The {name} was paused: it has taken nothing for {days} days. What it misses is held until it is resumed."
    entry = _to_entry(receiver, "WebhookPaused", detail)
    await tell(tx, receiver.account_id, receiver.integration_id, entry, now)
    await audit.record(tx, receiver.account_id, _ACTOR, "connection.paused", name, now=now)


async def prune(tx: Transaction, account_id: int, connection_id: int, before: datetime) -> int:
    """What a receiver heard long ago, or missed and never came back for; a few at a time, oldest first. How many."""
    of_it = (_d.account_id == account_id, _d.connection_id == connection_id)
    oldest = select(_d.id, _d.created_at, _d.status).where(*of_it).order_by(_d.id).limit(_PRUNED_AT_ONCE).subquery()
    over = select(oldest.c.id).where(oldest.c.created_at < before, oldest.c.status.in_(("delivered", "failed", "held")))
    return await tx.change(delete(deliveries).where(_d.account_id == account_id, _d.id.in_(over)))
