"""The page's statements each name the account, and a list makes as many at any size."""

from collections.abc import Callable

from starlette.testclient import TestClient

from tests import make
from tests.statements import find_unnamed, listening, tables_of
from tests.web.conftest import token

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


def test_every_statement_of_the_page_names_the_account(person: Person, client: TestClient) -> None:
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = [make.order(f"o-{n}", shipping_address=make.address(), shipping_details=measured) for n in range(3)]
    ids = [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]
    page = person("packer")
    with listening(page) as seen:
        lists = ("", "?q=ada&country=NL&tag=a&warnings=1", "?sort=-weight", "?show=shipped&sort=number&q=vis")
        places = [*(f"/orders{query}" for query in lists), f"/orders/{ids[0]}", f"/orders/options?id={ids[0]}"]
        for place in places:
            assert page.get(place).status_code == 200, place
        form = {"csrf": token(page.get("/orders").text)}
        changed = page.post(f"/orders/{ids[0]}", data={**form, "version": "1", "order_details/notes": "ring"})
        assert changed.status_code == 200
        assert page.post("/orders/labels", data={**form, "id": [str(ids[1]), str(ids[2])]}).status_code == 200
        assert page.post("/orders/delete", data={**form, "id": str(ids[0]), "confirmed": "1"}).status_code == 200
        assert page.post("/orders/delete/undo", data={**form, "id": str(ids[0])}).status_code == 200
        assert page.get("/shipments?number=n-o-1").status_code == 200
    ours = [statement for statement in seen if tables_of(statement)]
    assert {"orders", "order_terms", "order_deletions", "shipments"} <= set().union(*map(tables_of, ours))
    assert {statement: found for statement in ours if (found := find_unnamed(statement))} == {}


def test_a_list_makes_as_many_statements_at_any_size(person: Person, client: TestClient) -> None:
    page = person()

    def count(query: str) -> int:
        with listening(page) as seen:
            assert page.get(f"/orders{query}").status_code == 200
        return len([statement for statement in seen if tables_of(statement)])

    client.post(URL, json=[make.order("first", shipping_address=make.address())])
    few = [count(query) for query in ("", "?sort=weight", "?country=NL")]
    more = [
        make.order(
            f"o-{n}",
            shipping_address=make.address(country_code=["NL", "BE", "DE", "FR"][n % 4]),
            order_details={"status": {"code": f"s{n % 9}"}, "tags": [f"t{n % 7}"]},
        )
        for n in range(90)
    ]
    assert client.post(URL, json=more).status_code == 200
    assert [count(query) for query in ("", "?sort=weight", "?country=NL")] == few
