"""The pages of a list: their links, the documented cursors, and walks while others write."""

import base64
import itertools
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP

URL = "/api/v3/orders"
NAMES = ("integration", "order_number", "order_created_at", "order_updated_at", "pk")
SORTS = [f"{sign}{name}" for name in NAMES for sign in ("", "-")]
MIXED = ["integration,-order_created_at", "-order_number,order_updated_at,-integration", "-integration,-order_number"]

_examples = itertools.count()


def push(client: TestClient, *orders: dict[str, Any]) -> list[int]:
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def order_of(name: str, shop: int, number: int, day: int, status: str = "open") -> dict[str, Any]:
    times = {"order_created_at": f"2026-03-{day + 10}T00:00:00Z", "order_updated_at": f"2026-04-{28 - day}T00:00:00Z"}
    return make.order(name, shop, order_number=f"N-é{number}", order_details={"status": {"code": status}, **times})


def encode(query: str) -> str:
    return base64.b64encode(query.encode()).decode()


def get_ids(client: TestClient, query: str) -> list[int]:
    answer = client.get(f"{URL}?{query}")
    assert answer.status_code == 200, answer.text
    return [order["id"] for order in answer.json()["data"]]


def walk(client: TestClient, url: str, rel: str) -> Iterator[tuple[str, list[int]]]:
    """Each page's URL and ids, from `url` along the links of one kind; it must end."""
    for _ in range(60):
        answer = client.get(url)
        assert answer.status_code == 200, answer.text
        yield url, [order["id"] for order in answer.json()["data"]]
        if rel not in answer.links:
            return
        url = answer.links[rel]["url"]
    raise AssertionError("the pages have no end")


