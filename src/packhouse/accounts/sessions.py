"""Who is signed in, and how often somebody may try.

A session's token is random and kept as a hash; the cookie names the account beside it, so that every look-up does.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Integer, bindparam, delete, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.accounts.schema import Caller
from packhouse.accounts.tables import accounts, sessions, sign_in_attempts, users
from packhouse.accounts.users import ROLES
from packhouse.kit import clock, zones
from packhouse.kit.columns import Instant
from packhouse.kit.db import Database

WINDOW = timedelta(minutes=15)
# Attempts within the window: on one e-mail address, and from one network address (a warehouse shares one).
MAX_BY_EMAIL = 10
MAX_BY_ADDRESS = 100

_FIND = (
    select(
        users.c.id,
        users.c.email,
        users.c.role,
        accounts.c.name,
        accounts.c.country_code,
        sessions.c.expires_at,
        accounts.c.time_zone,
    )
    .join(users, (users.c.account_id == sessions.c.account_id) & (users.c.id == sessions.c.user_id))
    .join(accounts, accounts.c.account_id == sessions.c.account_id)
    .where(
        sessions.c.account_id == bindparam("account_id"),
        sessions.c.token_hash == bindparam("token_hash"),
        users.c.disabled_at.is_(None),
    )
)
_COUNT = (
    text(
        "INSERT INTO sign_in_attempts (account_id, key, attempts, since) VALUES (0, :key, 1, :now) "
        "ON CONFLICT (account_id, key) DO UPDATE SET "
        "attempts = CASE WHEN sign_in_attempts.since < :edge THEN 1 ELSE sign_in_attempts.attempts + 1 END, "
        "since = CASE WHEN sign_in_attempts.since < :edge THEN :now ELSE sign_in_attempts.since END "
        "RETURNING attempts, since"
    )
    .bindparams(bindparam("now", type_=Instant), bindparam("edge", type_=Instant))
    .columns(attempts=Integer, since=Instant)
)


class Session(NamedTuple):
    """A signed-in person. `time_zone` is the one whose days are the account's."""

    account_id: int
    account_name: str
    user_id: int
    email: str
    role: str
    caller: Caller
    time_zone: str


async def take_attempt(tx: AsyncConnection, email: str, address: str, *, now: datetime) -> datetime | None:
    """Count this attempt before the password is looked at, so that many at once cannot pass together. Where it is one
    too many: when the next may be made."""
    blocked = []
    for key, most in ((_email_key(email), MAX_BY_EMAIL), (f"address:{address}", MAX_BY_ADDRESS)):
        row = (await tx.execute(_COUNT, {"key": key, "now": now, "edge": now - WINDOW})).one()
        if row.attempts > most:
            blocked.append(row.since + WINDOW)
    return max(blocked, default=None)


async def start(
    tx: AsyncConnection, account_id: int, user_id: int, email: str, *, now: datetime, until: datetime
) -> str:
    """The cookie's value of a new session; what was counted against this e-mail address is forgotten."""
    token = secrets.token_urlsafe(32)
    row = {"account_id": account_id, "token_hash": _hash(token), "user_id": user_id}
    await tx.execute(insert(sessions).values({**row, "created_at": now, "expires_at": until}))
    forgotten = sign_in_attempts.c.key == _email_key(email)
    old = sign_in_attempts.c.since < now - WINDOW
    await tx.execute(delete(sign_in_attempts).where(sign_in_attempts.c.account_id == 0, forgotten | old))
    await tx.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.expires_at < now))
    return f"{account_id}.{token}"


async def find_session(db: Database, cookie: str, *, now: datetime) -> Session | None:
    account_id, token = _parse(cookie)
    if not token:
        return None
    row: Any = await db.fetch_one(_FIND, account_id=account_id, token_hash=_hash(token))
    if row is None or clock.to_wire(row[5]) <= clock.to_wire(now):
        return None
    id, email, role, name, country_code, _, time_zone = row
    caller = Caller(account_id, country_code, f"user:{id}", ROLES[role])
    return Session(account_id, name, id, email, role, caller, time_zone or zones.find_default(country_code))


async def end(tx: AsyncConnection, cookie: str) -> None:
    account_id, token = _parse(cookie)
    await tx.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.token_hash == _hash(token)))


def _parse(cookie: str) -> tuple[int, str]:
    account, _, token = cookie.partition(".")
    if not (account.isascii() and account.isdecimal() and len(account) < 19):
        return 0, ""
    return int(account), token


def _hash(token: str) -> str:
    """The token is 256 random bits: there is nothing to guess, so nothing to salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _email_key(email: str) -> str:
    """No address of a person is kept for having been typed."""
    return f"email:{_hash(email.casefold())}"
