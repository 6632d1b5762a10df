"""Orders as files, written one at a time."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import orjson

from packhouse.orders.files import columns, tables


class Form(NamedTuple):
    """`write` takes an order as JSON text and whether it is the first, and gives the piece of the file."""

    suffixes: tuple[str, ...]
    begin: str
    write: Callable[[str, bool], str]
    end: str


def _write_element(order: str, is_first: bool) -> str:
    return order if is_first else f",\n{order}"


def _write_line(order: str, _is_first: bool) -> str:
    return f"{order}\n"


def _write_rows(order: str, _is_first: bool) -> str:
    return tables.write_rows(columns.to_rows(orjson.loads(order)))


FORMS: Mapping[str, Form] = {
    "json": Form((".json",), "[", _write_element, "]\n"),
    "jsonl": Form((".jsonl", ".ndjson"), "", _write_line, ""),
    "csv": Form((".csv",), tables.write_rows([list(columns.COLUMNS)]), _write_rows, ""),
}


def find_form(name: str) -> str | None:
    """The form that a file's name ends with."""
    return next((form for form, made in FORMS.items() if name.lower().endswith(made.suffixes)), None)