@pytest.fixture
def seven(client: TestClient) -> TestClient:
    push(client, *(order_of(f"o-{n}", 1 + n % 2, n // 3, n % 3) for n in range(7)))
    return client


def test_only_the_links_that_exist_are_given(seven: TestClient) -> None:
    assert "Link" not in seven.get(URL).headers
    assert "Link" not in seven.get(f"{URL}?page_size=7").headers
    assert "Link" not in seven.get(f"{URL}?status=none&page_size=1").headers
    first = seven.get(f"{URL}?page_size=3")
    assert set(first.links) == {"next"}
    second = seven.get(first.links["next"]["url"])
    assert set(second.links) == {"prev", "next"}
    assert second.headers["Link"].index('rel="prev"') < second.headers["Link"].index('rel="next"')
    assert set(seven.get(second.links["next"]["url"]).links) == {"prev"}
    assert set(seven.get(second.links["prev"]["url"]).links) == {"next"}


def test_a_link_has_the_form_of_the_contract(seven: TestClient) -> None:
    answer = seven.get(f"{URL}?page_size=3&cursor={encode('p=6')}")
    assert answer.headers["Link"] == (
        f'<http://testserver{URL}?page_size=3&cursor={encode("r=1&p=5").replace("=", "%3D")}>; rel="prev", '
        f'<http://testserver{URL}?page_size=3&cursor={encode("p=3").replace("=", "%3D")}>; rel="next"'
    )
    assert set(answer.json()) == {"data"}


def test_a_link_keeps_every_other_parameter(seven: TestClient) -> None:
    query = (
        "integration[0]=1&integration[1]=2&status=OPEN&order_created_at_min=2026-03-10T02:00:00+02:00"
        "&colour=gr%C3%BCn%20%26%20blau&sort=order_number,-pk&empty=&page_size=2"
    )
    sent = parse_qs(query.replace("+", "%2B"), keep_blank_values=True)
    pages = []
    for url, ids in walk(seven, f"{URL}?{query}", "next"):
        pages.append(ids)
        kept = parse_qs(urlsplit(url).query, keep_blank_values=True)
        kept.pop("cursor", None)
        kept["order_created_at_min"] = [kept["order_created_at_min"][0].replace(" ", "+")]
        assert kept == sent
    assert [len(page) for page in pages] == [2, 2, 2, 1]


def test_links_are_of_the_public_url(serve: Callable[..., TestClient]) -> None:
    for public_url in ("https://orders.example.com", "https://example.com/shop/"):
        client = serve(public_url=public_url)
        client.auth = OWNER
        push(client, make.order("a"), make.order("b"))
        answer = client.get(f"{URL}?page_size=1")
        assert answer.links["next"]["url"].startswith(f"{public_url.rstrip('/')}{URL}?page_size=1&cursor=")


def test_a_trailing_slash_makes_no_other_pages(seven: TestClient) -> None:
    url = seven.get(f"{URL}/?page_size=3").links["next"]["url"]
    assert seven.get(url).json() == seven.get(f"{URL}?page_size=3&cursor={encode('p=5')}").json()


@pytest.mark.parametrize("size", [1, 3, 7])
def test_forward_and_back_are_the_same_pages(seven: TestClient, size: int) -> None:
    for sort in (*SORTS, *MIXED):
        whole = get_ids(seven, f"sort={sort}")
        forward = list(walk(seven, f"{URL}?sort={sort}&page_size={size}", "next"))
        assert [id for _, ids in forward for id in ids] == whole
        assert [len(ids) for _, ids in forward[:-1]] == [size] * (len(forward) - 1)
        back = [ids for _, ids in walk(seven, forward[-1][0], "prev")]
        assert back == [ids for _, ids in reversed(forward)]


def test_the_documented_cursors(client: TestClient) -> None:
    ids = push(client, *(make.order(f"o-{n}") for n in range(100)))
    ids += push(client, *(make.order(f"o-{n}") for n in range(100, 104)))
    newest_first = sorted(ids, reverse=True)
    assert encode("r=1&p=300") == "cj0xJnA9MzAw"
    assert get_ids(client, "cursor=cj0xJnA9MzAw&page_size=200") == []
    assert get_ids(client, f"cursor={encode('p=300')}&page_size=200") == newest_first
    assert get_ids(client, f"cursor={encode('r=1&p=50')}&page_size=3") == [53, 52, 51]
    assert get_ids(client, f"cursor={encode('r=0&p=50')}&page_size=3") == [49, 48, 47]
    assert get_ids(client, f"cursor={encode('p=50&o=2')}&page_size=3") == [47, 46, 45]
    assert get_ids(client, f"cursor={encode('o=0&r=0')}&page_size=200") == newest_first
    assert get_ids(client, f"cursor={encode('o=0&r=0')}") == newest_first[:100]
    assert get_ids(client, f"cursor={encode('o=100')}") == newest_first[100:]
    assert get_ids(client, f"cursor={encode('o=100')}&sort=order_created_at") == sorted(ids)[100:]
    assert get_ids(client, "cursor=") == newest_first[:100]


def test_an_offset_leads_on_and_back(seven: TestClient) -> None:
    answer = seven.get(f"{URL}?page_size=2&cursor={encode('o=3')}")
    assert [order["id"] for order in answer.json()["data"]] == [4, 3]
    ahead, behind = answer.links["next"]["url"], answer.links["prev"]["url"]
    assert [ids for _, ids in walk(seven, ahead, "next")] == [[2, 1]]
    assert [ids for _, ids in walk(seven, behind, "prev")] == [[6, 5], [7]]
    past = seven.get(f"{URL}?page_size=2&cursor={encode('o=50')}")
    assert past.json() == {"data": []}
    assert [ids for _, ids in walk(seven, past.links["prev"]["url"], "prev")] == [[2, 1], [4, 3], [6, 5], [7]]


def test_a_cursor_may_be_written_in_any_base64(seven: TestClient) -> None:
    for written in ("cD00", encode("p=4").rstrip("="), "cj0wJnA9NA", "cj0wJnA9NA=="):
        assert get_ids(seven, f"page_size=2&cursor={written}") == [3, 2]


UNREADABLE = [
    "x",
    "!!!!",
    "ÿÿÿÿ",
    "cj0xJnA9MzAw=A",
    encode("nothing"),
    encode("p=abc"),
    encode("p=1.5"),
    encode("p="),
    encode("p=99999999999999999999"),
    encode("o=-1"),
    encode("o=abc"),
    encode("o=99999999999999999999"),
    encode("r=2"),
    encode("r=yes&p=3"),
    encode('p=["2026-02-30T00:00:00Z",1,3]'),
    base64.b64encode(b"p=\xff\xfe").decode(),
    encode("p=\0"),
]


@pytest.mark.parametrize("sort", ["", "order_number", "-order_created_at,integration"])
def test_a_cursor_that_cannot_be_read_is_not_found(seven: TestClient, sort: str) -> None:
    fault = {"status": "404", "code": "not_found", "title": "Invalid cursor", "detail": "Invalid cursor"}
    odd = (
        UNREADABLE if not sort else [*UNREADABLE, encode("p=3"), encode('p=["a"]'), encode("p={}"), encode("p=[3,{}]")]
    )
    for cursor in odd:
        answer = seven.get(URL, params={"cursor": cursor, "sort": sort})
        assert (answer.status_code, answer.json()) == (404, {"errors": [fault]}), cursor


# Each is six bytes when its case is folded, the most that a character can be.
WIDE = [chr(point) for point in range(0x370, 0x2000) if len(chr(point).casefold().encode()) >= 6]


def test_the_longest_texts_can_be_stored_and_paged_by(client: TestClient) -> None:
    """No index of any database and no cursor is too small for them."""
    random = Random(7)
    long = ["".join(random.choices(WIDE, k=400)) for _ in range(3)] + ["\x01" * 400]
    sent = [make.order(text, order_number=text, order_details={"status": {"code": text}}) for text in long]
    ids = push(client, *sent)
    in_order = [id for _, id in sorted(zip(long, ids, strict=True))]
    pages = [page for _, page in walk(client, f"{URL}?sort=order_number,-order_created_at&page_size=1", "next")]
    assert pages == [[id] for id in in_order]
    for name in ("order_id", "order_number", "status"):
        found = client.get(URL, params={name: long[0].casefold()}).json()["data"]
        assert [order["id"] for order in found] == ids[:1]


def test_longer_texts_are_refused_at_their_places(client: TestClient) -> None:
    long = "x" * 401
    answer = client.post(URL, json=[make.order(long, order_number=long, order_details={"status": {"code": long}})])
    assert [(fault["source"]["pointer"], fault["detail"]) for fault in answer.json()["errors"]] == [
        (f"/data/attributes/[0]/{place}", "String should have at most 400 characters")
        for place in ("order_id", "order_number", "order_details/status/code")
    ]


ATTRIBUTES = st.tuples(st.sampled_from([SHOP, SECOND_SHOP]), st.integers(0, 2), st.integers(0, 2))
CHANGE = st.one_of(
    st.tuples(st.just("insert"), ATTRIBUTES),
    st.tuples(st.just("move"), ATTRIBUTES),
    st.tuples(st.just("delete"), st.none()),
    st.tuples(st.just("touch"), st.integers(0, 8)),
)


class Shelf:
    """The orders of one example, known by a status of their own: some stay, some are moved and deleted meanwhile."""

    def __init__(self, client: TestClient, lasting: list[Any], passing: list[Any]) -> None:
        self.client = client
        self.status = f"example-{next(_examples)}"
        self._names = (f"{self.status}-{n}" for n in itertools.count())
        self.passing: dict[int, tuple[str, int]] = {}
        orders = [
            order_of(next(self._names), values[0], values[1], values[2], self.status) for values in [*lasting, *passing]
        ]
        ids = push(client, *orders) if orders else []
        self.lasting = ids[: len(lasting)]
        for id, sent in zip(ids[len(lasting) :], orders[len(lasting) :], strict=True):
            self._note(id, sent)

    def change(self, kind: str, values: Any) -> None:
        if kind == "insert":
            made = order_of(next(self._names), values[0], values[1], values[2], self.status)
            [id] = push(self.client, made)
            self._note(id, made)
        elif kind == "touch" and self.lasting:
            self._touch(self.lasting[values % len(self.lasting)])
        elif kind == "move" and self.passing:
            name, shop = next(iter(self.passing.values()))
            push(self.client, order_of(name, shop, values[1], values[2], self.status))
        elif kind == "delete" and self.passing:
            id = self.passing.popitem()[0]
            assert self.client.delete(f"{URL}/{id}").status_code == 204

    def _touch(self, id: int) -> None:
        """A change of a lasting order that leaves its sort values."""
        answer = self.client.patch(f"{URL}/{id}", json={"order_details": {"notes": f"touched {next(_examples)}"}})
        assert answer.status_code == 200

    def _note(self, id: int, sent: dict[str, Any]) -> None:
        self.passing[id] = (sent["order_id"], sent["order_details"]["integration"]["id"])


@pytest.mark.parametrize("sort", [*SORTS, *MIXED])
def test_a_walk_loses_and_repeats_nothing_while_others_write(client: TestClient, sort: str) -> None:
    @settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(
        lasting=st.lists(ATTRIBUTES, min_size=1, max_size=9),
        passing=st.lists(ATTRIBUTES, max_size=6),
        changes=st.lists(st.lists(CHANGE, max_size=3), min_size=4, max_size=8),
        size=st.integers(1, 4),
        backwards=st.booleans(),
    )
    def law(lasting: list[Any], passing: list[Any], changes: list[Any], size: int, *, backwards: bool) -> None:
        shelf = Shelf(client, lasting, passing)
        query = f"{URL}?status={shelf.status}&sort={sort}&page_size={size}"
        start, rel = (f"{query}&cursor={encode('r=1')}", "prev") if backwards else (query, "next")
        pending = iter(changes)
        seen: list[int] = []
        for _, ids in walk(client, start, rel):
            seen += reversed(ids) if backwards else ids
            for change in next(pending, ()):
                shelf.change(*change)
        met = [id for id in seen if id in set(shelf.lasting)]
        expected = [id for id in get_ids(client, query.replace(f"page_size={size}", "page_size=200")) if id in met]
        assert sorted(met) == sorted(shelf.lasting)
        assert met == (expected[::-1] if backwards else expected)

    law()
