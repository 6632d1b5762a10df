"""Rows of a text file: what separates its cells, how they are quoted, and which of its lines names the columns."""

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, NamedTuple

from packhouse.kit.messages import foreign, message
from packhouse.orders.files import text
from packhouse.orders.files.map import to_written
from packhouse.orders.files.mapping import Preset, count_shared, recognise
from packhouse.orders.files.records import MAX_RECORD, Broken, Note, Row

SEPARATORS = ",;\t|"
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_SEP_LINE = re.compile(r'"?sep=(.)"?[\r\n]*', re.IGNORECASE)
# `\"` within a cell, but not where the backslash itself is escaped; what is left is as all CSV is.
_BACKSLASH_QUOTE = re.compile(r'(?<!\\)((?:\\\\)*)\\"')
# So many lines are looked at to find out, and titles may stand in the first of them.
_SAMPLE_LINES = 100
_SAMPLE = 1 << 18
_TITLES = 20
_FOOTER = re.compile(
    r"((grand |sub)?totals?|totaal|summe|gesamt|totaux|sum|report|generated|end of (file|report)|page \d+"
    r"|\d+ (rows|records|orders))\b.*|.*\brecord\(?s?\)? downloaded\b.*|seller id\s*:.*|-+|=+",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"(grand |sub)?totals?:?|totaal:?|summe:?|gesamt:?|totaux:?|sum:?|\d+ (rows|records|orders)", re.IGNORECASE
)
_FEW = 3
_BROAD = 0.6
"""Of the broadest of the first rows; of a header some names may be missing."""


class Dialect(NamedTuple):
    separator: str
    is_backslashed: bool = False
    skipped_lines: int = 0


class Table(NamedTuple):
    """The columns' names and the line they stand in, the rows below them, and what was passed over."""

    header: Sequence[str]
    line: int
    rows: Iterator[Row]
    preset: str | None
    notes: Sequence[Note]


def find_dialect(source: IO[bytes], found: text.Found, presets: Mapping[str, Preset], separator: str | None) -> Dialect:
    sample = _sample(source, found.encoding)
    said = _SEP_LINE.fullmatch(sample[0]) if sample else None
    skipped = 1 if said else 0
    chosen = separator or (said[1] if said else _find_separator(sample, presets))
    plain = Dialect(chosen, skipped_lines=skipped)
    if not found.has_backslash_quotes:
        return plain
    escaped = plain._replace(is_backslashed=True)
    return min(plain, escaped, key=lambda dialect: _count_faults(source, found.encoding, dialect))


def _sample(source: IO[bytes], encoding: str) -> list[str]:
    lines: list[str] = []
    size = 0
    try:
        for line in text.read_lines(source, encoding):
            lines.append(line)
            size += len(line)
            if len(lines) >= _SAMPLE_LINES or size > _SAMPLE:
                break
    except Broken:
        return lines
    return lines


def _find_separator(sample: Sequence[str], presets: Mapping[str, Preset]) -> str:
    """The one that makes the header of a known kind, else the one that most rows are cut by into equally many cells."""
    best, most = SEPARATORS[0], (False, 0.0)
    for separator in SEPARATORS:
        rows = _parse(sample, separator)
        is_known = any(recognise(row, presets) is not None for row in rows[:_TITLES] if len(row) > 1)
        widths = [len(row) for row in rows if row]
        usual = max(set(widths), key=widths.count) if widths else 0
        score = (is_known, (usual - 1) * widths.count(usual) / len(widths) if widths else 0.0)
        if score > most:
            best, most = separator, score
    return best


def _parse(sample: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(sample, delimiter=separator))
    except csv.Error:
        return []


def _count_faults(source: IO[bytes], encoding: str, dialect: Dialect) -> int:
    """Rows that are not as wide as the header, and very many where a row cannot be read at all."""
    faults, width = 0, None
    try:
        for _line, row in read_rows(source, encoding, dialect):
            width = width or len(row)
            faults += len(row) != width
    except Broken:
        return faults + 1_000_000_000
    return faults


def read_rows(source: IO[bytes], encoding: str, dialect: Dialect) -> Iterator[Row]:
    """Each row with the line that it begins on; lines without any cell are none. Raises Broken."""
    csv.field_size_limit(MAX_RECORD)
    lines: Iterable[str] = text.read_lines(source, encoding)
    if dialect.is_backslashed:
        lines = (_BACKSLASH_QUOTE.sub(r'\1""', line) for line in lines)
    rows = csv.reader(itertools.islice(lines, dialect.skipped_lines, None), delimiter=dialect.separator, strict=True)
    while True:
        line = rows.line_num + 1 + dialect.skipped_lines
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise Broken(line, message("Invalid CSV: {error}", error=foreign(str(error)))) from None
        if row:
            yield line, row


def find_table(rows: Iterator[Row], presets: Mapping[str, Preset], chosen: str | None) -> Table:
    """Find the header among the first rows; what stands above it is a title. Raises Broken."""
    head: list[Row] = []
    best: tuple[int, int] | None = None
    for row in rows:
        head.append(row)
        _, cells = row
        if chosen is None and recognise(cells, presets):
            best = (len(head) - 1, 1)
            break
        shared = 0 if chosen is None else count_shared(cells, presets[chosen])
        if shared and (best is None or shared > best[1]):
            best = (len(head) - 1, shared)
        if len(head) >= _TITLES:
            break
    filled = [at for at, (_, cells) in enumerate(head) if any(cell.strip() for cell in cells)]
    if not filled:
        raise Broken(1, message("the columns' names are expected"))
    at = best[0] if best is not None else _find_broad(head, filled)
    line, header = head[at]
    named = chosen if best is not None or chosen is None else ""
    notes = [Note(number, message("Passed over as a title: the columns' names come below.")) for number, _ in head[:at]]
    found = recognise(header, presets) if chosen is None else named
    return Table(_trim(header), line, itertools.chain(head[at + 1 :], rows), found, notes)


def _find_broad(head: Sequence[Row], filled: Sequence[int]) -> int:
    """The first row that names most columns, where nothing is known of them: what stands above it is a title."""
    counts = {at: sum(bool(cell.strip()) for cell in head[at][1]) for at in filled}
    most = max(counts.values())
    return next(at for at in filled if counts[at] >= _BROAD * most)


def _trim(header: Sequence[str]) -> list[str]:
    """The names without those of columns at the end that have none."""
    names = [cell.strip() for cell in header]
    while names and not names[-1]:
        names.pop()
    return names


def is_blank(cells: Sequence[str]) -> bool:
    return not any(cells) or not any(cell.strip() for cell in cells)


def is_footer(cells: Sequence[str], width: int, *, has_key: bool) -> bool:
    """A line of words or sums below the orders: few cells of many, and one that says so. One that stands where an order
    has its number must be such a word and no more."""
    filled = [cell.strip() for cell in cells if cell and cell.strip()]
    words = _SUM if has_key else _FOOTER
    return len(filled) <= _FEW and width > len(filled) + 1 and any(words.fullmatch(cell) for cell in filled)


def write_again(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    """Rows as they were read, as a table to mend and bring again."""
    return write_rows(([to_written(cell) for cell in cells] for cells in rows), separator)


def write_rows(rows: Iterable[Sequence[str]], separator: str = ",") -> str:
    made = io.StringIO(newline="")
    csv.writer(made, delimiter=separator).writerows(rows)
    return made.getvalue()
