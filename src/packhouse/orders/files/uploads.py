"""Files of orders that people put in on the page: kept in parts, checked, and stored when they say so, by the worker.

A part is a batch of records as it was read, so that neither the file nor its records are ever in memory as a whole, and
a worker that was killed goes on where the last part ended: how far it is, is written in the transaction of the part.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import delete, insert, select, update

from packhouse.accounts.schema import Caller
from packhouse.kit import errors, jobs
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.messages import from_stored, message, to_column, to_stored
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders import schema
from packhouse.orders.files import known, originals, store
from packhouse.orders.files.read import ParsedFile
from packhouse.orders.files.records import Broken, Record
from packhouse.orders.tables import import_parts
from packhouse.orders.tables import imports as table

JOB = "import.work"
READING, CHECKING, CHECKED, RUNNING, DONE, STOPPED = "reading", "checking", "checked", "running", "done", "stopped"
# Its columns are to be named by a person before it can be read.
UNMAPPED = "unmapped"
KEPT = timedelta(days=30)
# Of one part, beside the number of records: the bytes of the last one may come on top.
_MOST_BYTES = 2_000_000
# How long a worker goes on with one file before others get their chance; well within a job's lease.
_TURN_SECONDS = 10.0
# A part takes a second at most, and a file that is read is noted at each part.
_STILL_AFTER = timedelta(seconds=30)

_i, _p = table.c, import_parts.c


class ImportRow(NamedTuple):
    """A row of `imports`."""

    account_id: int
    id: int
    file_name: str
    state: str
    created_at: datetime
    created_by: str
    origin: str
    updated_at: datetime
    parts: int
    records: int
    done_parts: int
    counts: str
    broken_line: int | None
    broken_detail: str | None
    reached_line: int | None
    about: str | None
    content_hash: str | None


class Part(NamedTuple):
    """Records that are stored together, and where the file broke after them, if it did."""

    records: list[Record]
    broken: Broken | None = None


def read_part(records: Iterator[Record]) -> Part:
    """The next one; an empty one is the end. It reads the file, so it is not for the event loop."""
    found: list[Record] = []
    size = 0
    try:
        while len(found) < schema.MAX_BATCH and size < _MOST_BYTES:
            record = next(records, None)
            if record is None:
                break
            found.append(record)
            size += len(record.body)
    except Broken as broken:
        return Part(found, broken)
    return Part(found)


def to_about(reading: ParsedFile, said: Mapping[str, str]) -> str:
    """What a file was found to be, for its page and for the file of its refused rows."""
    about = {
        "form": reading.form,
        "preset": reading.preset,
        "title": reading.title(),
        "encoding": reading.encoding,
        "separator": reading.separator,
        "decimal": reading.conventions.decimal,
        "dates": reading.conventions.day_order,
        "header": list(reading.header),
        "columns": dict(reading.columns),
        "notes": [(note.line, to_stored(note.detail)) for note in reading.notes],
        "said": said,
    }
    return orjson.dumps(about).decode()


async def begin(
    tx: Transaction,
    caller: Caller,
    file_name: str,
    said: Mapping[str, str] | None = None,
    *,
    now: datetime,
) -> int:
    """Its id; `said` is what a person said of the file. The account's old ones go with their orders' data."""
    old = select(_i.id).where(_i.account_id == caller.account_id, _i.created_at < now - KEPT)
    await tx.execute(delete(import_parts).where(_p.account_id == caller.account_id, _p.import_id.in_(old)))
    await tx.execute(delete(table).where(_i.account_id == caller.account_id, _i.created_at < now - KEPT))
    [id] = await tx.next_ids("imports", 1)
    row = {"account_id": caller.account_id, "id": id, "file_name": file_name, "state": READING, "created_at": now}
    row |= {"created_by": caller.actor, "origin": caller.country_code, "updated_at": now}
    row["about"] = _to_said(said or {})
    await tx.execute(insert(table).values({**row, "parts": 0, "records": 0, "done_parts": 0, "counts": "{}"}))
    return id


def _to_said(said: Mapping[str, str]) -> str:
    return orjson.dumps({"said": said}).decode()


async def ask(tx: Transaction, account_id: int, id: int, broken: Broken, *, now: datetime) -> None:
    """Leave a file until somebody says which of its columns is which field."""
    told = {"broken_line": broken.line, "broken_detail": to_column(broken.detail), "reached_line": None}
    of_it = (_i.account_id == account_id, _i.id == id)
    await tx.execute(update(table).where(*of_it).values(state=UNMAPPED, updated_at=now, **told))


async def begin_again(tx: Transaction, account_id: int, id: int, said: Mapping[str, str], *, now: datetime) -> None:
    """Read a file in another way, of which nothing was stored. Raises NotFound, and Conflict where it is too late."""
    row = await get_import(tx, account_id, id, lock=True)
    if row.state not in (UNMAPPED, CHECKED):
        raise errors.Conflict(
            errors.ErrorItem("conflict", message("This file cannot be read in another way any more."))
        )
    await tx.execute(delete(import_parts).where(_p.account_id == account_id, _p.import_id == id, _p.part >= 0))
    fresh: dict[str, Any] = {"state": READING, "parts": 0, "records": 0, "done_parts": 0, "counts": "{}"}
    fresh |= {"broken_line": None, "broken_detail": None, "reached_line": None, "about": _to_said(said)}
    of_it = (_i.account_id == account_id, _i.id == id)
    await tx.execute(update(table).where(*of_it).values({**fresh, "updated_at": now}))


async def add_part(
    tx: Transaction, account_id: int, id: int, part: int, records: Sequence[Record], *, now: datetime
) -> None:
    """With how far the file is read, so that one is known again whose server was killed meanwhile."""
    content = [_to_kept(record) for record in records]
    row = {"account_id": account_id, "import_id": id, "part": part, "content": orjson.dumps(content).decode()}
    await tx.execute(insert(import_parts).values({**row, "refused": 0, "faults": "[]"}))
    read = {"records": _i.records + len(records), "reached_line": records[-1].line, "updated_at": now}
    await tx.execute(update(table).where(_i.account_id == account_id, _i.id == id).values(read))


def _to_kept(record: Record) -> dict[str, Any]:
    """A record as it lies in its part; what it does not have is not written."""
    kept: dict[str, Any] = {"line": record.line, "body": record.body.decode()}
    kept["flaws"] = _to_kept_flaws(record.flaws)
    if record.rows:
        kept |= {"rows": record.rows, "item_rows": record.item_rows}
    if record.warnings:
        kept["warnings"] = _to_kept_flaws(record.warnings)
    kept |= {"placed_at": record.placed_at} if record.placed_at else {}
    return {**kept, "left_out": record.left_out} if record.left_out else kept


def _to_kept_flaws(flaws: Sequence[ValidationIssue]) -> list[Any]:
    return [(flaw.path, to_stored(flaw.detail), flaw.kind) for flaw in flaws]


async def end_reading(
    tx: Transaction,
    account_id: int,
    id: int,
    parts: int,
    records: int,
    broken: Broken | None,
    reading: ParsedFile | None = None,
    *,
    now: datetime,
) -> None:
    """From here on the worker checks it."""
    changes: dict[str, Any] = {"state": CHECKING, "parts": parts, "records": records, "updated_at": now}
    if reading is not None:
        said = read_about(await get_import(tx, account_id, id))["said"]
        changes |= {"about": to_about(reading, said), "content_hash": reading.digest}
    changes["reached_line"] = None
    if broken is not None:
        changes |= {"broken_line": broken.line, "broken_detail": to_column(broken.detail)}
    await tx.execute(update(table).where(_i.account_id == account_id, _i.id == id).values(changes))
    await _enqueue(tx, account_id, id, now)


async def _enqueue(tx: Transaction, account_id: int, id: int, now: datetime) -> None:
    await jobs.enqueue(tx, account_id, JOB, [{"import": id}], now=now, lane=f"import:{id}")


async def run(tx: Transaction, caller: Caller, id: int, *, now: datetime) -> None:
    """Store what was checked. Raises NotFound, and Conflict where it is not checked or was run before."""
    row = await get_import(tx, caller.account_id, id, lock=True)
    if row.state != CHECKED:
        raise errors.Conflict(
            errors.ErrorItem("conflict", message("This file cannot be imported now: look at how far it is."))
        )
    of_it = (_i.account_id == caller.account_id, _i.id == id)
    begun = {"state": RUNNING, "done_parts": 0, "counts": "{}", "created_by": caller.actor, "updated_at": now}
    begun["reached_line"] = None
    await tx.execute(update(table).where(*of_it).values(begun))
    parts = (_p.account_id == caller.account_id, _p.import_id == id, _p.part >= 0)
    await originals.forget(tx, caller.account_id, id)
    await tx.execute(update(import_parts).where(*parts).values(refused=0, faults="[]", warned=0, warnings="[]"))
    await _enqueue(tx, caller.account_id, id, now)


async def stop(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    """What was stored before stays; the rest of the file is thrown away. Raises NotFound."""
    row = await get_import(tx, account_id, id, lock=True)
    if row.state not in (DONE, STOPPED):
        of_it = (_i.account_id == account_id, _i.id == id)
        # Only of what was being stored is it of use to know how far it came.
        line = row.reached_line if row.state == RUNNING else None
        await tx.execute(update(table).where(*of_it).values(state=STOPPED, updated_at=now, reached_line=line))
        await _forget(tx, account_id, id)


async def _forget(tx: Transaction, account_id: int, id: int) -> None:
    """The orders' data of a file; what was refused is still told."""
    await originals.forget(tx, account_id, id)
    await tx.execute(update(import_parts).where(_p.account_id == account_id, _p.import_id == id).values(content="[]"))


