"""Shipping options with their prices: rate tables, filters, the older form, the cheapest of several (section 10)."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.kit.data.places import Place
from packhouse.shipping.rates import pricing, schema
from tests import make
from tests.contract import published
from tests.shipping.conftest import FakeCarrier, Watch, push
from tests.shipping.test_direct import ANNOUNCE, WITH_RULES, body, post, ship_with

OPTIONS, FETCH = "/api/v3/shipping-options", "/api/v3/fetch-shipping-options"
TABLES = "/api/packhouse/rate-tables"
CSV = """option_code,contract_id,zone,max_weight_kg,type,price,lead_time_hours
house:standard,,NL,2,,5.00,24
house:standard,,NL,10,,7.50,24
house:standard,,NL:35,10,,7.25,24
house:standard,,EU,10,,12.00,72
house:express,,*,10,,9.95,12
house:standard,,,,fuel,10%,
fake:standard,,*,30,,6.10,48
"""
NL = {"from_country_code": "NL", "to_country_code": "NL"}


def make_table(client: TestClient, text: str = CSV, **changes: Any) -> Any:
    sent = {"name": "2026", "currency": "EUR", "csv": text, **changes}
    answer = client.post(TABLES, json=sent)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def find(client: TestClient, url: str = OPTIONS, **asked: Any) -> list[Any]:
    answer = client.post(url, json=asked)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["data"])


def codes(rows: list[Any]) -> list[str]:
    return [row["code"] for row in rows]


def weigh(value: Any, unit: str = "kg") -> dict[str, Any]:
    return {"weight": {"value": value, "unit": unit}}


def totals(rows: list[Any]) -> dict[str, str]:
    return {row["code"]: row["quotes"][0]["price"]["total"]["value"] for row in rows if row["quotes"]}


def test_prices_come_from_the_rate_table_cheapest_first(shop: TestClient) -> None:
    make_table(shop)
    rows = find(shop, **NL, parcels=[weigh("3")], calculate_quotes=True)
    assert totals(rows) == {"fake:standard": "6.10", "house:standard": "8.25", "house:express": "9.95"}
    assert codes(rows)[:3] == ["fake:standard", "house:standard", "house:express"]
    [quote] = next(row for row in rows if row["code"] == "house:standard")["quotes"]
    assert quote["price"]["breakdown"] == [
        {"type": "price_without_insurance", "label": "Price", "price": {"value": "7.50", "currency": "EUR"}},
        {"type": "fuel", "label": "Fuel", "price": {"value": "0.75", "currency": "EUR"}},
    ]
    assert quote["lead_time"] == 24
    assert quote["weight"] == {"min": {"value": "2.001", "unit": "kg"}, "max": {"value": "10.001", "unit": "kg"}}
    assert all(row["quotes"] is None for row in find(shop, **NL, parcels=[weigh("3")]))
    assert all(row["quotes"] is None for row in find(shop, parcels=[weigh("3")], calculate_quotes=True))


@pytest.mark.one_database
def test_a_postal_code_is_narrower_and_another_country_dearer(shop: TestClient) -> None:
    make_table(shop)
    asked: dict[str, Any] = {
        "parcels": [weigh("3")],
        "calculate_quotes": True,
        "shipping_option_code": "house:standard",
    }
    inland: dict[str, Any] = {
        "from_address": {"country_code": "NL"},
        "to_address": {"country_code": "NL", "postal_code": "3511 AB"},
    }
    assert totals(find(shop, **asked, **inland)) == {"house:standard": "7.98"}
    assert totals(find(shop, **asked, from_country_code="NL", to_country_code="DE")) == {"house:standard": "13.20"}
    assert totals(find(shop, **asked, from_country_code="NL", to_country_code="US")) == {}
    assert totals(find(shop, **{**asked, "parcels": [weigh("3"), weigh(1000, "g")]}, **NL)) == {
        "house:standard": "13.75"
    }


def test_the_newest_version_that_has_begun_is_in_force(shop: TestClient, watch: Watch) -> None:
    asked: dict[str, Any] = {
        **NL,
        "parcels": [weigh(1)],
        "calculate_quotes": True,
        "shipping_option_code": "fake:standard",
    }
    today, line = watch().date(), "option_code,price\nfake:standard,{}\n"
    make_table(shop, line.format("1.00"), valid_from="2020-01-01")
    make_table(shop, line.format("2.00"), valid_from=today.isoformat())
    made = make_table(shop, line.format("3.00"), valid_from=today.replace(year=today.year + 1).isoformat())
    assert totals(find(shop, **asked)) == {"fake:standard": "2.00"}
    watch.move(days=366)
    assert totals(find(shop, **asked)) == {"fake:standard": "3.00"}
    assert shop.delete(f"{TABLES}/{made['id']}").status_code == 204
    assert totals(find(shop, **asked)) == {"fake:standard": "2.00"}
    assert shop.get(f"{TABLES}/{made['id']}").status_code == 404
    assert [table["valid_from"] for table in shop.get(TABLES).json()["data"]] == ["2020-01-01", today.isoformat()]


@pytest.mark.one_database
def test_a_contract_has_its_own_prices_and_rows(shop: TestClient) -> None:
    second = shop.post("/api/packhouse/contracts", json={"carrier_code": "fake", "name": "Cheap"}).json()["data"]["id"]
    make_table(shop, f"option_code;contract_id;price\nfake:standard;;6,10\nfake:standard;{second};4,20\n")
    asked: dict[str, Any] = {**NL, "calculate_quotes": True, "shipping_option_code": "fake:standard"}
    rows = find(shop, **asked)
    assert [row["quotes"][0]["price"]["total"]["value"] for row in rows] == ["4.20", "6.10"]
    assert [row["contract"]["name"] for row in rows] == ["Cheap", "Fake terms"]
    assert [row["contract"]["id"] for row in find(shop, **asked, contract_id=second)] == [second]
    answer = shop.post(OPTIONS, json={"contract_id": 99999})
    assert (answer.status_code, answer.json()["errors"][0]["detail"]) == (400, "Invalid contract.")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("asked", "is_there"),
    [
        ({}, True),
        ({"functionalities": {"multicollo": True}}, True),
        ({"functionalities": {"signature": True}}, False),
        ({"functionalities": {"returns": False, "signature": None, "is_service_point_required": True}}, True),
        ({"functionalities": {"last_mile": "home_delivery"}}, True),
        ({"functionalities": {"last_mile": "locker"}}, False),
        ({"carrier_code": "post"}, False),
        ({"shipping_product_code": "house:standard"}, True),
        ({"shipping_option_code": "none:such"}, False),
        ({"parcels": [weigh("1000")]}, True),
        ({"parcels": [weigh("1000.1")]}, False),
        ({"parcels": [weigh("1"), weigh("2")]}, True),
        ({"to_service_point": {"id": 5}}, False),
        ({"to_service_point_id": 5}, False),
        ({**NL, "lead_time": {"lte": 24}}, True),
        ({**NL, "lead_time": {"lt": 24}}, False),
        ({**NL, "lead_time": {"gt": 12, "eq": 24}}, True),
        ({"from_country": "XX", "direction": "i"}, True),
    ],
)
def test_filters(shop: TestClient, asked: dict[str, Any], is_there: bool) -> None:
    make_table(shop)
    assert ("house:standard" in codes(find(shop, **asked))) is is_there


@pytest.mark.one_database
def test_a_plug_in_says_what_it_needs(
    open_shop: Callable[..., TestClient], carrier: FakeCarrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = pricing_option(carrier)
    monkeypatch.setattr(carrier, "options", lambda: [small])
    client = open_shop()
    client.post("/api/packhouse/contracts", json={"carrier_code": "fake"})

    def holds(**sides: Any) -> bool:
        size = {"length": "20", "width": "10", "height": "5", "unit": "cm", **sides}
        return "fake:point" in codes(find(client, parcels=[{**weigh(1), "dimensions": size}]))

    assert holds()
    assert holds(length="10", width="20")
    assert not holds(height="31")
    [row] = find(client, carrier_code="fake")
    assert row["requirements"] == {
        "fields": ["to_email", "length", "width", "height"],
        "export_documents": False,
        "is_service_point_required": True,
    }
    assert row["max_dimensions"] == {"length": "30.00", "width": "20.00", "height": "10.00", "unit": "cm"}
    assert codes(find(client, carrier_code="fake", to_service_point={"carrier_service_point_id": "A1"})) == [
        "fake:point"
    ]
    assert find(client, carrier_code="fake", parcels=[weigh(1), weigh(1)]) == []
    bare = client.post(ANNOUNCE, json=body(ship_with=ship_with("fake:point")))
    assert [(e["code"], e["source"]["pointer"].removeprefix("/data/attributes/")) for e in bare.json()["errors"]] == [
        ("required", "to_address/email"),
        ("required", "to_service_point"),
        ("required", "parcels/0/dimensions"),
    ]


def pricing_option(carrier: FakeCarrier) -> Any:
    kind = type(carrier.options()[0])
    return kind(
        "fake:point",
        "Fake point",
        "fake",
        features={"last_mile": "service_point"},
        max_sides_cm=(Decimal(30), Decimal(20), Decimal(10)),
        requires=frozenset({"to_email", "to_service_point", "length", "width", "height"}),
    )


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"parcels": []}, "parcels"),
        ({"from_address": {"country_code": "NL"}, "from_country_code": "NL"}, "from_country_code"),
        ({"to_address": {"postal_code": "1"}}, "to_address/country_code"),
        ({"from_address": {"sender_address_id": 9999}}, "from_address/sender_address_id"),
        ({"to_country_code": "XX"}, "to_country_code"),
    ],
)
def test_what_is_wrong_is_named(shop: TestClient, asked: dict[str, Any], pointer: str) -> None:
    answer = shop.post(OPTIONS, json=asked)
    assert answer.status_code == 400
    assert [e["source"]["pointer"] for e in answer.json()["errors"]] == [f"/data/attributes/{pointer}"]


@pytest.mark.one_database
@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_the_answers_have_the_published_shape(open_shop: Callable[..., TestClient], profile: str) -> None:
    client = open_shop(profile=profile)
    make_table(client)
    for asked in ({}, {**NL, "parcels": [weigh("1.5"), weigh(2)], "calculate_quotes": True}, {"carrier_code": "none"}):
        published.require_shape("shipping-options", "POST", "/shipping-options", client.post(OPTIONS, json=asked))
    none = client.post(OPTIONS, json={"carrier_code": "none"}).json()
    assert none == {"data": [], "message": "No shipping option fits this request."}
    single = {**NL, **weigh(1.5), "dimensions": {"length": 1, "width": 1, "height": 1, "unit": "cm"}}
    answer = client.post(FETCH, json=single)
    found = published.require_shape("shipping-options", "POST", "/fetch-shipping-options", answer)
    assert set(found) == {"data"}
    first = found["data"][0]
    assert first["billed_weight"] == {"value": "1.500", "unit": "kg", "volumetric": False}
    assert first["quotes"][0]["price"]["total"] == {"value": "5.50", "currency": "EUR"}
    properties = published.read("shipping-options")["components"]["schemas"]["carrier-shipping-functionalities"]
    assert set(properties["properties"]) <= set(first["functionalities"])
    compat = client.post("/api/v3/compat/shipping-options", json={"shipping_method_ids": [8, 9]})
    mapped = published.require_shape("shipping-options", "POST", "/compat/shipping-options", compat)
    assert mapped == {"data": {"8": "sendcloud:letter", "9": None}}


def test_aliases_map_codes_of_elsewhere(shop: TestClient) -> None:
    aliases = {"mondial_relay:point": "house:express", "9": "house:standard"}
    changed = shop.patch("/api/packhouse/shipping-settings", json={"option_aliases": aliases})
    assert changed.json()["data"]["option_aliases"] == aliases
    shipment = post(shop, ship_with=ship_with("mondial_relay:point")).json()["data"]
    assert shipment["ship_with"]["properties"]["shipping_option_code"] == "house:express"
    assert codes(find(shop, shipping_option_code="mondial_relay:point")) == ["house:express"]
    push(shop)
    label = shop.post(
        "/api/v3/orders/create-label-sync",
        json={
            "integration_id": make.SHOP,
            "order": {"order_id": "o-1"},
            "ship_with": ship_with("mondial_relay:point"),
        },
    )
    assert label.json()["data"]["ship_with"]["properties"]["shipping_option_code"] == "house:express"
    compat = shop.post("/api/v3/compat/shipping-options", json={"shipping_method_ids": [9]})
    assert compat.json()["data"] == {"9": "house:standard"}


def test_a_rule_takes_the_cheapest_that_fits(shop: TestClient) -> None:
    make_table(shop)
    names = ["house:express", "house:standard", "fake:local", "none:such"]
    rule = {"name": "Cheapest", "actions": {"cheapest_of": names}}
    assert shop.post("/api/packhouse/shipping-rules", json=rule).status_code == 201

    def ship(weight: str) -> Any:
        answer = post(shop, WITH_RULES, ship_with=..., parcels=[weigh(weight)])
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    assert ship("3")["ship_with"]["properties"]["shipping_option_code"] == "house:standard"
    assert ship("3")["applied_shipping_rules"][0]["result"] == {"shipping_option_code": "house:standard"}
    assert ship("15")["ship_with"]["properties"]["shipping_option_code"] == "house:express"  # the first without a price
    push(shop, shipping_details={"measurement": {"weight": {"value": 3, "unit": "kg"}}})
    label = shop.post(
        "/api/v3/orders/create-label-sync",
        json={"integration_id": make.SHOP, "order": {"order_id": "o-1", "apply_shipping_rules": True}},
    )
    assert label.json()["data"]["ship_with"]["properties"]["shipping_option_code"] == "house:standard"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "changes",
    [
        {"csv": "price\n1\n"},
        {"csv": "option_code,price\na,b\n"},
        {"csv": "option_code,price\na,5%\n"},
        {"csv": "option_code,price,zone\na,5,QQ\n"},
        {"csv": "option_code,price\n"},
        {"rows": []},
        {"rows": [{"option_code": "a", "price": "1"}], "csv": CSV},
        {"csv": CSV, "valid_from": "2026-02-30"},
        {"csv": CSV, "currency": "EURO"},
    ],
)
def test_a_rate_table_that_is_wrong_is_refused(shop: TestClient, changes: dict[str, Any]) -> None:
    answer = shop.post(TABLES, json={"name": "n", "currency": "EUR", **changes})
    assert answer.status_code == 400, answer.text
    assert shop.get(TABLES).json()["data"] == []


@pytest.mark.one_database
def test_a_rate_table_comes_back_as_csv(shop: TestClient) -> None:
    made = make_table(shop)
    whole = shop.get(f"{TABLES}/{made['id']}").json()["data"]
    assert (made["row_count"], len(whole["rows"])) == (7, 7)
    assert schema.read_csv(whole["csv"]) == whole["rows"]


def test_money_is_exact_and_rounded_to_its_currency() -> None:
    rows = schema.read_csv("option_code,price,type\na,0.335,\na,12.5%,fuel\na,0.1,toll\n")
    table = schema.to_table(1, {"name": "n", "currency": "EUR", "valid_from": "2026-01-01", "rows": rows})
    asked = pricing.Asked("a", 1, Place("NL"), Place("NL"), [Decimal(1), Decimal(1)])
    quote = pricing.find_quote([table], asked)
    assert quote is not None
    assert [(part.kind, str(part.value)) for part in quote.parts] == [
        ("price_without_insurance", "0.67"),
        ("fuel", "0.08"),
        ("toll", "0.20"),
    ]
    assert str(quote.total) == "0.95"
