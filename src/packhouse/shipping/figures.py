"""How much was shipped, counted among the newest shipments, so that it costs the same at any number of them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, cast, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.shipping import operations
from packhouse.shipping.tables import parcels, shipments

# A document has to be opened for its carrier: of so many of the newest at most.
MOST = 2_000

_s, _p = shipments.c, parcels.c


async def count_labels(tx: AsyncConnection, account_id: int, since: datetime) -> Mapping[str, int]:
    """Parcels of the shipments since then that have their labels, by the carrier's name, most first."""
    columns = (_s.id, _s.state, _s.created_at, _s.document)
    newest = select(*columns).where(_s.account_id == account_id).order_by(_s.id.desc()).limit(MOST).subquery("newest")
    carrier = _find_carrier(tx, newest.c.document).label("carrier")
    recent = select(newest.c.id, carrier).where(newest.c.created_at >= since, newest.c.state == operations.READY)
    made = recent.subquery("made")
    of_made = (_p.account_id == account_id) & (_p.shipment_id == made.c.id)
    statement = select(made.c.carrier, func.count().label("count")).join_from(made, parcels, of_made)
    rows = (await tx.execute(statement.group_by(made.c.carrier))).all()
    return dict(sorted(((name or "", count) for name, count in rows), key=lambda pair: (-pair[1], pair[0])))


def _find_carrier(tx: AsyncConnection, document: ColumnElement[Any]) -> ColumnElement[Any]:
    """Documents are text at rest, which the two databases look into in ways of their own."""
    if tx.dialect.name == "sqlite":
        return func.json_extract(document, "$.carrier.name")
    found: ColumnElement[Any] = cast(document, JSON)["carrier"]["name"].as_string()
    return found
