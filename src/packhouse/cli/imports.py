"""What `packhouse orders import` does with a file's records: a batch at a time, each record by itself where it must."""

import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any, NamedTuple

import orjson
import typer
from rich.console import Console
from rich.table import Table

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors
from packhouse.kit.db import Database
from packhouse.orders import files, operations, schema

# How often a batch waits for its turn behind other writers; one wait is the setting `lock_timeout_seconds`.
_ATTEMPTS = 5
_ROWS_OF_A_TABLE = 200
_POINTER = re.compile(re.escape(errors.ATTRIBUTES) + r"/\[(\d+)\](.*)", re.DOTALL)

OUTCOMES = ("created", "updated", "unchanged")


class _Undone(Exception):
    """A dry run ends its transaction with this."""


class Refused(NamedTuple):
    """A record that was not taken; its faults have pointers that begin at the record."""

    line: int
    order_id: str | None
    faults: list[dict[str, str]]


@dataclass(slots=True)
class Report:
    """Counts in memory, refused records in a temporary file: however many there are, memory stays flat."""

    is_dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, Any] | None = None
    _refused: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def refuse(self, refused: Iterable[Refused]) -> None:
        for record in sorted(refused):
            self.counts["refused"] += 1
            self._refused.write(orjson.dumps(record._asdict()) + b"\n")

    def stop(self, detail: str, line: int | None = None) -> None:
        """The rest of the file was not read; what was stored before stays."""
        self.stopped = {"line": line, "detail": detail}

    def is_clean(self) -> bool:
        return not self.counts["refused"] and self.stopped is None

    def show(self, *, as_json: bool) -> None:
        if as_json:
            self._show_json()
            return
        self._show_tables()
        done = "would be " if self.is_dry_run else ""
        said = [f"{self.counts[outcome]} {done}{outcome}" for outcome in OUTCOMES]
        typer.echo(", ".join([*said, f"{self.counts['refused']} refused"]) + ".")
        if self.stopped:
            at = "" if self.stopped["line"] is None else f" at line {self.stopped['line']}"
            kept = "Nothing was written." if self.is_dry_run else "What was stored before stays."
            typer.echo(f"packhouse: Stopped{at}: {self.stopped['detail']}. {kept}", err=True)

    def _show_json(self) -> None:
        head = {name: self.counts[name] for name in (*OUTCOMES, "refused")}
        text = orjson.dumps({**head, "dry_run": self.is_dry_run, "stopped": self.stopped}).decode()
        typer.echo(f'{text[:-1]},"records":[', nl=False)
        for index, line in enumerate(self._lines()):
            typer.echo(f"{',' if index else ''}{line.decode().rstrip()}", nl=False)
        typer.echo("]}")

    def _show_tables(self) -> None:
        rows = [(r["line"], r["order_id"], fault) for r in map(orjson.loads, self._first_lines()) for fault in r["faults"]]
        if rows:
            table = Table("line", "order_id", "pointer", "code", "detail")
            for line, order_id, fault in rows:
                cells = (str(line), order_id or "", fault["pointer"], fault["code"], fault["detail"])
                table.add_row(*(_plain(cell) for cell in cells))
            Console().print(table, markup=False)

    def _lines(self) -> Iterator[bytes]:
        self._refused.seek(0)
        yield from self._refused

    def _first_lines(self) -> Iterator[bytes]:
        return self._lines()


async def store(db: Database, caller: Caller, batch: Sequence[files.Record], report: Report) -> None:
    """What is good of a batch is stored in one transaction; in a dry run it is undone. Raises Unavailable."""
    sound = [record for record in batch if not record.flaws]
    refused = [_refuse(record, [errors.Fault("invalid", f.detail, pointer=errors.to_batch_pointer((0, *f.path)))
                                for f in record.flaws]) for record in batch if record.flaws]
    report.refuse(refused)
