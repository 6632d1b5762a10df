"""Consignments for the tests of carriers and labels."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from packhouse.carriers import Address, Consignment, Money, Parcel

SENDER = Address(
    "Anna Bakker", "Keizersgracht", "1015 CR", "Amsterdam", "NL", company_name="Teehandel Bakker", house_number="12"
)
RECIPIENTS = {
    "polish": Address("Żaneta Wiśniewska-Źdźbło", "ulica Świętokrzyska", "00-116", "Warszawa", "PL", house_number="14"),
    "greek": Address("Παναγιώτης Παπαδόπουλος", "Λεωφόρος Βασιλίσσης Σοφίας", "106 74", "Αθήνα", "GR"),
    "cyrillic": Address("Иван Петров", "улица Шипка", "1504", "София", "BG", house_number="34"),
    "turkish": Address("Işıl Çağlayan", "İstiklal Caddesi", "34433", "İstanbul", "TR", house_number="7"),
    "chinese": Address("王小明", "建国路", "100022", "北京市", "CN", house_number="88号"),
    "arabic": Address("محمد بن عبد الله العلي", "شارع الملك فهد", "12271", "الرياض", "SA", house_number="7421"),
    "endless": Address(
        "A very long name " * 12,
        "An endless street that nobody can remember " * 6,
        "SW1A 1AA",
        "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 3,
        "GB",
        company_name="The Extraordinarily Long Company Name of Trading Partners " * 4,
        house_number="221B",
        address_line_2="Building C, staircase 4, second floor on the left " * 4,
        po_box="1234",
    ),
}


def item(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Green tea",
        "quantity": 2,
        "total_price": {"value": 25.0, "currency": "EUR"},
        "hs_code": "0902.10",
        "country_of_origin": "JP",
        "measurement": {"weight": {"value": "0.25", "unit": "kg"}},
        **changes,
    }


def consignment(option_code: str, *, ids: tuple[int, ...] = (41,), **changes: Any) -> Consignment:
    parcels = [
        Parcel(id, Decimal("1.25"), Decimal(30), Decimal(20), Decimal(10), changes.pop("items", [item()])) for id in ids
    ]
    told: dict[str, Any] = {
        "reference": "0f1c9d6e-1111-4222-8333-123456789abc",
        "order_number": "N-10007",
        "sender": SENDER,
        "recipient": RECIPIENTS["polish"],
        "parcels": parcels,
        "option_code": option_code,
        "gs1_prefix": "8712345",
        "notes": "Leave with the neighbour.",
        "announced_at": datetime(2026, 11, 24, 8, tzinfo=UTC),
        "shipping_costs": Money(Decimal("12.50"), "EUR"),
        "customs": {
            "commercial_invoice_number": "INV-7",
            "shipment_type": "commercial_goods",
            "export_type": "commercial_b2c",
        },
        **changes,
    }
    return Consignment(**told)
