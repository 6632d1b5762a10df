"""Papers of printers, and documents laid out on them: a page is turned where that suits, made smaller where it is too
large, and never made larger."""

import io
from typing import NamedTuple

import pypdfium2
from pypdfium2 import PdfMatrix
from reportlab.lib.units import mm


class Paper(NamedTuple):
    """In millimetres. A roll has no length: each page takes what it needs. The printer leaves a `margin` white."""

    width: float
    length: float | None
    margin: float = 0


PAPERS = {
    "A4": Paper(210, 297),
    "Letter": Paper(215.9, 279.4),
    "A6": Paper(105, 148),
    "4x6": Paper(101.6, 152.4),
    "100x150": Paper(100, 150),
    "62": Paper(62, None, 1.5),
}
_WIDEST_LABEL = 120.0
_SLACK = 1.0
"""Points by which a page may be larger than the paper without being made smaller."""


def fit(content: bytes, paper: str) -> bytes:
    """Lay each page of a PDF out on a paper, in the middle of labels and in the upper left of sheets. Pages that have
    the paper's own size stay as they are."""
    size = PAPERS[paper]
    with pypdfium2.PdfDocument(content) as source:
        if all(_is_of_size(page.get_size(), size) for page in source):
            return content
        with pypdfium2.PdfDocument.new() as made:
            for number, page in enumerate(source):
                _lay_out(made, source.page_as_xobject(number, made).as_pageobject(), page.get_size(), size)
                page.close()
            return _save(made)


def _is_of_size(page: tuple[float, float], paper: Paper) -> bool:
    if paper.length is None:
        return False
    wanted = (paper.width * mm, paper.length * mm)
    return all(abs(side - place) <= _SLACK for side, place in zip(page, wanted, strict=True))


def _lay_out(
    made: pypdfium2.PdfDocument, drawing: pypdfium2.PdfObject, page: tuple[float, float], paper: Paper
) -> None:
    width, height = page
    is_turned = paper.length is not None and (width > height) != (paper.width > paper.length)
    across, along = (height, width) if is_turned else (width, height)
    room = (paper.width - 2 * paper.margin) * mm
    scale = min(1.0, room / across)
    length = along * scale + 2 * paper.margin * mm
    if paper.length is not None:
        length = paper.length * mm
        scale = min(scale, length / along)
    sheet = made.new_page(paper.width * mm, length)
    matrix = PdfMatrix()
    if is_turned:
        matrix = matrix.rotate(90).translate(0, width)
    matrix = matrix.scale(scale, scale)
    is_sheet = paper.width > _WIDEST_LABEL
    left = 0.0 if is_sheet else (paper.width * mm - across * scale) / 2
    bottom = length - along * scale if is_sheet else (length - along * scale) / 2
    drawing.set_matrix(matrix.translate(left, bottom))
    sheet.insert_obj(drawing)
    sheet.gen_content()


def _save(made: pypdfium2.PdfDocument) -> bytes:
    buffer = io.BytesIO()
    made.save(buffer)
    return buffer.getvalue()
