"""What a scan means for the order that is open: arithmetic, without a database.

Acts are kept, not sums, so that the last one can be undone: `["count", place, n]`, of one piece with its serial number
`["count", place, 1, serial]`, `["box"]`, `["weight", grams]`.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from packhouse.kit.data import gs1, gtin
from packhouse.orders import contents, search

Act = list[Any]


class Box(NamedTuple):
    """How many of the item at each place are in it, and the serial numbers that were scanned of them; `grams` where its
    weight was typed."""

    items: Mapping[int, int]
    grams: int | None
    serials: Mapping[int, Sequence[str]]


class Line(NamedTuple):
    """An item of the order and how far it is."""

    place: int
    item: Mapping[str, Any]
    counted: int

    @property
    def left(self) -> int:
        return max(0, int(self.item["quantity"]) - self.counted)


def to_boxes(acts: Sequence[Act]) -> list[Box]:
    """All boxes, the last of which is being filled."""
    boxes = [Box(Counter(), None, {})]
    for kind, *values in acts:
        if kind == "box":
            boxes.append(Box(Counter(), None, {}))
        elif kind == "weight":
            boxes[-1] = boxes[-1]._replace(grams=values[0])
        else:
            place, count, *serials = values
            boxes[-1].items[place] += count  # type: ignore[index]
            if serials:
                boxes[-1].serials.setdefault(place, []).extend(serials)  # type: ignore[attr-defined]
    return boxes


def to_lines(order: Mapping[str, Any], acts: Sequence[Act]) -> list[Line]:
    counted: Counter[int] = Counter()
    for act in acts:
        if act[0] == "count":
            counted[act[1]] += act[2]
    return [Line(place, item, counted[place]) for place, item in contents.find_goods(order)]


def is_complete(lines: Sequence[Line]) -> bool:
    return bool(lines) and all(line.left == 0 for line in lines)


def find_last(acts: Sequence[Act]) -> int | None:
    """The place of the item that was counted last."""
    return next((act[1] for act in reversed(acts) if act[0] == "count"), None)


def to_codes(text: str) -> set[str]:
    """The ways in which a code is compared: folded; a GTIN of any length as one of fourteen digits, also out of a GS1
    barcode that says more."""
    codes = {search.fold(text)} - {""}
    digits = gtin.strip_separators(text)
    if (product := gs1.read_product(text)) is not None:
        codes.add(product.gtin)
    if gtin.is_valid(digits):
        codes.add(digits.zfill(14))
    return codes


def to_forms(text: str) -> set[str]:
    """The ways in which an order may have written a code: a GTIN with and without the zeros before it."""
    forms = {text.strip()}
    for code in to_codes(text):
        if len(code) == 14 and code.isdigit():
            bare = code.lstrip("0")
            forms |= {bare.zfill(length) for length in (8, 12, 13, 14) if len(bare) <= length}
    return forms


def find_lines(lines: Sequence[Line], text: str) -> list[Line]:
    """The lines that a code is of: by SKU, EAN, or the shop's own id of the product."""
    wanted = to_codes(text)
    return [line for line in lines if wanted & _to_item_codes(line.item)]


def _to_item_codes(item: Mapping[str, Any]) -> set[str]:
    told = (item.get("sku"), item.get("ean"))
    return {code for text in told if text for code in to_codes(str(text))}


def is_of(item: Mapping[str, Any], text: str) -> bool:
    return bool(to_codes(text) & _to_item_codes(item))


_QUANTITY = re.compile(r"(\+?)\s*([0-9]{0,4})")
_WEIGHT = re.compile(r"([0-9]{1,5}(?:[.,][0-9]{1,3})?)\s*(kg|g)", re.IGNORECASE)


class Quantity(NamedTuple):
    """`+5` is five more, `5` five in all."""

    pieces: int
    is_more: bool


def read_quantity(text: str) -> Quantity | None:
    found = _QUANTITY.fullmatch(text.strip())
    if found is None or not (found[1] or found[2]):
        return None
    return Quantity(int(found[2] or 1), bool(found[1]))


def read_grams(text: str) -> int | None:
    found = _WEIGHT.fullmatch(text.strip())
    if found is None:
        return None
    try:
        value = Decimal(found[1].replace(",", "."))
    except InvalidOperation:
        return None
    grams = int(value * 1000 if found[2].lower() == "kg" else value)
    return grams if 0 < grams <= 1_000_000 else None
