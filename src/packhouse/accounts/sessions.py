"""Who is signed in.

A session's token is random and kept as a hash; the cookie names the account beside it, so that every look-up does.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.accounts.schema import Caller
from packhouse.accounts.tables import accounts, sessions, users
from packhouse.accounts.users import ROLES
from packhouse.kit import clock
from packhouse.kit.db import Database

_FIND = (
    select(users.c.id, users.c.email, users.c.role, accounts.c.name, accounts.c.country_code, sessions.c.expires_at)
    .join(users, (users.c.account_id == sessions.c.account_id) & (users.c.id == sessions.c.user_id))
    .join(accounts, accounts.c.account_id == sessions.c.account_id)
    .where(
        sessions.c.account_id == bindparam("account_id"),
        sessions.c.token_hash == bindparam("token_hash"),
        users.c.disabled_at.is_(None),
    )
)


class Session(NamedTuple):
    """A signed-in person."""

    account_id: int
    account_name: str
    user_id: int
    email: str
    role: str
    token_hash: str
    caller: Caller


async def start(tx: AsyncConnection, account_id: int, user_id: int, *, now: datetime, until: datetime) -> str:
    """The cookie's value of a new session."""
    token = secrets.token_urlsafe(32)
    row = {"account_id": account_id, "token_hash": _hash(token), "user_id": user_id}
    await tx.execute(insert(sessions).values({**row, "created_at": now, "expires_at": until}))
    await tx.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.expires_at < now))
    return f"{account_id}.{token}"


async def find_session(db: Database, cookie: str, *, now: datetime) -> Session | None:
    account_id, token = _parse(cookie)
    if not token:
        return None
    token_hash = _hash(token)
    row: Any = await db.fetch_one(_FIND, account_id=account_id, token_hash=token_hash)
    if row is None or clock.to_wire(row[5]) <= clock.to_wire(now):
        return None
    id, email, role, name, country_code, _ = row
    caller = Caller(account_id, country_code, f"user:{id}", ROLES[role])
    return Session(account_id, name, id, email, role, token_hash, caller)


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
