"""Orders as files (docs/files.md): JSON list, JSON Lines, CSV; read and written one at a time, whatever their number.

A file that cannot be read on raises `Broken` after everything before that place was given out. What is wrong with one
record alone, so that the next can be read, is in that record's flaws.
"""

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from packhouse.kit.validation import Flaw
from packhouse.orders import csv_columns, schema

# What one record may take, as much as the body of a request; a broken file is not read to its end to find out.
MAX_RECORD = 10_000_000
_CHUNK = 1 << 16
# The parser points at most this far before the end of a text that only stops too early.
_LOOKAHEAD = 16
_UNTERMINATED = "Unterminated string"
_BLANK = " \t\r\n"

_DECODER = json.JSONDecoder()


class Broken(Exception):
    """The file cannot be read from this line on."""

    def __init__(self, line: int, detail: str) -> None:
        self.line = line
        self.detail = detail
        super().__init__(f"Line {line}: {detail}")


class Record(NamedTuple):
    """One order as sent: the line that it begins on, its JSON, and why it could not be read, if so."""

    line: int
    body: bytes
    flaws: Sequence[Flaw] = ()


class Form(NamedTuple):
    """`read` takes the file and the integration of records that name none. `write` takes orders as JSON texts and gives
    the file's pieces."""

    suffixes: tuple[str, ...]
    read: Callable[[io.BufferedIOBase, int | None], Iterator[Record]]
    begin: str
    write: Callable[[str, bool], str]
    end: str


