"""A list by a column without an index: exact over all that matches, up to so many that the page says so."""

import asyncio
import re
from collections.abc import Callable, Sequence

import orjson
import pytest
from sqlalchemy import insert, select
from starlette.testclient import TestClient

from packhouse.kit.db import Database
from packhouse.orders.tables import orders
from packhouse.web.orders import sorting
from tests import make
from tests.test_sharding import find_unnamed, listening, tables_of
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
        await db.close()

    asyncio.run(copy())


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
    count = sorting.AT_ONCE + 400
    weights = [9_999.0, *(float(1 + number * 7_919 % count) for number in range(count)), 77_777.0]
    fill(database_url, weights, shipped=1)
    page = person("viewer")
    shown = page.get("/orders?sort=-weight")
    assert numbers(shown)[0] == "w9999"
    assert "Sorted among" not in shown.text
    assert "77777" not in shown.text
    seen = walk(page, "/orders?sort=-weight&size=200")
    assert seen == [f"w{weight:g}" for weight in sorted([0.5, *weights[:-1]], reverse=True)]
    assert numbers(page.get("/orders?sort=weight&show=all"))[:2] == ["w0.5", "w1"]
    assert numbers(page.get("/orders?sort=-weight&status=unfulfilled"))[0] == "w9999"


def test_of_more_the_newest_are_sorted_and_it_is_said(person: Person, first: None, database_url: str) -> None:
    assert first is None
    fill(database_url, [5_000.0, *range(1, sorting.MOST + 1)])
    shown = person().get("/orders?sort=-weight")
    assert numbers(shown)[0] == f"w{sorting.MOST:g}"
    assert "Sorted among the newest 10,000 of these orders" in shown.text


def test_documents_are_read_in_parts(person: Person, first: None, database_url: str) -> None:
    """A statement for each part, so that they are never in memory together."""
    assert first is None
    page = person()

    def count() -> int:
        with listening(page) as seen:
            assert numbers(page.get("/orders?sort=weight&size=50"))[0] == "w0.5"
        assert {statement: found for statement in seen if (found := find_unnamed(statement))} == {}
        return len([statement for statement in seen if tables_of(statement)])

    few = count()
    fill(database_url, list(range(1, 2 * sorting.AT_ONCE + 1)))
    assert count() == few + 4  # two parts more, each asked for what stands before it too
