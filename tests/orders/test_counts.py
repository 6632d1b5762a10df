"""Kept counts are those of the orders that are there, whatever is done to them and by how many at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.kit.db import Database
from packhouse.orders import counts
from tests import make
from tests.cli.conftest import Run, run
from tests.conftest import SHOP, STRANGER, STRANGERS_SHOP
from tests.web.conftest import do_jobs, people, person
from tests.web.world import query

__all__ = ["do_jobs", "people", "person", "run"]

URL = "/api/v3/orders"
T = TypeVar("T")

_THERE = (
    "SELECT integration_id, status_folded, CASE WHEN live_shipments > 0 THEN 1 ELSE 0 END, count(*) FROM orders "
    "WHERE account_id = 1 GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
)
_KEPT = (
    "SELECT integration_id, status_folded, is_shipped, sum(total) FROM ("
    "SELECT integration_id, status_folded, is_shipped, total FROM order_counts WHERE account_id = 1 UNION ALL "
    "SELECT integration_id, status_folded, is_shipped, total FROM order_count_changes WHERE account_id = 1"
    ") AS both_of_them GROUP BY 1, 2, 3 HAVING sum(total) <> 0 ORDER BY 1, 2, 3"
)


def order(id: str, status: str = "open", shop: int = SHOP) -> dict[str, Any]:
    return make.order(
        id, shop, shipping_address=make.address(), order_details={"status": {"code": status, "message": status}}
    )


def on(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    async def go() -> T:
        db = Database(url)
        try:
            return await work(db)
        finally:
            await db.close()

    return asyncio.run(go())


def read(url: str, statement: str) -> list[tuple[Any, ...]]:
    async def work(db: Database) -> list[tuple[Any, ...]]:
        async with db.read() as tx:
            return [(*row[:-1], int(row[-1])) for row in await tx.fetch_all(text(statement))]

    return on(url, work)


def check(url: str) -> list[tuple[Any, ...]]:
    there = read(url, _THERE)
    assert read(url, _KEPT) == there
    return there


def test_whatever_is_done_to_orders_is_in_the_counts(
    client: TestClient, database_url: str, do_jobs: Callable[..., None], run: Run
) -> None:
    sent = [order("1"), order("2", "Packed"), order("3"), order("3", "packed")]  # the third is made and changed at once
    ids = [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]
    client.post(URL, json=[order("1", shop=STRANGERS_SHOP)], auth=STRANGER)
    assert check(database_url) == [(SHOP, "open", 0, 1), (SHOP, "packed", 0, 2)]
    assert client.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "ring"}}).status_code == 200
    status = {"order_details": {"status": {"code": "PACKED", "message": "Packed"}}}
    assert client.patch(f"{URL}/{ids[0]}", json=status).status_code == 200
    assert check(database_url) == [(SHOP, "packed", 0, 3)]
    refused = client.post(URL, json=[order("4"), {**order("5"), "order_number": 5}])
    assert refused.status_code == 400
    asked = {"integration_id": SHOP, "orders": [{"order_id": "1"}, {"order_id": "2"}]}
    assert client.post(f"{URL}/create-labels-async", json=asked).status_code == 202
    do_jobs()
    assert check(database_url) == [(SHOP, "packed", 0, 1), (SHOP, "packed", 1, 2)]
    client.post(URL, json=[order("1", "sent")])
    [label] = [found for found in client.get("/api/v3/shipments").json()["data"] if found["order_id"] == "2"]
    assert client.post(f"/api/v3/shipments/{label['id']}/cancel").status_code in (200, 202)
    do_jobs()
    assert check(database_url) == [(SHOP, "packed", 0, 2), (SHOP, "sent", 1, 1)]
    assert client.delete(f"{URL}/{ids[0]}").status_code == 204
    assert client.delete(f"{URL}/{ids[1]}").status_code == 204
    erased = run(["person", "erase", "--account", "owner", "--name", "Ada Visser", "--postal-code", "1015 CR", "--yes"])
    assert erased.exit_code == 0
    assert check(database_url) == [(SHOP, "packed", 0, 1)]
    on(database_url, lambda db: counts.fold(db, 1))
    assert query(database_url, "SELECT count(*) FROM order_count_changes WHERE account_id = 1") == [0]
    assert check(database_url) == [(SHOP, "packed", 0, 1)]


def test_many_who_write_at_once_lose_nothing(client: TestClient, database_url: str) -> None:
    """Batches that make and change the same orders, labels, deletions, and workers that fold meanwhile."""
    keys = [f"o-{number}" for number in range(12)]

    def write(seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(12):
            batch = [order(key, dice.choice(["open", "packed", "sent"])) for key in dice.sample(keys, 5)]
            answer = client.post(URL, json=batch)
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200 and dice.random() < 0.5:
                client.delete(f"{URL}/{answer.json()['data'][0]['id']}")
            if dice.random() < 0.5:
                asked = {"integration_id": SHOP, "order": {"order_id": batch[0]["order_id"]}}
                client.post(f"{URL}/create-label-sync", json=asked)

    async def fold(db: Database) -> None:
        for _ in range(20):
            await asyncio.gather(counts.fold(db, 1), counts.fold(db, 1))
            await asyncio.sleep(0.02)

    with ThreadPoolExecutor(5) as pool:
        done = [pool.submit(write, seed) for seed in range(4)]
        done.append(pool.submit(on, database_url, fold))
        for one in done:
            one.result()
    assert check(database_url)


def test_counts_that_are_wrong_are_mended(
    client: TestClient, database_url: str, run: Run, do_jobs: Callable[..., None]
) -> None:
    client.post(URL, json=[order("1"), order("2", "packed")])

    async def lose(db: Database) -> None:
        async with db.begin() as tx:
            await tx.execute(text("DELETE FROM order_count_changes"))
            await tx.execute(text("INSERT INTO order_counts VALUES (1, 7, 'never', 1, 5)"))

    on(database_url, lose)
    assert run("orders reindex --account owner").exit_code == 0
    expected = [(SHOP, "open", 0, 1), (SHOP, "packed", 0, 1)]
    assert run("orders reindex --account owner").exit_code == 0  # both ask for a count, of which one runs at a time
    asked = "SELECT lane FROM jobs WHERE kind = 'order.count'"
    assert query(database_url, asked) == [counts.JOB] * 2
    do_jobs()
    assert check(database_url) == expected
    assert on(database_url, lambda db: counts.recount(db, 1)) == 0


def test_a_thousand_changes_ask_a_worker_to_fold(client: TestClient, database_url: str, do_jobs: Any) -> None:
    jobs = "SELECT count(*) FROM jobs WHERE kind = 'order.count'"
    for start in range(0, 900, 100):
        client.post(URL, json=[order(f"o-{start + number}") for number in range(100)])
    assert query(database_url, jobs) == [0]
    client.post(URL, json=[order(f"o-{900 + number}") for number in range(100)])
    assert query(database_url, jobs) == [1]
    do_jobs()
    assert query(database_url, "SELECT count(*) FROM order_count_changes") == [0]
    assert query(database_url, "SELECT total FROM order_counts") == [1000]
    assert check(database_url) == [(SHOP, "open", 0, 1000)]


@pytest.mark.parametrize("show", ["all", "incoming", "shipped"])
def test_a_list_says_what_is_kept(
    person: Callable[..., TestClient], client: TestClient, database_url: str, show: str
) -> None:
    """More than a list would count: as if so many were there."""
    client.post(URL, json=[order("1"), order("2", "packed"), order("3")])
    asked = {"integration_id": SHOP, "order": {"order_id": "3"}}
    assert client.post(f"{URL}/create-label-sync", json=asked).status_code == 201

    async def add(db: Database) -> None:
        async with db.begin() as tx:
            for is_shipped, total in ((0, 12_000), (1, 1_200_000)):
                kind = {"account": 1, "shop": SHOP, "shipped": is_shipped, "total": total}
                row = text("INSERT INTO order_counts VALUES (:account, :shop, 'open', :shipped, :total)")
                await tx.execute(row, kind)

    on(database_url, add)
    page = person("viewer")
    expected = {"all": ("1,212,003", "1,212,002"), "incoming": ("12,002", "12,001"), "shipped": ("1,200,001",) * 2}
    everything = page.get(f"/orders?show={show}").text
    assert f'<span class="total">{expected[show][0]} orders</span>' in everything
    assert '<span id="incoming" class="count">12,002</span>' in everything
    assert f"{expected[show][1]} orders" in page.get(f"/orders?show={show}&status=OPEN&shop={SHOP}").text
