"""What Packhouse thought of a request: what it passed over in silence, warned of, or refused."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from packhouse.kit.http.routing import Route
from packhouse.sandbox.journal import Entry, Note

_MOST = 100


def find_notes(entry: Entry, route: Route | None) -> list[Note]:
    """The first hundred, each with its place."""
    found: list[Note] = []
    for note in _find_all(entry, route):
        found.append(note)
        if len(found) == _MOST:
            break
    return found


def _find_all(entry: Entry, route: Route | None) -> Iterator[Note]:
    if route is None:
        if entry.fault is None:
            yield Note("no_route", "There is nothing at this path.", entry.path)
    elif route.operation is not None:
        yield from _find_unknown_parameters(entry, route.operation)
    yield from _find_told(entry.response_body.to_value())


def _find_unknown_parameters(entry: Entry, operation: Mapping[str, Any]) -> Iterator[Note]:
    known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter.get("in") == "query"}
    for name, value in parse_qsl(entry.query, keep_blank_values=True):
        if name.partition("[")[0] not in known:
            yield Note("unknown_parameter", "This parameter is unknown and was passed over.", name)
        elif not value:
            yield Note("empty_parameter", "This parameter has no value and was passed over.", name)


def _find_told(answer: Any) -> Iterator[Note]:
    """The errors and the warnings of the answer."""
    if not isinstance(answer, Mapping):
        return
    meta = answer.get("meta")
    warnings = meta.get("warnings", ()) if isinstance(meta, Mapping) else ()
    for kind, entries in (("error", answer.get("errors") or ()), ("warning", warnings)):
        for told in entries:
            if isinstance(told, Mapping):
                place = "".join(map(str, (told.get("source") or {}).values()))
                yield Note(f"{kind}: {told.get('code')}", str(told.get("detail", "")), place)
