"""Deliveries made to tell of nobody: what was sent stays as valid as it was, what was answered goes."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update

from packhouse.kit import scan
from packhouse.kit.db import Database, Transaction
from packhouse.kit.redaction import ERASED, Words
from packhouse.webhooks.queries import DeliveryRow
from packhouse.webhooks.tables import deliveries

_d = deliveries.c
# Of a body: what names and counts, and texts that a shop or a carrier writes.
_KEPT = frozenset({
    "id", "action", "event_type", "timestamp", "order_id", "order_number", "code", "tracking_number", "at",
})  # fmt: skip
_FREE = frozenset({"message", "description"})


class _Delivery(NamedTuple):
    """What of a delivery may tell of a person."""

    id: int
    subject: str
    body: str
    answer: str | None
    error: str | None


_COLUMNS = tuple(_d[name] for name in _Delivery._fields)


async def list_deliveries(db: Database, account_id: int, subjects: Collection[str], words: Words) -> list[DeliveryRow]:
    """List the deliveries that are about one of the subjects or tell of the person, oldest first."""
    found: list[DeliveryRow] = []
    async for rows in scan.walk(db, account_id, [_d.id], list(deliveries.columns), into=DeliveryRow):
        found += [row for row in rows if _tells(row, subjects, words)]
    return found


def _tells(row: _Delivery | DeliveryRow, subjects: Collection[str], words: Words) -> bool:
    return row.subject in subjects or any(words.are_in(text) for text in (row.body, row.answer, row.error))


async def erase_deliveries(db: Database, account_id: int, subjects: Collection[str], words: Words) -> int:
    """How many changed."""
    count = 0
    async for rows in scan.walk(db, account_id, [_d.id], _COLUMNS, into=_Delivery):
        told = [row for row in rows if _tells(row, subjects, words)]
        count += await _write(db, account_id, told, words, subjects)
    return count


async def erase_old_deliveries(db: Database, account_id: int, before: datetime, after: int, most: int) -> int | None:
    """Erase answers and texts that others wrote from the next deliveries behind the id `after`, of all made before.
    The last one's id, None at the end."""
    within = (_d.account_id == account_id, _d.id > after, _d.created_at < before)
    async with db.read() as tx:
        rows = await tx.fetch_all(select(*_COLUMNS).where(*within).order_by(_d.id).limit(most), into=_Delivery)
    await _write(db, account_id, rows, Words(), {row.subject for row in rows})
    return rows[-1].id if len(rows) == most else None


async def _write(
    db: Database, account_id: int, told: Sequence[_Delivery], words: Words, subjects: Collection[str]
) -> int:
    changed = {}
    for row in told:
        values = _to_erased(row, words, _FREE if row.subject in subjects else frozenset())
        if values != {name: getattr(row, name) for name in values}:
            changed[row.id] = values

    async def write(tx: Transaction) -> None:
        for id, values in changed.items():
            await tx.execute(update(deliveries).where(_d.account_id == account_id, _d.id == id).values(values))

    if changed:
        await db.write(write)
    return len(changed)


def _to_erased(row: _Delivery, words: Words, wiped: Collection[str]) -> dict[str, Any]:
    """A body that holds nothing stays byte for byte: receivers may compare."""
    body = orjson.loads(row.body)
    after = words.take_from_json(body, kept=_KEPT, wiped=wiped)
    return {
        "body": row.body if after == body else orjson.dumps(after).decode(),
        "answer": None if row.answer is None else ERASED,
        "error": None if row.error is None else words.take_from(row.error),
    }
