"""A record of a file: one order as it was sent, where it stands, and what is to be said of it."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from packhouse.kit.messages import Message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders import schema

# What one record may take, as much as the body of a request; a broken file is not read to its end to find out.
MAX_RECORD = 10_000_000

# A row of a table as it stands in the file: its line and its cells.
Row: TypeAlias = tuple[int, Sequence[str]]


class Broken(Exception):
    """The file cannot be read from this line on."""

    def __init__(self, line: int, detail: Message) -> None:
        self.line = line
        self.detail = detail
        super().__init__(f"Line {line}: {detail}")


class UnknownColumns(Broken):
    """The file is a table, and which of its columns is which field nobody has said yet."""


class Note(NamedTuple):
    """What is to be known of a file as a whole, or of a line that is no record."""

    line: int
    detail: Message


class Record(NamedTuple):
    """One order as sent: the line that it begins on, its JSON, and why it could not be read, if so.

    `warnings` tell what was read otherwise than it stands. `rows` are the rows of a table that it was made of, and
    `item_rows` tells which of them each of its items came from. `left_out` says why a record is no order to import.
    `placed_at` is when an order that is new is taken to be placed, if the file has no column for it.
    """

    line: int
    body: bytes
    flaws: Sequence[ValidationIssue] = ()
    warnings: Sequence[ValidationIssue] = ()
    rows: Sequence[Row] = ()
    item_rows: Sequence[int] = ()
    left_out: str = ""
    placed_at: str = ""

    def find_line(self, path: Sequence[str | int]) -> int:
        """The line of a field, which for an item is the line of its row."""
        if len(path) > 2 and tuple(path[:2]) == ("order_details", "order_items"):
            at = path[2]
            if isinstance(at, int) and at < len(self.item_rows):
                return self.rows[self.item_rows[at]][0]
        return self.line


def to_body(value: Any, text: str, integration_id: int | None) -> bytes:
    """The record as sent, but for what is ours (an order is addressed by its shop's key) and for the integration."""
    if not isinstance(value, dict):
        return text.encode()
    changed = {key: inner for key, inner in value.items() if key not in schema.READ_ONLY}
    details = changed.get("order_details", {})
    if integration_id is not None and isinstance(details, dict) and "integration" not in details:
        changed["order_details"] = {"integration": {"id": integration_id}, **details}
    elif len(changed) == len(value):
        return text.encode()
    return json.dumps(changed).encode()


def move(records: Iterable[Record], integration_id: int) -> Iterator[Record]:
    """Give out the records as orders of this integration, whichever they name."""
    for record in records:
        value = None if record.flaws or record.left_out else json.loads(record.body)
        details = value.get("order_details", {}) if isinstance(value, dict) else None
        if isinstance(value, dict) and isinstance(details, dict):
            value["order_details"] = {**details, "integration": {"id": integration_id}}
            record = record._replace(body=json.dumps(value).encode())  # noqa: PLW2901 - the next one is another
        yield record


def to_field(path: Sequence[str | int]) -> str:
    """The name of a field as mappings and Packhouse's own columns write it: `item.name`, `shipping_address.city`."""
    steps = [step for step in path if isinstance(step, str)]
    if steps[:2] == ["order_details", "order_items"] and len(path) > 2:
        return ".".join(("item", *steps[2:]))
    return ".".join(steps)


def find_column(columns: Mapping[str, str], path: Sequence[str | int]) -> str:
    """The column of their file that a field came from; for an object the first column of its fields."""
    field = to_field(path)
    if field in columns:
        return columns[field]
    return next((column for name, column in columns.items() if field and name.startswith(f"{field}.")), "")
