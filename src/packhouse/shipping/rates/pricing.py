"""Computes the price of a shipment from rate tables. Pure, in decimal arithmetic.

A zone is a list of `NL` (a country), `DE:80` (postal codes with this beginning), `EU` (its customs union) and `*`
(anywhere). The most specific row applies: one for the contract before one for all, a postal code before a country, then
the lightest weight that is sufficient.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple

from packhouse.kit.data import places, units
from packhouse.kit.data.places import Place, Territory

PRICE = "price_without_insurance"
ANYWHERE, UNION = "*", "EU"
_GRAM = Decimal("0.001")


class Row(NamedTuple):
    """A line of a rate table: a price, or a surcharge in money or in percent of the price. `kind` is the type of its
    entry in a breakdown."""

    option_code: str
    contract_id: int | None
    zone: tuple[str, ...]
    origin: tuple[str, ...]
    max_weight_kg: Decimal | None
    kind: str
    amount: Decimal
    is_percentage: bool
    lead_time_hours: int | None
    label: str


Zones = tuple[tuple[str, ...], tuple[str, ...]]
"""Where a row goes to, and where it starts."""


@dataclass(frozen=True)
class Table:
    """A version of a rate table. Of all versions with one name, the newest that has begun is in force."""

    id: int
    name: str
    valid_from: date
    currency: str
    rows: Sequence[Row]

    @cached_property
    def by_option(self) -> Mapping[str, Mapping[Zones, Sequence[tuple[int, Row]]]]:
        """Return the rows with their numbers, by option and zones: a selection asks for the prices of thousands of
        pairs of an order and an option, and a table may have thousands of rows."""
        found: dict[str, dict[Zones, list[tuple[int, Row]]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.option_code, {}).setdefault((row.zone, row.origin), []).append((number, row))
        return found


class Asked(NamedTuple):
    """What is to be shipped, with a weight for each parcel."""

    option_code: str
    contract_id: int
    origin: Place
    destination: Place
    weights: Sequence[Decimal]


class Part(NamedTuple):
    kind: str
    label: str
    value: Decimal


class Quote(NamedTuple):
    """A price, whose `parts` add up to `total`. The price is the same for largest parcels between the two weights."""

    total: Decimal
    currency: str
    parts: Sequence[Part]
    min_weight_kg: Decimal
    max_weight_kg: Decimal | None
    lead_time_hours: int | None


def find_in_force(tables: Iterable[Table], day: date) -> list[Table]:
    """Return one version of each name, the newest first."""
    found: dict[str, Table] = {}
    for table in sorted(tables, key=lambda table: (table.valid_from, table.id)):
        if table.valid_from <= day:
            found[table.name] = table
    return sorted(found.values(), key=lambda table: (table.valid_from, table.id), reverse=True)


def find_quote(tables: Sequence[Table], asked: Asked) -> Quote | None:
    """Use the first table that has a price for every parcel."""
    return next((quote for table in tables if (quote := _price(table, asked)) is not None), None)


class _Meant(NamedTuple):
    """A row that applies to a route, its place in the table, and how specific its zones are."""

    row: Row
    number: int
    zone: int
    origin: int

    def to_rank(self) -> tuple[bool, int, int, bool, Decimal, int]:
        most = self.row.max_weight_kg
        return self.row.contract_id is None, -self.zone, -self.origin, most is None, most or units.ZERO, self.number


def _price(table: Table, asked: Asked) -> Quote | None:
    rows = sorted(_find_meant(table, asked), key=_Meant.to_rank)
    prices = [meant for meant in rows if meant.row.kind == PRICE]
    chosen = [_find_row(prices, weight) for weight in asked.weights]
    found = [row for row in chosen if row is not None]
    if not found or len(found) < len(asked.weights):
        return None
    base = _round(units.add(*(row.amount for row in found)), table.currency)
    parts = [Part(PRICE, "Price", base)]
    extras = sorted((meant for meant in rows if meant.row.kind != PRICE), key=lambda meant: meant.number)
    for kind in dict.fromkeys(meant.row.kind for meant in extras):
        of_kind = [meant for meant in rows if meant.row.kind == kind]
        extra = [_find_row(of_kind, weight) for weight in asked.weights]
        pairs = [(own, price) for own, price in zip(extra, found, strict=True) if own is not None]
        if pairs:
            value = _round(units.add(*(_to_surcharge(own, price) for own, price in pairs)), table.currency)
            parts.append(Part(kind, pairs[0][0].label or kind.replace("_", " ").capitalize(), value))
    heaviest = max(range(len(found)), key=lambda index: asked.weights[index])
    row = found[heaviest]
    times = [each.lead_time_hours for each in found if each.lead_time_hours is not None]
    total = units.add(*(part.value for part in parts))
    low = _find_lower([meant.row for meant in prices], row)
    return Quote(total, table.currency, parts, low, row.max_weight_kg, max(times, default=None))


def _to_surcharge(surcharge: Row, price: Row) -> Decimal:
    return price.amount * surcharge.amount / 100 if surcharge.is_percentage else surcharge.amount


def _find_lower(prices: Sequence[Row], row: Row) -> Decimal:
    """Return a gram above the next lighter row of the same zone."""
    lighter = [
        other.max_weight_kg
        for other in prices
        if other.zone == row.zone
        and other.contract_id == row.contract_id
        and other.max_weight_kg is not None
        and (row.max_weight_kg is None or other.max_weight_kg < row.max_weight_kg)
    ]
    return max(lighter, default=Decimal(0)) + _GRAM


def _find_meant(table: Table, asked: Asked) -> Iterator[_Meant]:
    for code in (asked.option_code, ANYWHERE):
        for (zone, origin), rows in table.by_option.get(code, {}).items():
            narrow, start = _measure(zone, asked.destination), _measure(origin, asked.origin)
            if narrow is not None and start is not None:
                for number, row in rows:
                    if row.contract_id is None or row.contract_id == asked.contract_id:
                        yield _Meant(row, number, narrow, start)


def _find_row(rows: Iterable[_Meant], weight: Decimal) -> Row | None:
    """Return the first row, by rank, that carries this weight."""
    fitting = (row for row, *_ in rows if row.max_weight_kg is None or weight <= row.max_weight_kg)
    return next(fitting, None)


def _measure(zone: Sequence[str], place: Place) -> int | None:
    """Return how specific the zone is for the place; None if it does not contain it. An empty zone contains every
    place."""
    if not zone:
        return 0
    territory = places.find_territory(place)
    found = [measure for part in zone if (measure := _measure_part(part, place, territory)) is not None]
    return max(found, default=None)


def _measure_part(part: str, place: Place, territory: Territory) -> int | None:
    if part == ANYWHERE:
        return 0
    country, _, prefix = part.partition(":")
    if part == UNION:
        return 1 if UNION in territory.areas else None
    if country not in (place.country_code, territory.code):
        return None
    if not prefix:
        return 2
    code = "".join(filter(str.isalnum, place.postal_code)).upper()
    return 2 + len(prefix) if code.startswith(prefix) else None


def _round(value: Decimal, currency: str) -> Decimal:
    digits = places.find_minor_units(currency)
    return value.quantize(Decimal(1).scaleb(-(2 if digits is None else digits)), ROUND_HALF_UP)
