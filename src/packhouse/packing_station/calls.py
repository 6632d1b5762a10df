"""The label call that what was counted at a bench comes to."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from packhouse.orders import contents
from packhouse.packing_station import counting
from packhouse.shipping import schema


def to_call(order: Mapping[str, Any], boxes: Sequence[counting.Box]) -> schema.LabelCall:
    """One box without a weight of its own is the order as it is; others are named item by item. Raises Invalid."""
    selector: dict[str, Any] = {"order_id": order["order_id"], "apply_shipping_rules": True}
    filled = [box for box in boxes if any(box.items.values())]
    places: list[list[int]] = []
    if len(filled) > 1 or any(box.grams is not None for box in filled):
        items = {line.place: line.item for line in contents.find_goods(order)}
        places = [[place for place, count in sorted(box.items.items()) if count] for box in filled]
        selector["parcels"] = [_to_parcel(box, items) for box in filled]
    body = {"integration_id": order["order_details"]["integration"]["id"], "orders": [selector]}
    call = schema.read_async(orjson.dumps(body))
    for parcel, at, box in zip(call.selectors[0].get("parcels", ()), places, filled if places else (), strict=True):
        for line, place in zip(parcel["parcel_items"], at, strict=True):
            line["place"] = place  # an item need not have an id of its own
            line["serials"] = box.serials.get(place, ())
    if not places and filled:
        call.selectors[0]["serials"] = filled[0].serials
    return call._replace(ships_held=True)


def _to_parcel(box: counting.Box, items: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    lines = [
        {"item_id": items[place].get("item_id") or f"{place + 1}", "quantity": count}
        for place, count in sorted(box.items.items())
        if count
    ]
    parcel: dict[str, Any] = {"parcel_items": lines}
    if box.grams is not None:
        parcel["weight"] = {"value": box.grams, "unit": "g"}
    return parcel
