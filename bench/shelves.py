"""A million orders in a table, made in bulk: their integrations, statuses and dates know nothing of each other."""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import accumulate, islice
from typing import Any, NamedTuple

import asyncpg
import orjson
from sqlalchemy.schema import CreateIndex, DropIndex

from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders import counts, demo
from packhouse.orders.tables import orders

FIRST_DAY = datetime(2024, 11, 24, tzinfo=UTC)
DAYS = 730
_MICROSECONDS = DAYS * 86_400_000_000
# Shares of 1,000: of the account's integrations, in the order in which they were made, and of the shops' statuses.
INTEGRATIONS = (500, 300, 100, 90, 10)
STATUSES = {"fulfilled": 600, "unfulfilled": 300, "processing": 90, "on_hold": 10}
_CHUNK = 20_000
_PATTERNS = 500
_COLUMNS = [column.name for column in orders.columns]


class Row(NamedTuple):
    """What is drawn of an order; all else of it is its pattern's."""

    id: int
    integration_id: int
    status: str
    created_at: datetime
    updated_at: datetime


def make_rows(count: int, account_id: int, integration_ids: Sequence[int], seed: int = 3) -> Iterator[tuple[Any, ...]]:
    """Rows of the table `orders`, ids from 1, with documents of the usual size."""
    dice = random.Random(seed)
    patterns = [_Pattern(order) for order in islice(_make_orders(integration_ids), _PATTERNS)]
    shops, statuses = list(accumulate(INTEGRATIONS)), list(accumulate(STATUSES.values()))
    for id in range(1, count + 1):
        [shop] = dice.choices(integration_ids, cum_weights=shops)
        [status] = dice.choices(list(STATUSES), cum_weights=statuses)
        created, updated = (FIRST_DAY + timedelta(microseconds=dice.randrange(_MICROSECONDS)) for _ in range(2))
        yield patterns[id % _PATTERNS].to_row(account_id, Row(id, shop, status, created, updated))


async def fill(url: str, count: int, account_id: int, integration_ids: Sequence[int]) -> None:
    """In bulk, the secondary indexes made afterwards, and PostgreSQL as its own housekeeping leaves it."""
    db = Database(url)
    rows = make_rows(count, account_id, integration_ids)
    secondary = sorted((index for index in orders.indexes), key=lambda index: str(index.name))
    try:
        async with db.begin() as tx:
            for index in secondary:
                await tx.execute(DropIndex(index))
        if db.is_sqlite:
            _fill_sqlite(str(db.url.database), rows)
        else:
            await _fill_postgres(url, rows)
        for index in secondary:
            async with db.begin() as tx:
                await tx.execute(CreateIndex(index))
        async with db.begin() as tx:
            await tx.keep_above("orders", count)
        if not db.is_sqlite:
            await _tidy(url)
        await counts.recount(db, account_id)
        await counts.fold(db, account_id)
    finally:
        await db.close()


def _fill_sqlite(path: str, rows: Iterator[tuple[Any, ...]]) -> None:
    statement = f"INSERT INTO orders ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        while chunk := [[_plain(value) for value in row] for row in islice(rows, _CHUNK)]:
            connection.execute("BEGIN")
            connection.executemany(statement, chunk)
            connection.execute("COMMIT")


async def _fill_postgres(url: str, rows: Iterator[tuple[Any, ...]]) -> None:
    connection = await asyncpg.connect(url)
    while chunk := list(islice(rows, _CHUNK)):
        await connection.copy_records_to_table("orders", records=chunk, columns=_COLUMNS)
    await connection.close()


async def _tidy(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE orders")
    await connection.execute("CHECKPOINT")
    await connection.close()


def _plain(value: Any) -> Any:
    return clock.to_wire(value) if isinstance(value, datetime) else value


def _make_orders(integration_ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    return demo.make_orders(10**9, seed=1, integration_ids=list(integration_ids), now=clock.now())


def to_order_id(id: int) -> str:
    return f"gid-{id}"


def to_number(id: int) -> str:
    """Not in the order of the ids."""
    return f"N-{id * 7919 % 9_999_991}"


class _Pattern:
    """An order of the demo whose own values stand as marks in its text, so that a row costs a few replacements."""

    def __init__(self, order: dict[str, Any]) -> None:
        details = order["order_details"]
        order.update(order_id="\x01", order_number="\x02")
        details.update(status={"code": "\x03", "message": "\x03"}, order_created_at="\x04", order_updated_at="\x05")
        details["integration"] = {"id": "\x06"}
        text = orjson.dumps(order).decode()
        for mark in range(1, 7):
            text = text.replace(f"\\u{mark:04x}", chr(mark))
        self._text = text.replace('"\x06"', "\x06")

    def to_row(self, account_id: int, row: Row) -> tuple[Any, ...]:
        order_id, number = to_order_id(row.id), to_number(row.id)
        document = self._text
        marks = (order_id, number, row.status, _to_text(row.created_at), _to_text(row.updated_at))
        for mark, value in enumerate((*marks, str(row.integration_id)), 1):
            document = document.replace(chr(mark), value)
        values = {
            "account_id": account_id,
            "id": row.id,
            "integration_id": row.integration_id,
            "order_id": order_id,
            "order_number": number,
            "order_id_folded": order_id,
            "order_number_folded": number.casefold(),
            "status_folded": row.status,
            "order_created_at": row.created_at,
            "order_updated_at": row.updated_at,
            "version": 1,
            "created_at": row.created_at,
            "created_by": "api_key:bench-public",
            "modified_at": row.created_at,
            "live_shipments": 0,
            "erased_version": None,
            "document": document,
        }
        return tuple(values[name] for name in _COLUMNS)


def _to_text(instant: datetime) -> str:
    return clock.to_wire(instant)
