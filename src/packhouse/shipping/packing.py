"""Distribution of an order's items over parcels, and weights: decimal arithmetic, from the order's own numbers."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from babel.numbers import get_currency_precision

from packhouse.kit.data import units
from packhouse.kit.errors import Path
from packhouse.kit.messages import Message, message
from packhouse.orders import contents

_LOOSE = Decimal("0.1")
"""Weight: a tenth more than the items is packaging."""


class ValidationIssue(NamedTuple):
    """Why parcels cannot be packed as requested: `path` leads from the selector to the place."""

    path: Path
    detail: Message


class OddTotal(NamedTuple):
    """An inconsistency in an order's numbers that does not prevent shipping; `path` leads from the order to the
    place."""

    path: Path
    detail: Message


class Packed(NamedTuple):
    """One parcel with its order items and their quantities. `weight` is in kg, None if unknown; `dimensions` are in cm;
    `more` is what else its document keeps."""

    items: list[dict[str, Any]]
    weight: Decimal | None
    dimensions: dict[str, Decimal] | None
    more: Mapping[str, Any] = {}


def find_weight(order: Mapping[str, Any]) -> Decimal | None:
    """Return the weight in kg: the order's total weight, or else the sum of its items."""
    told = _told_weight(order)
    return told if told is not None else sum_weights(contents.list_goods(order))


def _told_weight(order: Mapping[str, Any]) -> Decimal | None:
    measurement = (order.get("shipping_details") or {}).get("measurement") or {}
    return units.to_kilograms(measurement.get("weight"))


def sum_weights(items: Sequence[Mapping[str, Any]]) -> Decimal | None:
    """Sum the weights of items by their quantities; None when one of them has no weight, or there are none."""
    weights = [units.to_kilograms((item.get("measurement") or {}).get("weight")) for item in items]
    if not weights or None in weights:
        return None
    known = zip(weights, items, strict=True)
    return units.add(*(units.multiply(weight, item["quantity"]) for weight, item in known if weight is not None))


def _to_centimetres(dimensions: Mapping[str, Any] | None) -> dict[str, Decimal] | None:
    if not dimensions:
        return None
    unit = dimensions["unit"]
    return {side: units.convert(dimensions[side], unit, units.CENTIMETRES) for side in ("length", "width", "height")}


def pack(
    order: Mapping[str, Any],
    parcels: Sequence[Mapping[str, Any]] | None,
    serials: Mapping[int, Sequence[str]] | None = None,
) -> list[Packed]:
    """Pack the `parcels` of a call, which are valid; without any, the whole order is one parcel. `serials` are the
    serial numbers that were packed into that parcel, by the item's place."""
    goods = contents.find_goods(order)
    if parcels is None:
        measurement = (order.get("shipping_details") or {}).get("measurement") or {}
        items = [_with_serials(line.item, (serials or {}).get(line.place)) for line in goods]
        return [Packed(items, find_weight(order), _to_centimetres(measurement.get("dimension")))]
    packed = []
    for parcel in parcels:
        inside = _take(goods, parcel["parcel_items"])
        weight = units.to_kilograms(parcel.get("weight"))
        packed.append(
            Packed(
                inside,
                weight if weight is not None else sum_weights(inside),
                _to_centimetres(parcel.get("dimensions")),
            )
        )
    return packed


def _is_meant(line: Mapping[str, Any], place: int, item: Mapping[str, Any]) -> bool:
    """Compare by place if the line has one (the page's do, because an item need not have an `item_id`), otherwise by
    `item_id`."""
    return bool(place == line["place"] if "place" in line else item.get("item_id") == line["item_id"])