def _decode(source: io.BufferedIOBase) -> Iterator[str]:
    """Texts of any length, without a byte order mark."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    line, is_last = 1, False
    while not is_last:
        chunk = source.read1(_CHUNK)  # not more than is there: a pipe's records are not kept waiting
        is_last = not chunk
        try:
            text = decoder.decode(chunk, final=is_last)
        except UnicodeDecodeError as error:
            sound = error.object[: error.start].decode()
            yield sound
            detail = f"not UTF-8 (0x{error.object[error.start]:02x})"
            raise Broken(line + sound.count("\n"), detail) from None
        line += text.count("\n")
        yield text


def _split_lines(texts: Iterable[str]) -> Iterator[str]:
    """Ends included, and only a line feed ends one: a carriage return may stand in a quoted cell."""
    rest, number = "", 1
    for text in texts:
        *whole, rest = (rest + text).split("\n")
        number += len(whole)
        yield from (f"{line}\n" for line in whole)
        if len(rest) > MAX_RECORD:
            raise Broken(number, f"longer than {MAX_RECORD} characters")
    if rest:
        yield rest


def read_lines(source: io.BufferedIOBase, integration_id: int | None) -> Iterator[Record]:
    for number, line in enumerate(_split_lines(_decode(source)), 1):
        text = line.strip(_BLANK)
        if text:
            yield _read_line(number, text, integration_id)


def _read_line(number: int, text: str, integration_id: int | None) -> Record:
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        return Record(number, b"", [Flaw((), f"Invalid JSON: {error.msg} at column {error.colno}")])
    except (ValueError, RecursionError):
        return Record(number, b"", [Flaw((), f"Invalid JSON: {_TOO_MUCH}")])
    return Record(number, _to_body(value, text, integration_id))


_TOO_MUCH = "nested too deep, or a number of too many digits"


def read_list(source: io.BufferedIOBase, integration_id: int | None) -> Iterator[Record]:
    text = _Window(_decode(source))
    if text.skip_blank() != "[":
        raise text.broken("a JSON list of orders is expected" if text.peek() else "the file is empty")
    text.take(1)
    if text.skip_blank() == "]":
        text.take(1)
    else:
        yield from _read_elements(text, integration_id)
    if text.skip_blank():
        raise text.broken("more after the end of the JSON list")


def _read_elements(text: "_Window", integration_id: int | None) -> Iterator[Record]:
    while True:
        text.skip_blank()
        line = text.line
        value, raw = text.take_value()
        yield Record(line, _to_body(value, raw, integration_id))
        mark = text.skip_blank()
        if mark not in (",", "]"):
            raise text.broken("',' or ']' is expected" if mark else "the JSON list has no end")
        text.take(1)
        if mark == "]":
            return


class _Window:
    """The part of a text that is being read; what was taken is let go."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._text = ""
        self._at = 0
        self._failure: Broken | None = None
        self._has_ended = False
        self.line = 1

    def broken(self, detail: str) -> Broken:
        """Where the encoding failed, that is the reason for whatever is missing now."""
        return self._failure or Broken(self.line, detail)

    def peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def take(self, count: int) -> str:
        taken = self._text[self._at : self._at + count]
        self._at += count
        self.line += taken.count("\n")
        return taken

    def skip_blank(self) -> str:
        """The character after it, or nothing at the end."""
        while True:
            rest = len(self._text)
            while self._at < rest and self._text[self._at] in _BLANK:
                self.line += self._text[self._at] == "\n"
                self._at += 1
            if self._at < rest or not self._read_more(1):
                return self.peek()

    def take_value(self) -> tuple[Any, str]:
        """A JSON value and its text. The window doubles each time, so that a long one costs its length."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                offset = error.pos - self._at
                if self._is_whole(error) or not self._read_more(len(self._text) - self._at):
                    raise self._to_broken(error.msg, self._at + offset) from None
            except (ValueError, RecursionError):
                raise self.broken(_TOO_MUCH) from None
            else:
                # A number that ends with the window may go on.
                if end < len(self._text) or not self._read_more(1):
                    return value, self.take(end - self._at)

    def _is_whole(self, error: json.JSONDecodeError) -> bool:
        """Whether the fault is in what was read, rather than that the end was not."""
        if len(self._text) - self._at > MAX_RECORD:
            return True
        return error.pos < len(self._text) - _LOOKAHEAD and not error.msg.startswith(_UNTERMINATED)

    def _to_broken(self, message: str, at: int) -> Broken:
        line = self.line + self._text.count("\n", self._at, at)
        is_early = at >= len(self._text) or (self._has_ended and message.startswith(_UNTERMINATED))
        detail = "the file ends within a record" if is_early else message
        return self._failure or Broken(line, f"Invalid JSON: {detail}")

    def _read_more(self, least: int) -> bool:
        parts = [self._text[self._at :]]
        wanted = max(least, 1)
        while wanted > 0 and not self._has_ended:
            part = self._next()
            wanted -= len(part)
            parts.append(part)
        self._text, self._at = "".join(parts), 0
        return len(self._text) > len(parts[0])

    def _next(self) -> str:
        try:
            return next(self._texts)
        except StopIteration:
            self._has_ended = True
        except Broken as failure:
            self._failure, self._has_ended = failure, True
        return ""


def _to_body(value: Any, text: str, integration_id: int | None) -> bytes:
    """As sent, but for what is ours (an order is addressed by its shop's key) and for the integration."""
    if not isinstance(value, dict):
        return text.encode()
    changed = {key: inner for key, inner in value.items() if key not in schema.READ_ONLY}
    details = changed.get("order_details", {})
    if integration_id is not None and isinstance(details, dict) and "integration" not in details:
        changed["order_details"] = {"integration": {"id": integration_id}, **details}
    elif len(changed) == len(value):
        return text.encode()
    return json.dumps(changed).encode()


def move(records: Iterable[Record], integration_id: int) -> Iterator[Record]:
    """The same as orders of this integration, whichever they name."""
    for record in records:
        value = None if record.flaws else json.loads(record.body)
        details = value.get("order_details", {}) if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(details, dict):
            value["order_details"] = {**details, "integration": {"id": integration_id}}
            record = record._replace(body=json.dumps(value).encode())  # noqa: PLW2901 - the next one is another
        yield record


def read_csv(source: io.BufferedIOBase, integration_id: int | None) -> Iterator[Record]:
    csv.field_size_limit(MAX_RECORD)
    rows = csv.reader(_split_lines(_decode(source)), strict=True)
    _, header = next(_number(rows), (1, []))
    try:
        columns = csv_columns.read_header(header)
    except ValueError as error:
        raise Broken(1, str(error)) from None
    if not columns:
        raise Broken(1, "the columns' names are expected")
    yield from (_to_record(group, integration_id) for group in _group(_to_cells(_number(rows), columns)))


class _Row(NamedTuple):
    line: int
    cells: dict[str, str]
    flaws: list[Flaw]


def _number(rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Each with the line that it begins on; blank lines are none."""
    while True:
        line = rows.line_num + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise Broken(line, f"Invalid CSV: {error}") from None
        if row:
            yield line, row


def _to_cells(rows: Iterable[tuple[int, list[str]]], columns: Sequence[csv_columns.Column]) -> Iterator[_Row]:
    names = [column.name for column in columns]
    places = sorted(range(len(names)), key=lambda place: csv_columns.PLACES[names[place]])
    for line, row in rows:
        flaws = []
        if len(row) > len(names):
            flaws = [Flaw((), f"Line {line} has {len(row)} cells, the header {len(names)}")]
        yield _Row(line, {names[at]: row[at] for at in places if at < len(row) and row[at]}, flaws)


def _group(rows: Iterable[_Row]) -> Iterator[list[_Row]]:
    """Consecutive rows of one order; a row without an order_id is one of its own. Where the file breaks the last order
    is not given out, because its other rows may be missing."""
    group: list[_Row] = []
    for row in rows:
        if group and not ("order_id" in row.cells and _key(row) == _key(group[0])):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _key(row: _Row) -> list[str | None]:
    return [row.cells.get(name) for name in csv_columns.KEY]


def _to_record(group: Sequence[_Row], integration_id: int | None) -> Record:
    flaws = [flaw for row in group for flaw in row.flaws]
    flaws += [flaw for row in group[1:] for flaw in _find_contradictions(group[0], row)]
    order = csv_columns.to_order([row.cells for row in group])
    return Record(group[0].line, _to_body(order, json.dumps(order), integration_id), flaws)


def _find_contradictions(first: _Row, row: _Row) -> Iterator[Flaw]:
    for name, cell in row.cells.items():
        column = csv_columns.COLUMNS[name]
        if not column.of_item and cell != first.cells.get(name):
            yield Flaw(column.path, f"{name} in line {row.line} is not what line {first.line} says of the same order")


def _write_element(order: str, is_first: bool) -> str:
    return order if is_first else f",\n{order}"


def _write_line(order: str, _is_first: bool) -> str:
    return f"{order}\n"


def _write_rows(order: str, _is_first: bool) -> str:
    return _to_csv(csv_columns.to_rows(orjson.loads(order)))


def _to_csv(rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


FORMS: Mapping[str, Form] = {
    "json": Form((".json",), read_list, "[", _write_element, "]\n"),
    "jsonl": Form((".jsonl", ".ndjson"), read_lines, "", _write_line, ""),
    "csv": Form((".csv",), read_csv, _to_csv([list(csv_columns.COLUMNS)]), _write_rows, ""),
}


def find_form(name: str) -> str | None:
    """The form that a file's name ends with."""
    return next((form for form, made in FORMS.items() if name.lower().endswith(made.suffixes)), None)
