"""Customs papers: CN22 of A6, CN23 and a commercial invoice of A4, in the fields of the Universal Postal Convention."""

import io
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.kit import units
from packhouse.shipping import addresses, barcodes, typeset
from packhouse.shipping.barcodes import Barcode
from packhouse.shipping.carriers import Address, Consignment, Parcel, customs
from packhouse.shipping.carriers.customs import Entry
from packhouse.shipping.typeset import Box, Text

_A6 = (105 * mm, 148 * mm)
_A4 = (210 * mm, 297 * mm)
_CLAUSE = (
    "I certify that the particulars given in this declaration are correct and that this item does not contain any "
    "dangerous article or articles prohibited by legislation or by postal or customs regulations."
)
_PARTIES = {"sender": "Sender", "receiver": "Recipient", "importer_of_record": "Importer of record"}


class Column(NamedTuple):
    """`share` of the table's width."""

    title: str
    share: float


_COLUMNS = (
    Column("Description of contents", 0.40),
    Column("Qty", 0.08),
    Column("Net weight, kg", 0.13),
    Column("Value", 0.15),
    Column("HS code", 0.14),
    Column("Origin", 0.10),
)


def make_declaration(consignment: Consignment, parcel: Parcel, small: bool) -> bytes:
    """A CN22 where the parcel is small, else a CN23. Nothing is missing: `customs.find_missing` has been asked."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_A6 if small else _A4, pageCompression=1, invariant=1)
    title = "CN22" if small else "CN23"
    canvas.setTitle(f"{title} {parcel.tracking_number}")
    if small:
        _draw_cn22(canvas, consignment, parcel)
    else:
        _draw_cn23(canvas, consignment, parcel)
    canvas.save()
    return file.getvalue()


def _draw_cn22(canvas: Canvas, consignment: Consignment, parcel: Parcel) -> None:
    left, width = 5 * mm, _A6[0] - 10 * mm
    _draw_title(canvas, Box(left, 132 * mm, width, 11 * mm), "CUSTOMS DECLARATION", "CN 22", "May be opened officially")
    typeset.draw_box(canvas, [Text(f"Item {parcel.tracking_number}   Order {consignment.order_number}")],
                     Box(left, 126 * mm, width, 5 * mm), largest=8, smallest=5)  # fmt: skip
    _draw_kinds(canvas, Box(left, 117 * mm, width, 8 * mm), consignment)
    entries = customs.to_entries(parcel)
    bottom = _draw_table(canvas, Box(left, 52 * mm, width, 62 * mm), entries, 6.5, 13 * mm)
    _draw_totals(canvas, Box(left, bottom - 7 * mm, width, 6 * mm), entries, parcel)
    typeset.draw_box(canvas, [Text(_CLAUSE)], Box(left, 27 * mm, width, 14 * mm), largest=6.5, smallest=5)
    _draw_signature(canvas, Box(left, 8 * mm, width, 14 * mm), consignment)


def _draw_cn23(canvas: Canvas, consignment: Consignment, parcel: Parcel) -> None:
    left, width = 15 * mm, _A4[0] - 30 * mm
    _draw_title(canvas, Box(left, 270 * mm, width, 15 * mm), "CUSTOMS DECLARATION", "CN 23", "May be opened officially")
    code = Barcode("code-128", parcel.tracking_number, Box(left + 95 * mm, 250 * mm, 80 * mm, 13 * mm))
    barcodes.draw_barcode(canvas, code)
    typeset.draw_box(canvas, [Text(parcel.tracking_number, "Bold"), Text(f"Order {consignment.order_number}")],
                     Box(left, 250 * mm, 80 * mm, 13 * mm), largest=11, smallest=6)  # fmt: skip
    half = width / 2 - 3 * mm
    _draw_party(canvas, Box(left, 208 * mm, half, 38 * mm), "From", consignment.sender)
    _draw_party(canvas, Box(left + width / 2 + 3 * mm, 208 * mm, half, 38 * mm), "To", consignment.recipient)
    typeset.draw_box(
        canvas, list(_to_tax_lines(consignment)), Box(left, 192 * mm, width, 14 * mm), largest=8, smallest=5
    )
    _draw_kinds(canvas, Box(left, 182 * mm, width, 8 * mm), consignment)
    entries = customs.to_entries(parcel)
    bottom = _draw_table(canvas, Box(left, 75 * mm, width, 104 * mm), entries, 8.5, 10 * mm)
    _draw_totals(canvas, Box(left, bottom - 8 * mm, width, 7 * mm), entries, parcel)
    invoice = [Text(f"Invoice {(consignment.customs or {})['commercial_invoice_number']}")]
    if consignment.shipping_costs:
        invoice.append(Text(f"Postal charges {_to_money(*consignment.shipping_costs)}"))
    typeset.draw_box(canvas, invoice, Box(left, 52 * mm, width, 12 * mm), largest=9, smallest=6)
    typeset.draw_box(canvas, [Text(_CLAUSE)], Box(left, 38 * mm, width, 12 * mm), largest=8, smallest=6)
    _draw_signature(canvas, Box(left, 18 * mm, width, 16 * mm), consignment)


def make_invoice(consignment: Consignment) -> bytes:
    """Of the whole consignment: as many pages as its items need."""
    entries = [entry for parcel in consignment.parcels for entry in customs.to_entries(parcel)]
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_A4, pageCompression=1, invariant=1)
    number = (consignment.customs or {})["commercial_invoice_number"]
    canvas.setTitle(typeset.clean(f"Commercial invoice {number}"))
    left, width, rows = 15 * mm, _A4[0] - 30 * mm, 15
    pages = [entries[start : start + rows] for start in range(0, len(entries), rows)]
    for index, page in enumerate(pages, 1):
        of = f"Page {index} of {len(pages)}"
        _draw_title(canvas, Box(left, 270 * mm, width, 15 * mm), "COMMERCIAL INVOICE", typeset.clean(number)[:40], of)
        half = width / 2 - 3 * mm
        _draw_party(canvas, Box(left, 225 * mm, half, 40 * mm), "Sender", consignment.sender)
        _draw_party(canvas, Box(left + width / 2 + 3 * mm, 225 * mm, half, 40 * mm), "Recipient", consignment.recipient)
        facts = list(_to_invoice_facts(consignment))
        typeset.draw_box(canvas, facts, Box(left, 203 * mm, width, 20 * mm), largest=8.5, smallest=5)
        bottom = _draw_table(canvas, Box(left, 65 * mm, width, 135 * mm), page, 8.5, 8.4 * mm)
        if index == len(pages):
            _draw_sums(canvas, Box(left, bottom - 20 * mm, width, 18 * mm), entries, consignment)
            _draw_signature(canvas, Box(left, 18 * mm, width, 16 * mm), consignment)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _to_invoice_facts(consignment: Consignment) -> Iterator[Text]:
    numbers = ", ".join(parcel.tracking_number for parcel in consignment.parcels)
    told = consignment.customs or {}
    yield Text(f"Order {consignment.order_number}   Date {_to_date(consignment.announced_at)}", "Bold")
    yield Text(f"{customs.KINDS[told['shipment_type']]}   Parcels {numbers}")
    yield from _to_tax_lines(consignment)


def _to_tax_lines(consignment: Consignment) -> Iterator[Text]:
    numbers: dict[str, list[dict[str, Any]]] = (consignment.customs or {}).get("tax_numbers") or {}
    for party, title in _PARTIES.items():
        told = [
            f"{one.get('name') or 'Tax number'} {one.get('country_code') or ''} {one['value']}"
            for one in numbers.get(party) or ()
            if one.get("value")
        ]
        if told:
            yield Text(f"{title}: {', '.join(told)}")


def _draw_title(canvas: Canvas, box: Box, title: str, form: str, beside: str) -> None:
    typeset.draw(canvas, box.x, box.y + box.height * 0.45, title, "Bold", 13)
    end = box.x + box.width
    typeset.draw_aligned(canvas, (end, box.y + box.height * 0.45), form, "Bold", 13, 1, width=box.width / 2)
    typeset.draw_aligned(canvas, (end, box.y + 2), beside, "Regular", 6.5, 1, width=box.width / 2)
    canvas.setLineWidth(0.8)
    canvas.line(box.x, box.y, end, box.y)


def _draw_party(canvas: Canvas, box: Box, title: str, address: Address) -> None:
    canvas.rect(*box, stroke=1, fill=0)
    inner = Box(box.x + 2 * mm, box.y + 1 * mm, box.width - 4 * mm, box.height - 2 * mm)
    reach = [f"Phone {address.phone_number}"] if address.phone_number else []
    lines = [Text(line) for line in (*addresses.to_lines(address), *reach)]
    typeset.draw_box(canvas, [Text(title, "Bold", 0.9), *lines], inner, largest=9, smallest=4.5)


def _draw_kinds(canvas: Canvas, box: Box, consignment: Consignment) -> None:
    """The categories with a cross at the one that it is."""
    chosen = (consignment.customs or {})["shipment_type"]
    step, side = box.width / len(customs.KINDS), 2.6 * mm
    for index, (kind, title) in enumerate(customs.KINDS.items()):
        x, y = box.x + index * step, box.y + 2.5 * mm
        canvas.rect(x, y, side, side, stroke=1, fill=0)
        if kind == chosen:
            canvas.lines([(x, y, x + side, y + side), (x, y + side, x + side, y)])
        shown = typeset.shorten(title, "Regular", 6.5, step - side - 2 * mm)
        typeset.draw(canvas, x + side + 1 * mm, y + 0.5 * mm, shown, "Regular", 6.5)


def _draw_table(canvas: Canvas, box: Box, entries: Sequence[Entry], size: float, tall: float) -> float:
    """Rows get lower where there are many; where the table ends below."""
    head = 6 * mm
    tall = min(tall, (box.height - head) / max(1, len(entries)))
    y: float = box.y + box.height - head
    _draw_row(canvas, Box(box.x, y, box.width, head), [column.title for column in _COLUMNS], size - 1, bold=True)
    for entry in entries:
        y -= tall
        weight = "" if entry.net_kg is None else units.to_text(entry.net_kg)
        cells = [entry.description, str(entry.quantity), weight, _to_money(entry.value, entry.currency)]
        _draw_row(canvas, Box(box.x, y, box.width, tall), [*cells, entry.hs_code, entry.origin], size)
    return y


def _draw_row(canvas: Canvas, box: Box, cells: Sequence[str], size: float, *, bold: bool = False) -> None:
    x = box.x
    canvas.setLineWidth(0.4)
    for column, cell in zip(_COLUMNS, cells, strict=True):
        width = box.width * column.share
        canvas.rect(x, box.y, width, box.height, stroke=1, fill=0)
        inner = Box(x + 1.5, box.y + 0.5, width - 3, box.height - 1)
        typeset.draw_box(canvas, [Text(cell, "Bold" if bold else "Regular")], inner, largest=size, smallest=2.5)
        x += width


def _draw_totals(canvas: Canvas, box: Box, entries: Sequence[Entry], parcel: Parcel) -> None:
    gross = "" if parcel.weight is None else f"Gross weight {units.to_text(parcel.weight)} kg"
    total = _to_money(units.add(*(entry.value for entry in entries)), entries[0].currency)
    typeset.draw_box(canvas, [Text(f"{gross}   Total value {total}", "Bold")], box, largest=9, smallest=5)


def _draw_sums(canvas: Canvas, box: Box, entries: Sequence[Entry], consignment: Consignment) -> None:
    goods, currency = units.add(*(entry.value for entry in entries)), entries[0].currency
    costs = consignment.shipping_costs
    lines = [Text(f"Goods {_to_money(goods, currency)}")]
    if costs:
        lines.append(Text(f"Shipping {_to_money(*costs)}"))
    whole = units.add(goods, costs.value) if costs and costs.currency == currency else goods
    lines.append(Text(f"Total {_to_money(whole, currency)}", "Bold", 1.2))
    typeset.draw_box(canvas, lines, box, largest=10, smallest=6)


def _draw_signature(canvas: Canvas, box: Box, consignment: Consignment) -> None:
    canvas.line(box.x, box.y + 4 * mm, box.x + box.width * 0.6, box.y + 4 * mm)
    typeset.draw(canvas, box.x, box.y + 0.8 * mm, "Sender's signature", "Regular", 6)
    date = f"Date {_to_date(consignment.announced_at)}"
    typeset.draw_aligned(canvas, (box.x + box.width, box.y + 4 * mm), date, "Regular", 8, 1)


def _to_date(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d}"


def _to_money(value: Decimal, currency: str) -> str:
    return f"{units.to_text(value, 2)} {currency}"
