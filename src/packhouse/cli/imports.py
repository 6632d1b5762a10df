"""What `packhouse orders import` does with a file's records: a batch at a time, each record by itself where it must."""

import itertools
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from packhouse.accounts.schema import Caller
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders import files, imports

_RECORDS_OF_A_TABLE = 100


@dataclass(slots=True)
class Report:
    """Counts in memory and the refused records in a temporary file: memory stays flat however many there are."""

    is_dry_run: bool
    counts: Counter[str] = field(default_factory=Counter)
    stopped: dict[str, Any] | None = None
    _refused: IO[bytes] = field(default_factory=tempfile.TemporaryFile)

    def refuse(self, refused: imports.Refused) -> None:
        self._refused.write(orjson.dumps(refused.to_wire()) + b"\n")
        self.counts["refused"] += 1

    def stop(self, detail: str, line: int | None = None) -> None:
        """The rest of the file was not read."""
        self.stopped = {"line": line, "detail": detail}

    def close(self) -> None:
        self._refused.close()

    def is_clean(self) -> bool:
        return not self.counts["refused"] and self.stopped is None

    def show(self, *, as_json: bool) -> None:
        if as_json:
            self._show_json()
        else:
            self._show_tables()
            typer.echo(self._sum_up())
        if self.stopped:
            at = "" if self.stopped["line"] is None else f" at line {self.stopped['line']}"
            kept = "" if self.is_dry_run else " What was stored before stays."
            typer.echo(f"packhouse: stopped{at}: {self.stopped['detail'].removesuffix('.')}.{kept}", err=True)

    def _sum_up(self) -> str:
        would = "would be " if self.is_dry_run else ""
        return ", ".join(f"{self.counts[name]} {would}{name}" for name in (*imports.OUTCOMES, "refused")) + "."

    def _show_json(self) -> None:
        head = {name: self.counts[name] for name in (*imports.OUTCOMES, "refused")}
        text = orjson.dumps({**head, "dry_run": self.is_dry_run, "stopped": self.stopped}).decode()
        typer.echo(f'{text[:-1]},"records":[', nl=False)
        for index, line in enumerate(self._lines()):
            typer.echo(f"{',' if index else ''}{line.decode().rstrip()}", nl=False)
        typer.echo("]}")

    def _show_tables(self) -> None:
        lines = self._lines()
        while records := [orjson.loads(line) for line in itertools.islice(lines, _RECORDS_OF_A_TABLE)]:
            table = Table("line", "order_id", "pointer", "code", "detail")
            for column in table.columns:
                column.overflow = "fold"
            for record in records:
                for fault in record["faults"]:
                    cells = (str(record["line"]), record["order_id"] or "", *fault.values())
                    table.add_row(*(Text(_to_printable(cell)) for cell in cells))
            Console().print(table)

    def _lines(self) -> Iterator[bytes]:
        self._refused.seek(0)
        yield from self._refused


def _to_printable(text: str) -> str:
    """A file's words must not steer the terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


async def store(db: Database, caller: Caller, batch: Sequence[files.Record], report: Report) -> None:
    """Raises Unavailable."""
    stored = await imports.store(db, caller, batch, now=clock.now(), is_dry_run=report.is_dry_run)
    report.counts.update(stored.counts)
    for refused in stored.refused:
        report.refuse(refused)
