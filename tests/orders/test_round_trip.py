"""Any valid order that is stored and read is the one that was sent, its times in UTC."""

import copy
import itertools
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pycountry
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from packhouse.kit.data import places
from tests import make

URL = "/api/v3/orders"
LAX = settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), database=None)
MAX = 2**63 - 1

_numbers = itertools.count()

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
filled = text.filter(bool)
decimal = st.decimals(0, 10**9, places=2, allow_nan=False).map(str)
number = st.one_of(st.integers(-MAX, MAX), st.floats(-1e15, 1e15), decimal, st.sampled_from(["-3", "007", ".5"]))
above_zero = st.one_of(st.integers(1, MAX), st.floats(1e-9, 1e12), st.sampled_from(["2.50", "1", "0.001"]))
whole = st.integers(0, MAX)
measure = st.floats(0, 1e9)
zones: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.just(UTC), st.integers(-839, 839).map(lambda m: timezone(timedelta(minutes=m)))
)
moments = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=zones)  # noqa: DTZ001 - with and without
country = st.sampled_from(sorted(places.COUNTRIES))
currency = st.sampled_from(sorted(places.CURRENCIES))
json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX, MAX) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)
free = st.dictionaries(text, json_value, max_size=3)


@st.composite
def instants(draw: st.DrawFn) -> str:
    """As a client may write them: with an offset, Z, or neither; with or without a fraction."""
    moment = draw(moments)
    if draw(st.booleans()):
        moment = moment.replace(microsecond=0)
    written = moment.isoformat()
    return written.replace("+00:00", draw(st.sampled_from(["Z", "z", "+00:00"])))


