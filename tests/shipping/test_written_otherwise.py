"""What shops write in their own ways: stored as sent, warned of, and read as what is meant wherever it counts."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.contract.test_hostile import ITEM, _set
from tests.shipping.conftest import FakeCarrier, push

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

URL = "/api/v3/orders"


def whole() -> dict[str, Any]:
    return make.order(shipping_address=make.address(), billing_address=make.address(), shipping_details={})


def post(client: TestClient, order: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and place of each warning; the order is stored as it was sent."""
    answer = client.post(URL, json=[order])
    assert answer.status_code == 200, answer.text
    id = answer.json()["data"][0]["id"]
    stored = client.get(f"{URL}/{id}").json()["data"]
    kept = {name: value for name, value in stored.items() if name not in ("id", "created_at", "modified_at")}
    assert kept == order
    assert client.patch(f"{URL}/{id}", json=stored).status_code == 200
    assert client.get(f"{URL}/{id}").json()["data"] == stored
    warnings = answer.json().get("meta", {}).get("warnings", [])
    return [(w["code"], w["source"]["pointer"].removeprefix("/data/attributes/[0]/")) for w in warnings]


PRICE = {"value": 1, "currency": "EUR"}
ODD: list[tuple[str, Any]] = [
    *(
        ("shipping_address/email", email)
        for email in (
            "a..b@docomo.ne.jp", "a.@docomo.ne.jp", ".a@ezweb.ne.jp", "guest@shop.local", "n/a", "N/A", "none", "-",
            "kunde@firma.example ", " kunde@firma.example.org", "ada@example.com.", "ada@localhost", "", None,
            "ada", "ada@", "@example.com", "a@example.com; b@example.com", "a@example.com, b@example.com", "geen mail",
            "Ada Visser <ada@example.com>", "mailto:ada@example.com", "ada@example..com", "ada @example.com", "a" * 400,
        )
    ),
    ("billing_address/email", "a..b@docomo.ne.jp"),
    ("order_details/integration/id", "1"),
    (f"{ITEM}/quantity", 1.0),
    (f"{ITEM}/item_id", ""),
    (f"{ITEM}/image_url", ""),
    (f"{ITEM}/image_url", "//cdn.example.com/a.png"),
    (f"{ITEM}/image_url", "example.com/a.png"),
    ("shipping_address/state_province_code", "US-NY"),
    ("shipping_address/state_province_code", "XX"),
    ("billing_address/state_province_code", "FR-75"),
    (f"{ITEM}/country_of_origin", ""),
    (f"{ITEM}/country_of_origin", "nl"),
    (f"{ITEM}/total_price/currency", "eur"),
    (f"{ITEM}/unit_price", {"value": 1, "currency": "Eur"}),
    ("payment_details/total_price/currency", "usd"),
    ("payment_details/discount_granted", {"value": 1, "currency": "gbp"}),
    ("shipping_address/country_code", "nl"),
    ("billing_address/country_code", "Nl"),
    ("customs_details/tax_numbers", {"sender": [{"country_code": "de", "name": "VAT", "value": "1"}]}),
    ("service_point_details", {"id": 41}),
    ("service_point_details", {"carrier_service_point_id": 7, "latitude": 52.1, "longitude": 5}),
    *(
        (f"{holder}/{name}", None)
        for holder in ("shipping_address", "billing_address")
        for name in ("company_name", "house_number", "address_line_2", "state_province_code", "email", "phone_number")
    ),
    *((f"{ITEM}/{name}", None) for name in (
        "item_id", "product_id", "variant_id", "image_url", "description", "sku", "hs_code", "country_of_origin", "ean",
    )),
    ("order_details/status/message", None),
    ("payment_details/status/message", None),
    ("shipping_details/delivery_indicator", None),
    ("customs_details/commercial_invoice_number", None),
    ("customer_details", {"name": "Ada", "email": None}),
    ("service_point_details", {"id": "7", "post_number": None}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), ODD)
def test_an_odd_value_is_stored_as_sent_and_warned_of(client: TestClient, path: str, value: Any) -> None:
    found = post(client, _set(whole(), path, value))
    assert found
    assert all(code == "invalid" and place.startswith(path) for code, place in found)


