"""What an account keeps no longer, erased by a job a day that comes back by itself.

A run looks at so many rows and leaves the next one where it stopped; the places of a run follow each other in `STEPS`.
An order is due by the day that it was placed or last shipped, whichever is later, also one that was never shipped: a
shop that ships elsewhere would keep all otherwise. It may be run twice, and a worker that was too slow leaves nothing.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from packhouse.accounts import queries as accounts
from packhouse.context import Context
from packhouse.integrations import erasure as logs
from packhouse.kit import clock, jobs, queue_erasure
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.redaction import Words
from packhouse.orders import erasure as orders
from packhouse.orders import import_erasure
from packhouse.privacy import operations, queries
from packhouse.privacy.queries import Retention
from packhouse.shipping import erasure as shipments
from packhouse.shipping.schema import NO_ORDER
from packhouse.webhooks import erasure as webhooks

ACTOR = "server:retention"
EVERY = timedelta(days=1)
MOST = 500
"""Rows that one run looks at."""
_MOST_ENTRIES = 5_000
_POSTPONED = timedelta(minutes=1)


class Run(NamedTuple):
    """`after` is the place where the run before stopped, as JSON; None at the beginning."""

    ctx: Context
    account_id: int
    retention: Retention
    author: orders.Author
    after: Any


async def retain(ctx: Context, job: jobs.Job) -> None:
    """The job `privacy.retain`."""
    now, account_id = ctx.clock(), job.account_id
    async with ctx.db.read() as tx:
        retention = await queries.find_retention(tx, account_id)
        owner = await accounts.get_account_by_id(tx, account_id)
    if retention.keeps_all():
        return
    step = job.payload.get("step", 0)
    author = orders.Author(ACTOR, owner.country_code)
    after = await STEPS[step](Run(ctx, account_id, retention, author, job.payload.get("after")))
    if after is None:
        step += 1
    is_last = step == len(STEPS)
    if is_last:
        await ctx.db.forget_old_pages()
    payload = {} if is_last else {"step": step, "after": after}

    async def work(tx: Transaction) -> None:
        if await jobs.is_mine(tx, job):
            due_at = now + EVERY if is_last else now
            await operations.schedule(tx, account_id, now=now, due_at=due_at, payload=payload)

    await ctx.db.write(work)


async def finish(ctx: Context, job: jobs.Job) -> None:
    """The job `privacy.finish`: shipments that were in the middle of something when they were to be erased."""
    async with ctx.db.read() as tx:
        retention = await queries.find_retention(tx, job.account_id)
    edge = retention.find_documents_edge(ctx.clock())
    ids = job.payload["shipments"]
    erased = await shipments.erase_shipments(ctx, job.account_id, ids, Words(), keep_after=edge)
    if erased.postponed:
        raise jobs.Reschedule(ctx.clock() + _POSTPONED, fresh=True)
    await ctx.db.forget_old_pages()


async def _retain_orders(run: Run) -> Any:
    """With all of their shipments."""
    if (edge := run.retention.find_edge(run.ctx.clock())) is None:
        return None
    after = None if run.after is None else (run.after[0], run.after[1])
    async with run.ctx.db.read() as tx:
        rows = await orders.list_old_orders(tx, run.account_id, edge, after, MOST)
        over = await _list_over(tx, run.account_id, [row.id for row in rows if not row.is_erased], edge)
    await _erase(run, over)
    return [clock.to_wire(rows[-1].order_created_at), rows[-1].id] if len(rows) == MOST else None


async def _list_over(tx: Reader, account_id: int, ids: list[int], edge: datetime) -> list[int]:
    """Without those that were shipped since."""
    last = await shipments.find_last_dates(tx, account_id, ids)
    return [id for id in ids if id not in last or last[id] < edge]


async def _erase(run: Run, order_ids: list[int]) -> None:
    found = await shipments.list_ids(run.ctx.db, run.account_id, (), order_ids)
    await _erase_shipments(run, list(found))
    ctx = run.ctx
    await orders.erase_orders(ctx.db, run.account_id, order_ids, Words(), run.author, now=ctx.clock())


async def _erase_shipments(run: Run, ids: list[int]) -> None:
    edge = run.retention.find_documents_edge(run.ctx.clock())
    erased = await shipments.erase_shipments(run.ctx, run.account_id, ids, Words(), keep_after=edge)
    if erased.postponed:
        await operations.postpone(run.ctx, run.account_id, erased.postponed)


async def _retain_shipments(run: Run) -> Any:
    """Erase shipments of orders that were deleted, and those without an order."""
    if (edge := run.retention.find_edge(run.ctx.clock())) is None:
        return None
    async with run.ctx.db.read() as tx:
        rows = await shipments.list_old_shipments(tx, run.account_id, edge, run.after or 0, MOST)
        named = {row.for_order for row in rows} - {NO_ORDER}
        there = await orders.find_there(tx, run.account_id, named)
        gone = sorted(named - there)
        over = {NO_ORDER, *await _list_over(tx, run.account_id, gone, edge)}  # one without an order is over by itself
    await _erase_shipments(run, [row.id for row in rows if row.for_order in over])
    return rows[-1].id if len(rows) == MOST else None


async def _retain_histories(run: Run) -> Any:
    """Apply the retention to histories of orders that were deleted."""
    if (edge := run.retention.find_edge(run.ctx.clock())) is None:
        return None
    place = (run.after[0], run.after[1]) if run.after else (0, 0)
    async with run.ctx.db.read() as tx:
        rows = await orders.list_histories(tx, run.account_id, place, _MOST_ENTRIES)
        deleted = sorted({row.id for row in rows if row.action == "deleted" and row.at < edge})
        over = await _list_over(tx, run.account_id, deleted, edge)
    ctx = run.ctx
    await orders.erase_orders(ctx.db, run.account_id, over, Words(), run.author, now=ctx.clock())
    return [rows[-1].id, rows[-1].version] if len(rows) == _MOST_ENTRIES else None


async def _retain_papers(run: Run) -> Any:
    """Customs papers, of whomever they are."""
    if (edge := run.retention.find_documents_edge(run.ctx.clock())) is None:
        return None
    async with run.ctx.db.read() as tx:
        rows = await shipments.list_old_papers(tx, run.account_id, run.after or 0, MOST)
    over = {
        row.shipment_id
        for row in rows
        if row.kind in shipments.KEPT_BY_LAW and row.created_at and row.created_at <= edge
    }
    await shipments.remove_customs_papers(run.ctx, run.account_id, over, edge)
    return rows[-1].parcel_id if rows else None


async def _retain_logs(run: Run) -> Any:
    if (edge := run.retention.find_edge(run.ctx.clock())) is None:
        return None
    return await logs.erase_old_logs(run.ctx.db, run.account_id, edge, run.after or 0, MOST)


async def _retain_deliveries(run: Run) -> Any:
    if (edge := run.retention.find_edge(run.ctx.clock())) is None:
        return None
    return await webhooks.erase_old_deliveries(run.ctx.db, run.account_id, edge, run.after or 0, MOST)


async def _retain_rest(run: Run) -> Any:
    """What is kept for hours or days anyway."""
    if (edge := run.retention.find_edge(run.ctx.clock())) is not None:
        await import_erasure.erase_old_records(run.ctx.db, run.account_id, edge)
        await queue_erasure.remove_old_answers(run.ctx.db, run.account_id, edge)
    return None


# Each does a part and gives back its last place, None when it is through.
STEPS: tuple[Callable[[Run], Awaitable[Any]], ...] = (
    _retain_orders,
    _retain_shipments,
    _retain_histories,
    _retain_papers,
    _retain_logs,
    _retain_deliveries,
    _retain_rest,
)
