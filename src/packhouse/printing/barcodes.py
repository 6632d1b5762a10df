"""Barcodes as rows of modules, and the numbers in them."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import zxingcpp
from reportlab.pdfgen.canvas import Canvas

from packhouse.printing.typeset import Box

Kind = Literal["gs1-128", "code-128", "qr"]
Rows = tuple[tuple[tuple[int, int], ...], ...]

DOT = 72 / 203.2
"""Points in a dot of a printer with 8 dots a millimetre. Modules are whole dots there, and `sheets` draws them anew in
whole dots of any other resolution."""


class Barcode(NamedTuple):
    """`box` is what its modules may fill, quiet zones left out."""

    kind: Kind
    text: str
    box: Box


@lru_cache(maxsize=256)
def to_rows(kind: Kind, text: str) -> tuple[int, Rows]:
    """Modules across, and each row's bars as (first module, count). One row where all are alike."""
    if kind == "qr":
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    else:
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128, gs1=kind == "gs1-128")
    image: Any = zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False)
    pixels: Any = memoryview(image).tolist()
    rows = pixels if kind == "qr" else pixels[:1]
    return len(pixels[0]), tuple(tuple(_find_bars(row)) for row in rows)


def _find_bars(row: list[int]) -> Iterator[tuple[int, int]]:
    start = None
    for index, pixel in enumerate([*row, 255]):
        if pixel < 128 and start is None:
            start = index
        elif pixel >= 128 and start is not None:
            yield start, index - start
            start = None


def find_module(barcode: Barcode, dot: float) -> tuple[int, float, float]:
    """Whole dots in a module, and the first bar's left and the last one's lower end, in dots, centred in the box."""
    across, rows = to_rows(barcode.kind, barcode.text)
    box = barcode.box
    room = min(box.width, box.height) if barcode.kind == "qr" else box.width
    dots = max(1, int(room / dot / across + 1e-6))
    left = box.x / dot + (box.width / dot - across * dots) / 2
    bottom = box.y / dot + ((box.height / dot - len(rows) * dots) / 2 if barcode.kind == "qr" else 0)
    return dots, left, bottom


def draw_barcode(canvas: Canvas, barcode: Barcode) -> None:
    _, rows = to_rows(barcode.kind, barcode.text)
    dots, left, bottom = find_module(barcode, DOT)
    module = dots * DOT
    height = module if barcode.kind == "qr" else barcode.box.height
    path = canvas.beginPath()
    for number, row in enumerate(reversed(rows)):
        for first, count in row:
            path.rect(left * DOT + first * module, bottom * DOT + number * module, count * module, height)
    canvas.drawPath(path, stroke=0, fill=1)
