"""Guesses which column of an unknown file is which field: by its name in several languages, then by its words."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from importlib.resources import files

from packhouse.kit.data import places
from packhouse.orders.files import formats
from packhouse.orders.files.mapping import to_plain
from packhouse.orders.files.records import Row

_NAMES = tomllib.loads(files(__package__).joinpath("column_names.toml").read_text("utf-8"))
_COMPILED = {field: re.compile("|".join(patterns), re.IGNORECASE) for field, patterns in _NAMES.items()}
_BILLING = re.compile(r"\b(bill(ing| to)|invoice|rechnung|factu?ur|factur|fattur)", re.IGNORECASE)
_WEIGHT_UNITS = {"g": r"\bg\b|gram", "lbs": r"\blbs?\b|pound|funt", "oz": r"\boz\b|ounce"}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")


def guess(header: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """Column -> field, for the columns that anything is known of; no field twice."""
    found: dict[str, str] = {}
    plain = {name: to_plain(name) for name in header if name}
    for field, words in _COMPILED.items():
        # Whoever pays is not who gets it, where both are told.
        for name, said in sorted(plain.items(), key=lambda pair: _BILLING.search(pair[1]) is not None):
            if name not in found and words.fullmatch(said):
                found[name] = field
                break
    for at, name in enumerate(header):
        if name and name not in found and (field := _guess_by_words(_words(at, rows))) and field not in found.values():
            found[name] = field
    return found


def find_weight_unit(column: str) -> str:
    """The unit that a column of weights names, as in `Gewicht (g)`; kilograms where it names none."""
    said = to_plain(column)
    return next((unit for unit, words in _WEIGHT_UNITS.items() if re.search(words, said)), "kg")


def _words(at: int, rows: Iterable[Row]) -> list[str]:
    return [cells[at].strip() for _, cells in rows if at < len(cells) and cells[at].strip()]


def _guess_by_words(words: Sequence[str]) -> str:
    if not words:
        return ""
    if all(_EMAIL.fullmatch(word) for word in words):
        return "customer_details.email"
    if all(word in places.CURRENCIES for word in words):
        return "payment_details.total_price.currency"
    if all(word in places.COUNTRIES for word in words):
        return "shipping_address.country_code"
    return "order_details.order_created_at" if all(_is_date(word) for word in words) else ""


def _is_date(word: str) -> bool:
    try:
        formats.read_date(word, "day-first", UTC)
    except formats.Unreadable:
        return False
    return not word.isdigit()


def to_toml(title: str, header: Sequence[str], columns: Mapping[str, str]) -> str:
    """A mapping as a preset's file; a column that is nothing stands in it as a comment."""
    key = next((name for name in header if columns.get(name) in ("order_id", "order_number")), "")
    key = key or next((name for name in header if name), "")
    lines = [f"title = {_quote(title)}", f"key = [{_quote(key)}]", "", "[recognise]"]
    lines += [f"columns = [{', '.join(_quote(name) for name in header if name in columns)}]", "", "[columns]"]
    for name in header:
        if name:
            field = columns.get(name, "")
            lines.append(f"{_quote(name)} = {_to_target(field)}" if field else f'# {_quote(name)} = ""')
    lines += ["", "[fixed]", '"payment_details.status.code" = "unknown"', ""]
    lines += ["[assumed]", '"shipping_address.country_code" = "@country"']
    if "payment_details.total_price.currency" not in columns.values():
        lines += ['"payment_details.total_price.currency" = "@currency"']
    lines.append("")
    weighed = next((name for name, field in columns.items() if field == "item.measurement.weight.value"), None)
    if weighed is not None:
        unit = _quote(find_weight_unit(weighed))
        lines.insert(lines.index("[fixed]") + 1, f'"item.measurement.weight.unit" = {unit}')
    return "\n".join(lines)


def _to_target(field: str) -> str:
    """Carriers tell the recipient by what stands in the address, and files have one column for it."""
    if field in ("customer_details.email", "customer_details.phone_number"):
        return f"[{_quote(field)}, {_quote(field.replace('customer_details', 'shipping_address'))}]"
    return _quote(field)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
