"""Erases customers from the audit log. The account's own people stay named: they act for it."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from sqlalchemy import select, update

from packhouse.accounts.tables import audit_log, users
from packhouse.kit import scan
from packhouse.kit.db import Database, Transaction
from packhouse.kit.redaction import Words

_a, _u = audit_log.c, users.c


class _Entry(NamedTuple):
    id: int
    actor: str
    subject: str


async def erase_entries(db: Database, account_id: int, words: Words) -> int:
    """Return how many entries named the person."""
    async with db.read() as tx:
        emails = await tx.fetch_values(select(_u.email).where(_u.account_id == account_id))
        own = {email.casefold() for email in emails}
    count = 0
    async for rows in scan.walk(db, account_id, [_a.id], [_a.actor, _a.subject], into=_Entry, size=1_000):
        told = [row for row in rows if row.subject.casefold() not in own and words.are_in(f"{row.actor} {row.subject}")]
        if told:
            await db.write(partial(_write_entries, account_id=account_id, told=told, words=words))
        count += len(told)
    return count


async def _write_entries(tx: Transaction, account_id: int, told: Sequence[_Entry], words: Words) -> None:
    for row in told:
        named = {"actor": words.take_from(row.actor), "subject": words.take_from(row.subject)}
        await tx.execute(update(audit_log).where(_a.account_id == account_id, _a.id == row.id).values(named))
