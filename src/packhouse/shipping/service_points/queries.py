"""Reads of service points: those near a place, a single one, and the position of an address derived from stored
points."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, select, union_all

from packhouse.kit import errors
from packhouse.kit.data.places import codes
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.shipping.service_points import geometry
from packhouse.shipping.service_points.geometry import Box, Position
from packhouse.shipping.service_points.schema import Address, Search
from packhouse.shipping.service_points.tables import service_points

_p = service_points.c

OPEN, CLOSED, GONE = "open", "closed", "gone"
_FIRST_RADII = (5_000, 15_000)
"""Metres within which the nearest are looked for before the whole circle is: it may hold thousands."""
_MOST_CELLS = 400
"""Cells up to which a box is found by them; a larger one is a country, and is found by that."""


class Found(NamedTuple):
    """A service point, its state, and its distance in metres if there is a position to measure from."""

    id: int
    state: str
    document: dict[str, Any]
    distance: int | None = None


class Geocoding(NamedTuple):
    """The position of an address, from the stored points with its postal code or city."""

    status: str
    precision: str | None = None
    formatted_address: str | None = None
    position: Position | None = None


def to_city(text: str) -> str:
    return " ".join(text.casefold().split())


async def get_point(tx: Reader, account_id: int, id: int) -> Found:
    """Return a point, even if it is closed or gone. Raises NotFound."""
    columns = (_p.id, _p.state, _p.document)
    row = await tx.fetch_one(select(*columns).where(_p.account_id == account_id, _p.id == id))
    if row is None:
        raise errors.NotFound(no_such_point())
    return Found(row.id, row.state, orjson.loads(row.document))


async def find_points(tx: Reader, account_id: int, search: Search) -> list[Found]:
    """Find the open points of a search, nearest first if it has a position."""
    if search.position is None:
        statement = _narrow(select(_p.id), account_id, search)
        if search.box is not None:
            statement = statement.where(_lies_in(search.box))
        ids = statement.order_by(_p.id).limit(search.limit)
        return [_to_found(row) for row in await _load(tx, account_id, ids, search)]
    radii = [radius for radius in _FIRST_RADII if radius < search.radius]
    found: list[Found] = []
    for radius in (*radii, search.radius):
        found = await _find_near(tx, account_id, search.position, radius, search)
        if len(found) >= search.limit:
            break
    return found


class _Stored(NamedTuple):
    id: int
    state: str
    document: str
    latitude: float
    longitude: float


async def _find_near(tx: Reader, account_id: int, centre: Position, radius: int, search: Search) -> list[Found]:
    """Find the points within a circle, nearest first."""
    north, east = _p.latitude - centre.latitude, _p.longitude - centre.longitude
    nearness = north * north + east * east * geometry.find_shrinkage(centre.latitude)
    statement = _narrow(select(_p.id), account_id, search).where(_lies_in(geometry.to_box(centre, radius)))
    if search.box is not None:
        statement = statement.where(_lies_in(search.box))
    rows = await _load(tx, account_id, statement.order_by(nearness, _p.id).limit(search.limit), search)
    found = [_to_found(row, geometry.find_distance(centre, Position(row.latitude, row.longitude))) for row in rows]
    found.sort(key=lambda each: (each.distance or 0, each.id))
    return [each for each in found if each.distance is not None and each.distance <= radius]


async def _load(tx: Reader, account_id: int, ids: Select[Any], search: Search) -> list[_Stored]:
    """Return the rows of the ids that a statement finds in an index, so that only these rows are read."""
    columns = (_p.id, _p.state, _p.document, _p.latitude, _p.longitude)
    statement = select(*columns).where(_p.account_id == account_id, _p.id.in_(ids)).order_by(_p.id)
    rows = await tx.fetch_all(statement, into=_Stored)
    if search.house_number is None:
        return rows
    wanted = search.house_number.casefold()
    return [row for row in rows if orjson.loads(row.document).get("house_number", "").casefold() == wanted]


def _to_found(row: _Stored, distance: int | None = None) -> Found:
    return Found(row.id, row.state, orjson.loads(row.document), distance)


def _narrow(statement: Select[Any], account_id: int, search: Search) -> Select[Any]:
    conditions = [_p.account_id == account_id, _p.country_code == search.country_code, _p.state == OPEN]
    wanted = (
        (_p.carrier_code, search.carrier_codes),
        (_p.carrier_service_point_id, search.codes),
        (_p.general_shop_type, search.general_shop_types),
    )
    conditions += [column.in_(values) for column, values in wanted if values]
    if search.of_contracts and not search.carrier_codes:
        conditions.append(false())
    if search.carrier_shop_type:
        conditions.append(_p.carrier_shop_type == search.carrier_shop_type)
    if search.open_on is not None:
        conditions.append(_p.open_days.bitwise_and(1 << search.open_on) != 0)
    if search.postal_code:
        conditions.append(_p.postal_code == codes.compact(search.postal_code))
    if search.city:
        conditions.append(_p.city == to_city(search.city))
    return statement.where(*conditions)


def _lies_in(box: Box) -> ColumnElement[bool]:
    exact = and_(_p.latitude.between(box.south, box.north), _p.longitude.between(box.west, box.east))
    if geometry.count_cells(box) > _MOST_CELLS:
        return exact
    return and_(_p.cell.in_(geometry.list_cells(box)), exact)


async def has_points(tx: Reader, account_id: int, carrier_codes: Iterable[str]) -> set[str]:
    """Return which of the carriers have any point, with one index look-up each."""
    codes = sorted(set(carrier_codes))
    if not codes:
        return set()
    probes = [select(literal(code)).where(_has_any(account_id, code)) for code in codes]
    return set(await tx.fetch_values(union_all(*probes)))


def _has_any(account_id: int, carrier_code: str) -> ColumnElement[bool]:
    return exists().where(_p.account_id == account_id, _p.carrier_code == carrier_code)


async def list_carriers(tx: Reader, account_id: int) -> Sequence[str]:
    """Return the carriers with existing points, sorted."""
    statement = select(_p.carrier_code).where(_p.account_id == account_id, _p.state != GONE)
    return await tx.fetch_values(statement.distinct().order_by(_p.carrier_code))


async def locate(tx: Reader, account_id: int, country_code: str, address: Address) -> Geocoding:
    """Locate a place without a geocoder: the centre of the points with its postal code, with the nearest postal code
    that has the same beginning, or in its city."""
    postal_codes = [address.postal_code] if address.postal_code else _find_codes(address.free)
    whole = [codes.compact(code) for code in postal_codes]
    cities = [to_city(address.city)] if address.city else _find_cities(address.free)
    of_country = (_p.account_id == account_id, _p.country_code == country_code, _p.state == OPEN)
    for code in whole:
        if (place := await _find_middle(tx, *of_country, _p.postal_code == code)) is not None:
            return Geocoding("matched", "postal_code", _format(place, country_code), place.position)
    for code in whole:
        if (begin := await _find_alike(tx, account_id, country_code, code)) is None:
            continue
        within = (_p.postal_code >= begin, _p.postal_code < begin + "\U0010ffff")
        if (place := await _find_middle(tx, *of_country, *within)) is not None:
            precision = "postal_code" if len(begin) > 3 else "region"
            return Geocoding("partially_matched", precision, _format(place, country_code), place.position)
    for city in cities:
        if (place := await _find_middle(tx, *of_country, _p.city == city)) is not None:
            status = "partially_matched" if whole or address.street else "matched"
            return Geocoding(status, "city", _format(place, country_code), place.position)
    return Geocoding("not_found")


class _Middle(NamedTuple):
    position: Position
    document: dict[str, Any]


async def _find_middle(tx: Reader, *conditions: ColumnElement[bool]) -> _Middle | None:
    statement = select(
        func.avg(_p.latitude).label("latitude"), func.avg(_p.longitude).label("longitude"), func.min(_p.id).label("id")
    )
    row = await tx.fetch_one(statement.where(*conditions))
    if row is None or row.id is None:
        return None
    document = await tx.fetch_value(select(_p.document).where(*conditions, _p.id == row.id))
    return _Middle(Position(row.latitude, row.longitude), orjson.loads(document))


def _format(place: _Middle, country_code: str) -> str:
    return " ".join(filter(None, (place.document["postal_code"], place.document["city"], country_code)))


_SHORTEST = 3


async def _find_alike(tx: Reader, account_id: int, country_code: str, code: str) -> str | None:
    """Return the common beginning of a postal code and the stored one next to it: three characters at least."""
    mine = (_p.account_id == account_id, _p.country_code == country_code)
    below = select(func.max(_p.postal_code)).where(*mine, _p.postal_code < code)
    above = select(func.min(_p.postal_code)).where(*mine, _p.postal_code > code)
    beside = [await tx.fetch_value(statement) or "" for statement in (below, above)]
    longest = max((_find_common(code, other) for other in beside), key=len)
    return longest if len(longest) >= _SHORTEST else None


def _find_common(one: str, other: str) -> str:
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:length]


_WORD = re.compile(r"[\w.'-]+")
_MOST_WORDS = 12


def _find_codes(text: str) -> list[str]:
    """Return possible postal codes in an address: words with digits, alone and with the next word, the last first."""
    words = _WORD.findall(text)[-_MOST_WORDS:]
    found = []
    for at, word in reversed(list(enumerate(words))):
        if any(character.isdigit() for character in word):
            behind = words[at + 1] if at + 1 < len(words) else ""
            before = words[at - 1] if at else ""
            pairs = [word + behind if len(behind) <= 3 else "", before + word if 1 < len(before) <= 4 else "", word]
            found += [pair for pair in pairs if _SHORTEST < len(pair) <= 12]
    return list(dict.fromkeys(found))


def _find_cities(text: str) -> list[str]:
    """Return possible cities in an address: the parts between commas, then runs of up to three words."""
    parts = [re.sub(r"\S*\d\S*(\s+[A-Z]{2}\b)?", " ", part).strip() for part in text.split(",")]
    words = [word for word in _WORD.findall(text) if not any(map(str.isdigit, word))][-_MOST_WORDS:]
    runs = [" ".join(words[at : at + size]) for size in (3, 2, 1) for at in range(len(words) - size, -1, -1)]
    return list(dict.fromkeys(to_city(text) for text in (*reversed(parts), *runs) if text.strip()))[:30]


def no_such_point() -> errors.ErrorItem:
    return errors.not_found(message("The service point could not be found"))
