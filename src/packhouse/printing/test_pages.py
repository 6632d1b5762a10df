"""A page that shows whether a printer is set up right: a frame, a ruler, and codes that a scanner reads."""

import io
from collections.abc import Sequence

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.printing import barcodes, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.paper import PAPERS
from packhouse.printing.typeset import Box, Text

CODE = "PHTEST"
_ROLL_LENGTH = 100.0
_MARGIN = 4.0
_RULER = 50


def make_test_page(paper: str, told: Sequence[str]) -> bytes:
    """`told` are the lines that say which printer this is."""
    size = PAPERS[paper]
    width, length = size.width, size.length or _ROLL_LENGTH
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(width * mm, length * mm), pageCompression=1, invariant=1)
    canvas.setTitle("Packhouse test page")
    canvas.setLineWidth(0.8)
    canvas.rect(_MARGIN * mm, _MARGIN * mm, (width - 2 * _MARGIN) * mm, (length - 2 * _MARGIN) * mm)
    left, top = (_MARGIN + 3) * mm, (length - _MARGIN) * mm
    room = (width - 2 * _MARGIN - 6) * mm
    shown = f"{width:g} x {size.length:g} mm" if size.length else f"{width:g} mm"
    texts = [Text("Packhouse", "Bold", 1.4), *(Text(typeset.clean(line)) for line in (*told, f"{paper}: {shown}"))]
    typeset.draw_box(canvas, texts, Box(left, top - 34 * mm, room, 31 * mm), largest=11, smallest=6)
    _draw_ruler(canvas, left, top - 41 * mm)
    barcodes.draw_barcode(canvas, Barcode("code-128", CODE, Box(left, top - 60 * mm, min(room, 60 * mm), 14 * mm)))
    barcodes.draw_barcode(canvas, Barcode("qr", CODE, Box(left, top - 86 * mm, 22 * mm, 22 * mm)))
    canvas.save()
    return file.getvalue()


def _draw_ruler(canvas: Canvas, left: float, y: float) -> None:
    """Five centimetres: measured with another ruler, they say whether the page was made smaller."""
    canvas.setLineWidth(0.5)
    canvas.line(left, y, left + _RULER * mm, y)
    for place in range(_RULER + 1):
        height = 4 if place % 10 == 0 else 2
        canvas.line(left + place * mm, y, left + place * mm, y + height * mm)
    typeset.draw(canvas, left, y - 3.4 * mm, f"{_RULER} mm", "Regular", 7)
