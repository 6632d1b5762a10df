"""What of an order tells who somebody is, and what is left of it once they are erased (docs/privacy.md).

One table says for every place of a document, an order's or a shipment's, what becomes of what stands there. Numbers
stay; any other text loses the words of the person that it holds. What is left is valid, so that a shop can go on.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from packhouse.kit.data import phones
from packhouse.kit.redaction import ERASED, Words


class Fate(Enum):
    """`GONE`: with its key. `ERASED`: `[erased]` stands there, where something must. `AREA`: its first two letters or
    digits. `CLEANED`: without words of the person."""

    KEPT = "kept"
    GONE = "gone"
    ERASED = "erased"
    EMPTY = "empty"
    AREA = "area"
    CLEANED = "cleaned"


class _Gone:
    """Stands for a value that is to go with its key."""


_GONE = _Gone()
_ADDRESS = r"(shipping_address|billing_address|to_address)"
_ITEM = r"(order_details/order_items|items)/\*"

_FIGURES = (
    "item_id", "product_id", "variant_id", "sku", "ean", "hs_code", "mid_code", "country_code", "country_of_origin",
    "currency", "unit", "value", "shipping_option_code", "commercial_invoice_number", "invoice_number", "invoice_date",
    "handover_at", "deliver_at", "order_created_at", "shipment_type", "export_type", "export_reason",
)  # fmt: skip

# By the place in a document, list indexes as `*`; the first that fits counts.
_FATES: tuple[tuple[re.Pattern[str], Fate], ...] = tuple(
    (re.compile(pattern), fate)
    for pattern, fate in (
        (rf"(customer_details|{_ADDRESS})/(name)", Fate.ERASED),
        (rf"{_ADDRESS}/city", Fate.ERASED),
        (rf"{_ADDRESS}/address_line_1", Fate.EMPTY),
        (rf"{_ADDRESS}/postal_code", Fate.AREA),
        (rf"{_ADDRESS}/(country_code|state_province_code)", Fate.KEPT),
        (rf"(customer_details|{_ADDRESS})/.+", Fate.GONE),
        (r"service_point_details|to_service_point", Fate.GONE),
        (r"notes|order_details/(notes|tags)", Fate.GONE),
        (r"customs_(details|information)/tax_numbers/(receiver|importer_of_record)/\*/value", Fate.GONE),
        (r"customs_information/importer_of_record|reference|label_notes", Fate.GONE),
        (rf"{_ITEM}/(description|image_url|properties|return_message)", Fate.GONE),
        (rf"{_ITEM}/dangerous_goods/emergency_contact_(name|phone)", Fate.GONE),
        (r"from_address|carrier|ship_with|order_id|order_number", Fate.KEPT),
        (r"order_details/(integration|order_created_at|order_updated_at)|order_details/status/code", Fate.KEPT),
        # Figures, codes and dates, wherever they stand.
        (rf"(.+/)?({'|'.join(_FIGURES)})", Fate.KEPT),
    )
)
# Texts that by themselves tell of a person wherever they are found: those whose places match.
_TELLING = re.compile(
    rf"(customer_details|{_ADDRESS})/(name|company_name|email|phone_number|address_line_2|po_box)"
    r"|service_point_details/post_number|notes|order_details/notes"
    r"|customs_(details|information)/tax_numbers/(receiver|importer_of_record)/\*/value"
    rf"|{_ITEM}/dangerous_goods/emergency_contact_(name|phone)"
)
_NAMES = re.compile(rf"(customer_details|{_ADDRESS})/(name|company_name)|.*/emergency_contact_name")
_PHONES = re.compile(r".*(phone_number|emergency_contact_phone)")
# Of these the short ones are said of many: "gift", "2nd floor".
_VAGUE = re.compile(r".*(address_line_2|po_box|notes)")
_LONG_ENOUGH = 12
_HOLDERS = re.compile(_ADDRESS)
_INDEX = re.compile(r"\d+|-")


def redact(document: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """An order's or a shipment's document, or that of a parcel."""
    found: dict[str, Any] = _redact(dict(document), (), words)
    return found


def redact_changes(changes: Iterable[Mapping[str, Any]], words: Words) -> list[dict[str, Any]]:
    """A JSON Patch of an order, as its history keeps it; a place below one that is gone is not told either."""
    return [_redact_change(change, words) for change in changes]


def _redact_change(change: Mapping[str, Any], words: Words) -> dict[str, Any]:
    steps, place = _to_steps(change["path"])
    for length in range(1, len(place)):
        if _find_fate(place[:length]) is Fate.GONE:
            value = {"value": ERASED} if "value" in change else {}
            return {**change, "path": "".join(f"/{step}" for step in steps[:length]), **value}
    if "value" not in change:
        return dict(change)
    value = _redact(change["value"], place, words)
    return {**change, "value": ERASED if value is _GONE else value}


def _to_steps(path: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the steps as they are written, and as places of the table."""
    steps = path.split("/")[1:]
    return steps, tuple("*" if _INDEX.fullmatch(step) else step.replace("~1", "/").replace("~0", "~") for step in steps)


