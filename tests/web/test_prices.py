"""Prices beside the options that people choose from, and the sum of a selection before its labels are made."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.carriers import registry
from packhouse.settings import Settings
from tests import make
from tests.conftest import OWNER
from tests.shipping.test_carrier_rates import RatingCarrier
from tests.shipping.test_rates import NL, find, make_table, totals, weigh
from tests.statements import find_unnamed, listening, tables_of
from tests.web.conftest import EMAILS, sign_in, token

Person = Callable[..., TestClient]
URL = "/api/v3/orders"
CSV = """option_code,zone,max_weight_kg,type,price,lead_time_hours
house:standard,NL,2,,5.00,48
house:standard,NL,10,,7.50,48
house:standard,DE,10,,12.00,72
house:express,*,10,,9.95,12
house:standard,,,fuel,10%,
"""


def push(client: TestClient, *orders: tuple[str, str, float | None]) -> list[int]:
    """Orders by id, country and weight."""
    sent = []
    for id, country, weight in orders:
        measured = {} if weight is None else {"measurement": {"weight": {"value": weight, "unit": "kg"}}}
        address = make.address(country_code=country)
        sent.append(make.order(id, shipping_address=address, shipping_details=measured))
    return [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]


def read_options(text: str, name: str = "option") -> dict[str, str]:
    """The words of each option of a list by its code."""
    found = re.search(rf'<select name="{name}".*?</select>', text, re.DOTALL)
    assert found is not None, text[:2000]
    pairs = re.findall(r'<option value="([^"]*)"[^>]*>(.*?)</option>', found[0], re.DOTALL)
    return {code: html.unescape(words) for code, words in pairs}


def read_sum(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", text)).split())


def test_the_form_for_a_label_names_the_price_of_each_option(person: Person, client: TestClient) -> None:
    make_table(client, CSV)
    [id] = push(client, ("a", "NL", 3))
    page = person("packer")
    shown = read_options(page.get(f"/orders/{id}").text)
    assert shown["house:standard"].endswith(" – €8.25, 2 days · cheapest")
    assert shown["house:express"].endswith(" – €9.95, 12 hours · fastest")
    assert all("€" not in words for code, words in shown.items() if code.startswith(("post:", "sendcloud:")))
    assert shown[""] == "★ Own delivery – €8.25, 2 days · cheapest – the account's default"
    api = totals(find(client, **NL, parcels=[weigh("3")], calculate_quotes=True))
    assert api == {"house:standard": "8.25", "house:express": "9.95"}


@pytest.mark.one_database
def test_a_typed_weight_has_its_own_price(person: Person, client: TestClient) -> None:
    make_table(client, CSV)
    [id] = push(client, ("a", "NL", None))
    page = person("packer", language="en")
    text = page.get(f"/orders/{id}").text
    assert "nobody knows what it weighs" in text
    assert "€8" not in text
    form = {"csrf": token(text), "parcel": "0", "parcels/0/weight/value": "1500", "parcels/0/weight/unit": "g"}
    told = page.post(f"/orders/{id}/prices", data={**form, "option": "house:express"})
    assert told.status_code == 200
    assert read_options(told.text)["house:standard"].endswith(" – €5.50, 2 days · cheapest")
    assert 'value="house:express" selected' in told.text
    unread = page.post(f"/orders/{id}/prices", data={**form, "parcels/0/weight/value": "heavy"})
    assert "nobody knows what it weighs" in unread.text
    assert page.post("/orders/99/prices", data=form).status_code == 404
    two = {"parcel": ["0", "1"], "parcels/0/items/0": "1", "parcels/1/items/0": "1"}
    both = page.post(f"/orders/{id}/prices", data={**form, **two, "parcels/1/weight/value": "3"})
    assert read_options(both.text)["house:standard"].endswith(" – €13.75, 2 days · cheapest")


@pytest.mark.one_database
def test_without_rates_no_price_is_spoken_of(person: Person, client: TestClient) -> None:
    [id] = push(client, ("a", "NL", None))
    text = person("packer").get(f"/orders/{id}").text
    assert "nobody knows" not in text
    assert "cheapest" not in text


@pytest.mark.one_database
def test_the_cheapest_of_a_rule_is_the_one_that_the_page_suggests(person: Person, client: TestClient) -> None:
    make_table(client, CSV)
    rule = {"name": "Cheap", "actions": {"cheapest_of": ["house:express", "house:standard"]}}
    assert client.post("/api/packhouse/shipping-rules", json=rule).status_code == 201
    [id] = push(client, ("a", "NL", 3))
    shown = read_options(person("packer").get(f"/orders/{id}").text)
    assert shown[""] == "★ Own delivery – €8.25, 2 days · cheapest – by the rule “Cheap”"


def test_a_selection_names_its_sum_and_how_many_have_no_price(person: Person, client: TestClient) -> None:
    make_table(client, CSV)
    ids = push(client, ("a", "NL", 1), ("b", "NL", 3), ("c", "NL", None))
    page = person("packer")
    shown = read_options(page.get(f"/orders/options?id={ids[0]}&id={ids[1]}&id={ids[2]}").text)
    assert shown[""] == "★ Own delivery – €13.75 (1 without a price) – the account's default"
    assert shown["house:express"].endswith(" – €19.90 (1 without a price)")
    both = read_options(page.get(f"/orders/options?id={ids[0]}&id={ids[1]}").text)
    assert both["house:standard"].endswith(" – €13.75, 2 days · cheapest")
    table = page.get(f"/labels/new?orders={ids[0]}-{ids[2]}").text
    assert "2 labels for €13.75 1 order without a price" in read_sum(table)
    assert read_options(table, f"orders/{ids[1]}/option")["house:standard"].endswith("€8.25, 2 days · cheapest")
    form: dict[str, Any] = {"csrf": token(table), "row": [str(id) for id in ids], "id": [str(ids[0]), str(ids[2])]}
    form |= {f"orders/{ids[2]}/weight/value": "9", f"orders/{ids[2]}/weight/unit": "kg"}
    form |= {f"orders/{ids[0]}/option": "house:express"}
    told = page.post(f"/labels/new/prices?changed={ids[2]}", data=form)
    assert "2 labels for €18.20" in read_sum(told.text)
    again = read_options(told.text, f"orders/{ids[2]}/option")
    assert again["house:standard"].endswith(" – €8.25, 2 days · cheapest")


def test_the_prices_of_many_orders_take_the_statements_of_one(person: Person, client: TestClient) -> None:
    make_table(client, CSV)
    make_table(client, CSV, name="other")
    ids = push(client, *((f"o-{n}", ("NL", "DE")[n % 2], 1 + n % 9) for n in range(40)))
    page = person("packer")

    def count(place: str) -> int:
        with listening(page) as seen:
            assert page.get(place).status_code == 200
        ours = [statement for statement in seen if tables_of(statement)]
        assert len([statement for statement in ours if "rate_tables" in tables_of(statement)]) == 1
        assert {statement for statement in ours if find_unnamed(statement)} == set()
        return len(ours)

    page.get(f"/orders/{ids[0]}")  # the first use of all makes the account's set-up
    assert count("/orders/options?id=" + "&id=".join(map(str, ids))) == count(f"/orders/options?id={ids[0]}")
    assert count(f"/labels/new?orders={ids[0]}-{ids[-1]}") == count(f"/labels/new?orders={ids[0]}")


@pytest.mark.one_database
def test_carriers_are_asked_for_prices_when_somebody_says_so(database_url: str, people: None) -> None:
    assert people is None
    carrier = RatingCarrier()
    app = create_app(Settings(database_url=database_url), carriers=[*registry.find_carriers(), carrier])
    with TestClient(app, headers={"accept": "text/html"}) as page:
        page.post("/api/packhouse/contracts", json={"carrier_code": "fake"}, auth=OWNER)
        measured = {"measurement": {"weight": {"value": 3, "unit": "kg"}}}
        sent = [make.order("a", shipping_address=make.address(), shipping_details=measured)]
        [order] = page.post(URL, json=sent, auth=OWNER).json()["data"]
        sign_in(page, EMAILS["packer"])
        text = page.get(f"/orders/{order['id']}").text
        assert "Ask the carriers for prices" in text
        assert carrier.rated == []
        form = {"csrf": token(text), "parcel": "0"}
        told = page.post(f"/orders/{order['id']}/prices?ask=1", data=form).text
        assert read_options(told)["fake:local"].endswith(" – €3.20, 2 days · cheapest")
        assert "Ask the carriers" not in told
        carrier.mood = "strict"
        refused = page.post(f"/orders/{order['id']}/prices?ask=1", data=form).text
        assert "Fake Carrier tells no prices: The postal code is not served." in refused
