"""What orders are found by: when it is written anew, and when it need not be."""

import asyncio
from collections.abc import Awaitable, Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from starlette.testclient import TestClient

from packhouse.kit import clock, jobs
from packhouse.kit.db import Database, Transaction
from packhouse.orders import demo, history, search
from packhouse.orders.tables import order_terms
from tests import make

URL = "/api/v3/orders"
T = TypeVar("T")

ORDERS = list(demo.make_orders(60, seed=5, integration_ids=[1], now=datetime(2026, 3, 14, tzinfo=UTC)))
PARTS = sorted({key for order in ORDERS for key in order} - {"order_details"})
DETAILS = sorted({key for order in ORDERS for key in order["order_details"]})
one = st.sampled_from(ORDERS)


def mix(order: dict[str, Any], other: dict[str, Any], parts: set[str], details: set[str]) -> dict[str, Any]:
    mixed = deepcopy(order)
    for target, source, keys in ((mixed, other, parts), (mixed["order_details"], other["order_details"], details)):
        for key in keys:
            target.pop(key, None)
            if key in source:
                target[key] = source[key]
    return mixed


@settings(max_examples=300, deadline=None, database=None)
@given(one, one, st.sets(st.sampled_from(PARTS), max_size=3), st.sets(st.sampled_from(DETAILS), max_size=3))
def test_what_does_not_touch_search_leaves_its_terms_as_they_were(
    order: dict[str, Any], other: dict[str, Any], parts: set[str], details: set[str]
) -> None:
    mixed = mix(order, other, parts, details)
    if not search.is_touched_by(history.find_changes(order, mixed)):
        assert search.to_terms(mixed, "NL") == search.to_terms(order, "NL")


@pytest.mark.parametrize(
    ("parts", "details", "is_touched"),
    [
        ({"payment_details"}, {"status", "notes", "order_updated_at"}, False),
        (set(), {"order_items"}, True),
        ({"customer_details"}, {"status"}, True),
        ({"shipping_address"}, set(), True),
        ({"customs_details"}, set(), True),
    ],
)
def test_a_new_status_touches_nothing(parts: set[str], details: set[str], is_touched: bool) -> None:
    order, other = (next(o for o in ORDERS if o["shipping_address"]["country_code"] == c) for c in ("NL", "CH"))
    assert search.is_touched_by(history.find_changes(order, mix(order, other, parts, details))) == is_touched


async def on(db: Database, work: Callable[[Database], Awaitable[T]]) -> T:
    try:
        return await work(db)
    finally:
        await db.close()


async def list_due(db: Database) -> list[jobs.Job]:
    return await jobs.claim(db, 1, 10, now=clock.now(), lease=timedelta(minutes=1), kinds=[search.JOB])


def test_only_what_search_reads_makes_a_job(client: TestClient, database_url: str) -> None:
    def count() -> int:
        async def work(db: Database) -> int:
            due = await list_due(db)
            async with db.begin() as tx:
                await jobs.finish(tx, due)
            return len(due)

        return asyncio.run(on(Database(database_url), work))

    [receipt] = client.post(URL, json=[make.order("o-1")]).json()["data"]
    assert count() == 1
    status = {"order_details": {"status": {"code": "packed", "message": "Packed"}}}
    assert client.patch(f"{URL}/{receipt['id']}", json=status).status_code == 200
    changed = make.order("o-1")
    changed["order_details"]["status"] = {"code": "sent", "message": "Sent"}
    assert client.post(URL, json=[changed]).status_code == 200
    assert client.get(f"{URL}/{receipt['id']}").json()["data"]["order_details"]["status"]["code"] == "sent"
    assert count() == 0
    assert client.patch(f"{URL}/{receipt['id']}", json={"order_number": "another"}).status_code == 200
    assert count() == 1


class Meddled(Database):
    """Somebody changes orders while they are indexed: so often before a transaction begins."""

    meddle: Callable[[], Any]
    times = 0

    async def attempt(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        if self.times:
            self.times -= 1
            await asyncio.to_thread(self.meddle)
        return await super().write(work)


@pytest.mark.parametrize("times", [1, 3, 50])
def test_an_order_that_changes_while_it_is_read_is_found_all_the_same(
    client: TestClient, database_url: str, times: int
) -> None:
    [receipt] = client.post(URL, json=[make.order("o-1")]).json()["data"]
    notes = iter(range(100))

    async def work(db: Database) -> int:
        due = await list_due(db)
        async for _ in search.handle(db, due):
            pass
        async with db.read() as tx:
            return int(await tx.fetch_value(select(func.count()).select_from(order_terms)))

    def change() -> None:
        patch = {"order_details": {"notes": f"Note {next(notes)}"}}
        assert client.patch(f"{URL}/{receipt['id']}", json=patch).status_code == 200

    db = Meddled(database_url)
    db.meddle, db.times = change, times
    assert asyncio.run(on(db, work)) > 0
