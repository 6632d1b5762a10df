"""Orders as JSON: a list, an answer of an API with the list in its `data`, or a line for each; read piece by piece."""

import codecs
import io
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import IO, Any

from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders.files.records import MAX_RECORD, Broken, Record, to_body

_CHUNK = 1 << 16
# The parser points at most this far before the end of a text that only stops too early.
_LOOKAHEAD = 16
_UNTERMINATED = "Unterminated string"
_BLANK = " \t\r\n"
_LISTS = ("data", "orders", "results")

_NO_LIST = message("a JSON list of orders is expected")
_TOO_MUCH = message("nested too deep, or a number of too many digits")
_DECODER = json.JSONDecoder()


class Records(Iterator[Record]):
    """Records read one at a time; `is_answer` says, once the first was read, that the list stood in an API's answer."""

    def __init__(self, texts: Iterable[str], form: str, integration_id: int | None, is_answer: bool) -> None:
        self.is_answer = is_answer
        self._integration_id = integration_id
        self._found = self._read_lines(texts) if form == "jsonl" else self._read_list(texts)

    def __next__(self) -> Record:
        return next(self._found)

    def _read_lines(self, texts: Iterable[str]) -> Iterator[Record]:
        for number, line in enumerate(_split_lines(texts), 1):
            text = line.strip(_BLANK)
            if text:
                yield self._read_line(number, text)

    def _read_line(self, number: int, text: str) -> Record:
        try:
            value = _DECODER.decode(text)
        except json.JSONDecodeError as error:
            return Record(
                number,
                b"",
                [
                    ValidationIssue(
                        (), message("Invalid JSON: {msg} at column {colno}", msg=foreign(error.msg), colno=error.colno)
                    )
                ],
            )
        except (ValueError, RecursionError):
            return Record(number, b"", [ValidationIssue((), message("Invalid JSON: {detail}", detail=_TOO_MUCH))])
        return self._to_record(number, value, text)

    def _to_record(self, line: int, value: Any, text: str) -> Record:
        if self.is_answer:
            value = without_nulls(value)
            text = json.dumps(value)
        return Record(line, to_body(value, text, self._integration_id))

    def _read_list(self, texts: Iterable[str]) -> Iterator[Record]:
        text = _Window(iter(texts))
        first = text.skip_blank()
        if first == "{":
            yield from self._read_answer(text)
        elif first == "[":
            yield from self._read_elements(text)
        else:
            raise text.broken(_NO_LIST if text.peek() else message("the file is empty"))
        if text.skip_blank():
            raise text.broken(message("more after the end of the JSON list"))

    def _read_elements(self, text: "_Window") -> Iterator[Record]:
        text.take(1)
        if text.skip_blank() == "]":
            text.take(1)
            return
        while True:
            text.skip_blank()
            line = text.line
            value, raw = text.take_value()
            yield self._to_record(line, value, raw)
            mark = text.skip_blank()
            if mark not in (",", "]"):
                raise text.broken(message("',' or ']' is expected") if mark else message("the JSON list has no end"))
            text.take(1)
            if mark == "]":
                return

    def _read_answer(self, text: "_Window") -> Iterator[Record]:
        """An object around the list, or one order by itself. What else the object holds is not looked at."""
        line = text.line
        rest: dict[str, Any] = {}
        has_list = False
        text.take(1)
        while (mark := text.skip_blank()) != "}":
            if mark != '"':
                raise text.broken(message("the name of a value is expected"))
            name, _ = text.take_value()
            if text.skip_blank() != ":":
                raise text.broken(message("':' is expected"))
            text.take(1)
            if name in _LISTS and text.skip_blank() == "[" and not has_list:
                self.is_answer = has_list = True
                yield from self._read_elements(text)
            else:
                text.skip_blank()
                rest[str(name)] = text.take_value()[0]
            if text.skip_blank() == ",":
                text.take(1)
        text.take(1)
        if not has_list:
            yield self._to_single(text, line, rest)

    def _to_single(self, text: "_Window", line: int, value: dict[str, Any]) -> Record:
        inner = value.get("data")
        if isinstance(inner, dict):
            self.is_answer = True
            return self._to_record(line, inner, json.dumps(inner))
        if "order_id" not in value and "order_details" not in value:
            raise text.broken(_NO_LIST)
        return self._to_record(line, value, json.dumps(value))


def read(
    source: IO[bytes] | io.BufferedIOBase, form: str, integration_id: int | None, encoding: str, is_answer: bool
) -> Records:
    return Records(_decode(source, encoding), form, integration_id, is_answer)


def chain(first: Record | None, rest: Iterable[Record]) -> Iterator[Record]:
    return itertools.chain([first], rest) if first is not None else iter(rest)


def without_nulls(value: Any) -> Any:
    """The value without its nulls: in an answer they stand for what is not known."""
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in value.items() if inner is not None}
    return [without_nulls(inner) for inner in value if inner is not None] if isinstance(value, list) else value


def _decode(source: IO[bytes] | io.BufferedIOBase, encoding: str) -> Iterator[str]:
    """Texts of any length, without a byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)()
    read = getattr(source, "read1", source.read)
    line, is_last = 1, False
    while not is_last:
        chunk = read(_CHUNK)  # not more than is there: a pipe's records are not kept waiting
        is_last = not chunk
        try:
            text = decoder.decode(chunk, final=is_last)
        except UnicodeDecodeError as error:
            sound = error.object[: error.start].decode(encoding)
            yield sound
            detail = message("not UTF-8 (0x{byte})", byte=f"{error.object[error.start]:02x}")
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
            raise Broken(number, message("longer than {max_record} characters", max_record=MAX_RECORD))
    if rest:
        yield rest


class _Window:
    """The part of a text that is being read; what was taken is let go."""

    def __init__(self, texts: Iterator[str]) -> None:
        self._texts = texts
        self._text = ""
        self._at = 0
        self._failure: Broken | None = None
        self._has_ended = False
        self.line = 1

    def broken(self, detail: Message) -> Broken:
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

    def _to_broken(self, told: str, at: int) -> Broken:
        line = self.line + self._text.count("\n", self._at, at)
        is_early = at >= len(self._text) or (self._has_ended and told.startswith(_UNTERMINATED))
        detail = message("the file ends within a record") if is_early else foreign(told)
        return self._failure or Broken(line, message("Invalid JSON: {detail}", detail=detail))

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
