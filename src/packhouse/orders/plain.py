"""An order as it is computed with: what shops write in their own ways is read as the one way that is meant.

Orders are stored and given back as they were sent: `quantity: 1.0`, the integration `"41"`, the country `nl`, an e-mail
address of `n/a`, `""` and null for what is not there. Columns, labels, customs papers, warnings and the page go by
`to_plain`. A value of which nobody can know what is meant (the e-mail address `ada`, the region `US-NY` in the
Netherlands) is not there for them.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from packhouse.kit.data import emails, places, subdivisions
from packhouse.kit.wire import fields
from packhouse.kit.wire.loose import is_placeholder, to_url
from packhouse.orders import schema

_ABSENT = (None, "")
_ADDRESSES = ("shipping_address", "billing_address")
PAYMENT_PRICES = (
    "total_price", "subtotal_price", "estimated_shipping_price", "estimated_tax_price", "discount_granted",
    "insurance_costs", "freight_costs", "other_costs",
)  # fmt: skip
ITEM_PRICES = ("unit_price", "total_price")


def to_plain(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """The very same order where it is plain already; `order` is valid and stays as it is."""
    changes: dict[str, Any] = {}
    for name in _ADDRESSES:
        if (address := order.get(name)) and (plain := to_plain_address(address)) is not address:
            changes[name] = plain
    if (details := order.get("order_details")) and (plain := _to_plain_details(details)) is not details:
        changes["order_details"] = plain
    if (payment := order.get("payment_details")) and (
        plain := _to_plain_prices(payment, PAYMENT_PRICES)
    ) is not payment:
        changes["payment_details"] = plain
    if (point := order.get("service_point_details")) and (plain := _to_plain_point(point)) is not point:
        changes["service_point_details"] = plain
    if (customs := order.get("customs_details")) and (plain := _to_plain_customs(customs)) is not customs:
        changes["customs_details"] = plain
    return {**order, **changes} if changes else order


def read(document: str) -> Mapping[str, Any]:
    """The document of a stored order, as it is computed with."""
    return to_plain(orjson.loads(document))


def to_plain_address(address: dict[str, Any]) -> dict[str, Any]:
    changed = address
    values = address.values()
    if None in values or "" in values:
        required = schema.Address.__required_keys__
        changed = {key: value for key, value in address.items() if value not in _ABSENT or key in required}
    country = address.get("country_code")
    if isinstance(country, str) and country not in places.COUNTRIES:
        country = country.upper()
        changed = {**changed, "country_code": country}
    email = changed.get("email")
    if email and not fields.is_plain_email(email) and (meant := emails.find_all(email)[:1]) != [email]:
        changed = {key: value for key, value in changed.items() if key != "email"}
        changed |= {"email": meant[0]} if meant else {}
    region = changed.get("state_province_code")
    if region and is_placeholder(region) and not subdivisions.is_exact(country or "", region):
        changed = {key: value for key, value in changed.items() if key != "state_province_code"}
    elif region and country and not subdivisions.is_exact(country, region):
        changed = {key: value for key, value in changed.items() if key != "state_province_code"}
        if code := subdivisions.read(country, region):
            changed["state_province_code"] = subdivisions.to_code(country, code)
        elif subdivisions.may_be_meant(country, region):
            changed["state_province_code"] = region.strip()
    return changed


def _to_plain_details(details: dict[str, Any]) -> dict[str, Any]:
    changed = details
    reference = details.get("integration")
    if reference and type(reference["id"]) is not int:
        changed = {**changed, "integration": {**reference, "id": schema.to_integration_id(reference["id"])}}
    items = details.get("order_items") or []
    if not all(map(_is_plain_item, items)):
        changed = {**changed, "order_items": [_to_plain_item(item) for item in items]}
    return changed


def _is_plain_item(item: dict[str, Any]) -> bool:
    """Most are, and every order that is written or listed is asked: so this is short."""
    values = item.values()
    price, each = item.get("total_price"), item.get("unit_price")
    return (
        type(item.get("quantity")) is int
        and None not in values
        and "" not in values
        and (price is None or (price.get("currency") or "X").isupper())
        and (each is None or (each.get("currency") or "X").isupper())
        and item.get("country_of_origin", "NL") in places.COUNTRIES
        and item.get("image_url", "http://").startswith(("https://", "http://"))
    )


def _to_plain_item(item: dict[str, Any]) -> dict[str, Any]:
    changed = _to_plain_prices(item, ITEM_PRICES)
    values = item.values()
    if None in values or "" in values:
        required = schema.OrderItem.__required_keys__
        changed = {key: value for key, value in changed.items() if value not in _ABSENT or key in required}
    quantity = item.get("quantity", 1)
    if type(quantity) is not int:
        changed = {**changed, "quantity": int(quantity)}
    picture = changed.get("image_url")
    if picture and not _is_link(picture):
        changed = {key: value for key, value in changed.items() if key != "image_url"}
        if _is_link(link := to_url(picture)):  # what else there is, is of before links had to be
            changed["image_url"] = link
    origin = changed.get("country_of_origin")
    if origin and origin not in places.COUNTRIES:
        changed = {**changed, "country_of_origin": origin.upper()}
    return changed


def _is_link(text: str) -> bool:
    return text.lower().startswith(("https://", "http://"))


def _to_plain_prices(holder: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    changed = holder
    for name in names:
        if (price := holder.get(name)) and not (price.get("currency") or "X").isupper():
            changed = {**changed, name: {**price, "currency": price["currency"].upper()}}
    return changed


def _to_plain_point(point: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in point.items() if value not in _ABSENT}
    for key in ("id", "carrier_service_point_id", "post_number", "latitude", "longitude"):
        if not isinstance(changed.get(key, ""), str):
            changed[key] = str(changed[key])
    return point if changed == point and len(changed) == len(point) else changed


def _to_plain_customs(customs: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in customs.items() if value not in _ABSENT}
    if numbers := changed.get("tax_numbers"):
        changed["tax_numbers"] = {who: [_to_plain_number(number) for number in some] for who, some in numbers.items()}
    return customs if changed == customs else changed


def _to_plain_number(number: dict[str, Any]) -> dict[str, Any]:
    country = number.get("country_code")
    return {**number, "country_code": country.upper()} if country else number
