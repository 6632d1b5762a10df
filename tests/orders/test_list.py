"""GET /orders: what narrows a list, what sorts it, and what is answered to a parameter that can't be read."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP, STRANGER, STRANGERS_SHOP
from tests.statements import listening

URL = "/api/v3/orders"


def push(client: TestClient, *orders: dict[str, Any]) -> list[int]:
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def names(client: TestClient, query: str = "") -> list[str]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.text
    return [order["order_id"] for order in answer.json()["data"]]


def faults(client: TestClient, query: str) -> list[dict[str, Any]]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 400, answer.text
    found: list[dict[str, Any]] = answer.json()["errors"]
    return found


def order(name: str, shop: int, number: str, status: str, created: str, updated: str | None = None) -> dict[str, Any]:
    details: dict[str, Any] = {"status": {"code": status}, "order_created_at": created}
    if updated:
        details["order_updated_at"] = updated
    return make.order(name, shop, order_number=number, order_details=details)


@pytest.fixture
def shelf(client: TestClient) -> TestClient:
    push(
        client,
        order("a", SHOP, "N-1", "Paid", "2026-03-14T00:00:00Z", "2026-03-20T12:00:00Z"),
        order("B", SHOP, "n-1", "open", "2026-03-14T23:59:59.999999Z", "2026-03-21T00:00:00Z"),
        order("b", SECOND_SHOP, "ÉTÉ", "PAID", "2026-03-15T00:00:00Z"),
        order("Straße", SECOND_SHOP, "été", "Ärger", "2026-03-15T01:00:00+02:00", "2026-03-20T23:59:59.999999Z"),
    )
    return client


# Query -> who is found, sorted. A parameter occurs here once alone; the pairs are made of these.
ALONE: list[tuple[str, set[str]]] = [
    ("integration=,", {"a", "B", "b", "Straße"}),
    ("integration=%20,,", {"a", "B", "b", "Straße"}),
    (f"integration={SHOP}", {"a", "B"}),
    (f"integration={SHOP},{SECOND_SHOP}", {"a", "B", "b", "Straße"}),
    ("order_number=N-1", {"a", "B"}),
    ("order_number=%C3%A9t%C3%A9", {"b", "Straße"}),
    ("order_id=B", {"B", "b"}),
    ("order_id=STRASSE", {"Straße"}),
    ("status=paid", {"a", "b"}),
    ("status=%C3%A4RGER", {"Straße"}),
    ("order_created_at=2026-03-14", {"a", "B", "Straße"}),
    ("order_created_at=2026-03-14T00:00:00Z", {"a"}),
    ("order_created_at_min=2026-03-15", {"b"}),
    ("order_created_at_min=2026-03-14T23:59:59.999999Z", {"B", "b"}),
    ("order_created_at_max=2026-03-14", {"a", "B", "Straße"}),
    ("order_created_at_max=2026-03-14T23:00:00Z", {"a", "Straße"}),
    ("order_updated_at=2026-03-20", {"a", "Straße"}),
    ("order_updated_at=2026-03-15T00:00:00Z", {"b"}),
    ("order_updated_at_min=2026-03-20T12:00:00Z", {"a", "B", "Straße"}),
    ("order_updated_at_min=2026-03-21", {"B"}),
    ("order_updated_at_max=2026-03-20", {"a", "b", "Straße"}),
    ("order_updated_at_max=2026-03-20T12:00:00Z", {"a", "b"}),
]


def test_each_filter_narrows_the_list_alone_and_with_another(shelf: TestClient) -> None:
    for query, expected in ALONE:
        assert set(names(shelf, query)) == expected, query
    for (first, found), (second, found_too) in itertools.combinations(ALONE, 2):
        if first.partition("=")[0] != second.partition("=")[0]:
            assert set(names(shelf, f"{first}&{second}")) == found & found_too, (first, second)


def test_filters_match_the_whole_text(shelf: TestClient) -> None:
    for query in ("order_number=N", "order_id=Stra", "status=pai", "order_number=N-1%25", "status=%25", "order_id=_"):
        assert names(shelf, query) == []


def test_an_offset_in_the_query_may_hold_its_plus_as_it_is(shelf: TestClient) -> None:
    for written in ("2026-03-15T01:00:00+02:00", "2026-03-15T01:00:00%2B02:00", "2026-03-14T18:00:00-05:00"):
        assert names(shelf, f"order_created_at={written}") == ["Straße"]
    assert names(shelf, "order_created_at=2026-03-14T23:00:00") == ["Straße"]
    assert names(shelf, "order_created_at=2026-03-14T23:00:00.000001") == []


@pytest.mark.parametrize(
    "query",
    [
        f"integration={SHOP},{SECOND_SHOP}",
        f"integration[0]={SHOP}&integration[1]={SECOND_SHOP}",
        f"integration%5B0%5D={SHOP}&integration%5B1%5D={SECOND_SHOP}",
        f"integration[]={SHOP}&integration[]={SECOND_SHOP}",
        f"integration={SHOP}&integration={SECOND_SHOP}",
        f"integration={SHOP}&integration[0]={SECOND_SHOP}",
        f"integration={SECOND_SHOP},{SHOP},{SHOP}",
    ],
)
def test_integrations_may_be_listed_in_three_ways(shelf: TestClient, query: str) -> None:
    push(shelf, make.order("plain"))
    assert names(shelf, query) == names(shelf)
    assert len(names(shelf, f"integration[0]={SECOND_SHOP}")) == 2


@pytest.mark.parametrize("wanted", ["128", str(STRANGERS_SHOP), "abc", "1.5", "-1", "0", "99999999999999999999"])
def test_an_integration_that_is_not_the_accounts_is_no_choice(shelf: TestClient, wanted: str) -> None:
    fault = {
        "status": "400",
        "code": "invalid_choice",
        "title": "Invalid Choice",
        "detail": f"Select a valid choice. {wanted} is not one of the available choices.",
        "source": {"parameter": "integration"},
    }
    for query in (f"integration={wanted}", f"integration={SHOP},{wanted}", f"integration[0]={wanted}"):
        assert faults(shelf, query) == [fault]


BAD = {
    "integration": "128",
    "page_size": "many",
    "order_created_at": "yesterday",
    "order_created_at_min": "2026-02-30",
    "order_created_at_max": "2026-13-01T00:00:00Z",
    "order_updated_at": "14-03-2026",
    "order_updated_at_min": "0001-01-01T00:00:00+14:00",
    "order_updated_at_max": "2026-03-14T25:00:00Z",
    "order_number": "%00",
    "order_id": "a%00",
    "status": "%00b",
}


def test_every_bad_value_names_its_parameter_and_all_are_named_at_once(shelf: TestClient) -> None:
    for name, value in BAD.items():
        assert [fault["source"] for fault in faults(shelf, f"{name}={value}")] == [{"parameter": name}]
    for (first, value), (second, other) in itertools.combinations(BAD.items(), 2):
        found = faults(shelf, f"{first}={value}&{second}={other}")
        assert {fault["source"]["parameter"] for fault in found} == {first, second}
    found = faults(shelf, "&".join(f"{name}={value}" for name, value in BAD.items()))
    assert sorted(fault["source"]["parameter"] for fault in found) == sorted(BAD)


def test_unknown_parameters_are_ignored(shelf: TestClient) -> None:
    assert names(shelf, "colour=green&order_numbers=x&pagesize=1&Status=none&_=1") == names(shelf)


def test_the_list_is_of_the_account_alone(shelf: TestClient) -> None:
    assert shelf.get(URL, auth=STRANGER).json() == {"data": []}
    shelf.post(URL, json=[make.order("theirs", STRANGERS_SHOP)], auth=STRANGER)
    assert names(shelf) == ["Straße", "b", "B", "a"]


def test_a_listed_order_is_the_one_that_is_read_alone(shelf: TestClient) -> None:
    for listed in shelf.get(URL).json()["data"]:
        assert shelf.get(f"{URL}/{listed['id']}").json() == {"data": listed}


# Ordered by code point; by the rules of a language, or by UTF-16, or folded, each would come otherwise.
TEXTS = ["'", "B", "Z", "a", "a b", "a-b", "ab", "a\u0301", "é", "ﬀ", "𝔞"]


def test_texts_sort_by_code_point(client: TestClient) -> None:
    push(client, *(make.order(f"o-{text}", order_number=text) for text in reversed(TEXTS)))
    expected = [f"o-{text}" for text in sorted(TEXTS)]
    assert names(client, "sort=order_number") == expected
    assert names(client, "sort=-order_number") == expected[::-1]
    assert names(client, "sort=order_number&page_size=200&status=unfulfilled") == expected


def mixed(n: int) -> dict[str, Any]:
    """Few values, so that every sort meets ties."""
    created, updated = f"2026-03-{14 + n % 3}T00:00:00Z", f"2026-04-0{1 + n % 4}T00:00:00.00000{n % 2}Z"
    return order(f"o-{n}", 1 + n % 2, f"N-{n // 3 % 3}", "open", created, updated)


SORT_KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "integration": lambda order: order["order_details"]["integration"]["id"],
    "order_number": lambda order: order["order_number"],
    "order_created_at": lambda order: order["order_details"]["order_created_at"],
    "order_updated_at": lambda order: order["order_details"]["order_updated_at"],
    "pk": lambda order: order["id"],
}


def expect(orders: list[dict[str, Any]], sort: str) -> list[str]:
    """Sorted by the keys in turn; ties by id, in the direction of the last key."""
    parts = sort.split(",")
    ordered = sorted(orders, key=SORT_KEYS["pk"], reverse=parts[-1].startswith("-"))
    for part in reversed(parts):
        ordered.sort(key=SORT_KEYS[part.removeprefix("-")], reverse=part.startswith("-"))
    return [order["order_id"] for order in ordered]


def test_every_sort_runs_both_ways_and_with_every_other(client: TestClient) -> None:
    push(client, *(mixed(n) for n in range(24)))
    orders = client.get(URL).json()["data"]
    ways = [f"{sign}{name}" for name in SORT_KEYS for sign in ("", "-")]
    pairs = [f"{a},{b}" for a, b in itertools.permutations(ways, 2) if a.strip("-") != b.strip("-") != "pk"]
    for sort in [*ways, *pairs, "integration,-order_number,order_created_at", "-integration,pk"]:
        found = names(client, f"sort={sort}")
        if sort.removeprefix("-").startswith("pk"):
            assert found == expect(orders, sort.partition(",")[0]), sort
        elif sort.lstrip("-") in SORT_KEYS or "," in sort:
            assert found == expect(orders, sort), sort


@pytest.mark.parametrize("sort", ["colour", "", "-", ",", "ID", "PK", "order_id", "--pk", "colour,-colour"])
def test_an_unsupported_sort_means_the_default(client: TestClient, sort: str) -> None:
    ids = push(client, *(mixed(n) for n in range(6)))
    listed = [order["id"] for order in client.get(URL, params={"sort": sort}).json()["data"]]
    assert listed == sorted(ids, reverse=True)


def test_of_a_sort_given_twice_the_first_counts(client: TestClient) -> None:
    push(client, *(mixed(n) for n in range(12)))
    for twice, once in (
        ("order_number,-order_number", "order_number"),
        ("-order_number,integration,order_number", "-order_number,integration"),
        ("pk,-pk", "pk"),
    ):
        assert names(client, f"sort={twice}") == names(client, f"sort={once}")
    assert names(client, "sort=order_number&sort=-order_number") == names(client, "sort=order_number")


def test_a_page_holds_1_to_200_orders_and_100_unless_asked(client: TestClient) -> None:
    for start in (0, 100, 200):
        push(client, *(make.order(f"o-{n}") for n in range(start, min(start + 100, 205))))
    assert len(names(client)) == 100
    for size in (1, 99, 101, 200):
        assert len(names(client, f"page_size={size}")) == size
    for bad in ("0", "201", "-1", "1.5", "ten", "1e2", "99999999999999999999", "%D9%A1"):
        [fault] = faults(client, f"page_size={bad}")
        assert (fault["code"], fault["source"]) == ("invalid", {"parameter": "page_size"})


def count_reads(client: TestClient, query: str) -> int:
    with listening(client) as seen:
        names(client, query)
    assert seen
    return len(seen)


def test_a_list_makes_as_many_statements_at_any_size_and_depth(client: TestClient) -> None:
    push(client, *(mixed(n) for n in range(100)))
    for sort in ("-pk", "order_number,-order_created_at"):
        assert len({count_reads(client, f"sort={sort}&page_size={size}") for size in (1, 10, 100, 200)}) == 1
        depths = []
        query = f"sort={sort}&page_size=9"
        while "next" in (links := client.get(f"{URL}?{query}").links):
            depths.append(count_reads(client, query := links["next"]["url"].partition("?")[2]))
        assert len(depths) == 11
        assert len(set(depths)) == 1
        assert max(depths) <= 4


def count_writes(client: TestClient, *orders: dict[str, Any]) -> int:
    with listening(client) as seen:
        push(client, *orders)
    return len([statement for statement in seen if not statement.startswith("BEGIN")])


def test_a_batch_makes_as_many_statements_at_any_size(client: TestClient) -> None:
    push(client, make.order("warm"))
    created = {count_writes(client, *(mixed(n) for n in range(size, 2 * size))) for size in (2, 10, 100)}
    updated = {
        count_writes(client, *(mixed(n) | {"order_number": f"U-{size}-{n}"} for n in range(100, 100 + size)))
        for size in (1, 10, 100)
    }
    assert len(created) == len(updated) == 1
    assert max(created | updated) <= 8


def test_the_reference_profile_lists_ids_as_texts(serve: Callable[..., TestClient]) -> None:
    client = serve(profile="reference")
    client.auth = OWNER
    client.post(URL, json=[make.order()])
    assert [order["id"] for order in client.get(URL).json()["data"]] == ["1"]
