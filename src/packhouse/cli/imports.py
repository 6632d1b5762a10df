"""What `packhouse orders import` does with a file: what it is, its records a batch at a time, and the report."""

import hashlib
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BufferedIOBase
from typing import IO, Any

import orjson
import typer

from packhouse.accounts import queries as account_queries
from packhouse.accounts.schema import Caller
from packhouse.cli import terminal
from packhouse.integrations import queries as integration_queries
from packhouse.kit import clock, errors, messages
from packhouse.kit.data import zones
from packhouse.kit.db import Database, Transaction
from packhouse.orders import schema
from packhouse.orders.files import formats, known, mapping, read, store, tables
from packhouse.orders.files.formats import Conventions
from packhouse.orders.files.map import Place
from packhouse.orders.files.records import Broken, Record

_RECORDS_OF_A_TABLE = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person said of a file and of what is to be done with it."""

    account: str
    file_name: str = "-"
    form: str | None = None
    preset: str | None = None
    mapping: str | None = None
    integration: int | None = None
    into: int | None = None
    is_dry_run: bool = False
    is_again: bool = False
    separator: str | None = None
    encoding: str | None = None
    told: Conventions = field(default_factory=Conventions)
    time_zone: str | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    save_as: str | None = None

    def of(self, file_name: str, form: str) -> "Asked":
        """Ask the same about another file."""
        return replace(self, file_name=file_name, form=form)

    def options(self) -> str:
        """How the file is read, as far as the same bytes read otherwise are another file."""
        own = None if self.mapping is None else _hash(self.mapping)
        said = (self.preset, own, self.integration, self.into, self.separator, self.encoding, *self.told[:2])
        return orjson.dumps([*said, self.time_zone, dict(self.fixed)], default=str).decode()


@dataclass(slots=True)
class Report:
    """Counts in memory, and records with what is said of them in temporary files: memory stays flat however many there
    are."""

    is_dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, Any] | None = None
    again: dict[str, Any] | None = None
    reading: read.ParsedFile | None = None
    # Whether it was stopped by the database, so that it may go on later.
    is_away: bool = False
    _refused: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _warned: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    _rows: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def take(self, stored: store.Stored) -> None:
        columns = self.reading.columns if self.reading is not None else {}
        self.counts.update(stored.counts)
        for refused in stored.refused:
            self._refused.write(orjson.dumps(refused.to_wire(columns)) + b"\n")
            rows = [cells for _, cells in refused.record.rows]
            self._rows.write(orjson.dumps(rows or refused.record.body.decode()) + b"\n")
        for warned in stored.warned:
            self._warned.write(orjson.dumps(warned.to_wire(columns, "warnings")) + b"\n")
        self.counts["refused"] += len(stored.refused)
        self.counts["warned"] += len(stored.warned)

    def stop(self, detail: str, line: int | None = None) -> None:
        """The rest of the file was not read."""
        self.stopped = {"line": line, "detail": detail}

    def count_done(self) -> int:
        return self.counts.total() - self.counts["warned"]

    def close(self) -> None:
        if self.reading is not None:
            self.reading.close()
        for file in (self._refused, self._warned, self._rows):
            file.close()

    def is_clean(self) -> bool:
        return not self.counts["refused"] and self.stopped is None

    def write_refused(self, target: IO[bytes]) -> None:
        """The refused records as a file of the kind that they came in, to be mended and brought again."""
        reading = self.reading
        header = reading.header if reading is not None else ()
        separator = (reading.separator if reading is not None else "") or ","
        if header:
            target.write(b"\xef\xbb\xbf" + tables.write_rows([header], separator).encode())
        self._rows.seek(0)
        for line in self._rows:
            rows = orjson.loads(line)
            target.write(
                (rows.strip() + "\n" if isinstance(rows, str) else tables.write_again(rows, separator)).encode()
            )

    def show(self, *, as_json: bool) -> None:
        if as_json:
            self.write_json(lambda text: typer.echo(text, nl=False))
            typer.echo("")
        else:
            self._show_tables()
            typer.echo(self.sum_up())
        if self.stopped:
            at = "" if self.stopped["line"] is None else f" at line {self.stopped['line']}"
            kept = "" if self.is_dry_run else " What was stored before stays."
            stopped = terminal.CommandError(f"stopped{at}: {self.stopped['detail'].removesuffix('.')}.{kept}")
            terminal.show_error(stopped, as_json=as_json)

    def sum_up(self) -> str:
        would = "would be " if self.is_dry_run else ""
        more = [name for name in (store.LEFT_OUT,) if self.counts[name]]
        names = (*store.OUTCOMES, "refused", *more)
        return ", ".join(f"{self.counts[name]} {would}{name.replace('_', ' ')}" for name in names) + "."

    def find_file(self) -> dict[str, Any]:
        """What the file was found to be, where that is more than Packhouse's own columns with commas in UTF-8."""
        reading = self.reading
        if reading is None:
            return {}
        is_plain = reading.encoding in ("", "UTF-8") and reading.separator in ("", ",") and not reading.notes
        if is_plain and reading.preset in (None, mapping.NATIVE) and reading.form != read.WORKBOOK:
            return {}
        return {
            "form": reading.form,
            "preset": reading.preset,
            "title": reading.title(),
            "encoding": reading.encoding or None,
            "separator": reading.separator or None,
            "decimal": reading.conventions.decimal,
            "dates": reading.conventions.day_order,
            "notes": [note._asdict() for note in reading.notes],
        }

    def write_json(self, write: Callable[[str], Any]) -> None:
        head: dict[str, Any] = {name: self.counts[name] for name in (*store.OUTCOMES, "refused")}
        head |= {"dry_run": self.is_dry_run, "stopped": self.stopped}
        found = {"file": self.find_file(), "again": self.again, store.LEFT_OUT: self.counts[store.LEFT_OUT]}
        text = orjson.dumps({**head, **{name: value for name, value in found.items() if value}}).decode()
        write(text[:-1])
        lists = [("records", self._refused), ("warnings", self._warned)]
        for name, file in lists if self.counts["warned"] else lists[:1]:
            write(f',"{name}":[')
            for index, line in enumerate(_lines(file)):
                write(f"{',' if index else ''}{line.decode().rstrip()}")
            write("]")
        write("}")

    def _show_tables(self) -> None:
        if self.again is not None:
            at, by = self.again["imported_at"], self.again["imported_by"]
            done = "Nothing was done; --again imports it anew."
            if self.again["partly"]:
                done = "Not all of it was accepted, so it was imported again."
            typer.echo(f"This file was imported before: {at}, by {by}. {done}")
        if found := self.find_file():
            _show_file(found)
        _show_records(_lines(self._refused), "faults", "refused")
        _show_records(_lines(self._warned), "warnings", "to look at")


