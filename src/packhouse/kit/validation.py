"""From the bytes of a body to a value of a wire shape, with every fault found at once and every place named."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, from_json

from packhouse.kit import errors, fields

T = TypeVar("T")

_NO_NULL = "String should not contain U+0000"


class Flaw(NamedTuple):
    """What is wrong at a place of the body; a door turns it into a fault with a pointer of its own kind."""

    path: errors.Path
    detail: str
    kind: str = "value"


@dataclass(slots=True)
class Reading(Generic[T]):
    """`value` holds the valid value, or where there are flaws the body as parsed, whatever its shape. `odd` is what the
    shape itself refuses and a looser one takes."""

    value: T
    flaws: list[Flaw] = field(default_factory=list)
    unknown: list[errors.Path] = field(default_factory=list)
    odd: list[Flaw] = field(default_factory=list)


def read_json(adapter: TypeAdapter[T], body: bytes, loose: Callable[[], TypeAdapter[T]] | None = None) -> Reading[T]:
    """Validate once, inside the parser. Unknown keys are dropped and listed. Raises Invalid for what is no JSON.

    What is refused is looked at again by the shape that `loose` makes, where there is one: a body that it takes is
    valid, but odd.
    """
    try:
        value = adapter.validate_json(body, extra="forbid")
    except ValidationError as error:
        return _read_flawed(adapter, body, _details(error), loose)
    return Reading(value, _find_null_characters(value, body))


def read_python(adapter: TypeAdapter[T], value: Any) -> Reading[T]:
    """The same for a value that is parsed already; it may hold only what JSON can."""
    try:
        return Reading(adapter.validate_python(value, extra="ignore"))
    except ValidationError as error:
        return Reading(value, [_to_flaw(detail) for detail in _details(error)])


def _details(error: ValidationError) -> list[ErrorDetails]:
    """Without what the quick looks of `kit.fields` found: the exact ones say it; an unknown key may bear that name."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return [detail for detail in details if detail["type"] == "extra_forbidden" or fields.QUICK not in detail["loc"]]


def _read_flawed(
    adapter: TypeAdapter[T], body: bytes, details: list[ErrorDetails], loose: Callable[[], TypeAdapter[T]] | None
) -> Reading[T]:
    """The second look, for bodies with unknown keys or flaws: only these pay for it."""
    if details[0]["type"] == "json_invalid":
        raise _not_json(body, details[0]["msg"])
    _refuse_not_a_number(body)
    unknown = [detail["loc"] for detail in details if detail["type"] == "extra_forbidden"]
    flaws = [_to_flaw(detail) for detail in details if detail["type"] != "extra_forbidden"]
    value: Any = None
    odd: list[Flaw] = []
    if not flaws:  # a rule between values is looked at only once each of them is right
        value, flaws = _validate(adapter, body)
    if flaws and loose is not None:
        odd = flaws
        value, flaws = _validate(loose(), body)
    if flaws:
        sent = from_json(body)
        return Reading(sent, [*flaws, *_find_null_characters(sent, body, frozenset(unknown))], unknown)
    return Reading(value, _find_null_characters(value, body), unknown, odd)


def _validate(adapter: TypeAdapter[T], body: bytes) -> tuple[Any, list[Flaw]]:
    try:
        return adapter.validate_json(body, extra="ignore"), []
    except ValidationError as error:
        return None, [_to_flaw(detail) for detail in _details(error)]


def _to_flaw(detail: ErrorDetails) -> Flaw:
    path = tuple(step for step in detail["loc"] if step != fields.EXACT)
    return Flaw(path, detail["msg"], detail["type"])


def _not_json(body: bytes, message: str) -> errors.Invalid:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        message = f"Invalid JSON: not UTF-8 at byte {error.start} (0x{body[error.start]:02x})"
    return errors.Invalid(errors.Fault("invalid", message, pointer=errors.ROOT))


def _refuse_not_a_number(body: bytes) -> None:
    """The parser takes NaN and Infinity, which JSON has not, but no kind of value in `kit.fields` does: so only a body
    with flaws is searched for them. The strict parser says where they stand."""
    if b"NaN" not in body and b"Infinity" not in body:
        return
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f"Invalid JSON: NaN and Infinity are no JSON numbers, at line {error.lineno} column {error.colno}"
        raise errors.Invalid(errors.Fault("invalid", message, pointer=errors.ROOT)) from None


def _find_null_characters(value: Any, body: bytes, dropped: frozenset[errors.Path] = frozenset()) -> list[Flaw]:
    """No text column of PostgreSQL keeps U+0000; JSON can only write it as this escape."""
    return list(_walk(value, (), dropped)) if rb"\u0000" in body else []


def _walk(value: Any, path: errors.Path, dropped: frozenset[errors.Path]) -> Iterator[Flaw]:
    if isinstance(value, dict):
        for key in [key for key in value if (*path, key) not in dropped]:
            if "\0" in key:
                yield Flaw(path, "Keys should not contain U+0000")
            yield from _walk(value[key], (*path, key), dropped)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, index), dropped)
    elif isinstance(value, str) and "\0" in value:
        yield Flaw(path, _NO_NULL)


def read_text(values: Sequence[str]) -> str:
    """The last value of a parameter. Raises ValueError for what no text column of PostgreSQL keeps."""
    if "\0" in values[-1]:
        raise ValueError(_NO_NULL)
    return values[-1]
