"""GS1 element strings: the data of a barcode on a product besides its number.

The source is the GS1 General Specifications, section 3 (application identifiers) and 7.8 (which of them have a fixed
length), and the GS1 Digital Link URI syntax, section 4. Only what a packing station needs is read: the GTIN and the
serial number, and elements that may come before them.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote

from packhouse.kit.data import gtin

_SYMBOLOGY = re.compile(r"\](?:C1|d2|Q3|e0|J1)")
_SEPARATOR = "\x1d"
_FIXED = {"00": 18, "01": 14, "02": 14, "11": 6, "12": 6, "13": 6, "15": 6, "16": 6, "17": 6, "20": 2}
_VARIABLE = frozenset({"10", "21", "22", "37", "240", "241", "250", "400"})
_BRACKETED = re.compile(r"\((\d{2,4})\)([^(\x1d]+)")
_LINK = re.compile(r"https?://\S+?/01/(\d{8,14})(?:/10/[^/?#]+)?(?:/21/([^/?#]+))?(?:[/?#].*)?")
_LONGEST_SERIAL = 20


class Product(NamedTuple):
    """`gtin` has fourteen digits; `serial` is empty where the code names no single piece."""

    gtin: str
    serial: str


def read_product(text: str) -> Product | None:
    """Return the product of a scanned text, or None if it is no such code or its check digit is wrong."""
    text = text.strip()
    if (link := _LINK.fullmatch(text)) is not None:
        return _to_product(link[1], unquote(link[2] or ""))
    elements = _read_elements(_SYMBOLOGY.sub("", text, count=1))
    return _to_product(elements.get("01", ""), elements.get("21", ""))


def _to_product(number: str, serial: str) -> Product | None:
    if not number.strip("0") or not gtin.is_valid(number.zfill(14)) or len(serial) > _LONGEST_SERIAL:
        return None
    return Product(number.zfill(14), serial)


def _read_elements(text: str) -> dict[str, str]:
    """Return the elements by application identifier, in brackets as people read them, or as scanners send them. Reading
    stops at an unknown identifier, whose end is not known."""
    if text.startswith("("):
        return dict(_BRACKETED.findall(text))
    found: dict[str, str] = {}
    while text:
        name = next((text[:length] for length in (2, 3) if text[:length] in _FIXED or text[:length] in _VARIABLE), "")
        if not name:
            return found
        rest = text[len(name) :]
        if (length := _FIXED.get(name)) is not None:
            found[name], text = rest[:length], rest[length:].removeprefix(_SEPARATOR)
        else:
            found[name], _, text = rest.partition(_SEPARATOR)
    return found
