"""Money, weights, times and places as the reader writes them. Babel takes some 40 µs a value, so answers are kept."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from babel import dates, numbers

from packhouse.kit import clock
from packhouse.kit.data import places
from packhouse.web.frame import languages


def to_decimal(value: Any) -> Decimal | None:
    """Read a number as the wire writes it: a number or a text."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


@lru_cache(maxsize=8192)
def money(tag: str, value: Any, currency: str) -> str:
    amount = to_decimal(value)
    if amount is None:
        return f"{value} {currency}"
    return str(numbers.format_currency(amount, currency, locale=languages.locale(tag)))


@lru_cache(maxsize=8192)
def number(tag: str, value: Any) -> str:
    amount = to_decimal(value)
    return str(value) if amount is None else str(numbers.format_decimal(amount, locale=languages.locale(tag)))


@lru_cache(maxsize=8192)
def plain(tag: str, amount: Decimal) -> str:
    """Write a number as it is typed into a field: nothing between thousands."""
    return str(numbers.format_decimal(amount, format="0.######", locale=languages.locale(tag)))


@lru_cache(maxsize=8192)
def typed(tag: str, value: Any) -> str:
    """A number of the wire as it stands in a field: all of its digits, and nothing between thousands."""
    amount = to_decimal(value)
    if amount is None:
        return "" if value is None else str(value)
    shown = numbers.format_decimal(
        amount, locale=languages.locale(tag), decimal_quantization=False, group_separator=False
    )
    return str(shown)


@lru_cache(maxsize=8192)
def kilograms(tag: str, amount: Decimal) -> str:
    shown = "#,##0.00" if amount < 10 else "#,##0.0"
    return f"{numbers.format_decimal(amount, format=shown, locale=languages.locale(tag))} kg"


@lru_cache(maxsize=512)
def country(tag: str, code: str) -> str:
    return str(languages.locale(tag).territories.get(code, code))


@lru_cache(maxsize=16)
def countries(tag: str) -> list[tuple[str, str]]:
    """List codes and names of all countries, by name."""
    return sorted(((code, country(tag, code)) for code in places.COUNTRIES), key=lambda pair: pair[1])


_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


@lru_cache(maxsize=4096)
def _ago(tag: str, unit: Any, count: int) -> str:
    seconds = _SECONDS[unit] * count
    # The threshold keeps `23 hr` from becoming `1 day`.
    found = dates.format_timedelta(
        seconds, granularity=unit, threshold=99_999, format="short", locale=languages.locale(tag)
    )
    return str(found)


def ago(tag: str, instant: datetime | str, now: datetime, zone: tzinfo = UTC) -> str:
    """`9 min`, `3 hr`, `2 days`; a date of the zone from two weeks on."""
    then = clock.from_wire(instant) if isinstance(instant, str) else instant
    seconds = max(0, int((now - then).total_seconds()))
    for unit, most in (("minute", 60), ("hour", 24), ("day", 14)):
        if seconds < _SECONDS[unit] * most:
            return _ago(tag, unit, seconds // _SECONDS[unit])
    return day(tag, then.astimezone(zone).date().isoformat())


@lru_cache(maxsize=4096)
def day(tag: str, iso: str) -> str:
    return str(dates.format_date(datetime.fromisoformat(iso), format="medium", locale=languages.locale(tag)))


def exact(tag: str, instant: datetime | str) -> str:
    """In UTC; the page's script shows the reader's own time where it runs."""
    then = (clock.from_wire(instant) if isinstance(instant, str) else instant).astimezone(UTC)
    return f"{dates.format_datetime(then, format='medium', tzinfo=UTC, locale=languages.locale(tag))} UTC"


def moment(tag: str, instant: datetime, now: datetime, zone: tzinfo = UTC) -> str:
    """Today `16:00`, another day `30 Nov, 16:00`, in the zone."""
    then, locale = instant.astimezone(zone), languages.locale(tag)
    told = str(dates.format_time(then, format="short", locale=locale))
    if then.date() == now.astimezone(zone).date():
        return told
    return f"{dates.format_skeleton('MMMd', then, locale=locale)}, {told}"
