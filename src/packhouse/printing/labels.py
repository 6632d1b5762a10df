"""A label of A6, one a parcel: who sends, who receives, what is in it by number, barcode and QR."""

import io
import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.consignment import Consignment, Parcel
from packhouse.kit.data import places, units
from packhouse.printing import addresses, barcodes, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.typeset import Box, Text

A6 = (105 * mm, 148 * mm)
_MARGIN = 5 * mm
_WIDTH = A6[0] - 2 * _MARGIN

_SENDER = Box(_MARGIN, 123 * mm, 57 * mm, 17 * mm)
_SERVICE = Box(65 * mm, 123 * mm, 35 * mm, 20 * mm)
_RECIPIENT = Box(_MARGIN + 2 * mm, 78 * mm, _WIDTH - 4 * mm, 36.5 * mm)
_FACTS = Box(_MARGIN, 44 * mm, 61 * mm, 29 * mm)
_QR = Box(70 * mm, 43.5 * mm, 30 * mm, 30 * mm)
_BARCODE = Box(10 * mm, 10.5 * mm, 85 * mm, 29 * mm)
_RULES = (120 * mm, 75.5 * mm, 41.5 * mm)


class Face(NamedTuple):
    """What is a carrier's own on a label. `shown` is the barcode's text as people read it; the letter stands in a
    square beside the service."""

    carrier: str
    service: str
    letter: str
    kind: barcodes.Kind
    text: str
    shown: str


def make_labels(
    consignment: Consignment, faces: Sequence[tuple[str, str, str, barcodes.Kind, str, str]]
) -> list[bytes]:
    """One PDF for each parcel; `faces` are those of Face, in its order."""
    pairs = zip(consignment.parcels, faces, strict=True)
    return [_make_label(consignment, parcel, number, Face(*face)) for number, (parcel, face) in enumerate(pairs, 1)]


def _make_label(consignment: Consignment, parcel: Parcel, number: int, face: Face) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A6, pageCompression=1, invariant=1)
    canvas.setTitle(typeset.clean(f"Label {consignment.order_number}"))
    _draw_head(canvas, consignment, face)
    _draw_recipient(canvas, consignment)
    _draw_facts(canvas, consignment, parcel, number)
    codes = [
        Barcode(face.kind, face.text, _BARCODE),
        Barcode("qr", _to_qr(consignment, face), _QR),
    ]
    for code in codes:
        barcodes.draw_barcode(canvas, code)
    canvas.setFillGray(0)
    typeset.draw_aligned(canvas, (A6[0] / 2, 5.5 * mm), face.shown, "Regular", 10, 0.5, width=_WIDTH)
    canvas.setKeywords(json.dumps({"barcodes": codes}))  # where `sheets` finds them, to draw them in other dots
    canvas.save()
    return file.getvalue()


def _to_qr(consignment: Consignment, face: Face) -> str:
    """Three lines: the order's number, the parcel's, the shipment's. Short enough for modules of half a millimetre."""
    number = typeset.clean(consignment.order_number)[:60]
    return f"{number}\n{face.text.removeprefix('(00)')}\n{consignment.reference}"


def _draw_head(canvas: Canvas, consignment: Consignment, face: Face) -> None:
    canvas.setLineWidth(0.8)
    for y in _RULES:
        canvas.line(_MARGIN, y, A6[0] - _MARGIN, y)
    typeset.draw(canvas, _SENDER.x, 140.5 * mm, "Sender", "Regular", 6)
    sender = addresses.to_lines(consignment.sender)
    typeset.draw_box(canvas, [Text(line) for line in sender], _SENDER, largest=7.5, smallest=6)
    side = 14 * mm
    left, bottom = A6[0] - _MARGIN - side, 129 * mm
    canvas.rect(left, bottom, side, side, stroke=0, fill=1)
    canvas.setFillGray(1)
    typeset.draw_aligned(canvas, (left + side / 2, bottom + 3.6 * mm), face.letter, "Bold", 28, 0.5, width=side)
    canvas.setFillGray(0)
    limits = {"width": _SERVICE.width}
    typeset.draw_aligned(canvas, (left + side, 125.6 * mm), face.service, "Bold", 8, 1, **limits)
    typeset.draw_aligned(canvas, (left + side, 122.2 * mm), face.carrier, "Regular", 6.5, 1, **limits)


def _draw_recipient(canvas: Canvas, consignment: Consignment) -> None:
    typeset.draw(canvas, _MARGIN, 116.2 * mm, "To", "Bold", 7)
    name, *rest = addresses.to_lines(consignment.recipient)
    texts = [Text(name, "Bold", 1.1), *(Text(line) for line in rest[:-1]), *(Text(line, "Bold") for line in rest[-1:])]
    typeset.draw_box(canvas, texts, _RECIPIENT, largest=14, smallest=7)


def _draw_facts(canvas: Canvas, consignment: Consignment, parcel: Parcel, number: int) -> None:
    texts = [
        Text(f"Order {consignment.order_number}", "Bold", 1.25),
        *_find_cash(consignment),
        *map(Text, _find_facts(consignment, parcel, number)),
    ]
    if consignment.notes:
        texts.append(Text(consignment.notes, "Regular", 0.9))
    typeset.draw_box(canvas, texts, _FACTS, largest=9.5, smallest=6)


def _find_cash(consignment: Consignment) -> Iterator[Text]:
    """What the recipient pays at the door, once for all parcels."""
    if consignment.cash_on_delivery is None:
        return
    value, currency = consignment.cash_on_delivery
    count = len(consignment.parcels)
    all_of_them = f" for all {count} parcels" if count > 1 else ""
    yield Text(f"Cash on delivery {places.to_amount(value, currency)} {currency}{all_of_them}", "Bold", 1.25)


def _find_facts(consignment: Consignment, parcel: Parcel, number: int) -> Iterator[str]:
    weight = "" if parcel.weight is None else f"{units.to_text(parcel.weight)} kg"
    count = len(consignment.parcels)
    yield "   ".join(filter(None, [f"Parcel {number} of {count}", weight, _to_size(parcel)]))
    if consignment.external_reference:
        yield f"Reference {consignment.external_reference}"
    point = consignment.service_point or {}
    if named := point.get("carrier_service_point_id") or point.get("id"):
        post_number = f", post number {point['post_number']}" if point.get("post_number") else ""
        yield f"Service point {named}{post_number}"
    if consignment.recipient.phone_number:
        yield f"Phone {consignment.recipient.phone_number}"
    if consignment.announced_at:
        yield f"Shipped {consignment.announced_at:%Y-%m-%d}"


def _to_size(parcel: Parcel) -> str:
    sides = (parcel.length, parcel.width, parcel.height)
    return " × ".join(f"{side.normalize():f}" for side in sides if side is not None) + " cm" if all(sides) else ""
