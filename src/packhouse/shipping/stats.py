"""How much was shipped: counted by an index that holds all that is asked, so that every label of the days counts."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, func, select

from packhouse.kit.db import Reader
from packhouse.shipping import operations
from packhouse.shipping.tables import shipments

_s = shipments.c


class Labelled(NamedTuple):
    """Labels of one carrier, by its name; `today` of them since the later instant that was asked for."""

    carrier: str
    total: int
    today: int


async def count_labels(tx: Reader, account_id: int, since: datetime, today: datetime) -> list[Labelled]:
    """Parcels of the shipments since then that have their labels, most first."""
    total = func.sum(_s.parcel_count)
    of_today = func.sum(case((_s.created_at >= today, _s.parcel_count), else_=0))
    made = (_s.account_id == account_id, _s.created_at >= since, _s.state == operations.READY)
    rows = await tx.execute(select(_s.carrier, total, of_today).where(*made).group_by(_s.carrier))
    found = (Labelled(carrier, int(count), int(count_today)) for carrier, count, count_today in rows)
    return sorted(found, key=lambda one: (-one.total, one.carrier))
