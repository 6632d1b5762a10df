"""Distances on the globe, and the grid of cells by which places near another are found in an index."""

import math
from typing import NamedTuple

CELL_DEGREES = 0.1
"""The side of a cell: eleven kilometres from south to north."""
_COLUMNS = round(360 / CELL_DEGREES)
_METRES_PER_DEGREE = 111_195
_EARTH_RADIUS_METRES = 6_371_009


class Position(NamedTuple):
    latitude: float
    longitude: float


class Box(NamedTuple):
    """From its south-western to its north-eastern corner."""

    south: float
    west: float
    north: float
    east: float


def to_cell(position: Position) -> int:
    """The number of the cell that a position lies in."""
    return _to_row(position.latitude) * _COLUMNS + _to_column(position.longitude)


def to_box(centre: Position, radius_metres: float) -> Box:
    """The box that holds the circle. At a pole it goes all the way round."""
    height = radius_metres / _METRES_PER_DEGREE
    narrowest = math.cos(math.radians(min(abs(centre.latitude) + height, 90)))
    width = min(height / max(narrowest, 1e-6), 360)
    latitude, longitude = centre
    return Box(latitude - height, longitude - width, latitude + height, longitude + width)


def list_cells(box: Box) -> list[int]:
    """The cells that a box touches."""
    columns = range(_to_column(box.west), _to_column(box.east) + 1)
    rows = range(_to_row(box.south), _to_row(box.north) + 1)
    return [row * _COLUMNS + column for row in rows for column in columns]


def count_cells(box: Box) -> int:
    height = _to_row(box.north) - _to_row(box.south) + 1
    return height * (_to_column(box.east) - _to_column(box.west) + 1)


def find_distance(one: Position, other: Position) -> int:
    """The metres between two positions along a great circle."""
    north, south = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return round(2 * _EARTH_RADIUS_METRES * math.asin(min(math.sqrt(half), 1)))


def find_shrinkage(latitude: float) -> float:
    """The square by which degrees of longitude count less than those of latitude, there."""
    return math.cos(math.radians(latitude)) ** 2


def _to_row(latitude: float) -> int:
    return math.floor((min(max(latitude, -90), 90) + 90) / CELL_DEGREES)


def _to_column(longitude: float) -> int:
    return min(math.floor((min(max(longitude, -180), 180) + 180) / CELL_DEGREES), _COLUMNS - 1)
