"""Printables in other formats, on other paper, several in one file."""

import binascii
import io
import json
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pypdfium2
from PIL import Image, ImageDraw
from pypdfium2 import PdfMatrix
from reportlab.lib.units import mm

from packhouse.consignment import EPL, PDF, PNG, ZPL
from packhouse.printing import barcodes
from packhouse.printing.barcodes import Barcode
from packhouse.printing.typeset import Box

PAPERS = {"A4": (210 * mm, 297 * mm), "A5": (148 * mm, 210 * mm), "A6": (105 * mm, 148 * mm)}
_INK = 128
_QUIET = 2
"""Points around a barcode that are painted white with it."""


class NotConvertible(ValueError):
    """Only a PDF can be had in other formats."""


def convert(content: bytes, mime_type: str, wanted: str, dpi: int = 203) -> bytes:
    """From a carrier's document to another format; `dpi` counts for PNG and ZPL. Raises NotConvertible."""
    if mime_type == wanted:
        return content
    if mime_type != PDF or wanted not in FORMATS:
        raise NotConvertible(f"A document of {mime_type} is not to be had as {wanted}.")
    return FORMATS[wanted](list(_render(content, dpi)), dpi)


def _render(content: bytes, dpi: int) -> Iterator[Image.Image]:
    """Each page in grey. Barcodes of ours are drawn anew: their modules are whole dots at any resolution."""
    with pypdfium2.PdfDocument(content) as file:
        codes = _find_barcodes(file.get_metadata_value("Keywords"))
        for page in file:
            image: Image.Image = page.render(scale=dpi / 72, grayscale=True, draw_annots=False).to_pil()
            for code in codes:
                _draw_barcode(image, code, dpi)
            yield image


def _find_barcodes(keywords: str) -> list[Barcode]:
    if not keywords.startswith('{"barcodes": '):
        return []
    return [Barcode(kind, text, Box(*box)) for kind, text, box in json.loads(keywords)["barcodes"]]


def _draw_barcode(image: Image.Image, code: Barcode, dpi: int) -> None:
    dot = 72 / dpi
    _, rows = barcodes.to_rows(code.kind, code.text)
    dots, left, bottom = barcodes.find_module(code, dot)
    box, height = code.box, image.height
    draw = ImageDraw.Draw(image)
    draw.rectangle(
        [
            int((box.x - _QUIET) / dot),
            height - int((box.y + box.height + _QUIET / 2) / dot),
            int((box.x + box.width + _QUIET) / dot),
            height - int((box.y - _QUIET / 2) / dot),
        ],
        fill=255,
    )
    tall = dots if code.kind == "qr" else int(box.height / dot)
    top = height - round(bottom) - tall * len(rows)
    for number, row in enumerate(rows):
        y = top + number * tall
        for first, count in row:
            x = round(left) + first * dots
            draw.rectangle([x, y, x + count * dots - 1, y + tall - 1], fill=0)


def _to_png(images: Sequence[Image.Image], dpi: int) -> bytes:
    """Several pages stand below each other."""
    whole = images[0]
    if len(images) > 1:
        whole = Image.new("L", (max(i.width for i in images), sum(i.height for i in images)), 255)
        y = 0
        for image in images:
            whole.paste(image, (0, y))
            y += image.height
    file = io.BytesIO()
    whole.save(file, "PNG", dpi=(dpi, dpi), compress_level=1)
    return file.getvalue()


def _to_zpl(images: Sequence[Image.Image], _dpi: int) -> bytes:
    return "".join(map(_to_format, images)).encode("ascii")


