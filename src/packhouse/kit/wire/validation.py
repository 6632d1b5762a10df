"""Validates the bytes of a body against a wire shape, and finds all errors and their places at once."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from packhouse.kit import errors
from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire import issues
from packhouse.kit.wire.pydantic_messages import to_message

T = TypeVar("T")

LARGE_BYTES = 1_000_000
"""A body past this is parsed first and then validated part by part: at once it would take too much memory, and too long
for those who wait meanwhile."""

SMALL_BYTES = 300_000
"""Up to this all that is wrong with a body is asked of Pydantic at once: five times as fast as one after another, and
no such body has so many errors that counting them would hold up others."""

MAX_CONTAINERS = 400_000
MAX_VALUES = 600_000
"""More than a full batch of the smallest orders has; an empty object of three bytes takes sixty-four in memory, and the
parser lets nobody else run until it has read the last value."""

# Where the parser stopped, which it tells at the end of its reason alone.
_JSON_PLACE = re.compile(r"(.*) at line ([0-9]+) column ([0-9]+)", re.DOTALL)
_KEY = re.compile(rb'"[^"]{0,64}"\s*:')
_SAMPLE_BYTES = 4_096
_NO_NULL = message("String should not contain U+0000")


class ValidationIssue(NamedTuple):
    """An error at a place of the body; a handler turns it into an error item with a pointer."""

    path: errors.Path
    detail: Message
    kind: str = "value"


@dataclass(slots=True)
class Parsed(Generic[T]):
    """`value` is the valid value, or the parsed body if there are flaws. `odd` lists what the shape refuses and a
    looser one accepts."""

    value: T
    flaws: list[ValidationIssue] = field(default_factory=list)
    unknown: list[errors.Path] = field(default_factory=list)
    odd: list[ValidationIssue] = field(default_factory=list)


def read_json(adapter: TypeAdapter[T], body: bytes, loose: Callable[[], TypeAdapter[T]] | None = None) -> Parsed[T]:
    """Validate once, inside the parser. Unknown keys are dropped and listed. Raises Invalid if it is not JSON. What is
    refused is checked again by the shape that `loose` makes, if there is one: a body that this accepts is valid, but
    odd."""
    if len(body) > LARGE_BYTES:
        return read_parsed(adapter, parse(body), loose, may_hold_nulls=holds_nulls(body))
    finder = _finder(adapter)
    try:
        value = finder.quick.validate_json(body, extra="forbid")
    except ValidationError as error:
        if error.error_count() == 1:
            [detail] = error.errors(include_url=False, include_input=False)
            if detail["type"] == "json_invalid":
                raise _not_json(body, detail["ctx"]["error"]) from None
        _refuse_not_a_number(body)
        if len(body) <= SMALL_BYTES and (reading := _read_at_once(adapter, body, loose)) is not None:
            return reading
        return read_parsed(adapter, from_json(body), loose, may_hold_nulls=holds_nulls(body))
    return Parsed(value, _find_null_characters(value) if holds_nulls(body) else [])


def _read_at_once(adapter: TypeAdapter[T], body: bytes, loose: Callable[[], TypeAdapter[T]] | None) -> Parsed[T] | None:
    """Check a small body again; None if it has more errors than are reported."""
    try:
        return Parsed(adapter.validate_json(body, extra="forbid"))  # no error is left: another look at the same
    except ValidationError as error:
        if error.error_count() > errors.MAX_LISTED:
            return None
        details = issues.list_details(error)
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    flaws = [_to_flaw(detail) for detail in details if detail["type"] != "extra_forbidden"]
    value: Any = None
    odd: dict[errors.Path, ValidationIssue] = {}
    if not flaws:  # a rule between values is looked at only once each of them is right
        value, flaws = _validate_json(adapter, body)
    if flaws and loose is not None:
        odd = {flaw.path: flaw for flaw in flaws}
        value, flaws = _validate_json(loose(), body)
        flaws = [odd.get(flaw.path, flaw) for flaw in flaws]
    value = from_json(body) if flaws else value
    nulls = _find_null_characters(value, frozenset(unknown) if flaws else frozenset()) if holds_nulls(body) else []
    return Parsed(value, [*flaws, *nulls], unknown, [] if flaws else list(odd.values()))


def _validate_json(adapter: TypeAdapter[Any], body: bytes) -> tuple[Any, list[ValidationIssue]]:
    try:
        return adapter.validate_json(body, extra="ignore"), []
    except ValidationError as error:
        return None, [_to_flaw(detail) for detail in issues.list_details(error)]


def parse(body: bytes) -> Any:
    """Raises Invalid if it is not JSON, and if it would be far larger in memory than as text."""
    if body.count(b"{") + body.count(b"[") > MAX_CONTAINERS or body.count(b",") > MAX_VALUES:
        detail = message(
            "A body may hold at most {max_containers} objects and lists, and {max_values} values",
            max_containers=MAX_CONTAINERS,
            max_values=MAX_VALUES,
        )
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT))
    try:
        sent = from_json(body, cache_strings="all" if repeats_keys(body) else "none")
    except ValueError as error:
        raise _not_json(body, str(error)) from None
    _refuse_not_a_number(body)
    return sent


def repeats_keys(body: bytes) -> bool:
    """Return whether the keys in the middle of a body repeat, as those of a batch do: its texts take less memory if the
    parser remembers them. If each key differs, remembering them takes half as long again
    (docs/decisions/0118-texts-that-repeat.md)."""
    keys = _KEY.findall(body, len(body) // 2, len(body) // 2 + _SAMPLE_BYTES)
    return 2 * len(set(keys)) <= len(keys)


def read_parsed(
    adapter: TypeAdapter[T], sent: Any, loose: Callable[[], TypeAdapter[T]] | None = None, *, may_hold_nulls: bool
) -> Parsed[T]:
    """Do the same as `read_json` for a parsed value. `may_hold_nulls` says that U+0000 was written somewhere."""
    unknown = list(islice(_finder(adapter).find_unknown(sent), errors.MAX_LISTED + 1))
    value, flaws = _validate(adapter, sent)
    odd: dict[errors.Path, ValidationIssue] = {}
    if flaws and loose is not None:
        odd = {flaw.path: flaw for flaw in flaws}
        value, flaws = _validate(loose(), sent)
        flaws = [odd.get(flaw.path, flaw) for flaw in flaws]  # told of what was sent, not of what was made of it
    reading = Parsed(value, flaws, unknown, [] if flaws else list(odd.values()))
    if may_hold_nulls:
        reading.flaws += _find_null_characters(value, frozenset(unknown) if flaws else frozenset())
    return reading


def _validate(adapter: TypeAdapter[Any], sent: Any) -> tuple[Any, list[ValidationIssue]]:
    """Return the valid value, or the sent value and its issues, up to one more than is reported."""
    finder = _finder(adapter)
    try:
        return finder.quick.validate_python(sent, extra="ignore"), []
    except ValidationError as error:
        flaws = [ValidationIssue(*issue) for issue in islice(finder.find_issues(sent), errors.MAX_LISTED + 1)]
        return sent, flaws or [_to_flaw(detail) for detail in issues.list_details(error)]


def holds_nulls(body: bytes) -> bool:
    """Text columns of PostgreSQL cannot hold U+0000; JSON can only write it as this escape."""
    return rb"\u0000" in body


def read_python(adapter: TypeAdapter[T], value: Any) -> Parsed[T]:
    """Validate a parsed value, which may only contain what JSON can."""
    return Parsed(*_validate(adapter, value))


@cache
def _finder(adapter: TypeAdapter[Any]) -> issues.Finder:
    return issues.Finder(adapter.core_schema)


def _to_flaw(detail: ErrorDetails) -> ValidationIssue:
    path = tuple(step for step in detail["loc"] if step != issues.EXACT)
    return ValidationIssue(path, to_message(detail), detail["type"])


def _not_json(body: bytes, why: str) -> errors.Invalid:
    found = _JSON_PLACE.fullmatch(why)
    detail = message("Invalid JSON: {detail}", detail=foreign(why))
    if found is not None:
        msg, lineno, colno = found.groups()
        detail = message(
            "Invalid JSON: {msg} at line {lineno} column {colno}", msg=foreign(msg), lineno=lineno, colno=colno
        )
    try:
        body.decode()
    except UnicodeDecodeError as error:
        detail = message(
            "Invalid JSON: not UTF-8 at byte {start} (0x{body})", start=error.start, body=f"{body[error.start]:02x}"
        )
    return errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT))


def _refuse_not_a_number(body: bytes) -> None:
    """The parser accepts NaN and Infinity, which JSON does not have, but no type in `kit.wire.fields` does. Only a body
    with issues is therefore searched for them. The strict parser says where they are."""
    if b"NaN" not in body and b"Infinity" not in body:
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        detail = message(
            "Invalid JSON: NaN and Infinity are no JSON numbers, at line {lineno} column {colno}",
            lineno=error.lineno,
            colno=error.colno,
        )
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT)) from None


def _find_null_characters(value: Any, dropped: frozenset[errors.Path] = frozenset()) -> list[ValidationIssue]:
    return list(islice(_walk(value, (), dropped), errors.MAX_LISTED + 1))


def _walk(value: Any, path: errors.Path, dropped: frozenset[errors.Path]) -> Iterator[ValidationIssue]:
    if isinstance(value, dict):
        for key in [key for key in value if (*path, key) not in dropped]:
            if "\0" in key:
                yield ValidationIssue(path, message("Keys should not contain U+0000"))
            yield from _walk(value[key], (*path, key), dropped)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index), dropped)
    elif isinstance(value, str) and "\0" in value:
        yield ValidationIssue(path, _NO_NULL)


def read_text(values: Sequence[str]) -> str:
    """Return the last value of a parameter. Raises ValueError for text that PostgreSQL cannot hold."""
    if "\0" in values[-1]:
        raise ValueError(_NO_NULL)
    return values[-1]
