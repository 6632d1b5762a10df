"""Papers for what leaves the customs union: complete, or refused with the places of what is missing."""

import asyncio
import dataclasses
from typing import Any

import pypdfium2
import pytest
import zxingcpp

from packhouse.carriers import AnnouncedParcel, Rejected
from packhouse.carriers.post import Post
from packhouse.kit import errors
from tests.shipping.carriers.consignments import RECIPIENTS, consignment, item

SWISS = dataclasses.replace(RECIPIENTS["greek"], country_code="CH", city="Bern", postal_code="3011", name="Urs Meier")


def announce(option_code: str, **changes: Any) -> list[AnnouncedParcel]:
    return list(asyncio.run(Post().announce(consignment(option_code, **{"recipient": SWISS, **changes}))).parcels)


def missing(**changes: Any) -> list[str | None]:
    with pytest.raises(Rejected) as refused:
        announce("post:parcel", **changes)
    assert all(fault.title == "Incomplete customs details" for fault in refused.value.faults)
    return [fault.pointer for fault in refused.value.faults]


def text_of(content: bytes) -> str:
    with pypdfium2.PdfDocument(content) as file:
        return "\n".join(page.get_textpage().get_text_range() for page in file)


def papers(parcel: AnnouncedParcel) -> dict[str, tuple[str, str]]:
    """Kind -> size and text."""
    return {paper.kind: (paper.size, text_of(paper.content)) for paper in parcel.documents}


def test_inside_the_customs_union_there_is_only_a_label() -> None:
    told = announce("post:parcel", recipient=RECIPIENTS["polish"], customs=None, items=[])
    assert [paper.kind for paper in told[0].documents] == ["label"]


@pytest.mark.parametrize(("recipient", "has_papers"), [("turkish", True), ("endless", True), ("greek", False)])
def test_the_customs_union_is_what_counts(recipient: str, has_papers: bool) -> None:
    told = announce("post:parcel", recipient=RECIPIENTS[recipient])
    assert ("customs-declaration" in papers(told[0])) is has_papers


def test_a_small_packet_has_a_cn22() -> None:
    size, text = papers(announce("post:packet")[0])["customs-declaration"]
    assert size == "a6"
    for told in ("CN 22", "2 × Green tea", "0902.10", "JP", "25.00 EUR", "0.500", "1.250", "2026-11-24 Anna Bakker"):
        assert told in text, told


@pytest.mark.parametrize(
    ("option_code", "items"),
    [
        ("post:parcel", [item()]),
        ("post:packet", [item(total_price={"value": "360", "currency": "EUR"})]),
        ("post:packet", [item(name=f"Tea {n}") for n in range(5)]),
    ],
)
def test_what_is_no_small_packet_has_a_cn23(option_code: str, items: list[dict[str, Any]]) -> None:
    size, text = papers(announce(option_code, items=items)[0])["customs-declaration"]
    assert size == "a4"
    for told in (
        "CN 23",
        "Anna Bakker",
        "Urs Meier",
        "SWITZERLAND",
        "INV-7",
        "Postal charges/Fees",
        "12.50 EUR",
        "2026-11-24 Anna Bakker",
        items[0]["name"],
    ):
        assert told in text, told


def test_the_declarations_barcode_is_the_parcels() -> None:
    parcel = announce("post:parcel")[0]
    declaration = next(paper for paper in parcel.documents if paper.kind == "customs-declaration")
    with pypdfium2.PdfDocument(declaration.content) as file:
        found = zxingcpp.read_barcodes(file[0].render(scale=300 / 72).to_pil().convert("L"))
    assert [(code.symbology_identifier, code.text) for code in found] == [("]C0", parcel.tracking_number)]


def test_an_invoice_goes_with_the_first_parcel_and_sums_all() -> None:
    told = announce("post:parcel", ids=(7, 8), customs={
        "commercial_invoice_number": "INV-7",
        "shipment_type": "commercial_goods",
        "tax_numbers": {"sender": [{"name": "EORI", "country_code": "NL", "value": "NL999"}]},
    })  # fmt: skip
    first, second = papers(told[0]), papers(told[1])
    assert "commercial-invoice" not in second
    assert "customs-declaration" in second
    _, text = first["commercial-invoice"]
    for part in (
        "INV-7",
        "Goods 50.00 EUR",
        "Shipping 12.50 EUR",
        "Total 62.50 EUR",
        "Sender: EORI NL NL999",
        "Page 1 of 1",
    ):
        assert part in text, part
    assert all(parcel.tracking_number in text for parcel in told)


def test_a_long_invoice_has_more_pages() -> None:
    items = [item(name=f"Tea number {n}") for n in range(40)]
    _, text = papers(announce("post:parcel", items=items)[0])["commercial-invoice"]
    assert "Page 2 of 2" in text
    assert all(f"Tea number {n}" in text for n in range(40))
    assert "Goods 1000.00 EUR" in text


ITEMS = ("order_details", "order_items")


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"hs_code": None}, (*ITEMS, 1, "hs_code")),
        ({"hs_code": "12345"}, (*ITEMS, 1, "hs_code")),
        ({"country_of_origin": None}, (*ITEMS, 1, "country_of_origin")),
        ({"total_price": {"value": 3}}, (*ITEMS, 1, "total_price")),
        ({"measurement": None}, (*ITEMS, 1, "measurement", "weight")),
        ({"total_price": {"value": 3, "currency": "USD"}}, ITEMS),
    ],
)
def test_what_an_item_lacks_is_named(changes: dict[str, Any], path: errors.Path) -> None:
    assert missing(items=[item(), item(**changes), item()]) == [errors.to_pointer(path)]


def test_everything_that_is_missing_is_named_at_once() -> None:
    bare = {"name": "Tea", "quantity": 1, "total_price": {}}
    found = missing(items=[bare], customs=None)
    paths: list[errors.Path] = [("customs_details", "shipment_type"), ("customs_details", "commercial_invoice_number")]
    lacks: list[errors.Path] = [("hs_code",), ("country_of_origin",), ("total_price",), ("measurement", "weight")]
    assert found == [errors.to_pointer(path) for path in (*paths, *((*ITEMS, 0, *lack) for lack in lacks))]


def test_an_empty_parcel_cannot_be_declared() -> None:
    assert missing(items=[]) == [errors.to_pointer(ITEMS)]


def test_the_price_of_one_stands_in_for_the_total() -> None:
    priced = item(total_price={}, unit_price={"value": "3.35", "currency": "EUR"}, quantity=3)
    _, text = papers(announce("post:parcel", items=[priced])[0])["customs-declaration"]
    assert "Total value\r\n" in text
    assert text.count("10.05 EUR") == 2  # the line and the total
