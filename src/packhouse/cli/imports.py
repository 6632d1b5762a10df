"""What `packhouse orders import` does with a file's records: a batch at a time, each record by itself where it must."""

import itertools
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors
from packhouse.kit.db import Database
from packhouse.orders import files, operations, schema

OUTCOMES = ("created", "updated", "unchanged")

# How often a batch waits for its turn behind other writers; one wait is the setting `lock_timeout_seconds`.
_ATTEMPTS = 5
_RECORDS_OF_A_TABLE = 100
_POINTER = re.compile(re.escape(errors.ATTRIBUTES) + r"/\[(\d+)\](.*)", re.DOTALL)


class _Undone(Exception):
    """Ends the transaction of a dry run."""


@dataclass(slots=True)
class Report:
    """Counts in memory and the refused records in a temporary file: memory stays flat however many there are."""

    is_dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, Any] | None = None
    _refused: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def refuse(self, record: files.Record, faults: Iterable[errors.Fault]) -> None:
        """Pointers of the faults are those of a batch; here they begin at the record."""
        told = [{"pointer": _to_place(fault)[1], "code": fault.code, "detail": fault.detail} for fault in faults]
        line = {"line": record.line, "order_id": _find_order_id(record), "faults": told}
        self._refused.write(orjson.dumps(line) + b"\n")
        self.counts["refused"] += 1

    def stop(self, detail: str, line: int | None = None) -> None:
        """The rest of the file was not read."""
        self.stopped = {"line": line, "detail": detail}

    def close(self) -> None:
        self._refused.close()

    def is_clean(self) -> bool:
        return not self.counts["refused"] and self.stopped is None

    def show(self, *, as_json: bool) -> None:
        if as_json:
            self._show_json()
        else:
            self._show_tables()
            typer.echo(self._sum_up())
        if self.stopped:
            at = "" if self.stopped["line"] is None else f" at line {self.stopped['line']}"
            kept = "" if self.is_dry_run else " What was stored before stays."
            typer.echo(f"packhouse: stopped{at}: {self.stopped['detail'].removesuffix('.')}.{kept}", err=True)

    def _sum_up(self) -> str:
        would = "would be " if self.is_dry_run else ""
        return ", ".join(f"{self.counts[name]} {would}{name}" for name in (*OUTCOMES, "refused")) + "."

    def _show_json(self) -> None:
        head = {name: self.counts[name] for name in (*OUTCOMES, "refused")}
        text = orjson.dumps({**head, "dry_run": self.is_dry_run, "stopped": self.stopped}).decode()
        typer.echo(f'{text[:-1]},"records":[', nl=False)
        for index, line in enumerate(self._lines()):
            typer.echo(f"{',' if index else ''}{line.decode().rstrip()}", nl=False)
        typer.echo("]}")

    def _show_tables(self) -> None:
        lines = self._lines()
        while records := [orjson.loads(line) for line in itertools.islice(lines, _RECORDS_OF_A_TABLE)]:
            table = Table("line", "order_id", "pointer", "code", "detail")
            for column in table.columns:
                column.overflow = "fold"
            for record in records:
                for fault in record["faults"]:
                    cells = (str(record["line"]), record["order_id"] or "", *fault.values())
                    table.add_row(*(Text(_to_printable(cell)) for cell in cells))
            Console().print(table)

    def _lines(self) -> Iterator[bytes]:
        self._refused.seek(0)
        yield from self._refused


