"""Erases people from jobs and from kept answers to requests."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import orjson
from sqlalchemy import delete, update

from packhouse.kit import scan
from packhouse.kit.db import Database, Transaction
from packhouse.kit.http.idempotency import idempotency_keys
from packhouse.kit.jobs import jobs
from packhouse.kit.redaction import Words

_j, _k = jobs.c, idempotency_keys.c


class _Payload(NamedTuple):
    id: int
    payload: str


class _Answer(NamedTuple):
    operation: str
    key: str
    answer: str


async def erase_payloads(db: Database, account_id: int, words: Words) -> int:
    """Return how many jobs named the person. What jobs name by id stays."""
    count = 0
    async for rows in scan.walk(db, account_id, [_j.id], [_j.payload], into=_Payload):
        told = [row for row in rows if words.are_in(row.payload)]
        if told:
            await db.write(partial(_write_payloads, account_id=account_id, told=told, words=words))
        count += len(told)
    return count


async def erase_answers(db: Database, account_id: int, words: Words) -> int:
    """Return how many kept answers named the person, or were kept under a key that does; such a key is removed with its
    answer."""
    count = 0
    async for rows in scan.walk(db, account_id, [_k.operation, _k.key], [_k.answer], into=_Answer):
        told = [row for row in rows if words.are_in(row.key) or words.are_in(row.answer)]
        if told:
            await db.write(partial(_write_answers, account_id=account_id, told=told, words=words))
        count += len(told)
    return count


async def remove_old_answers(db: Database, account_id: int, before: datetime) -> None:
    await db.write(
        lambda tx: tx.execute(delete(idempotency_keys).where(_k.account_id == account_id, _k.created_at < before))
    )


async def _write_payloads(tx: Transaction, account_id: int, told: Sequence[_Payload], words: Words) -> None:
    for row in told:
        payload = orjson.dumps(words.take_from_json(orjson.loads(row.payload))).decode()
        await tx.execute(update(jobs).where(_j.account_id == account_id, _j.id == row.id).values(payload=payload))


async def _write_answers(tx: Transaction, account_id: int, told: Sequence[_Answer], words: Words) -> None:
    for row in told:
        mine = (_k.account_id == account_id, _k.operation == row.operation, _k.key == row.key)
        if words.are_in(row.key):
            await tx.execute(delete(idempotency_keys).where(*mine))
            continue
        answer = orjson.dumps(words.take_from_json(orjson.loads(row.answer))).decode()
        await tx.execute(update(idempotency_keys).where(*mine).values(answer=answer))
