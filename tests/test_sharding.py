"""What a database sharded by account asks of every statement that the server sends, seen on a walk over its operations.

Citus refuses a unique key or an UPDATE that crosses accounts, and asks every shard where a statement does not name one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from packhouse.accounts import tables as accounts
from packhouse.kit.db.columns import metadata
from tests import make
from tests.conftest import SECOND_SHOP, SHOP

URL = "/api/v3/orders"

# Tables that find out which account it is: whole on every node (docs/scaling.md), so none need name the account.
REFERENCE = {accounts.accounts.name, accounts.api_keys.name}
# SQLite's own counter of ids, and the version of the schema.
NOT_SHARDED = {"sequences", "alembic_version"}
REFUSED = re.compile(r"\bLISTEN\b|\bNOTIFY\b|advisory|\bLOCK TABLE\b|SET\s+account_id\s*=", re.IGNORECASE)


@contextmanager
def listening(client: TestClient) -> Iterator[list[str]]:
    app: Any = client.app
    db = app.context.db
    engines = {db._reader.sync_engine, db._writer.sync_engine} if db.is_sqlite else {db._writer.sync_engine}
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)


def walk(client: TestClient) -> None:
    """Each operation once at least, with everything that gives it another statement."""
    orders = [make.order("a"), make.order("b", SECOND_SHOP), make.order("a", order_number="N-2")]
    ids = [receipt["id"] for receipt in client.post(URL, json=orders).json()["data"]]
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
    paths = ["/api/packhouse/audit-log", "/api/v3/user/auth/metadata", "/api/v3/integrations"]
    paths += [f"/api/v3/integrations/{SHOP}", "/api/v3/shipments"]
    for path in paths:
        assert client.get(path).status_code == 200, path


def tables_of(statement: str) -> set[str]:
    """Those of ours that it reads or writes."""
    named = re.findall(r"\b(?:FROM|JOIN|INTO|UPDATE|,)\s+\"?(\w+)", statement, re.IGNORECASE)
    return {name for name in named if name in metadata.tables}


def find_unnamed(statement: str) -> set[str]:
    """The sharded tables that the statement does not bind to an account."""
    if re.match(r"\s*INSERT", statement, re.IGNORECASE):
        columns = re.search(r"INTO\s+\"?\w+\"?\s*\(([^)]*)\)", statement, re.IGNORECASE)
        names_account = columns is not None and "account_id" in columns[1]
        return set() if names_account else tables_of(statement) - REFERENCE - NOT_SHARDED
    sharded = tables_of(statement) - REFERENCE - NOT_SHARDED
    bound = set(re.findall(r"(\w+)\.account_id\s*(?:=|IN)", statement)) | set(
        re.findall(r"=\s*(\w+)\.account_id", statement)
    )
    alone = bool(re.search(r"(?<![\w.])account_id\s*=", statement))
    return {name for name in sharded if not (called(name, statement) <= bound or alone)}


def called(name: str, statement: str) -> set[str]:
    """What the statement calls a table: each of its aliases, and its name where it has none."""
    aliases = set(re.findall(rf"\b{name} AS (\w+)", statement))
    return aliases | ({name} if not aliases or re.search(rf"\b{name}\.", statement) else set())


def test_every_statement_names_the_account_and_nothing_is_used_that_sharding_refuses(client: TestClient) -> None:
    with listening(client) as seen:
        walk(client)
    ours = [statement for statement in seen if tables_of(statement)]
    assert {"orders", "order_history", "integrations"} <= set().union(*map(tables_of, ours))
    assert {statement: found for statement in ours if (found := find_unnamed(statement))} == {}
    assert [statement for statement in seen if REFUSED.search(statement)] == []
    assert [s for s in ours if "SKIP LOCKED" in s and find_unnamed(s)] == []


@pytest.mark.parametrize(
    ("statement", "unnamed"),
    [
        ("SELECT id FROM orders WHERE id = 1", {"orders"}),
        ("SELECT orders.id FROM orders WHERE orders.account_id = $1", set()),
        ("UPDATE integrations SET shop_name = ? WHERE integrations.id = ?", {"integrations"}),
        ("DELETE FROM orders WHERE id = ?", {"orders"}),
        ("INSERT INTO orders (id) VALUES (?)", {"orders"}),
        ("INSERT INTO orders (account_id, id) VALUES (?, ?)", set()),
        ("SELECT 1 FROM api_keys WHERE public_key = ?", set()),
    ],
)
def test_a_statement_that_names_no_account_would_be_seen(statement: str, unnamed: set[str]) -> None:
    assert find_unnamed(statement) == unnamed


def test_every_foreign_key_stays_within_the_account_or_leads_to_a_reference_table() -> None:
    for table in metadata.tables.values():
        for key in table.foreign_key_constraints:
            columns = [column.name for column in key.columns]
            assert columns[0] == "account_id", (table.name, columns)
            assert key.referred_table.name in REFERENCE or key.elements[0].column.name == "account_id"
