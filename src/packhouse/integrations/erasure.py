"""Logs of integrations made to tell of nobody: what was sent and answered goes, what failed where and when stays."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select, update

from packhouse.integrations.tables import LogRow, integration_logs
from packhouse.kit import scan
from packhouse.kit.db import Database, Transaction
from packhouse.kit.redaction import ERASED, Words

_l = integration_logs.c
# What stands for what is gone; a text that was empty stays so.
_GONE: dict[str, Any] = {
    "full_url": None, "response": None, "request": None, "exception": ERASED, "additional_data": ERASED
}  # fmt: skip


class _Log(NamedTuple):
    id: int
    document: str


async def list_logs(db: Database, account_id: int, words: Words) -> list[LogRow]:
    """List the entries that tell of the person, oldest first."""
    found: list[LogRow] = []
    async for rows in scan.walk(db, account_id, [_l.id], list(integration_logs.columns), into=LogRow):
        found += [row for row in rows if words.are_in(row.document)]
    return found


async def erase_logs(db: Database, account_id: int, words: Words) -> int:
    """Erase the person from log entries; return how many changed."""
    count = 0
    async for rows in scan.walk(db, account_id, [_l.id], [_l.document], into=_Log):
        count += await _write(db, account_id, [row for row in rows if words.are_in(row.document)], words)
    return count


async def erase_old_logs(db: Database, account_id: int, before: datetime, after: int, most: int) -> int | None:
    """Erase the next log entries behind the id `after` of all that were written before; return the last id, None at
    the end."""
    within = (_l.account_id == account_id, _l.id > after, _l.created_at < before)
    async with db.read() as tx:
        rows = await tx.fetch_all(select(_l.id, _l.document).where(*within).order_by(_l.id).limit(most), into=_Log)
    await _write(db, account_id, rows, Words())
    return rows[-1].id if len(rows) == most else None


async def _write(db: Database, account_id: int, told: Sequence[_Log], words: Words) -> int:
    changed = {row.id: after for row in told if (after := _to_erased(row.document, words)) != row.document}
    if changed:

        async def work(tx: Transaction) -> None:
            for id, document in changed.items():
                mine = (_l.account_id == account_id, _l.id == id)
                await tx.execute(update(integration_logs).where(*mine).values(document=document))

        await db.write(work)
    return len(changed)


def _to_erased(text: str, words: Words) -> str:
    document = orjson.loads(text)
    gone = {name: value for name, value in _GONE.items() if document.get(name)}
    return orjson.dumps(words.take_from_json({**document, **gone})).decode()
