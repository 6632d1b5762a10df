"""Papers and zones by place, through the API: from warnings of an order to the documents of its label."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.carriers.papers import read_text
from tests.shipping.conftest import Open, push

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

LABEL = "/api/v3/orders/create-label-sync"
SENDERS = "/api/packhouse/sender-addresses"
CUSTOMS = {"commercial_invoice_number": "INV-1", "shipment_type": "commercial_goods", "export_type": "commercial_b2c"}
TEA = make.item(
    hs_code="090210", country_of_origin="JP", measurement={"weight": {"value": 0.2, "unit": "kg"}}, sku="T-1"
)
SENDER = {
    "name": "Anna Bakker",
    "address_line_1": "Keizersgracht",
    "house_number": "12",
    "postal_code": "1015 CR",
    "city": "Amsterdam",
    "country_code": "NL",
}


def ship(client: TestClient, address: dict[str, Any], option_code: str = "post:parcel", **changes: Any) -> Any:
    changes = {"order_details": {"order_items": [TEA]}, "customs_details": CUSTOMS, **changes}
    push(client, shipping_address=make.address(**address), **changes)
    ship_with = {"type": "shipping_option_code", "properties": {"shipping_option_code": option_code}}
    return client.post(LABEL, json={"integration_id": 1, "order": {"order_id": "o-1"}, "ship_with": ship_with})


def send_from(client: TestClient, **address: str) -> None:
    made = client.post(SENDERS, json={**SENDER, **address, "is_default": True})
    assert made.status_code == 201, made.text


def documents(answer: Any) -> set[str]:
    assert answer.status_code == 201, answer.text
    return {document["type"] for document in answer.json()["data"]["documents"]}


PAPERS = {"label", "cn23", "commercial-invoice"}


@pytest.mark.parametrize(
    ("sender", "address", "has_papers"),
    [
        ({}, {"country_code": "ES", "postal_code": "35001", "city": "Las Palmas"}, True),
        ({}, {"country_code": "ES", "postal_code": "28001", "city": "Madrid"}, False),
        ({}, {"country_code": "FR", "postal_code": "97400", "city": "Saint-Denis"}, True),
        ({}, {"country_code": "IT", "postal_code": "23041", "city": "Livigno"}, True),
        ({}, {"country_code": "DE", "postal_code": "27498", "city": "Helgoland"}, True),
        ({}, {"country_code": "FI", "postal_code": "22100", "city": "Mariehamn"}, True),
        ({}, {"country_code": "GB", "postal_code": "BT1 5GS", "city": "Belfast"}, False),
        ({"country_code": "GB", "postal_code": "SW1A 1AA"}, {"country_code": "IM", "postal_code": "IM1 1AA"}, False),
        ({"country_code": "US", "postal_code": "10001"}, {"country_code": "PR", "postal_code": "00901"}, False),
        ({"country_code": "US", "postal_code": "00901"}, {"country_code": "US", "postal_code": "10001"}, False),
        ({"country_code": "ES", "postal_code": "35001"}, {"country_code": "ES", "postal_code": "28001"}, True),
    ],
)
def test_papers_are_made_where_they_are_needed(
    client: TestClient, sender: dict[str, str], address: dict[str, str], has_papers: bool
) -> None:
    send_from(client, **sender)
    assert documents(ship(client, address)) == (PAPERS if has_papers else {"label"})


def test_an_order_without_customs_details_is_warned_of_and_refused_its_label(client: TestClient) -> None:
    send_from(client)
    address = make.address(country_code="ES", postal_code="51001", city="Ceuta")
    answer = client.post("/api/v3/orders", json=[make.order(shipping_address=address)])
    pointers = [warning["source"]["pointer"] for warning in answer.json()["meta"]["warnings"]]
    assert any(pointer.endswith("/customs_details") for pointer in pointers)
    refused = ship(client, {"country_code": "ES", "postal_code": "51001"}, customs_details=None)
    assert refused.status_code == 400
    assert "Incomplete customs details" in refused.text


def test_a_service_for_the_union_does_not_go_beyond_its_borders(client: TestClient) -> None:
    send_from(client, country_code="BE", postal_code="1000", city="Brussel")
    made = client.post("/api/packhouse/contracts", json={"carrier_code": "bpost"})
    assert made.status_code == 201
    address = {"country_code": "ES", "postal_code": "35001", "city": "Las Palmas"}
    refused = ship(client, address, "bpost:europe-business")
    assert "does not go to Canary Islands" in refused.text
    asked = {"carrier_code": "bpost", "from_country_code": "BE", "to_country_code": "ES"}
    for postal_code, goes in (("28001", True), ("35001", False), (None, True)):
        found = client.post("/api/v3/shipping-options", json={**asked, "to_postal_code": postal_code}).json()["data"]
        assert ("bpost:europe-business" in {option["code"] for option in found}) is goes


def test_a_sender_in_hong_kong_needs_no_postal_code(client: TestClient) -> None:
    send_from(client, country_code="HK", city="Kowloon", postal_code="-")
    answer = ship(client, {}, "house:standard", customs_details=None)
    assert answer.status_code == 201, answer.text
    assert "The sender address has no" not in answer.text


def test_newer_rates_of_a_file_move_the_limit_of_the_small_form(open_shop: Open, tmp_path: Path) -> None:
    dear = make.item(**{**TEA, "total_price": {"value": "2000.00", "currency": "EUR"}})
    rates = tmp_path / "rates.csv"
    rates.write_text("currency,per_sdr\nEUR,10\n")
    for settings, size in (({}, "a4"), ({"exchange_rates_file": rates}, "a6")):
        client = open_shop(**settings)
        send_from(client)
        changes = {"order_details": {"order_items": [dear]}}
        made = ship(client, {"country_code": "CH", "postal_code": "3011"}, "post:packet", **changes)
        sizes = {document["type"]: document["size"] for document in made.json()["data"]["documents"]}
        assert sizes["cn23"] == size  # the API calls both forms so


def test_a_sender_that_lacks_something_is_named_before_papers_are_made(client: TestClient) -> None:
    refused = ship(client, {"country_code": "CH", "postal_code": "3011", "city": "Bern"})
    assert refused.status_code == 400
    for field in ("address_line_1", "city", "postal_code"):
        assert f"names its sender, whose address has no {field}" in refused.text


def test_letters_that_no_font_draws_are_named_by_the_label_call(client: TestClient) -> None:
    refused = ship(client, {"name": "𐌰nna"}, "house:standard", customs_details=None)
    assert refused.status_code == 400
    assert "no font has 𐌰 (U+10330)" in refused.text
    drawn = ship(client, {"name": "สมชาย ใจดี 🎁"}, "house:standard", customs_details=None)
    assert documents(drawn) == {"label"}


def test_the_senders_own_numbers_are_on_the_papers(client: TestClient) -> None:
    send_from(client, eori_number="NL123456789", vat_number="NL001234567B01")
    told = {"sender": [{"name": "VAT", "country_code": "NL", "value": "NL999999999B99"}]}
    customs = {"commercial_invoice_number": "INV-1", "shipment_type": "commercial_goods", "tax_numbers": told}
    made = ship(client, {"country_code": "CH", "postal_code": "3011"}, customs_details={**CUSTOMS, **customs})
    assert made.status_code == 201, made.text
    text = read_text(client.get("/api/v3/parcels/1/documents/customs-declaration").content)
    assert "EORI NL NL123456789" in text
    assert "VAT NL NL999999999B99" in text
    assert "NL001234567B01" not in text
