"""What customs papers share: titles, parties, categories, contents, signatures, amounts."""

import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.consignment import Address, Consignment, Money
from packhouse.kit.data import places, units
from packhouse.printing import addresses, customs, typeset
from packhouse.printing.customs import Entry
from packhouse.printing.tabular import Column, Table
from packhouse.printing.typeset import SMALLEST, Box, Text

A6 = (105 * mm, 148 * mm)
A4 = (210 * mm, 297 * mm)

CLAUSE = (
    "I, the undersigned, whose name and address are given on the item, certify that the particulars given in this "
    "declaration are correct and that this item does not contain any dangerous article or articles prohibited by "
    "legislation or by postal or customs regulations."
)
"""Of the forms CN 22 and CN 23 of the Universal Postal Convention's regulations, as of 2026."""

_OF_SENDER = ("sender",)
_OF_OTHERS = ("receiver", "importer_of_record")
_PARTIES = {"receiver": "recipient", "importer_of_record": "importer of record"}

COLUMNS = (
    Column("Detailed description of contents", 0.36),
    Column("Quantity", 0.10, is_number=True),
    Column("Net weight (kg)", 0.12, is_number=True),
    Column("Value", 0.16, is_number=True),
    Column("HS tariff number", 0.15),
    Column("Country of origin", 0.11),
)


def write_file(size: tuple[float, float], title: str, draw: Callable[[Canvas], None]) -> bytes:
    """Write a drawing, always as the same bytes."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=size, pageCompression=1, invariant=1)
    canvas.setTitle(typeset.clean(title))
    draw(canvas)
    canvas.save()
    return file.getvalue()


def to_table(entries: Sequence[Entry], width: float, size: float) -> Table:
    return Table(COLUMNS, [to_cells(entry) for entry in entries], width, size)


def to_cells(entry: Entry) -> list[str]:
    weight = "" if entry.net_kg is None else to_weight(entry.net_kg)
    value = to_money(entry.value, entry.currency)
    return [entry.description, str(entry.quantity), weight, value, entry.hs_code, entry.origin]


def to_weight(value: Decimal) -> str:
    """In kilograms: to the gram, and more where it weighs less than that."""
    return units.to_text(value, max(3, min(6, -value.normalize().as_tuple().exponent)))  # type: ignore[operator]


def to_money(value: Decimal, currency: str) -> str:
    return f"{places.to_amount(value, currency)} {currency}"


def to_total(entries: Sequence[Entry]) -> Money:
    return Money(units.add(*(entry.value for entry in entries)), entries[0].currency)


def to_net_weight(entries: Sequence[Entry]) -> Decimal:
    return units.add(*(entry.net_kg for entry in entries if entry.net_kg is not None))


def to_date(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def to_sender_numbers(consignment: Consignment) -> str:
    """IOSS, EORI, VAT and what else the order names, as `IOSS IM5280000000, EORI NL NL123`."""
    return ", ".join(_to_numbers(consignment, _OF_SENDER))


def to_importer_numbers(consignment: Consignment) -> str:
    return ", ".join(_to_numbers(consignment, _OF_OTHERS))


def _to_numbers(consignment: Consignment, parties: Sequence[str]) -> Iterator[str]:
    numbers: dict[str, list[dict[str, Any]]] = (consignment.customs or {}).get("tax_numbers") or {}
    for party in parties:
        for one in numbers.get(party) or ():
            if one.get("value"):
                name = " ".join(filter(None, [one.get("name") or "Tax number", one.get("country_code"), one["value"]]))
                yield f"{name} ({_PARTIES[party]})" if party in _PARTIES else name


def draw_title(canvas: Canvas, box: Box, title: str, form: str, beside: str) -> None:
    """`beside` stands below the form's name, at the right."""
    base = box.y + box.height * 0.5
    typeset.draw(canvas, box.x, base, title, "Bold", 13)
    end = box.x + box.width
    typeset.draw_aligned(canvas, (end, base), form, "Bold", 13, 1, width=box.width / 2)
    typeset.draw_aligned(canvas, (end, box.y + 3), beside, "Regular", SMALLEST, 1, width=box.width)
    canvas.setLineWidth(0.8)
    canvas.line(box.x, box.y, end, box.y)


def draw_party(canvas: Canvas, box: Box, title: str, address: Address) -> None:
    reach = [
        *([f"Phone {address.phone_number}"] if address.phone_number else []),
        *([f"E-mail {address.email}"] if address.email else []),
    ]
    draw_field(canvas, box, title, [*addresses.to_lines(address), *reach], 9)


def draw_field(canvas: Canvas, box: Box, title: str, lines: Sequence[str], largest: float = 8.5) -> None:
    """A box with its title above what it holds."""
    canvas.setLineWidth(0.3)
    canvas.rect(*box, stroke=1, fill=0)
    inner = Box(box.x + 1.2 * mm, box.y + 0.6 * mm, box.width - 2.4 * mm, box.height - 1.2 * mm)
    texts = [Text(title, "Bold", 0.85), *map(Text, lines)]
    typeset.draw_box(canvas, texts, inner, largest=largest, smallest=SMALLEST)


def draw_kinds(canvas: Canvas, box: Box, consignment: Consignment, across: int) -> None:
    """The categories with a cross at the one that it is."""
    chosen = (consignment.customs or {})["shipment_type"]
    step, tall, side = box.width / across, box.height / -(-len(customs.KINDS) // across), 2.6 * mm
    canvas.setLineWidth(0.4)
    for index, (kind, title) in enumerate(customs.KINDS.items()):
        x = box.x + index % across * step
        y = box.y + box.height - (index // across + 1) * tall + (tall - side) / 2
        canvas.rect(x, y, side, side, stroke=1, fill=0)
        if kind == chosen:
            canvas.lines([(x, y, x + side, y + side), (x, y + side, x + side, y)])
        typeset.draw(canvas, x + side + 1 * mm, y + 0.4 * mm, title, "Regular", SMALLEST)


def draw_signature(canvas: Canvas, box: Box, consignment: Consignment) -> None:
    """Signed by name, as papers that are made by machine are."""
    name = consignment.sender.name
    lines = [f"{to_date(consignment.announced_at)}   {name}"]
    draw_field(canvas, box, "Date and sender's signature", lines, 9)
