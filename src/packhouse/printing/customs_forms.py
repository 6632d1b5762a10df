"""The post's customs declarations, with the fields of the Universal Postal Union's forms CN 22 (A6) and CN 23 (A4).

Made after the forms as the Convention's regulations have them in 2026. A CN 23 whose contents are more than its page
takes goes on in continuation sheets; no type is smaller than 7 points.
"""

from collections.abc import Sequence

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.consignment import Consignment, Parcel
from packhouse.printing import barcodes, customs, form_parts, tabular, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.customs import Entry
from packhouse.printing.form_parts import A4, A6
from packhouse.printing.tabular import Column, Page, Table
from packhouse.printing.typeset import SMALLEST, Box, Text

_LEFT, _WIDTH = 12 * mm, A4[0] - 24 * mm
_TABLE_TOP, _TABLE_BOTTOM = 201 * mm, 104 * mm
_SHEET_TOP, _SHEET_BOTTOM = 262 * mm, 22 * mm
_SMALL_WIDTH = A6[0] - 8 * mm
_SMALL_COLUMNS = (
    Column("Quantity and detailed description of contents", 0.38),
    Column("Weight (kg)", 0.13, is_number=True),
    Column("Value and currency", 0.18, is_number=True),
    Column("HS tariff number", 0.16),
    Column("Country of origin", 0.15),
)
_OPENED = "May be opened officially"


def make_declaration(consignment: Consignment, parcel: Parcel, small: bool) -> bytes:
    """A CN22 where the parcel is small, else a CN23. Nothing is missing: `customs.find_missing` has been asked."""
    if small:
        title = f"CN22 {parcel.tracking_number}"
        return form_parts.write_file(A6, title, lambda canvas: _draw_cn22(canvas, consignment, parcel))
    title = f"CN23 {parcel.tracking_number}"
    return form_parts.write_file(A4, title, lambda canvas: _draw_cn23(canvas, consignment, parcel))


def _draw_cn22(canvas: Canvas, consignment: Consignment, parcel: Parcel) -> None:
    left, width = 4 * mm, _SMALL_WIDTH
    entries = customs.to_entries(parcel)
    form_parts.draw_title(canvas, Box(left, 133 * mm, width, 11 * mm), "CUSTOMS DECLARATION", "CN 22", _OPENED)
    told = f"Item {parcel.tracking_number}   Order {consignment.order_number}"
    typeset.draw_box(canvas, [Text(told)], Box(left, 128 * mm, width, 4.5 * mm), largest=8, smallest=SMALLEST)
    form_parts.draw_kinds(canvas, Box(left, 118 * mm, width, 9 * mm), consignment, 3)
    tabular.draw_table(canvas, _to_small_table(entries), Page(0, len(entries), 1, 1), left, 117 * mm)
    half = width / 2
    total = form_parts.to_money(*form_parts.to_total(entries))
    form_parts.draw_field(canvas, Box(left, 46 * mm, half, 8 * mm), "Total weight (kg)", [_to_gross(parcel)])
    form_parts.draw_field(canvas, Box(left + half, 46 * mm, half, 8 * mm), "Total value", [total])
    form_parts.draw_field(
        canvas, Box(left, 35 * mm, width, 11 * mm), "Sender's customs reference (if any)",
        [_join(form_parts.to_sender_numbers(consignment), form_parts.to_importer_numbers(consignment))],
    )  # fmt: skip
    clause = Box(left, 15 * mm, width, 19 * mm)
    typeset.draw_box(canvas, [Text(form_parts.CLAUSE)], clause, largest=7.5, smallest=SMALLEST)
    form_parts.draw_signature(canvas, Box(left, 4 * mm, width, 10 * mm), consignment)


def _to_small_table(entries: Sequence[Entry]) -> Table:
    """The CN 22 has the quantity before the description."""
    cells = [form_parts.to_cells(entry) for entry in entries]
    rows = [[f"{quantity} × {described}", *rest] for described, quantity, *rest in cells]
    return Table(_SMALL_COLUMNS, rows, _SMALL_WIDTH, SMALLEST)


def _to_gross(parcel: Parcel) -> str:
    return "" if parcel.weight is None else form_parts.to_weight(parcel.weight)


