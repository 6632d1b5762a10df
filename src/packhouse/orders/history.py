"""What changed between two versions of a document, as a JSON Patch (RFC 6902).

Each change is preceded by a `test` of the value that was there, so that a patch shows old and new, and applies to the
version that it was made from and to no other.
"""

from collections.abc import Iterator
from typing import Any

import orjson

Change = dict[str, Any]


def find_changes(old: Any, new: Any, at: str = "") -> Iterator[Change]:
    """Objects by key and lists by position; numbers that are written otherwise (1, 1.0, "1") are different."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _find_in_objects(old, new, at)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _find_in_lists(old, new, at)
    elif type(old) is not type(new) or old != new:
        yield {"op": "test", "path": at, "value": old}
        yield {"op": "replace", "path": at, "value": new}


def _find_in_objects(old: dict[str, Any], new: dict[str, Any], at: str) -> Iterator[Change]:
    for key, value in old.items():
        if key not in new:
            yield from _remove(value, f"{at}/{_escape(key)}")
        elif not _is_written_alike(value, new[key]):
            yield from find_changes(value, new[key], f"{at}/{_escape(key)}")
    for key, value in new.items():
        if key not in old:
            yield {"op": "add", "path": f"{at}/{_escape(key)}", "value": value}


def _find_in_lists(old: list[Any], new: list[Any], at: str) -> Iterator[Change]:
    common = min(len(old), len(new))
    for index in range(common):
        if not _is_written_alike(old[index], new[index]):
            yield from find_changes(old[index], new[index], f"{at}/{index}")
    for index in range(len(old) - 1, common - 1, -1):
        yield from _remove(old[index], f"{at}/{index}")
    for value in new[common:]:
        yield {"op": "add", "path": f"{at}/-", "value": value}


def _is_written_alike(old: Any, new: Any) -> bool:
    """Surely the same; most parts are, and writing both is quicker than walking through them."""
    return old is new or (type(old) is type(new) and orjson.dumps(old) == orjson.dumps(new))


def _remove(value: Any, path: str) -> Iterator[Change]:
    yield {"op": "test", "path": path, "value": value}
    yield {"op": "remove", "path": path}


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
