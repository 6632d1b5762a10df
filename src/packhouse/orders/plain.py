"""An order as it is computed with: what shops write in their own ways is read as the one way that is meant.

Orders are stored and given back as they were sent: `quantity: 1.0`, the integration `"41"`, the country `nl`, an e-mail
address of `n/a`, `""` and null for what is not there. Columns, labels, customs papers, warnings and the page go by
`to_plain`.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from packhouse.kit import places, subdivisions
from packhouse.orders import schema

_ABSENT = (None, "")
_ADDRESSES = ("shipping_address", "billing_address")
_PAYMENT_PRICES = (
    "total_price", "subtotal_price", "estimated_shipping_price", "estimated_tax_price", "discount_granted",
    "insurance_costs", "freight_costs", "other_costs",
)  # fmt: skip
_ITEM_PRICES = ("unit_price", "total_price")
_PLACEHOLDER = re.compile(
    r"(?i)\W*(n\W?a|none|null|nil|nan|undefined|unknown|no[ _-]?e?-?mail|geen|keine|aucun|ninguno)?\W*"
)


def to_plain(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """The very same order where it is plain already; `order` is valid and stays as it is."""
    changes: dict[str, Any] = {}
    for name in _ADDRESSES:
        if (address := order.get(name)) and (plain := to_plain_address(address)) is not address:
            changes[name] = plain
    if (details := order.get("order_details")) and (plain := _to_plain_details(details)) is not details:
        changes["order_details"] = plain
    if (payment := order.get("payment_details")) and (
        plain := _to_plain_prices(payment, _PAYMENT_PRICES)
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


def to_integration_id(value: Any) -> int | None:
    """Of an id as sent: a number, or its digits; None where it can be nobody's."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18:
        value = int(value)
    return value if type(value) is int and 0 < value < 2**63 else None


def is_placeholder(text: str) -> bool:
    """What is typed into a field that must not be empty: `n/a`, `-`, `none`."""
    return len(text) <= 24 and _PLACEHOLDER.fullmatch(text) is not None


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
    if email and (email != email.strip() or is_placeholder(email)):
        changed = {key: value for key, value in changed.items() if key != "email"}
        if not is_placeholder(email):
            changed["email"] = email.strip()
    region = changed.get("state_province_code")
    if region and country and not subdivisions.is_exact(country, region):
        code = subdivisions.read(country, region)
        changed = {**changed, "state_province_code": subdivisions.to_code(country, code) if code else region.strip()}
    return changed


def _to_plain_details(details: dict[str, Any]) -> dict[str, Any]:
    changed = details
    reference = details.get("integration")
    if reference and type(reference["id"]) is not int:
        changed = {**changed, "integration": {**reference, "id": to_integration_id(reference["id"])}}
    items = details.get("order_items") or []
    plain = [_to_plain_item(item) for item in items]
    if any(new is not old for new, old in zip(plain, items, strict=True)):
        changed = {**changed, "order_items": plain}
    return changed


def _to_plain_item(item: dict[str, Any]) -> dict[str, Any]:
    changed = _to_plain_prices(item, _ITEM_PRICES)
    values = item.values()
    if None in values or "" in values:
        required = schema.OrderItem.__required_keys__
        changed = {key: value for key, value in changed.items() if value not in _ABSENT or key in required}
    quantity = item.get("quantity", 1)
    if type(quantity) is not int:
        changed = {**changed, "quantity": int(quantity)}
    origin = changed.get("country_of_origin")
    if origin and origin not in places.COUNTRIES:
        changed = {**changed, "country_of_origin": origin.upper()}
    return changed


def _to_plain_prices(holder: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Lower-case currencies; codes of three letters compare faster with themselves than with a table."""
    changed = holder
    for name in names:
        currency = (holder.get(name) or {}).get("currency")
        if currency and not currency.isupper():
            changed = {**changed, name: {**holder[name], "currency": currency.upper()}}
    return changed


def _to_plain_point(point: dict[str, Any]) -> dict[str, Any]:
    changed = {key: value for key, value in point.items() if value not in _ABSENT}
    for key in ("id", "carrier_service_point_id", "post_number", "latitude", "longitude"):
        if not isinstance(changed.get(key, ""), str):
            changed[key] = str(changed[key])
    return point if changed == point and len(changed) == len(point) else changed


def _to_plain_customs(customs: dict[str, Any]) -> dict[str, Any]:
    numbers: Mapping[str, Any] = customs.get("tax_numbers") or {}
    plain = {
        who: [{**n, "country_code": n["country_code"].upper()} if n.get("country_code") else n for n in some]
        for who, some in numbers.items()
    }
    return customs if plain == numbers else {**customs, "tax_numbers": plain}