def _take(goods: Sequence[contents.Line], wanted: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the order's goods with the requested quantities; items with the same `item_id` are used in turn."""
    taken = []
    for line in wanted:
        left = line["quantity"]
        for place, item in goods:
            if _is_meant(line, place, item) and left > 0:
                count = min(left, item["quantity"])
                share = {**item, "quantity": count, "total_price": _share(item, count)}
                taken.append(_with_serials(share, line.get("serials")))
                left -= count
    return taken


def _with_serials(item: dict[str, Any], serials: Sequence[str] | None) -> dict[str, Any]:
    return {**item, "serial_numbers": list(serials)} if serials else item


def _share(item: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return the price of this many of an item, to the cent."""
    price = item["total_price"]
    if count == item["quantity"] or price.get("value") is None:
        return dict(price)
    share = units.to_decimal(price["value"]) * count / item["quantity"]
    return {**price, "value": units.to_text(share, 2)}


def find_flaws(order: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]] | None) -> Iterator[ValidationIssue]:
    """Find items that the order does not have, and quantities above those ordered. An item that is not a physical good
    may be named, and goes into no parcel."""
    left: Counter[str | int] = Counter()
    for place, item in enumerate(order["order_details"]["order_items"]):
        left[place] = item["quantity"]
        if item.get("item_id"):
            left[item["item_id"]] += item["quantity"]
    for number, parcel in enumerate(parcels or ()):
        for line, wanted in enumerate(parcel["parcel_items"]):
            at = ("parcels", number, "parcel_items", line)
            item_id: str = wanted["item_id"]
            which: str | int = wanted.get("place", item_id)
            if which not in left:
                yield ValidationIssue(
                    (*at, "item_id"), message("The order has no item with item_id {item_id}", item_id=item_id)
                )
                continue
            if wanted["quantity"] > left[which]:
                yield ValidationIssue(
                    (*at, "quantity"),
                    message(
                        "More than was ordered: {left} are left of {item_id}", left=max(left[which], 0), item_id=item_id
                    ),
                )
            left[which] -= wanted["quantity"]


def find_odd_totals(order: Mapping[str, Any]) -> Iterator[OddTotal]:
    """Find totals that differ from their sums."""
    yield from _check_weight(order)
    yield from _check_prices(order)


def find_odd_parcels(
    order: Mapping[str, Any], parcels: Sequence[Mapping[str, Any]] | None, packed: Sequence[Packed]
) -> Iterator[OddTotal]:
    """Find parcels whose weight differs from that of their items, and items that are in no parcel; paths lead from the
    selector."""
    if parcels is None:
        return
    for number, (parcel, box) in enumerate(zip(parcels, packed, strict=True)):
        told, summed = units.to_kilograms(parcel.get("weight")), sum_weights(box.items)
        if told is not None and summed is not None and not summed <= told <= summed * (1 + _LOOSE):
            detail = message(
                "The parcel weighs {told} kg according to the call, its items weigh {summed} kg.",
                told=units.to_text(told),
                summed=units.to_text(summed),
            )
            yield OddTotal(("parcels", number, "weight"), detail)
    inside: Counter[str] = Counter()
    for parcel in parcels:
        for line in parcel["parcel_items"]:
            inside[line["item_id"]] += line["quantity"]
    for item in contents.list_goods(order):
        packed_of_it = min(item["quantity"], inside[item.get("item_id", "")])
        inside[item.get("item_id", "")] -= packed_of_it
        if left := item["quantity"] - packed_of_it:
            yield OddTotal(
                ("parcels",), message("{left} of {name} are not in any parcel.", left=left, name=item["name"])
            )


def _check_weight(order: Mapping[str, Any]) -> Iterator[OddTotal]:
    if _is_plainly_its_items(order):
        return
    goods = contents.list_goods(order)
    told, summed = _told_weight(order), sum_weights(goods)
    path = ("shipping_details", "measurement", "weight")
    if told is None and summed is None:
        if goods or not order["order_details"]["order_items"]:
            yield OddTotal(path, message("Neither the order nor all of its items have a weight."))
    elif told is not None and summed is not None and not summed <= told <= summed * (1 + _LOOSE):
        detail = message(
            "The order says {told} kg, its items weigh {summed} kg.",
            told=units.to_text(told),
            summed=units.to_text(summed),
        )
        yield OddTotal(path, detail)


def _check_prices(order: Mapping[str, Any]) -> Iterator[OddTotal]:
    items = order["order_details"]["order_items"]
    for index, item in enumerate(items):
        unit = (item.get("unit_price") or {}).get("value")
        total = item["total_price"].get("value")
        if unit is None or total is None or not item["quantity"]:
            continue
        if _is_plainly(float(unit) * item["quantity"], float(total)):
            continue
        summed = units.multiply(units.to_decimal(unit), item["quantity"])
        if abs(summed - units.to_decimal(total)) > _to_slack(item["total_price"].get("currency"), item["quantity"]):
            detail = message(
                "{quantity} at {unit} are {summed}, the item's total says {total}.",
                quantity=item["quantity"],
                unit=unit,
                summed=f"{summed:f}",
                total=total,
            )
            yield OddTotal(("order_details", "order_items", index, "total_price"), detail)
    yield from _check_subtotal(order, items)


def _is_plainly_its_items(order: Mapping[str, Any]) -> bool:
    """Return whether the order's weight is, without doubt, that of its items or less than a tenth more."""
    told = ((order.get("shipping_details") or {}).get("measurement") or {}).get("weight")
    items = contents.list_goods(order)
    weights: list[Any] = [(item.get("measurement") or {}).get("weight") for item in items]
    if not told or not items or not all(weights):
        return False
    each = zip(weights, items, strict=True)
    summed = sum(float(weight["value"]) * _ROUGHLY[weight["unit"]] * item["quantity"] for weight, item in each)
    difference = float(told["value"]) * _ROUGHLY[told["unit"]] - summed
    return bool(-0.000001 < difference < summed * float(_LOOSE) - 0.000001 and summed < 1_000_000)


_ROUGHLY = {unit: float(kilograms) for unit, kilograms in units.KILOGRAMS.items()}


def _is_plainly(summed: float, told: float) -> bool:
    """Return whether both are equal, without doubt, even as floats. Decimals take twenty times longer, and every label
    call compares every item."""
    return abs(summed - told) < 0.001 and abs(told) < 1_000_000


def _to_slack(currency: str | None, roundings: int) -> Decimal:
    """Return the largest rounding error of this many amounts, each rounded to the smallest unit of the currency, and of
    their sum."""
    smallest = Decimal(1).scaleb(-get_currency_precision(currency or "EUR"))
    return smallest * (2 + roundings) / 2


def _check_subtotal(order: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Iterator[OddTotal]:
    """Check the subtotal only: a total includes shipping, taxes and discounts. A subtotal may include positions that
    are no goods, such as a discount, but no returned ones."""
    subtotal = order["payment_details"].get("subtotal_price") or {}
    bought = [item for item in items if item["quantity"]]
    values = [item["total_price"].get("value") for item in bought]
    if subtotal.get("value") is None or None in values or not values:
        return
    told = units.to_decimal(subtotal["value"])
    if _is_plainly(sum(map(float, values)), float(subtotal["value"])):
        return
    of_goods = [item["total_price"].get("value") or 0 for item in contents.list_goods(order)]
    sums = [units.add(*map(units.to_decimal, some)) for some in (values, of_goods)]
    slack = _to_slack(subtotal.get("currency"), len(bought))
    if all(abs(summed - told) > slack for summed in sums):
        detail = message(
            "The items' totals add up to {summed}, the order's subtotal says {told}.",
            summed=f"{sums[0]:f}",
            told=subtotal["value"],
        )
        yield OddTotal(("payment_details", "subtotal_price"), detail)
