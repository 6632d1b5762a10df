"""What Packhouse reads otherwise than it was written: unknown names, older spellings, values that it normalises."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from packhouse.kit import errors
from packhouse.kit.errors import Path
from packhouse.kit.http.routing import Route
from packhouse.orders import plain
from packhouse.sandbox import shapes

_ORDERS, _VALIDATE, _ORDER = "/api/v3/orders", "/api/packhouse/orders/validate", "/api/v3/orders/{id}"
_PLACES = {f"{end}_{part}": f"{end}_address" for end in ("from", "to") for part in ("country_code", "postal_code")}
_CONNECTIONS = {"authentication": "auth_type and auth_config", "headers": "extra_headers"}

DEPRECATED_KEYS: dict[str, Mapping[str, str]] = {
    "/api/v3/shipping-options": _PLACES,
    "/api/v3/event-subscriptions/connections": _CONNECTIONS,
    "/api/v3/event-subscriptions/connections/{id}": _CONNECTIONS,
}
"""By path, keys that are still read, each with the one that is written today; at any depth."""


class Problem(NamedTuple):
    """Something that is read otherwise than written. `path` is its place in the body, `parameter` in the query."""

    code: str
    detail: str
    path: Path | None = None
    parameter: str | None = None

    @property
    def place(self) -> str:
        return self.parameter or ("" if self.path is None else to_pointer(self.path))


def to_pointer(path: Path) -> str:
    is_batch = bool(path) and isinstance(path[0], int)
    return errors.to_batch_pointer(path) if is_batch else errors.to_pointer(path)


class Change(NamedTuple):
    """A value at `path`, and what is there instead; `MISSING` where there is nothing."""

    path: Path
    before: Any
    after: Any


MISSING = type("_Missing", (), {"__repr__": lambda _self: "nothing"})()


def find_changes(before: Any, after: Any, path: Path = ()) -> Iterator[Change]:
    """Compare two JSON values, keys by name and entries of lists by their place."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from find_changes(before.get(key, MISSING), after.get(key, MISSING), (*path, key))
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from find_changes(_at(before, index), _at(after, index), (*path, index))
    elif type(before) is not type(after) or before != after:
        yield Change(path, before, after)


def _at(entries: Sequence[Any], index: int) -> Any:
    return entries[index] if index < len(entries) else MISSING


def find_problems(route: Route, query: str, body: Any) -> Iterator[Problem]:
    """What strict mode rejects: unknown keys, parameters that are passed over, deprecated spellings."""
    if route.operation is None:
        return
    yield from find_unread_parameters(route, query)
    shape = shapes.find_request(route)
    for path in shapes.find_unknown(shape, body) if shape is not None else ():
        yield Problem("unknown_field", "This key is unknown and is passed over.", path)
    yield from find_deprecated(route, body)


def find_unread_parameters(route: Route, query: str) -> Iterator[Problem]:
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name.partition("[")[0] not in route.query_names:
            yield Problem("unknown_parameter", "This parameter is unknown and was passed over.", parameter=name)
        elif not value:
            yield Problem("empty_parameter", "This parameter has no value and was passed over.", parameter=name)


def find_deprecated(route: Route, body: Any) -> Iterator[Problem]:
    if (route.operation or {}).get("deprecated"):
        yield Problem("deprecated", f"{route.method} {route.label} is deprecated.")
    known = DEPRECATED_KEYS.get(route.label, {})
    for path in _find_keys(body, known) if known else ():
        yield Problem("deprecated", f"This spelling is deprecated; write {known[str(path[-1])]}.", path)


def _find_keys(value: Any, names: Mapping[str, str], path: Path = ()) -> Iterator[Path]:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, entry in entries:
        if key in names:
            yield (*path, key)
        else:
            yield from _find_keys(entry, names, (*path, key))


def find_normalised(route: Route, body: Any) -> Iterator[Problem]:
    """Values of orders that are kept as they were sent, and read as another."""
    if route.label in (_ORDERS, _VALIDATE) and route.method == "POST" and isinstance(body, list):
        pairs: list[tuple[Path, Any]] = [((index,), order) for index, order in enumerate(body)]
    elif route.label == _ORDER and route.method == "PATCH":
        pairs = [((), body)]
    else:
        return
    for path, order in pairs:
        try:
            read = plain.to_plain(order)
        except (AttributeError, KeyError, TypeError, ValueError):
            continue  # what is no order was rejected already
        for change in find_changes(order, read, path):
            detail = "passed over" if change.after is MISSING else f"read as {change.after!r}"
            yield Problem("normalised", f"{change.before!r} is {detail}.", change.path)
