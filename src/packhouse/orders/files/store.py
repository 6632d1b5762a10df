"""What is done with a file's records: a batch at a time, each record by itself where it must (docs/files.md)."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from packhouse.accounts.schema import Caller
from packhouse.kit import errors
from packhouse.kit.db import Database, Transaction
from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders import operations, queries, schema, warnings
from packhouse.orders.files.records import Record, find_column

OUTCOMES = ("created", "updated", "unchanged")
LEFT_OUT = "left_out"

_CHANGED = "Changed since this file was imported before: left as it is."

# How often a batch waits for its turn behind other writers; one wait is the setting `lock_timeout_seconds`.
_ATTEMPTS = 5
_POINTER = re.compile(re.escape(errors.ATTRIBUTES) + r"/\[(\d+)\](.*)", re.DOTALL)

_PLACED_AT = "/order_details/order_created_at"

_Faults = dict[int, Sequence[errors.ErrorItem]]


class Remark(NamedTuple):
    """Something to be said of a record: where in the order it is, a code for programs and words for people."""

    pointer: str
    code: str
    detail: Message

    def path(self) -> list[str | int]:
        steps = [step.replace("~1", "/").replace("~0", "~") for step in self.pointer.split("/")[1:]]
        return [int(step) if step.isdecimal() else step for step in steps]


class Reported(NamedTuple):
    """A record and what is said of it: why it was not taken, or what to look at in one that was."""

    record: Record
    told: Sequence[Remark]

    def to_wire(self, columns: Mapping[str, str], name: str = "faults") -> dict[str, Any]:
        """With the line and column of the file, where it has columns."""
        told = [self._to_wire(one, columns) for one in self.told]
        return {"line": self.record.line, "order_id": _find_order_id(self.record), name: told}

    def _to_wire(self, told: Remark, columns: Mapping[str, str]) -> dict[str, Any]:
        wire: dict[str, Any] = told._asdict()
        path = told.path()
        if column := find_column(columns, path):
            wire["column"] = column
        if (line := self.record.find_line(path)) != self.record.line:
            wire["line"] = line
        return wire


class Stored(NamedTuple):
    """What became of a batch: how many orders had each of `OUTCOMES` or were left out, what was refused, and what is
    odd in the ones that were taken."""

    counts: Mapping[str, int]
    refused: Sequence[Reported]
    warned: Sequence[Reported] = ()


class _Undone(Exception):
    """Ends the transaction of a dry run, which would have stored this."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self.stored = stored


# Written in the transaction of the batch, so that neither is there without the other.
Note = Callable[[Transaction, Stored], Awaitable[None]]


def _find_order_id(record: Record) -> str | None:
    try:
        value = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        return None
    order_id = value.get("order_id") if isinstance(value, dict) else None
    return order_id if isinstance(order_id, str) else None


def _to_place(fault: errors.ErrorItem) -> tuple[int, str]:
    """The index in the batch and the pointer below it; what names no place is about the only record there is."""
    found = _POINTER.fullmatch(fault.pointer or "")
    return (int(found[1]), found[2]) if found else (0, "")


async def store(
    db: Database,
    caller: Caller,
    batch: Sequence[Record],
    *,
    now: datetime,
    is_dry_run: bool,
    note: Note | None = None,
) -> Stored:
    """What is good of a batch is stored in one transaction, or in a dry run only tried. Raises Unavailable."""
    refused: _Faults = {}
    sound: list[int] = []
    for index, record in enumerate(batch):
        if record.flaws:
            flaws = [flaw._replace(path=(0, *flaw.path)) for flaw in (*record.flaws, *_find_more(record))]
            refused[index] = operations.to_faults(flaws)
        elif not record.left_out:
            sound.append(index)
    values = await _read(db, caller, batch, sound, refused)
    while values:
        try:
            return await _upsert(db, caller, batch, values, refused, now, is_dry_run, note)
        except errors.Invalid as invalid:
            _set_aside(_give_time(batch, invalid.faults, values), values, refused)
    stored = _to_stored(caller, batch, values, (), refused)
    if note is not None:
        await db.write(lambda tx: note(tx, stored))
    return stored


async def spare_changed(db: Database, account_id: int, batch: Sequence[Record], since: datetime) -> list[Record]:
    """Leave out what somebody changed after the file was imported before: the file is older than that."""
    keys = [_find_key(record) for record in batch]
    async with db.read() as tx:
        changed = await queries.find_changed(tx, account_id, {key for key in keys if key is not None}, since)
    return [
        record._replace(left_out=_CHANGED) if key in changed else record
        for record, key in zip(batch, keys, strict=True)
    ]


def _find_key(record: Record) -> tuple[int, str] | None:
    try:
        integration_id, order_id = operations.to_key(orjson.loads(record.body))
    except orjson.JSONDecodeError:
        return None
    return (integration_id, order_id) if integration_id is not None and order_id is not None else None


def _find_more(record: Record) -> Iterable[ValidationIssue]:
    """What else is wrong with a record that could be read in part, so that all of it is told at once."""
    if not record.body:
        return ()
    try:
        found = schema.read_batch(b"[" + record.body + b"]", schema.RECORDS).flaws
    except errors.Invalid:
        return ()
    known = {flaw.path for flaw in record.flaws}
    return [flaw._replace(path=flaw.path[1:]) for flaw in found if flaw.path[1:] not in known]


