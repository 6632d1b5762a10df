"""What a person typed about the parcels of an order, as the label call that the API would have been sent.

Fields are named as a call names their places, like `parcels/0/weight/value`; how many of the order's third item go into
the second parcel stands in `parcels/1/items/2`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import orjson

from packhouse.kit import errors
from packhouse.kit.messages import Message, message
from packhouse.orders import contents
from packhouse.shipping import packing, schema
from packhouse.web.frame import amounts, formats
from packhouse.web.orders.edits import Fields

# As many as a table on a page can show; the API takes more.
MOST = 12
SIDES = ("length", "width", "height")
_EMPTY = message("Nothing is in this parcel.")
_PREFIX = f"{errors.ATTRIBUTES}/orders/[0]/"


class Written(NamedTuple):
    """How the numbers of a form are written, and which of those that were asked about are right."""

    tag: str
    confirmed: Collection[str] = ()


ENGLISH = Written("en-GB")


class Wanted(NamedTuple):
    """A call for one order, and the places of its items by parcel and line."""

    call: schema.LabelCall
    places: list[list[int]]


def read_call(
    order: Mapping[str, Any], option: str | None, sent: Fields, count: int, written: Written = ENGLISH
) -> Wanted:
    """Raises Refused: a number that cannot be taken, and what else the API would refuse in its own words."""
    reader = amounts.FormReader(written.tag, written.confirmed, _PREFIX)
    selector: dict[str, Any] = {"order_id": order["order_id"], "apply_shipping_rules": option is None}
    parcels = [_to_parcel(order, sent, index, count, reader) for index in range(count)]
    empty = [index for index, parcel in enumerate(parcels) if not parcel["parcel_items"]]
    if empty:
        faults = [errors.ErrorItem("invalid", _EMPTY, pointer=f"{_PREFIX}parcels/{index}/items") for index in empty]
        raise Refused(errors.Invalid([*reader.faults, *faults]), [], reader.questions)
    if count > 1 or any(len(parcel) > 1 for parcel in parcels):
        selector["parcels"] = parcels
    return _read(order, option, selector, reader)


def read_weights(order: Mapping[str, Any], sent: Fields, count: int, written: Written) -> list[Decimal | None]:
    """What the parcels of a label call weigh in kg; what cannot be read so far weighs nobody knows what."""
    try:
        wanted = read_call(order, None, sent, count, written)
    except Refused:
        return [None]
    return [parcel.weight for parcel in packing.pack(order, wanted.call.selectors[0].get("parcels"))]


def repeat_call(order: Mapping[str, Any], option: str | None, documents: Sequence[Mapping[str, Any]]) -> Wanted:
    """Pack again as a shipment was packed that failed; `documents` are those of its parcels. An order that has
    other items by now is packed as one parcel."""
    selector: dict[str, Any] = {"order_id": order["order_id"], "apply_shipping_rules": option is None}
    parcels = [_to_same(order, document) for document in documents]
    if all(parcel is not None for parcel in parcels):
        selector["parcels"] = parcels
    return _read(order, option, selector, amounts.FormReader(ENGLISH.tag))


def _read(order: Mapping[str, Any], option: str | None, selector: dict[str, Any], reader: amounts.FormReader) -> Wanted:
    parcels = selector.get("parcels", [])
    places = [[line.pop("place") for line in parcel["parcel_items"]] for parcel in parcels]
    body: dict[str, Any] = {"integration_id": order["order_details"]["integration"]["id"], "orders": [selector]}
    if option:
        body["ship_with"] = {"type": "shipping_option_code", "properties": {"shipping_option_code": option}}
    try:
        call = schema.read_async(orjson.dumps(body))
    except errors.Invalid as refusal:
        found = to_faults(errors.Invalid(reader.faults), places)
        others = [fault for fault in refusal.faults if _find_field(fault, places) not in found]
        raise Refused(errors.Invalid([*reader.faults, *others]), places, reader.questions) from None
    if reader.faults:
        raise Refused(errors.Invalid(reader.faults), places, reader.questions)
    for parcel, at in zip(call.selectors[0].get("parcels", ()), places, strict=True):
        for line, place in zip(parcel["parcel_items"], at, strict=True):
            line["place"] = place
    return Wanted(call, places)


def to_faults(refusal: errors.ApiError, places: Sequence[Sequence[int]]) -> dict[str, Message]:
    """The words of each fault by its field, one a line; what belongs to no field stands at ''."""
    return errors.gather(refusal.faults, lambda fault: _find_field(fault, places))


def _find_field(fault: errors.ErrorItem, places: Sequence[Sequence[int]]) -> str:
    place = (fault.pointer or "").removeprefix(_PREFIX)
    steps = place.split("/")
    if steps[2:3] == ["parcel_items"] and len(steps) > 3:
        place = f"parcels/{steps[1]}/items/{places[int(steps[1])][int(steps[3])]}"
    return place if place.startswith("parcels/") else ""


class Refused(errors.Invalid):
    """With the words at their fields, and the numbers that are only asked about."""

    def __init__(
        self, refusal: errors.ApiError, places: Sequence[Sequence[int]], questions: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(refusal.faults)
        self.fields = to_faults(refusal, places)
        self.questions = questions or {}


def _to_parcel(
    order: Mapping[str, Any], sent: Fields, index: int, count: int, reader: amounts.FormReader
) -> dict[str, Any]:
    """Without what was left empty; one parcel holds all there is."""
    at = f"parcels/{index}"
    parcel: dict[str, Any] = {"parcel_items": list(_to_lines(order, sent, at, reader, whole=count == 1))}
    if value := sent.get(f"{at}/weight/value", ""):
        unit = sent.get(f"{at}/weight/unit", "kg")
        weight = reader.weight(f"{at}/weight/value", value, unit, packing.find_weight(order))
        parcel["weight"] = {"value": weight, "unit": unit}
    sides = {side: sent.get(f"{at}/dimensions/{side}", "") for side in SIDES}
    if any(sides.values()):
        unit = sent.get(f"{at}/dimensions/unit", "cm")
        given = {side: reader.side(f"{at}/dimensions/{side}", text, unit) for side, text in sides.items() if text}
        parcel["dimensions"] = {**given, "unit": unit}
    return parcel


def _to_lines(
    order: Mapping[str, Any], sent: Fields, at: str, reader: amounts.FormReader, *, whole: bool
) -> Iterator[dict[str, Any]]:
    for place, item in contents.find_goods(order):
        field = f"{at}/items/{place}"
        text = sent.get(field, "")
        quantity = item["quantity"] if whole else reader.pieces(field, text) if text else 0
        if quantity != 0:
            yield {"item_id": item.get("item_id") or f"{place + 1}", "quantity": quantity, "place": place}


_CHANGED = ("quantity", "total_price")


def _to_same(order: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any] | None:
    """None where the order has not what was in the parcel."""
    goods = contents.find_goods(order)
    items = [_without(line.item) for line in goods]
    lines = []
    for packed in document["items"]:
        if _without(packed) not in items:
            return None
        place = goods[items.index(_without(packed))].place
        lines.append(
            {"item_id": packed.get("item_id") or f"{place + 1}", "quantity": packed["quantity"], "place": place}
        )
    parcel: dict[str, Any] = {"parcel_items": lines}
    if formats.to_decimal(document["weight"]["value"]):
        parcel["weight"] = document["weight"]
    if "dimensions" in document:
        parcel["dimensions"] = document["dimensions"]
    return parcel


def _without(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in _CHANGED}
