"""Many rows in one statement, whatever they have in common."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import pytest
from sqlalchemy import select

from packhouse.kit.db import Database
from packhouse.kit.db.bulk import to_upsert
from packhouse.orders.tables import order_history, order_terms, orders, to_row
from tests import make

NOW = datetime(2026, 3, 14, 8, 26, 53, 589_000, tzinfo=UTC)
SHARED = ("version", "action", "at", "by")


def make_versions(count: int, differing: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the history that have all in common but their ids, what changed, and what is named."""
    given: dict[str, list[Any]] = {
        "version": [n + 2 for n in range(count)],
        "action": [f"action {n}" for n in range(count)],
        "at": [NOW + timedelta(seconds=n) for n in range(count)],
        "by": [f"key {n}" for n in range(count)],
    }
    rows = []
    for n in range(count):
        named = {name: values[n if name in differing else 0] for name, values in given.items()}
        rows.append({"account_id": 1, "id": n + 1, "changes": f"[{n}]", **named})
    return rows


@pytest.mark.parametrize("size", range(len(SHARED) + 1))
def test_rows_are_stored_as_given_whatever_they_share(database_url: str, size: int) -> None:
    async def work() -> None:
        db = Database(database_url)
        for differing in combinations(SHARED, size):
            rows = make_versions(3, differing)
            async with db.begin() as tx:
                await tx.execute(order_history.delete().where(order_history.c.account_id == 1))
                await tx.upsert(order_history, [{**row, "changes": "before"} for row in rows])
                await tx.upsert(order_history, [dict(row) for row in rows])
                ours = select(order_history).where(order_history.c.account_id == 1).order_by(order_history.c.id)
                assert [row._asdict() for row in await tx.execute(ours)] == rows
        await db.close()

    asyncio.run(work())


def test_what_all_rows_share_is_sent_once() -> None:
    made = {"version": 1, "created_at": NOW, "created_by": "api_key:a", "modified_at": NOW}
    rows = [to_row(make.order(f"o-{n}"), account_id=1, id=n, **made) for n in range(3)]
    for row in rows:
        row["order_created_at"] = row["order_updated_at"] = NOW
    _, sent = to_upsert(orders, rows)
    once = {name for name, value in sent.items() if not isinstance(value, list)}
    assert once == {"account_id", "integration_id", *made}
    assert sent["created_at"] == NOW
    _, sent = to_upsert(orders, [*rows[:2], {**rows[2], "version": 2}])
    assert sent["version"] == [1, 1, 2]


def test_statements_are_as_many_as_there_are_kinds_of_batches() -> None:
    """Each is made once, for whatever rows: a server keeps them prepared."""
    first, _ = to_upsert(order_history, make_versions(3, ["by"]))
    assert to_upsert(order_history, make_versions(90, ["by"]))[0] is first
    assert to_upsert(order_history, make_versions(3, ["at"]))[0] is not first
    single, sent = to_upsert(order_terms, [{"account_id": 1, "term": "a", "placed_at": NOW, "id": 1}])
    assert all(isinstance(value, list) for value in sent.values())
    assert to_upsert(order_terms, [{"account_id": 2, "term": "b", "placed_at": NOW, "id": 9}])[0] is single