def _to_printable(text: str) -> str:
    """A file's words must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def _find_order_id(record: files.Record) -> str | None:
    try:
        value = orjson.loads(record.body)
    except orjson.JSONDecodeError:
        return None
    order_id = value.get("order_id") if isinstance(value, dict) else None
    return order_id if isinstance(order_id, str) else None


def _to_place(fault: errors.Fault) -> tuple[int, str]:
    """The index in the batch and the pointer below it; what names no place is about the only record there is."""
    found = _POINTER.fullmatch(fault.pointer or "")
    return (int(found[1]), found[2]) if found else (0, "")


async def store(db: Database, caller: Caller, batch: Sequence[files.Record], report: Report) -> None:
    """What is good of a batch is stored in one transaction, or in a dry run only tried. Raises Unavailable."""
    refused: dict[int, Sequence[errors.Fault]] = {}
    sound: list[int] = []
    for index, record in enumerate(batch):
        if record.flaws:
            flaws = [flaw._replace(path=(0, *flaw.path)) for flaw in record.flaws]
            refused[index] = operations.to_faults(flaws)
        else:
            sound.append(index)
    values = await _read(db, caller, batch, sound, refused)
    while values:
        try:
            receipts = await _upsert(db, caller, list(values.values()), is_dry_run=report.is_dry_run)
        except errors.Invalid as invalid:
            _set_aside(invalid.faults, values, refused)
        else:
            report.counts.update(_to_outcomes(receipts))
            break
    for index in sorted(refused):
        report.refuse(batch[index], refused[index])


async def _read(
    db: Database,
    caller: Caller,
    batch: Sequence[files.Record],
    sound: Sequence[int],
    refused: dict[int, Sequence[errors.Fault]],
) -> dict[int, Any]:
    """The valid orders by their place in the batch. All at once, and only when that fails without the refused ones."""
    while sound:
        try:
            reading = schema.read_batch(_join(batch, sound))
        except errors.Invalid:  # no JSON to the strict parser: whose, only each by itself can tell
            sound = [index for index in sound if _is_readable(batch, index, refused)]
            continue
        if not reading.flaws:
            return dict(zip(sound, reading.value, strict=True))
        async with db.read() as tx:
            more = await operations.find_flaws(db, tx, caller.account_id, reading.value)
        broken = {flaw.path[0] for flaw in reading.flaws}
        flaws = [flaw for flaw in (*reading.flaws, *more) if flaw.path[0] in broken]
        places = dict.fromkeys(sound)
        _set_aside(operations.to_faults(flaws), places, refused)
        sound = list(places)
    return {}


def _join(batch: Sequence[files.Record], indexes: Iterable[int]) -> bytes:
    return b"[" + b",".join(batch[index].body for index in indexes) + b"]"


def _is_readable(batch: Sequence[files.Record], index: int, refused: dict[int, Sequence[errors.Fault]]) -> bool:
    try:
        schema.read_batch(_join(batch, [index]))
    except errors.Invalid as invalid:
        refused[index] = invalid.faults
        return False
    return True


def _set_aside(
    found: Iterable[errors.Fault], values: dict[int, Any], refused: dict[int, Sequence[errors.Fault]]
) -> None:
    """Take out of a batch what its refusal names, by places among `values`."""
    faults: dict[int, list[errors.Fault]] = {}
    indexes = list(values)
    for fault in found:
        faults.setdefault(indexes[_to_place(fault)[0]], []).append(fault)
    for index in faults:
        del values[index]
    refused.update(faults)


async def _upsert(
    db: Database, caller: Caller, values: Sequence[Any], *, is_dry_run: bool
) -> Sequence[operations.Receipt]:
    """A dry run goes the same way to the end and is undone there, so that it says what a real one would."""
    receipts: Sequence[operations.Receipt] = ()
    for attempt in itertools.count(1):
        try:
            with suppress(_Undone):
                async with db.write() as tx:
                    receipts = await operations.upsert_orders(db, tx, caller, values, now=clock.now())
                    _undo(is_dry_run)
        except errors.Busy:
            if attempt == _ATTEMPTS:
                raise
        else:
            break
    return receipts


def _undo(wanted: bool) -> None:
    if wanted:
        raise _Undone


def _to_outcomes(receipts: Sequence[operations.Receipt]) -> Mapping[str, int]:
    """The second record of an order that its batch creates is an update of it."""
    outcomes: Counter[str] = Counter()
    created: set[int] = set()
    for receipt in receipts:
        outcomes["updated" if receipt.id in created else receipt.outcome] += 1
        if receipt.outcome == "created":
            created.add(receipt.id)
    return outcomes
