"""Derives wire shapes from others: what a deep merge may send, and what must be complete after it.

A shape is a TypedDict. In an annotation, `Relaxed(kind)` is what a merge accepts in that place instead, and `Named`
marks a key that must be sent even then, because it identifies the object.
"""

from functools import cache
from types import UnionType
from typing import Annotated, Any, NamedTuple, NotRequired, Required, Union, get_args, get_origin, get_type_hints

from typing_extensions import TypedDict, is_typeddict


class Relaxed(NamedTuple):
    kind: Any


class Named:
    """The key that identifies an object in a list."""


@cache
def derive(shape: Any, suffix: str, *, partial: bool) -> Any:
    """Return the shape with `Relaxed` kinds; with `partial`, any key but a `Named` one may be left out, at any
    depth."""
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(shape, include_extras=True).items():
        kind = _strip(hint)
        required = _is_named(kind) if partial else name in shape.__required_keys__
        fields[name] = (Required if required else NotRequired)[_transform(kind, suffix, partial)]
    made: Any = TypedDict(f"{shape.__name__}{suffix}", fields)  # type: ignore[misc]
    setattr(made, "__pydantic_config__", shape.__pydantic_config__)  # noqa: B010 - no attribute to the type checker
    return made


def _strip(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) in (Required, NotRequired) else hint


def _is_named(kind: Any) -> bool:
    return get_origin(kind) is Annotated and Named in get_args(kind)


def _transform(kind: Any, suffix: str, partial: bool) -> Any:
    origin = get_origin(kind)
    if is_typeddict(kind):
        return derive(kind, suffix, partial=partial)
    if origin is Annotated:
        return _transform_annotated(kind, suffix, partial)
    if origin is list:
        return list[_transform(get_args(kind)[0], suffix, partial)]  # type: ignore[misc]
    if origin in (Union, UnionType):
        return Union[tuple(_transform(part, suffix, partial) for part in get_args(kind))]  # noqa: UP007
    return kind


def _transform_annotated(kind: Any, suffix: str, partial: bool) -> Any:
    inner, *notes = get_args(kind)
    for note in notes:
        if isinstance(note, Relaxed):
            return _transform(note.kind, suffix, partial)
    return Annotated[(_transform(inner, suffix, partial), *notes)]
