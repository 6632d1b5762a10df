"""Counts of labels, read from an index that has all columns that they need."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, exists, func, select

from packhouse.kit.db import Reader
from packhouse.shipping import operations
from packhouse.shipping.tables import shipments

_s = shipments.c


class Labelled(NamedTuple):
    """Labels of one carrier, by its name; `today` counts those since the later of the two instants."""

    carrier: str
    total: int
    today: int


async def count_labels(tx: Reader, account_id: int, since: datetime, today: datetime) -> list[Labelled]:
    """Count the parcels of shipments with labels since then, the most first."""
    total = func.sum(_s.parcel_count)
    of_today = func.sum(case((_s.created_at >= today, _s.parcel_count), else_=0))
    made = (_s.account_id == account_id, _s.created_at >= since, _s.state == operations.READY)
    rows = await tx.execute(select(_s.carrier, total, of_today).where(*made).group_by(_s.carrier))
    found = (Labelled(carrier, int(count), int(count_today)) for carrier, count, count_today in rows)
    return sorted(found, key=lambda one: (-one.total, one.carrier))


class Troubled(NamedTuple):
    """Shipments since a moment whose label failed, and all whose order has changed since."""

    failed: int
    stale: int


async def count_troubled(tx: Reader, account_id: int, since: datetime, most: int) -> Troubled:
    """Count up to `most` of each. A failed shipment counts until its order has another one."""
    other = shipments.alias("other").c
    has_other = exists().where(
        other.account_id == account_id, other.for_order == _s.for_order, other.state.in_(operations.LIVE)
    )
    recent = (_s.account_id == account_id, _s.created_at >= since, _s.state == operations.FAILED)
    failed = select(_s.for_order).where(*recent, ~has_other).limit(most).subquery()
    stale = select(_s.id).where(_s.account_id == account_id, _s.stale.is_not(None)).limit(most).subquery()
    counts = [select(func.count()).select_from(some).scalar_subquery() for some in (failed, stale)]
    row = await tx.fetch_one(select(counts[0].label("failed"), counts[1].label("stale")))
    return Troubled(row.failed, row.stale) if row is not None else Troubled(0, 0)
