"""Whether a request is one that a fault, a filter or an assertion means."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple


class Difference(NamedTuple):
    """What an expected part of a body has at `path`, and what was there instead."""

    path: str
    expected: Any
    actual: Any


def is_path(wanted: str, path: str, route: str) -> bool:
    """Whether a path is the one wanted: as it was sent, as its route is written (`/api/v3/orders/{id}`), or by `*`."""
    bare = path.rstrip("/") or "/"
    return wanted in (path, bare, route) or ("*" in wanted and fnmatchcase(bare, wanted))


def has_headers(wanted: Mapping[str, str], headers: Sequence[tuple[str, str]]) -> bool:
    """Whether each wanted header was sent with that value; `*` stands for any part of a value."""
    return all(
        any(name.lower() == key.lower() and fnmatchcase(value, pattern) for name, value in headers)
        for key, pattern in wanted.items()
    )


def find_differences(expected: Any, actual: Any, path: str = "") -> Iterator[Difference]:
    """Compare the part of a body that is expected with the whole one. An object may have more keys. Each entry of an
    expected list must fit some entry of the actual one; an object that is expected may be any entry of a list."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key, value in expected.items():
            yield from find_differences(value, actual.get(key), f"{path}/{key}")
    elif isinstance(actual, list) and isinstance(expected, Mapping | list):
        for entry in [expected] if isinstance(expected, Mapping) else expected:
            yield from _find_nearest(entry, actual, path)
    elif not _is_equal(expected, actual):
        yield Difference(path or "/", expected, actual)


def _find_nearest(expected: Any, entries: Sequence[Any], path: str) -> list[Difference]:
    """The differences to the entry that has the fewest."""
    found = [list(find_differences(expected, entry, f"{path}/{at}")) for at, entry in enumerate(entries)]
    return min(found, key=len, default=[Difference(path or "/", expected, [])])


def _is_equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    return bool(expected == actual)
