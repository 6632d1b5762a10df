"""The commercial invoice of a consignment: as many pages of A4 as its items need."""

from collections.abc import Iterator, Sequence

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.consignment import Consignment
from packhouse.kit.data import units
from packhouse.printing import customs, form_parts, tabular, typeset
from packhouse.printing.customs import Entry
from packhouse.printing.form_parts import A4
from packhouse.printing.tabular import Page
from packhouse.printing.typeset import SMALLEST, Box, Text

_LEFT, _WIDTH = 15 * mm, A4[0] - 30 * mm
_PARTIES, _TOP, _BOTTOM = 230 * mm, 272 * mm, 15 * mm
_SIZE = 8.5
_FOOT = 52 * mm
_DECLARED = "The values stated are for customs purposes, and the particulars of this invoice are true and correct."


def make_invoice(consignment: Consignment) -> bytes:
    """Make the invoice of all parcels together. Nothing is missing: `customs.find_missing` has been asked."""
    number = (consignment.customs or {})["commercial_invoice_number"]
    return form_parts.write_file(A4, f"Commercial invoice {number}", lambda canvas: _draw(canvas, consignment, number))


def _draw(canvas: Canvas, consignment: Consignment, number: str) -> None:
    entries = [entry for parcel in consignment.parcels for entry in customs.to_entries(parcel)]
    table = form_parts.to_table(entries, _WIDTH, 8)
    facts = list(_to_facts(consignment))
    first_top = _PARTIES - 4 * mm - min(typeset.measure_height(facts, _WIDTH, _SIZE), 80 * mm)
    for page in tabular.paginate(table, first_top - _BOTTOM, _TOP - _BOTTOM, _FOOT):
        beside = f"Order {consignment.order_number}   Page {page.number} of {page.of}"
        shown = typeset.clean(number)[:60]
        form_parts.draw_title(canvas, Box(_LEFT, 276 * mm, _WIDTH, 12 * mm), "COMMERCIAL INVOICE", shown, beside)
        if page.number == 1:
            _draw_parties(canvas, consignment)
            box = Box(_LEFT, first_top + 2 * mm, _WIDTH, _PARTIES - first_top - 3 * mm)
            typeset.draw_box(canvas, facts, box, largest=_SIZE, smallest=SMALLEST)
        bottom = tabular.draw_table(canvas, table, page, _LEFT, first_top if page.number == 1 else _TOP)[-1]
        if page.is_last:
            _draw_foot(canvas, consignment, entries, bottom)
        else:
            _draw_carry(canvas, entries, page)
        canvas.showPage()


def _draw_parties(canvas: Canvas, consignment: Consignment) -> None:
    half = _WIDTH / 2
    form_parts.draw_party(canvas, Box(_LEFT, _PARTIES, half, 43 * mm), "Sender", consignment.sender)
    form_parts.draw_party(canvas, Box(_LEFT + half, _PARTIES, half, 43 * mm), "Recipient", consignment.recipient)


def _to_facts(consignment: Consignment) -> Iterator[Text]:
    numbers = ", ".join(parcel.tracking_number for parcel in consignment.parcels)
    told = consignment.customs or {}
    yield Text(f"Order {consignment.order_number}   Date {form_parts.to_date(consignment.announced_at)}", "Bold")
    yield Text(f"{customs.KINDS[told['shipment_type']]}   Parcels {numbers}")
    if sender := form_parts.to_sender_numbers(consignment):
        yield Text(f"Sender: {sender}")
    if others := form_parts.to_importer_numbers(consignment):
        yield Text(f"Importer: {others}")


def _draw_carry(canvas: Canvas, entries: Sequence[Entry], page: Page) -> None:
    """What the pages so far add up to."""
    total = form_parts.to_money(*form_parts.to_total(entries[: page.stop]))
    at = (_LEFT + _WIDTH, _BOTTOM - 5 * mm)
    typeset.draw_aligned(canvas, at, f"Carried forward {total}", "Bold", 8, 1)


def _draw_foot(canvas: Canvas, consignment: Consignment, entries: Sequence[Entry], bottom: float) -> None:
    goods = form_parts.to_total(entries)
    costs = consignment.shipping_costs
    lines = [Text(f"Goods {form_parts.to_money(*goods)}")]
    if costs:
        lines.append(Text(f"Shipping {form_parts.to_money(*costs)}"))
    is_whole = costs is None or costs.currency == goods.currency
    whole = units.add(goods.value, costs.value) if costs and is_whole else goods.value
    title = "Total" if is_whole else "Total without shipping"
    lines.append(Text(f"{title} {form_parts.to_money(whole, goods.currency)}", "Bold", 1.2))
    kilograms = form_parts.to_weight(form_parts.to_net_weight(entries))
    lines.append(Text(f"Net weight {kilograms} kg in {len(consignment.parcels)} parcel(s). {_DECLARED}", scale=0.9))
    sums = Box(_LEFT, bottom - 30 * mm, _WIDTH, 28 * mm)
    typeset.draw_box(canvas, lines, sums, largest=10, smallest=SMALLEST)
    form_parts.draw_signature(canvas, Box(_LEFT, bottom - 48 * mm, _WIDTH / 2, 16 * mm), consignment)
