"""Files of orders, whichever way they were made: what they are is found, their records are given out one at a time.

A table is read twice: once to find out how it writes what can be written in two ways, and to bring the rows of an order
together, which may stand anywhere; then order by order. JSON is read once, piece by piece.
"""

import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, Any, NamedTuple

from packhouse.kit.messages import Message, foreign, message
from packhouse.orders.files import archive, json_files, tables, text
from packhouse.orders.files.formats import Conventions, Evidence
from packhouse.orders.files.map import Mapper, Place, check_header
from packhouse.orders.files.mapping import NATIVE, Preset, list_lacking, list_presets, to_distinct
from packhouse.orders.files.records import Broken, Note, Record, Row, UnknownColumns, move
from packhouse.orders.files.spool import Spool

JSON, LINES, CSV, WORKBOOK = "json", "jsonl", "csv", "xlsx"
FORMS = (JSON, LINES, CSV, WORKBOOK)
SENDCLOUD = "sendcloud"
_SUFFIXES = {
    ".json": JSON, ".jsonl": LINES, ".ndjson": LINES, ".csv": CSV, ".tsv": CSV, ".tab": CSV, ".txt": CSV,
    ".xlsx": WORKBOOK, ".xlsm": WORKBOOK,
}  # fmt: skip
_PACKED = (".gz", ".zip")
_MOST_NOTES = 100


class Options(NamedTuple):
    """What a person said of a file; None and empty is what is to be found. `presets` are all that may be used, with the
    account's own among them; `most_rows` is how far a table is read that is only looked at."""

    form: str | None = None
    preset: str | None = None
    presets: Mapping[str, Preset] = {}
    separator: str | None = None
    encoding: str | None = None
    told: Conventions = Conventions()
    place: Place = Place()
    into: int | None = None
    most_unpacked: int = archive.MOST_UNPACKED
    most_rows: int | None = None


class ParsedFile:
    """A file that is being read. What was found of it stands here: some before the first record, all after the last."""

    def __init__(self, options: Options, form: str) -> None:
        self.form = form
        self.preset: str | None = options.preset
        self.digest = ""
        self.encoding, self.separator = "", ""
        self.header: Sequence[str] = ()
        self.columns: Mapping[str, str] = {}
        self.conventions = options.told
        self.notes: list[Note] = []
        self.records: Iterator[Record] = iter(())
        self._held = ExitStack()

    def hold(self, *files: IO[bytes]) -> None:
        """Temporary files that are gone with the reading."""
        for file in files:
            self._held.callback(file.close)

    def close(self) -> None:
        self._held.close()

    def note(self, note: Note) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(note)

    def title(self) -> str:
        known = list_presets().get(self.preset or "")
        return known.title if known else self.preset or ""


def find_form(name: str) -> str | None:
    """The form that a file's name ends with; an archive's is told by the file in it."""
    lower = name.lower()
    for suffix in _PACKED:
        if lower.endswith(suffix):
            return find_form(lower.removesuffix(suffix)) or CSV
    return next((form for suffix, form in _SUFFIXES.items() if lower.endswith(suffix)), None)


def open_file(source: IO[bytes] | io.BufferedIOBase, options: Options, *, is_stream: bool = False) -> ParsedFile:
    """Find out what a file is. JSON that comes bit by bit (`is_stream`) is read as it comes. Raises Broken."""
    if is_stream and options.form in (JSON, LINES):
        reading = ParsedFile(options, options.form)
        reading.records = _read_json(source, reading, options)
        return reading
    reading = ParsedFile(options, options.form or CSV)
    try:
        return _open_kept(source, reading, options, is_stream)
    except Broken:
        reading.close()
        raise


def _open_kept(
    source: IO[bytes] | io.BufferedIOBase, reading: ParsedFile, options: Options, is_stream: bool
) -> ParsedFile:
    kept: Any = source
    if is_stream or not source.seekable():
        kept = text.to_seekable(source)
        reading.hold(kept)
    unpacked = archive.unpack(kept, options.most_unpacked)
    if unpacked.source is not kept:
        reading.hold(unpacked.source)
    form = WORKBOOK if unpacked.is_workbook else find_form(unpacked.name or "") or options.form or CSV
    if form == WORKBOOK and not unpacked.is_workbook:
        form = CSV  # a name alone makes no workbook
    reading.form = form
    found = text.examine(unpacked.source, options.encoding)
    reading.digest = found.digest
    if form in (JSON, LINES):
        reading.records = _read_json(unpacked.source, reading, options, found.encoding)
        return reading
    return _open_table(unpacked.source, reading, options, found)


def _read_json(
    source: IO[bytes] | io.BufferedIOBase, reading: ParsedFile, options: Options, encoding: str = "utf-8-sig"
) -> Iterator[Record]:
    wide = encoding if encoding.startswith(("utf-16", "utf-32")) else "utf-8-sig"
    records = json_files.read(source, reading.form, options.place.integration_id, wide, options.preset == SENDCLOUD)
    first = next(records, None)
    is_answer = options.preset == SENDCLOUD or records.is_answer
    reading.preset = SENDCLOUD if is_answer else NATIVE
    shop = options.into or (options.place.integration_id if is_answer else None)
    given = json_files.chain(first, records)
    try:
        yield from given if shop is None else move(given, shop)
    finally:
        reading.close()