def _join(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def fits_cn22(parcel: Parcel) -> bool:
    """Whether the contents, as they are named, find place above the totals of an A6."""
    entries = customs.to_entries(parcel)
    table = _to_small_table(entries)
    return bool(table.head_height() + sum(map(table.measure, table.rows)) <= 62 * mm)


def _draw_cn23(canvas: Canvas, consignment: Consignment, parcel: Parcel) -> None:
    table = form_parts.to_table(customs.to_entries(parcel), _WIDTH, 7.5)
    pages = tabular.paginate(table, _TABLE_TOP - _TABLE_BOTTOM, _SHEET_TOP - _SHEET_BOTTOM, 0)
    for page in pages:
        if page.number == 1:
            _draw_first_sheet(canvas, consignment, parcel, table, page)
        else:
            _draw_next_sheet(canvas, consignment, parcel, table, page)
        canvas.showPage()


def _draw_head(canvas: Canvas, consignment: Consignment, parcel: Parcel, page: Page, form: str) -> None:
    title = Box(_LEFT, 278 * mm, _WIDTH, 11 * mm)
    form_parts.draw_title(canvas, title, "CUSTOMS DECLARATION", form, f"{_OPENED}   Page {page.number} of {page.of}")
    code = Barcode("code-128", parcel.tracking_number, Box(_LEFT + 100 * mm, 265 * mm, 80 * mm, 11 * mm))
    barcodes.draw_barcode(canvas, code)
    told = [Text(f"No. of item {parcel.tracking_number}", "Bold"), Text(f"Order {consignment.order_number}")]
    typeset.draw_box(canvas, told, Box(_LEFT, 265 * mm, 92 * mm, 12 * mm), largest=10, smallest=SMALLEST)


def _draw_first_sheet(canvas: Canvas, consignment: Consignment, parcel: Parcel, table: Table, page: Page) -> None:
    _draw_head(canvas, consignment, parcel, page, "CN 23")
    half = _WIDTH / 2
    form_parts.draw_party(canvas, Box(_LEFT, 219 * mm, half, 44 * mm), "From", consignment.sender)
    form_parts.draw_party(canvas, Box(_LEFT + half, 219 * mm, half, 44 * mm), "To", consignment.recipient)
    sender, importer = form_parts.to_sender_numbers(consignment), form_parts.to_importer_numbers(consignment)
    form_parts.draw_field(canvas, Box(_LEFT, 204 * mm, half, 15 * mm), "Sender's customs reference (if any)", [sender])
    title = "Importer's reference (tax code, VAT No., importer code)"
    form_parts.draw_field(canvas, Box(_LEFT + half, 204 * mm, half, 15 * mm), title, [importer])
    bottom = tabular.draw_table(canvas, table, page, _LEFT, _TABLE_TOP)[-1]
    if not page.is_last:
        more = f"The contents go on: continuation sheets 2 to {page.of} belong to this declaration."
        typeset.draw(canvas, _LEFT, bottom - 3.4 * mm, more, "Bold", SMALLEST)
    _draw_totals(canvas, consignment, parcel)
    _draw_rest(canvas, consignment)


def _draw_totals(canvas: Canvas, consignment: Consignment, parcel: Parcel) -> None:
    """Draw the totals of all that the parcel holds, whatever of it stands on this sheet."""
    entries = customs.to_entries(parcel)
    costs = consignment.shipping_costs
    fields = [
        ("Total gross weight (kg)", _to_gross(parcel)),
        ("Total net weight (kg)", form_parts.to_weight(form_parts.to_net_weight(entries))),
        ("Total value", form_parts.to_money(*form_parts.to_total(entries))),
        ("Postal charges/Fees", form_parts.to_money(*costs) if costs else ""),
    ]
    width = _WIDTH / len(fields)
    for index, (title, text) in enumerate(fields):
        form_parts.draw_field(canvas, Box(_LEFT + index * width, 90 * mm, width, 9 * mm), title, [text], 9)


def _draw_rest(canvas: Canvas, consignment: Consignment) -> None:
    half, third = _WIDTH / 2, _WIDTH / 3
    form_parts.draw_field(canvas, Box(_LEFT, 72 * mm, _WIDTH, 18 * mm), "Category of item", [])
    form_parts.draw_kinds(canvas, Box(_LEFT + 2 * mm, 73 * mm, _WIDTH - 4 * mm, 12 * mm), consignment, 3)
    comments = "Comments (goods subject to quarantine, sanitary or phytosanitary inspection, or other restrictions)"
    form_parts.draw_field(canvas, Box(_LEFT, 62 * mm, _WIDTH, 10 * mm), comments, [])
    number = (consignment.customs or {})["commercial_invoice_number"]
    for index, (title, text) in enumerate([("Licence No.", ""), ("Certificate No.", ""), ("Invoice No.", number)]):
        form_parts.draw_field(canvas, Box(_LEFT + index * third, 51 * mm, third, 11 * mm), title, [text])
    origin = "Office of origin, date of posting"
    form_parts.draw_field(
        canvas, Box(_LEFT, 36 * mm, half, 15 * mm), origin, [form_parts.to_date(consignment.announced_at)]
    )
    form_parts.draw_signature(canvas, Box(_LEFT + half, 36 * mm, half, 15 * mm), consignment)
    clause = Box(_LEFT, 20 * mm, _WIDTH, 14 * mm)
    typeset.draw_box(canvas, [Text(form_parts.CLAUSE)], clause, largest=8, smallest=SMALLEST)


def _draw_next_sheet(canvas: Canvas, consignment: Consignment, parcel: Parcel, table: Table, page: Page) -> None:
    _draw_head(canvas, consignment, parcel, page, "CN 23 continuation sheet")
    tabular.draw_table(canvas, table, page, _LEFT, _SHEET_TOP)
    entries = customs.to_entries(parcel)
    here = form_parts.to_total(entries[page.start : page.stop])
    whole = form_parts.to_total(entries)
    told = f"On this sheet {form_parts.to_money(*here)}   Total value {form_parts.to_money(*whole)}"
    typeset.draw(canvas, _LEFT, 17 * mm, typeset.clean(told), "Bold", 8)
    signed = f"{form_parts.to_date(consignment.announced_at)}   {consignment.sender.name}"
    typeset.draw_aligned(canvas, (_LEFT + _WIDTH, 17 * mm), signed, "Regular", 8, 1, width=70 * mm)
