"""The limit of a batch: its rows by raw `executemany`, in a database that the migrations made."""

import sqlite3
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from packhouse.kit import clock
from packhouse.orders.tables import order_history, orders, to_row

Row = list[Any]
_COLUMNS = [column.name for column in orders.columns if not column.info.get("kept")]
_VERSION_COLUMNS = [column.name for column in order_history.columns]


def _write(table: str, columns: Sequence[str]) -> str:
    names = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608


_REPLACED = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS if name not in ("account_id", "id"))
_UPSERT = f"{_write('orders', _COLUMNS)} ON CONFLICT (account_id, id) DO UPDATE SET {_REPLACED}"
_REMEMBER = _write("order_history", _VERSION_COLUMNS)
# What an update of the bench leaves in the history: the same for every order.
_CHANGES = orjson.dumps(
    [
        {"op": "test", "path": "/order_details/status/code", "value": "unfulfilled"},
        {"op": "replace", "path": "/order_details/status/code", "value": "packed"},
    ]
).decode()


class RawTable:
    """One connection with the pragmas of `kit.db`. Rows are made before the clock starts."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._connection.execute(f"PRAGMA {pragma}")

    def close(self) -> None:
        self._connection.close()

    def time_batches(self, batches: Sequence[Sequence[Row]], versions: Sequence[Sequence[Row]] = ()) -> float:
        """Seconds for all, one commit a batch; with `versions`, the history's rows go in beside."""
        run = self._connection.execute
        began = time.perf_counter()
        for index, rows in enumerate(batches):
            run("BEGIN IMMEDIATE")
            self._connection.executemany(_UPSERT, rows)
            if versions:
                self._connection.executemany(_REMEMBER, versions[index])
            run("COMMIT")
        return time.perf_counter() - began


def to_rows(batch: Sequence[dict[str, Any]], first_id: int, version: int, now: datetime) -> list[Row]:
    """What Packhouse stores for these entries, in the driver's own types."""
    rows = []
    for id, order in enumerate(batch, first_id):
        row = to_row(
            order,
            account_id=1,
            id=id,
            version=version,
            created_at=now,
            created_by="api_key:bench-public",
            modified_at=now,
        )
        rows.append([_plain(row[name]) for name in _COLUMNS])
    return rows


def to_versions(rows: Sequence[Row], version: int, now: datetime) -> list[Row]:
    at = clock.to_wire(now)
    return [[row[0], row[1], version, "updated", at, "api_key:bench-public", _CHANGES] for row in rows]


def _plain(value: Any) -> Any:
    return clock.to_wire(value) if isinstance(value, datetime) else value
