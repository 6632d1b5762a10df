"""Print jobs: written with their order's last step, printed at least once, told of, and printed again."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import insert, update

from packhouse.accounts.schema import Caller
from packhouse.kit import errors, jobs
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message, to_column
from packhouse.packing_station import operations, queries, schema
from packhouse.packing_station.queries import Bench, Packing
from packhouse.packing_station.tables import PrintJobRow, print_jobs
from packhouse.shipping.queries import Shipment

WAITING, SENT, PRINTED, FAILED = "waiting", "sent", "printed", "failed"
SEND_JOB = "print.send"
"""Sends a print job to a printer of the network."""
LEASE = timedelta(seconds=60)
"""How long an agent may be at one job before it is given out again."""
_j = print_jobs.c


async def write_for_order(
    tx: Transaction, account_id: int, bench: Bench, packing: Packing, found: Shipment, *, now: datetime
) -> list[int]:
    """A job for each kind of paper that the bench prints by itself and that the shipment has: labels and documents are
    never in one. Returns their ids."""
    wanted = [kind for kind in schema.PRINTS if kind in bench.settings.prints]
    rows = []
    for kind in wanted:
        ids = [parcel.id for parcel in found.parcels if _has(found, parcel.id, kind)]
        if ids or kind == "packing-slip":
            rows.append(_to_row(account_id, bench, packing.order_id, packing.order_number, kind, ids, now))
    await _insert(tx, account_id, rows, now)
    return [row["id"] for row in rows]


def _has(found: Shipment, parcel_id: int, kind: str) -> bool:
    return any(document.kind == kind for document in found.documents.get(parcel_id, ()))


async def write_test_page(tx: Transaction, account_id: int, bench: Bench, printer: str, *, now: datetime) -> int:
    """Return the id of the job."""
    row = _to_row(account_id, bench, 0, "", schema.TEST_PAGE, [], now, printer=printer)
    await _insert(tx, account_id, [row], now)
    return int(row["id"])


def _to_row(
    account_id: int,
    bench: Bench,
    order_id: int,
    number: str,
    kind: str,
    parcels: Sequence[int],
    now: datetime,
    *,
    printer: str = "",
) -> dict[str, Any]:
    printer = printer or (schema.LABEL if kind in schema.ON_LABELS else schema.DOCUMENTS)
    used = bench.settings.printer(printer)
    document = {
        "kind": kind,
        "parcels": list(parcels),
        "paper": used.paper,
        "format": used.format,
        "dpi": used.dpi,
        "target": used.target,
    }
    row = {"account_id": account_id, "bench_id": bench.id, "order_id": order_id, "order_number": number}
    row |= {"reference": uuid.uuid4().hex, "printer": printer, "way": used.way, "state": WAITING, "attempts": 0}
    row |= {"created_at": now, "updated_at": now, "claimed_until": None, "error": None}
    return row | {"document": orjson.dumps(document).decode()}


async def _insert(tx: Transaction, account_id: int, rows: list[dict[str, Any]], now: datetime) -> None:
    if not rows:
        return
    for row, id in zip(rows, await tx.next_ids("print_jobs", len(rows)), strict=True):
        row["id"] = id
    await tx.execute(insert(print_jobs), rows)
    ours = [{"print_job": row["id"]} for row in rows if row["way"] in schema.PORTS]
    await jobs.enqueue(tx, account_id, SEND_JOB, ours, now=now)


async def print_again(tx: Transaction, account_id: int, row: PrintJobRow, *, now: datetime) -> None:
    """Print the content again as a job of its own, by what its bench's printers are now. Raises NotFound."""
    bench = await queries.get_bench(tx, account_id, row.bench_id)
    kept = orjson.loads(row.document)
    wanted = (row.order_id, row.order_number, kept["kind"], kept["parcels"])
    again = _to_row(account_id, bench, *wanted, now, printer=row.printer)
    await _insert(tx, account_id, [again], now)


async def settle(
    tx: Transaction, account_id: int, id: int, *, now: datetime, error: str = "", attempts: int | None = None
) -> None:
    """It was printed, or why not. Raises NotFound, and Conflict where another attempt has been begun since."""
    row = await queries.get_print_job(tx, account_id, id, lock=True)
    if attempts is not None and row.attempts != attempts:
        detail = message("This print job was given out again: what became of it is told by who has it now.")
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    state = FAILED if error else PRINTED
    mine = (_j.account_id == account_id, _j.id == id)
    values = {"state": state, "error": to_column(error) or None, "claimed_until": None, "updated_at": now}
    await tx.execute(update(print_jobs).where(*mine).values(values))


async def settle_in_browser(tx: Transaction, account_id: int, id: int, *, now: datetime, error: str = "") -> None:
    """Only of a job that the browser prints: what a printer was sent is for the printer to tell. Raises NotFound."""
    row = await queries.get_print_job(tx, account_id, id, lock=True)
    if row.way == "browser" and row.state != PRINTED:
        await settle(tx, account_id, id, now=now, error=error)


async def begin(tx: Transaction, account_id: int, id: int, *, now: datetime) -> PrintJobRow | None:
    """Count an attempt; the job's row, or None where it is done. Raises NotFound."""
    row = await queries.get_print_job(tx, account_id, id, lock=True)
    if row.state == PRINTED:
        return None
    return await _give_out(tx, account_id, row, now)


async def _give_out(tx: Transaction, account_id: int, row: PrintJobRow, now: datetime) -> PrintJobRow:
    mine = (_j.account_id == account_id, _j.id == row.id)
    values = {"state": SENT, "attempts": row.attempts + 1, "claimed_until": now + LEASE, "updated_at": now}
    await tx.execute(update(print_jobs).where(*mine).values(values))
    return await queries.get_print_job(tx, account_id, row.id)


async def claim(tx: Transaction, account_id: int, bench_id: int, *, now: datetime) -> PrintJobRow | None:
    """Give the bench's agent its oldest job, or None. One that it never tells of is given out again."""
    row = await queries.find_next_for_agent(tx, account_id, bench_id, now=now)
    return None if row is None else await _give_out(tx, account_id, row, now)


async def reprint(tx: Transaction, caller: Caller, id: int, *, now: datetime) -> None:
    """Raises NotFound."""
    row = await queries.get_print_job(tx, caller.account_id, id)
    bench = await queries.get_bench(tx, caller.account_id, row.bench_id)
    await print_again(tx, caller.account_id, row, now=now)
    kinds = [orjson.loads(row.document)["kind"]]
    if not row.order_id:
        return
    await operations.record(tx, caller, row.order_id, bench, "reprinted", now=now, kinds=kinds)
