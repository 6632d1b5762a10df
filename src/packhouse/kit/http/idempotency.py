"""`Idempotency-Key`: a client that does not know whether its request arrived can send it again, and it is done once.

A key belongs to its account. The answer is stored in the transaction that does the work, so neither exists without the
other. If two requests arrive together, the later one's row is a duplicate: it is rolled back, runs again and finds the
answer. A call that goes on after its transaction, because it contacts a carrier, stores a claim with a lease and what
it has made; a repeat after the lease goes on from there.

Answers are encrypted with the client's own key, which is stored only as a hash, because they may contain secrets that
we cannot read ourselves (docs/decisions/0039-answers-kept.md).
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from cryptography.fernet import Fernet
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Index,
    Integer,
    Table,
    Text,
    delete,
    insert,
    select,
    text,
    update,
)

from packhouse.kit import clock, errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.db.columns import Instant, metadata
from packhouse.kit.messages import message

HEADER = "Idempotency-Key"
KEPT = timedelta(hours=24)
LEASE = timedelta(seconds=60)
"""How long a call may be under way: longer than a carrier may take."""
# As many of an account's expired rows go when one is written: more than are made, so they cannot pile up.
_REMOVED_AT_ONCE = 20
_KEY = re.compile(r"[\x21-\x7e]{1,255}")
_UNDER_WAY, _REFUSED = 0, 400
# Refusals that say nothing about the work: who calls, how much and how fast.
_NOT_KEPT = frozenset({401, 403, 408, 413, 429})

# `operation` is the method and the path. `status` is 0 while the call is under way: then `claim` says whose it is, and
# `progress` what it has made, which stays.
idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("operation", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("headers", Text, nullable=False, server_default=text("'[]'")),
    Column("progress", Text),
    Column("claim", Text),
    Column("claimed_until", Instant),
    Index("ix_idempotency_keys_created_at", "account_id", "created_at"),
)
_k = idempotency_keys.c


class KeyRow(NamedTuple):
    """A row of `idempotency_keys`."""

    account_id: int
    key: str
    operation: str
    digest: str
    status: int
    answer: str
    created_at: datetime
    headers: str
    progress: str | None
    claim: str | None
    claimed_until: datetime | None


_HAS_DONE_NOTHING = (_k.status >= _REFUSED) & _k.progress.is_(None)


class KeyRefused(errors.Conflict):
    """The key belongs to another request, or its request is still running."""


class Once(NamedTuple):
    """A request as its client identifies it."""

    account_id: int
    operation: str
    key: str
    digest: str

    def to_stored_key(self) -> str:
        return _hash("key", self)

    def seal(self, content: bytes) -> str:
        return self._open_lock().encrypt(content).decode()

    def open(self, sealed: str) -> bytes:
        return self._open_lock().decrypt(sealed.encode())

    def _open_lock(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(bytes.fromhex(_hash("seal", self))))


def _hash(purpose: str, once: Once) -> str:
    return hashlib.sha256(f"packhouse.idempotency.{purpose}:{once.account_id}:{once.key}".encode()).hexdigest()


class Answer(NamedTuple):
    """`headers` are names and values as they were sent."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()


class Progress(NamedTuple):
    """What an unanswered call has made; `made` can be written as JSON."""

    made: Any


class Claim(NamedTuple):
    """A call that this process is handling."""

    once: Once
    token: str


def read(account_id: int, operation: str, key: str | None, body: bytes) -> Once | None:
    """Read the header's value; None without the header. Raises Invalid."""
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        fault = errors.ErrorItem("invalid", message("A key has 1 to 255 visible ASCII characters."), header=HEADER)
        raise errors.Invalid(fault)
    return Once(account_id, operation, key, hashlib.sha256(body).hexdigest())


def is_kept(refusal: errors.ApiError) -> bool:
    """Return whether a refusal is stored as the answer; one that asks to try again is not."""
    if isinstance(refusal, KeyRefused) or refusal.is_temporary or "Retry-After" in refusal.headers:
        return False
    return refusal.status < 500 and refusal.status not in _NOT_KEPT


