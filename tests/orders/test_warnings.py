from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.kit.data import phones, places
from packhouse.kit.messages import message
from packhouse.orders.warnings import OrderWarning, find_warnings

Order = dict[str, Any]
Path = tuple[str | int, ...]

ITEMS: Path = ("order_details", "order_items")
FIRST: Path = (*ITEMS, 0)
SECOND: Path = (*ITEMS, 1)


def address(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Ada Visser",
        "address_line_1": "Lindelaan",
        "house_number": "12",
        "postal_code": "1011 AB",
        "city": "Amsterdam",
        "country_code": "NL",
        "phone_number": "+31 6 12345678",
        "email": "ada@example.com",
        **changes,
    }


def item(**changes: Any) -> dict[str, Any]:
    price = {"value": 4.5, "currency": "EUR"}
    return {"name": "Tea", "quantity": 1, "total_price": price, "ean": "8712345678906", "hs_code": "090210", **changes}


def order(**changes: Any) -> Order:
    return {
        "order_id": "A-1",
        "order_number": "1",
        "order_details": {"integration": {"id": 1}, "status": {"code": "paid"}, "order_items": [item(), item()]},
        "payment_details": {"total_price": {"value": 9, "currency": "EUR"}},
        "customs_details": {"shipment_type": "commercial_goods"},
        "customer_details": {"name": "Ada Visser", "phone_number": "06-12345678"},
        "billing_address": address(),
        "shipping_address": address(),
        **changes,
    }


def with_items(*items: dict[str, Any], **changes: Any) -> Order:
    return order(order_details={"order_items": list(items)}, **changes)


def found(sent: Order, origin: str = "NL") -> list[tuple[str, Path]]:
    return [(warning.code, warning.path) for warning in find_warnings(sent, origin)]


def test_a_sound_order_has_no_warning() -> None:
    assert found(order()) == []


@pytest.mark.parametrize("place", ["shipping_address", "billing_address"])
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"postal_code": "10115"}, "postal_code"),
        ({"postal_code": " "}, "postal_code"),
        ({"phone_number": "12"}, "phone_number"),
        ({"phone_number": "+31 6 12"}, "phone_number"),
        ({"phone_number": "unknown"}, "phone_number"),
    ],
)
def test_what_does_not_fit_the_address_s_country(place: str, changes: dict[str, str], field: str) -> None:
    assert found(order(**{place: address(**changes)})) == [("invalid", (place, field))]


@pytest.mark.parametrize("place", ["shipping_address", "billing_address"])
@pytest.mark.parametrize(
    "changes",
    [
        {"phone_number": ""},
        {"phone_number": None},
        {"postal_code": "1011ab"},
        {"phone_number": "0031 6 12345678"},
        {"country_code": "BE", "postal_code": "1000", "phone_number": "0470 12 34 56"},
    ],
)
def test_what_fits_the_address_s_country(place: str, changes: dict[str, str | None]) -> None:
    assert found(order(**{place: address(**changes)})) == []


def test_a_customer_dials_from_where_the_order_goes() -> None:
    customer = {"name": "Ada Visser", "phone_number": "0470 12 34"}
    german = address(country_code="DE", postal_code="10115", phone_number="")
    french = address(country_code="FR", postal_code="75001", phone_number="")
    assert found(order(customer_details=customer, shipping_address=german)) == []
    wrong = ("invalid", ("customer_details", "phone_number"))
    assert found(order(customer_details=customer, shipping_address=french)) == [wrong]


@pytest.mark.parametrize(
    "nowhere", [None, {}, address(country_code="AQ", phone_number=None), address(country_code=None, phone_number=None)]
)
def test_without_a_telephone_plan_only_an_international_number_is_judged(nowhere: dict[str, Any] | None) -> None:
    sent = order(shipping_address=nowhere)
    for number, path in (("12345", []), ("+31 6 12", ["customer_details"]), ("+31 6 12345678", [])):
        sent["customer_details"] = {"name": "Ada Visser", "phone_number": number}
        assert [warning.path[0] for warning in find_warnings(sent, "AQ")] == path


