"""Looser versions of `kit.wire.fields`, for values that shops write in another form and whose meaning is obvious.

A looser type converts a value and lets the strict type check the result; the value itself stays as it was sent. Only
values that the strict type refuses come here, so these call Python.
"""

import re
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Annotated, Any, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, WrapValidator
from typing_extensions import TypedDict, is_typeddict

from packhouse.kit.wire import fields
from packhouse.kit.wire.shapes import Relaxed

_PLACEHOLDER = re.compile(
    r"(?i)\W*(n\W?a|none|null|nil|nan|undefined|unknown|no[ _-]?e?-?mail|geen|keine|aucun|ninguno)?\W*"
)
_NO_SCHEME = re.compile(r"(//)?[\w-]+(\.[\w-]+)+(/\S*)?")
_LONGEST_URL = 4_000

Own = tuple[tuple[str, str, Any], ...]


def is_placeholder(text: str) -> bool:
    """Return whether a text only fills a required field: `n/a`, `-`, `none`."""
    return len(text) <= 24 and "@" not in text and _PLACEHOLDER.fullmatch(text) is not None


def _reading(kind: Any, read: Callable[[Any], Any]) -> Any:
    def check(value: Any, ask: Any) -> Any:
        ask(read(value))
        return value

    return Annotated[kind, WrapValidator(check)]


def optional(kind: Any) -> Any:
    """Treat empty and null as missing."""

    def check(value: Any, ask: Any) -> Any:
        return value if value is None or value == "" else ask(value)

    return Annotated[kind, WrapValidator(check)]


def or_empty(kind: Any) -> Any:
    """Accept an empty text in a required field; the shape's own rules say where that is allowed."""

    def check(value: Any, ask: Any) -> Any:
        return value if value == "" else ask(value)

    return Annotated[kind, WrapValidator(check)]


def _to_whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _to_id(value: Any) -> Any:
    is_digits = isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18
    return int(value) if is_digits else value


def _to_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _to_upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) and value.isascii() else value


def _to_email(value: Any) -> Any:
    """Return an address that is certainly accepted, for any text: what address is meant, if any, is read where one is
    needed."""
    return "a@example.com" if isinstance(value, str) else value


def to_url(value: Any) -> Any:
    """Add the scheme to a link that a shop writes without one, as in `//cdn.example.com/a.png`."""
    if isinstance(value, str) and len(value) < _LONGEST_URL and _NO_SCHEME.fullmatch(value):
        return f"https://{value.removeprefix('//')}"
    return value


COUNT = _reading(fields.Count, _to_whole)
WHOLE = _reading(fields.Whole, _to_whole)
ID = _reading(fields.Id, _to_id)
TEXT = _reading(str, _to_text)
_READ: list[tuple[Any, Any]] = [
    (fields.CountryCode, _reading(fields.CountryCode, _to_upper)),
    (fields.CurrencyCode, _reading(fields.CurrencyCode, _to_upper)),
    (fields.Email, _reading(fields.Email, _to_email)),
    (fields.Url, _reading(fields.Url, to_url)),
]
_TEXTS = (str, fields.NonEmpty, fields.CountryCode, fields.Email, fields.Url)
"""Kinds that are texts: as a key that may be absent, they may be empty or null too."""


@cache
def loosen(shape: Any, own: Own = ()) -> Any:
    """Return the shape with looser types. `own` gives the types for keys of a shape, by their names."""
    of_shape = {name: kind for at, name, kind in own if at == shape.__name__}
    made: dict[str, Any] = {}
    for name, hint in get_type_hints(shape, include_extras=True).items():
        kind = get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint
        is_required = name in shape.__required_keys__
        looser = of_shape.get(name) or _loosen(kind, own, is_optional=not is_required)
        made[name] = (Required if is_required else NotRequired)[looser]
    loose: Any = TypedDict(f"{shape.__name__}Loose", made)  # type: ignore[misc]
    config = getattr(shape, "__pydantic_config__", ConfigDict(strict=True))
    setattr(loose, "__pydantic_config__", config)  # noqa: B010 - no attribute to the type checker
    return loose


def _loosen(kind: Any, own: Own, *, is_optional: bool) -> Any:
    looser = next((read for known, read in _READ if known == kind), kind)
    if is_optional and kind in _TEXTS:
        return optional(looser)
    if looser is not kind:
        return looser
    if is_typeddict(kind):
        return loosen(kind, own)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is list:
        return list[_loosen(parts[0], own, is_optional=False)]  # type: ignore[misc]
    if origin in (Union, UnionType):
        several = [part if part is type(None) else _loosen(part, own, is_optional=is_optional) for part in parts]
        return Union[tuple(several)]  # noqa: UP007
    if origin is Annotated and (get_origin(parts[0]) is list or any(isinstance(note, Relaxed) for note in parts[1:])):
        return Annotated[(_loosen(parts[0], own, is_optional=is_optional), *parts[1:])]
    return kind
