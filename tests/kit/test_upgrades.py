"""Databases as every schema before this one left them, with a row in every table, brought forward."""

from datetime import datetime
from typing import Any

import orjson
import pytest
import sqlalchemy
from sqlalchemy import (
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    func,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.types import REAL, Boolean, DateTime, Float
from starlette.testclient import TestClient

from packhouse import migrations
from packhouse.app import create_app
from packhouse.bootstrap import open_context
from packhouse.kit import clock, security
from packhouse.kit.db import Database, connection_of
from packhouse.orders import search
from packhouse.settings import Settings
from packhouse.worker import Worker
from tests import make
from tests.conftest import OWNER
from tests.kit.test_migrations import find_differences, look, on, script

AT = "2026-03-14T08:26:53.000000+00:00"
EVERY = [revision.revision for revision in reversed(list(script().walk_revisions()))]
BEFORE = EVERY[:-1]
# Names with letters that are written in several ways, numbers as a shop wrote them, and keys that no schema knows.
ORDERS = {
    id: orjson.dumps(
        {
            **make.order(f"o-{id}", order_number=f"Ä-{id}", shipping_address=make.address(name=f"Żółć{id} \U0001f600")),
        }
    ).decode()
    for id in range(1, 4)
}


def fill(connection: Connection) -> None:
    """A row in every table, as far as its columns tell what it may hold; accounts, keys and orders in earnest."""
    then = MetaData()
    then.reflect(connection)
    rows: dict[str, list[dict[str, Any]]] = {
        "accounts": [{"name": "owner", "country_code": "NL"}],
        "integrations": [{"id": 1, "shop_name": "Shop"}],
        "api_keys": [{"id": 1, "name": "first", "public_key": OWNER[0], "secret_hash": security.hash_secret(OWNER[1])}],
        "orders": [to_row(id, document) for id, document in ORDERS.items()],
    }
    for name, given in rows.items():
        put(connection, then.tables[name], given)
    for table in then.sorted_tables:
        if table.name not in {*rows, "alembic_version", "sequences"}:
            connection.execute(insert(table), {column.name: invent(column) for column in table.columns})


def put(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        needed = {c.name: invent(c) for c in table.columns if not c.nullable and c.server_default is None}
        known = {name: value for name, value in row.items() if name in table.columns}
        connection.execute(insert(table), {**needed, **known, "account_id": 1})
    if connection.dialect.name == "sqlite":
        counted = text("INSERT INTO sequences (account_id, name, last) VALUES (0, :name, :last)")
        connection.execute(counted, {"name": table.name, "last": len(rows)})
    else:
        connection.execute(text(f"SELECT setval('{table.name}_id', {len(rows)})"))


def to_row(id: int, document: str) -> dict[str, Any]:
    return {
        "id": id, "integration_id": 1, "order_id": f"o-{id}", "order_number": f"Ä-{id}", "order_id_folded": f"o-{id}",
        "order_number_folded": f"ä-{id}", "status_folded": "new", "version": 1, "created_by": "key:1",
        "document": document,
    }  # fmt: skip


def invent(column: Any) -> Any:
    if isinstance(column.type, DateTime):
        return datetime.fromisoformat(AT)
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer | Numeric | Float | REAL):
        return 1000 if column.name == "id" else 1  # an id that nobody was given yet
    if isinstance(column.type, LargeBinary):
        return b"x"
    if column.name.endswith(("_at", "_until")) or column.name in ("at", "since"):
        return AT  # SQLite keeps moments as texts
    return "{}" if column.name in ("document", "payload", "counts") else "[]"


def count_rows(connection: Connection) -> dict[str, int]:
    names = inspect(connection).get_table_names()
    return {
        name: connection.execute(select(func.count()).select_from(sqlalchemy.table(name))).scalar_one()
        for name in names
    }


@pytest.mark.parametrize("revision", BEFORE)
def test_a_filled_database_comes_from_every_schema(empty_url: str, revision: str) -> None:
    async def go(db: Database) -> None:
        await migrations.upgrade(db, revision)
        async with db.begin() as tx:
            await connection_of(tx).run_sync(fill)

    on(empty_url, go)
    before = look(empty_url, count_rows)
    assert on(empty_url, migrations.upgrade) == revision
    assert look(empty_url, find_differences) == []
    after = look(empty_url, count_rows)
    is_old = revision < search.SINCE
    if is_old:
        before["jobs"] = before.get("jobs", 0) + 2  # to index and to count
    assert {name: after[name] for name in before if name != "sequences"} == {
        name: count for name, count in before.items() if name != "sequences"
    }
    check_orders(empty_url)
    if is_old:
        assert look(empty_url, find_totals) == {1: len(ORDERS)}
        check_found(empty_url)
        assert look(empty_url, find_totals) == {1: len(ORDERS)}
    assert on(empty_url, migrations.upgrade) == migrations.HEAD
    assert look(empty_url, count_rows).get("jobs") == (after["jobs"] - is_old)


def find_totals(connection: Connection) -> dict[int, int]:
    """Return the kept counts of incoming orders by shop."""
    arms = (
        "SELECT integration_id, total FROM order_counts UNION ALL SELECT integration_id, total FROM order_count_changes"
    )
    found = f"SELECT integration_id, sum(total) FROM ({arms}) AS both_of_them GROUP BY 1"  # noqa: S608
    return {shop: int(total) for shop, total in connection.execute(text(found)) if total}


def check_orders(url: str) -> None:
    """They are stored byte for byte as they were, and are answered as they were."""
    stored = look(
        url,
        lambda connection: {
            row.id: row.document for row in connection.execute(text("SELECT id, document FROM orders"))
        },
    )
    assert stored == ORDERS
    app = create_app(Settings(database_url=url))
    with TestClient(app, raise_server_exceptions=False) as client:
        listed = client.get("/api/v3/orders", auth=OWNER)
        assert listed.status_code == 200, listed.text
        assert {order["id"]: order["order_number"] for order in listed.json()["data"]} == {
            id: f"Ä-{id}" for id in ORDERS
        }
        given = client.get("/api/v3/orders/2", auth=OWNER).json()["data"]
        assert {**given, **orjson.loads(ORDERS[2])} == given


def check_found(url: str) -> None:
    """The job that the migration left writes what every order is found by."""

    async def work(db: Database) -> None:
        async with open_context(Settings(database_url=url), db) as ctx:
            await Worker(ctx).drain()

    on(url, work)
    wanted = {(id, term) for id, document in ORDERS.items() for term in search.to_terms(orjson.loads(document), "NL")}
    scanned = text("SELECT order_id, folded FROM packed_serials WHERE account_id = 1 AND order_id IN (1, 2)")
    wanted |= look(url, lambda connection: {tuple(row) for row in connection.execute(scanned)})
    terms = text("SELECT id, term FROM order_terms WHERE account_id = 1")
    assert look(url, lambda connection: {tuple(row) for row in connection.execute(terms)}) == wanted


@pytest.mark.one_database
def test_what_orders_are_found_by_is_that_of_the_schema_that_says_so() -> None:
    """Where this changes, a migration comes with it and `search.SINCE` names it, or old databases are not read anew."""
    order = {
        **make.order("o-1", order_number="N 1", shipping_address=make.address(name="Ada Byron", email="a@example.com")),
        "customer_details": {"name": "Ada Byron", "email": "ada@example.com"},
    }
    order["order_details"] = {**order["order_details"], "tags": ["urgent"]}
    words = {"1015 cr", "1015cr", "12", "a@example.com", "ada", "ada byron", "ada@example.com", "amsterdam", "byron"}
    words |= {"green", "keizersgracht", "n 1", "o-1", "tea"}
    assert (search.SINCE, search.to_terms(order, "NL")) == ("0038", {" country:NL", " tag:urgent"} | words)


def test_many_orders_are_read_anew_by_several_jobs(client: TestClient, database_url: str) -> None:
    made = [make.order(f"o-{n:04}", order_number=f"N-{n:04}") for n in range(25)]
    assert client.post("/api/v3/orders", json=made).status_code == 200

    async def work(db: Database) -> None:
        async with db.begin() as tx:
            await tx.execute(text("DELETE FROM jobs"))
            await search.enqueue_reindex(tx, 1, "NL", clock.now())
        async with open_context(Settings(database_url=database_url), db) as ctx:
            assert await Worker(ctx).drain() == 3 + 1  # and the one that counts them anew

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "_AT_ONCE", 5)
        patch.setattr(search, "_PARTS_OF_A_JOB", 2)
        on(database_url, work)
    found = text("SELECT DISTINCT id FROM order_terms WHERE account_id = 1")
    assert len(look(database_url, lambda connection: connection.execute(found).all())) == 25
    left = text("SELECT count(*) FROM jobs")
    assert look(database_url, lambda connection: connection.execute(left).scalar()) == 0
