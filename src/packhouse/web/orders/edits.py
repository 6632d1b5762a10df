"""What a person typed about an order, as the patch that the API would have been sent, and its faults at the fields.

A field is named by its place in the order, `shipping_address/city`, so that the pointer of a fault names its field.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from packhouse.kit import errors
from packhouse.kit.data import emails, places, subdivisions
from packhouse.kit.messages import Message, message
from packhouse.kit.wire.loose import is_placeholder
from packhouse.kit.wire.validation import Parsed, ValidationIssue
from packhouse.shipping import packing
from packhouse.web.frame import amounts, formats

ADDRESS = (
    "name", "company_name", "address_line_1", "house_number", "address_line_2", "postal_code", "city",
    "state_province_code", "country_code", "email", "phone_number",
)  # fmt: skip

Fields = Mapping[str, str]
# Forms of the page by the part of the order that they change.
_SECTIONS = {"shipping_address": "address", "order_details": "details", "shipping_details": "details"}
_WEIGHT = "shipping_details/measurement/weight"


def to_fields(order: Mapping[str, Any], tag: str) -> dict[str, str]:
    """What the forms show of an order, by the names of their fields; numbers as the locale `tag` writes them."""
    details = order["order_details"]
    weight = ((order.get("shipping_details") or {}).get("measurement") or {}).get("weight") or {}
    fields = {
        "order_details/notes": details.get("notes") or "",
        "order_details/tags": ", ".join(details.get("tags") or []),
        "order_details/status/code": details["status"]["code"],
        "order_details/status/message": details["status"].get("message", ""),
        "shipping_details/measurement/weight/value": formats.typed(tag, weight.get("value")),
        "shipping_details/measurement/weight/unit": weight.get("unit", "kg"),
    }
    for part in ("shipping_address", "billing_address"):
        address = order.get(part) or {}
        fields |= {f"{part}/{name}": address.get(name) or "" for name in ADDRESS}
    for index, item in enumerate(details["order_items"]):
        fields[f"order_details/order_items/{index}/quantity"] = formats.typed(tag, item["quantity"])
    return fields


def in_section(fields: Fields, section: str) -> dict[str, str]:
    """Those that stand in one form of the page."""
    return {name: value for name, value in fields.items() if _to_section(name) == section}


def _to_section(name: str) -> str:
    if name.startswith("order_details/order_items/"):
        return "items"
    return _SECTIONS.get(name.partition("/")[0], "")


def find_typed(sent: Fields, was: str) -> dict[str, str]:
    """Return, of what was sent, what a person changed: `was` is what the form was made with, all of it without."""
    try:
        before = orjson.loads(was)
    except orjson.JSONDecodeError:
        before = None
    known = before if isinstance(before, dict) else {}
    return {name: value for name, value in sent.items() if str(known.get(name)).split() != value.split()}


def to_patch(order: Mapping[str, Any], sent: Fields, reader: amounts.FormReader) -> dict[str, Any]:
    """Only what differs from what the order holds. Numbers that cannot be taken become faults of the reader."""
    now = to_fields(order, reader.tag)
    changed = {name: value for name, value in sent.items() if name in now and value != now[name]}
    patch: dict[str, Any] = {}
    items: dict[int, Any] = {}
    is_weighed = False
    for name, value in changed.items():
        steps = name.split("/")
        if "order_items" in steps:
            index = int(steps[2])
            items[index] = reader.pieces(name, value, order["order_details"]["order_items"][index]["quantity"])
        elif name.startswith(_WEIGHT):
            is_weighed = True
        else:
            _put(patch, steps, _to_value(name, value))
    if is_weighed:
        weight = _to_weight(sent, reader, packing.find_weight(order))
        patch["shipping_details"] = {"measurement": {"weight": weight}}
    if items:
        _put(patch, ["order_details", "order_items"], list(_to_items(order, items)))
    return patch


def _to_items(order: Mapping[str, Any], quantities: Mapping[int, Any]) -> Iterator[dict[str, Any]]:
    """All of them, so that a fault's index is that of the order. They are matched by name."""
    for index, item in enumerate(order["order_details"]["order_items"]):
        yield {"name": item["name"], **({"quantity": quantities[index]} if index in quantities else {})}


def _to_value(name: str, value: str) -> Any:
    if name == "order_details/tags":
        return list(dict.fromkeys(tag.strip() for tag in value.split(",") if tag.strip()))
    if name == "order_details/notes":
        return value or None
    return value


def _to_weight(sent: Fields, reader: amounts.FormReader, before: Decimal | None) -> dict[str, Any]:
    value, unit = sent.get(f"{_WEIGHT}/value", ""), sent.get(f"{_WEIGHT}/unit", "kg")
    return {"value": reader.weight(f"{_WEIGHT}/value", value, unit, before), "unit": unit}


def _put(patch: dict[str, Any], steps: list[str], value: Any) -> None:
    *outer, last = steps
    for step in outer:
        patch = patch.setdefault(step, {})
    patch[last] = value


def find_slips(order: Mapping[str, Any], reading: Parsed[Any]) -> Iterator[ValidationIssue]:
    """What is taken from a program with a warning, because it would refuse a hundred orders else, and not from a
    person, who is there to correct it."""
    patch = reading.value if isinstance(reading.value, dict) else {}
    for flaw in reading.odd:
        typed = (patch.get(flaw.path[0]) or {}).get("email") if flaw.path[1:] == ("email",) else None
        if typed and not is_placeholder(typed) and not emails.find_all(typed):
            yield flaw
    for part in ("shipping_address", "billing_address"):
        typed = (patch.get(part) or {}).get("state_province_code")
        country = {**(order.get(part) or {}), **(patch.get(part) or {})}.get("country_code", "")
        is_known = country in places.COUNTRIES
        if typed and is_known and not is_placeholder(typed) and not subdivisions.may_be(country, typed):
            detail = message("Input should be an ISO 3166-2 subdivision code of the address's country")
            yield ValidationIssue((part, "state_province_code"), detail)


def to_faults(faults: Sequence[errors.ErrorItem], fields: Fields) -> dict[str, Message]:
    """The words of each fault by the field where it stands, or the one that it is a part of (a tag of the tags); what
    belongs to none stands at ''."""

    def find_field(fault: errors.ErrorItem) -> str:
        place = (fault.pointer or "").removeprefix(f"{errors.ATTRIBUTES}/")
        while place and place not in fields:
            place = place.rpartition("/")[0]
        return place

    return errors.gather(faults, find_field)
