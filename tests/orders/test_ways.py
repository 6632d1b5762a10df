"""Lists of more orders than are gathered: walked, one arm an integration; with the same number of statements."""

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.orders import list_plan
from packhouse.orders.tables import orders, to_row
from tests import make
from tests.conftest import SECOND_SHOP, SHOP
from tests.orders.test_list import count_reads, expect, names

URL = "/api/v3/orders"
COUNT = 6_000
DAY = datetime(2026, 3, 1, tzinfo=UTC)


def make_order(n: int) -> dict[str, Any]:
    """Of every filter a common value, and a rare one that few others meet."""
    created, updated = (DAY + timedelta(seconds=n * prime % COUNT) for prime in (4_999, 3_001))
    details = {
        "status": {"code": "rare" if n % 1000 == 0 else "Common"},
        "order_created_at": clock.to_wire(created),
        "order_updated_at": clock.to_wire(updated),
    }
    shop = SECOND_SHOP if n % 500 < 10 else SHOP
    return make.order(f"o-{n}", shop, order_number=f"N-{n * 7 % 1000}", order_details=details)


MADE = [make_order(n) for n in range(1, COUNT + 1)]
LISTED = [{**order, "id": id} for id, order in enumerate(MADE, 1)]


@pytest.fixture
def full(client: TestClient, database_url: str) -> TestClient:
    async def fill() -> None:
        db = Database(database_url)
        columns = {"account_id": 1, "version": 1, "created_at": DAY, "created_by": "test:1", "modified_at": DAY}
        async with db.begin() as tx:
            await tx.upsert(orders, [to_row(order, id=id, **columns) for id, order in enumerate(MADE, 1)])
        await db.close()

    asyncio.run(fill())
    return client


def details(order: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = order["order_details"]
    return found


def moment(seconds: int) -> str:
    return clock.to_wire(DAY + timedelta(seconds=seconds))


# Common and rare values of each filter, with what they let through.
FILTERS: dict[str, Any] = {
    f"integration={SHOP}": lambda o: details(o)["integration"]["id"] == SHOP,
    f"integration={SECOND_SHOP}": lambda o: details(o)["integration"]["id"] == SECOND_SHOP,
    f"integration={SHOP},{SECOND_SHOP}": lambda _: True,
    "status=COMMON": lambda o: details(o)["status"]["code"] == "Common",
    "status=rare": lambda o: details(o)["status"]["code"] == "rare",
    "order_number=n-7": lambda o: o["order_number"] == "N-7",
    "order_id=O-77": lambda o: o["order_id"] == "o-77",
    "order_created_at_min=2026-03-01": lambda _: True,
    f"order_created_at_min={moment(COUNT - 9)}": lambda o: details(o)["order_created_at"] >= moment(COUNT - 9),
    f"order_created_at_max={moment(COUNT - 400)}": lambda o: details(o)["order_created_at"] <= moment(COUNT - 400),
    f"order_updated_at_max={moment(COUNT - 400)}": lambda o: details(o)["order_updated_at"] <= moment(COUNT - 400),
    "order_updated_at=2026-03-01": lambda _: True,
}
SORTS = [
    "-pk",
    "order_number",
    "-order_created_at",
    "order_updated_at,order_number",
    "integration,-order_created_at",
    "-integration,order_number",
    "integration,-pk",
]


def to_query(parts: tuple[str, ...]) -> str:
    return "&".join(parts).replace("+", "%2B")


def test_there_are_more_than_are_gathered() -> None:
    assert COUNT - 400 > list_plan.MOST_SORTED


def test_common_and_rare_filters_in_pairs_find_the_same_as_a_look_at_each_order(full: TestClient) -> None:
    for (first, lets), (second, lets_too) in itertools.combinations(FILTERS.items(), 2):
        if first.partition("=")[0] == second.partition("=")[0]:
            continue
        expected = expect([order for order in LISTED if lets(order) and lets_too(order)], "-pk")[:50]
        assert names(full, f"{to_query((first, second))}&page_size=50") == expected, (first, second)


@pytest.mark.parametrize("sort", SORTS)
def test_every_sort_walks_on_from_page_to_page(full: TestClient, sort: str) -> None:
    for query, lets in {"": lambda _: True, **FILTERS}.items():
        expected = expect([order for order in LISTED if lets(order)], sort)
        url, found = f"{URL}?sort={sort}&page_size=30&{to_query((query,))}", []
        for _ in range(3):
            answer = full.get(url)
            found += [order["order_id"] for order in answer.json()["data"]]
            if "next" not in answer.links:
                break
            url = answer.links["next"]["url"]
        assert found == expected[:90], query
        assert len(expected) <= 90 or len(found) == 90
        if "prev" in answer.links and len(found) == 90:
            back = [order["order_id"] for order in full.get(answer.links["prev"]["url"]).json()["data"]]
            assert back == expected[30:60], query


def test_the_boundary_between_integrations_is_crossed(full: TestClient) -> None:
    expected = expect(LISTED, "-integration,-order_created_at")
    url, found = f"{URL}?sort=-integration,-order_created_at&page_size=50", []
    for _ in range(4):
        answer = full.get(url)
        found += [order["order_id"] for order in answer.json()["data"]]
        url = answer.links["next"]["url"]
    assert found == expected[:200]
    assert len({details(order)["integration"]["id"] for order in LISTED if order["order_id"] in found}) == 2


def test_a_list_makes_as_many_statements_in_a_full_table_as_in_an_empty_one(
    client: TestClient, request: pytest.FixtureRequest
) -> None:
    queries = ["", *(f"{a}&{b}" for a, b in itertools.pairwise(to_query((part,)) for part in FILTERS))]
    queries = [f"sort={sort}&{query}" for sort in SORTS for query in queries]
    empty = [count_reads(client, query) for query in queries]
    full: TestClient = request.getfixturevalue("full")
    assert [count_reads(full, query) for query in queries] == empty
    assert max(empty) <= 5
