"""What an order from another shop's file lacks: sums, currencies, countries and regions by their names."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from typing import Any

from babel.numbers import get_territory_currencies

from packhouse.kit.data import places, subdivisions
from packhouse.kit.messages import message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders.files import columns
from packhouse.orders.files.columns import ABSENT, COLUMNS, ITEMS, Column
from packhouse.orders.files.mapping import PackedItems, Preset

_ADDRESSES = ("shipping_address", "billing_address")
_OF_ADDRESS = ("name", "address_line_1", "postal_code", "city", "country_code")
_PAID = "payment_details"
_TOTAL = ("payment_details", "total_price")
_STATUS = {"order_details.status.code": "unfulfilled", "payment_details.status.code": "unknown"}


def complete(order: dict[str, Any], preset: Preset, country: str, warnings: list[ValidationIssue]) -> None:
    """Fill in what can be known, in place."""
    items = columns.find(order, ITEMS)
    for name, value in preset.fixed.items():
        _set(order, items, COLUMNS[name], value)
    for name, said in preset.assumed.items():
        column = COLUMNS[name]
        value = country if said == "@country" else find_home_currency(country) if said == "@currency" else said
        if value and _set(order, items, column, value):
            warnings.append(
                ValidationIssue(
                    column.path, message("The file does not tell: taken for {value}.", value=value), "assumed"
                )
            )
    _name_order(order)
    _fill_addresses(order, warnings)
    _fill_prices(order, items)
    for name, code in _STATUS.items():
        set_fixed(order, COLUMNS[name], code)


@cache
def find_home_currency(country: str) -> str:
    """The currency of a country; empty where it has none that is known."""
    return next(iter(get_territory_currencies(country)), "") if country else ""


def _set(order: dict[str, Any], items: Sequence[dict[str, Any]], column: Column, value: Any) -> bool:
    """Whether it was put in anywhere."""
    holders = items if column.of_item else [order]
    done = [set_fixed(holder, column, value) for holder in holders]  # in every one, not in the first alone
    return any(done)


def set_fixed(holder: dict[str, Any], column: Column, value: Any, *, is_forced: bool = False) -> bool:
    """Put in what a file does not say. A unit or currency goes beside its value, never alone; so do parts of an address
    that is not there."""
    last = column.path[-1]
    beside = columns.find(holder, column.path[:-1]) if len(column.path) > 1 else holder
    is_part = last in ("unit", "currency") or column.path[0] in _ADDRESSES
    if is_part and not (isinstance(beside, dict) and beside) and column.path[:-1] != _TOTAL:
        return False
    if not is_forced and columns.find(holder, column.path) is not ABSENT:
        return False
    columns.put(holder, column.path, value)
    return True


def set_currency(holder: dict[str, Any], path: Sequence[str], code: str) -> None:
    """The currency that stands beside an amount, where no column tells it."""
    place = (*path[:-1], "currency")
    if columns.find(holder, place) is ABSENT:
        columns.put(holder, place, code)


def is_item(item: Mapping[str, Any]) -> bool:
    """Whether a row says which item it is of: the first row of an order may count all of them."""
    return any(item.get(name) for name in ("name", "sku", "item_id", "product_id", "description", "ean"))


def _name_order(order: dict[str, Any]) -> None:
    for name, other in (("order_id", "order_number"), ("order_number", "order_id")):
        if order.get(other) and not order.get(name):
            order[name] = order[other]


def _fill_addresses(order: dict[str, Any], warnings: list[ValidationIssue]) -> None:
    for place in _ADDRESSES:
        if isinstance(address := order.get(place), dict):
            _fill_address(address, place, warnings)
    shipping, billing = order.get("shipping_address") or {}, order.get("billing_address") or {}
    customer = order.get("customer_details") or {}
    if not _is_somewhere(shipping) and _is_somewhere(billing):
        order["shipping_address"] = {**billing, **shipping}
    elif not shipping and "shipping_address" in order:
        del order["shipping_address"]
    for address in (order.get("shipping_address"), order.get("billing_address")):
        if address and not address.get("name"):
            name = address.get("company_name") or customer.get("name") or shipping.get("name") or billing.get("name")
            if name:
                address["name"] = name
    _drop_incomplete(order, warnings)
    _drop_unusable(order, warnings)
    _name_customer(order, customer)


def _is_somewhere(address: Mapping[str, Any]) -> bool:
    return bool(address.get("address_line_1") or address.get("city") or address.get("postal_code"))


def _drop_incomplete(order: dict[str, Any], warnings: list[ValidationIssue]) -> None:
    """A billing address that lacks something keeps no order out: nothing is shipped there."""
    billing = order.get("billing_address")
    if billing is not None and any(not billing.get(name) for name in _OF_ADDRESS):
        del order["billing_address"]
        if _is_somewhere(billing):
            warnings.append(
                ValidationIssue(("billing_address",), message("The billing address is not complete, and was left out."))
            )


def _drop_unusable(order: dict[str, Any], warnings: list[ValidationIssue]) -> None:
    """A place without a name and a street is known of a report that tells no more: nothing can be shipped there."""
    address = order.get("shipping_address")
    if address is None:
        return
    if not _is_somewhere(address) or (not address.get("name") and not address.get("address_line_1")):
        del order["shipping_address"]
        if _is_somewhere(address):
            detail = message("The shipping address has neither a name nor a street, and was left out.")
            warnings.append(ValidationIssue(("shipping_address",), detail))


def _name_customer(order: dict[str, Any], customer: dict[str, Any]) -> None:
    if customer and not customer.get("name"):
        address = order.get("billing_address") or order.get("shipping_address") or {}
        customer["name"] = address.get("name") or customer.get("email") or "?"


def _fill_address(address: dict[str, Any], place: str, warnings: list[ValidationIssue]) -> None:
    country = address.get("country_code")
    if isinstance(country, str):
        address["country_code"] = country = find_country(country) or country
    state = address.get("state_province_code")
    if isinstance(state, str) and isinstance(country, str) and country in places.COUNTRIES:
        code = find_subdivision(country, state)
        if code is not None:
            address["state_province_code"] = code
        else:
            del address["state_province_code"]
            detail = message("ISO 3166-2 has no such subdivision of {country}: left out.", country=country)
            warnings.append(ValidationIssue((place, "state_province_code"), detail))
    if isinstance(country, str) and country in places.COUNTRIES and not places.wants_postal_code(country):
        address.setdefault("postal_code", "")  # of Hong Kong, where there is none
    _split_lines(address)
    if "address_line_1" not in address and _is_somewhere(address):
        address["address_line_1"] = address.pop("address_line_2", "")


def _split_lines(address: dict[str, Any]) -> None:
    """A street of several lines in one cell."""
    first, *more = str(address.get("address_line_1", "")).split("\n")
    if more:
        address["address_line_1"] = first.strip()
        rest = [*(line.strip() for line in more), address.get("address_line_2", "")]
        address["address_line_2"] = ", ".join(filter(None, rest))


@lru_cache(4096)
def find_country(said: str) -> str | None:
    """The code of a country by its code, or by a name in one of many languages."""
    text = said.strip()
    return text.upper() if text.upper() in places.COUNTRIES else places.find_country_meant(text)


@lru_cache(4096)
def find_subdivision(country: str, said: str) -> str | None:
    """The code of a subdivision, read as the API reads it; a text that may be one stays as it is."""
    if subdivisions.is_exact(country, said):
        return said
    code = subdivisions.read(country, said)
    if code is None:
        return said.strip() if subdivisions.may_be_meant(country, said) else None
    return code


def take_back(item: dict[str, Any], path: Sequence[str], before: Any, taken: Any) -> None:
    """Count off what was paid back, which some shops write as a number below zero; the price of the line is then that
    of what is left."""
    if not isinstance(before, int | float) or not isinstance(taken, int | float) or not taken:
        return
    left = max(before - abs(taken), 0)
    columns.put(item, tuple(path), left)
    total = columns.find(item, ("total_price", "value"))
    if before > 0 and isinstance(total, int | float):
        share = Decimal(str(total)) * Decimal(str(left)) / Decimal(str(before))
        columns.put(item, ("total_price", "value"), float(round(share, 4)))


def _fill_prices(order: dict[str, Any], items: list[dict[str, Any]]) -> None:
    currency = _find_currency(order, items)
    for item in items:
        _fill_item(item, currency)
    paid = order.setdefault(_PAID, {})
    if isinstance(paid, dict):
        total = paid.setdefault("total_price", {})
        if isinstance(total, dict) and "value" not in total:
            amounts = [columns.find(item, ("total_price", "value")) for item in items]
            amounts.append(columns.find(order, (_PAID, "estimated_shipping_price", "value")))
            total["value"] = add_up(amounts)
        _name_currencies(paid, currency)


def _find_currency(order: dict[str, Any], items: Iterable[dict[str, Any]]) -> str | None:
    found = columns.find(order, (*_TOTAL, "currency"))
    for item in items:
        for part in ("total_price", "unit_price"):
            found = columns.find(item, (part, "currency")) if found is ABSENT else found
    if isinstance(found, str):
        meant = places.find_currencies_meant(found)
        found = meant[0] if len(meant) == 1 else found.strip().upper()
        columns.put(order, (*_TOTAL, "currency"), found)
        return found
    return None


def _name_currencies(holder: dict[str, Any], currency: str | None) -> None:
    for price in holder.values():
        if isinstance(price, dict) and "value" in price and currency:
            price.setdefault("currency", currency)


def _fill_item(item: dict[str, Any], currency: str | None) -> None:
    if not item.get("name"):
        name = item.get("sku") or item.get("description") or item.get("item_id")
        if name:
            item["name"] = name
    unit, total = item.get("unit_price"), item.setdefault("total_price", {})
    quantity = item.get("quantity")
    if isinstance(unit, dict) and isinstance(total, dict) and "value" not in total and isinstance(quantity, int):
        value = unit.get("value")
        if isinstance(value, int | float):
            total["value"] = add_up([value], times=quantity)
    _name_currencies(item, currency)
    weight = columns.find(item, ("measurement", "weight"))
    if isinstance(weight, dict) and not weight.get("value"):
        del item["measurement"]["weight"]
    if item.get("measurement") == {}:
        del item["measurement"]


def add_up(numbers: Iterable[Any], *, times: int = 1) -> int | float:
    """The sum of decimals as people write them: 0.1 and 0.2 are 0.3."""
    total = Decimal(0)
    for number in numbers:
        try:
            total += Decimal(str(number)) if isinstance(number, int | float) else 0
        except InvalidOperation:
            continue
    total *= times
    return int(total) if total == total.to_integral_value() and total.as_tuple().exponent in (0, "n") else float(total)


def split_address(cell: str) -> dict[str, str]:
    """`Teststraat 10,Amsterdam,Noord-Holland,1011 AB`: the postal code last, the region and the city before it."""
    *street, city, region, postal_code = ["", "", "", *(part.strip() for part in cell.split(","))]
    told = {"address_line_1": ", ".join(filter(None, street)), "city": city, "postal_code": postal_code}
    return {**told, **({"state_province_code": region} if region else {})}


def unpack(cell: str, packed: PackedItems) -> Iterator[dict[str, str]]:
    """The items within a cell, each by the names of `packed.fields`."""
    text = cell.strip()
    if text.startswith(("[", "{")):
        yield from _unpack_json(text, packed)
        return
    parts = re.split(packed.between_items, text) if packed.between_items else [text]
    for part in filter(None, map(str.strip, parts)):
        if packed.item:
            found = re.fullmatch(packed.item, part)
            told = {name: value or "" for name, value in found.groupdict().items()} if found else {"name": part}
        else:
            pairs = (pair.partition(packed.colon) for pair in part.split(packed.between))
            told = {name.strip(): value for name, _, value in pairs}
        if wanted := {name: value for name, value in told.items() if name in packed.fields}:
            yield wanted


def _unpack_json(text: str, packed: PackedItems) -> Iterator[dict[str, str]]:
    try:
        listed = json.loads(text)
    except (ValueError, RecursionError):
        return
    for entry in listed if isinstance(listed, list) else [listed]:
        if isinstance(entry, dict):
            yield {name: str(value) for name, value in entry.items() if name in packed.fields and value is not None}
