"""Two recorded requests side by side: what differs in what was sent and in what was answered."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from packhouse.sandbox.journal import Body, Entry, Headers
from packhouse.sandbox.spellings import MISSING, find_changes

_ALWAYS_OTHER = frozenset({"date", "x-request-id", "content-length"})
_MOST = 200


class Difference(NamedTuple):
    """`part` is where it is, such as `request.body`; what is nowhere is None on that side, with `is_missing`."""

    part: str
    path: str
    before: Any
    after: Any

    def to_wire(self) -> dict[str, Any]:
        shown = {name: None if value is MISSING else value for name, value in self._asdict().items()}
        missing = "before" if self.before is MISSING else "after" if self.after is MISSING else None
        return {**shown, "missing": missing}


def find_differences(one: Entry, other: Entry) -> list[Difference]:
    """The first two hundred. Headers that differ between any two requests are left out."""
    found = []
    for difference in _find_all(one, other):
        found.append(difference)
        if len(found) == _MOST:
            break
    return found


def _find_all(one: Entry, other: Entry) -> Iterator[Difference]:
    for name in ("method", "path", "status", "fault"):
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            yield Difference(name, "", before, after)
    yield from _to_differences("query", dict(parse_qsl(one.query)), dict(parse_qsl(other.query)))
    for part in ("request", "response"):
        headers = [_to_headers(getattr(entry, f"{part}_headers")) for entry in (one, other)]
        yield from _to_differences(f"{part}.headers", *headers)
        bodies: list[Body] = [getattr(entry, f"{part}_body") for entry in (one, other)]
        yield from _to_differences(f"{part}.body", bodies[0].to_wire(), bodies[1].to_wire())


def _to_headers(headers: Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers if name.lower() not in _ALWAYS_OTHER}


def _to_differences(part: str, before: Any, after: Any) -> Iterator[Difference]:
    for change in find_changes(before, after):
        yield Difference(part, "".join(f"/{step}" for step in change.path), change.before, change.after)
