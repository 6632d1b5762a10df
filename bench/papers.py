"""A corpus of printed documents: 200 invented orders of five kinds, to twenty countries, in ten scripts and more.

    python -m bench.papers FOLDER [--count 200]
    python -m bench.papers FOLDER --places

With `--places`, there is an order to every country of ISO 3166-1 and to every territory of its own, by its code and by
the postal codes of its country, in every currency of ISO 4217 in turn.

Each document is read back: text by PDFium, codes by zxing-cpp. What is wrong is listed, and `contact-sheet-N.png` shows
the first pages side by side, for people to look at. A smaller part of it runs in tests (tests/papers).
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pypdfium2
import pypdfium2.raw as pdfium
import zxingcpp
from PIL import Image

from packhouse.carriers import Address, Carrier, Consignment, Document, Money, Parcel, house, letter, post
from packhouse.kit.data import letters, places, units
from packhouse.kit.data.places import tables
from packhouse.printing import customs, printers

KINDS = ("packet", "parcel", "long", "own", "letter")
_OPTIONS = {
    "packet": "post:packet",
    "parcel": "post:parcel",
    "long": "post:parcel",
    "own": "house:standard",
    "letter": "sendcloud:letter",
}
_CARRIERS: dict[str, Carrier] = {"post": post.Post(), "house": house.OwnDelivery(), "sendcloud": letter.Letter()}

_RECIPIENTS = (
    Address("Anna Tester", "Keizersgracht", "1015 CR", "Amsterdam", "NL", house_number="12"),
    Address("Αλέξανδρος Νικολάου", "Οδός Ερμού", "105 63", "Αθήνα", "GR", house_number="3"),
    Address("Иван Петров", "улица Шипка", "1504", "София", "BG", house_number="34"),
    Address("สมชาย ใจดี", "ถนนสีลม", "10500", "บางรัก", "TH", house_number="10", state_province_code="TH-10"),
    Address("გიორგი ბერიძე", "რუსთაველის გამზირი", "0108", "თბილისი", "GE", house_number="5"),
    Address("Արամ Հակոբյան", "Աբովյան փողոց", "0001", "Երևան", "AM", house_number="8"),
    Address("राहुल शर्मा", "महात्मा गांधी मार्ग", "110001", "नई दिल्ली", "IN", house_number="7"),
    Address("রহিম আহমেদ", "গুলশান এভিনিউ", "1212", "ঢাকা", "BD", house_number="44"),
    Address("דוד כהן (דירה 5)", "רחוב הרצל", "6688312", "תל אביב", "IL", house_number="9"),
    Address("محمد بن عبد الله", "شارع الملك فهد", "12271", "الرياض", "SA", house_number="7421"),
    Address("山田 太郎", "千代田1-1", "100-0001", "千代田区", "JP", state_province_code="JP-13"),
    Address("김민준", "세종대로 110", "04524", "중구", "KR", state_province_code="KR-11"),
    Address("王小明", "建国路", "100022", "北京市", "CN", house_number="88号"),
    Address("Ana Pérez", "Calle Triana", "35002", "Las Palmas", "ES", house_number="4"),
    Address("Élodie Payet", "Rue de Paris", "97400", "Saint-Denis", "FR", house_number="12"),
    Address("Ursula Frei", "Bundesplatz", "3011", "Bern", "CH", house_number="3"),
    Address("John Doe", "Main Street", "00901", "San Juan", "US", house_number="1", state_province_code="PR"),
    Address("Jean Mukendi", "Avenue Kasa-Vubu", "-", "Kinshasa", "CD", house_number="20"),
    Address("Chan Tai Man 🎁", "Nathan Road", "999077", "Kowloon", "HK", house_number="100"),
    Address("Aoife O'Neill", "Donegall Place", "BT1 5GS", "Belfast", "GB", house_number="2"),
    Address("முருகன் சுப்பிரமணியன்", "அண்ணா சாலை", "00100", "கொழும்பு", "LK", house_number="6"),
    Address(
        "João Silva", "Avenida Paulista", "01310-100", "São Paulo", "BR", house_number="1578", state_province_code="SP"
    ),
)
_SENDERS = (
    Address("Anna Bakker", "Keizersgracht", "1015 CR", "Amsterdam", "NL", "Teehandel Bakker", "12"),
    Address("Tea House", "Royal Mile", "EH1 1RE", "Edinburgh", "GB", house_number="5"),
    Address("Tea Company", "5th Avenue", "10001", "New York", "US", house_number="350", state_province_code="NY"),
)
_THINGS = (
    ("Green tea 100 g", "0902.10", "JP"),
    ("ชาเขียว", "0902.10", "TH"),
    ("Чашка фарфоровая", "6911.10", "RU"),
    ("陶瓷杯", "6911.10", "CN"),
    ("कॉटन शर्ट", "6105.10", "IN"),
    ("Θήκη από δέρμα", "4202.31", "GR"),
    (
        "A cup with a name that is longer than a line of any form, for it is told all that there is to tell",
        "6912.00",
        "NL",
    ),
)
_CURRENCIES = ("EUR", "GBP", "USD", "JPY", "KWD", "TND", "HUF", "CLF", "HRK", "XTS")
_SMALLEST = 6.99
_PAPERS = ("customs-declaration", "commercial-invoice", "packing-slip", "pick-list")


class Finding(NamedTuple):
    """What is wrong with a document."""

    document: str
    what: str


@dataclass(frozen=True)
class Case:
    """An order that was printed, as its carrier was told of it."""

    number: int
    kind: str
    told: Consignment


def make_cases(count: int) -> Iterator[Case]:
    """Each kind with each country, currency and sender in turn."""
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        yield Case(number, kind, _make_consignment(number, kind))


def make_places() -> Iterator[Case]:
    """Every place with a currency, until every currency had its turn."""
    told = [*_list_countries(), *_list_territories()]
    currencies = sorted(places.CURRENCIES - _NO_MONEY)
    for number in range(max(len(told), len(currencies))):
        address, kind = told[number % len(told)], ("parcel", "packet")[number % 2]
        yield Case(number, kind, _make_consignment(number, kind, address, currencies[number % len(currencies)]))


_UNPOSTED = frozenset({"AQ", "BV", "HM", "UM"})
"""Where nobody gets anything by post."""
_NO_MONEY = frozenset({"XTS", "XXX"})


def _list_countries() -> Iterator[Address]:
    for country in sorted(places.COUNTRIES - _UNPOSTED):
        yield _to_address(country)


def _to_address(country: str, city: str = "Somewhere") -> Address:
    example = places.read_format(country).get("zipex", "-").partition(",")[0]
    return Address("Anna Tester", "Main Road", example, city, country, house_number="1")


def _list_territories() -> Iterator[Address]:
    for row in tables.read_table("territories"):
        for where in row["where"].split():
            country, _, prefix = where.replace("@", ":").partition(":")
            prefix, _, city = prefix.partition("/")
            address = _to_address(country, city or "Somewhere")
            told = "state_province_code" if "@" in where else "postal_code"
            if row["territory"] not in _UNPOSTED:
                yield replace(address, **{told: prefix})


def _make_consignment(number: int, kind: str, recipient: Address | None = None, currency: str = "") -> Consignment:
    currency = currency or _CURRENCIES[number // 7 % len(_CURRENCIES)]
    lines = 120 + number if kind == "long" else 1 + number % 4
    items = [_make_item(number + line, currency) for line in range(lines)]
    cash = Money(Decimal(1000 + number) / 4, currency) if number % 9 == 0 else None
    return Consignment(
        reference=f"0f1c9d6e-1111-4222-8333-{number:012d}",
        order_number=f"N-{number}",
        sender=_SENDERS[number // 5 % len(_SENDERS)],
        recipient=recipient or _RECIPIENTS[number % len(_RECIPIENTS)],
        parcels=[Parcel(1000 + number, Decimal("1.25"), items=items)],
        option_code=_OPTIONS[kind],
        customs={
            "commercial_invoice_number": f"INV-{number}",
            "shipment_type": list(customs.KINDS)[number % 6] if number % 6 not in (1, 5) else "gift",
            "tax_numbers": {"sender": [{"name": "IOSS", "value": "IM5280000000"}]},
        },
        notes="Ring twice." if number % 3 == 0 else "",
        announced_at=datetime(2026, 11, 24, 8, tzinfo=UTC),
        cash_on_delivery=cash,
    )


def _make_item(number: int, currency: str) -> dict[str, Any]:
    name, hs_code, origin = _THINGS[number % len(_THINGS)]
    value = Decimal(100 + number * 7) / (10 ** places.find_minor_units(currency))
    return {
        "name": name,
        "sku": f"S-{number}",
        "quantity": 1 + number % 3,
        "total_price": {"value": str(value), "currency": currency},
        "hs_code": hs_code,
        "country_of_origin": origin,
        "measurement": {"weight": {"value": "0.02", "unit": "kg"}},
    }


def print_case(case: Case) -> dict[str, bytes]:
    """Every document of the order, by its name."""
    carrier = _CARRIERS[case.told.option_code.partition(":")[0]]
    [parcel] = asyncio.run(carrier.announce(case.told)).parcels
    documents: Sequence[Document] = parcel.documents
    order = _to_order(case.told)
    made = {document.kind: document.content for document in documents}
    made["packing-slip"] = printers.load("packing-slips")([order])
    made["pick-list"] = printers.load("pick-list")([order])
    return made


def _to_order(told: Consignment) -> dict[str, Any]:
    recipient = {name: getattr(told.recipient, name) for name in Address.__dataclass_fields__}
    cash = told.cash_on_delivery
    total = {"value": str(cash.value), "currency": cash.currency} if cash else {}
    return {
        "order_number": told.order_number,
        "order_details": {
            "integration": {"id": 1},
            "tags": ["packhouse:language-en"],  # what is read back is looked for in English
            "order_created_at": "2026-11-24",
            "order_items": told.parcels[0].items,
            "notes": told.notes,
        },
        "payment_details": {"is_cash_on_delivery": cash is not None, "total_price": total},
        "shipping_address": recipient,
    }


def check_case(case: Case, made: dict[str, bytes]) -> Iterator[Finding]:
    """Read every document back, and compare it with what it was made of."""
    told = case.told
    leaves = places.leaves_customs_union(told.sender.place, told.recipient.place)
    if ("customs-declaration" in made) is not (leaves and told.option_code.startswith("post:")):
        yield Finding("papers", f"papers from {told.sender.country_code} to {told.recipient.place}")
    for name, content in made.items():
        for what in (*_check_text(name, content, told), *_check_codes(name, content, told)):
            yield Finding(f"order {case.number} ({case.kind}), {name}", what)


def _check_text(name: str, content: bytes, told: Consignment) -> Iterator[str]:
    pages = _read_pages(content)
    text = _squeeze("".join(pages))
    yield from (f"{part!r} is not there" for part in _find_expected(name, told) if _squeeze(part) not in text)
    if "?" in text:
        yield "a question mark"
    if name in _PAPERS and min(_read_sizes(content)) < _SMALLEST:
        yield "type under 7 points"
    if name in _PAPERS and not all(f"Page {n} of {len(pages)}" in page for n, page in enumerate(pages, 1)):
        is_small = len(pages) == 1 and "CN 22" in pages[0]
        if not is_small:
            yield "pages are not numbered"


def _find_expected(name: str, told: Consignment) -> Iterator[str]:
    """What a document must say."""
    names = [item["name"] for item in told.parcels[0].items]
    if name != "pick-list":
        yield told.order_number
    if name in ("label", "commercial-invoice", "packing-slip"):
        yield _without_pictures(told.recipient.name)
        yield places.to_printed_country(told.recipient.country_code)
    if name != "label":
        yield from (_without_pictures(told_name) for told_name in names)
    if name in ("customs-declaration", "commercial-invoice"):
        entries = customs.to_entries(told.parcels[0])
        total = units.add(*(entry.value for entry in entries))
        yield f"{places.to_amount(total, entries[0].currency)} {entries[0].currency}"
        yield "IM5280000000"
    if told.cash_on_delivery and name in ("label", "packing-slip"):
        value, currency = told.cash_on_delivery
        yield f"Cash on delivery {places.to_amount(value, currency)} {currency}"


def _without_pictures(text: str) -> str:
    """Letters of the first plane: PDFium gives back no others."""
    return "".join(letter for letter in letters.clean(text) if ord(letter) < 0x10000)


def _squeeze(text: str) -> str:
    """Without spaces and line ends: where lines break is the paper's affair."""
    return "".join(text.split())