async def handle(db: Database, job: jobs.Job, clock: Callable[[], datetime]) -> None:
    """A part after the other, for a turn. Run twice, it finds the parts done that are done."""
    ends_at = time.monotonic() + _TURN_SECONDS
    while await _do_part(db, job.account_id, job.payload["import"], clock()):
        if time.monotonic() > ends_at:
            raise jobs.Reschedule(clock(), fresh=True)


async def _do_part(db: Database, account_id: int, id: int, now: datetime) -> bool:
    """Whether there was one to do."""
    async with db.read() as tx:
        row = await tx.fetch_one(select(table).where(_i.account_id == account_id, _i.id == id), into=ImportRow)
        if row is None or row.state not in (CHECKING, RUNNING):
            return False
        at = (_p.account_id == account_id, _p.import_id == id, _p.part == row.done_parts)
        content = await tx.fetch_value(select(_p.content).where(*at))
    if content is None:
        await _finish(db, row, now)
        return False
    caller = Caller(account_id, row.origin, row.created_by)
    records = _to_records(content)

    async def note(tx: Transaction, stored: store.Stored) -> None:
        await _note(tx, row, stored, records[-1].line, now)

    try:
        await store.store(db, caller, records, now=now, is_dry_run=row.state == CHECKING, note=note)
    except _Overtaken:
        return False
    return True


