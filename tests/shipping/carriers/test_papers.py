"""Papers have as many pages as they need, in type that can be read, with every box of the post's forms."""

import asyncio
import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import papers as corpus
from packhouse.carriers import Address, Money, Rejected, house, letter
from packhouse.carriers.post import Post
from packhouse.kit.data import places, units
from packhouse.printing import customs, customs_forms, invoices, printers
from tests import make
from tests.shipping.carriers.consignments import RECIPIENTS, SENDER, consignment, item
from tests.shipping.carriers.papers import read_codes, read_pages, read_sizes, read_text

SWISS = Address("Urs Meier", "Bundesplatz", "3011", "Bern", "CH", house_number="3")
LEAST = 6.99


def papers(option_code: str = "post:parcel", **changes: Any) -> dict[str, bytes]:
    told = consignment(option_code, **{"recipient": SWISS, **changes})
    parcel = asyncio.run(Post().announce(told)).parcels[0]
    return {document.kind: document.content for document in parcel.documents}


def many(count: int) -> list[dict[str, Any]]:
    price = {"value": "1.5", "currency": "EUR"}
    return [item(name=f"Postcard number {n}", quantity=1, total_price=price) for n in range(count)]


def test_300_lines_are_a_legible_declaration_with_continuation_sheets() -> None:
    made = papers(items=many(300))["customs-declaration"]
    pages = read_pages(made)
    assert len(pages) > 3
    for number, page in enumerate(pages, 1):
        assert f"Page {number} of {len(pages)}" in page
        assert ("continuation sheet\r\n" in page) is (number > 1)
        assert "450.00 EUR" in page  # the total of all
    text = read_text(made)
    assert all(f"Postcard number {n} " in text for n in range(300))
    assert min(read_sizes(made)) >= LEAST
    codes = read_codes(made)
    assert all(found == codes[0] and len(found) == 1 for found in codes)
    on_sheets = [Decimal(page.partition("On this sheet ")[2].split(" ")[0]) for page in pages[1:]]
    on_first = Decimal("1.5") * pages[0].count("Postcard number")
    assert sum(on_sheets) + on_first == 450


def test_300_lines_are_a_legible_invoice_with_one_total() -> None:
    made = papers(items=many(300))["commercial-invoice"]
    pages = read_pages(made)
    assert [f"Page {number} of {len(pages)}" in page for number, page in enumerate(pages, 1)] == [True] * len(pages)
    assert ["Carried forward" in page for page in pages] == [True] * (len(pages) - 1) + [False]
    assert "Total 462.50 EUR" in pages[-1]
    text = read_text(made)
    assert all(f"Postcard number {n} " in text for n in range(300))
    assert min(read_sizes(made)) >= LEAST


@pytest.mark.parametrize("count", [1, 15, 16, 17, 18, 19, 20, 21, 22, 39, 40, 41, 42, 43, 60, 75])
def test_no_line_is_lost_between_two_pages(count: int) -> None:
    for made in papers(items=many(count)).values():
        pages = read_pages(made)
        if len(pages) == 1 and "Postcard" not in pages[0]:
            continue  # the label
        text = read_text(made)
        assert [text.count(f"Postcard number {n} ") for n in range(count)] == [1] * count
        assert ("signature" in pages[0]) or ("signature" in pages[-1])


@pytest.mark.parametrize("count", [4, 300])
def test_slips_and_pick_lists_are_legible_on_as_many_pages_as_they_need(count: int) -> None:
    items = [make.item(name=f"Postcard number {n} " + "of a long name " * (n % 5), sku=f"P-{n}") for n in range(count)]
    order = make.order(order_details={"order_items": items, "notes": "Wrap it."}, shipping_address=make.address())
    for name, arguments in (("packing-slips", ([order], make.address())), ("pick-list", ([order],))):
        made = printers.load(name)(*arguments)
        pages, text = read_pages(made), read_text(made)
        told = "Pagina {} van {}" if name == "packing-slips" else "Page {} of {}"  # the customer lives in NL
        assert [told.format(at, len(pages)) in page for at, page in enumerate(pages, 1)] == [True] * len(pages)
        assert all(f"Postcard number {n} " in text for n in range(count))
        assert min(read_sizes(made)) >= LEAST
        assert (len(pages) > 1) is (count > 4)


