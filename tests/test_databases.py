"""A database of PostgreSQL that a test gave back is for the next one as if nobody had used it."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.settings import Settings
from tests import databases, make, servers
from tests.conftest import OWNER

TABLES = "SELECT string_agg(tablename, ' ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture
def pool(postgres: str, postgres_template: str) -> Iterator[databases.Pool]:
    pool = databases.Pool(postgres, postgres_template)
    yield pool
    pool.close()


def read_all(url: str) -> str:
    """Of each table how many rows it has, and a digest of them."""
    each = [
        f"SELECT concat_ws(' ', '{table}', count(*), md5(string_agg(t::text, ',' ORDER BY t::text))) AS d"  # noqa: S608
        f" FROM {table} t"
        for table in servers.ask(url, TABLES).split()
    ]
    return servers.ask(url, f"SELECT string_agg(d, ', ' ORDER BY d) FROM ({' UNION ALL '.join(each)}) found")  # noqa: S608


def push(url: str, count: int) -> list[int]:
    """The new orders' ids."""
    with TestClient(create_app(Settings(database_url=url))) as client:
        sent = [make.order(f"o-{n}", order_details={"notes": "x" * 10_000}) for n in range(count)]
        answer = client.post("/api/v3/orders", json=sent, auth=OWNER)
        assert answer.status_code == 200, answer.text
        return [receipt["id"] for receipt in answer.json()["data"]]


@pytest.mark.parametrize("count", [1, 100])  # little is deleted, much is truncated
def test_it_holds_the_same_rows_and_gives_the_same_ids(pool: databases.Pool, count: int) -> None:
    url = pool.take()
    before, ids = read_all(url), push(url, count)
    servers.execute(url, "UPDATE alembic_version SET version_num = '0000'; ANALYZE")
    assert read_all(url) != before
    pool.give_back(url)
    assert pool.take() == url
    assert read_all(url) == before
    assert servers.ask(url, "SELECT count(*) FROM pg_statistic WHERE starelid >= 16384") == "0"
    assert push(url, count) == ids


def test_whoever_is_left_in_it_is_put_out(pool: databases.Pool) -> None:
    url = pool.take()
    others = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name_of(url)}' AND pid <> pg_backend_pid()"  # noqa: S608
    with TestClient(create_app(Settings(database_url=url))) as client:
        client.get("/api/v3/orders", auth=OWNER)
        assert int(servers.ask(url, others)) > 1
        pool.give_back(url)
        assert int(servers.ask(url, others)) <= 1


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE orders ADD COLUMN colour text",
        "ALTER TABLE orders ALTER COLUMN document DROP NOT NULL",
        "CREATE TABLE parcels_of_old (id int)",
        "CREATE INDEX seen ON orders (id)",
        "CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA other",
        "DROP TABLE jobs CASCADE",
    ],
)
def test_one_whose_schema_was_changed_is_not_used_again(pool: databases.Pool, postgres: str, statement: str) -> None:
    url = pool.take()
    servers.execute(url, statement)
    pool.give_back(url)
    assert pool.take() != url
    assert servers.ask(postgres, f"SELECT count(*) FROM pg_database WHERE datname = '{name_of(url)}'") == "0"  # noqa: S608


def name_of(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
