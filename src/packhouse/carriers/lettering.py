"""Checks whether our fonts can draw what is printed on labels and papers: a parcel with a box or a question mark in its
address arrives nowhere."""

from collections.abc import Iterator
from dataclasses import fields

from packhouse.carriers import Address, Consignment, Rejected
from packhouse.kit import errors
from packhouse.kit.data import letters
from packhouse.kit.messages import message

_PRINTED = tuple(field.name for field in fields(Address) if field.name not in ("email", "country_code"))


def require_drawable(consignment: Consignment, *, with_items: bool = False) -> None:
    """Raises Rejected with the characters of addresses, order number and (for customs papers) items that no font here
    has. A remark that cannot be drawn completely stops no parcel: its characters are printed by their numbers."""
    if faults := list(_find_faults(consignment, with_items)):
        raise Rejected(faults)


def _find_faults(consignment: Consignment, with_items: bool) -> Iterator[errors.ErrorItem]:
    for name in _PRINTED:
        yield from _check(getattr(consignment.recipient, name), ("shipping_address", name))
    for name in _PRINTED:
        yield from _check(getattr(consignment.sender, name), ("from_address", name))
    yield from _check(consignment.order_number, ("order_number",))
    if with_items:
        names = dict.fromkeys(item["name"] for parcel in consignment.parcels for item in parcel.items)
        for name in names:
            yield from _check(name, ("order_details", "order_items"))


def _check(text: str, path: errors.Path) -> Iterator[errors.ErrorItem]:
    if found := letters.find_undrawable(text):
        told = ", ".join(f"{letter} (U+{ord(letter):04X})" for letter in found[:20])
        detail = message("This cannot be printed: no font has {told}.", told=told)
        yield errors.ErrorItem("invalid", detail, title="Unprintable text", pointer=errors.to_pointer(path))