async def find(tx: Reader, once: Once, *, now: datetime) -> Answer | Progress | None:
    """Return the answer that the same request got within the last 24 hours, or what it has made without being answered.
    Raises KeyRefused if the key belongs to another request, or while the request is running. A request that was refused
    before anything was made leaves its key to a corrected one."""
    statement = select(idempotency_keys).where(_is(once), _k.created_at > now - KEPT)
    row = await tx.fetch_one(statement, into=KeyRow)
    if row is None:
        return None
    if (row.operation, row.digest) != (once.operation, once.digest):
        if row.status >= _REFUSED and row.progress is None:
            return None
        raise KeyRefused(
            errors.ErrorItem("conflict", message("This key was sent with another body or path."), header=HEADER)
        )
    if row.status != _UNDER_WAY:
        return _to_answer(once, row)
    if row.claimed_until is not None and clock.is_to_come(row.claimed_until, now, within=LEASE):
        fault = errors.ErrorItem("conflict", message("A request with this key is still running."), header=HEADER)
        raise KeyRefused(fault, {"Retry-After": "1"})
    return Progress(orjson.loads(once.open(row.progress or "")))


def _to_answer(once: Once, row: KeyRow) -> Answer:
    """A row from before answers were encrypted has its plain key."""
    if row.key == once.key:
        return Answer(row.status, row.answer.encode(), [("content-type", "application/json")])
    headers = [(name, value) for name, value in orjson.loads(once.open(row.headers))]
    return Answer(row.status, once.open(row.answer), headers)


async def keep_answer(tx: Transaction, once: Once, answer: Answer, *, now: datetime) -> None:
    """Store the answer in the transaction of the work."""
    await _put(tx, once, now, _to_columns(once, answer))


async def claim(tx: Transaction, once: Once, made: Any, *, now: datetime) -> Claim:
    """Store a claim in the transaction that has `made` what the call goes on with."""
    found = Claim(once, secrets.token_hex(16))
    under_way = {"progress": once.seal(orjson.dumps(made)), "claim": found.token, "claimed_until": now + LEASE}
    await _put(tx, once, now, {"status": _UNDER_WAY, "answer": "", "headers": "[]", **under_way})
    return found


async def _put(tx: Transaction, once: Once, now: datetime, columns: dict[str, Any]) -> None:
    """Replace the row, and delete a few expired ones."""
    oldest = select(_k.key).where(_k.account_id == once.account_id, _k.created_at <= now - KEPT)
    oldest = oldest.order_by(_k.created_at).limit(_REMOVED_AT_ONCE).with_for_update(skip_locked=True)
    gone = _k.key.in_(select(oldest.cte("oldest").c.key))
    await tx.execute(delete(idempotency_keys).where(_k.account_id == once.account_id, gone))
    replaced = (_k.created_at <= now - KEPT) | (_k.status == _UNDER_WAY) | _HAS_DONE_NOTHING
    await tx.execute(delete(idempotency_keys).where(_is(once), replaced))
    row = {"account_id": once.account_id, "key": once.to_stored_key(), "operation": once.operation}
    await tx.execute(insert(idempotency_keys), {**row, "digest": once.digest, "created_at": now, **columns})


def _to_columns(once: Once, answer: Answer) -> dict[str, Any]:
    sealed = {"answer": once.seal(answer.body), "headers": once.seal(orjson.dumps(answer.headers))}
    return {"status": answer.status, **sealed, "claim": None, "claimed_until": None}


async def end_claim(tx: Transaction, claim: Claim, answer: Answer) -> None:
    """Store the answer; a claim whose lease somebody else has taken changes nothing."""
    mine = (_is(claim.once), _k.claim == claim.token)
    await tx.execute(update(idempotency_keys).where(*mine).values(_to_columns(claim.once, answer)))


async def release(tx: Transaction, claim: Claim) -> None:
    """End the lease, so that a repeat goes on at once."""
    mine = (_is(claim.once), _k.claim == claim.token)
    await tx.execute(update(idempotency_keys).where(*mine).values(claim=None, claimed_until=None))


def _is(once: Once) -> ColumnElement[bool]:
    return (_k.account_id == once.account_id) & _k.key.in_([once.to_stored_key(), once.key])
