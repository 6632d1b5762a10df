"""Shipments whose order was changed or cancelled after their label was made: they are marked until somebody cancels or
confirms them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import select, update

from packhouse.kit import clock, jobs
from packhouse.kit.db import Database, Transaction
from packhouse.orders import plain, search
from packhouse.shipping import marks, operations, queries
from packhouse.shipping.queries import Shipment
from packhouse.shipping.setup import setup
from packhouse.shipping.tables import ShipmentRow, shipments
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.schema import SHIPMENT_STALE, Event

_s = shipments.c


async def handle(db: Database, job: jobs.Job, now: datetime) -> None:
    """Run the job `shipment.compare` after orders with live shipments were changed or deleted. It can run any number of
    times."""
    account_setup = await setup.read_setup(db, job.account_id, now=now)
    codes = account_setup.status_codes()
    for order_id in job.payload["orders"]:
        await db.write(lambda tx: _compare(tx, job.account_id, order_id, codes, now))


async def _compare(tx: Transaction, account_id: int, order_id: int, codes: Mapping[str, Any], now: datetime) -> None:
    live = (_s.account_id == account_id, _s.for_order == order_id, _s.state.in_(sorted(operations.LIVE)))
    statement = select(shipments).where(*live).order_by(_s.id).with_for_update()
    rows = await tx.fetch_all(statement, into=ShipmentRow)
    found = await search.find_stored(tx, account_id, [order_id]) if rows else []
    mark = marks.to_mark(plain.read(found[0].document) if found else None, codes)
    for row in rows:
        stale = marks.find_stale(marks.read(row), mark)
        if stale == (row.stale or "").split():
            continue
        mine = (_s.account_id == account_id, _s.id == row.id)
        values = {"stale": " ".join(stale) or None, "updated_at": now}
        await tx.execute(update(shipments).where(*mine).values(values))
        await webhooks.notify(tx, account_id, to_events(row, stale, now), now=now)


def to_events(row: ShipmentRow, stale: list[str], now: datetime) -> Iterator[Event]:
    shipment = {
        "id": row.uuid,
        "order_id": row.external_reference_id,
        "order_number": row.order_number,
        "integration_id": row.integration_id,
        "stale": stale,
        "at": clock.to_wire(now),
    }
    yield Event(SHIPMENT_STALE, f"shipment:{row.id}", {"shipment": shipment}, row.integration_id)


async def confirm(tx: Transaction, account_id: int, uuid: str, *, now: datetime) -> Shipment:
    """Say that a shipment is right for its order as that is now. Raises NotFound."""
    found = await queries.get_shipment(tx, account_id, uuid, lock=True)
    account_setup = await setup.load_setup(tx, account_id, now=now)
    stored = await search.find_stored(tx, account_id, [found.row.for_order])
    mark = marks.to_mark(plain.read(stored[0].document) if stored else None, account_setup.status_codes())
    was_stale = bool(found.row.stale)
    mine = (_s.account_id == account_id, _s.id == found.row.id)
    values = {"stale": None, "order_mark": orjson.dumps({**marks.read(found.row), **mark}).decode(), "updated_at": now}
    await tx.execute(update(shipments).where(*mine).values(values))
    if was_stale:
        await webhooks.notify(tx, account_id, to_events(found.row, [], now), now=now)
    return await queries.get_shipment(tx, account_id, uuid)
