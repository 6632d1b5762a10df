"""Bodies compared with the shapes of `/openapi.json`: keys that it does not have, and values of another type."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from packhouse import app, document
from packhouse.kit.errors import Path
from packhouse.kit.http.routing import Route

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Mismatch(NamedTuple):
    path: Path
    detail: str


@cache
def _load() -> dict[str, Any]:
    return document.describe(app.ROUTES)


def find_request(route: Route) -> Mapping[str, Any] | None:
    """The shape of a route's body; None where it takes none that is JSON."""
    return _find_content(_find_operation(route).get("requestBody", {}))


def find_response(route: Route, status: int) -> Mapping[str, Any] | None:
    return _find_content(_find_operation(route).get("responses", {}).get(str(status), {}))


def _find_operation(route: Route) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _load()["paths"].get(route.label, {}).get(route.method.lower(), {})
    return found


def _find_content(holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = _resolve(holder).get("content", {}).get("application/json", {}).get("schema")
    return found


def _resolve(shape: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in shape:
        found: Any = _load()
        for step in shape["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        shape = found
    return shape


def _list_branches(shape: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The shapes of which a value may have one; a shape without alternatives is the only one."""
    shape = _resolve(shape)
    several = [branch for name in ("anyOf", "oneOf") for branch in shape.get(name, ())]
    return [each for branch in several for each in _list_branches(branch)] if several else [shape]


def find_unknown(shape: Mapping[str, Any], value: Any, path: Path = ()) -> Iterator[Path]:
    """The places of keys that the shape does not name. Where it names none at all, any key will do."""
    branches = _list_branches(shape)
    if isinstance(value, list):
        items = next((branch["items"] for branch in branches if "items" in branch), None)
        for index, entry in enumerate(value if items is not None else ()):
            yield from find_unknown(items or {}, entry, (*path, index))
    elif isinstance(value, dict):
        known: dict[str, Any] = {}
        for branch in branches:
            known |= branch.get("properties", {})
        is_open = not known or any(branch.get("additionalProperties") for branch in branches)
        for key, entry in value.items():
            if key in known:
                yield from find_unknown(known[key], entry, (*path, key))
            elif not is_open:
                yield (*path, key)


def find_mismatches(shape: Mapping[str, Any], value: Any, path: Path = ()) -> Iterator[Mismatch]:
    """Where a value has another type than the shape says. Shapes of answers are open: further keys are none."""
    branches = _list_branches(shape)
    fitting = [branch for branch in branches if _fits(branch, value)]
    if not fitting:
        names = sorted({name for branch in branches for name in _to_types(branch)})
        yield Mismatch(path, f"This is {_to_name(value)}; the document says {' or '.join(names)}.")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from find_mismatches(fitting[0].get("items", {}), entry, (*path, index))
    elif isinstance(value, dict):
        known: dict[str, Any] = {}
        for branch in fitting:
            known |= branch.get("properties", {})
        for key, entry in value.items():
            if key in known:
                yield from find_mismatches(known[key], entry, (*path, key))


def _to_types(branch: Mapping[str, Any]) -> list[str]:
    named = branch.get("type", [])
    return [named] if isinstance(named, str) else list(named)


def _fits(branch: Mapping[str, Any], value: Any) -> bool:
    names = _to_types(branch)
    if not names:
        return True
    if isinstance(value, bool):
        return "boolean" in names
    if isinstance(value, float) and value.is_integer() and "integer" in names:
        return True
    return any(isinstance(value, _TYPES.get(name, (object,))) for name in names)


def _to_name(value: Any) -> str:
    kinds = {str: "a text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return "null" if value is None else kinds.get(type(value), "another value")