def _to_format(image: Image.Image) -> str:
    """One label as a graphic field, compressed the printer's own way (Z64): zlib, base64, and a CRC of the letters."""
    width = (image.width + 7) // 8
    bits = image.point([255 if level < _INK else 0 for level in range(256)]).convert("1", dither=Image.Dither.NONE)
    size = width * image.height
    packed = b64encode(zlib.compress(bits.tobytes(), 6))
    check = binascii.crc_hqx(packed, 0)
    field = f"^GFA,{size},{size},{width},:Z64:{packed.decode('ascii')}:{check:04x}"
    return f"^XA^PW{image.width}^LL{image.height}^LH0,0^FO0,0{field}^FS^XZ\n"


def _to_epl(images: Sequence[Image.Image], _dpi: int) -> bytes:
    return b"".join(map(_to_epl_form, images))


_EPL_GAP_DOTS = 24


def _to_epl_form(image: Image.Image) -> bytes:
    """One label as a graphic of EPL2, in which a dot of 0 is black; rows are filled up to whole bytes with white."""
    width = (image.width + 7) // 8
    whole = Image.new("L", (width * 8, image.height), 255)
    whole.paste(image, (0, 0))
    bits = whole.point([255 if level >= _INK else 0 for level in range(256)]).convert("1", dither=Image.Dither.NONE)
    head = f"\nN\nq{width * 8}\nQ{image.height},{_EPL_GAP_DOTS}\nGW0,0,{width},{image.height},"
    return head.encode("ascii") + bits.tobytes() + b"\nP1\n"


FORMATS: dict[str, Callable[[list[Image.Image], int], bytes]] = {PNG: _to_png, ZPL: _to_zpl, EPL: _to_epl}


def merge(contents: Sequence[bytes]) -> bytes:
    """PDFs, one after the other."""
    with pypdfium2.PdfDocument.new() as whole:
        for content in contents:
            with pypdfium2.PdfDocument(content) as part:
                whole.import_pages(part)
        return _save(whole)


def split(content: bytes) -> list[bytes]:
    """Each page of a PDF as one of its own."""
    pages = []
    with pypdfium2.PdfDocument(content) as whole:
        for number in range(len(whole)):
            with pypdfium2.PdfDocument.new() as page:
                page.import_pages(whole, [number])
                pages.append(_save(page))
    return pages


def to_sheets(contents: Sequence[bytes], paper: str = "A4") -> bytes:
    """PDFs of labels on sheets: of A4 four, from the upper left on, of A5 and A6 one. A page that is larger than its
    place gets a page of its own size."""
    with pypdfium2.PdfDocument.new() as whole:
        places: Iterator[tuple[Any, PdfMatrix]] = iter(())
        for content in contents:
            with pypdfium2.PdfDocument(content) as part:
                for number, page in enumerate(part):
                    if not _fits(page.get_size(), paper):
                        whole.import_pages(part, [number])
                        continue
                    place = next(places, None)
                    if place is None:
                        places = _new_sheet(whole, paper)
                        place = next(places)
                    _put(place, part.page_as_xobject(number, whole).as_pageobject())
        return _save(whole)


def _fits(size: tuple[float, float], paper: str) -> bool:
    return all(side <= place + 1 for side, place in zip(size, _find_place(paper), strict=True))


def _find_place(paper: str) -> tuple[float, float]:
    width, height = PAPERS[paper]
    return (width / 2, height / 2) if paper == "A4" else (width, height)


def _new_sheet(whole: Any, paper: str) -> Iterator[tuple[Any, PdfMatrix]]:
    """The sheet with each of its places."""
    sheet = whole.new_page(*PAPERS[paper])
    width, height = _find_place(paper)
    for y in range(round(PAPERS[paper][1] / height))[::-1]:
        for x in range(round(PAPERS[paper][0] / width)):
            yield sheet, PdfMatrix().translate(x * width, y * height)


def _put(place: tuple[Any, PdfMatrix], drawing: Any) -> None:
    sheet, matrix = place
    drawing.set_matrix(matrix)
    sheet.insert_obj(drawing)
    sheet.gen_content()


def _save(file: Any) -> bytes:
    buffer = io.BytesIO()
    file.save(buffer)
    return buffer.getvalue()
