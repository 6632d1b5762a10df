"""What a database sharded by account asks of every statement that the server sends, seen on a walk over its operations.

Citus asks every shard where a statement does not bind each of its tables to one account, and refuses most of those. The
walk is on `tests/partitions.py`, with the statements that a sharded database gets.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from packhouse import sharding
from packhouse.accounts import queries, users
from packhouse.app import create_app
from packhouse.bootstrap import open_context
from packhouse.kit import clock, jobs
from packhouse.kit.db import Database
from packhouse.kit.db.columns import metadata
from packhouse.settings import Settings
from packhouse.web import pages
from packhouse.worker import KINDS, Worker
from tests import make, partitions
from tests.accounts import test_scopes
from tests.conftest import OWNER, SECOND_SHOP, SHOP
from tests.partitions import Seen
from tests.statements import REFERENCE, tables_of
from tests.web import test_roles
from tests.web.conftest import EMAILS, HASHED, sign_in, token

URL = "/api/v3/orders"
GUIDE = Path(__file__).parents[1] / "docs" / "scaling.md"
NODES = ["10.0.0.2:5432", "10.0.0.3:5432"]
REFUSED = re.compile(r"\bLISTEN\b|\bNOTIFY\b|advisory|SET\s+account_id\s*=", re.IGNORECASE)


@pytest.fixture
def spread_url(new_database: Callable[[str], str]) -> str:
    url = new_database("postgresql")
    asyncio.run(partitions.spread(url))
    return url


def walk(client: TestClient) -> None:
    """Each operation on orders once at least, with everything that gives it another statement."""
    orders = [make.order("a"), make.order("b", SECOND_SHOP), make.order("a", order_number="N-2")]
    ids = [receipt["id"] for receipt in client.post(URL, json=orders).json()["data"]]
    assert client.post(URL, json=[make.order(f"c-{number}") for number in range(30)]).status_code == 200
    assert client.post(URL, json=[{"id": str(ids[0]), "order_number": "N-3"}]).status_code == 200
    assert client.post(URL, json=[{"order_id": "a", "order_details": {"integration": {"id": 99}}}]).status_code == 400
    lists = (
        "",
        "order_number=N-3&status=unfulfilled",
        f"integration={SHOP},{SECOND_SHOP}&sort=-order_created_at",
        "sort=integration,-order_created_at",
        "order_created_at_min=2026-01-01&order_updated_at_max=2027-01-01&page_size=1",
    )
    for query in lists:
        answer = client.get(f"{URL}?{query}")
        assert answer.status_code == 200
        if "next" in answer.links:
            assert client.get(answer.links["next"]["url"]).status_code == 200
    assert client.get(f"{URL}/{ids[0]}").status_code == 200
    assert client.patch(f"{URL}/{ids[0]}", json={"order_number": "N-4"}).status_code == 200
    assert client.get(f"/api/packhouse/orders/{ids[0]}/history").status_code == 200
    assert client.delete(f"{URL}/{ids[1]}").status_code == 204


def walk_api(client: TestClient) -> None:
    """Every route, by a token and by a key."""
    headers = {"authorization": test_scopes.token(client, "api")["Authorization"]}
    for method, path in test_scopes.routes(client):
        for options in ({"headers": headers}, {"auth": OWNER}):
            assert test_scopes.call(client, method, path, **options).status_code < 500, (method, path)
    assert client.get("/health").json()["status"] == "ok"
    assert client.get("/metrics").status_code == 200


def walk_pages(client: TestClient) -> None:
    """Every page and form, by an owner who signs in."""
    page = TestClient(client.app, headers={"accept": "text/html"})
    page.portal = client.portal
    assert sign_in(page, EMAILS["owner"], "wrong-horse-battery").status_code == 422
    assert sign_in(page, EMAILS["owner"]).status_code == 303
    csrf = token(page.get("/orders").text)
    for found in ("/orders?search=tea", "/orders?view=warnings", "/orders?q=Visser"):
        assert page.get(found).status_code < 500, found
    for method, path in test_roles.routes():
        assert test_roles.call(page, method, path, csrf).status_code < 500, (method, path)
    assert page.post("/sign-out", data={"csrf": csrf}, follow_redirects=False).status_code < 500
    assert len(pages.ROUTES) > 50


async def prepare(url: str) -> None:
    db = Database(url)
    async with db.begin() as tx:
        row = await queries.get_account(tx, "owner")
        await users.create_user(tx, row.account_id, EMAILS["owner"], HASHED, "owner", now=clock.now())
    await db.close()


async def work(settings: Settings) -> None:
    db = Database(settings.database_url)
    async with open_context(settings, db) as ctx:
        await Worker(ctx).drain()
    await db.close()


@pytest.fixture
def seen(spread_url: str) -> list[Seen]:
    """Every statement of the walk, once each."""
    settings = Settings(database_url=spread_url, secret_key=SecretStr("a-key-of-the-tests"), rate_limits="documented")
    asyncio.run(prepare(spread_url))
    with partitions.listening() as seen, ExitStack() as stack:
        for which in (walk, walk_api, walk_pages):
            calm = settings.model_copy(update={"rate_limits": "documented" if which is walk else "off"})
            client = stack.enter_context(TestClient(create_app(calm, works=False)))
            client.auth = OWNER
            which(client)
        asyncio.run(work(settings))
    return list({statement.sql: statement for statement in seen}.values())


async def find_crossing(url: str, statements: list[Seen]) -> list[str]:
    """Those that reach more than one place."""
    connection = await asyncpg.connect(url, server_settings={"plan_cache_mode": "force_custom_plan"})
    try:
        return [each.sql for each in statements if len(await partitions.find_places(connection, each)) > 1]
    finally:
        await connection.close()


def to_line(statement: str) -> str:
    """As the guide writes it."""
    plain = re.sub(r"::[A-Z]+(?: WITH TIME ZONE)?(?:\[\])?", "", statement)
    return re.sub(r"(?:\$\d+(?:, )?)+", "…", re.sub(r"\s+", " ", plain)).strip()


def list_in_guide(after: str) -> list[str]:
    """The lines of the first block of SQL after these words."""
    block = re.search(r"```sql\n(.*?)```", GUIDE.read_text().partition(after)[2], re.DOTALL)
    assert block is not None
    return block[1].splitlines()


def test_every_statement_stays_on_one_shard_but_for_those_of_the_guide(spread_url: str, seen: list[Seen]) -> None:
    ours = [each for each in seen if tables_of(each.sql) - REFERENCE and not each.sql.startswith("LOCK")]
    assert {"orders", "order_history", "integrations", "access_tokens", "sessions", "order_terms", "jobs"} <= set(
        set().union(*(tables_of(each.sql) for each in ours))
    )
    crossing = sorted({to_line(sql) for sql in asyncio.run(find_crossing(spread_url, ours))})
    assert crossing == sorted(list_in_guide("ask every shard"))


def test_nothing_is_used_that_sharding_refuses(seen: list[Seen]) -> None:
    assert [each.sql for each in seen if REFUSED.search(each.sql)] == []
    locked = {table for each in seen for table in re.findall(r"LOCK TABLE (\w+)", each.sql)}
    assert locked <= REFERENCE
    for each in seen:
        if match := re.match(r"INSERT INTO \"?(\w+)\"? \(([^)]*)\)(?: SELECT)?", each.sql):
            assert "account_id" in match[2] or match[1] == "pg_dist_node", each.sql
    # A few rows are sent as they are: rows of a SELECT would be collected before they are sent on.
    assert any(re.match(r"INSERT INTO orders .* VALUES", each.sql, re.DOTALL) for each in seen)
    assert any(re.match(r"INSERT INTO orders .* SELECT", each.sql, re.DOTALL) for each in seen)


@pytest.mark.parametrize(
    ("statement", "crosses"),
    [
        ("SELECT id FROM orders WHERE id = 1", True),
        ("SELECT id FROM orders WHERE account_id = $1", False),
        ("SELECT o.id FROM orders o JOIN jobs j ON j.account_id = o.account_id WHERE o.account_id = $1", False),
        ("SELECT o.id FROM orders o JOIN jobs j ON j.account_id = o.account_id WHERE $1 > 0", True),
        ("SELECT o.id FROM orders o JOIN jobs j ON j.id = o.id WHERE o.account_id = $1", True),
        ("UPDATE integrations SET shop_name = '' WHERE id = $1", True),
        ("DELETE FROM orders WHERE id = $1", True),
        ("DELETE FROM orders WHERE account_id = $1", False),
        (
            "SELECT EXISTS (SELECT FROM jobs j WHERE j.account_id = o.account_id) FROM orders o WHERE account_id = $1",
            True,
        ),
        (
            "SELECT k.id, o.id FROM api_keys k LEFT JOIN orders o ON o.account_id = k.account_id WHERE k.id = $1",
            True,
        ),
        ("SELECT o.id FROM unnest(ARRAY[$1::bigint]) AS sent (a) JOIN orders o ON o.account_id = sent.a", True),
        ("SELECT 1 FROM api_keys WHERE id = $1", False),
    ],
)
def test_a_statement_that_is_bound_to_no_account_would_be_seen(spread_url: str, statement: str, crosses: bool) -> None:
    values = [1] if "$1" in statement else []
    assert bool(asyncio.run(find_crossing(spread_url, [Seen(statement, values)]))) == crosses


def test_every_foreign_key_stays_within_the_account_or_leads_to_a_reference_table() -> None:
    for table in metadata.tables.values():
        for key in table.foreign_key_constraints:
            columns = [column.name for column in key.columns]
            assert columns[0] == "account_id", (table.name, columns)
            assert key.referred_table.name in REFERENCE or key.elements[0].column.name == "account_id"


def test_the_guide_prints_what_the_command_does(new_database: Callable[[str], str]) -> None:
    url = new_database("postgresql")

    async def read() -> sharding.Layout:
        db = Database(url)
        async with db.read() as tx:
            layout = await sharding.read_layout(tx)
        await db.close()
        return layout

    layout = asyncio.run(read())._replace(has_citus=True)  # the guide has made the extension on every node
    assert sharding.plan(layout, "10.0.0.1:5432", NODES) == list_in_guide("packhouse shard")


def test_a_plan_is_of_what_is_left() -> None:
    """A later migration has made a table; a node has joined; nothing is to be done twice."""
    kinds = {"accounts": "reference", "api_keys": "reference", "users": "reference", "orders": "distributed"}
    there = sharding.Layout(True, "a:1", ["b:2"], kinds, [], 0)
    assert sharding.plan(there, "a:1", ["b:2"]) == []
    newer = there._replace(kinds={**kinds, "later": "local"})
    made = "SELECT create_distributed_table('later', 'account_id', colocate_with => 'orders');"
    assert sharding.plan(newer, "a:1", []) == [made]
    assert sharding.plan(there, "a:1", ["c:3", "c:3"]) == [
        "SELECT citus_add_node('c', 3);",
        "SELECT rebalance_table_shards();",
    ]
    assert sharding.plan(there._replace(moves=4), "a:1", []) == ["SELECT rebalance_table_shards();"]
    key = sharding.ForeignKey("k", "later", "orders", "FOREIGN KEY (account_id, id) REFERENCES orders(account_id, id)")
    assert sharding.plan(newer._replace(foreign_keys=[key]), "a:1", []) == [
        "BEGIN;",
        "ALTER TABLE later DROP CONSTRAINT k;",
        made,
        f"ALTER TABLE later ADD CONSTRAINT k {key.definition};",
        "COMMIT;",
    ]


def set_node(url: str, name: str, is_up: bool) -> None:
    async def work() -> None:
        connection = await asyncpg.connect(url)
        await connection.execute("UPDATE pg_dist_node SET is_up = $2 WHERE nodename = $1", name, is_up)
        await connection.close()

    asyncio.run(work())


def test_health_and_metrics_agree_and_name_the_node_that_is_away(spread_url: str) -> None:
    with TestClient(create_app(Settings(database_url=spread_url), works=False), client=("127.0.0.1", 1)) as client:
        assert client.get("/health").json()["database"] == {"status": "ok"}
        assert 'packhouse_database_node_up{node="second:2"} 1.0' in client.get("/metrics").text
    set_node(spread_url, "second", False)
    with TestClient(create_app(Settings(database_url=spread_url), works=False), client=("127.0.0.1", 1)) as client:
        answer = client.get("/health")
        assert answer.status_code == 200
        assert answer.json()["status"] == "ok"
        assert answer.json()["database"] == {
            "status": "degraded",
            "detail": "Nodes of the database are away: second:2.",
        }
        metrics = client.get("/metrics").text
        assert "packhouse_database_up 1.0" in metrics
        assert 'packhouse_database_node_up{node="first:1"} 1.0' in metrics
        assert 'packhouse_database_node_up{node="second:2"} 0.0' in metrics


def test_the_worker_asks_no_shard_that_is_away(spread_url: str) -> None:
    """Jobs of accounts on living nodes go on: here those of odd accounts."""
    done: list[int] = []

    async def note(_ctx: Any, job: jobs.Job) -> None:
        done.append(job.account_id)

    async def run() -> list[str]:
        db = Database(spread_url)
        async with db.begin() as tx:
            for account_id in (1, 2):
                await jobs.enqueue(tx, account_id, "a.kind", [{}], now=clock.now())
        with partitions.listening() as seen:
            other = Database(spread_url)
            async with open_context(Settings(database_url=spread_url), other) as ctx:
                await Worker(ctx, {"a.kind": note}).drain()
            await other.close()
        await db.close()
        return [each.sql for each in seen if "FROM jobs" in each.sql and "DISTINCT" in each.sql]

    set_node(spread_url, "second", False)
    looks = asyncio.run(run())
    assert done == [1]
    assert looks
    assert all("account_id = any" in look for look in looks)
    set_node(spread_url, "second", True)
    asyncio.run(run())
    assert sorted(done) == [1, 1, 2, 2]
    assert KINDS


def test_what_became_of_jobs_is_written_down_for_each_account_by_itself(spread_url: str) -> None:
    """Or a node that is away would keep those of the others from being finished."""

    async def run() -> list[Any]:
        db = Database(spread_url)
        async with db.begin() as tx:
            for account_id in (1, 2):
                await jobs.enqueue(tx, account_id, "a.kind", [{}], now=clock.now())

        async def nothing(_ctx: Any, _job: jobs.Job) -> None:
            return None

        with partitions.listening() as seen:
            other = Database(spread_url)
            async with open_context(Settings(database_url=spread_url), other) as ctx:
                await Worker(ctx, {"a.kind": nothing}).drain()
            await other.close()
        async with db.read() as reader:
            assert await jobs.list_jobs(reader, 1) == []
        await db.close()
        return [each for each in seen if re.match("BEGIN|COMMIT|DELETE FROM jobs", each.sql)]

    sent = [each.sql.partition(" ")[0].rstrip(";") for each in asyncio.run(run())]
    assert "".join(word[0] for word in sent).count("DD") == 0
