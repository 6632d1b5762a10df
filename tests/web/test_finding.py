"""Orders are found as people ask: in their spelling, with a wrong letter, by what is printed on a parcel."""

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from packhouse.orders import words
from tests import make
from tests.conftest import SHOP
from tests.web.world import query

ORDERS = "/api/v3/orders"
Find = Callable[[str], list[str]]

BATCH = [
    make.order(
        "1",
        order_number="WEB-1001",
        shipping_address=make.address(name="Zoë Łukasiewicz", phone_number="+31 6 1234 5678"),
        order_details={"order_items": [make.item(name="Teapot “Blå”, blue", sku="TP-1", ean="8712345678906")]},
    ),
    make.order(
        "2",
        order_number="#1002",
        shipping_address=make.address(
            name="Jørgen Weiß-Müller", address_line_1="Große Bergstraße", city="Köln", country_code="DE",
            postal_code="50667", phone_number="0221 4710 123",
        ),
    ),
]  # fmt: skip


@pytest.fixture
def find(person: Callable[..., TestClient], client: TestClient, do_jobs: Callable[..., None]) -> Find:
    assert client.post(ORDERS, json=BATCH).status_code == 200
    do_jobs()
    browser = person("viewer")

    def ask(text: str) -> list[str]:
        shown = browser.get(f"/orders?q={quote(text)}").text
        return sorted(re.findall(r">(#?[A-Z]*-?100\d)</a>", shown))

    return ask


FIRST = [
    "WEB-1001", "web-1001", "1001", "#1001", "TP-1", "8712345678906", "08712345678906", "8712 3456 78906",
    "teapot", "Teapott", "blå teapot", "bla", "06-12345678", "0612345678", "+31 6 12345678", "0031612345678",
    "Keizersgracht", "keizersgracht 12", "Keisersgracht", "Amsterdam", "zoe lukasiewicz", "ŁUKASIEWICZ",
    "lukasiewcz", "Lukasiewicz Amstredam", "1015cr", "1015 CR",
]  # fmt: skip
SECOND = [
    "1002", "#1002", "WEISS-MULLER", "weiss", "muller", "mueller", "jorgen", "Jørgen Köln", "grosse bergstrasse",
    "Große Bergstraße", "bergstrase", "0221-4710123", "+49 221 4710123", "koln",
]  # fmt: skip
NEITHER = ["Tepaot-2", "zog", "zoetje", "99999", "06-12345679", "1015 CR Köln"]


def test_orders_are_found_as_people_ask(find: Find) -> None:
    """One test for all, because filling the shop takes longer than asking."""
    missed = [text for text in FIRST if find(text) != ["WEB-1001"]]
    missed += [text for text in SECOND if find(text) != ["#1002"]]
    missed += [text for text in NEITHER if find(text)]
    assert not missed, missed


def test_a_parcel_leads_to_its_order(find: Find, client: TestClient, database_url: str) -> None:
    sent = {"integration_id": SHOP, "order": {"order_id": "1"}}
    assert client.post("/api/v3/orders/create-label-sync", json=sent).status_code == 201
    [sscc] = query(database_url, "SELECT tracking_number FROM parcels")
    assert len(sscc) == 18  # of our own delivery
    assert find(sscc) == find(f"(00){sscc}") == find(f"00{sscc}") == ["WEB-1001"]


@given(st.text(alphabet="abcdefghij", min_size=5, max_size=10), st.data())
def test_a_neighbour_is_one_wrong_letter_away(word: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(word) - 1))
    changed = {
        word[:place] + word[place + 1 :],
        word[:place] + "z" + word[place:],
        word[:place] + "z" + word[place + 1 :],
    }
    assert changed <= set(words.to_neighbours(word))
    assert word not in words.to_neighbours(word)
    assert words.to_neighbours(word[:4]) == []
