"""The browsers that a person has signed in with, so that no attacker can block them there.

The cookie holds a random token for each person who uses the browser. The database holds its hash, beside the person.
"""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update

from packhouse.accounts.tables import known_browsers
from packhouse.kit.db import Reader, Transaction

KEPT = timedelta(days=180)
# People that one browser is known by, and browsers that one person is known by: the newest.
_MOST_PEOPLE = 10
_MOST_BROWSERS = 50
_ENTRY = re.compile(r"([1-9][0-9]{0,17})\.([1-9][0-9]{0,17})\.([A-Za-z0-9_-]{43})")

_b = known_browsers.c


async def find(tx: Reader, cookie: str, account_id: int, user_id: int, *, now: datetime) -> str | None:
    """Return the hash of this browser if the person has signed in with it."""
    token = _parse(cookie).get((account_id, user_id))
    if token is None:
        return None
    here = (_b.account_id == account_id, _b.user_id == user_id, _b.token_hash == _hash(token))
    found: str | None = await tx.fetch_value(select(_b.token_hash).where(*here, _b.seen_at > now - KEPT))
    return found


async def remember(tx: Transaction, cookie: str, account_id: int, user_id: int, *, now: datetime) -> str:
    """Note that the person has signed in with the browser that sent `cookie`. Return the cookie that identifies it from
    now on."""
    people = _parse(cookie)
    token = people.pop((account_id, user_id), "")
    mine = (_b.account_id == account_id, _b.user_id == user_id)
    seen = update(known_browsers).where(*mine, _b.token_hash == _hash(token), _b.seen_at > now - KEPT)
    if not await tx.change(seen.values(seen_at=now)):
        token = secrets.token_urlsafe(32)
        row = {"account_id": account_id, "user_id": user_id, "token_hash": _hash(token)}
        await tx.execute(insert(known_browsers).values({**row, "seen_at": now}))
    newest = select(_b.token_hash).where(*mine).order_by(_b.seen_at.desc(), _b.token_hash).limit(_MOST_BROWSERS)
    is_old = _b.token_hash.not_in(newest.scalar_subquery()) | (_b.seen_at <= now - KEPT)
    await tx.execute(delete(known_browsers).where(*mine, is_old))
    kept = [(account_id, user_id, token), *((*person, known) for person, known in people.items())]
    return "~".join(f"{account}.{user}.{known}" for account, user, known in kept[:_MOST_PEOPLE])


async def forget(tx: Transaction, account_id: int, user_id: int) -> None:
    """Forget all browsers of a person."""
    await tx.execute(delete(known_browsers).where(_b.account_id == account_id, _b.user_id == user_id))


def _parse(cookie: str) -> dict[tuple[int, int], str]:
    found = (_ENTRY.fullmatch(entry) for entry in cookie.split("~")[:_MOST_PEOPLE])
    return {(int(each[1]), int(each[2])): each[3] for each in found if each is not None}


def _hash(token: str) -> str:
    """Hash the token, which is 256 random bits: it cannot be guessed, so it needs no salt."""
    return hashlib.sha256(token.encode()).hexdigest()
