"""`Idempotency-Key`: a client that does not know whether its request arrived sends it again, and it is done once.

The answer is kept in the transaction that does the work, so neither is there without the other. Two that arrive
together: the later one's row is a duplicate, it is undone and done anew (`Database.attempt`), and finds the answer.
Only what was carried out is kept; a refusal has changed nothing and may be asked for again.
"""

import hashlib
import re
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, Column, ColumnElement, Index, Integer, Table, Text, delete, insert, select, tuple_

from packhouse.kit import errors
from packhouse.kit.columns import Instant, metadata
from packhouse.kit.db import Transaction

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
# As many of an account's expired rows go when one is written: more than are made, so they cannot pile up.
_REMOVED_AT_ONCE = 20
_KEY = re.compile(r"[\x21-\x7e]{1,255}")

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("operation", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_idempotency_keys_created_at", "account_id", "created_at"),
)
_k = idempotency_keys.c


class Once(NamedTuple):
    """One request as its client names it: keys of different operations are different keys."""

    account_id: int
    operation: str
    key: str
    digest: str


class Answer(NamedTuple):
    """`body` is JSON."""

    status: int
    body: bytes


def read(account_id: int, operation: str, key: str | None, body: bytes) -> Once | None:
    """From the header's value; None where there is none. Raises Invalid."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        fault = errors.Fault("invalid", "A key has 1 to 255 visible ASCII characters.", header=HEADER)
        raise errors.Invalid(fault)
    return Once(account_id, operation, key, hashlib.sha256(body).hexdigest())


async def find_answer(tx: Transaction, once: Once, *, now: datetime) -> Answer | None:
    """What the same request was answered within the last 24 hours. Raises Conflict where the key was another body's."""
    found = (
        await tx.execute(select(_k.digest, _k.status, _k.answer).where(_is(once), _k.created_at > now - KEPT))
    ).first()
    if found is None:
        return None
    if found.digest != once.digest:
        raise errors.Conflict(errors.Fault("conflict", "This key was sent with another body.", header=HEADER))
    return Answer(found.status, found.answer.encode())


async def keep_answer(tx: Transaction, once: Once, answer: Answer, *, now: datetime) -> None:
    """In the transaction of the work; removes a few rows that are past their time."""
    expired = select(_k.operation, _k.key).where(_k.account_id == once.account_id, _k.created_at <= now - KEPT)
    expired = expired.order_by(_k.created_at).limit(_REMOVED_AT_ONCE).with_for_update(skip_locked=True)
    await tx.execute(
        delete(idempotency_keys).where(_k.account_id == once.account_id, tuple_(_k.operation, _k.key).in_(expired))
    )
    await tx.execute(delete(idempotency_keys).where(_is(once), _k.created_at <= now - KEPT))
    row = {**once._asdict(), "status": answer.status, "answer": answer.body.decode(), "created_at": now}
    await tx.execute(insert(idempotency_keys), row)


def _is(once: Once) -> ColumnElement[bool]:
    return (_k.account_id == once.account_id) & (_k.operation == once.operation) & (_k.key == once.key)
