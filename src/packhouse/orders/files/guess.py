"""Guesses which column of an unknown file is which field: by its name in several languages, then by its words."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC

from packhouse.kit.data import places
from packhouse.orders.files import formats
from packhouse.orders.files.mapping import to_plain
from packhouse.orders.files.records import Row

# Words that a column's name may hold, by field, the surest first; a name is taken by the first field that fits.
_NAMES: Mapping[str, str] = {
    "order_id": r"(order|bestell|auftrags?|commande|pedido)[ -]?(id|nr|no|nummer|number|num)?\.?|order #|reference|id",
    "order_number": r"order[ -]?(number|no|nr|nummer)|bestellnummer|ordernummer|numéro de commande",
    "order_details.order_created_at": r".*\b(order|purchase|sale|bestel|bestell|created?)\w*[ -]?(date|datum|at|on)\b.*"
    r"|date|datum|bestelldatum|besteldatum|date de commande",
    "payment_details.total_price.value": r"(order |grand )?total( price| amount)?|amount|gesamt(betrag|summe)?"
    r"|totaal|montant",
    "payment_details.total_price.currency": r".*(currency|währung|valuta|devise).*",
    "order_details.status.code": r"(order )?status|état",
    "order_details.notes": r".*\b(notes?|remarks?|comments?|bemerkung|opmerking|commentaire)\b.*",
    "customer_details.email": r".*e[ -]?mail.*",
    "customer_details.phone_number": r".*(phone|telefoon|telefon|téléphone|mobile).*",
    "shipping_address.company_name": r".*(company|firma|bedrijf|société).*",
    "shipping_address.postal_code": r".*(zip|post ?code|postal|plz|code postal).*",
    "shipping_address.city": r".*(city|town|plaats|stad|ort\b|stadt|ville).*",
    "shipping_address.country_code": r".*(country|land|pays).*",
    "shipping_address.state_province_code": r".*(state|province|region|provincie|bundesland).*",
    "shipping_address.house_number": r".*(house ?(no|nr|number)|huisnummer|hausnummer).*",
    "shipping_address.address_line_2": r".*(address|adres|adresse|street)[ -]?(line )?2.*",
    "shipping_address.address_line_1": r".*(address|adres|adresse|street|straat|straße|strasse|rue).*",
    "item.sku": r".*\b(sku|article (no|nr|number)|artikelnummer|référence)\b.*",
    "item.ean": r".*\b(ean|gtin|barcode)\b.*",
    "item.quantity": r".*\b(qty|quantity|anzahl|menge|aantal|quantité|pieces)\b.*",
    "item.unit_price.value": r".*\b(unit price|price|preis|prijs|prix)\b.*",
    "item.measurement.weight.value": r".*(weight|gewicht|poids).*",
    "item.name": r".*\b(product|item|article|artikel|produkt|title|description|omschrijving|produit)\b.*",
    "shipping_address.name": r".*(name|naam|nom|recipient|customer|kunde|klant|client|empfänger|ontvanger).*",
}
_COMPILED = {field: re.compile(words, re.IGNORECASE) for field, words in _NAMES.items()}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.\w+")


def guess(header: Sequence[str], rows: Sequence[Row]) -> dict[str, str]:
    """Column -> field, for the columns that anything is known of; no field twice."""
    found: dict[str, str] = {}
    plain = {name: to_plain(name) for name in header if name}
    for field, words in _COMPILED.items():
        for name, said in plain.items():
            if name not in found and words.fullmatch(said):
                found[name] = field
                break
    for at, name in enumerate(header):
        if name and name not in found and (field := _guess_by_words(_words(at, rows))) and field not in found.values():
            found[name] = field
    return found


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
            lines.append(f"{_quote(name)} = {_quote(field)}" if field else f'# {_quote(name)} = ""')
    lines += ["", "[fixed]", '"payment_details.status.code" = "unknown"', ""]
    if "payment_details.total_price.currency" not in columns.values():
        lines += ["[assumed]", '"payment_details.total_price.currency" = "@currency"', ""]
    if "item.measurement.weight.value" in columns.values():
        lines.insert(lines.index("[fixed]") + 1, '"item.measurement.weight.unit" = "kg"')
    return "\n".join(lines)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
