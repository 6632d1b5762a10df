"""A change of one order without a transaction of its own, on PostgreSQL: one statement for many such changes, each made
where the order is still as it was read (docs/decisions/0036-patches-together.md).

No row is waited for: one that somebody has locked is left to a transaction, and so is the second of two changes of one
order. So who travels with others waits for the database alone, and statements like this one never wait for each other.
"""

from typing import Any

import orjson
from sqlalchemy import text

from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders import search

# An order keeps its key and its making, so these are all the columns that change, with what each is in an array.
_CHANGING = {
    "order_number": "text",
    "order_number_folded": "text",
    "status_folded": "text",
    "order_created_at": "timestamptz",
    "order_updated_at": "timestamptz",
    "version": "integer",
    "modified_at": "timestamptz",
    "document": "text",
}
_SENT = {"id": "bigint", **_CHANGING, "by": "text", "changes": "text", "job": "text"}

REVISE = text(
    f"""
    WITH sent AS (
        SELECT DISTINCT ON (id) *
        FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _SENT.items())})
        WITH ORDINALITY AS sent({", ".join(_SENT)}, place)
    ), held AS (
        SELECT orders.id
        FROM sent JOIN orders
            ON orders.account_id = :account_id AND orders.id = sent.id AND orders.version = sent.version - 1
        FOR UPDATE OF orders SKIP LOCKED
    ), written AS (
        UPDATE orders SET {", ".join(f"{name} = sent.{name}" for name in _CHANGING)}
        FROM held JOIN sent ON sent.id = held.id
        WHERE orders.account_id = :account_id AND orders.id = held.id
        RETURNING orders.id
    ), noted AS (
        INSERT INTO order_history (account_id, id, version, action, at, by, changes)
        SELECT :account_id, sent.id, sent.version, 'updated', sent.modified_at, sent.by, sent.changes
        FROM written JOIN sent ON sent.id = written.id
    ), queued AS (
        INSERT INTO jobs (account_id, id, kind, lane, payload, attempts, due_at, scheduled_at, created_at)
        SELECT :account_id, nextval('jobs_id'), '{search.JOB}', '', sent.job, 0,
            sent.modified_at, sent.modified_at, sent.modified_at
        FROM written JOIN sent ON sent.id = written.id WHERE sent.job IS NOT NULL
    )
    SELECT sent.place FROM written JOIN sent ON sent.id = written.id
    """.replace(":account_id", "CAST(:account_id AS bigint)")  # noqa: S608 - names of our own columns
)


async def revise(
    db: Database, account_id: int, row: dict[str, Any], version: dict[str, Any], job: dict[str, Any] | None
) -> bool:
    """Whether the order and its history have these rows now, and `search` a job with this payload; else nothing was
    changed, and a transaction is to find out why."""
    sent = {name: row[name] for name in ("id", *_CHANGING)}
    for name in ("order_created_at", "order_updated_at"):
        sent[name] = clock.to_instant(sent[name])
    told = {"by": version["by"], "changes": version["changes"]}
    told["job"] = None if job is None else orjson.dumps(job).decode()
    return await db.change_together(REVISE, account_id=account_id, **sent, **told)
