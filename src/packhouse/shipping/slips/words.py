"""The language of a customer, and the words of a packing slip in it. They are here and not in the catalogues of the
page, because a slip is read by the customer, whatever the page's language is."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from babel.dates import format_date

TAG = "packhouse:language-"
"""An order's tag that begins so says the language of its customer: `packhouse:language-fr`."""


class Words(NamedTuple):
    """The words of a slip in one language. `pieces` are the forms for one and for any other number."""

    name: str
    locale: str
    title: str
    ordered: str
    pieces: tuple[str, str]
    page: str
    quantity: str
    sku: str
    article: str
    cash: str


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        "English", "en_GB", "Packing slip {number}", "Order of {date}, {pieces}", ("{count} piece", "{count} pieces"),
        "Page {number} of {of}", "Quantity", "SKU", "Article", "Cash on delivery {amount}",
    ),
    "nl": Words(
        "Nederlands", "nl_NL", "Pakbon {number}", "Bestelling van {date}, {pieces}", ("{count} stuk", "{count} stuks"),
        "Pagina {number} van {of}", "Aantal", "Artikelnummer", "Artikel", "Te betalen bij ontvangst: {amount}",
    ),
    "de": Words(
        "Deutsch", "de_DE", "Lieferschein {number}", "Bestellung vom {date}, {pieces}",
        ("{count} Stück", "{count} Stück"), "Seite {number} von {of}", "Menge", "Artikelnummer", "Artikel",
        "Nachnahme: {amount}",
    ),
    "fr": Words(
        "Français", "fr_FR", "Bon de livraison {number}", "Commande du {date}, {pieces}",
        ("{count} article", "{count} articles"), "Page {number} sur {of}", "Quantité", "Référence", "Article",
        "À payer à la livraison : {amount}",
    ),
    "es": Words(
        "Español", "es_ES", "Albarán {number}", "Pedido del {date}, {pieces}", ("{count} unidad", "{count} unidades"),
        "Página {number} de {of}", "Cantidad", "Referencia", "Artículo", "Contra reembolso: {amount}",
    ),
    "it": Words(
        "Italiano", "it_IT", "Documento di consegna {number}", "Ordine del {date}, {pieces}",
        ("{count} pezzo", "{count} pezzi"), "Pagina {number} di {of}", "Quantità", "Codice", "Articolo",
        "Contrassegno: {amount}",
    ),
    "pl": Words(
        "Polski", "pl_PL", "Specyfikacja wysyłki {number}", "Zamówienie z {date}, {pieces}",
        ("{count} szt.", "{count} szt."), "Strona {number} z {of}", "Ilość", "SKU", "Artykuł", "Za pobraniem: {amount}",
    ),
}  # fmt: skip
DEFAULT = "en"

_BY_COUNTRY: Mapping[str, str] = {
    **dict.fromkeys(("NL", "BE", "SR", "AW", "CW"), "nl"),
    **dict.fromkeys(("DE", "AT", "CH", "LI"), "de"),
    **dict.fromkeys(("FR", "LU", "MC", "GP", "MQ", "RE", "GF"), "fr"),
    **dict.fromkeys(("ES", "AD", "MX", "AR", "CL", "CO", "PE"), "es"),
    **dict.fromkeys(("IT", "SM", "VA"), "it"),
    "PL": "pl",
}


def find_language(order: Mapping[str, Any], otherwise: str = DEFAULT) -> str:
    """Return the language of the order's tag, or that of the destination, or the shop's choice."""
    for tag in (order.get("order_details") or {}).get("tags") or ():
        code = tag.casefold().removeprefix(TAG)
        if tag.casefold().startswith(TAG) and code in LANGUAGES:
            return str(code)
    address = order.get("shipping_address") or {}
    country, postal_code = str(address.get("country_code") or "").upper(), str(address.get("postal_code") or "")
    if country in _BY_POSTAL_CODE and (code := _BY_POSTAL_CODE[country](postal_code)):
        return code
    return _BY_COUNTRY.get(country, otherwise if otherwise in LANGUAGES else DEFAULT)


def _find_in_belgium(postal_code: str) -> str:
    """Wallonia speaks French, except for German in the towns around Eupen. Brussels has both French and Dutch; more
    people there speak French."""
    number = _to_number(postal_code)
    if 4700 <= number <= 4791:
        return "de"
    return "fr" if 1000 <= number <= 1499 or 4000 <= number <= 7999 else ""


def _find_in_switzerland(postal_code: str) -> str:
    """By the first digits: 1 is the French west, 65 to 69 the Italian south. Where the two languages meet (Fribourg,
    Valais, Biel, Jura) it is that of most towns with such a code."""
    number = _to_number(postal_code)
    if 6500 <= number <= 6999:
        return "it"
    return "fr" if 1000 <= number <= 1999 or 2000 <= number <= 2499 or 2800 <= number <= 2999 else ""


def _to_number(postal_code: str) -> int:
    digits = "".join(filter(str.isdecimal, postal_code))
    return int(digits) if digits.isascii() and len(digits) == 4 else 0


_BY_POSTAL_CODE = {"BE": _find_in_belgium, "CH": _find_in_switzerland}


def choose_text(texts: Mapping[str, str], language: str, otherwise: str) -> str:
    """Return the shop's text in this language, or in its default language."""
    return texts.get(language) or texts.get(otherwise) or ""


def to_date(words: Words, day: date) -> str:
    return str(format_date(day, "long", words.locale))


def to_pieces(words: Words, count: int) -> str:
    return words.pieces[0 if count == 1 else 1].format(count=count)