def _redact(value: Any, place: tuple[str, ...], words: Words) -> Any:
    fate = _find_fate(place)
    if fate is Fate.GONE:
        return _GONE
    if isinstance(value, dict) and fate is Fate.CLEANED:
        parts = {key: _redact(inner, (*place, key), words) for key, inner in value.items()}
        return {key: inner for key, inner in parts.items() if inner is not _GONE}
    if isinstance(value, list) and fate is Fate.CLEANED:
        return [_redact(inner, (*place, "*"), words) for inner in value]
    return _redact_text(value, fate, words) if isinstance(value, str) else value


def _redact_text(text: str, fate: Fate, words: Words) -> str:
    if fate is Fate.ERASED:
        return ERASED
    if fate is Fate.EMPTY:
        return ""
    if fate is Fate.AREA:
        return to_area(text)
    return words.take_from(text) if fate is Fate.CLEANED else text


def _find_fate(place: tuple[str, ...]) -> Fate:
    at = "/".join(place)
    return next((fate for pattern, fate in _FATES if pattern.fullmatch(at)), Fate.CLEANED)


def to_area(postal_code: str) -> str:
    """The first two letters or digits: a region of some hundred thousand people."""
    return "".join(filter(str.isalnum, postal_code))[:2].upper() or "-"


class Text(NamedTuple):
    """A text of a document, where it stands, and in the country of which address."""

    value: str
    place: str
    country: str | None


def find_texts(value: Any, place: tuple[str, ...] = (), country: str | None = None) -> Iterator[Text]:
    """All that tell of a person."""
    if isinstance(value, dict):
        if _HOLDERS.fullmatch("/".join(place)):
            country = value.get("country_code") or country
            yield from _find_street(value, "/".join(place), country)
        for key, inner in value.items():
            yield from find_texts(inner, (*place, key), country)
    elif isinstance(value, list):
        for inner in value:
            yield from find_texts(inner, (*place, "*"), country)
    elif isinstance(value, str) and _is_telling(value, "/".join(place)):
        yield Text(value, "/".join(place), country)


def _is_telling(text: str, place: str) -> bool:
    return bool(_TELLING.fullmatch(place)) and (len(text) >= _LONG_ENOUGH or not _VAGUE.fullmatch(place))


def _find_street(address: Mapping[str, Any], place: str, country: str | None) -> Iterator[Text]:
    """With its number: without one it is where many live."""
    parts = (address.get("address_line_1") or "", address.get("house_number") or "")
    street = " ".join(part for part in parts if part)
    if any(map(str.isdigit, street)):
        yield Text(street, f"{place}/address_line_1", country)


def find_changed_texts(changes: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    """Find the texts of a JSON Patch."""
    for change in changes:
        if "value" in change:
            yield from find_texts(change["value"], _to_steps(change["path"])[1])


def find_country(document: Mapping[str, Any]) -> str | None:
    """Where a telephone number of the document is dialled that stands in no address."""
    addresses = (document.get(name) for name in ("shipping_address", "billing_address", "to_address"))
    told = (address.get("country_code") for address in addresses if isinstance(address, dict))
    return next((country for country in told if isinstance(country, str)), None)


def to_words(texts: Iterable[Text], origin: str | None = None) -> Words:
    """What tells of the person, and the parts of their names; `origin` is a country to dial in where none is told. A
    name of one word is said of many, "Guest", so it tells of nobody by itself."""
    whole, parts, numbers = [], [], []
    for text in texts:
        names = re.split(r"[\s,;]+", text.value) if _NAMES.fullmatch(text.place) else []
        parts += names
        if len(names) != 1:
            whole.append(text.value)
        if _PHONES.fullmatch(text.place):
            numbers.append(phones.to_national(text.value, text.country or origin) or "")
    return Words(whole, parts, numbers)
