"""What looks wrong in an order but refuses nothing: the rules behind it have exceptions, or age."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from stdnum import ean as gtin
from stdnum.exceptions import InvalidChecksum, ValidationError

from packhouse.kit import phones, places

_NO_EAN = "An EAN has 8, 12, 13 or 14 digits."
_LONGEST_EAN = 40
"""Characters. Anything longer is no EAN however it is spaced."""

_ZEROS = {8: 8, 12: 2, 13: 0, 14: 4}
"""Length of a GTIN -> what its digits, weighted 1 and 3 and counted as ASCII, add up to too much, modulo 10."""


class OrderWarning(NamedTuple):
    """`detail` is for people and quotes no personal data; `path` leads from the order to the place."""

    code: Literal["invalid", "required"]
    detail: str
    path: tuple[str | int, ...]


def find_warnings(order: Mapping[str, Any], origin: str) -> Iterator[OrderWarning]:
    """`order` is valid, merged and in its wire shape; it is sent from `origin` (ISO 3166-1 alpha-2).

    Any key may be absent or null, and an empty text counts as not given.
    """
    shipping = order.get("shipping_address") or {}
    destination = shipping.get("country_code")
    yield from _check_address(shipping, "shipping_address")
    if billing := order.get("billing_address"):
        yield from _check_address(billing, "billing_address")
    if customer := order.get("customer_details"):
        yield from _check_phone(customer, destination, "customer_details")
    items = (order.get("order_details") or {}).get("order_items") or ()
    yield from _check_eans(items)
    if destination and places.leaves_customs_union(origin, places.to_place(shipping)):
        yield from _check_customs(order, items, f"from {origin} to {destination}")


def _check_address(address: Mapping[str, Any], place: str) -> Iterator[OrderWarning]:
    country = address.get("country_code")
    postal_code = address.get("postal_code")
    if country and postal_code and not places.postal_code_fits(country, postal_code):
        detail = f"Postal codes of {country} are not written like this."
        yield OrderWarning("invalid", detail, (place, "postal_code"))
    yield from _check_phone(address, country, place)


def _check_phone(holder: Mapping[str, Any], country: str | None, place: str) -> Iterator[OrderWarning]:
    number = holder.get("phone_number")
    if not number or phones.is_possible(number, country):
        return
    if country in phones.REGIONS:
        detail = f"This can't be a telephone number, dialled from {country}."
        yield OrderWarning("invalid", detail, (place, "phone_number"))
    elif "+" in number:  # without a telephone plan to read it by, any other number may be right
        yield OrderWarning("invalid", "This can't be a telephone number.", (place, "phone_number"))


def _check_eans(items: Iterable[Mapping[str, Any]]) -> Iterator[OrderWarning]:
    for index, item in enumerate(items):
        ean = item.get("ean")
        if ean and (detail := _fault_of_ean(ean)):
            yield OrderWarning("invalid", detail, ("order_details", "order_items", index, "ean"))


def _is_plainly_ean(ean: str) -> bool:
    """The quick look, for a GTIN without separators: 0.5 µs, where python-stdnum takes 6."""
    zeros = _ZEROS.get(len(ean))
    if zeros is None or not (ean.isascii() and ean.isdigit()):
        return False
    codes = ean.encode()
    return (sum(codes[::-2]) + 3 * sum(codes[-2::-2]) - zeros) % 10 == 0


@lru_cache(10_000)  # a shop sells the same things again and again
def _fault_of_ean(ean: str) -> str | None:
    if _is_plainly_ean(ean):
        return None
    if len(ean) > _LONGEST_EAN:
        return _NO_EAN
    number = gtin.compact(ean)
    try:
        gtin.validate(number)
    except InvalidChecksum:
        return f"The check digit of EAN {number} is wrong: it should be {gtin.calc_check_digit(number[:-1])}."
    except ValidationError:
        return _NO_EAN
    return None


def _check_customs(order: Mapping[str, Any], items: Iterable[Mapping[str, Any]], way: str) -> Iterator[OrderWarning]:
    if order.get("customs_details") is None:
        yield OrderWarning("required", f"An order {way} needs customs details.", ("customs_details",))
    for index, item in enumerate(items):
        if not item.get("hs_code"):
            path = ("order_details", "order_items", index, "hs_code")
            yield OrderWarning("required", f"An item that goes {way} needs an HS code.", path)