def _check_codes(name: str, content: bytes, told: Consignment) -> Iterator[str]:
    if name == "label":
        found = _read_codes(content)
        if len(found) != 2 or not any(code.startswith(f"{told.order_number}\n") for code in found):
            yield f"codes {found}"
    elif name == "packing-slip" and told.order_number not in _read_codes(content):
        yield "no code with the order's number"


def _read_pages(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as file:
        return [page.get_textpage().get_text_range() for page in file]


def _read_sizes(content: bytes) -> Iterator[float]:
    with pypdfium2.PdfDocument(content) as file:
        for page in file:
            text = page.get_textpage()
            for index in range(text.count_chars()):
                if pdfium.FPDFText_GetUnicode(text.raw, index) > 0x20 and not pdfium.FPDFText_IsGenerated(
                    text.raw, index
                ):
                    yield pdfium.FPDFText_GetFontSize(text.raw, index)


def _read_codes(content: bytes) -> set[str]:
    return {code.text for code in zxingcpp.read_barcodes(_render(content, 300 / 72).convert("L"))}


def _render(content: bytes, scale: float, page: int = 0) -> Image.Image:
    with pypdfium2.PdfDocument(content) as file:
        image: Image.Image = file[page].render(scale=scale).to_pil()
        return image


_TILE = (300, 424)
_ACROSS, _DOWN = 8, 5


def draw_sheets(contents: Sequence[bytes], folder: Path) -> list[Path]:
    """The first page of each, small, side by side."""
    made: list[Path] = []
    for start in range(0, len(contents), _ACROSS * _DOWN):
        sheet = Image.new("RGB", (_TILE[0] * _ACROSS, _TILE[1] * _DOWN), "grey")
        for index, content in enumerate(contents[start : start + _ACROSS * _DOWN]):
            image = _render(content, 1.2)
            image.thumbnail((_TILE[0] - 6, _TILE[1] - 6))
            sheet.paste(image, (index % _ACROSS * _TILE[0] + 3, index // _ACROSS * _TILE[1] + 3))
        made.append(folder / f"contact-sheet-{len(made) + 1}.png")
        sheet.save(made[-1])
    return made


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.papers", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--places", action="store_true")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The number of findings, at most 1: what a shell calls failure."""
    asked = _parser().parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    findings: list[Finding] = []
    contents: list[bytes] = []
    cases = list(make_places() if asked.places else make_cases(asked.count))
    for case in cases:
        made = print_case(case)
        findings += check_case(case, made)
        contents += made.values() if case.number % 5 < 2 else [made[name] for name in made if name != "pick-list"][:2]
    sheets = draw_sheets(contents, asked.folder)
    for finding in findings:
        print(f"{finding.document}: {finding.what}")
    print(f"{len(cases)} orders, {len(findings)} findings; look at {', '.join(map(str, sheets))}")
    return min(1, len(findings))


if __name__ == "__main__":
    sys.exit(main())