def _open_table(source: IO[bytes], reading: ParsedFile, options: Options, found: text.Found) -> ParsedFile:
    presets = options.presets or list_presets()
    if reading.form == WORKBOOK:
        rows = archive.read_workbook(source)
    else:
        known = presets if options.preset is None else {options.preset: presets[options.preset]}
        dialect = tables.find_dialect(source, found, known, options.separator)
        reading.encoding, reading.separator = found.to_name(), dialect.separator
        if found.odd_line:
            reading.note(
                Note(found.odd_line, message("Not UTF-8: the file is read as {encoding}.", encoding=found.to_name()))
            )
        rows = tables.read_rows(source, found.encoding, dialect)
    table = tables.find_table(rows, presets, options.preset)
    for note in table.notes:
        reading.note(note)
    if not table.preset:
        raise UnknownColumns(table.line, _say_unknown(table.header, options.preset))
    preset = presets[table.preset]
    header = table.header if preset.native else to_distinct(table.header)
    reading.preset, reading.header = table.preset, header
    try:
        check_header(preset, header)
    except ValueError as error:
        raise UnknownColumns(table.line, foreign(str(error))) from None
    if options.preset is not None and (lacking := list_lacking(header, preset)):
        told = message("These columns of the preset are not in the file: {names}.", names=", ".join(lacking)[:400])
        reading.note(Note(table.line, told))
    mapper = Mapper(preset, header, options.place, is_typed=reading.form == WORKBOOK)
    reading.columns = mapper.columns
    records = _read_table(itertools.islice(table.rows, options.most_rows), mapper, reading, options)
    reading.records = records if options.into is None else move(records, options.into)
    return reading


def read_head(source: IO[bytes], options: Options, most: int = 50) -> tuple[Sequence[str], list[Row]]:
    """The columns of a table, whether or not a preset knows them, and its first rows. Raises Broken."""
    unpacked = archive.unpack(source, options.most_unpacked)
    try:
        table = _find_head(unpacked, options)
        is_native = table.preset is not None and (options.presets or list_presets())[table.preset].native
        header = table.header if is_native else to_distinct(table.header)
        return header, list(itertools.islice(table.rows, most))
    finally:
        if unpacked.source is not source:
            unpacked.source.close()


def _find_head(unpacked: archive.Unpacked, options: Options) -> tables.Table:
    if unpacked.is_workbook:
        rows = archive.read_workbook(unpacked.source)
    else:
        found = text.examine(unpacked.source, options.encoding)
        dialect = tables.find_dialect(unpacked.source, found, list_presets(), options.separator)
        rows = tables.read_rows(unpacked.source, found.encoding, dialect)
    return tables.find_table(rows, options.presets or list_presets(), options.preset)


def _say_unknown(header: Sequence[str], preset: str | None) -> Message:
    shown = ", ".join(name for name in header if name)[:200]
    if preset is None:
        return message(
            "No preset knows these columns: {shown}. Choose one, or say which column is which field.", shown=shown
        )
    return message("The preset {preset} does not know these columns: {shown}.", preset=preset, shown=shown)


def _read_table(rows: Iterator[Row], mapper: Mapper, reading: ParsedFile, options: Options) -> Iterator[Record]:
    spool = Spool()
    try:
        broken = _fill(spool, rows, mapper, reading, options)
        is_apart = spool.end()
        if broken is not None and is_apart:
            detail = message(
                "{detail}. Rows of one order lie apart in this file, so that none of it was taken: more of them may be "
                "missing.",
                detail=broken.detail,
            )
            raise Broken(broken.line, detail)
        for group in spool.groups():
            yield mapper.to_record(group)
        if broken is not None:
            raise broken
    finally:
        spool.close()
        reading.close()


def _fill(spool: Spool, rows: Iterator[Row], mapper: Mapper, reading: ParsedFile, options: Options) -> Broken | None:
    """Put every row where those of its order are. Where the file breaks, the last order is left out: rows of it may be
    missing."""
    evidence = Evidence()
    broken: Broken | None = None
    width = len(mapper.header)
    try:
        for row in rows:
            line, cells = row
            if tables.is_blank(cells):
                continue
            key = mapper.find_key(cells)
            if tables.is_footer(cells, width, has_key=key is not None and mapper.preset.native):
                reading.note(Note(line, message("Passed over as a line below the orders.")))
                continue
            mapper.see(cells, evidence)
            if key is None and spool.has_run() and mapper.follows(cells):
                spool.extend(row)
            else:
                spool.add(key, row)
    except Broken as error:
        spool.drop_last()
        broken = error
    mapper.conclude(evidence, options.told)
    reading.conventions = mapper.conventions
    return broken