def _to_stored(
    caller: Caller,
    batch: Sequence[Record],
    values: Iterable[int],
    receipts: Sequence[operations.Receipt],
    refused: _Faults,
) -> Stored:
    counts = dict(_to_outcomes(receipts))
    if left_out := sum(bool(record.left_out) for record in batch):
        counts[LEFT_OUT] = left_out
    told = [
        Reported(batch[index], [Remark(_to_place(fault)[1], fault.code, fault.detail) for fault in refused[index]])
        for index in sorted(refused)
    ]
    orders = {index: receipt.order for index, receipt in zip(values, receipts, strict=False)}
    warned = (
        Reported(record, _find_told(record, orders.get(index), caller.country_code))
        for index, record in enumerate(batch)
        if index in orders or record.left_out
    )
    return Stored(counts, told, [reported for reported in warned if reported.told])


def _find_told(record: Record, order: dict[str, Any] | None, country: str) -> list[Remark]:
    """What was read otherwise than it stands, and what is odd in what came of it."""
    told = [Remark(_to_pointer(flaw.path), flaw.kind, flaw.detail) for flaw in record.warnings]
    if record.left_out:
        told.append(Remark("", LEFT_OUT, foreign(record.left_out)))
    if order is not None:
        placed_at = order["order_details"]["order_created_at"]
        if record.placed_at == placed_at:
            detail = message("No column says when the order was placed: taken for today.")
            told.append(Remark(_PLACED_AT, "assumed", detail))
        told += [Remark(_to_pointer(one.path), one.code, one.detail) for one in warnings.find_warnings(order, country)]
    return told


def _to_pointer(path: errors.Path) -> str:
    return errors.to_pointer(path).removeprefix(errors.ATTRIBUTES)


async def _read(
    db: Database, caller: Caller, batch: Sequence[Record], sound: Sequence[int], refused: _Faults
) -> dict[int, Any]:
    """The valid orders by their place in the batch. All at once, and only when that fails without the refused ones."""
    while sound:
        try:
            reading = schema.read_batch(_join(batch, sound), schema.RECORDS)
        except errors.Invalid:  # no JSON to the strict parser: whose, only each by itself can tell
            sound = [index for index in sound if _is_readable(batch, index, refused)]
            continue
        if not reading.flaws:
            return dict(zip(sound, reading.value, strict=True))
        async with db.read() as tx:
            more = await operations.find_flaws(tx, caller.account_id, reading.value)
        broken = {flaw.path[0] for flaw in reading.flaws}
        flaws = [flaw for flaw in (*reading.flaws, *more) if flaw.path[0] in broken]
        places = dict.fromkeys(sound)
        _set_aside(operations.to_faults(flaws), places, refused)
        sound = list(places)
    return {}


def _join(batch: Sequence[Record], indexes: Iterable[int]) -> bytes:
    return b"[" + b",".join(batch[index].body for index in indexes) + b"]"


def _is_readable(batch: Sequence[Record], index: int, refused: _Faults) -> bool:
    try:
        schema.read_batch(_join(batch, [index]), schema.RECORDS)
    except errors.Invalid as invalid:
        refused[index] = invalid.faults
        return False
    return True


def _give_time(
    batch: Sequence[Record], found: Iterable[errors.ErrorItem], values: dict[int, Any]
) -> list[errors.ErrorItem]:
    """Say when the orders were placed that are new and of a file that tells it of none; what remains is refused."""
    indexes, remaining = list(values), []
    for fault in found:
        at, pointer = _to_place(fault)
        index = indexes[at]
        if pointer == _PLACED_AT and batch[index].placed_at:
            details = {**values[index]["order_details"], "order_created_at": batch[index].placed_at}
            values[index] = {**values[index], "order_details": details}
        else:
            remaining.append(fault)
    return remaining


def _set_aside(found: Iterable[errors.ErrorItem], values: dict[int, Any], refused: _Faults) -> None:
    """Take out of a batch what its refusal names, by places among `values`."""
    faults: dict[int, list[errors.ErrorItem]] = {}
    indexes = list(values)
    for fault in found:
        faults.setdefault(indexes[_to_place(fault)[0]], []).append(fault)
    for index in faults:
        del values[index]
    refused.update(faults)


async def _upsert(
    db: Database,
    caller: Caller,
    batch: Sequence[Record],
    values: Mapping[int, Any],
    refused: _Faults,
    now: datetime,
    is_dry_run: bool,
    note: Note | None,
) -> Stored:
    """A dry run goes the same way to the end and is undone there, so that it says what a real one would."""

    async def upsert(tx: Transaction) -> Stored:
        receipts = await operations.upsert_orders(tx, caller, list(values.values()), now=now)
        stored = _to_stored(caller, batch, values, receipts, refused)
        if is_dry_run:
            raise _Undone(stored)
        if note is not None:
            await note(tx, stored)
        return stored

    try:
        return await _write_patiently(db, upsert)
    except _Undone as undone:
        stored = undone.stored
        if note is not None:
            await db.write(lambda tx: note(tx, stored))
        return stored


async def _write_patiently(db: Database, work: Callable[[Transaction], Awaitable[Stored]]) -> Stored:
    """Wait several times as long for a lock as a request does."""
    for _ in range(_ATTEMPTS - 1):
        with suppress(errors.LockTimeout):
            return await db.write(work)
    return await db.write(work)


def _to_outcomes(receipts: Sequence[operations.Receipt]) -> Mapping[str, int]:
    """The second record of an order that its batch creates is an update of it."""
    outcomes: Counter[str] = Counter()
    created: set[int] = set()
    for receipt in receipts:
        outcomes["updated" if receipt.id in created else receipt.outcome] += 1
        if receipt.outcome == "created":
            created.add(receipt.id)
    return outcomes
