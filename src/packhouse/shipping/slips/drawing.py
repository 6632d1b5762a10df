"""Warehouse papers from orders as on the wire: pick lists and packing slips."""

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from typing import Any, NamedTuple

from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from packhouse.carriers import Address
from packhouse.kit.data import places, units
from packhouse.orders import contents
from packhouse.printing import addresses, barcodes, tabular, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.tabular import Column, Page, Table
from packhouse.printing.typeset import SMALLEST, Box, Text
from packhouse.shipping.slips import words
from packhouse.shipping.slips.schema import PLAIN, Design
from packhouse.shipping.slips.words import Words

_A4 = (210 * mm, 297 * mm)
_LEFT, _WIDTH = 15 * mm, _A4[0] - 30 * mm
_TITLE, _BOTTOM = 277 * mm, 15 * mm
_SLIP_TOP, _SLIP_NEXT_TOP, _PICKS_TOP = 222 * mm, 258 * mm, 266 * mm
_SIZE, _ROW = 9.0, 8 * mm
_ADDRESS_KEYS = frozenset(Address.__dataclass_fields__)

_LOGO = Box(_LEFT, 276 * mm, 60 * mm, 15 * mm)
_LOWERED = 14 * mm
"""What stands below a logo begins so much lower than without one."""
_SHARES = (0.14, 0.22, 0.64)
_MOST_FOOT, _GAP = 60 * mm, 3 * mm
_PICKS = (
    Column("", 0.05), Column("Quantity", 0.11), Column("SKU", 0.2), Column("Article", 0.36), Column("Orders", 0.28),
)  # fmt: skip


class _Pick(NamedTuple):
    """One article of all orders. `orders` are order numbers, each with the quantity for it."""

    quantity: int
    sku: str
    name: str
    orders: str


def packing_slips(
    orders: Sequence[Mapping[str, Any]],
    sender: Mapping[str, Any] | None = None,
    designs: Mapping[int, Design] | None = None,
    zone: tzinfo = UTC,
) -> bytes:
    """Draw a slip per order on A4, in the given order: the items for the recipient without prices, on as many pages as
    needed, and the amount to pay on delivery. `sender` is an address of the wire, `designs` are by shop; each slip is
    in its customer's language, with the day of `zone` on which it was ordered."""
    file, canvas = _new_file("Packing slips")
    for order in orders:
        design = (designs or {}).get(order["order_details"]["integration"]["id"], PLAIN)
        placed_at = datetime.fromisoformat(order["order_details"]["order_created_at"])
        _draw_slip(canvas, order, sender, design, placed_at.astimezone(zone).date())
    return _finish(file, canvas, bool(orders))


def pick_list(orders: Sequence[Mapping[str, Any]]) -> bytes:
    """One list for all of them, sorted by SKU: how many of each article to fetch, and which orders they are for."""
    file, canvas = _new_file("Pick list")
    picks = _find_picks(orders)
    rows = [("", str(pick.quantity), pick.sku, pick.name, pick.orders) for pick in picks]
    table = Table(_PICKS, rows, _WIDTH, _SIZE, _ROW)
    told = f"{len(orders)} orders, {sum(pick.quantity for pick in picks)} pieces"
    for page in tabular.paginate(table, _PICKS_TOP - _BOTTOM, _PICKS_TOP - _BOTTOM, 0) if rows else ():
        typeset.draw(canvas, _LEFT, _TITLE, "Pick list", "Bold", 16)
        typeset.draw(canvas, _LEFT, 271 * mm, told, "Regular", 9)
        _draw_number(canvas, f"Page {page.number} of {page.of}")
        for y in tabular.draw_table(canvas, table, page, _LEFT, _PICKS_TOP)[:-1]:
            canvas.rect(_LEFT + 2.5 * mm, y - 6 * mm, 4 * mm, 4 * mm, stroke=1, fill=0)
        canvas.showPage()
    return _finish(file, canvas, bool(rows))


def _draw_number(canvas: Canvas, told: str) -> None:
    typeset.draw_aligned(canvas, (_LEFT + _WIDTH, 288 * mm), told, "Regular", 8, 1)


def _to_name(item: Mapping[str, Any]) -> str:
    """Return the name with its variant, if the shop has one: `Green tea (size: L)`."""
    properties = item.get("properties") or {}
    told = ", ".join(f"{key}: {value}" for key, value in properties.items() if isinstance(value, str | int | float))
    return f"{item['name']} ({told})" if told else str(item["name"])


