"""What a connection's events are signed with, and the secrets that its configuration stands for, encrypted.

A rotation has two steps, so that a receiver that knows one key at a time has it changed between them: the next key is
made and shown, and later takes over, when its owner says so or at the latest after `GRACE`. `Sendcloud-Signature` has
room for one signature, by the key that is in force; the header of Standard Webhooks carries one of every live key.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import update

from packhouse.accounts import audit
from packhouse.kit import errors, security
from packhouse.kit.db import Transaction
from packhouse.kit.encryption import Encryptor
from packhouse.kit.messages import message
from packhouse.webhooks import queries
from packhouse.webhooks.queries import ConnectionRow
from packhouse.webhooks.tables import connections

GRACE = timedelta(days=7)
# How long the key before still signs, after the next one took over, where a header has room for it.
KEEP = timedelta(days=1)

_c = connections.c


class Keys(NamedTuple):
    """The keys of one moment. `next` takes over at `switches_at`; both are None where no rotation is under way."""

    current: str
    next: str | None = None
    switches_at: datetime | None = None
    before: str | None = None

    def to_list(self) -> list[str]:
        """All that are live, the one in force first."""
        return [key for key in (self.current, self.next, self.before) if key is not None]


def find_keys(secrets: Mapping[str, Any], row: ConnectionRow, at: datetime) -> Keys:
    """Find the keys of a connection that has a key, `secrets` being its own."""
    key, next_key, switches_at = secrets["signing_key"], secrets.get("next_key"), row.key_switches_at
    if next_key is None or switches_at is None:
        return Keys(key)
    if at < switches_at:
        return Keys(key, next_key, switches_at)
    return Keys(next_key, before=key if at < switches_at + KEEP else None)


async def keep(tx: Transaction, encryptor: Encryptor, row: ConnectionRow, *, now: datetime) -> Keys:
    """A connection's keys; the first is made where it has none yet. Raises NoSecretKey and WrongSecretKey."""
    secrets = open_secrets(encryptor, row)
    if "signing_key" in secrets:
        return find_keys(secrets, row, now)
    keys = Keys(security.new_secret())
    await _put(tx, encryptor, row, secrets, keys, now)
    return keys


async def rotate(tx: Transaction, encryptor: Encryptor, row: ConnectionRow, *, now: datetime, actor: str) -> Keys:
    """Make the key that takes over next, instead of one that was waiting for that."""
    secrets = open_secrets(encryptor, row)
    if "signing_key" in secrets:
        current = find_keys(secrets, row, now).current
        keys = Keys(current, security.new_secret(), now + GRACE)
    else:
        keys = Keys(security.new_secret())
    await _put(tx, encryptor, row, secrets, keys, now)
    await audit.record(tx, row.account_id, actor, "signing_key.rotated", queries.to_name(row), now=now)
    return keys


async def activate(tx: Transaction, encryptor: Encryptor, row: ConnectionRow, *, now: datetime, actor: str) -> Keys:
    """Let the next key take over now. Raises Conflict where none waits."""
    secrets = open_secrets(encryptor, row)
    if "signing_key" not in secrets or find_keys(secrets, row, now).next is None:
        raise errors.Conflict(
            errors.ErrorItem("conflict", message("There is no next signing key that could take over."))
        )
    await _change(tx, row, now, key_switches_at=now)
    await audit.record(tx, row.account_id, actor, "signing_key.activated", queries.to_name(row), now=now)
    return Keys(secrets["next_key"], before=secrets["signing_key"])


async def _put(
    tx: Transaction, encryptor: Encryptor, row: ConnectionRow, secrets: Mapping[str, Any], keys: Keys, now: datetime
) -> None:
    sealed = seal(encryptor, {**secrets, "signing_key": keys.current, "next_key": keys.next})
    await _change(tx, row, now, sealed=sealed, key_switches_at=keys.switches_at)


async def _change(tx: Transaction, row: ConnectionRow, now: datetime, **changes: Any) -> None:
    of_it = (_c.account_id == row.account_id, _c.id == row.id)
    await tx.execute(update(connections).where(*of_it).values(**changes, updated_at=now))


def open_secrets(encryptor: Encryptor, row: ConnectionRow) -> dict[str, Any]:
    """`signing_key`, `next_key`, `authentication`, `headers`: what is not shown. Raises NoSecretKey and
    WrongSecretKey."""
    return {} if row.sealed is None else dict(orjson.loads(encryptor.decrypt(row.sealed)))


def seal(encryptor: Encryptor, secrets: Mapping[str, Any]) -> str:
    return encryptor.encrypt(orjson.dumps(secrets).decode())