def _show_file(found: Mapping[str, Any]) -> None:
    separator = tables.NAMES.get(found["separator"] or "", found["separator"])
    dates = found["dates"] and f"dates {found['dates']}"
    decimal = found["decimal"] == "," and "decimal comma"
    said = filter(None, (found["title"], separator, found["encoding"], decimal, dates))
    typer.echo(terminal.to_printable(f"Read as {', '.join(said)}."))
    for note in found["notes"]:
        typer.echo(terminal.to_printable(f"Line {note['line']}: {note['detail']}"))


def _lines(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    yield from file


def _show_records(lines: Iterator[bytes], name: str, title: str) -> None:
    while records := [orjson.loads(line) for line in itertools.islice(lines, _RECORDS_OF_A_TABLE)]:
        rows = [
            {
                "line": told.get("line", record["line"]),
                "order_id": record["order_id"],
                "column": told.get("column") or told["pointer"],
                "code": told["code"],
                "detail": told["detail"],
            }
            for record in records
            for told in record[name]
        ]
        terminal.show(rows, as_json=False, title=title)


async def import_file(
    db: Database, source: BufferedIOBase, asked: Asked, report: Report, count: Callable[[], None], *, is_stream: bool
) -> None:
    """Raises NotFound, Invalid and Unavailable; what is wrong with the file stands in the report."""
    caller, options = await _prepare(db, asked)
    try:
        reading = report.reading = read.open_file(source, options, is_stream=is_stream)
    except Broken as broken:
        report.stop(broken.detail, broken.line)
        return
    if reading.form in (read.CSV, read.WORKBOOK) and reading.preset != mapping.NATIVE:
        await _require_shop(db, caller, options)
    how = _to_options(asked, options, reading)
    if not asked.is_dry_run and not asked.is_again and await _is_known(db, caller, how, report):
        return
    since = clock.from_wire(report.again["imported_at"]) if report.again is not None else None
    while batch := _next_batch(reading.records, report):
        if since is not None:
            batch = await store.spare_changed(db, caller.account_id, batch, since)
        await _store(db, caller, batch, report)
        count()
    # Of a file that is still not taken as a whole the first time counts: what was changed since then is not its own.
    is_as_before = since is not None and report.counts["refused"] > 0
    if reading.digest and report.stopped is None and not asked.is_dry_run and not is_as_before:

        async def work(tx: Transaction) -> None:
            said = (caller.account_id, caller.actor, reading.digest, how, asked.file_name)
            await known.remember(tx, *said, is_whole=not report.counts["refused"], now=clock.now())

        await db.write(work)


async def _prepare(db: Database, asked: Asked) -> tuple[Caller, read.Options]:
    async with db.read() as tx:
        owner = await account_queries.get_account(tx, asked.account)
        shops = [row.id for row in await integration_queries.list_integrations(tx, owner.account_id)]
        wanted = asked.into or asked.integration
        if wanted is not None and wanted not in shops:
            raise errors.NotFound(messages.message("The account has no integration {id}.", id=wanted))
        presets = await known.list_presets(tx, owner.account_id)
    caller = Caller(owner.account_id, owner.country_code, "command:orders import")
    preset, presets = await _choose_preset(db, caller, asked, presets)
    shop = wanted if wanted is not None else shops[0] if len(shops) == 1 else None
    zone = (
        formats.find_zone(asked.time_zone)
        if asked.time_zone
        else zones.to_zone(owner.time_zone or zones.find_default(owner.country_code))
    )
    if zone is None:
        raise errors.Invalid(
            errors.ErrorItem("invalid", messages.message("There is no time zone {zone}.", zone=asked.time_zone))
        )
    place = Place(shop, owner.country_code, zone, zones.to_day(clock.now(), zone), asked.fixed)
    return caller, read.Options(
        asked.form, preset, presets, asked.separator, asked.encoding, asked.told, place, asked.into
    )


async def _choose_preset(
    db: Database, caller: Caller, asked: Asked, presets: Mapping[str, mapping.Preset]
) -> tuple[str | None, Mapping[str, mapping.Preset]]:
    if asked.mapping is not None:
        name = asked.save_as or "mapping"
        try:
            own = mapping.parse(asked.mapping)
        except mapping.MappingError as error:
            raise errors.Invalid(errors.ErrorItem("invalid", messages.foreign(str(error)))) from None
        if saved_as := asked.save_as:
            content, now = asked.mapping, clock.now()
            await db.write(
                lambda tx: known.save_mapping(tx, caller.account_id, caller.actor, saved_as, content, now=now)
            )
        return name, {**presets, name: own}
    if asked.preset is not None and asked.preset not in presets:
        names = ", ".join(presets)
        raise errors.NotFound(
            messages.message("There is no preset {name}. There are: {names}.", name=repr(asked.preset), names=names)
        )
    return asked.preset, presets


async def _require_shop(db: Database, caller: Caller, options: read.Options) -> None:
    if options.place.integration_id is None:
        async with db.read() as tx:
            count = len(await integration_queries.list_integrations(tx, caller.account_id))
        detail = messages.message(
            "The account has {count} shops: say with --into which one the orders of this file belong to.", count=count
        )
        raise errors.Invalid(errors.ErrorItem("invalid", detail))


def _to_options(asked: Asked, options: read.Options, reading: read.ParsedFile) -> str:
    """With what the account's own mapping says, which may change under its name."""
    name = reading.preset
    own = options.presets.get(name) if name and name not in mapping.list_presets() else None
    return asked.options() if own is None else f"{asked.options()} {_hash(own.model_dump_json())}"


def _hash(text: str) -> str:
    """A mapping is as long as its file is broad, and is part of a key."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


async def _is_known(db: Database, caller: Caller, how: str, report: Report) -> bool:
    """Whether there is nothing left to do: what was refused of a file is tried again."""
    if report.reading is None:
        return False
    async with db.read() as tx:
        row = await known.find_imported(tx, caller.account_id, report.reading.digest, how)
    if row is None:
        return False
    at = clock.to_wire(row.imported_at)
    report.again = {"imported_at": at, "imported_by": row.imported_by, "file_name": row.file_name}
    report.again["partly"] = known.is_partly(row)
    return not report.again["partly"]


def _next_batch(records: Iterator[Record], report: Report) -> list[Record]:
    """Up to 100; where the file breaks, what was read before is still a batch."""
    batch: list[Record] = []
    if report.stopped:
        return batch
    try:
        batch.extend(itertools.islice(records, schema.MAX_BATCH))
    except Broken as broken:
        report.stop(broken.detail, broken.line)
    return batch


async def _store(db: Database, caller: Caller, batch: Sequence[Record], report: Report) -> None:
    try:
        report.take(await store.store(db, caller, batch, now=clock.now(), is_dry_run=report.is_dry_run))
    except errors.Unavailable as unavailable:
        report.stop(unavailable.faults[0].detail, batch[0].line)
        report.is_away = True