def _find_picks(orders: Sequence[Mapping[str, Any]]) -> list[_Pick]:
    """Use more lines for an article of many orders, so that no order is left out."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for order in orders:
        for item in contents.list_goods(order):
            counts = found.setdefault((item.get("sku") or "", _to_name(item)), {})
            counts[order["order_number"]] = counts.get(order["order_number"], 0) + item["quantity"]
    return [pick for (sku, name), counts in sorted(found.items()) for pick in _to_picks(sku, name, counts)]


def _to_picks(sku: str, name: str, counts: Mapping[str, int]) -> list[_Pick]:
    told = list(counts.items())
    parts = [told[start : start + _ORDERS_A_ROW] for start in range(0, len(told), _ORDERS_A_ROW)]
    return [
        _Pick(sum(count for _, count in part), sku, name, ", ".join(f"{number} × {count}" for number, count in part))
        for part in parts
    ]


_ORDERS_A_ROW = 12


def _new_file(title: str) -> tuple[io.BytesIO, Canvas]:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_A4, pageCompression=1, invariant=1)
    canvas.setTitle(title)
    return file, canvas


def _finish(file: io.BytesIO, canvas: Canvas, has_pages: bool) -> bytes:
    if not has_pages:
        typeset.draw(canvas, _LEFT, _TITLE, "Nothing to do.", "Regular", 12)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw_slip(
    canvas: Canvas, order: Mapping[str, Any], sender: Mapping[str, Any] | None, design: Design, placed_on: date
) -> None:
    language = words.find_language(order, design.otherwise)
    told = words.LANGUAGES[language]
    items = contents.list_goods(order)
    rows = [(str(item["quantity"]), item.get("sku") or "", _to_name(item)) for item in items]
    titles = (told.quantity, told.sku, told.article)
    columns = [Column(title, share) for title, share in zip(titles, _SHARES, strict=True)]
    table = Table(columns, rows, _WIDTH, _SIZE, _ROW)
    foot = _find_foot(order, told, words.choose_text(design.texts, language, design.otherwise))
    room = sum(_measure_paragraph(paragraph) for paragraph in foot)
    lowered = _LOWERED if design.logo else 0
    top, next_top = _SLIP_TOP - lowered, _SLIP_NEXT_TOP - lowered
    for page in tabular.paginate(table, top - _BOTTOM, next_top - _BOTTOM, room):
        _draw_slip_head(canvas, order, page, told, design, placed_on)
        if page.number == 1:
            y = 226 * mm - lowered
            _draw_address(canvas, Box(_LEFT, y, 85 * mm, 36 * mm), order.get("shipping_address"), 11)
            _draw_address(canvas, Box(110 * mm, y, 62 * mm, 36 * mm), sender, 8)
        bottom = tabular.draw_table(canvas, table, page, _LEFT, top if page.number == 1 else next_top)[-1]
        for paragraph in foot if page.is_last else ():
            height = _measure_paragraph(paragraph)
            box = Box(_LEFT, bottom - height, _WIDTH, height - _GAP)
            typeset.draw_box(canvas, paragraph, box, largest=_SIZE, smallest=SMALLEST)
            bottom -= height
        canvas.showPage()


def _find_foot(order: Mapping[str, Any], told: Words, text: str) -> list[list[Text]]:
    """Return the paragraphs below the items: the amount to pay, the customer's note, the shop's text."""
    notes = order["order_details"].get("notes")
    paragraphs = [_find_cash(order, told), [Text(str(notes))] if notes else []]
    of_shop = (paragraph.split("\n") for paragraph in text.split("\n\n"))
    paragraphs += ([Text(line) for line in lines if line.strip()] for lines in of_shop)
    return [paragraph for paragraph in paragraphs if paragraph]


def _measure_paragraph(paragraph: Sequence[Text]) -> float:
    """Measure a paragraph with the gap before it; a long one is set in a smaller size."""
    return float(min(typeset.measure_height(paragraph, _WIDTH, _SIZE) + 0.5, _MOST_FOOT) + _GAP)


def _draw_slip_head(
    canvas: Canvas, order: Mapping[str, Any], page: Page, told: Words, design: Design, placed_on: date
) -> None:
    lowered = _LOWERED if design.logo else 0
    if design.logo:
        _draw_logo(canvas, design.logo)
    number = typeset.clean(order["order_number"])
    title = typeset.shorten(told.title.format(number=number), "Bold", 16, 150 * mm)
    typeset.draw(canvas, _LEFT, _TITLE - lowered, title, "Bold", 16)
    ordered = words.to_date(told, placed_on)
    pieces = words.to_pieces(told, sum(item["quantity"] for item in contents.list_goods(order)))
    lines = [Text(told.ordered.format(date=ordered, pieces=pieces))]
    typeset.draw_box(canvas, lines, Box(_LEFT, 269 * mm - lowered, 120 * mm, 6 * mm), largest=9, smallest=SMALLEST)
    barcodes.draw_barcode(canvas, Barcode("qr", number, Box(175 * mm, 263 * mm - lowered, 20 * mm, 20 * mm)))
    _draw_number(canvas, told.page.format(number=page.number, of=page.of))


def _draw_logo(canvas: Canvas, content: bytes) -> None:
    """Draw it as large as its place allows, at the upper left."""
    image = ImageReader(io.BytesIO(content))
    width, height = image.getSize()
    scale = min(_LOGO.width / width, _LOGO.height / height)
    size = (width * scale, height * scale)
    canvas.drawImage(image, _LOGO.x, _LOGO.y + _LOGO.height - size[1], *size, mask="auto")


def _find_cash(order: Mapping[str, Any], told: Words) -> list[Text]:
    payment = order["payment_details"]
    total = payment.get("total_price") or {}
    if not payment.get("is_cash_on_delivery") or total.get("value") is None or not total.get("currency"):
        return []
    amount = places.to_amount(units.to_decimal(total["value"]), total["currency"])
    return [Text(told.cash.format(amount=f"{amount} {total['currency']}"), "Bold", 1.2)]


def _draw_address(canvas: Canvas, box: Box, address: Mapping[str, Any] | None, size: float) -> None:
    if not address:
        return
    told = Address(**{key: str(value or "") for key, value in address.items() if key in _ADDRESS_KEYS})
    typeset.draw_box(canvas, [Text(line) for line in addresses.to_lines(told)], box, largest=size, smallest=SMALLEST)