class _Overtaken(Exception):
    """Somebody stopped it, or another worker was first: undoes the part."""


async def _note(tx: Transaction, row: ImportRow, stored: store.Stored, line: int, now: datetime) -> None:
    counts = orjson.loads(row.counts)
    for name, count in (*stored.counts.items(), ("refused", len(stored.refused))):
        counts[name] = counts.get(name, 0) + count
    as_it_was = (_i.account_id == row.account_id, _i.id == row.id, _i.state == row.state)
    changes = {"done_parts": row.done_parts + 1, "counts": orjson.dumps(counts).decode(), "updated_at": now}
    changes["reached_line"] = line
    noted = update(table).where(*as_it_was, _i.done_parts == row.done_parts).values(changes)
    if not await tx.change(noted):
        raise _Overtaken
    told: dict[str, Any] = {}
    columns = read_about(row)["columns"]
    if stored.refused:
        faults = [_to_refused(refused, columns) for refused in stored.refused]
        told |= {"refused": len(faults), "faults": orjson.dumps(faults).decode()}
    if stored.warned:
        warned = [_to_told(warned, columns, "warnings") for warned in stored.warned]
        told |= {"warned": len(warned), "warnings": orjson.dumps(warned).decode()}
    if told:
        at = (_p.account_id == row.account_id, _p.import_id == row.id, _p.part == row.done_parts)
        await tx.execute(update(import_parts).where(*at).values(told))


def _to_refused(refused: store.Reported, columns: Mapping[str, str]) -> dict[str, Any]:
    """With its rows, which outlive the orders of the file: people mend them and bring them again."""
    record = refused.record
    rows: list[Sequence[str]] | str = [cells for _, cells in record.rows] or record.body.decode()
    return {**_to_told(refused, columns, "faults"), "rows": rows}


def _to_told(reported: store.Reported, columns: Mapping[str, str], name: str) -> dict[str, Any]:
    wire = reported.to_wire(columns, name)
    return {**wire, name: [{**told, "detail": to_stored(told["detail"])} for told in wire[name]]}


