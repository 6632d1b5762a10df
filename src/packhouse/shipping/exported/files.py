"""Reads what an account exported: JSON answers of the API, each a record, a list of records, or an object that contains
some.

The keys of a record identify it, so neither the names of files nor their order matter.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

ORDER, SHIPMENT, SENDER, CONTRACT, RULE, RETURN = "order", "shipment", "sender_address", "contract", "rule", "return"
KINDS = (SENDER, CONTRACT, RULE, ORDER, SHIPMENT, RETURN)
"""In the order in which they are taken: what others name comes first."""

_SIGNS = (
    (ORDER, {"order_details", "order_id"}),
    (RETURN, {"status_history", "shipping_option"}),
    (SHIPMENT, {"parcels", "to_address"}),
    (RULE, {"actions", "name"}),
    (CONTRACT, {"carrier", "client_id"}),
    (CONTRACT, {"carrier_code", "name", "is_default"}),
    (SENDER, {"address_line_1", "country_code", "name"}),
)
"""Keys that records of a kind have; the first that fits counts."""
MAX_DEPTH = 6


class Exported(NamedTuple):
    """A record and its place: `orders.json#3`."""

    kind: str
    place: str
    record: Mapping[str, Any]


class Unread(NamedTuple):
    """A record of no known kind, and the reason."""

    place: str
    why: str


def read_path(path: Path) -> Iterator[Exported | Unread]:
    """Read a file, or all files of a folder and its subfolders. Raises OSError."""
    files = [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file())
    for file in files:
        name = file.name if file == path else file.relative_to(path).as_posix()
        if file.suffix.lower() not in (".json", ".jsonl", ".ndjson"):
            yield Unread(name, "Only .json, .jsonl and .ndjson files are read.")
            continue
        yield from _read_file(file, name)


def _read_file(file: Path, name: str) -> Iterator[Exported | Unread]:
    text = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        values = [orjson.loads(text)] if file.suffix.lower() == ".json" else list(map(orjson.loads, text.splitlines()))
    except orjson.JSONDecodeError as error:
        yield Unread(name, f"This is no JSON: {error}.")
        return
    number = 0
    for value in values:
        for found in _find_records(value, 0):
            number += 1
            place = f"{name}#{number}"
            kind = find_kind(found)
            yield (
                Unread(place, "This is none of the records that are known.")
                if kind is None
                else Exported(kind, place, found)
            )


def find_kind(record: Mapping[str, Any]) -> str | None:
    return next((kind for kind, signs in _SIGNS if signs <= record.keys()), None)


def _find_records(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    """Records are in lists, or below `data` or another key of an object that is no record itself."""
    if isinstance(value, list):
        for inner in value:
            yield from _find_records(inner, depth + 1)
    elif isinstance(value, dict):
        inner = [part for part in value.values() if isinstance(part, list | dict)]
        if find_kind(value) is not None or not inner or depth >= MAX_DEPTH:
            yield value
        else:
            for part in inner:
                yield from _find_records(part, depth + 1)
