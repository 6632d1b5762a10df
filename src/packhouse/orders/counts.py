"""How many orders there are, by shop, status and whether they were shipped: kept, not counted.

A transaction that makes, deletes, moves or ships orders adds rows that say by how many of each kind there are more or
fewer; it changes no row that another one changes, so nobody waits for anybody. A worker folds those rows into one for
each kind. What there is is the sum of both, read in one statement
(docs/decisions/0113-counts-are-kept.md).
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, delete, func, select, text, union_all

from packhouse.kit import jobs
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.orders.tables import order_count_changes, order_counts, orders

JOB = "order.count"
# About so many orders change until a worker is asked to fold what they left, and so many rows are folded at once.
_FOLDED_AFTER = 1_000
_AT_ONCE = 5_000

_o, _c, _d = orders.c, order_counts.c, order_count_changes.c
_KIND = ("integration_id", "status_folded", "is_shipped")

_ADD = text(
    "INSERT INTO order_counts (account_id, integration_id, status_folded, is_shipped, total) "
    "VALUES (:account_id, :integration_id, :status_folded, :is_shipped, :total) "
    "ON CONFLICT (account_id, integration_id, status_folded, is_shipped) "
    "DO UPDATE SET total = order_counts.total + excluded.total"
)


class Kind(NamedTuple):
    """What orders are counted by; `is_shipped` is 1 where a live shipment is there."""

    integration_id: int
    status_folded: str
    is_shipped: int


async def record(
    tx: Transaction, account_id: int, before: Iterable[Kind], after: Iterable[Kind], marks: Iterable[int], now: datetime
) -> None:
    """Write down by how many orders there are more of each kind, or fewer, when orders of the kinds `before` are gone
    and those of `after` are there. `marks` are numbers of the changed orders that are others with each change: every
    thousandth asks a worker to fold."""
    changes = Counter(after)
    changes.subtract(before)
    changed = [(kind, total) for kind, total in changes.items() if total]
    if not changed:
        return
    await tx.upsert(order_count_changes, [_to_row(account_id, kind, total) for kind, total in changed])
    if any(mark % _FOLDED_AFTER == 0 for mark in marks):
        await jobs.enqueue(tx, account_id, JOB, [{}], now=now, lane=JOB, is_urgent=False)


def _to_row(account_id: int, kind: Kind, total: int) -> dict[str, Any]:
    return {"account_id": account_id, "id": uuid.uuid4().hex, **kind._asdict(), "total": total}


async def count(tx: Reader, account_id: int, filters: Mapping[str, Any]) -> int:
    """Count what a list with these filters shows on all its pages; they are among `KEPT`."""
    kept = select(_c.total).where(_c.account_id == account_id, *_to_conditions(_c, filters))
    new = select(_d.total).where(_d.account_id == account_id, *_to_conditions(_d, filters))
    both = union_all(kept, new).subquery("both")
    return int(await tx.fetch_value(select(func.coalesce(func.sum(both.c.total), 0))))


KEPT = frozenset({"incoming", "integration", "status"})
"""The filters of `queries.FILTERS` by which orders are counted."""


def _to_conditions(columns: Any, filters: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if "incoming" in filters:
        found.append(columns.is_shipped == (0 if filters["incoming"] else 1))
    if "integration" in filters:
        found.append(columns.integration_id.in_(sorted(filters["integration"])))
    if "status" in filters:
        found.append(columns.status_folded == filters["status"].casefold())
    return found


async def count_incoming(tx: Reader, account_id: int) -> int:
    return await count(tx, account_id, {"incoming": True})


async def count_by_status(tx: Reader, account_id: int) -> dict[str, int]:
    """Count the incoming orders by their folded status."""
    kept = select(_c.status_folded, _c.total).where(_c.account_id == account_id, _c.is_shipped == 0)
    new = select(_d.status_folded, _d.total).where(_d.account_id == account_id, _d.is_shipped == 0)
    both = union_all(kept, new).subquery("both")
    total = func.sum(both.c.total).label("total")
    statement = select(both.c.status_folded, total).group_by(both.c.status_folded).having(total > 0)
    return {row.status_folded: int(row.total) for row in await tx.fetch_all(statement)}


async def enqueue_recount(tx: Transaction, account_id: int, now: datetime, due_at: datetime | None = None) -> None:
    """Have a worker count all orders anew. Nobody else may: two who did so at once would mend one fault twice, and of
    the jobs of a lane one runs at a time."""
    await jobs.enqueue(tx, account_id, JOB, [{"recount": True}], now=now, lane=JOB, due_at=due_at)


async def handle(db: Database, job: jobs.Job) -> None:
    if job.payload.get("recount"):
        await recount(db, job.account_id)
    await fold(db, job.account_id)


async def fold(db: Database, account_id: int) -> None:
    """Put the rows of changes into those of their kinds. Two who do it at once take different rows."""
    while await db.write(partial(_fold_some, account_id=account_id)) == _AT_ONCE:
        pass


async def _fold_some(tx: Transaction, account_id: int) -> int:
    mine = _d.account_id == account_id
    some = select(_d.id).where(mine).order_by(_d.id).limit(_AT_ONCE)
    taken = delete(order_count_changes).where(mine, _d.id.in_(some)).returning(*(_d[name] for name in _KIND), _d.total)
    rows = (await tx.execute(taken)).all()
    totals: Counter[Kind] = Counter()
    for row in rows:
        totals[Kind(*row[:-1])] += row.total
    for kind, total in sorted(totals.items()):
        if total:
            await tx.execute(_ADD, {"account_id": account_id, **kind._asdict(), "total": total})
    return len(rows)


async def recount(db: Database, account_id: int) -> int:
    """Count all orders and write down by how many of each kind the kept counts are wrong; return how many kinds that
    were. Both are read in one statement, and a difference stays right whatever is written or folded after it."""
    async with db.read() as tx:
        rows = await tx.fetch_all(_find_differences(account_id))
    wrong = [(Kind(*row[:-1]), int(row.total)) for row in rows]
    if wrong:
        made = [_to_row(account_id, kind, total) for kind, total in wrong]
        await db.write(lambda tx: tx.upsert(order_count_changes, made))
    return len(wrong)


def _find_differences(account_id: int) -> Select[Any]:
    is_shipped = case((_o.live_shipments > 0, 1), else_=0).label("is_shipped")
    there = select(_o.integration_id, _o.status_folded, is_shipped, func.count().label("total"))
    there = there.where(_o.account_id == account_id).group_by(_o.integration_id, _o.status_folded, is_shipped)
    arms: list[Select[Any]] = [there]
    for columns in (_c, _d):
        kept = select(*(columns[name] for name in _KIND), (-columns.total).label("total"))
        arms.append(kept.where(columns.account_id == account_id))
    found = union_all(*arms).subquery("found").c
    kind = [found[name] for name in _KIND]
    total = func.sum(found.total)
    return select(*kind, total.label("total")).group_by(*kind).having(total != 0)


class Counted(NamedTuple):
    """What of an order decides its kind."""

    id: int
    integration_id: int
    status_folded: str
    live_shipments: int

    def to_kind(self) -> Kind:
        return Kind(self.integration_id, self.status_folded, int(self.live_shipments > 0))
