"""What an account ships with: made at first use, changed by API and command, as existing clients ask for it; rules."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.kit.data import units
from packhouse.kit.db import Database
from tests import make
from tests.cli.conftest import Run, run
from tests.shipping.conftest import FakeCarrier, push

__all__ = ["run"]
API = "/api/packhouse"
SENDER = {
    "name": "Depot",
    "address_line_1": "Kade",
    "postal_code": "3011 AA",
    "city": "Rotterdam",
    "country_code": "NL",
}


def test_the_defaults_are_made_at_first_use(client: TestClient) -> None:
    settings = client.get(f"{API}/shipping-settings").json()["data"]
    assert settings["default_shipping_option_code"] == "house:standard"
    contracts = client.get("/api/v3/contracts").json()["data"]
    assert [c["carrier_code"] for c in contracts] == ["house", "sendcloud", "post"]
    assert all(c["is_default_per_carrier"] for c in contracts)
    [sender] = client.get("/api/v3/sender-addresses").json()["data"]
    assert settings["default_sender_address_id"] == sender["id"]
    assert len(client.get("/api/v3/contracts").json()["data"]) == 3  # once


@pytest.mark.parametrize(
    ("path", "made", "change"),
    [
        ("sender-addresses", SENDER, {"city": "Schiedam"}),
        ("contracts", {"carrier_code": "house", "name": "Bikes"}, {"name": "Vans"}),
        ("brands", {"name": "Tea & Co"}, {"website": "https://tea.example.com"}),
        (
            "shipping-rules",
            {"name": "All", "actions": {"shipping_option_code": "house:standard"}},
            {"is_active": False},
        ),
    ],
)
def test_things_are_made_changed_and_taken_away(client: TestClient, path: str, made: Any, change: Any) -> None:
    before = client.get(f"{API}/{path}").json()["data"]
    answer = client.post(f"{API}/{path}", json=made)
    assert answer.status_code == 201, answer.text
    id = answer.json()["data"]["id"]
    assert made.items() <= answer.json()["data"].items()
    changed = client.patch(f"{API}/{path}/{id}", json=change)
    assert (changed.status_code, change.items() <= changed.json()["data"].items()) == (200, True)
    assert client.get(f"{API}/{path}/{id}").json() == changed.json()
    assert len(client.get(f"{API}/{path}").json()["data"]) == len(before) + 1
    required = next(iter(made))
    refused = client.patch(f"{API}/{path}/{id}", json={required: None})
    assert (refused.status_code, refused.json()["errors"][0]["source"]["pointer"]) == (
        400,
        f"/data/attributes/{required}",
    )
    assert client.post(f"{API}/{path}", json={}).status_code == 400
    assert client.delete(f"{API}/{path}/{id}").status_code == 204
    assert client.get(f"{API}/{path}").json()["data"] == before
    for method in ("GET", "PATCH", "DELETE"):
        assert client.request(method, f"{API}/{path}/{id}", json={}).status_code == 404


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("sender-addresses", ["name", "address_line_1", "postal_code", "city", "country_code", "is_default"]),
        ("contracts", ["carrier_code", "is_active", "is_default"]),
        ("brands", ["name"]),
        ("shipping-rules", ["name", "position", "is_active", "actions"]),
    ],
)
def test_what_may_not_be_null_is_refused(client: TestClient, path: str, keys: list[str]) -> None:
    made = {
        "sender-addresses": SENDER,
        "contracts": {"carrier_code": "house"},
        "brands": {"name": "Tea & Co"},
        "shipping-rules": {"name": "All", "actions": {"shipping_option_code": "house:standard"}},
    }[path]
    id = client.post(f"{API}/{path}", json=made).json()["data"]["id"]
    before = client.get(f"{API}/{path}/{id}").json()
    for key in keys:
        answer = client.patch(f"{API}/{path}/{id}", json={key: None})
        assert answer.status_code == 400, (key, answer.text)
        assert answer.json()["errors"][0]["source"]["pointer"] == f"/data/attributes/{key}"
    assert client.get(f"{API}/{path}/{id}").json() == before
    assert client.post(f"{API}/{path}", json=made).status_code == 201


def test_a_rule_at_the_last_position_does_not_keep_others_from_being_made(client: TestClient) -> None:
    rule = {"name": "All", "actions": {"shipping_option_code": "house:standard"}}
    assert client.post(f"{API}/shipping-rules", json={**rule, "position": 1_000_000}).status_code == 201
    made = client.post(f"{API}/shipping-rules", json=rule).json()["data"]
    assert client.patch(f"{API}/shipping-rules/{made['id']}", json={"name": "Others"}).status_code == 200


def test_credentials_are_encrypted_and_given_to_the_carrier_alone(
    open_shop: Any, carrier: FakeCarrier, database_url: str
) -> None:
    client = open_shop(secret_key="a key of the tests alone")
    contract = {"carrier_code": "fake", "credentials": {"password": "s3cret-word"}}
    made = client.post(f"{API}/contracts", json=contract)
    assert made.status_code == 201
    renamed = client.patch(f"{API}/contracts/{made.json()['data']['id']}", json={"name": "Renamed"})
    assert renamed.status_code == 200
    client.patch(f"{API}/shipping-settings", json={"default_shipping_option_code": "fake:standard"})
    push(client)
    body = {"integration_id": 1, "order": {"order_id": "o-1"}}
    assert client.post("/api/v3/orders/create-label-sync", json=body).status_code == 201
    terms = carrier.asked[0].contract
    assert terms is not None
    assert (terms.name, terms.credentials) == ("Renamed", {"password": "s3cret-word"})

    async def read_rows() -> str:
        db = Database(database_url)
        try:
            async with db.read() as tx:
                return str(await tx.fetch_all(text("SELECT document FROM shipping_setup")))
        finally:
            await db.close()

    assert "s3cret-word" not in asyncio.run(read_rows())
    for answer in (made, client.get(f"{API}/contracts"), client.get("/api/v3/contracts")):
        assert "s3cret-word" not in answer.text


def test_a_default_is_chosen(client: TestClient) -> None:
    id = client.post(f"{API}/sender-addresses", json={**SENDER, "is_default": True}).json()["data"]["id"]
    assert client.get(f"{API}/shipping-settings").json()["data"]["default_sender_address_id"] == id
    shown = client.get("/api/v3/sender-addresses").json()["data"]
    assert [address["is_default"] for address in shown] == [False, True]
    push(client)
    body = {"integration_id": 1, "order": {"order_id": "o-1"}}
    label = client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]
    shipment = client.get(f"/api/v3/shipments/{label['shipment_id']}").json()["data"]
    assert shipment["from_address"]["city"] == "Rotterdam"


def test_settings_name_only_what_there_is(client: TestClient) -> None:
    answer = client.patch(f"{API}/shipping-settings", json={"default_sender_address_id": 99999})
    assert (answer.status_code, answer.json()["errors"][0]["source"]["pointer"]) == (
        400,
        "/data/attributes/default_sender_address_id",
    )
    changed = client.patch(f"{API}/shipping-settings", json={"gs1_company_prefix": "8712345"})
    assert changed.json()["data"]["gs1_company_prefix"] == "8712345"
    assert client.patch(f"{API}/shipping-settings", json={"gs1_company_prefix": "x"}).status_code == 400


@pytest.mark.one_database
def test_shipping_options(shop: TestClient) -> None:
    def codes(**asked: Any) -> set[str]:
        answer = shop.post("/api/v3/shipping-options", json=asked)
        assert answer.status_code == 200, answer.text
        return {option["code"] for option in answer.json()["data"]}

    assert {"house:standard", "fake:standard", "fake:local"} <= codes()
    assert codes(carrier_code="fake") == {"fake:standard", "fake:local"}
    assert codes(carrier_code="fake", to_country_code="FR") == {"fake:standard"}
    assert codes(carrier_code="fake", weight={"value": "25", "unit": "kg"}) == {"fake:standard"}
    assert codes(carrier_code="fake", parcels=[{"weight": {"value": 900, "unit": "oz"}}]) == {"fake:standard"}
    assert shop.post("/api/v3/shipping-options", json={"to_country_code": "XX"}).status_code == 400


@pytest.mark.one_database
def test_options_by_their_way(client: TestClient) -> None:
    """Tables of countries: the post goes wherever one is, a national carrier starts at home."""
    for code in ("bpost", "ups"):
        assert client.post(f"{API}/contracts", json={"carrier_code": code}).status_code == 201

    def codes(**asked: Any) -> set[str]:
        return {option["code"] for option in client.post("/api/v3/shipping-options", json=asked).json()["data"]}

    assert {"house:standard", "post:parcel", "sendcloud:letter"} <= codes(to_country_code="NZ")
    assert codes(to_country_code="AQ", carrier_code="post") == set()
    assert "house:standard" in codes(to_country_code="AQ")
    assert codes(carrier_code="bpost", from_country_code="NL") == set()
    inland = codes(carrier_code="bpost", from_country_code="BE", to_country_code="BE")
    assert "bpost:24h-pro" in inland
    assert "bpost:europe-business" not in inland
    assert "ups:ground" not in codes(from_country_code="NL", to_country_code="US")
    assert "ups:ground" in codes(from_country_code="US", to_country_code="US")
    push(client)
    with_bpost = {"type": "shipping_option_code", "properties": {"shipping_option_code": "bpost:world-business"}}
    body = {"integration_id": 1, "order": {"order_id": "o-1"}, "ship_with": with_bpost}
    refused = client.post("/api/v3/orders/create-label-sync", json=body)
    assert refused.status_code == 400
    assert "does not start in NL" in refused.json()["errors"][0]["detail"]


def test_without_a_contract_the_carriers_default_one_counts(shop: TestClient) -> None:
    body = {"integration_id": 1, "order": {"order_id": "o-1"}}
    push(shop)

    def used(**changes: Any) -> int:
        answer = shop.post("/api/v3/orders/create-label-sync", json={**body, **changes}).json()
        return int(answer["data"]["ship_with"]["properties"]["contract_id"])

    [first] = [c["id"] for c in shop.get("/api/v3/contracts?carrier_code=fake").json()["data"]]
    assert used() == first
    made = shop.post(f"{API}/contracts", json={"carrier_code": "fake", "name": "Better", "is_default": True}).json()
    second = made["data"]["id"]
    assert used() == second
    properties = {"shipping_option_code": None, "contract_id": first}
    assert used(ship_with={"type": "shipping_option_code", "properties": properties}) == first
    assert shop.patch(f"{API}/contracts/{second}", json={"is_active": False}).status_code == 200
    assert used() == first


MATCHING: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"countries": ["BE", "NL"]}, True),
    ({"countries": ["BE"]}, False),
    ({"weight": {"min": 1, "max": "2000", "unit": "g"}}, True),
    ({"weight": {"max": "0.9", "unit": "kg"}}, False),
    ({"total_price": {"min": 25, "currency": "EUR"}}, True),
    ({"total_price": {"min": "25.01", "currency": "EUR"}}, False),
    ({"total_price": {"max": 100, "currency": "USD"}}, False),
    ({"delivery_indicators": ["express"]}, True),
    ({"delivery_indicators": ["slow"]}, False),
    ({"tags": ["Fragile", "x"]}, True),
    ({"tags": ["x"]}, False),
    ({"skus": ["TEA-1"]}, True),
    ({"skus": ["TEA-2"]}, False),
    ({"integrations": [1, 2]}, True),
    ({"integrations": [2]}, False),
    ({"countries": ["NL"], "tags": ["x"]}, False),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("conditions", "matches"), MATCHING)
def test_rules(shop: TestClient, conditions: dict[str, Any], matches: bool) -> None:
    item = make.item(sku="tea-1", measurement={"weight": {"value": "0.5", "unit": "kg"}})
    push(
        shop,
        order_details={"order_items": [item], "tags": ["fragile"]},
        shipping_details={"delivery_indicator": "Express"},
    )
    rule = {"name": "R", "conditions": conditions, "actions": {"shipping_option_code": "fake:local"}}
    id = shop.post(f"{API}/shipping-rules", json=rule).json()["data"]["id"]
    last = {"name": "Last", "actions": {"shipping_option_code": "house:standard"}}
    last_id = shop.post(f"{API}/shipping-rules", json=last).json()["data"]["id"]
    tried = shop.post(f"{API}/shipping-rules/dry-run", json={"integration_id": 1, "order_id": "o-1"}).json()["data"]
    assert tried["matched_rule_id"] == (id if matches else last_id)
    assert tried["rules"][0]["has_matched"] is matches
    assert [c["condition"] for c in tried["rules"][0]["conditions"]] == list(conditions)
    assert all(c["detail"] for c in tried["rules"][0]["conditions"])
    body = {"integration_id": 1, "order": {"order_id": "o-1", "apply_shipping_rules": True}}
    label = shop.post("/api/v3/orders/create-label-sync", json=body).json()["data"]
    code = label["ship_with"]["properties"]["shipping_option_code"]
    assert code == ("fake:local" if matches else "house:standard")


def test_the_commands(run: Run, client: TestClient) -> None:
    words = ["shipping", "add", "sender-addresses", "--account", "owner", "--json"]
    made = json.loads(run([*words, *(f"{name}={value}" for name, value in SENDER.items())]).stdout)
    assert client.get(f"{API}/sender-addresses/{made['id']}").json()["data"] == made
    changed = run(["shipping", "change", "sender-addresses", str(made["id"]), "--account", "owner", "--json", "city=X"])
    assert json.loads(changed.stdout)["city"] == "X"
    rule = ["name=NL", 'conditions.countries:=["NL"]', "actions.shipping_option_code=house:standard"]
    added = json.loads(run(["shipping", "add", "shipping-rules", "--account", "owner", "--json", *rule]).stdout)
    push(client)
    tried = json.loads(run("shipping try-rules --account owner --integration 1 --order-id o-1 --json").stdout)
    assert tried["matched_rule_id"] == added["id"]
    assert "The order goes to NL" in run("shipping try-rules --account owner --integration 1 --order-id o-1").stdout
    settings = run("shipping settings --account owner --json gs1_company_prefix=8712345")
    assert json.loads(settings.stdout)["gs1_company_prefix"] == "8712345"
    assert json.loads(run(f"shipping delete sender-addresses {made['id']} --account owner --json").stdout)
    assert [a["name"] for a in json.loads(run("shipping list sender-addresses --account owner --json").stdout)] == [
        "owner"
    ]
    body = {"integration_id": 1, "order": {"order_id": "o-1"}}
    parcel_id = client.post("/api/v3/orders/create-label-sync", json=body).json()["data"]["parcel_id"]
    tracked = json.loads(run(f"parcels track {parcel_id} 11 --account owner --json").stdout)
    assert tracked == {"id": parcel_id, "code": "DELIVERED", "message": "Delivered"}
    assert run(f"parcels track {parcel_id} 11 --account stranger").exit_code == 1
    assert run("shipping list nothing --account owner").exit_code == 1


@pytest.mark.parametrize(
    ("value", "unit", "table", "expected"),
    [
        ("79.9", "kg", units.KILOGRAMS, "79.9"),
        (1, "lbs", units.KILOGRAMS, "0.45359237"),
        (16, "oz", units.KILOGRAMS, "0.453592370000"),
        (0.1, "g", units.KILOGRAMS, "0.0001"),
        (1, "yd", units.CENTIMETRES, "91.44"),
        (3, "ft", units.CENTIMETRES, "91.44"),
        (1, "gal", units.LITRES, "3.785411784"),
        (1, "m3", units.LITRES, "1000"),
    ],
)
def test_units_are_exact(value: Any, unit: str, table: Any, expected: str) -> None:
    assert units.convert(value, unit, table) == Decimal(expected)


@given(st.lists(st.decimals(0, 10**9, places=6), max_size=50))
def test_sums_do_not_depend_on_their_order(values: list[Decimal]) -> None:
    assert units.add(*values) == units.add(*reversed(values)) == units.add(*sorted(values))


@pytest.mark.one_database
def test_an_address_that_nobody_filled_in_is_one_on_the_wire(client: TestClient) -> None:
    """The v3 shapes ask for a postal code and a city; our own API and the page show what there is."""
    [sender] = client.get("/api/v3/sender-addresses").json()["data"]
    assert (sender["postal_code"], sender["city"]) == ("-", "-")
    [own] = client.get(f"{API}/sender-addresses").json()["data"]
    assert (own["postal_code"], own["city"]) == ("", "")
    filled = {"address_line_1": "-", "postal_code": "-", "city": "-"}
    assert client.patch(f"{API}/sender-addresses/{sender['id']}", json=filled).status_code == 200
    push(client)
    call = {"integration_id": 1, "orders": [{"order_id": "o-1"}]}
    label = client.post("/api/v3/orders/create-labels-async", json=call).json()
    assert "required" in [warning["code"] for warning in label["meta"]["warnings"]]
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    assert shipment["from_address"]["postal_code"] == "-"
