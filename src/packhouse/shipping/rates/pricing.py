"""The price of a shipment from rate tables. Pure, in decimal arithmetic.

A zone is a list of `NL` (a country), `DE:80` (postal codes that begin so), `EU` (its customs union) and `*` (anywhere).
The narrowest row counts: one for the very contract before one for all, a postal code before a country, then the
lightest weight that is enough.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import NamedTuple

from packhouse.kit.data import places, units
from packhouse.kit.data.places import Place

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
    """A version of a rate table: of those of one name, the newest that has begun is in force."""

    id: int
    name: str
    valid_from: date
    currency: str
    rows: Sequence[Row]

    @cached_property
    def by_option(self) -> Mapping[str, Mapping[Zones, Sequence[tuple[int, Row]]]]:
        """The rows with their numbers by option and zones: a selection asks for the prices of thousands of pairs of
        an order and an option, and a table may have thousands of rows."""
        found: dict[str, dict[Zones, list[tuple[int, Row]]]] = {}
        for number, row in enumerate(self.rows):
            found.setdefault(row.option_code, {}).setdefault((row.zone, row.origin), []).append((number, row))
        return found


class Asked(NamedTuple):
    """What is to be shipped: a weight for each parcel."""

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
    """`parts` add up to `total`. The weights are those between which the price is the same, the largest parcel's."""

    total: Decimal
    currency: str
    parts: Sequence[Part]
    min_weight_kg: Decimal
    max_weight_kg: Decimal | None
    lead_time_hours: int | None


def find_in_force(tables: Iterable[Table], day: date) -> list[Table]:
    """One of each name, the youngest first."""
    found: dict[str, Table] = {}
    for table in sorted(tables, key=lambda table: (table.valid_from, table.id)):
        if table.valid_from <= day:
            found[table.name] = table
    return sorted(found.values(), key=lambda table: (table.valid_from, table.id), reverse=True)


def find_quote(tables: Sequence[Table], asked: Asked) -> Quote | None:
    """By the first of the tables that has a price for every parcel."""
    return next((quote for table in tables if (quote := _price(table, asked)) is not None), None)


def _price(table: Table, asked: Asked) -> Quote | None:
    rows = [row for _, row in sorted(_find_meant(table, asked), key=lambda pair: pair[0])]
    prices = [row for row in rows if row.kind == PRICE]
    chosen = [_find_row(prices, asked, weight) for weight in asked.weights]
    found = [row for row in chosen if row is not None]
    if not found or len(found) < len(asked.weights):
        return None
    base = _round(units.add(*(row.amount for row in found)), table.currency)
    parts = [Part(PRICE, "Price", base)]
    for kind in dict.fromkeys(row.kind for row in rows if row.kind != PRICE):
        extra = [_find_row([row for row in rows if row.kind == kind], asked, weight) for weight in asked.weights]
        pairs = [(own, price) for own, price in zip(extra, found, strict=True) if own is not None]
        if pairs:
            value = _round(units.add(*(_to_surcharge(own, price) for own, price in pairs)), table.currency)
            parts.append(Part(kind, pairs[0][0].label or kind.replace("_", " ").capitalize(), value))
    heaviest = max(range(len(found)), key=lambda index: asked.weights[index])
    row = found[heaviest]
    times = [each.lead_time_hours for each in found if each.lead_time_hours is not None]
    total = units.add(*(part.value for part in parts))
    low = _find_lower(prices, row)
    return Quote(total, table.currency, parts, low, row.max_weight_kg, max(times, default=None))


def _to_surcharge(surcharge: Row, price: Row) -> Decimal:
    return price.amount * surcharge.amount / 100 if surcharge.is_percentage else surcharge.amount


def _find_lower(prices: Sequence[Row], row: Row) -> Decimal:
    """A gram above the next lighter row of the same zone."""
    lighter = [
        other.max_weight_kg
        for other in prices
        if other.zone == row.zone
        and other.contract_id == row.contract_id
        and other.max_weight_kg is not None
        and (row.max_weight_kg is None or other.max_weight_kg < row.max_weight_kg)
    ]
    return max(lighter, default=Decimal(0)) + _GRAM


def _find_meant(table: Table, asked: Asked) -> Iterator[tuple[int, Row]]:
    for code in (asked.option_code, ANYWHERE):
        for (zone, origin), rows in table.by_option.get(code, {}).items():
            if _measure(zone, asked.destination) is not None and _measure(origin, asked.origin) is not None:
                yield from ((number, row) for number, row in rows if row.contract_id in (None, asked.contract_id))


def _find_row(rows: Sequence[Row], asked: Asked, weight: Decimal) -> Row | None:
    enough = [row for row in rows if row.max_weight_kg is None or weight <= row.max_weight_kg]
    return min(enough, key=lambda row: _to_rank(row, asked), default=None)


def _to_rank(row: Row, asked: Asked) -> tuple[bool, int, int, bool, Decimal]:
    return (
        row.contract_id is None,
        -(_measure(row.zone, asked.destination) or 0),
        -(_measure(row.origin, asked.origin) or 0),
        row.max_weight_kg is None,
        row.max_weight_kg or Decimal(0),
    )


def _measure(zone: Sequence[str], place: Place) -> int | None:
    """How narrowly the zone has the place; None where it has it not. An empty zone has every place."""
    if not zone:
        return 0
    return max((found for part in zone if (found := _measure_part(part, place)) is not None), default=None)


def _measure_part(part: str, place: Place) -> int | None:
    if part == ANYWHERE:
        return 0
    country, _, prefix = part.partition(":")
    territory = places.find_territory(place)
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
