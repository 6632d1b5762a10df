"""The commands of a packing station as barcodes on one sheet of A4, to hang up beside the scanner."""

import io
from collections.abc import Sequence

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.printing import barcodes, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.typeset import Box, Text

_PAGE = (210 * mm, 297 * mm)
_LEFT, _TOP, _TITLE = 15 * mm, 262 * mm, 277 * mm
_CELL = (90 * mm, 42 * mm)
_COLUMNS = 2
_ROWS = 6


def make_card(title: str, commands: Sequence[tuple[str, str]]) -> bytes:
    """`commands` are what the scanner types, each with its words."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_PAGE, pageCompression=1, invariant=1)
    canvas.setTitle(title)
    for start in range(0, len(commands), _COLUMNS * _ROWS):
        typeset.draw(canvas, _LEFT, _TITLE, title, "Bold", 16)
        for number, (code, words) in enumerate(commands[start : start + _COLUMNS * _ROWS]):
            row, column = divmod(number, _COLUMNS)
            _draw_command(canvas, _LEFT + column * _CELL[0], _TOP - row * _CELL[1], code, words)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw_command(canvas: Canvas, x: float, y: float, code: str, words: str) -> None:
    box = Box(x, y - 10 * mm, _CELL[0] - 12 * mm, 10 * mm)
    typeset.draw_box(canvas, [Text(words, "Bold")], box, largest=12, smallest=8)
    barcodes.draw_barcode(canvas, Barcode("code-128", code, Box(x + 2 * mm, y - 34 * mm, 70 * mm, 20 * mm)))
