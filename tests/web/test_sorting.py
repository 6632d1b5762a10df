"""Sorts of the list: each that is offered reads an index, or so few orders that all of them are sorted at once."""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import event, insert, select
from starlette.testclient import TestClient

from packhouse.kit.db import Database
from packhouse.orders import counts
from packhouse.orders.tables import orders
from packhouse.web.orders import sorting
from tests import make
from tests.web.test_orders_page import numbers

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


def fill(url: str, weights: Sequence[float], *, shipped: int = 0) -> None:
    """Copies of the order that is there with these weights, the oldest first; the last so many of them are shipped."""

    async def copy() -> None:
        db = Database(url)
        async with db.begin() as tx:
            [row] = (await tx.execute(select(orders))).mappings()
            document = orjson.loads(row["document"])
            rows = []
            for number, (id, weight) in enumerate(zip(await tx.next_ids("orders", len(weights)), weights, strict=True)):
                document["order_number"] = f"w{weight:g}"
                document["shipping_details"]["measurement"]["weight"]["value"] = weight
                text, live = orjson.dumps(document).decode(), int(number >= len(weights) - shipped)
                rows.append({**row, "id": id, "order_id": f"o-{id}", "document": text, "live_shipments": live})
            await tx.execute(insert(orders), rows)
        await counts.recount(db, 1)
        await db.close()

    asyncio.run(copy())


def explain(url: str, asked: Sequence[tuple[str, Any]]) -> list[str]:
    """How the database carries out each of these statements with its values, where it takes an index if there is one:
    a table of a test is so small that reading all of it is quicker."""

    async def ask() -> list[str]:
        db = Database(url)
        word = "EXPLAIN QUERY PLAN" if db.is_sqlite else "EXPLAIN"
        plans = []
        async with db.begin() as tx:
            connection = tx._connection
            if not db.is_sqlite:
                await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            for statement, values in asked:
                found = (await connection.exec_driver_sql(f"{word} {statement}", values)).all()
                plans.append("\n".join(str(row[-1]) for row in found))
        await db.close()
        return plans

    return asyncio.run(ask())


@contextmanager
def noting(page: TestClient) -> Iterator[list[tuple[str, Any]]]:
    app: Any = page.app
    engine = (app.context.db._reader if app.context.db.is_sqlite else app.context.db._writer).sync_engine
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        seen.append((statement, values))

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def first(client: TestClient) -> None:
    """The lightest of all."""
    way = {"measurement": {"weight": {"value": 0.5, "unit": "kg"}}}
    sent = make.order("o-0", order_number="w0.5", shipping_details=way, shipping_address=make.address())
    assert client.post(URL, json=[sent]).status_code == 200


def walk(page: TestClient, place: str) -> list[str]:
    seen: list[str] = []
    while place:
        shown = page.get(place)
        seen += numbers(shown)
        found = re.search(r'rel="next" href="([^"]+)"', shown.text)
        place = found[1].replace("&amp;", "&") if found else ""
    return seen


def test_the_heaviest_of_all_stands_first(person: Person, first: None, database_url: str) -> None:
    assert first is None
    count = 400
    weights = [9_999.0, *(float(1 + number * 7_919 % count) for number in range(count)), 77_777.0]
    fill(database_url, weights, shipped=1)
    page = person("viewer")
    shown = page.get("/orders?sort=-weight")
    assert numbers(shown)[0] == "w9999"
    assert "77777" not in shown.text
    seen = walk(page, "/orders?sort=-weight&size=200")
    assert seen == [f"w{weight:g}" for weight in sorted([0.5, *weights[:-1]], reverse=True)]
    assert numbers(page.get("/orders?sort=weight&show=all"))[:2] == ["w0.5", "w1"]
    assert numbers(page.get("/orders?sort=-weight&status=unfulfilled"))[0] == "w9999"


def offered(shown: Any) -> set[str]:
    return set(re.findall(r'<th class="c-(\w+)"[^>]*>\s*<a ', shown.text))


@pytest.mark.one_database
def test_a_longer_list_offers_the_sorts_of_an_index_alone(person: Person, first: None, database_url: str) -> None:
    assert first is None
    page = person()
    assert offered(page.get("/orders")) >= {"number", "placed", "weight", "recipient"}
    fill(database_url, [5_000.0, *range(1, sorting.MOST + 1)])
    shown = page.get("/orders?sort=-weight")
    assert offered(shown) == {"number", "shop", "placed"}
    assert numbers(shown)[0] == f"w{sorting.MOST}"  # the newest
    assert "Sorts lists of at most 1,000 orders" in shown.text


@pytest.mark.parametrize("show", ["all", "incoming", "shipped"])
@pytest.mark.parametrize("sort", ["number", "-number", "shop", "-shop", "placed", "-placed", "changed", "weight"])
def test_each_sort_that_is_offered_reads_an_index(
    person: Person, first: None, database_url: str, show: str, sort: str
) -> None:
    """Where there are more orders than are sorted here: nothing that the list asks reads the table from end to end."""
    assert first is None
    fill(database_url, list(range(1, sorting.MOST + 400)), shipped=sorting.MOST + 100)
    page = person("viewer")
    with noting(page) as seen:
        assert page.get(f"/orders?sort={sort}&show={show}&size=50").status_code == 200
    plans = explain(database_url, [(statement, values) for statement, values in seen if "FROM orders" in statement])
    assert len(plans) > 2
    for plan in plans:
        assert not re.search(r"Seq Scan on orders|SCAN orders(?! USING)", plan), plan
