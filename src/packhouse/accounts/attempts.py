"""Limits on attempts to guess a password or a code: each attempt is counted before it is checked, and the wait between
attempts grows.

Attempts are counted by person and network together, so that an attacker blocks nobody elsewhere, and by network alone
with a higher limit, because a warehouse shares one. A browser that the person has signed in with before (`browsers`) is
counted separately, so that no attacker can block it.
"""

import hashlib
import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Integer, bindparam, delete, select, text, update

from packhouse.accounts.tables import sign_in_attempts
from packhouse.kit import clock
from packhouse.kit.db import Database, Transaction
from packhouse.kit.db.columns import Instant

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)
# Attempts that cost no wait: by one person from one network or browser, and from one network whoever is meant.
FREE = 5
FREE_BY_NETWORK = 100
FREE_FORGOTTEN = 20
# Rows that are over are taken away at every attempt, but no more than this many, so that no attempt takes long.
_CLEANED = 100

_a = sign_in_attempts.c
_COUNT = (
    text(
        "INSERT INTO sign_in_attempts (account_id, key, attempts, since) VALUES (0, :key, 1, :now) "
        "ON CONFLICT (account_id, key) DO UPDATE SET "
        "attempts = CASE WHEN sign_in_attempts.since < :edge THEN 1 ELSE sign_in_attempts.attempts + 1 END, "
        "since = CASE WHEN sign_in_attempts.since < :edge THEN :now ELSE sign_in_attempts.since END "
        "WHERE sign_in_attempts.next_at IS NULL OR sign_in_attempts.next_at <= :now "
        "RETURNING attempts"
    )
    .bindparams(bindparam("now", type_=Instant), bindparam("edge", type_=Instant))
    .columns(attempts=Integer)
)


_LOOK = select(_a.next_at).where(_a.account_id == 0, _a.key == bindparam("key"))


class Bound(NamedTuple):
    """A limit on attempts: the first `free` that are counted under `key` cost no wait. Each further one costs a second,
    then twice as long each time. The count starts anew `window` after the first attempt."""

    key: str
    free: int = FREE
    window: timedelta = _DAY


class _TooSoon(Exception):
    """Rolls back the count of an attempt that is refused."""

    def __init__(self, next_at: datetime) -> None:
        super().__init__(next_at)
        self.next_at = next_at


def to_bounds(email: str, host: str, browser: str | None) -> list[Bound]:
    """Return what a sign-in as `email` from `host` is counted under; `browser` is the hash of a browser that is known
    as the person's. The widest limit comes first, as everywhere, so that two attempts lock the same rows in the same
    order."""
    person = email.casefold()
    if browser is not None:
        return [Bound(f"browser:{_hash(f'{person}|{browser}')}")]
    network = to_network(host)
    by_network = Bound(f"network:{network}", FREE_BY_NETWORK, _HOUR)
    return [by_network, Bound(f"person:{_hash(f'{person}|{network}')}")]


def to_session_bounds(token_hash: str) -> list[Bound]:
    """Return what a password is counted under when a session asks for it again: a session that was left open blocks no
    other."""
    return [Bound(f"session:{token_hash}")]


def to_code_bounds(account_id: int, user_id: int, browser: str | None) -> list[Bound]:
    """Return what a person's code is counted under. Codes are short, so all networks count as one. The password was
    right before, so only somebody who knows it can block the person, and only in browsers that are not known."""
    return [Bound(f"code:{account_id}:{user_id}:{browser or ''}")]


def to_forgotten_bounds(host: str) -> list[Bound]:
    """Return what a request for a link to a new password is counted under."""
    return [Bound(f"forgotten:{to_network(host)}", FREE_FORGOTTEN, _HOUR)]


def to_network(host: str) -> str:
    """Return an IPv4 address, or the /64 of an IPv6 address: its owner has all addresses in it."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))


async def take(db: Database, bounds: Sequence[Bound], *, now: datetime) -> datetime | None:
    """Count an attempt in a transaction of its own, so that parallel attempts cannot exceed the limit. Return when the
    next attempt may be made if this one comes too soon; then it is not counted, so impatience costs nothing.

    Most attempts of a flood are refused by a read without a transaction, so that they delay nobody else.
    """
    for bound in bounds:
        row = await db.fetch_one(_LOOK, key=bound.key)
        if row is not None and row.next_at is not None and (next_at := clock.to_instant(row.next_at)) > now:
            return next_at

    async def count_all(tx: Transaction) -> None:
        for bound in bounds:
            await _count(tx, bound, now)
        await _clean(tx, now)  # last: who has rows locked here waits for nobody any more

    try:
        await db.write(count_all)
    except _TooSoon as refused:
        return refused.next_at
    return None


async def _count(tx: Transaction, bound: Bound, now: datetime) -> None:
    """Raises _TooSoon."""
    here = (_a.account_id == 0, _a.key == bound.key)
    sent = {"key": bound.key, "now": now, "edge": now - bound.window}
    attempts = await tx.fetch_value(_COUNT, sent)
    if attempts is None:
        next_at = await tx.fetch_value(select(_a.next_at).where(*here))
        raise _TooSoon(next_at or now + _FIRST_WAIT)
    next_at = now + wait(bound, attempts) if attempts >= bound.free else None
    await tx.execute(update(sign_in_attempts).where(*here).values(next_at=next_at))


def wait(bound: Bound, attempts: int) -> timedelta:
    """Return how long to wait after so many attempts."""
    if attempts < bound.free:
        return timedelta()
    doubled: int = 2 ** min(attempts - bound.free, 20)
    return min(_FIRST_WAIT * doubled, LONGEST_WAIT)


async def _clean(tx: Transaction, now: datetime) -> None:
    """Skip rows that others are counting in, so that nobody waits for this."""
    over = select(_a.key).where(_a.account_id == 0, _a.since < now - _DAY - LONGEST_WAIT).order_by(_a.since)
    found = await tx.fetch_values(over.limit(_CLEANED).with_for_update(skip_locked=True))
    if found:
        await tx.execute(delete(sign_in_attempts).where(_a.account_id == 0, _a.key.in_(found)))


async def forgive(tx: Transaction, bounds: Iterable[Bound]) -> None:
    """Forget the attempts before a successful one: those of this person, and for a network only this one. Otherwise,
    somebody with one password could try others without end."""
    for bound in bounds:
        here = (_a.account_id == 0, _a.key == bound.key)
        if bound.free == FREE:
            await tx.execute(delete(sign_in_attempts).where(*here))
        else:
            await tx.execute(update(sign_in_attempts).where(*here, _a.attempts > 0).values(attempts=_a.attempts - 1))


def _hash(text: str) -> str:
    """Hash it, so that no e-mail address is stored only because somebody typed it."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
