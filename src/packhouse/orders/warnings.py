"""What looks wrong in an order but refuses nothing: the rules behind it have exceptions, or age."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from packhouse.kit.data import emails, gtin, letters, phones, places, subdivisions
from packhouse.kit.messages import Message, message
from packhouse.kit.wire import fields, loose
from packhouse.orders import contents, plain

_NO_EAN = message("An EAN has 8, 12, 13 or 14 digits.")
_ADDRESSES = ("shipping_address", "billing_address")
_LONGEST_EAN = 40
"""Characters. Anything longer is no EAN however it is spaced."""


class OrderWarning(NamedTuple):
    """`detail` is for people and quotes no personal data; `path` leads from the order to the place."""

    code: Literal["invalid", "required"]
    detail: Message
    path: tuple[str | int, ...]


def find_warnings(order: Mapping[str, Any], origin: str, *, is_plain: bool = False) -> Iterator[OrderWarning]:
    """`order` is valid, merged and in its wire shape; it is sent from `origin` (ISO 3166-1 alpha-2).

    Any key may be absent or null, and an empty text counts as not given. With `is_plain` it is known to hold nothing
    that `orders.plain` reads otherwise.
    """
    yield from _check_regions(order)
    if not is_plain:
        yield from _check_emails(order)
    order = order if is_plain else plain.to_plain(order)
    yield from _check_currencies(order)
    shipping = order.get("shipping_address") or {}
    destination = shipping.get("country_code")
    yield from _check_address(shipping, "shipping_address")
    if billing := order.get("billing_address"):
        yield from _check_address(billing, "billing_address")
    if customer := order.get("customer_details"):
        yield from _check_phone(customer, destination, "customer_details")
    items = (order.get("order_details") or {}).get("order_items") or []
    yield from _check_eans(items)
    yield from _check_letters(shipping, items)
    if destination and places.leaves_customs_union(origin, places.to_place(shipping)):
        yield from _check_customs(
            order, message("from {origin} to {destination}", origin=origin, destination=destination)
        )


class Contradiction(NamedTuple):
    """Two entries of a batch that name one order and cannot both be it. `path` leads from either entry to what differs;
    the later entry is what was stored."""

    earlier: int
    later: int
    path: tuple[str | int, ...]
    detail: Message


def find_contradictions(batch: Sequence[Mapping[str, Any]], ids: Sequence[int]) -> Iterator[Contradiction]:
    """`ids` say which order each entry was stored as. Entries that are versions of one order, of which the later has
    another status, price or quantity, an item more or less, or another way of delivery, do not contradict."""
    if len(set(ids)) == len(ids):
        return
    by_order: dict[int, list[int]] = {}
    for index, id in enumerate(ids):
        by_order.setdefault(id, []).append(index)
    for entries in by_order.values():
        for place, later in enumerate(entries):
            for path, what in _DIFFERENCES:
                earlier = next((e for e in reversed(entries[:place]) if _differ(path, batch[e], batch[later])), None)
                if earlier is not None:
                    detail = message(
                        "Entries {earlier} and {later} of the batch name one order and tell of {what}. "
                        "Entry {later} was stored.",
                        earlier=earlier,
                        later=later,
                        what=what,
                    )
                    yield Contradiction(earlier, later, path, detail)


_DIFFERENCES: tuple[tuple[tuple[str, ...], Message], ...] = (
    (("order_number",), message("different order numbers")),
    (("shipping_address",), message("different recipients")),
    (("order_details", "order_items"), message("different items")),
)


def _differ(path: tuple[str, ...], earlier: Mapping[str, Any], later: Mapping[str, Any]) -> bool:
    """Whether both say what stands there, and it cannot be two versions of one thing."""
    old, new = _find_value(earlier, path), _find_value(later, path)
    if not old or not new:
        return False
    if isinstance(old, list):
        before, after = {_to_article(item) for item in old}, {_to_article(item) for item in new}
        return not (before <= after or after <= before)
    if isinstance(old, Mapping):
        return _fold(old.get("name")) != _fold(new.get("name"))
    return _fold(old) != _fold(new)


def _find_value(entry: Any, path: Iterable[str]) -> Any:
    for step in path:
        entry = entry.get(step) if isinstance(entry, Mapping) else None
    return entry


def _to_article(item: Mapping[str, Any]) -> tuple[str, str]:
    return _fold(item.get("sku")), _fold(item.get("name"))


def _fold(text: object) -> str:
    return " ".join(str(text or "").casefold().split())


_PRINTED = ("name", "company_name", "address_line_1", "house_number", "address_line_2", "po_box", "city")


def _check_letters(address: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Iterator[OrderWarning]:
    """What no font here draws is told now, rather than by the label that is refused for it."""
    for key in _PRINTED:
        if (text := address.get(key)) and not text.isascii():
            yield from _check_text(text, ("shipping_address", key))
    for at, item in enumerate(items):
        if (name := item.get("name")) and not name.isascii():
            yield from _check_text(name, ("order_details", "order_items", at, "name"))


def _check_text(text: str, path: tuple[str | int, ...]) -> Iterator[OrderWarning]:
    if found := letters.find_undrawable(text):
        yield OrderWarning(
            "invalid", message("No label can print these letters: {found}", found=" ".join(found[:20])), path
        )


def _check_address(address: Mapping[str, Any], place: str) -> Iterator[OrderWarning]:
    country = address.get("country_code")
    postal_code = address.get("postal_code")
    if country and postal_code and not places.postal_code_fits(country, postal_code):
        detail = message("Postal codes of {country} are not written like this.", country=country)
        yield OrderWarning("invalid", detail, (place, "postal_code"))
    yield from _check_phone(address, country, place)


def _check_regions(order: Mapping[str, Any]) -> Iterator[OrderWarning]:
    """`order` is as it was sent."""
    for place in _ADDRESSES:
        address = order.get(place) or {}
        region, country = address.get("state_province_code"), (address.get("country_code") or "").upper()
        if not region or country not in places.COUNTRIES or subdivisions.is_exact(country, region):
            continue
        code = subdivisions.read(country, region)
        if code is None and not subdivisions.may_be_meant(country, region):
            detail = message("This is no subdivision of {country}, and is not used.", country=country)
        elif code is None:
            detail = message("This is no subdivision of {country} that ISO 3166-2 knows.", country=country)
        else:
            detail = message("This is read as the subdivision {to_code}.", to_code=subdivisions.to_code(country, code))
        yield OrderWarning("invalid", detail, (place, "state_province_code"))


def _check_emails(order: Mapping[str, Any]) -> Iterator[OrderWarning]:
    """`order` is as it was sent."""
    for place in _ADDRESSES:
        email = (order.get(place) or {}).get("email")
        if not email or fields.is_plain_email(email) or loose.is_placeholder(email):
            continue
        found = len(emails.find_all(email))
        if found > 1:
            yield OrderWarning("invalid", message("Of several e-mail addresses, the first is used."), (place, "email"))
        elif not found:
            detail = message("This is no e-mail address, and is not used.")
            yield OrderWarning("invalid", detail, (place, "email"))


def _check_currencies(order: Mapping[str, Any]) -> Iterator[OrderWarning]:
    """Each currency that is no more once, at the first price in it."""
    payment, details = order.get("payment_details") or {}, order.get("order_details") or {}
    codes = {price.get("currency") for price in payment.values() if type(price) is dict}
    for item in details.get("order_items") or ():
        codes.add((item.get("total_price") or {}).get("currency"))
        codes.add((item.get("unit_price") or {}).get("currency"))
    if codes.isdisjoint(places.WITHDRAWN):
        return  # of nearly every order
    told: set[str] = set()
    for path, price in _find_prices(order):
        code = price.get("currency")
        if code in told or (withdrawn := places.find_withdrawn(str(code))) is None:
            continue
        told.add(str(code))
        detail = message("The currency {code} has been withdrawn since {end}.", code=code, end=withdrawn.end)
        yield OrderWarning("invalid", detail, (*path, "currency"))


def _find_prices(order: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    payment = order.get("payment_details") or {}
    for name in plain.PAYMENT_PRICES:
        if price := payment.get(name):
            yield ("payment_details", name), price
    for index, item in enumerate((order.get("order_details") or {}).get("order_items") or ()):
        for name in plain.ITEM_PRICES:
            if price := item.get(name):
                yield ("order_details", "order_items", index, name), price


def _check_phone(holder: Mapping[str, Any], country: str | None, place: str) -> Iterator[OrderWarning]:
    number = holder.get("phone_number")
    if not number or phones.is_possible(number, country):
        return
    if country in phones.REGIONS:
        detail = message("This can't be a telephone number, dialled from {country}.", country=country)
        yield OrderWarning("invalid", detail, (place, "phone_number"))
    elif "+" in number:  # without a telephone plan to read it by, any other number may be right
        yield OrderWarning("invalid", message("This can't be a telephone number."), (place, "phone_number"))


def _check_eans(items: Iterable[Mapping[str, Any]]) -> Iterator[OrderWarning]:
    for index, item in enumerate(items):
        ean = item.get("ean")
        if ean and (detail := _fault_of_ean(ean)):
            yield OrderWarning("invalid", detail, ("order_details", "order_items", index, "ean"))


@lru_cache(10_000)  # a shop sells the same things again and again
def _fault_of_ean(ean: str) -> Message | None:
    if gtin.is_valid(ean):
        return None
    if len(ean) > _LONGEST_EAN:
        return _NO_EAN
    number = gtin.strip_separators(ean)
    if len(number) not in gtin.LENGTHS or not (number.isascii() and number.isdigit()):
        return _NO_EAN
    if gtin.is_valid(number):
        return None
    return message(
        "The check digit of EAN {number} is wrong: it should be {digit}.",
        number=number,
        digit=gtin.find_check_digit(number[:-1]),
    )


def _check_customs(order: Mapping[str, Any], way: Message) -> Iterator[OrderWarning]:
    if order.get("customs_details") is None:
        yield OrderWarning("required", message("An order {way} needs customs details.", way=way), ("customs_details",))
    for index, item in contents.find_goods(order):
        if not item.get("hs_code"):
            path = ("order_details", "order_items", index, "hs_code")
            yield OrderWarning("required", message("An item that goes {way} needs an HS code.", way=way), path)