def shape(required: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(required, optional=optional)


def any_case(*options: str) -> st.SearchStrategy[str]:
    return st.sampled_from([f(option) for option in options for f in (str, str.lower, str.upper)])


price = shape({}, value=number, currency=currency)
amount = shape({"value": number, "currency": currency})
costs = st.none() | shape({}, value=st.none() | number, currency=st.none() | currency)
status = shape({"code": filled}, message=text)
weight = shape({"value": above_zero, "unit": st.sampled_from(["kg", "g", "lbs", "oz"])})
dimension = shape(
    {
        "length": measure,
        "width": measure,
        "height": measure,
        "unit": st.sampled_from(["cm", "mm", "m", "yd", "ft", "in"]),
    }
)
volume = shape({"value": whole, "unit": st.sampled_from(["m3", "cm3", "l", "ml", "gal"])})
measurement = shape({}, dimension=dimension, weight=weight, volume=volume)
delivery_dates = shape({}, handover_at=st.none() | instants(), deliver_at=st.none() | instants())
PLAIN_GOODS = re.split(
    " ",
    "chemical_record_identifier packaging_type_quantity packaging_type packaging_instruction_code id_number "
    "class_division_number quantity proper_shipping_name emergency_contact_name emergency_contact_phone "
    "local_proper_shipping_name transport_category tunnel_restriction_code",
)
dangerous_goods = shape(
    {},
    **{name: st.none() | text for name in PLAIN_GOODS},
    regulation_set=any_case("IATA", "ADR"),
    unit_of_measurement=any_case("KG", "G", "L", "ML"),
    commodity_regulated_level_code=any_case("LQ", "EQ"),
    transportation_mode=any_case("Highway", "Ground", "PAX", "CAO"),
    adr_packing_group_letter=any_case("I", "II", "III"),
    weight_type=any_case("Net", "Gross"),
)
URLS = ["https://example.com/tea.png", "http://example.org", "https://example.com/ä?b=1#c", "HTTPS://example.net/x"]
item = shape(
    {"name": text, "quantity": st.integers(1, MAX), "total_price": price},
    item_id=filled,
    product_id=text,
    variant_id=text,
    image_url=st.sampled_from(URLS),
    description=text,
    sku=text,
    hs_code=text,
    country_of_origin=country,
    properties=free,
    unit_price=price,
    measurement=measurement,
    ean=text,
    delivery_dates=delivery_dates,
    mid_code=st.none() | text,
    material_content=st.none() | text,
    intended_use=st.none() | text,
    dangerous_goods=dangerous_goods,
)
MAILS = ["ada@example.com", "o'hara+tea@mail.example.org", "jürgen@example.net", "x_y.z@example.com"]


@st.composite
def addresses(draw: st.DrawFn) -> dict[str, Any]:
    required = {"name": filled, "address_line_1": text, "postal_code": filled, "city": filled, "country_code": country}
    plain = dict.fromkeys(("company_name", "house_number", "address_line_2", "phone_number"), text)
    made = draw(shape(required, **plain, po_box=st.none() | text, email=st.sampled_from(MAILS)))
    if draw(st.booleans()):
        subdivision = draw(st.sampled_from(list(pycountry.subdivisions)))
        made["country_code"] = subdivision.country_code
        made["state_province_code"] = draw(st.sampled_from([subdivision.code, subdivision.code.partition("-")[2]]))
    return made


tax_numbers = st.lists(
    shape({}, name=st.none() | text, country_code=st.none() | country, value=st.none() | text), max_size=2
)
customs = st.none() | shape(
    {},
    commercial_invoice_number=text,
    shipment_type=st.sampled_from(["gift", "commercial_goods", "commercial_sample", "returned_goods"]),
    export_type=st.sampled_from(["private", "commercial_b2c", "commercial_b2b"]),
    tax_numbers=st.none() | shape({}, sender=tax_numbers, receiver=tax_numbers, importer_of_record=tax_numbers),
)
option = shape({"shipping_option_code": st.none() | text}, contract_id=st.none() | st.integers(1, MAX))
shipping_details = shape(
    {},
    is_local_pickup=st.none() | st.booleans(),
    delivery_indicator=text,
    measurement=measurement,
    ship_with=shape({"type": st.just("shipping_option_code"), "properties": option}),
)
POINT = dict.fromkeys(("post_number", "latitude", "longitude", "type"), text)
service_point = shape({"id": text}, **POINT, extra_data=free) | shape(
    {"carrier_service_point_id": text}, **POINT, extra_data=free
)
items = st.lists(item, max_size=3)
details = shape(
    {"integration": st.just({"id": make.SHOP}), "status": status, "order_created_at": instants(), "order_items": items},
    order_updated_at=instants(),
    notes=text,
    tags=st.lists(text, max_size=3),
)
payment = shape(
    {"total_price": amount, "status": status},
    is_cash_on_delivery=st.none() | st.booleans(),
    subtotal_price=amount,
    estimated_shipping_price=amount,
    estimated_tax_price=amount,
    invoice_date=st.none() | text,
    discount_granted=costs,
    insurance_costs=costs,
    freight_costs=costs,
    other_costs=costs,
)
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "customs_details": customs,
    "customer_details": shape({"name": text}, phone_number=text, email=text),
    "billing_address": addresses(),
    "shipping_address": addresses(),
    "shipping_details": shipping_details,
    "service_point_details": service_point,
}


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """A valid order of any shape, with an order_id that no other example has."""
    required = {"order_number": filled, "order_details": details, "payment_details": payment}
    return {"order_id": f"{draw(filled)} {next(_numbers)}", **draw(shape(required, **PARTS))}


def normal(order: dict[str, Any]) -> dict[str, Any]:
    """The same order with its times as they are given back."""
    order = copy.deepcopy(order)
    for holder in (
        order["order_details"],
        *(i.get("delivery_dates", {}) for i in order["order_details"]["order_items"]),
    ):
        for name in ("order_created_at", "order_updated_at", "handover_at", "deliver_at"):
            if holder.get(name):
                moment = datetime.fromisoformat(holder[name].upper())
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                holder[name] = moment.astimezone(UTC).isoformat(timespec="microseconds")
    return order


def exact(value: Any) -> str:
    """79, 79.0 and "79" differ, as they do on the wire; the order of keys does not matter."""
    return json.dumps(value, sort_keys=True)


def without_read_only(order: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in order.items() if name not in ("id", "created_at", "modified_at")}


def push(client: TestClient, *sent: dict[str, Any]) -> list[int]:
    answer = client.post(URL, json=list(sent))
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def read(client: TestClient, id: int) -> dict[str, Any]:
    order: dict[str, Any] = client.get(f"{URL}/{id}").json()["data"]
    return order


def test_any_valid_order_is_read_as_it_was_sent(client: TestClient) -> None:
    @LAX
    @given(st.lists(orders(), min_size=1, max_size=3))
    def law(batch: list[dict[str, Any]]) -> None:
        for id, sent in zip(push(client, *batch), batch, strict=True):
            found = read(client, id)
            assert exact(without_read_only(found)) == exact(normal(sent))
            listed = client.get(URL, params={"order_id": sent["order_id"]}).json()["data"]
            assert found in listed

    law()


