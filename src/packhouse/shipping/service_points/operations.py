"""Writes of service points: stores those of one source and marks those that it no longer has."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import update

from packhouse.kit.data.places import codes
from packhouse.kit.db import Database, Transaction
from packhouse.shipping.service_points import geometry, queries
from packhouse.shipping.service_points.geometry import Position
from packhouse.shipping.service_points.queries import CLOSED, GONE, OPEN
from packhouse.shipping.service_points.schema import WEEKDAYS
from packhouse.shipping.service_points.tables import service_points

FILE, CARRIER, DEMO = "file", "carrier", "demo"
"""Where points come from."""

_BATCH = 1_000
_p = service_points.c
_COLUMNS = (_p.id, _p.carrier_code, _p.carrier_service_point_id)
_KEY = (_p.carrier_code, _p.carrier_service_point_id)


class Stored(NamedTuple):
    """How many points were stored, and how many of their carriers' were marked as gone."""

    stored: int
    gone: int


async def store_points(
    db: Database,
    account_id: int,
    source: str,
    points: Sequence[Mapping[str, Any]],
    *,
    now: datetime,
    country_code: str | None = None,
    carrier_codes: Sequence[str] | None = None,
) -> Stored:
    """Store valid points, a thousand per transaction, so that others can write meanwhile. Points of the same source
    and carriers (or `carrier_codes`, in `country_code`) that are missing now are marked as gone. Repeating it does
    no harm."""
    for start in range(0, len(points), _BATCH):
        batch = points[start : start + _BATCH]
        await db.write(lambda tx, batch=batch: _store_batch(tx, account_id, source, batch, now))  # type: ignore[misc]
    carriers = sorted(carrier_codes or {point["carrier_code"] for point in points})

    async def mark(tx: Transaction) -> int:
        conditions = [_p.account_id == account_id, _p.source == source, _p.carrier_code.in_(carriers)]
        conditions += [_p.updated_at < now, _p.state != GONE]
        if country_code is not None:
            conditions.append(_p.country_code == country_code)
        return await tx.change(update(service_points).where(*conditions).values(state=GONE, updated_at=now))

    return Stored(len(points), await db.write(mark))


async def _store_batch(
    tx: Transaction, account_id: int, source: str, points: Sequence[Mapping[str, Any]], now: datetime
) -> None:
    keys = sorted((point["carrier_code"], point["carrier_service_point_id"]) for point in points)
    rows = await tx.find_by_key(account_id, _COLUMNS, _KEY, keys, lock=True)
    known = {(row.carrier_code, row.carrier_service_point_id): row.id for row in rows}
    ids = iter(await tx.next_ids("service_points", len(points) - len(known)) if len(known) < len(points) else ())
    made = []
    for point in points:
        key = (point["carrier_code"], point["carrier_service_point_id"])
        id = known[key] if key in known else next(ids)
        made.append(to_row(account_id, id, source, point, now))
    await tx.upsert(service_points, made)


def to_row(account_id: int, id: int, source: str, point: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    position = Position(point["latitude"], point["longitude"])
    times = point.get("opening_times") or {}
    return {
        "account_id": account_id,
        "id": id,
        "carrier_code": point["carrier_code"],
        "carrier_service_point_id": point["carrier_service_point_id"],
        "source": source,
        "state": OPEN if point.get("is_active", True) else CLOSED,
        "country_code": point["country_code"],
        "postal_code": codes.compact(point["postal_code"]),
        "city": queries.to_city(point["city"]),
        "cell": geometry.to_cell(position),
        "latitude": position.latitude,
        "longitude": position.longitude,
        "carrier_shop_type": point.get("carrier_shop_type"),
        "general_shop_type": point.get("general_shop_type"),
        "open_days": sum(1 << day for day, name in enumerate(WEEKDAYS) if times.get(name)),
        "updated_at": now,
        "document": orjson.dumps(point).decode(),
    }
