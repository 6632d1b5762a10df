"""Service points from an account's file: CSV with a line for each, or GeoJSON with a feature for each."""

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from packhouse.kit import errors
from packhouse.kit.messages import Message, message
from packhouse.shipping.service_points.schema import WEEKDAYS

_NUMBERS = ("latitude", "longitude")
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SHIFT = re.compile(r"(\d\d:\d\d)\s*-\s*(\d\d:\d\d)")


def read_file(content: bytes, carrier_code: str | None = None) -> list[dict[str, Any]]:
    """Return the points of a file as it has them, to be validated; `carrier_code` is that of points that name none.
    Raises Invalid for a file that is neither CSV nor GeoJSON."""
    text = _decode(content)
    read = _read_geojson if text.lstrip().startswith("{") else _read_csv
    found = read(text)
    return [point if carrier_code is None else {"carrier_code": carrier_code, **point} for point in found]


def _decode(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        detail = message("The file is not in UTF-8: see byte {start}.", start=error.start)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT)) from None


def _read_geojson(text: str) -> list[dict[str, Any]]:
    """Take the position from each feature's geometry, the rest from its properties."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refuse_file(message("The file is no JSON: line {line}.", line=error.lineno)) from None
    features = document.get("features") if document.get("type") == "FeatureCollection" else None
    if not isinstance(features, list):
        raise _refuse_file(message("A GeoJSON file should be a FeatureCollection."))
    return [_to_point(feature) for feature in features]


def _to_point(feature: Any) -> dict[str, Any]:
    feature = feature if isinstance(feature, dict) else {}
    properties = feature.get("properties")
    point = {key: value for key, value in properties.items() if value is not None} if properties else {}
    geometry = feature.get("geometry")
    coordinates = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if isinstance(coordinates, list) and len(coordinates) >= 2:
        point["longitude"], point["latitude"] = coordinates[:2]
    return point


def _read_csv(text: str) -> list[dict[str, Any]]:
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    lines = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip().lower() for name in lines.fieldnames or ()]
    if not {"carrier_service_point_id", "latitude", "longitude"} <= set(names):
        raise _refuse_file(
            message("A CSV file needs a first line with carrier_service_point_id, latitude and longitude.")
        )
    lines.fieldnames = names
    try:
        return [_to_values(line) for line in lines]
    except csv.Error:
        raise _refuse_file(message("Line {line} of the file is no CSV.", line=lines.line_num)) from None


def _to_values(line: Mapping[str | None, Any]) -> dict[str, Any]:
    """Empty cells are not there; a number that is none stays a text, and is refused with its place."""
    cells = {name: value.strip() for name, value in line.items() if name and isinstance(value, str)}
    point: dict[str, Any] = {
        name: value for name, value in cells.items() if value and name not in WEEKDAYS and name not in _NUMBERS
    }
    for name in _NUMBERS:
        point[name] = _to_number(cells.get(name, ""))
    if "is_active" in point:
        point["is_active"] = _FLAGS.get(point["is_active"].lower(), point["is_active"])
    for name in ("street", "postal_code"):
        point.setdefault(name, "")
    if any(day in cells for day in WEEKDAYS):
        point["opening_times"] = {day: _to_shifts(cells.get(day, "")) for day in WEEKDAYS}
    return point


def _to_number(text: str) -> Any:
    """A decimal comma is a point."""
    return float(text.replace(",", ".")) if re.fullmatch(r"-?\d{1,3}([.,]\d{1,20})?", text, re.ASCII) else text


def _to_shifts(text: str) -> Sequence[dict[str, str]] | str | None:
    """`09:00-12:00 13:00-18:00`; nothing is closed. What is no time stays as it is, and is refused with its place."""
    shifts = [{"start_time": start, "end_time": end} for start, end in _SHIFT.findall(text)]
    rest = _SHIFT.sub("", text).strip(" ,;")
    return text if rest else shifts or None


def _refuse_file(detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.ROOT))
