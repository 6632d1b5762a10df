"""Sessions of people who are signed in, and sign-ins that wait for a code.

A session's token is random and stored as a hash. The cookie also names the account, so that every query does.
"""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import bindparam, delete, insert, select, update

from packhouse.accounts import two_factors
from packhouse.accounts.schema import Caller
from packhouse.accounts.tables import accounts, pending_sign_ins, second_factors, sessions, users
from packhouse.accounts.users import ROLES
from packhouse.kit import clock
from packhouse.kit.data import zones
from packhouse.kit.db import Database, Reader, Transaction

_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_p = pending_sign_ins.c
# How long a code is waited for after the password.
PENDING_FOR = timedelta(minutes=10)

_FIND = (
    select(
        users.c.id,
        users.c.email,
        users.c.role,
        accounts.c.name,
        accounts.c.country_code,
        sessions.c.expires_at,
        sessions.c.confirmed_at,
        accounts.c.two_factors_for,
        second_factors.c.secret.is_not(None).label("has_second_factor"),
        accounts.c.time_zone,
    )
    .join(users, (users.c.account_id == sessions.c.account_id) & (users.c.id == sessions.c.user_id))
    .join(accounts, accounts.c.account_id == sessions.c.account_id)
    .outerjoin(
        second_factors,
        (second_factors.c.account_id == sessions.c.account_id) & (second_factors.c.user_id == sessions.c.user_id),
    )
    .where(
        sessions.c.account_id == bindparam("account_id"),
        sessions.c.token_hash == bindparam("token_hash"),
        users.c.disabled_at.is_(None),
    )
)


class _Found(NamedTuple):
    """What `_FIND` finds."""

    id: int
    email: str
    role: str
    name: str
    country_code: str
    expires_at: datetime | str
    confirmed_at: datetime | str | None
    two_factors_for: str
    has_second_factor: bool
    time_zone: str | None


class Session(NamedTuple):
    """A signed-in person, and when they last entered their password. `must_set_up` says that their account requires a
    second factor and that they have none; `time_zone` is the account's."""

    account_id: int
    account_name: str
    user_id: int
    email: str
    role: str
    token_hash: str
    confirmed_at: datetime
    has_second_factor: bool
    must_set_up: bool
    caller: Caller
    time_zone: str


class Pending(NamedTuple):
    """A sign-in with a correct password, at `created_at`, that waits for the code."""

    account_id: int
    user_id: int
    email: str
    token_hash: str
    created_at: datetime


async def start(
    tx: Transaction,
    account_id: int,
    user_id: int,
    *,
    now: datetime,
    until: datetime,
    confirmed_at: datetime | None = None,
) -> str:
    """Return the cookie's value of a new session; the password was entered at `confirmed_at`, or just now."""
    token = secrets.token_urlsafe(32)
    row = {"account_id": account_id, "token_hash": _hash(token), "user_id": user_id}
    row |= {"created_at": now, "expires_at": until, "confirmed_at": confirmed_at or now}
    await tx.execute(insert(sessions).values(row))
    await tx.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.expires_at < now))
    return f"{account_id}.{token}"


async def confirm(tx: Transaction, session: Session, *, now: datetime) -> None:
    """Note that the password was entered again."""
    here = (sessions.c.account_id == session.account_id, sessions.c.token_hash == session.token_hash)
    await tx.execute(update(sessions).where(*here).values(confirmed_at=now))


async def begin(tx: Transaction, account_id: int, user_id: int, *, now: datetime) -> str:
    """Return the cookie's value of a sign-in with a correct password."""
    token = secrets.token_urlsafe(32)
    over = (_p.account_id == account_id, _p.created_at <= now - PENDING_FOR)
    await tx.execute(delete(pending_sign_ins).where(*over))
    row = {"account_id": account_id, "token_hash": _hash(token), "user_id": user_id, "created_at": now}
    await tx.execute(insert(pending_sign_ins).values(row))
    return f"{account_id}.{token}"


async def find_pending(tx: Reader, cookie: str, *, now: datetime) -> Pending | None:
    account_id, token = _parse(cookie)
    if not token:
        return None
    statement = (
        select(_p.account_id, _p.user_id, users.c.email, _p.token_hash, _p.created_at)
        .join(users, (users.c.account_id == _p.account_id) & (users.c.id == _p.user_id))
        .where(_p.account_id == account_id, _p.token_hash == _hash(token), users.c.disabled_at.is_(None))
    )
    row = await tx.fetch_one(statement.where(_p.created_at > now - PENDING_FOR))
    return Pending(*row) if row is not None else None


async def finish(tx: Transaction, pending: Pending) -> bool:
    """Return whether it was still pending: of several who finish it at once, one succeeds."""
    here = (_p.account_id == pending.account_id, _p.token_hash == pending.token_hash)
    return bool(await tx.change(delete(pending_sign_ins).where(*here)))


async def find_session(db: Database, cookie: str, *, now: datetime) -> Session | None:
    account_id, token = _parse(cookie)
    if not token:
        return None
    token_hash = _hash(token)
    found = await db.fetch_one(_FIND, into=_Found, account_id=account_id, token_hash=token_hash)
    if found is None:
        return None
    id, email, role, name, country_code, expires_at, confirmed_at, group, has_second_factor, time_zone = found
    if clock.to_wire(expires_at) <= clock.to_wire(now):
        return None
    caller = Caller(account_id, country_code, f"user:{id}", ROLES[role])
    must_set_up = not has_second_factor and two_factors.is_required(group, role)
    confirmed = clock.to_instant(confirmed_at) if confirmed_at is not None else _NEVER
    zone = time_zone or zones.find_default(country_code)
    return Session(
        account_id, name, id, email, role, token_hash, confirmed, bool(has_second_factor), must_set_up, caller, zone
    )


async def end(tx: Transaction, cookie: str) -> None:
    account_id, token = _parse(cookie)
    await tx.execute(delete(sessions).where(sessions.c.account_id == account_id, sessions.c.token_hash == _hash(token)))


def _parse(cookie: str) -> tuple[int, str]:
    account, _, token = cookie.partition(".")
    if not (account.isascii() and account.isdecimal() and len(account) < 19):
        return 0, ""
    return int(account), token


def _hash(token: str) -> str:
    """Hash the token, which is 256 random bits: it cannot be guessed, so it needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