NUMBERS = [
    "79.9",
    '"3.99"',
    "79",
    "0",
    "-5.25",
    '"79.90"',
    '"0"',
    "79.0",
    "0.1",
    "9223372036854775807",
    "1e-7",
    '"-0.50"',
]


@pytest.mark.parametrize("written", NUMBERS)
def test_a_number_comes_back_as_it_was_written(client: TestClient, written: str) -> None:
    order = make.order(order_details={"order_items": [make.item(unit_price={"value": "@", "currency": "JPY"})]})
    order["payment_details"]["total_price"]["value"] = "@"
    order["payment_details"]["freight_costs"] = {"value": "@", "currency": "CHF"}
    body = json.dumps([order]).replace('"@"', written)
    assert client.post(URL, content=body, headers={"Content-Type": "application/json"}).status_code == 200
    answer = client.get(f"{URL}/1")
    assert answer.text.count(f'"value":{written}') == 3
    assert client.get(URL).text.count(f'"value":{written}') == 3


def test_a_number_with_an_exponent_keeps_its_value(client: TestClient) -> None:
    for written, value in (("1e2", 100), ("1E+2", 100), ("2.5e-1", 0.25)):
        body = json.dumps([make.order()]).replace("25.0", written)
        assert client.post(URL, content=body).status_code == 200
        assert read(client, 1)["payment_details"]["total_price"] == {"value": value, "currency": "EUR"}


@pytest.mark.parametrize("written", ["2.5", '"2.50"', "3", '"0.001"', "1e-3"])
def test_a_weight_comes_back_as_it_was_written(client: TestClient, written: str) -> None:
    weighed = {"weight": {"value": "@", "unit": "kg"}}
    order = make.order(
        order_details={"order_items": [make.item(measurement=weighed)]}, shipping_details={"measurement": weighed}
    )
    client.post(URL, content=json.dumps([order]).replace('"@"', written))
    found = read(client, 1)
    expected = json.loads(written)
    assert exact(found["shipping_details"]["measurement"]["weight"]["value"]) == exact(expected)
    assert exact(found["order_details"]["order_items"][0]["measurement"]["weight"]["value"]) == exact(expected)


def test_dimensions_come_back_as_they_were_written(client: TestClient) -> None:
    size = {"length": 30, "width": 20.5, "height": 0, "unit": "cm"}
    push(client, make.order(shipping_details={"measurement": {"dimension": size}}))
    assert exact(read(client, 1)["shipping_details"]["measurement"]["dimension"]) == exact(size)


TIMES = {
    "2026-03-14T08:26:53.589Z": "2026-03-14T08:26:53.589000+00:00",
    "2026-03-14T08:26:53Z": "2026-03-14T08:26:53.000000+00:00",
    "2026-03-14t08:26:53z": "2026-03-14T08:26:53.000000+00:00",
    "2026-03-14T08:26:53": "2026-03-14T08:26:53.000000+00:00",
    "2026-03-14T00:26:53.000001+01:30": "2026-03-13T22:56:53.000001+00:00",
    "2026-12-31T23:59:59.999999-00:01": "2027-01-01T00:00:59.999999+00:00",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000000+00:00",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999+00:00",
}


def test_times_are_given_back_in_utc_with_six_digits(client: TestClient) -> None:
    for written, given_back in TIMES.items():
        dates = {"handover_at": written, "deliver_at": None}
        times = {"order_created_at": written, "order_updated_at": written}
        push(client, make.order(order_details={**times, "order_items": [make.item(delivery_dates=dates)]}))
        found = read(client, 1)["order_details"]
        assert (found["order_created_at"], found["order_updated_at"]) == (given_back, given_back)
        assert found["order_items"][0]["delivery_dates"] == {"handover_at": given_back, "deliver_at": None}
        listed = client.get(URL, params={"order_created_at": written}).json()["data"]
        assert [order["order_details"]["order_created_at"] for order in listed] == [given_back]


def test_a_stored_order_is_the_bytes_that_a_json_writer_makes_of_it(client: TestClient) -> None:
    """No escapes, no spaces: the document at rest goes out as it is."""
    order = make.order(order_details={"notes": 'Ünïcode 𝔞 "quoted" \\ \n\u2028'})
    push(client, order)
    raw = client.get(f"{URL}/1").content
    assert raw == orjson.dumps(orjson.loads(raw))
    assert read(client, 1)["order_details"]["notes"] == order["order_details"]["notes"]
