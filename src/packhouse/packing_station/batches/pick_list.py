"""The pick list of a batch on sheets of A4: by bin, with totals and the places on the cart."""

import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.printing import barcodes, tabular, typeset
from packhouse.printing.barcodes import Barcode
from packhouse.printing.tabular import Column, Page, Table
from packhouse.printing.typeset import Box

_PAGE = (210 * mm, 297 * mm)
_LEFT, _WIDTH = 15 * mm, 180 * mm
_TITLE, _TOP, _BOTTOM = 277 * mm, 260 * mm, 15 * mm
_SIZE, _ROW = 10.0, 9 * mm
_SHARES = (0.05, 0.14, 0.1, 0.18, 0.33, 0.2)


class Words(NamedTuple):
    """In the reader's language. `code` is the barcode that opens the batch at a bench."""

    title: str
    told: str
    columns: tuple[str, str, str, str, str]
    page: str
    code: str


def make_pick_list(words: Mapping[str, object], rows: Sequence[Sequence[str]]) -> bytes:
    """`words` are the values of Words; `rows` are bin, quantity, SKU, article and places on the cart."""
    said = Words(**words)  # type: ignore[arg-type]
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=_PAGE, pageCompression=1, invariant=1)
    canvas.setTitle(typeset.clean(said.title))
    columns = [Column(title, share) for title, share in zip(("", *said.columns), _SHARES, strict=True)]
    table = Table(columns, [("", *row) for row in rows], _WIDTH, _SIZE, _ROW)
    for page in tabular.paginate(table, _TOP - _BOTTOM, _TOP - _BOTTOM, 0):
        _draw_head(canvas, said, page)
        for y in tabular.draw_table(canvas, table, page, _LEFT, _TOP)[:-1]:
            canvas.rect(_LEFT + 2.5 * mm, y - 6.5 * mm, 4 * mm, 4 * mm, stroke=1, fill=0)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _draw_head(canvas: Canvas, said: Words, page: Page) -> None:
    typeset.draw(canvas, _LEFT, _TITLE, typeset.clean(said.title), "Bold", 18)
    typeset.draw(canvas, _LEFT, 268 * mm, typeset.clean(said.told), "Regular", 10)
    barcodes.draw_barcode(canvas, Barcode("code-128", said.code, Box(125 * mm, 268 * mm, 70 * mm, 14 * mm)))
    number = f"{said.page} {page.number}/{page.of}"
    typeset.draw_aligned(canvas, (_LEFT + _WIDTH, 288 * mm), number, "Regular", 8, 1)
