"""Names of countries as the post reads them, names of regions as their country prints them, and the countries that
other names mean."""

from functools import cache

import pycountry
from babel import Locale

from packhouse.kit.data.places import codes, tables


def to_printed_country(code: str) -> str:
    """Return the name in English and capitals, from the Universal Postal Union's list, where all differ."""
    return _read_names().get(code, code)


@cache
def _read_names() -> dict[str, str]:
    return {row["code"]: row["name"] for row in tables.read_table("country_names")}


def to_iso_3(code: str) -> str:
    """Return the country's code of three letters; empty for one that is not in ISO 3166-1."""
    found = pycountry.countries.get(alpha_2=code)
    return str(found.alpha_3) if found else ""


def find_country_meant(code: str) -> str | None:
    """The ISO 3166-1 alpha-2 code behind another way of writing a country: `UK`, `EL`, `XI`, `IC`, `nl`, `GBR`, `276`,
    `Germany`. None where it is one already, or means nothing."""
    if code in codes.COUNTRIES:
        return None
    written = _fold(code)
    if len(written) > 60 or not written:
        return None
    for each in dict.fromkeys((written, written.partition("(")[0].strip(), written.replace(".", ""))):
        if each in codes.COUNTRIES:
            return each
        if each in _read_aliases():
            return _read_aliases()[each] or None  # `Congo` is either
        if found := _read_iso_names().get(each) or _read_local_names().get(each):
            return found
    return None


def _fold(name: str) -> str:
    """Return capitals, with one kind of apostrophe and space."""
    return " ".join(name.replace("’", "'").split()).upper()


@cache
def _read_iso_names() -> dict[str, str]:
    """Codes of three letters, numbers and names, in capitals."""
    found = {name: code for code, name in _read_names().items()}
    for country in pycountry.countries:
        for key in ("alpha_3", "numeric", "name", "common_name", "official_name"):
            if written := getattr(country, key, None):
                found[_fold(written)] = country.alpha_2
    return found


LANGUAGES = (
    "en", "nl", "de", "fr", "es", "it", "pt", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro", "bg", "hr", "sl",
    "et", "lv", "lt", "el", "tr", "ru", "uk", "ar", "he", "ja", "ko", "zh", "zh_Hant", "th", "vi", "ca", "ga",
)  # fmt: skip
"""The languages in which countries are known by name."""


@cache
def _read_local_names() -> dict[str, str]:
    """Names in the languages of shops, from the Unicode CLDR in babel; a name of two countries is left out."""
    found: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if code in codes.COUNTRIES:
                told = _fold(name)
                found[told] = "" if found.get(told, code) != code else code
    return {name: code for name, code in found.items() if code}


@cache
def _read_aliases() -> dict[str, str]:
    return {row["alias"]: row["code"] for row in tables.read_table("country_aliases")}


def to_printed_region(country: str, region: str, *, is_latin: bool = True) -> str:
    """What an address there says for a subdivision of ISO 3166-2, with the country's prefix or without: its usual
    abbreviation (`NY`), else its name (`Tokyo`; `東京都` where the address is not in Latin letters). A name stays as it
    is; what is only a code and no subdivision is left out."""
    told = region.strip()
    key = told.upper().removeprefix(country).lstrip("-") if told.upper().startswith(country) else told.upper()
    latin, native = _read_regions(country)
    if key in latin:
        return latin[key] if is_latin else native.get(key, latin[key])
    if told.upper() in latin:
        return latin[told.upper()]
    # `臺北市` is a name, however short.
    is_code = (len(told) <= 3 and told.isascii()) or any(letter.isdigit() for letter in told)
    return "" if is_code and not _is_abbreviation(country, told) else told


def _is_abbreviation(country: str, told: str) -> bool:
    """Whether a code of a country that addresses by abbreviations is one that nobody listed: `AE` of the armed
    forces."""
    return country in _ABBREVIATED and told.isalpha() and told.isupper()


_ABBREVIATED = frozenset({"AU", "BR", "CA", "IT", "MX", "US"})


@cache
def _read_regions(country: str) -> tuple[dict[str, str], dict[str, str]]:
    """Code without prefix -> what is printed in Latin letters, and in the country's own."""
    latin = {code.partition("-")[2]: name for code, name in list_iso_regions(country)}
    native: dict[str, str] = {}
    known = codes.read_format(country)
    ids, keys = known.get("sub_isoids", "").split("~"), known.get("sub_keys", "").split("~")
    names = known.get("sub_lnames", "").split("~") if known.get("sub_lnames") else keys
    if len(ids) == len(keys) == len(names):
        for id, key, name in zip(ids, keys, names, strict=True):
            for code in filter(None, {id, key}):
                latin[code.upper()], native[code.upper()] = name, key
        by_name = dict(zip(names, keys, strict=True))
        native = {code: by_name[name] for code, name in latin.items() if name in by_name} | native
    return latin, native


@cache
def list_local_regions(country: str) -> list[tuple[str, str]]:
    """Codes of ISO 3166-2 and the names in the country's own writing and in Latin letters."""
    known = codes.read_format(country)
    ids = known.get("sub_isoids", "").split("~")
    named = [known.get(key, "").split("~") for key in ("sub_keys", "sub_names", "sub_lnames")]
    return [
        (id, name)
        for names in named
        if len(names) == len(ids)
        for id, name in zip(ids, names, strict=True)
        if id and len(name) > 2
    ]


def list_iso_regions(country: str) -> list[tuple[str, str]]:
    """Codes and names, without what stands behind a name in brackets."""
    return _read_iso_regions().get(country, [])


@cache
def _read_iso_regions() -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for region in pycountry.subdivisions:
        name = region.name.partition("(")[0].partition("[")[0].strip()
        found.setdefault(region.country_code, []).append((region.code, name))
    return found
