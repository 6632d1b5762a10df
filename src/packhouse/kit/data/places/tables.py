"""Reads the tables in `data`, each at its first use."""

import csv
from collections.abc import Iterator
from importlib import resources


def read_table(name: str) -> Iterator[dict[str, str]]:
    """Return the rows of `data/{name}.csv` by column name, without comments."""
    text = resources.files("packhouse.kit.data.places.data").joinpath(f"{name}.csv").read_text("utf-8")
    yield from csv.DictReader(line for line in text.splitlines() if line and not line.startswith("#"))


def read_date(name: str) -> str:
    """Return the day that a table's comments give after `As of`."""
    text = resources.files("packhouse.kit.data.places.data").joinpath(f"{name}.csv").read_text("utf-8")
    return text.partition("As of ")[2][: len("2026-11-30")]