TEXTS = [
    *(f"{ITEM}/{name}" for name in ("product_id", "variant_id", "description", "sku", "hs_code", "ean", "mid_code")),
    *(f"shipping_address/{name}" for name in (
        "company_name", "house_number", "address_line_2", "po_box", "state_province_code", "phone_number",
    )),
    "order_details/notes", "shipping_details/delivery_indicator", "customs_details/commercial_invoice_number",
]  # fmt: skip


def test_an_empty_text_is_not_given(client: TestClient) -> None:
    for number, path in enumerate(TEXTS):
        assert post(client, {**_set(whole(), path, ""), "order_id": str(number)}) == [], path


REGIONS: dict[str, dict[str, str | None]] = {
    "US": {"AE": None, "AA": None, "AP": None, "ny": "US-NY", "us-ny": "US-NY", "New York": "US-NY"},
    "JP": {"JP13": "JP-13", "13": None, "Tokyo": "JP-13"},
    "TR": {"TR34": "TR-34", "TR-34": None},
    "CN": {"CN2": "CN-BJ", "CN10": "CN-SH"},
    "MX": {"DF": "MX-CMX", "CDMX": "MX-CMX", "JA": "MX-JAL"},
    "ZA": {"GT": "ZA-GP"},
    "IN": {"OR": "IN-OD", "TG": "IN-TS"},
    "KE": {"KE30": "KE-30"},
    "NZ": {"AK": "NZ-AUK", "XY": ""},
    "GB": {"London": "GB-LND", "Middlesex": ""},
    "NL": {"Noord-Holland": "NL-NH", "nl-nh": "NL-NH", "Het Gooi": "", "US-NY": "no", "XX": "no"},
    "DE": {"NRW": "DE-NW", "NW": None, "AT-9": "no", "XYZ": "no"},
    "AT": {"WI": "AT-9"},
    "FR": {"RE": "FR-974", "GP": "FR-971", "974": None, "La Réunion": "FR-974", "XYZ": "no"},
}
ENDS = {None: "", "": "knows.", "no": "not used."}


@pytest.mark.parametrize(
    ("sent", "used", "told"),
    [
        ("ada", "", "This is no e-mail address, and is not used."),
        ("ada@", "", "This is no e-mail address, and is not used."),
        ("a@example.com; b@example.com", "a@example.com", "Of several e-mail addresses, the first is used."),
        ("Ada Visser <ada@example.com>", "ada@example.com", None),
        ("mailto:o'neil@example.com", "o'neil@example.com", None),
        ("n/a", "", None),
    ],
)
def test_an_email_is_used_where_there_is_one(
    shop: TestClient, carrier: FakeCarrier, sent: str, used: str, told: str | None
) -> None:
    """And a region that is none of the country's is not."""
    address = make.address(email=sent, state_province_code="US-NY")
    answer = shop.post(URL, json=[make.order(shipping_address=address)])
    found = [
        warning["detail"] for warning in answer.json()["meta"]["warnings"] if "email" in warning["source"]["pointer"]
    ]
    assert found[1:] == ([told] if told else [])
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    assert shop.post("/api/v3/orders/create-label-sync", json=call).status_code == 201
    [asked] = carrier.asked
    assert (asked.recipient.email, asked.recipient.state_province_code) == (used, "")


def test_regions_as_shops_write_them(client: TestClient) -> None:
    for country, regions in REGIONS.items():
        for text, code in regions.items():
            order = whole()
            order["billing_address"] = make.address(country_code=country, state_province_code=text)
            place = "billing_address/state_province_code"
            found = [place for _, place in post(client, order) if place.endswith("state_province_code")]
            assert found == ([] if code is None else [place]), (country, text)
            [told] = [
                w["detail"]
                for w in client.post(URL, json=[order]).json().get("meta", {}).get("warnings", [])
                if w["source"]["pointer"].endswith(place)
            ] or [""]
            assert told.endswith(ENDS.get(code, f"{code}.")), (country, text, told)


