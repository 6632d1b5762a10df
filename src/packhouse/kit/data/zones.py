"""Time zones, by their names in the IANA database, and the days in them."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel.core import get_global

from packhouse.kit import clock

_MAIN = {
    "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa",
    "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia", "DE": "Europe/Berlin",
    "EC": "America/Guayaquil", "ES": "Europe/Madrid", "FM": "Pacific/Pohnpei", "GL": "America/Nuuk",
    "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa", "KZ": "Asia/Almaty", "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City", "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby",
    "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "XK": "Europe/Belgrade",
}  # fmt: skip
"""Country -> the zone of its capital, or of most of its people, where it has several."""


def is_zone(name: str) -> bool:
    return name in available_timezones()


@cache
def list_names() -> list[str]:
    """Those of places, sorted; without older names of the same and without offsets."""
    return sorted(set(get_global("zone_territories")) & available_timezones() - {"Etc/UTC"} | {"UTC"})


@cache
def find_default(country: str) -> str:
    """Return the zone of a country (ISO 3166-1 alpha-2), from Unicode's table of the zones of countries."""
    known = available_timezones()
    if (main := _MAIN.get(country)) in known:
        return str(main)
    of_it = sorted(zone for zone, place in get_global("zone_territories").items() if place == country and zone in known)
    return of_it[0] if of_it else "UTC"


@cache
def to_zone(name: str) -> tzinfo:
    """Return UTC if the system does not know the zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def to_day(now: datetime, zone: tzinfo) -> str:
    """When the day began that it is in the zone, as the wire writes times."""
    return clock.to_wire(to_span(now.astimezone(zone).date(), zone)[0])


def to_span(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when a day and the next one begin, in UTC: 23 to 25 hours apart when clocks change."""
    first = datetime.combine(day, time.min, zone).astimezone(UTC)
    return first, datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)
