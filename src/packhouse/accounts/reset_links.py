"""Links by which a person who forgot their password chooses a new one: valid once, for an hour, stored as a hash.

Everybody who asks for one gets the same answer in the same time, whether or not the person exists: the e-mail address
becomes a job as it is, and the worker looks up the person and sends the mail.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select

from packhouse.accounts import audit, users
from packhouse.accounts.tables import reset_links
from packhouse.accounts.tables import users as people
from packhouse.kit import errors, jobs, mail
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.jobs import Job
from packhouse.kit.messages import message

JOB = "mail.send"
GOOD_FOR = timedelta(hours=1)
# Mails that one person is sent within that time, however often somebody asks.
MOST_MAILS = 3
# Where the token goes in the text of a mail.
PLACE = "{token}"
# Who asks is not known, so the job is the installation's own.
_NOBODY = 0

_l = reset_links.c


class Link(NamedTuple):
    """A link that can still be used, and the person that it belongs to."""

    account_id: int
    user_id: int
    email: str
    token_hash: str


async def ask(tx: Transaction, email: str, message: Mapping[str, str], *, now: datetime) -> None:
    """Send a link to the person with this e-mail address. `message` is a subject and a text with `PLACE` in it, in the
    language of the request. Two requests for one address are not handled at once, so that both are counted."""
    lane = f"mail:{_hash(email.casefold())}"
    await jobs.enqueue(tx, _NOBODY, JOB, [{"email": email, **message}], now=now, lane=lane)


async def handle(db: Database, mailer: mail.Mailer | None, job: Job, now: datetime) -> None:
    """Run the job. It does nothing for an unknown person, and nothing an hour later, when the person has asked
    again."""
    if now - job.created_at >= GOOD_FOR:
        return
    if mailer is None:
        raise errors.Unavailable(message("This worker has mail to send, but no PACKHOUSE_SMTP_URL."))
    found = await _make_for(db, job.payload["email"], now)
    if found is None:
        return
    account_id, email, token = found
    text = job.payload["text"].replace(PLACE, token)
    try:
        await mailer.send(email, job.payload["subject"], text, now=now)
    except mail.Refused:
        await _take_back(db, account_id, token)
        return
    except Exception:
        await _take_back(db, account_id, token)  # the next attempt makes another one
        raise
    await db.write(lambda tx: audit.record(tx, account_id, "server:mail", "user.reset_link_sent", email, now=now))


async def _make_for(db: Database, email: str, now: datetime) -> tuple[int, str, str] | None:
    """Return account and own e-mail address of a person, and the token of a new link. Return None if there is no such
    person, if they may not sign in, or if they were sent enough links."""

    async def work(tx: Transaction) -> tuple[int, str, str] | None:
        user = await users.find_user(tx, email) if "\0" not in email else None
        if user is None or user.disabled_at is not None:
            return None
        mine = (_l.account_id == user.account_id, _l.user_id == user.id, _l.created_at > now - GOOD_FOR)
        if await tx.fetch_value(select(func.count()).where(*mine)) >= MOST_MAILS:
            return None
        return user.account_id, user.email, await make(tx, user.account_id, user.id, now=now)

    return await db.write(work)


async def make(tx: Transaction, account_id: int, user_id: int, *, now: datetime) -> str:
    """Return the token of a new link; it is not shown again."""
    over = (_l.account_id == account_id, _l.created_at <= now - GOOD_FOR)
    await tx.execute(delete(reset_links).where(*over))
    token = secrets.token_urlsafe(32)
    row = {"account_id": account_id, "token_hash": _hash(token), "user_id": user_id, "created_at": now}
    await tx.execute(insert(reset_links).values(row))
    return f"{account_id}.{token}"


async def find(tx: Reader, token: str, *, now: datetime) -> Link | None:
    account_id, secret = _parse(token)
    statement = (
        select(_l.account_id, _l.user_id, people.c.email, _l.token_hash)
        .join(people, (people.c.account_id == _l.account_id) & (people.c.id == _l.user_id))
        .where(_l.account_id == account_id, _l.token_hash == _hash(secret), people.c.disabled_at.is_(None))
    )
    row = await tx.fetch_one(statement.where(_l.created_at > now - GOOD_FOR))
    return Link(*row) if row is not None else None


async def use(tx: Transaction, link: Link, password_hash: str) -> bool:
    """Return whether the link was still valid; of several who use it at once, one succeeds. The person's sessions and
    other links end."""
    here = (_l.account_id == link.account_id, _l.token_hash == link.token_hash)
    if not await tx.change(delete(reset_links).where(*here)):
        return False
    await users.change_password(tx, link.account_id, link.user_id, password_hash)
    return True


async def _take_back(db: Database, account_id: int, token: str) -> None:
    async def work(tx: Transaction) -> None:
        here = (_l.account_id == account_id, _l.token_hash == _hash(_parse(token)[1]))
        await tx.execute(delete(reset_links).where(*here))

    await db.write(work)


def _parse(token: str) -> tuple[int, str]:
    account, _, secret = token.partition(".")
    if not (account.isascii() and account.isdecimal() and len(account) < 19):
        return 0, ""
    return int(account), secret


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
