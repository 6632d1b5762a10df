"""Orders that people delete on the page: for ten seconds nothing is deleted, so that it can be undone, by anybody.

A row an order says who asked and until when, so that it outlives a reload and is seen by all who look at the list. An
order that is changed or shipped in these seconds is kept: it is no longer what was to be deleted. Its row then says so
until who asked has read it, a day at most.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, jobs
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.orders import operations
from packhouse.orders.tables import order_deletions, orders

JOB = "order.delete"
UNDO = timedelta(seconds=10)
# Why an order is kept.
CHANGED, SHIPPED = "changed", "shipped"
_TOLD = timedelta(days=1)
# Of one transaction, so that no batch of a shop waits long for one of its orders.
_TOGETHER = 50

_o, _d = orders.c, order_deletions.c


async def request_deletion(tx: Transaction, caller: Caller, ids: Collection[int], *, now: datetime) -> None:
    """Ask for the deletion of those that there are. Who asks anew for one lets its seconds begin anew."""
    statement = select(_o.id, _o.version, _o.live_shipments).where(_o.account_id == caller.account_id, _o.id.in_(ids))
    asked = {"account_id": caller.account_id, "due_at": now + UNDO, "by": caller.actor, "kept": None}
    rows = [{**asked, **row._asdict()} for row in await tx.execute(statement)]
    await tx.upsert(order_deletions, rows)
    found = sorted(row["id"] for row in rows)
    parts = [found[at : at + _TOGETHER] for at in range(0, len(found), _TOGETHER)]
    payloads = [{"ids": part, "origin": caller.country_code} for part in parts]
    await jobs.enqueue(tx, caller.account_id, JOB, payloads, now=now, due_at=now + UNDO)


async def undo_deletion(tx: Transaction, account_id: int, ids: Collection[int]) -> set[int]:
    """The ids of those that are gone all the same, because it was too late or somebody else deleted them."""
    await tx.execute(delete(order_deletions).where(_d.account_id == account_id, _d.id.in_(ids)))
    left = await tx.fetch_values(select(_o.id).where(_o.account_id == account_id, _o.id.in_(ids)))
    return set(ids) - set(left)


class Deletion(NamedTuple):
    """A deletion that is under way."""

    id: int
    due_at: datetime
    by: str


class Kept(NamedTuple):
    """An order that was not deleted: `kept` says why."""

    id: int
    order_number: str
    kept: str


async def list_deletions(tx: Reader, account_id: int) -> list[Deletion]:
    """Those under way, the first due first."""
    statement = select(_d.id, _d.due_at, _d.by).where(_d.account_id == account_id, _d.kept.is_(None))
    return await tx.fetch_all(statement.order_by(_d.due_at, _d.id), into=Deletion)


async def list_kept(tx: Reader, account_id: int, by: str) -> list[Kept]:
    """List what `by` asked to delete and was kept, until they have read it."""
    statement = (
        select(_d.id, _o.order_number, _d.kept)
        .join(orders, (_o.account_id == _d.account_id) & (_o.id == _d.id))
        .where(_d.account_id == account_id, _d.by == by, _d.kept.is_not(None))
    )
    return await tx.fetch_all(statement.order_by(_o.order_number, _d.id), into=Kept)


async def forget_kept(tx: Transaction, account_id: int, by: str, ids: Collection[int]) -> None:
    """They have read it."""
    read = (_d.account_id == account_id, _d.by == by, _d.id.in_(ids), _d.kept.is_not(None))
    await tx.execute(delete(order_deletions).where(*read))


async def handle(db: Database, job: jobs.Job, now: datetime) -> None:
    """Deletes what is due and as it was; run twice, it finds nothing left to do."""
    ids = job.payload["ids"]

    async def work(tx: Transaction) -> None:
        is_due = (_d.due_at <= now) | (_d.due_at > now + UNDO + clock.TOLERANCE)
        mine = (_d.account_id == job.account_id, _d.id.in_(ids), is_due, _d.kept.is_(None))
        due = {row.id: row for row in await tx.execute(select(order_deletions).where(*mine).with_for_update())}
        stored = select(_o.id, _o.version, _o.live_shipments).where(_o.account_id == job.account_id, _o.id.in_(due))
        in_turn = stored.order_by(_o.integration_id, _o.order_id).with_for_update()
        kept: dict[str, list[int]] = {CHANGED: [], SHIPPED: []}
        for row in await tx.fetch_all(in_turn):
            asked = due[row.id]
            if (row.version, row.live_shipments) == (asked.version, asked.live_shipments):
                caller = Caller(job.account_id, job.payload["origin"], asked.by)
                await operations.delete_order(tx, caller, row.id, now=now)
            else:
                kept[SHIPPED if row.live_shipments > asked.live_shipments else CHANGED].append(row.id)
        await _settle(tx, job.account_id, due, kept, now)

    await db.write(work)


async def _settle(
    tx: Transaction, account_id: int, due: Collection[int], kept: Mapping[str, Collection[int]], now: datetime
) -> None:
    """What was kept is told to who asked; of the rest, and of what was told long ago, nothing is left."""
    told = [id for ids in kept.values() for id in ids]
    for reason, ids in kept.items():
        if ids:
            mine = (_d.account_id == account_id, _d.id.in_(ids))
            await tx.execute(update(order_deletions).where(*mine).values(kept=reason))
    done = [id for id in due if id not in told]
    old = _d.kept.is_not(None) & (_d.due_at < now - _TOLD)
    await tx.execute(delete(order_deletions).where(_d.account_id == account_id, _d.id.in_(done) | old))
