"""The audit log of an account: who signed in, and who changed keys, clients and users.

Actions are a noun and a verb in the past tense: `key.created`, `key.revoked`, `user.signed_in`, `user.sign_in_failed`.
An actor is a kind and a name, as in an order's history; a subject is the name of what was changed, never a secret.
Requests with an API key are not logged as sign-ins, because there would be one entry for each. Refused ones are, within
limits (`failures`).
"""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import insert, select

from packhouse.accounts.tables import audit_log
from packhouse.kit import clock
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.wire import pagination

# What is done on purpose; and what is refused, of which there is also `…_often` (`failures`).
ACTIONS = (
    "user.signed_in", "user.created", "user.password_changed", "user.role_changed", "user.disabled", "user.enabled",
    "user.deleted", "user.two_factors_set_up", "user.two_factors_removed", "user.two_factors_reset",
    "user.recovery_codes_renewed", "user.recovery_code_used", "user.reset_link_made", "user.reset_link_sent",
    "user.password_reset", "key.created", "key.rotated", "key.revoked", "key.basic_accepted", "key.basic_refused",
    "client.created", "client.rotated", "client.revoked", "token.issued", "token.revoked", "account.created",
    "account.basic_accepted", "account.basic_refused", "account.two_factors_required", "account.time_zone_changed",
    "connection.paused", "connection.resumed", "signing_key.rotated", "signing_key.activated", "person.erased",
    "person.exported", "retention.changed", "bench.created", "bench.changed", "bench.deleted", "bench.token_made",
    "slips.changed",
)  # fmt: skip
REFUSED = ("user.sign_in_failed", "user.code_refused", "user.password_change_failed", "key.refused", "token.refused")

MAX_PAGE = 200
DEFAULT_PAGE = 100


class Entry(NamedTuple):
    """An entry as it is shown."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str


async def record(tx: Transaction, account_id: int, actor: str, action: str, subject: str, *, now: datetime) -> None:
    """Write an entry in the transaction of the change, so that there is no change without its entry."""
    [id] = await tx.next_ids("audit_log", 1)
    row = {"account_id": account_id, "id": id, "at": now, "actor": actor, "action": action, "subject": subject}
    await tx.execute(insert(audit_log).values(row))


async def list_entries(
    tx: Reader,
    account_id: int,
    cursor: pagination.Cursor,
    size: int,
    *,
    actor: str = "",
    action: str = "",
) -> pagination.Page[Entry]:
    """List entries, newest first, of one actor or action if they are given."""
    log = audit_log.c
    statement = select(log.id, log.at, log.actor, log.action, log.subject).where(log.account_id == account_id)
    if actor:
        statement = statement.where(log.actor == actor)
    if action:
        statement = statement.where(log.action == action)
    order = pagination.Order([pagination.Key(log.id, True, pagination.to_int)])
    return await pagination.fetch_page(tx, statement, order, cursor, size, into=Entry)


def to_wire(row: Entry) -> dict[str, Any]:
    kind, _, name = row.actor.partition(":")
    return {
        "id": row.id,
        "at": clock.to_wire(row.at),
        "actor": {"type": kind, "name": name},
        "action": row.action,
        "subject": row.subject,
    }
