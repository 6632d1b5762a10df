"""Failed sign-ins and refused token requests, written to the audit log of the account in question.

An entry is written after the answer, so that response times do not reveal which keys and people exist. Of each key or
person, the first few failures an hour are written, then one entry that there are more: a flood does not fill the
database.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog

from packhouse.accounts import audit, queries
from packhouse.kit import errors, logs
from packhouse.kit.clock import Clock
from packhouse.kit.db import Database

WINDOW = timedelta(hours=1)
# Written of one key or person within the window, by each process.
MOST = 10
# How many keys and people a process remembers, and how many entries may wait to be written: past that the oldest are
# forgotten, and the newest left out.
_MOST_KNOWN = 10_000
_MOST_WAITING = 100

_log = structlog.get_logger()


class Failure(NamedTuple):
    """An entry to be written; `actor` is who they claimed to be."""

    account_id: int
    actor: str
    action: str
    subject: str


class Failures:
    """The failures of one server process; close it before its database."""

    def __init__(self, db: Database, now: Clock) -> None:
        self._db = db
        self._clock = now
        self._counted: dict[tuple[int, str], tuple[datetime, int]] = {}
        self._waiting: deque[Coroutine[Any, Any, None]] = deque()
        self._writing: asyncio.Task[None] | None = None

    def note(self, failure: Failure) -> None:
        self._start(self._write(failure))

    def note_key(self, public_key: str, action: str, subject: str = "") -> None:
        """Note a failure for the owner of the key or client, live or revoked. An unknown key leaves no entry."""
        self._start(self._write_of_key(public_key, action, subject or public_key))

    async def close(self) -> None:
        """Write what is waiting first."""
        if self._writing is not None:
            await self._writing

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            work.close()
            return
        self._waiting.append(work)
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_all())

    async def _write_all(self) -> None:
        """Write one after another, so that the log has them in the order in which they came."""
        while self._waiting:
            await self._try(self._waiting.popleft())
        self._writing = None

    async def _try(self, work: Coroutine[Any, Any, None]) -> None:
        """Log errors: nobody waits for the result."""
        try:
            await work
        except errors.Unavailable as error:
            _log.warning("failure not written down", detail=error.faults[0].detail)
        except Exception as error:  # noqa: BLE001 - the answer is out
            _log.error("failure not written down", **logs.where(error))

    async def _write_of_key(self, public_key: str, action: str, subject: str) -> None:
        row = await self._db.fetch_one(queries.FIND_OWNER, into=queries.Owner, public_key=public_key)
        if row is not None:
            await self._write(Failure(row.account_id, queries.to_actor(row.kind, public_key), action, subject))

    async def _write(self, failure: Failure) -> None:
        now = self._clock()
        count = self._count(failure, now)
        if count > MOST + 1:
            return
        if count > MOST:
            failure = failure._replace(action=f"{failure.action}_often")
        await self._db.write(lambda tx: audit.record(tx, *failure, now=now))

    def _count(self, failure: Failure, now: datetime) -> int:
        """Count the failures in the current hour, including this one."""
        key = (failure.account_id, failure.actor)
        since, count = self._counted.pop(key, (now, 0))
        if now - since >= WINDOW:
            since, count = now, 0
        self._counted[key] = (since, count + 1)
        if len(self._counted) > _MOST_KNOWN:
            del self._counted[next(iter(self._counted))]
        return count + 1