def read_about(row: ImportRow) -> dict[str, Any]:
    """What a file was found to be; nothing of those that were put in before that was kept."""
    found: dict[str, Any] = orjson.loads(row.about) if row.about else {}
    found["notes"] = [(line, from_stored(detail)) for line, detail in found.get("notes", ())]
    return {"title": "", "encoding": "", "columns": {}, "header": [], "said": {}, **found}


async def _finish(db: Database, row: ImportRow, now: datetime) -> None:
    state = CHECKED if row.state == CHECKING else DONE

    async def work(tx: Transaction) -> None:
        as_it_was = (_i.account_id == row.account_id, _i.id == row.id, _i.state == row.state)
        ended = await tx.execute(update(table).where(*as_it_was).values(state=state, updated_at=now))
        if ended.rowcount and state == DONE:
            if row.content_hash and not row.broken_detail:
                said = (row.account_id, row.created_by, row.content_hash, "", row.file_name)
                is_whole = not orjson.loads(row.counts).get("refused")
                await known.remember(tx, *said, is_whole=is_whole, now=now)
            await _forget(tx, row.account_id, row.id)

    await db.write(work)


def _to_records(content: str) -> list[Record]:
    return [
        Record(
            one["line"],
            one["body"].encode(),
            _to_flaws(one["flaws"]),
            _to_flaws(one.get("warnings", ())),
            [(line, cells) for line, cells in one.get("rows", ())],
            one.get("item_rows", ()),
            one.get("left_out", ""),
            one.get("placed_at", ""),
        )
        for one in orjson.loads(content)
    ]


def _to_flaws(kept: Sequence[Any]) -> list[ValidationIssue]:
    return [ValidationIssue(tuple(path), from_stored(detail), kind) for path, detail, kind in kept]


def is_still(row: ImportRow, now: datetime) -> bool:
    """Whether nothing has been done for so long that who was at it must be gone."""
    return row.state in (READING, CHECKING, RUNNING) and now - row.updated_at > _STILL_AFTER


async def get_import(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> ImportRow:
    """Raises NotFound."""
    statement = select(table).where(_i.account_id == account_id, _i.id == id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=ImportRow)
    return errors.require(row, message("There is no such import."))


async def list_imports(tx: Reader, account_id: int, most: int) -> list[ImportRow]:
    """Newest first."""
    statement = select(table).where(_i.account_id == account_id).order_by(_i.id.desc()).limit(most)
    return await tx.fetch_all(statement, into=ImportRow)


async def list_refused(tx: Reader, account_id: int, id: int, after: int, parts: int) -> list[tuple[int, Any]]:
    """Records that were refused, each with the number of its part: of so many parts that have any, after `after`."""
    return await _list_told(tx, account_id, id, after, parts, _p.refused, _p.faults)


async def list_refused_rows(tx: Reader, account_id: int, id: int, after: int, parts: int) -> list[tuple[int, Any]]:
    """The rows of records that were refused, or their JSON, as `list_refused` gives the records."""
    found = await list_refused(tx, account_id, id, after, parts)
    return [(part, record.get("rows", "")) for part, record in found]


async def list_warned(tx: Reader, account_id: int, id: int, after: int, parts: int) -> list[tuple[int, Any]]:
    """Records that were taken and have warnings, as `list_refused` gives the others."""
    return await _list_told(tx, account_id, id, after, parts, _p.warned, _p.warnings)


async def _list_told(
    tx: Reader, account_id: int, id: int, after: int, parts: int, count: Any, told: Any
) -> list[tuple[int, Any]]:
    of_it = (_p.account_id == account_id, _p.import_id == id, count > 0, _p.part > after)
    rows = await tx.fetch_all(select(_p.part, told).where(*of_it).order_by(_p.part).limit(parts))
    return [(part, _from_told(record)) for part, text in rows for record in orjson.loads(text)]


def _from_told(record: dict[str, Any]) -> dict[str, Any]:
    kinds = [name for name in ("faults", "warnings") if name in record]
    return record | {n: [{**told, "detail": from_stored(told["detail"])} for told in record[n]] for n in kinds}


async def list_first(tx: Reader, account_id: int, id: int, most: int) -> list[Record]:
    """The first records, as they were read."""
    first = select(_p.content).where(_p.account_id == account_id, _p.import_id == id, _p.part == 0)
    content = await tx.fetch_value(first)
    return _to_records(content)[:most] if content else []