def test_currencies_that_are_no_more_are_warned_of(client: TestClient) -> None:
    for code in ("HRK", "BGN", "ANG", "DEM", "LTL"):
        price = {"value": 25.0, "currency": code}
        order = make.order(payment_details={"total_price": price, "status": {"code": "paid"}})
        assert post(client, order) == [("invalid", "payment_details/total_price/currency")]
    assert post(client, _set(whole(), f"{ITEM}/total_price/currency", "hrk")) == [
        ("invalid", f"{ITEM}/total_price/currency"),
        ("invalid", f"{ITEM}/total_price/currency"),
    ]


def test_one_odd_field_refuses_no_hundred_orders_and_a_wrong_one_does(client: TestClient) -> None:
    batch = [make.order(str(n), shipping_address=make.address(email="a..b@docomo.ne.jp")) for n in range(100)]
    assert client.post(URL, json=batch).status_code == 200
    batch[7]["shipping_address"]["country_code"] = "QQ"
    answer = client.post(URL, json=batch)
    assert [fault["source"]["pointer"] for fault in answer.json()["errors"]] == [
        "/data/attributes/[7]/shipping_address/country_code"
    ]


def test_a_patch_is_read_as_loosely_and_warns(client: TestClient) -> None:
    client.post(URL, json=[whole()])
    sent = {"shipping_address": {"email": "a..b@docomo.ne.jp"}, "order_details": {"integration": {"id": "1"}}}
    answer = client.patch(f"{URL}/1", json=sent)
    assert answer.status_code == 200, answer.text
    places = [warning["source"]["pointer"] for warning in answer.json()["meta"]["warnings"]]
    assert sorted(places) == [
        "/data/attributes/order_details/integration/id",
        "/data/attributes/shipping_address/email",
    ]


def test_columns_and_labels_go_by_what_is_meant(shop: TestClient, carrier: FakeCarrier) -> None:
    item = make.item(
        quantity=2.0, country_of_origin="nl", item_id="", measurement={"weight": {"value": 1, "unit": "kg"}}
    )
    item["total_price"] = {"value": 25.0, "currency": "eur"}
    details = {"integration": {"id": str(make.SHOP)}, "order_items": [item]}
    address = make.address(
        country_code="jp", state_province_code="JP13", email="n/a", postal_code="100-0001", phone_number=""
    )
    push(shop, order_details=details, shipping_address=address, service_point_details={"id": 41})
    assert len(shop.get(f"{URL}?integration={make.SHOP}").json()["data"]) == 1
    answer = shop.post(
        "/api/v3/orders/create-label-sync", json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    )
    assert answer.status_code == 201, answer.text
    [asked] = carrier.asked
    to = asked.recipient
    assert (to.country_code, to.state_province_code, to.email) == ("JP", "JP-13", "")
    [packed] = asked.parcels[0].items
    assert (packed["quantity"], packed["country_of_origin"], packed["total_price"]["currency"]) == (2, "NL", "EUR")
    assert str(asked.parcels[0].weight) == "2.000"
    assert asked.service_point is not None
    assert asked.service_point["id"] == "41"


@pytest.mark.parametrize(("country", "status"), [("HK", 200), ("ae", 200), ("IE", 200), ("NL", 400), ("US", 400)])
def test_a_country_without_postal_codes_wants_none(client: TestClient, country: str, status: int) -> None:
    address = make.address(country_code=country, postal_code="", city="Kowloon")
    answer = client.post("/api/v3/orders", json=[make.order(shipping_address=address)])
    assert answer.status_code == status, answer.text
    told = answer.json().get("errors") or answer.json()["meta"]["warnings"]
    assert told[0]["source"]["pointer"] == "/data/attributes/[0]/shipping_address/postal_code"


@pytest.mark.parametrize("region", ["-", "n/a", "N/A", "none"])
def test_a_region_that_is_none_refuses_nothing(client: TestClient, region: str) -> None:
    order = make.order(shipping_address=make.address(state_province_code=region))
    assert post(client, order) == [("invalid", "shipping_address/state_province_code")]
