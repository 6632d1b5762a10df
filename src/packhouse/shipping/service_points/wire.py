"""Service points in answers of v3 and v2."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

from packhouse.kit import clock
from packhouse.kit.data import zones
from packhouse.shipping.service_points.queries import GONE, OPEN, Found, Geocoding
from packhouse.shipping.service_points.schema import WEEKDAYS

_DAYS_AHEAD = 8


def to_v3(found: Found, carrier_name: str, *, now: datetime) -> dict[str, Any]:
    """Return exactly the published keys, without the distance, because strict clients accept no others."""
    point = found.document
    opening = _to_times(point)
    is_open = found.state == OPEN
    return {
        "id": found.id,
        "name": point["name"],
        "carrier": {"code": point["carrier_code"], "name": carrier_name, "logo_url": None, "icon_url": None},
        "carrier_service_point_id": point["carrier_service_point_id"],
        "carrier_shop_type": point.get("carrier_shop_type"),
        "general_shop_type": point.get("general_shop_type"),
        "address": {
            "street": point["street"],
            "house_number": point.get("house_number", ""),
            "postal_code": point["postal_code"],
            "city": point["city"],
            "country_code": point["country_code"],
        },
        "position": {"latitude": float(point["latitude"]), "longitude": float(point["longitude"])},
        "contact": {"email": point.get("email", ""), "phone": point.get("phone", "")},
        "opening_times": {day: opening[day] or None for day in WEEKDAYS},
        "is_open_tomorrow": is_open and _is_open_tomorrow(point, now),
        "next_open_at": _find_next_opening(point, now) if is_open else None,
        "is_expired": found.state == GONE,
    }


def to_v3_with_distance(found: Found, carrier_name: str, *, now: datetime) -> dict[str, Any]:
    return {**to_v3(found, carrier_name, now=now), "distance": found.distance}


def to_geocoding(found: Geocoding | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"status": found.status, "precision": found.precision, "formatted_address": found.formatted_address}


def to_v2(found: Found, *, now: datetime) -> dict[str, Any]:
    """Latitude and longitude are texts in version 2, and `code` is the carrier's id."""
    point = found.document
    opening = _to_times(point)
    is_open = found.state == OPEN
    shown = {
        "id": found.id,
        "code": point["carrier_service_point_id"],
        "is_active": is_open,
        "shop_type": point.get("carrier_shop_type"),
        "general_shop_type": point.get("general_shop_type"),
        "extra_data": {},
        "name": point["name"],
        "street": point["street"],
        "house_number": point.get("house_number", ""),
        "postal_code": point["postal_code"],
        "city": point["city"],
        "latitude": f"{float(point['latitude']):.6f}",
        "longitude": f"{float(point['longitude']):.6f}",
        "email": point.get("email", ""),
        "phone": point.get("phone", ""),
        "homepage": point.get("homepage", ""),
        "carrier": point["carrier_code"],
        "country": point["country_code"],
        "formatted_opening_times": {
            str(number): [f"{shift['start_time']} - {shift['end_time']}" for shift in opening[day]]
            for number, day in enumerate(WEEKDAYS)
        },
        "open_tomorrow": is_open and _is_open_tomorrow(point, now),
        "open_upcoming_week": is_open and any(opening.values()),
    }
    return shown if found.distance is None else {**shown, "distance": found.distance}


def is_available(found: Found) -> bool:
    """Return whether a parcel can be sent to it: it exists, is active, and is not closed all week if its hours are
    known."""
    if found.state != OPEN:
        return False
    return "opening_times" not in found.document or any(_to_times(found.document).values())


def _to_times(point: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    times = point.get("opening_times") or {}
    return {day: sorted(times.get(day) or [], key=lambda shift: shift["start_time"]) for day in WEEKDAYS}


def _is_open_tomorrow(point: dict[str, Any], now: datetime) -> bool:
    zone = zones.to_zone(zones.find_default(point["country_code"]))
    tomorrow = now.astimezone(zone) + timedelta(days=1)
    return bool(_to_times(point)[WEEKDAYS[tomorrow.weekday()]])


def _find_next_opening(point: dict[str, Any], now: datetime) -> str | None:
    """Return when it opens next, or the moment itself if it is open; None without hours."""
    for begins, ends in _list_shifts(point, now):
        if ends > now:
            return clock.to_wire(max(begins, now))
    return None


def _list_shifts(point: dict[str, Any], now: datetime) -> Iterator[tuple[datetime, datetime]]:
    zone = zones.to_zone(zones.find_default(point["country_code"]))
    today = now.astimezone(zone).date()
    times = _to_times(point)
    for ahead in range(_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        for shift in times[WEEKDAYS[day.weekday()]]:
            begins, ends = (_to_minutes(shift[name]) for name in ("start_time", "end_time"))
            midnight = datetime.combine(day, time.min)
            yield tuple(  # type: ignore[misc]
                (midnight + timedelta(minutes=minutes)).replace(tzinfo=zone).astimezone(UTC)
                for minutes in (begins, ends)
            )


def _to_minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
