"""Patches of several clients in one statement on PostgreSQL: each as if it had been alone."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors
from packhouse.kit.db import Database, Tuning
from packhouse.orders import operations, queries, revisions
from tests import make
from tests.conftest import OWNER, SHOP
from tests.orders.test_patch import content, push

URL = "/api/v3/orders"
CALLER = Caller(1, "NL", "api_key:owner-public", frozenset({"*"}))


@pytest.fixture
def backend() -> str:
    return "postgresql"


Work = Callable[[Database], Awaitable[None]]


def on(url: str, work: Work, *, prepared_statements: bool = True) -> None:
    async def run() -> None:
        db = Database(url, Tuning(lock_timeout=0.3, prepared_statements=prepared_statements))
        try:
            await work(db)
        finally:
            await db.close()

    asyncio.run(run())


async def patch(db: Database, id: int, notes: str, *, from_version: int | None = None) -> operations.Receipt | None:
    """As the API does it first; of an order as it was once, where `from_version` is said."""
    row = await db.fetch_one(queries.ORDER_TO_PATCH.alone, account_id=1, id=id)
    assert row is not None
    found = queries.OrderToPatch(*row)
    if from_version is not None:
        found = found._replace(version=from_version)
    sent = {"order_details": {"notes": notes}}
    return await operations.patch_read_order(db, CALLER, found, sent, now=clock.now())


async def read(db: Database, statement: str) -> list[tuple[Any, ...]]:
    async with db.read() as tx:
        return [tuple(row) for row in (await tx.execute(text(statement))).all()]


def test_patches_of_one_moment_are_one_statement(database_url: str, client: TestClient) -> None:
    ids = [push(client, make.order(name)) for name in ("a", "b", "c")]

    async def work(db: Database) -> None:
        receipts = await asyncio.gather(*[patch(db, id, f"for {id}") for id in ids])
        assert [(receipt.id, receipt.version) for receipt in receipts if receipt is not None] == [(id, 2) for id in ids]
        assert len(await read(db, "SELECT DISTINCT xmin FROM orders")) == 1
        assert len(await read(db, "SELECT DISTINCT xmin FROM order_history WHERE action = 'updated'")) == 1

    on(database_url, work)
    for id in ids:
        assert content(client, id)["order_details"]["notes"] == f"for {id}"
        entries = client.get(f"/api/packhouse/orders/{id}/history").json()["data"]
        assert [(entry["version"], entry["by"]["name"]) for entry in entries] == [(2, "owner-public"), (1, OWNER[0])]
        assert entries[0]["changes"] == [
            {"op": "add", "path": "/order_details/notes", "value": f"for {id}"},
        ]


def test_of_two_patches_of_one_order_one_is_left_to_a_transaction(database_url: str, client: TestClient) -> None:
    id = push(client, make.order())

    async def work(db: Database) -> None:
        receipts = await asyncio.gather(patch(db, id, "one"), patch(db, id, "other"))
        assert [receipt is None for receipt in receipts] == [False, True]
        assert await read(db, "SELECT version FROM orders") == [(2,)]
        assert await read(db, "SELECT version FROM order_history") == [(2,)]

    on(database_url, work)


def test_what_somebody_changed_meanwhile_is_left_as_it_is(database_url: str, client: TestClient) -> None:
    id, other = push(client, make.order("a")), push(client, make.order("b"))
    client.patch(f"{URL}/{id}", json={"order_details": {"notes": "first"}})

    async def work(db: Database) -> None:
        late, fresh = await asyncio.gather(patch(db, id, "late", from_version=1), patch(db, other, "fresh"))
        assert late is None
        assert fresh is not None
        assert await read(db, "SELECT version, count(*) FROM order_history GROUP BY 1") == [(2, 2)]

    on(database_url, work)
    assert content(client, id)["order_details"]["notes"] == "first"


def test_an_order_that_somebody_holds_holds_up_no_other(database_url: str, client: TestClient) -> None:
    held, free = push(client, make.order("a")), push(client, make.order("b"))

    async def work(db: Database) -> None:
        holder = await asyncpg.connect(database_url)
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE", held)
            async with asyncio.timeout(30):
                left, done = await asyncio.gather(patch(db, held, "no"), patch(db, free, "yes"))
            assert left is None
            assert done is not None
            with pytest.raises(errors.Busy):  # the transaction that it is left to waits its time
                await db.attempt(
                    lambda tx: operations.patch_order(db, tx, CALLER, held, {"order_number": "2"}, now=clock.now())
                )
        await holder.close()

    on(database_url, work)


def test_a_table_that_is_locked_is_a_conflict_after_one_wait(database_url: str, client: TestClient) -> None:
    id = push(client, make.order())

    async def work(db: Database) -> None:
        holder = await asyncpg.connect(database_url)
        async with holder.transaction():
            await holder.execute("LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE")
            with pytest.raises(errors.Busy):
                await patch(db, id, "no")
        await holder.close()

    on(database_url, work)


def test_a_change_that_search_is_to_know_leaves_a_job(database_url: str, client: TestClient) -> None:
    id = push(client, make.order())
    client.patch(f"{URL}/{id}", json={"order_details": {"notes": "nobody looks for notes"}})
    client.patch(f"{URL}/{id}", json={"order_number": "N-2"})

    async def work(db: Database) -> None:
        jobs = await read(db, "SELECT kind, lane, payload::json->'ids'->>0, attempts FROM jobs ORDER BY id")
        assert jobs == [("order.index", "", str(id), 0)] * 2  # its making, and its new number

    on(database_url, work)


def test_where_somebody_listens_a_transaction_tells_him(database_url: str, client: TestClient) -> None:
    id = push(client, make.order())

    async def work(db: Database) -> None:
        assert await patch(db, id, "unheard") is not None
        async with db.write() as tx:
            await tx.execute(text("INSERT INTO subscriptions VALUES (1, 1, 1, 'order/updated', true, now(), now())"))
        assert await patch(db, id, "heard") is None

    on(database_url, work)


def test_a_server_that_cannot_do_it_gets_transactions(
    database_url: str, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = push(client, make.order())

    async def work(db: Database) -> None:
        refusing = text("SELECT refuse(:account_id, :id) WHERE CAST(:version AS integer[]) IS NOT NULL")
        async with db.write() as tx:
            await tx.execute(
                text(
                    "CREATE FUNCTION refuse(bigint, bigint[]) RETURNS int LANGUAGE plpgsql AS $$ BEGIN "
                    "RAISE EXCEPTION 'not here' USING ERRCODE = 'feature_not_supported'; END $$"
                )
            )
        with monkeypatch.context() as patched:
            patched.setattr(revisions, "REVISE", refusing)
            assert await patch(db, id, "no") is None
        assert not db.can_change_together
        assert await patch(db, id, "nor that") is None

    on(database_url, work)


def test_behind_a_pooler_every_change_is_a_transaction(database_url: str, client: TestClient) -> None:
    id = push(client, make.order())

    async def work(db: Database) -> None:
        assert await patch(db, id, "no") is None

    on(database_url, work, prepared_statements=False)


def _tags_of(change: dict[str, Any]) -> list[str]:
    """The first change adds the list, the others change the only tag in it."""
    value = change["value"]
    return value if isinstance(value, list) else [value]


def test_sixteen_clients_at_ten_orders_lose_no_patch(client: TestClient) -> None:
    ids = [push(client, make.order(f"o-{n}")) for n in range(10)]

    def work(number: int) -> list[int]:
        answers = [
            client.patch(f"{URL}/{id}", json={"order_details": {"tags": [f"{number}-{turn}"]}})
            for turn in range(3)
            for id in ids
        ]
        return [answer.status_code for answer in answers]

    with ThreadPoolExecutor(16) as pool:
        statuses = [status for each in pool.map(work, range(16)) for status in each]
    assert set(statuses) <= {200, 409}
    written = 0
    for id in ids:
        history = client.get(f"/api/packhouse/orders/{id}/history?page_size=200").json()["data"]
        assert [entry["version"] for entry in history] == list(range(len(history), 0, -1))
        written += len(history) - 1
        assert content(client, id)["order_details"]["tags"] == _tags_of(history[0]["changes"][-1])
    assert written == statuses.count(200)
    assert content(client, ids[0])["order_details"]["integration"]["id"] == SHOP