@pytest.mark.parametrize(
    "ean",
    ["", None, "73513537", "012345678905", "8712345678906", "98412345678908", "978-0-471-11709-4", " 8712345678906 "],
)
def test_a_good_ean(ean: str | None) -> None:
    assert found(with_items(item(ean=ean))) == []


@pytest.mark.parametrize(
    ("ean", "detail"),
    [
        ("8712345678905", "The check digit of EAN 8712345678905 is wrong: it should be 6."),
        ("7351-3538", "The check digit of EAN 73513538 is wrong: it should be 7."),
        ("012345678900", "The check digit of EAN 012345678900 is wrong: it should be 5."),
        ("98412345678901", "The check digit of EAN 98412345678901 is wrong: it should be 8."),
        ("871234567890", "The check digit of EAN 871234567890 is wrong: it should be 4."),
        ("87123456789", "An EAN has 8, 12, 13 or 14 digits."),
        ("Ada Visser", "An EAN has 8, 12, 13 or 14 digits."),
        ("871234567890X", "An EAN has 8, 12, 13 or 14 digits."),
        ("8712345678906" + " " * 40 + "9", "An EAN has 8, 12, 13 or 14 digits."),
    ],
)
def test_a_bad_ean(ean: str, detail: str) -> None:
    warnings = list(find_warnings(with_items(item(), item(ean=ean)), "NL"))
    assert warnings == [OrderWarning("invalid", message(detail), (*SECOND, "ean"))]


def is_gtin(digits: str) -> bool:
    """Counted as the table of the GS1 General Specifications does: 18 places, of which the odd ones weigh three."""
    places = [int(digit) for digit in digits.rjust(18, "0")]
    return (3 * sum(places[0::2]) + sum(places[1::2])) % 10 == 0


@settings(max_examples=500)
@given(st.from_regex(r"[0-9]{7,15}", fullmatch=True))
def test_an_ean_is_judged_by_its_length_and_its_check_digit(ean: str) -> None:
    assert (found(with_items(item(ean=ean))) == []) is (len(ean) in (8, 12, 13, 14) and is_gtin(ean))


@given(st.text("0123456789 -\N{EN DASH}", min_size=1, max_size=20))
def test_spaces_and_dashes_of_an_ean_do_not_count(ean: str) -> None:
    digits = "".join(character for character in ean if character.isdigit())
    is_good = len(digits) in (8, 12, 13, 14) and is_gtin(digits)
    assert (found(with_items(item(ean=ean))) == []) is is_good


@given(st.text(min_size=1, max_size=20))
def test_any_text_is_judged_as_an_ean(ean: str) -> None:
    assert {path for _, path in found(with_items(item(ean=ean)))} <= {(*FIRST, "ean")}


@pytest.mark.parametrize("ean", ["\N{FULLWIDTH DIGIT SEVEN}3513537", "978\N{EN DASH}0471117094", "7351\u00a03537"])
def test_an_ean_of_wide_digits_and_typeset_dashes_is_one(ean: str) -> None:
    assert found(with_items(item(ean=ean))) == []


@pytest.mark.parametrize("ean", ["7351353\N{SUPERSCRIPT SEVEN}", "7351353\N{ARABIC-INDIC DIGIT SEVEN}"])
def test_a_digit_that_no_scanner_reads_is_none(ean: str) -> None:
    assert found(with_items(item(ean=ean))) == [("invalid", (*FIRST, "ean"))]


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("7351353", "7"),
        ("01234567890", "5"),
        ("871234567890", "6"),
        ("9841234567890", "8"),
        ("0000000", "0"),
        ("9999999999999", "7"),
    ],
)
def test_one_check_digit_of_ten_is_right(body: str, digit: str) -> None:
    assert [last for last in "0123456789" if not found(with_items(item(ean=f"{body}{last}")))] == [digit]


SWISS = address(country_code="CH", postal_code="8001", phone_number="+41 44 668 18 00")


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (order(shipping_address=SWISS), []),
        (order(shipping_address=SWISS, customs_details=None), [("customs_details",)]),
        (with_items(item(), item(hs_code=""), shipping_address=SWISS), [(*SECOND, "hs_code")]),
        (
            with_items(item(hs_code=None), item(), shipping_address=SWISS, customs_details=None),
            [("customs_details",), (*FIRST, "hs_code")],
        ),
    ],
)
def test_what_customs_want(sent: Order, expected: list[Path]) -> None:
    assert found(sent | {"customer_details": None}) == [("required", path) for path in expected]


