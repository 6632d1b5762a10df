"""Reads of the packing station."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import func, select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.orders import queries as order_queries
from packhouse.packing_station import counting, schema
from packhouse.packing_station.tables import (
    BenchRow,
    PackingRow,
    PrintJobRow,
    benches,
    packing_events,
    packings,
    print_jobs,
)
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping.schema import NO_ORDER

_b, _p, _e, _j = benches.c, packings.c, packing_events.c, print_jobs.c

OPEN, CLOSED, HELD = "open", "closed", "held"
LABELLING, PACKED, FAILED = "labelling", "packed", "failed"
"""States of a packing: `closed` was left without a reason, `held` with one; `labelling` lasts from the last item until
its print jobs are written."""
SHOWN_JOBS = 8


class Bench(NamedTuple):
    """A bench and what its screen shows."""

    id: int
    name: str
    settings: schema.Settings
    order_id: int | None
    asks: Mapping[str, Any] | None
    told: Mapping[str, Any] | None
    last_scan: str | None
    has_token: bool
    agent_seen_at: datetime | None
    printers: Mapping[str, Any]


class Packing(NamedTuple):
    """`acts` are what was counted (`counting`), `goods` the mark of the items that they were counted of, `confirmed`
    the decisions that were made, `held` why it was put aside."""

    order_id: int
    order_number: str
    bench_id: int
    by: str
    state: str
    shipment_id: int | None
    updated_at: datetime
    acts: list[counting.Act]
    goods: str
    confirmed: list[str]
    held: str


class PackingEvent(NamedTuple):
    """Something that was done to an order; `bench` is the name of one that is still there."""

    at: datetime
    by: str
    action: str
    detail: str
    bench: str | None


def _to_bench(row: BenchRow) -> Bench:
    asks, told = (orjson.loads(text) if text else None for text in (row.asks, row.told))
    settings = schema.read_settings(row.document)
    has_token = row.token_hash is not None
    printers = orjson.loads(row.printers) if row.printers else {}
    fixed = (row.id, row.name, settings, row.order_id, asks, told, row.last_scan, has_token, row.agent_seen_at)
    return Bench(*fixed, printers)


def no_such_bench() -> errors.ErrorItem:
    return errors.not_found(message("The bench could not be found."))


def no_such_job() -> errors.ErrorItem:
    return errors.not_found(message("The print job could not be found."))


async def list_benches(tx: Reader, account_id: int) -> list[Bench]:
    statement = select(benches).where(_b.account_id == account_id).order_by(_b.name, _b.id)
    return [_to_bench(row) for row in await tx.fetch_all(statement, into=BenchRow)]


async def get_bench(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> Bench:
    """Raises NotFound."""
    statement = select(benches).where(_b.account_id == account_id, _b.id == id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=BenchRow)
    if row is None:
        raise errors.NotFound(no_such_bench())
    return _to_bench(row)


async def find_token_hash(tx: Reader, account_id: int, bench_id: int) -> str | None:
    statement = select(_b.token_hash).where(_b.account_id == account_id, _b.id == bench_id)
    found: str | None = await tx.fetch_value(statement)
    return found


async def find_packing(tx: Reader, account_id: int, order_id: int, *, lock: bool = False) -> Packing | None:
    statement = select(packings).where(_p.account_id == account_id, _p.order_id == order_id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=PackingRow)
    return None if row is None else _to_packing(row)


def _to_packing(row: PackingRow) -> Packing:
    kept = orjson.loads(row.document)
    fixed = (row.order_id, row.order_number, row.bench_id, row.by, row.state, row.shipment_id, row.updated_at)
    return Packing(*fixed, kept["acts"], kept["goods"], kept["confirmed"], kept["held"])


async def list_unfinished(tx: Reader, account_id: int, bench_id: int) -> list[Packing]:
    """The orders of a bench whose label is being made or could not be made, the latest first."""
    states = (LABELLING, FAILED)
    statement = select(packings).where(_p.account_id == account_id, _p.bench_id == bench_id, _p.state.in_(states))
    statement = statement.order_by(_p.updated_at.desc(), _p.order_id.desc()).limit(SHOWN_JOBS)
    return [_to_packing(row) for row in await tx.fetch_all(statement, into=PackingRow)]


async def count_packed(tx: Reader, account_id: int, bench_id: int, since: datetime) -> int:
    mine = (_e.account_id == account_id, _e.bench_id == bench_id, _e.action == "packed", _e.at >= since)
    return int(await tx.fetch_value(select(func.count()).select_from(packing_events).where(*mine)))


async def list_events(tx: Reader, account_id: int, order_id: int, most: int = 200) -> list[PackingEvent]:
    """List what was done to an order at benches, newest first."""
    columns = (_e.at, _e.by, _e.action, _e.detail, _b.name.label("bench"))
    joined = packing_events.outerjoin(benches, (_b.account_id == _e.account_id) & (_b.id == _e.bench_id))
    statement = select(*columns).select_from(joined).where(_e.account_id == account_id, _e.order_id == order_id)
    return await tx.fetch_all(statement.order_by(_e.id.desc()).limit(most), into=PackingEvent)


async def list_print_jobs(tx: Reader, account_id: int, bench_id: int, most: int = SHOWN_JOBS) -> Sequence[PrintJobRow]:
    """The newest first."""
    statement = select(print_jobs).where(_j.account_id == account_id, _j.bench_id == bench_id)
    return await tx.fetch_all(statement.order_by(_j.id.desc()).limit(most), into=PrintJobRow)


async def list_shown_jobs(tx: Reader, account_id: int, bench_id: int) -> Sequence[PrintJobRow]:
    """The newest, and all that the browser has still to print: it prints what its screen shows, and whoever packs
    faster than it prints must not lose a label."""
    newest = await list_print_jobs(tx, account_id, bench_id)
    mine = (_j.account_id == account_id, _j.bench_id == bench_id, _j.way == "browser", _j.state == "waiting")
    statement = select(print_jobs).where(*mine).order_by(_j.id).limit(_MOST_WAITING)
    waiting = await tx.fetch_all(statement, into=PrintJobRow)
    known = {row.id for row in newest}
    return [*newest, *(row for row in reversed(waiting) if row.id not in known)]


_MOST_WAITING = 100


async def list_jobs_of_order(tx: Reader, account_id: int, bench_id: int, order_id: int) -> Sequence[PrintJobRow]:
    mine = (_j.account_id == account_id, _j.bench_id == bench_id, _j.order_id == order_id)
    return await tx.fetch_all(select(print_jobs).where(*mine).order_by(_j.id), into=PrintJobRow)


async def find_last_printed(tx: Reader, account_id: int, bench_id: int) -> int | None:
    """The order that this bench printed something for last."""
    mine = (_j.account_id == account_id, _j.bench_id == bench_id, _j.order_id > 0)
    statement = select(_j.order_id).where(*mine)
    found: int | None = await tx.fetch_value(statement.order_by(_j.id.desc()).limit(1))
    return found


async def get_print_job(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> PrintJobRow:
    """Raises NotFound."""
    statement = select(print_jobs).where(_j.account_id == account_id, _j.id == id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=PrintJobRow)
    return errors.require(row, no_such_job())


async def find_next_for_agent(
    tx: Reader, account_id: int, bench_id: int, *, now: datetime, lock: bool = True
) -> PrintJobRow | None:
    """The oldest print job that the bench's agent has to print: new, or claimed and never told of."""
    is_due = (_j.state == "waiting") | ((_j.state == "sent") & (_j.claimed_until <= now))
    mine = (_j.account_id == account_id, _j.bench_id == bench_id, _j.way == "agent", is_due)
    statement = select(print_jobs).where(*mine).order_by(_j.id).limit(1)
    statement = statement.with_for_update(skip_locked=True) if lock else statement
    return await tx.fetch_one(statement, into=PrintJobRow)


async def find_orders(tx: Reader, account_id: int, text: str) -> list[int]:
    """Ids of the orders that a scanned text names: by number, by the shop's id, by the number of a parcel or the id of
    its shipment. The first kind that finds something counts."""
    for filters in ({"order_number": text}, {"order_id": text}):
        page = await order_queries.list_orders(tx, account_id, filters, "-pk", pagination.Cursor(), 10)
        if page.rows:
            return [row.id for row in page.rows]
    wanted = {"tracking_number": text}
    found = await shipping_queries.list_shipments(tx, account_id, wanted, pagination.Cursor(), 10)
    ids = [shipment.row.for_order for shipment in found.rows]
    if not ids:
        with suppress(errors.NotFound):
            ids.append((await shipping_queries.get_shipment(tx, account_id, text)).row.for_order)
    return [id for id in dict.fromkeys(ids) if id != NO_ORDER]


def start_of_day(now: datetime) -> datetime:
    return now - timedelta(hours=now.hour, minutes=now.minute, seconds=now.second, microseconds=now.microsecond)