def test_a_pick_list_names_every_order() -> None:
    orders = [make.order(f"o-{n}", shipping_address=make.address()) for n in range(90)]
    text = read_text(printers.load("pick-list")(orders))
    assert all(f"N-o-{n} × 2" in text for n in range(90))


KINDS = ("Gift", "Documents", "Sale of goods", "Commercial sample", "Returned goods", "Other (please specify)")


@pytest.mark.parametrize("option_code", ["post:packet", "post:parcel"])
def test_the_forms_have_every_box(option_code: str) -> None:
    text = read_text(papers(option_code, customs=FULL)["customs-declaration"])
    for told in (
        *KINDS, "CUSTOMS DECLARATION", "May be opened officially", "Sender's customs reference (if any)",
        "HS tariff number", "Country of origin", "Total value", "Date and sender's signature",
        "I, the undersigned, whose name and address are given on the item, certify", "IOSS NL IM5280000000",
        "EORI NL NL123456789", "VAT GB GB999 (recipient)", "2026-11-24 Anna Bakker",
    ):  # fmt: skip
        assert told in text, told
    if option_code == "post:parcel":
        for told in (
            "From", "To", "Importer's reference", "Total gross weight (kg)", "Total net weight (kg)",
            "Postal charges/Fees", "Comments", "Licence No.", "Certificate No.", "Invoice No.", "Office of origin",
        ):  # fmt: skip
            assert told in text, told


FULL = {
    "commercial_invoice_number": "INV-7",
    "shipment_type": "gift",
    "tax_numbers": {
        "sender": [
            {"name": "IOSS", "country_code": "NL", "value": "IM5280000000"},
            {"name": "EORI", "country_code": "NL", "value": "NL123456789"},
        ],
        "receiver": [{"name": "VAT", "country_code": "GB", "value": "GB999"}],
    },
}


def test_every_tax_number_is_on_the_invoice_too() -> None:
    text = read_text(papers(customs=FULL)["commercial-invoice"])
    assert "Sender: IOSS NL IM5280000000, EORI NL NL123456789" in text
    assert "Importer: VAT GB GB999 (recipient)" in text


def test_contents_are_named_by_what_they_are_and_never_by_what_sells_them() -> None:
    sold = item(description="<p>The <b>best</b> tea ever!</p>", material_content="dried leaves")
    for content in papers(items=[sold]).values():
        text = read_text(content)
        assert "best" not in text
        assert "<" not in text
    assert "Green tea (dried leaves)" in read_text(papers(items=[sold])["customs-declaration"])


def test_a_small_form_is_for_what_fits_it() -> None:
    long = [item(name="A name that takes many lines of a small form. " * 9) for _ in range(4)]
    assert "CN 23" in read_text(papers("post:packet", items=long)["customs-declaration"])
    made = papers("post:packet", items=long[:1])["customs-declaration"]
    assert "CN 22" in read_text(made)
    assert min(read_sizes(made)) >= LEAST


@pytest.mark.parametrize(
    ("sender", "lacks"),
    [
        ({"address_line_1": ""}, ["address_line_1"]),
        ({"postal_code": "-", "city": ""}, ["city", "postal_code"]),
        ({"address_line_1": "", "po_box": "12"}, []),
        ({"country_code": "HK", "postal_code": ""}, []),
    ],
)
def test_a_sender_is_complete_or_named_with_what_is_missing(sender: dict[str, str], lacks: list[str]) -> None:
    told = consignment("post:parcel", recipient=SWISS, sender=dataclasses.replace(SENDER, **sender))
    found = [fault.pointer for fault in customs.find_missing(told)]
    assert found == [f"/data/attributes/from_address/{field}" for field in lacks]


@pytest.mark.parametrize(
    ("value", "currency", "form"),
    [
        ("12.345", "KWD", "CN 22"),
        ("390", "KWD", "CN 23"),
        ("999.999", "TND", "CN 22"),
        ("12000", "JPY", "CN 22"),
        ("500", "HUF", "CN 22"),
        ("358", "EUR", "CN 22"),
        ("360", "EUR", "CN 23"),
        ("1", "XTS", "CN 23"),
        ("100", "HRK", "CN 22"),
        ("100", "ANG", "CN 22"),
    ],
)
def test_the_limit_of_the_small_form_is_in_sdr(value: str, currency: str, form: str) -> None:
    priced = item(total_price={"value": value, "currency": currency})
    made = papers("post:packet", items=[priced], shipping_costs=None)
    text = read_text(made["customs-declaration"])
    assert form in text
    written = f"{places.to_amount(Decimal(value), currency)} {currency}"
    assert text.count(written) == 2
    assert read_text(made["commercial-invoice"]).count(written) == 3


