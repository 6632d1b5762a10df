"""Papers of the warehouse, from orders as on the wire: what to fetch, and what lies in the box."""

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.shipping import addresses, barcodes, typeset
from packhouse.shipping.barcodes import Barcode
from packhouse.shipping.carriers import Address
from packhouse.shipping.shaping import Weight
from packhouse.shipping.typeset import Box, Text

_A4 = (210 * mm, 297 * mm)
_LEFT, _WIDTH = 15 * mm, _A4[0] - 30 * mm
_TALL = 9 * mm
_ADDRESS_KEYS = frozenset(Address.__dataclass_fields__)

Column = tuple[str, float]
_SLIP: tuple[Column, ...] = (("Quantity", 0.12), ("SKU", 0.22), ("Article", 0.66))
_PICKS: tuple[Column, ...] = (("", 0.05), ("Quantity", 0.11), ("SKU", 0.2), ("Article", 0.36), ("Orders", 0.28))


class _Pick(NamedTuple):
    """One article over all orders. `orders` are numbers, each with how many go into it."""

    quantity: int
    sku: str
    name: str
    orders: str


def packing_slips(orders: Sequence[Mapping[str, Any]], sender: Mapping[str, Any] | None = None) -> bytes:
    """A slip an order, A4, in the order given: the items that its recipient finds, without prices; as many pages as the
    items need. `sender` is an address of the wire."""
    file, canvas = _new_file("Packing slips")
    for order in orders:
        items = order["order_details"]["order_items"]
        rows = [(str(item["quantity"]), item.get("sku") or "", _to_name(item)) for item in items]
        _draw_slip(canvas, order, rows, sender)
    return _finish(file, canvas, bool(orders))


def pick_list(orders: Sequence[Mapping[str, Any]]) -> bytes:
    """One list for all of them, sorted by SKU: how many of each article to fetch, and which orders they are for."""
    file, canvas = _new_file("Pick list")
    picks = _find_picks(orders)
    rows = [("", str(pick.quantity), pick.sku, pick.name, pick.orders) for pick in picks]
    for number, of, page in _to_pages(rows, 26) if rows else ():
        told = f"{len(orders)} orders, {sum(pick.quantity for pick in picks)} pieces"
        typeset.draw(canvas, _LEFT, 277 * mm, "Pick list", "Bold", 16)
        typeset.draw(canvas, _LEFT, 271 * mm, told, "Regular", 9)
        typeset.draw_aligned(canvas, (_LEFT + _WIDTH, 277 * mm), f"Page {number} of {of}", "Regular", 8, 1)
        for y in _draw_table(canvas, 266 * mm, _PICKS, page):
            canvas.rect(_LEFT + 2.5 * mm, y + 2.5 * mm, 4 * mm, 4 * mm, stroke=1, fill=0)
        canvas.showPage()
    return _finish(file, canvas, bool(rows))


def _to_name(item: Mapping[str, Any]) -> str:
    """With its variant, where the shop says it: `Green tea (size: L)`."""
    properties = item.get("properties") or {}
    told = ", ".join(f"{key}: {value}" for key, value in properties.items() if isinstance(value, str | int | float))
    return f"{item['name']} ({told})" if told else str(item["name"])


def _find_picks(orders: Sequence[Mapping[str, Any]]) -> list[_Pick]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for order in orders:
        for item in order["order_details"]["order_items"]:
            counts = found.setdefault((item.get("sku") or "", _to_name(item)), {})
            counts[order["order_number"]] = counts.get(order["order_number"], 0) + item["quantity"]
    return [
        _Pick(sum(counts.values()), sku, name, ", ".join(f"{number} × {count}" for number, count in counts.items()))
        for (sku, name), counts in sorted(found.items())
    ]


def _new_file(title: str) -> tuple[io.BytesIO, Canvas]:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_A4, pageCompression=1, invariant=1)
    canvas.setTitle(title)
    return file, canvas


def _finish(file: io.BytesIO, canvas: Canvas, has_pages: bool) -> bytes:
    if not has_pages:
        typeset.draw(canvas, _LEFT, 277 * mm, "Nothing to do.", "Regular", 12)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _to_pages(rows: Sequence[Sequence[str]], size: int) -> Iterator[tuple[int, int, Sequence[Sequence[str]]]]:
    """Number of the page, how many there are, its rows; one page where there are no rows."""
    starts = range(0, max(1, len(rows)), size)
    for number, start in enumerate(starts, 1):
        yield number, len(starts), rows[start : start + size]


def _draw_slip(
    canvas: Canvas, order: Mapping[str, Any], rows: Sequence[Sequence[str]], sender: Mapping[str, Any] | None
) -> None:
    notes = order["order_details"].get("notes")
    number = typeset.clean(order["order_number"])
    for page, of, some in _to_pages(rows, 18):
        title = typeset.shorten(f"Packing slip {number}", "Bold", 16, 120 * mm)
        typeset.draw(canvas, _LEFT, 277 * mm, title, "Bold", 16)
        told = [Text(f"Order of {str(order['order_details']['order_created_at'])[:10]}   Page {page} of {of}")]
        typeset.draw_box(canvas, told, Box(_LEFT, 269 * mm, 120 * mm, 6 * mm), largest=9, smallest=6)
        qr = Barcode("qr", number, Box(175 * mm, 263 * mm, 20 * mm, 20 * mm))
        barcodes.draw_barcode(canvas, qr)
        _draw_address(canvas, Box(_LEFT, 228 * mm, 85 * mm, 36 * mm), order.get("shipping_address"), 11)
        _draw_address(canvas, Box(110 * mm, 228 * mm, 62 * mm, 36 * mm), sender, 8)
        bottom = min(_draw_table(canvas, 222 * mm, _SLIP, some), default=222 * mm)
        if notes and page == of:
            box = Box(_LEFT, bottom - 26 * mm, _WIDTH, 24 * mm)
            typeset.draw_box(canvas, [Text(str(notes))], box, largest=9, smallest=6)
        canvas.showPage()


def _draw_address(canvas: Canvas, box: Box, address: Mapping[str, Any] | None, size: float) -> None:
    if not address:
        return
    told = Address(**{key: str(value or "") for key, value in address.items() if key in _ADDRESS_KEYS})
    typeset.draw_box(canvas, [Text(line) for line in addresses.to_lines(told)], box, largest=size, smallest=5)


def _draw_table(canvas: Canvas, top: float, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[float]:
    """The lower edges of the rows."""
    _draw_row(canvas, top - 6 * mm, 6 * mm, columns, [title for title, _ in columns], "Bold")
    edges = []
    for number, row in enumerate(rows, 1):
        y = top - 6 * mm - number * _TALL
        _draw_row(canvas, y, _TALL, columns, row, "Regular")
        canvas.line(_LEFT, y, _LEFT + _WIDTH, y)
        edges.append(y)
    return edges


def _draw_row(
    canvas: Canvas, y: float, tall: float, columns: Sequence[Column], cells: Sequence[str], weight: Weight
) -> None:
    x: float = _LEFT
    canvas.setLineWidth(0.3)
    for (_, share), cell in zip(columns, cells, strict=True):
        box = Box(x + 1, y + 0.5 * mm, _WIDTH * share - 4, tall - 1 * mm)
        typeset.draw_box(canvas, [Text(cell, weight)], box, largest=9.5, smallest=4)
        x += _WIDTH * share
