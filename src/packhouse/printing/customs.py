"""What a customs declaration says, taken from an order's items and customs details, and what is missing for it."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from packhouse.consignment import Address, Consignment, Parcel
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.messages import Message, message

CN22_MAX_SDR = Decimal(300)
"""Special drawing rights: the Universal Postal Convention's regulations ask for a CN 23 above."""
CN22_MAX_ITEMS = 4
"""Lines of the form."""

KINDS = {
    "gift": "Gift",
    "documents": "Documents",
    "commercial_goods": "Sale of goods",
    "commercial_sample": "Commercial sample",
    "returned_goods": "Returned goods",
    "other": "Other (please specify)",
}
"""`shipment_type` -> the category of the forms, in their order. Orders say neither `documents` nor `other`."""


class Entry(NamedTuple):
    """A row of the forms: so many of one thing. `net_kg` is of all of them, None where the item has no weight."""

    description: str
    quantity: int
    net_kg: Decimal | None
    value: Decimal
    currency: str
    hs_code: str
    origin: str


def to_entries(parcel: Parcel) -> list[Entry]:
    """Return the entries of a parcel without missing values."""
    return [_to_entry(item) for item in parcel.items]


def _to_entry(item: Mapping[str, Any]) -> Entry:
    price = _find_price(item) or {}
    weight = (item.get("measurement") or {}).get("weight")
    quantity = int(item["quantity"])
    each = units.convert(weight["value"], weight["unit"], units.KILOGRAMS) if weight else None
    return Entry(
        _to_description(item),
        quantity,
        None if each is None else units.multiply(each, quantity),
        units.to_decimal(price["value"]),
        price["currency"],
        item["hs_code"],
        item["country_of_origin"],
    )


def _to_description(item: Mapping[str, Any]) -> str:
    """What it is and what it is made of. Never the shop's `description`: that is written to sell."""
    name, material = str(item["name"]).strip(), str(item.get("material_content") or "").strip()
    return f"{name} ({material})" if material and material.casefold() not in name.casefold() else name


def _find_price(item: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Find the price of all of them: the total, else the price of one by the quantity; None where there is no whole
    one."""
    total, one = item.get("total_price") or {}, item.get("unit_price") or {}
    if total.get("value") is not None and total.get("currency"):
        return total
    if one.get("value") is not None and one.get("currency"):
        value = units.multiply(units.to_decimal(one["value"]), int(item["quantity"]))
        return {"value": value, "currency": one["currency"]}
    return None


def may_use_cn22(parcel: Parcel) -> bool:
    """The stricter form where nobody knows what the currency is worth."""
    entries = to_entries(parcel)
    value = places.to_sdr(units.add(*(entry.value for entry in entries)), entries[0].currency)
    return len(entries) <= CN22_MAX_ITEMS and value is not None and value <= CN22_MAX_SDR


def find_missing(consignment: Consignment) -> list[errors.ErrorItem]:
    """Everything that keeps the papers from being complete, each with its place in the order."""
    return [_fault(path, why) for path, why in dict.fromkeys(_find_all(consignment))]


_Missing = tuple[errors.Path, Message]


def _find_all(consignment: Consignment) -> Iterator[_Missing]:
    yield from _find_of_order(consignment.customs or {})
    named = _find_places(consignment.parcels)
    currencies = set()
    for parcel in consignment.parcels:
        yield from _find_of_parcel(parcel)
        for item in parcel.items:
            yield from ((named[id(item)] + path, why) for path, why in _find_of_item(item))
            currencies.add((_find_price(item) or {}).get("currency"))
    if len(currencies - {None}) > 1:
        names = ", ".join(sorted(str(currency) for currency in currencies - {None}))
        yield (
            ("order_details", "order_items"),
            message("A customs declaration is in one currency, and these are in {names}", names=names),
        )
    yield from _find_of_parties(consignment)


def _find_of_order(told: Mapping[str, Any]) -> Iterator[_Missing]:
    if told.get("shipment_type") not in KINDS:
        yield ("customs_details", "shipment_type"), message("A customs declaration says what kind of goods these are")
    if not told.get("commercial_invoice_number"):
        yield ("customs_details", "commercial_invoice_number"), message("A commercial invoice has a number")


def _find_of_parcel(parcel: Parcel) -> Iterator[_Missing]:
    if not parcel.items:
        yield (
            ("order_details", "order_items"),
            message("A customs declaration lists what is inside, and a parcel is empty"),
        )
    if parcel.weight is None:
        yield ("shipping_details", "measurement", "weight"), message("A customs declaration states the weight")


def _find_of_parties(consignment: Consignment) -> Iterator[_Missing]:
    for field in _find_empty(consignment.sender):
        yield (
            ("from_address", field),
            message("A customs declaration names its sender, whose address has no {field}", field=field),
        )
    for field in _find_empty(consignment.recipient):
        yield (
            ("shipping_address", field),
            message("A customs declaration names its recipient, whose address has no {field}", field=field),
        )


def _find_empty(address: Address) -> Iterator[str]:
    """What an address cannot do without."""
    street = address.address_line_1 or address.po_box
    told = {"name": address.name or address.company_name, "address_line_1": street, "city": address.city}
    if places.wants_postal_code(address.country_code):
        told["postal_code"] = address.postal_code
    yield from (field for field, text in told.items() if not text.strip(" -"))


def _to_key(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(item.get("item_id", "")), str(item["name"]), str(item.get("sku", ""))


def _find_places(parcels: Sequence[Parcel]) -> dict[int, errors.Path]:
    """Identity of an item -> its place in the order. What is in one parcel lies there as in the order; of an item that
    is split between parcels the parts have one place."""
    keys = [(number if len(parcels) == 1 else 0, _to_key(item)) for p in parcels for number, item in enumerate(p.items)]
    order = {key: index for index, key in enumerate(dict.fromkeys(keys))}
    items = [item for parcel in parcels for item in parcel.items]
    return {id(item): ("order_details", "order_items", order[key]) for item, key in zip(items, keys, strict=True)}


def _find_of_item(item: Mapping[str, Any]) -> Iterator[_Missing]:
    name = item["name"]
    digits = "".join(letter for letter in item.get("hs_code") or "" if letter.isdigit())
    if not 6 <= len(digits) <= 10:
        yield ("hs_code",), message("A customs declaration needs the HS code of {name}, 6 to 10 digits", name=name)
    if not item.get("country_of_origin"):
        yield ("country_of_origin",), message("A customs declaration needs the country of origin of {name}", name=name)
    if _find_price(item) is None:
        yield ("total_price",), message("A customs declaration needs the value and currency of {name}", name=name)
    if not (item.get("measurement") or {}).get("weight"):
        yield ("measurement", "weight"), message("A customs declaration needs the weight of {name}", name=name)


def _fault(path: errors.Path, why: Message) -> errors.ErrorItem:
    """The place stands in the text too, for those who read only that."""
    place = "/".join(map(str, path))
    return errors.ErrorItem(
        "invalid",
        message("{why} ({place}).", why=why, place=place),
        title="Incomplete customs details",
        pointer=errors.to_pointer(path),
    )
