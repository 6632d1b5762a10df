"""Reading printed documents back: their words, their type, their codes."""

from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
import zxingcpp


def read_pages(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as file:
        return [page.get_textpage().get_text_range() for page in file]


def read_text(content: bytes) -> str:
    """Of all pages, lines and spaces alike."""
    return " ".join(" ".join(read_pages(content)).split())


def read_sizes(content: bytes) -> Iterator[float]:
    """The type size of every letter that is not a space, in points."""
    with pypdfium2.PdfDocument(content) as file:
        for page in file:
            text = page.get_textpage()
            letters = text.get_text_range()
            for index in range(text.count_chars()):
                if index < len(letters) and not letters[index].isspace():
                    yield pdfium.FPDFText_GetFontSize(text.raw, index)


def read_codes(content: bytes) -> list[set[str]]:
    """Of each page."""
    with pypdfium2.PdfDocument(content) as file:
        images = [page.render(scale=300 / 72).to_pil().convert("L") for page in file]
    return [{code.text for code in zxingcpp.read_barcodes(image)} for image in images]
