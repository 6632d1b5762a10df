"""Customs and VAT territories: whether goods from one place to another need papers, and whose inland post goes there.

A country's code does not say it: the Canaries are `ES` with a postal code of 35 or 38, Northern Ireland is `GB` with
BT, and Puerto Rico is `PR` as well as `US` with 00901. `data/territories.csv` has them all, with their sources.

Northern Ireland belongs to two areas at once: no papers go with goods between it and the European Union, and none with
parcels between it and Great Britain, whose carriers send what the Windsor Framework asks for as data.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Any, NamedTuple

from packhouse.kit.data.places import codes, tables

EU = "EU"
_AREAS = {**dict.fromkeys(codes.CUSTOMS_UNION, EU), "CH": "CH", "LI": "CH", "GB": "UK"}
"""Country -> the area of its mainland, where that is not its own code (the Swiss one by the customs treaty of 1923)."""

_DIGITS = {"DE": 5, "ES": 5, "FI": 5, "FR": 5, "GR": 5, "IT": 5, "US": 5}
"""Country -> digits of its postal codes: spreadsheets take the zeros before them away."""


class Place(NamedTuple):
    """Part of an address; `region` is a code of ISO 3166-2, with the country's prefix or without."""

    country_code: str
    postal_code: str = ""
    region: str = ""
    city: str = ""


class Territory(NamedTuple):
    """`code` is that of ISO 3166-1 where there is one. Within one of its `areas` goods need no papers; `post` is the
    country whose inland post delivers there."""

    code: str
    name: str
    areas: frozenset[str]
    post: str


class _Rule(NamedTuple):
    territory: Territory
    prefix: str
    city: str

    def is_of(self, code: str) -> bool:
        if "#" not in self.prefix:
            return code.startswith(self.prefix)
        pairs = zip(code, self.prefix, strict=False)
        return len(code) == len(self.prefix) and all(d.isdigit() if mark == "#" else d == mark for d, mark in pairs)


def to_place(address: Mapping[str, Any]) -> Place:
    """Convert an address of the wire."""
    parts = ("country_code", "postal_code", "state_province_code", "city")
    return Place(*(str(address.get(part) or "") for part in parts))


@lru_cache(4096)
def find_territory(place: Place) -> Territory:
    """Return the territory of the postal code or the region, or else the country's own."""
    by_postal_code, by_region, by_country = _read_rules()
    country = place.country_code
    written = codes.compact(place.postal_code)
    code = _to_digits(country, written)
    for rule in by_postal_code.get(country, ()):
        is_there = rule.is_of(code) or (rule.prefix[0].isalpha() and rule.is_of(written))
        if is_there and rule.city in place.city.casefold():
            return rule.territory
    region = place.region.upper().removeprefix(f"{country}-")
    return by_region.get((country, region)) or by_country.get(country) or _to_mainland(country)


def leaves_customs_union(origin: Place | str, destination: Place | str) -> bool:
    """Whether goods on this way need customs papers: to another customs territory, or to another VAT area of one. A
    text is the code of a country."""
    from_here, to_there = find_territory(_as_place(origin)), find_territory(_as_place(destination))
    return not from_here.areas & to_there.areas


def goes(countries: Collection[str] | None, origin: Place | str | None, destination: Place | str) -> bool:
    """Whether a service for these countries goes that way; None is anywhere.

    Inland is where the country's own post delivers, so that Puerto Rico is in a service within the United States.
    A service for countries of the European Union alone ends where their customs and VAT area does: the Canaries are not
    in it. From elsewhere, a place with a code of its own counts by that, however its address is written.
    """
    if countries is None:
        return True
    place = _as_place(destination)
    there = find_territory(place)
    if origin is not None and find_territory(_as_place(origin)).post == there.post:
        return there.post in countries or there.code in countries
    if codes.CUSTOMS_UNION.issuperset(countries) and EU not in there.areas:
        return False
    return (there.code if there.code in codes.COUNTRIES else place.country_code) in countries


def starts(countries: Collection[str] | None, origin: Place | str) -> bool:
    """Return whether a service that starts in these countries starts there."""
    if countries is None:
        return True
    here = find_territory(_as_place(origin))
    return here.code in countries or here.post in countries


def _as_place(place: Place | str) -> Place:
    return Place(place) if isinstance(place, str) else place


def _to_mainland(country: str) -> Territory:
    return Territory(country, country, frozenset({_AREAS.get(country, country)}), country)


@cache
def _read_rules() -> tuple[dict[str, list[_Rule]], dict[tuple[str, str], Territory], dict[str, Territory]]:
    """Return the rules for postal codes by country, longest first; by country and region; and by the territory's own
    code."""
    by_postal_code: dict[str, list[_Rule]] = {}
    by_region: dict[tuple[str, str], Territory] = {}
    by_country: dict[str, Territory] = {}
    for row in tables.read_table("territories"):
        code = row["territory"]
        areas = frozenset(row["areas"].split() or [code])
        territory = Territory(code, row["name"], areas, row["post"] or code)
        if code in codes.COUNTRIES:
            by_country[code] = territory
        for where in row["where"].split():
            country, kind, told = where[:2], where[2], where[3:]
            if kind == "@":
                by_region[country, told] = territory
            else:
                prefix, _, city = told.partition("/")
                by_postal_code.setdefault(country, []).append(_Rule(territory, prefix, city))
    for rules in by_postal_code.values():
        rules.sort(key=lambda rule: -len(rule.prefix))
    return by_postal_code, by_region, by_country


def _to_digits(country: str, code: str) -> str:
    """Return the code without what people put before it: `E-35001`, `AX-22100`, `GB BT1 5GS`."""
    if country == "GB":
        return re.sub(r"^(GB|UK)(?=[A-Z])", "", code)
    digits = re.sub(r"^[A-Z]{1,3}(?=\d)", "", code)
    return digits.zfill(_DIGITS.get(country, 0)) if digits.isascii() and digits.isdigit() else digits