def test_rates_of_a_file_move_the_limit(tmp_path: Path) -> None:
    told = tmp_path / "rates.csv"
    told.write_text("currency,per_sdr\nEUR,10\n")
    priced = item(total_price={"value": "2000", "currency": "EUR"})
    try:
        places.use_rates(told)
        assert "CN 22" in read_text(papers("post:packet", items=[priced])["customs-declaration"])
    finally:
        places.use_rates(None)
    assert "CN 23" in read_text(papers("post:packet", items=[priced])["customs-declaration"])


@pytest.mark.parametrize("option_code", ["house:standard", "sendcloud:letter", "post:parcel"])
def test_cash_on_delivery_is_on_the_label(option_code: str) -> None:
    carriers = {"house": house.OwnDelivery(), "sendcloud": letter.Letter(), "post": Post()}
    carrier: Any = carriers[option_code.partition(":")[0]]
    cash = Money(Decimal(25), "EUR")
    for ids, told in (((1,), "Cash on delivery 25.00 EUR"), ((1, 2), "Cash on delivery 25.00 EUR for all 2 parcels")):
        made = asyncio.run(carrier.announce(consignment(option_code, ids=ids, cash_on_delivery=cash)))
        for parcel in made.parcels:
            assert told in read_text(parcel.documents[0].content)
    paid = asyncio.run(carrier.announce(consignment(option_code)))
    assert "Cash" not in read_text(paid.parcels[0].documents[0].content)


CURRENCIES = sorted(places.CURRENCIES | places.WITHDRAWN)
# Every country, and every territory by what names it in its country's addresses.
PLACES = [case.told.recipient for case in corpus.make_places()]
PRICES = st.lists(st.decimals(0, 9999, places=4).map(lambda value: value.normalize()), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(CURRENCIES), PRICES)
def test_every_place_and_currency_has_papers_whose_lines_make_their_total(
    recipient: Address, currency: str, prices: list[Decimal]
) -> None:
    """No `?`, the country by its own name, and no total that differs from its lines."""
    items = [item(name=f"Thing {n}", total_price={"value": str(p), "currency": currency}) for n, p in enumerate(prices)]
    told = consignment("post:parcel", recipient=recipient, items=items, shipping_costs=None)
    total = places.to_amount(units.add(*prices), currency)
    parcel = dataclasses.replace(told.parcels[0], tracking_number="CA000000411NL")
    for made in (customs_forms.make_declaration(told, parcel, small=False), invoices.make_invoice(told)):
        text = read_text(made)
        assert "?" not in text
        assert places.to_printed_country(recipient.country_code) in text
        assert f"{total} {currency}" in text
        for price in prices:
            assert f"{places.to_amount(price, currency)} {currency}" in text


def test_the_corpus_goes_to_every_place_in_every_currency() -> None:
    told = [case.told for case in corpus.make_places()]
    assert {one.recipient.country_code for one in told} >= places.COUNTRIES - {"AQ", "BV", "HM", "UM"}
    assert {one.parcels[0].items[0]["total_price"]["currency"] for one in told} == places.CURRENCIES - {"XTS", "XXX"}
    territories = {places.find_territory(one.recipient.place).code for one in told}
    assert {"ES-CANARIES", "IT-LIVIGNO", "DE-BUESINGEN", "GB-NORTHERN-IRELAND", "CY-NORTH", "PR"} <= territories


def test_what_is_refused_says_all_that_is_missing_of_both_parties() -> None:
    nobody = dataclasses.replace(SENDER, name="", company_name="", city="")
    with pytest.raises(Rejected) as refused:
        papers(sender=nobody, recipient=dataclasses.replace(RECIPIENTS["turkish"], city=" "))
    assert [fault.pointer for fault in refused.value.faults] == [
        f"/data/attributes/{place}" for place in ("from_address/name", "from_address/city", "shipping_address/city")
    ]