def test_customs_details_that_were_never_sent_are_missing_too() -> None:
    sent = order(shipping_address=SWISS, customer_details=None)
    del sent["customs_details"]
    assert found(sent) == [("required", ("customs_details",))]


@pytest.mark.parametrize(("origin", "is_export"), [("NL", False), ("DE", False), ("MC", False), ("GB", True)])
def test_no_customs_within_the_union(origin: str, is_export: bool) -> None:
    sent = with_items(item(hs_code=None), customs_details=None)
    export = [("required", ("customs_details",)), ("required", (*FIRST, "hs_code"))]
    assert found(sent, origin) == (export if is_export else [])


@pytest.mark.parametrize("shipping", [None, {}, {"country_code": None}])
def test_no_customs_where_the_order_goes_nowhere(shipping: dict[str, Any] | None) -> None:
    sent = with_items(item(hs_code=None), shipping_address=shipping, customs_details=None)
    assert found(sent) == []


def test_details_name_no_person() -> None:
    wrong = address(name="Bo Lindqvist", postal_code="QX-77-QX", phone_number="+31 998")
    sent = with_items(
        item(ean="Bo Lindqvist", hs_code=None),
        shipping_address=wrong,
        billing_address=wrong,
        customs_details=None,
        customer_details={"name": "Bo Lindqvist", "phone_number": "99"},
    )
    warnings = list(find_warnings(sent, "US"))
    assert len(warnings) == 8
    for warning in warnings:
        assert warning.detail.endswith(".")
        assert not any(secret in warning.detail for secret in ("Bo", "Lindqvist", "QX", "77", "99"))


def test_all_warnings_come_at_once_in_the_order_of_the_document() -> None:
    wrong = address(postal_code="x", phone_number="1")
    sent = with_items(item(ean="1"), item(hs_code=""), shipping_address=wrong, billing_address=wrong)
    assert [path for _, path in found(sent, "US")] == [
        ("shipping_address", "postal_code"),
        ("shipping_address", "phone_number"),
        ("billing_address", "postal_code"),
        ("billing_address", "phone_number"),
        (*FIRST, "ean"),
        (*SECOND, "hs_code"),
    ]


Strategy = st.SearchStrategy[Any]


def maybe(**fields: Strategy) -> Strategy:
    """An object of which any key may be absent or null."""
    return st.fixed_dictionaries({}, optional={name: st.none() | inner for name, inner in fields.items()})


COUNTRY = st.sampled_from(sorted(places.COUNTRIES))
ADDRESS = maybe(country_code=COUNTRY, postal_code=st.text(min_size=1), phone_number=st.text())
ORDERS = maybe(
    order_details=maybe(order_items=st.lists(maybe(ean=st.text(), hs_code=st.text()), max_size=3)),
    customs_details=maybe(shipment_type=st.just("gift")),
    customer_details=maybe(phone_number=st.text()),
    billing_address=ADDRESS,
    shipping_address=ADDRESS,
)


def has_place(sent: Any, path: Path) -> bool:
    """Whether all but the last step of the path is there."""
    for step in path[:-1]:
        sent = sent[step]
    return isinstance(sent, dict)


@settings(max_examples=400, deadline=None)
@given(ORDERS, COUNTRY)
def test_any_order_can_be_asked_about(sent: Order, origin: str) -> None:
    for warning in find_warnings(sent, origin):
        assert warning.code in ("invalid", "required")
        assert warning.detail
        assert has_place(sent, warning.path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda number: number[:2],
        lambda number: f"{number}{number}",
        lambda number: f"+999{number}",
    ],
)
def test_a_spoilt_number_is_warned_of_in_every_place(spoil: Callable[[str], str]) -> None:
    number = spoil("0612345678")
    assert not phones.is_possible(number, "NL")
    wrong = address(phone_number=number)
    sent = order(shipping_address=wrong, billing_address=wrong, customer_details={"name": "A", "phone_number": number})
    assert found(sent) == [
        ("invalid", (place, "phone_number")) for place in ("shipping_address", "billing_address", "customer_details")
    ]
