"""Papers of the warehouse, from orders as on the wire: what to fetch, and what lies in the box."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.carriers import Address
from packhouse.kit.data import places, units
from packhouse.orders import contents
from packhouse.printing import addresses, barcodes, tabular, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.tabular import Column, Page, Table
from packhouse.printing.typeset import SMALLEST, Box, Text

_A4 = (210 * mm, 297 * mm)
_LEFT, _WIDTH = 15 * mm, _A4[0] - 30 * mm
_TITLE, _BOTTOM = 277 * mm, 15 * mm
_SLIP_TOP, _SLIP_NEXT_TOP, _PICKS_TOP = 222 * mm, 258 * mm, 266 * mm
_SIZE, _ROW = 9.0, 8 * mm
_ADDRESS_KEYS = frozenset(Address.__dataclass_fields__)

_SLIP = (Column("Quantity", 0.12), Column("SKU", 0.22), Column("Article", 0.66))
_PICKS = (
    Column("", 0.05), Column("Quantity", 0.11), Column("SKU", 0.2), Column("Article", 0.36), Column("Orders", 0.28),
)  # fmt: skip


class _Pick(NamedTuple):
    """One article over all orders. `orders` are numbers, each with how many go into it."""

    quantity: int
    sku: str
    name: str
    orders: str


def packing_slips(orders: Sequence[Mapping[str, Any]], sender: Mapping[str, Any] | None = None) -> bytes:
    """A slip an order, A4, in the order given: the items that its recipient finds, without prices; as many pages as the
    items need. What is to be paid at the door stands on it. `sender` is an address of the wire."""
    file, canvas = _new_file("Packing slips")
    for order in orders:
        _draw_slip(canvas, order, sender)
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
        _draw_number(canvas, page)
        for y in tabular.draw_table(canvas, table, page, _LEFT, _PICKS_TOP)[:-1]:
            canvas.rect(_LEFT + 2.5 * mm, y - 6 * mm, 4 * mm, 4 * mm, stroke=1, fill=0)
        canvas.showPage()
    return _finish(file, canvas, bool(rows))


def _draw_number(canvas: Canvas, page: Page) -> None:
    place = (_LEFT + _WIDTH, 288 * mm)
    typeset.draw_aligned(canvas, place, f"Page {page.number} of {page.of}", "Regular", 8, 1)


def _to_name(item: Mapping[str, Any]) -> str:
    """With its variant, where the shop says it: `Green tea (size: L)`."""
    properties = item.get("properties") or {}
    told = ", ".join(f"{key}: {value}" for key, value in properties.items() if isinstance(value, str | int | float))
    return f"{item['name']} ({told})" if told else str(item["name"])


def _find_picks(orders: Sequence[Mapping[str, Any]]) -> list[_Pick]:
    """An article that many orders have takes more lines of them: no order is left out."""
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


def _draw_slip(canvas: Canvas, order: Mapping[str, Any], sender: Mapping[str, Any] | None) -> None:
    items = contents.list_goods(order)
    rows = [(str(item["quantity"]), item.get("sku") or "", _to_name(item)) for item in items]
    table = Table(_SLIP, rows, _WIDTH, _SIZE, _ROW)
    foot = [*_find_cash(order), *([Text(str(notes))] if (notes := order["order_details"].get("notes")) else [])]
    room = min(typeset.measure_height(foot, _WIDTH, 8), 60 * mm) + 3 * mm if foot else 0
    pieces = sum(item["quantity"] for item in items)
    for page in tabular.paginate(table, _SLIP_TOP - _BOTTOM, _SLIP_NEXT_TOP - _BOTTOM, room):
        _draw_slip_head(canvas, order, page, pieces)
        if page.number == 1:
            _draw_address(canvas, Box(_LEFT, 226 * mm, 85 * mm, 36 * mm), order.get("shipping_address"), 11)
            _draw_address(canvas, Box(110 * mm, 226 * mm, 62 * mm, 36 * mm), sender, 8)
        top = _SLIP_TOP if page.number == 1 else _SLIP_NEXT_TOP
        bottom = tabular.draw_table(canvas, table, page, _LEFT, top)[-1]
        if foot and page.is_last:
            box = Box(_LEFT, bottom - room, _WIDTH, room - 1 * mm)
            typeset.draw_box(canvas, foot, box, largest=9, smallest=SMALLEST)
        canvas.showPage()


def _draw_slip_head(canvas: Canvas, order: Mapping[str, Any], page: Page, pieces: int) -> None:
    number = typeset.clean(order["order_number"])
    title = typeset.shorten(f"Packing slip {number}", "Bold", 16, 150 * mm)
    typeset.draw(canvas, _LEFT, _TITLE, title, "Bold", 16)
    ordered = str(order["order_details"]["order_created_at"])[:10]
    told = [Text(f"Order of {ordered}, {pieces} pieces")]
    typeset.draw_box(canvas, told, Box(_LEFT, 269 * mm, 120 * mm, 6 * mm), largest=9, smallest=SMALLEST)
    barcodes.draw_barcode(canvas, Barcode("qr", number, Box(175 * mm, 263 * mm, 20 * mm, 20 * mm)))
    _draw_number(canvas, page)


def _find_cash(order: Mapping[str, Any]) -> list[Text]:
    payment = order["payment_details"]
    total = payment.get("total_price") or {}
    if not payment.get("is_cash_on_delivery") or total.get("value") is None or not total.get("currency"):
        return []
    amount = places.to_amount(units.to_decimal(total["value"]), total["currency"])
    return [Text(f"Cash on delivery {amount} {total['currency']}", "Bold", 1.2)]


def _draw_address(canvas: Canvas, box: Box, address: Mapping[str, Any] | None, size: float) -> None:
    if not address:
        return
    told = Address(**{key: str(value or "") for key, value in address.items() if key in _ADDRESS_KEYS})
    typeset.draw_box(canvas, [Text(line) for line in addresses.to_lines(told)], box, largest=size, smallest=SMALLEST)
