"""Asking carriers where parcels are: a job of each shipment that comes back by itself while there is something to hear.

Bounded: a parcel that has arrived is not asked for any more, and none is after two months.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta

import structlog

from packhouse import carriers
from packhouse.carriers import TrackingEvent
from packhouse.context import Context
from packhouse.kit import jobs
from packhouse.kit.db import Transaction
from packhouse.shipping import announce, operations, queries
from packhouse.shipping.operations import CANCELLING, FOLLOWED, READY, WITHDRAWING
from packhouse.shipping.queries import Shipment

_log = structlog.get_logger()

PACE = (
    (timedelta(days=1), operations.FIRST_LOOK),
    (timedelta(days=7), timedelta(hours=3)),
    (timedelta(days=60), timedelta(hours=12)),
)
"""Up to which age of a shipment its carrier is asked how often: 180 times at most."""

_TOLD_OF = (READY, FOLLOWED)
"""States in which a carrier tells of a shipment."""

_ENDS = {"11", "93", "62992", "1998", "2000", "1002"}
"""Statuses after which nothing more is to be heard."""


async def handle(ctx: Context, job: jobs.Job) -> None:
    """The job `parcel.track`. It may be run twice for one answer: what is known already is not told again."""
    account_id, shipment_id = job.account_id, job.payload["shipment"]
    async with ctx.db.read() as tx:
        found = await queries.find_shipment(tx, account_id, shipment_id)
    wait = None if found is None else _find_wait(ctx, found)
    if found is None or wait is None:
        return
    if found.row.state in _TOLD_OF:
        try:
            news = await _hear(ctx, account_id, shipment_id)
        except carriers.Unreachable as error:
            _log.warning("carrier unreachable", account=account_id, job=job.id, attempts=job.attempts)
            raise jobs.Reschedule(ctx.clock() + max(jobs.back_off(job.attempts), timedelta(minutes=5))) from error
        if await _note(ctx, account_id, shipment_id, news):
            return
    raise jobs.Reschedule(ctx.clock() + wait, fresh=True)


def _find_wait(ctx: Context, found: Shipment) -> timedelta | None:
    """Until the next look; None when there is none."""
    if found.row.state not in (*_TOLD_OF, CANCELLING, WITHDRAWING) or _are_at_their_end(
        p.status_code for p in found.parcels
    ):
        return None
    known = found.row.created_at if found.row.state == FOLLOWED else found.row.announced_at or found.row.created_at
    age = ctx.clock() - known
    return next((wait for until, wait in PACE if age < until), None)


def _are_at_their_end(codes: Iterable[str]) -> bool:
    return all(map(is_at_end, codes))


def is_at_end(code: str) -> bool:
    """Whether nothing more is to be heard of a parcel with that status."""
    return code in _ENDS


async def _hear(ctx: Context, account_id: int, shipment_id: int) -> dict[str, list[TrackingEvent]]:
    """By tracking number, oldest first. Raises Unreachable."""
    _, consignment = await announce.read_consignment(ctx, account_id, shipment_id)
    events = await announce.ask(ctx, announce.find_carrier(ctx, consignment).track(consignment))
    news: dict[str, list[TrackingEvent]] = {}
    for event in sorted(events, key=lambda event: event.at):
        news.setdefault(event.tracking_number, []).append(event)
    return news


async def _note(ctx: Context, account_id: int, shipment_id: int, news: Mapping[str, list[TrackingEvent]]) -> bool:
    """Whether all of its parcels have come to their end."""

    async def apply(tx: Transaction) -> bool:
        found = await queries.find_shipment(tx, account_id, shipment_id, lock=True)
        if found is None or found.row.state not in _TOLD_OF:
            return False
        rows = await operations.apply_news(tx, found, news, now=ctx.clock())
        return _are_at_their_end(row["status_code"] for row in rows)

    return await ctx.db.write(apply)
