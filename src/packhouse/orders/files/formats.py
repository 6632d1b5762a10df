"""Numbers and dates as shops, marketplaces and spreadsheets write them.

One cell often does not tell: `1.234` may be a thousand and more, `03/02/2026` a day in February or in March. So every
such cell of a file is looked at first (`Evidence`), and what stays open is asked for rather than guessed.
"""

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import cache, lru_cache
from typing import Literal, NamedTuple, TypeAlias, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale

from packhouse.kit.data import places
from packhouse.kit.messages import message

T = TypeVar("T")

Decimal: TypeAlias = Literal[".", ","]
DayOrder: TypeAlias = Literal["day-first", "month-first"]

_SIGNS = "|".join(
    re.escape(sign).replace(r"\$", r"\s?\$") for sign in sorted(places.read_signs(), key=len, reverse=True)
)  # eBay writes `US $25.00`
_MINUS = r"[-+\u2212]"
_AMOUNT = re.compile(
    rf"(?P<minus>{_MINUS})?\s*(?:(?P<before>{_SIGNS}|[A-Z]{{3}})\s*)?(?P<minus2>{_MINUS})?"
    rf"(?P<digits>[0-9][0-9.,'\u2019 \u00a0\u202f\u2009]*|[.,][0-9]+)(?P<minus3>-(?!\w))?"
    rf"\s*(?P<after>{_SIGNS}|[A-Z]{{3}})?"
)
_NO_CENTS = re.compile(r"(?<=[0-9])[.,](?:-{1,2}|[\u2013\u2014])(?![0-9])")
"""`25,-` and `25.—` are 25, and not less than nothing."""
_ACCOUNTED = re.compile(r"\(([^()]+)\)(.*)")
"""What an accountant writes for less than nothing: `(12.50)`."""
_SPACES = re.compile(r"['\u2019 \u00a0\u202f\u2009]")
_GROUP = 3
_MOST_DIGITS = 40
"""More are no amount; Python refuses to read more than 4,300."""
_MANGLED = re.compile(r"-?\d([.,]\d+)?[eE]\+\d{1,3}")
_EXPONENT = re.compile(r"-?\d+([.,]\d+)?[eE][+-]?\d{1,3}")

_TIME = (
    r"(?:(?:T|,?\s*-?\s+(?:at |um |om |à |às |a las |alle |kl\. ?|klo |o |ve? )?)"
    r"(?P<half_>오전|오후|午前|午後|上午|下午)?\s?"
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d{2})(?:[:.](?P<second>\d{2})"
    r"(?:[.,](?P<fraction>\d{1,9}))?)?\s*(?P<half>[AaPp]\.?\s?[Mm]\.?|[πμ]\.?μ\.?)?(?:\s*(?:Uhr|uur))?"
    r"\s*(?P<zone>Z|[A-Z]{2,5}|(?:GMT|UTC)?[+-]\s?\d{1,2}(?: ?:? ?\d{2})?(?:\s*\([^)]*\))?)?)?"
)
_WEEKDAY = r"(?:[^\W\d]{2,10}\.?,?\s+)?"
_YEAR_FIRST = re.compile(
    r"(?P<year>\d{4})(?:[-/]|\.\s?|[年년]\s?)(?P<month>\d{1,2})(?:[-/]|\.\s?|[月월]\s?)(?P<day>\d{1,2})[.日일]?"
    r"(?:\s?\([^)]{1,3}\))?" + _TIME
)
_NUMERIC = re.compile(
    _WEEKDAY + r"(?P<first>\d{1,2})(?P<mark>[-/.])\s?(?P<second_>\d{1,2})[-/.]\s?(?P<year>\d{4}|\d{2})" + _TIME
)
_DAY_NAMED = re.compile(
    _WEEKDAY
    + r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?[-\s]+(?:de )?"
    + r"(?P<name>[^\W\d]{3,10})\.?[-\s]+(?:de )?'?(?P<year>\d{4}|\d{2})"
    + _TIME
)
_NAME_FIRST = re.compile(
    _WEEKDAY + r"(?P<name>[^\W\d]{3,10})\.?[-\s]+(?P<day>\d{1,2})(?:st|nd|rd|th)?,?[-\s]+(?P<year>\d{4}|\d{2})" + _TIME
)
_YEAR_NAMED = re.compile(r"(?P<year>\d{4})\.?[-\s]+(?P<name>[^\W\d]{3,10})\.?[-\s]+(?P<day>\d{1,2})\.?" + _TIME)
_COMPACT = re.compile(
    r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)(?:T?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?(?P<zone>Z)?)?"
)
_UNIX = re.compile(r"1\d{9}(\d{3})?")
_SERIAL = re.compile(r"(?P<days>[2-7]\d{4})(?:[.,](?P<part>\d+))?")
_SERIAL_ZERO = datetime(1899, 12, 30)  # noqa: DTZ001 - a day of the calendar, in whichever zone
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_NO_DATE = re.compile(r"(0000|-0001)-\d\d-\d\d([T ].*)?|00?[-/.]00?[-/.]0000.*|-62169984000|0")
"""What PHP and MySQL write where there is no date."""

_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "BST": 1, "WEST": 1, "CET": 1, "MEZ": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "EEST": 3, "MSK": 3, "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8,
    "PDT": -7, "JST": 9, "KST": 9, "AEST": 10, "AEDT": 11,
}  # fmt: skip
"""Abbreviations and hours. `IST` is India's, Ireland's and Israel's, `CST` that of Chicago, Havana and Shanghai: they
mean that of the account, if it is in one of these."""
LANGUAGES = ("en", "de", "fr", "nl", "es", "it", "pt", "pl", "sv", "da", "nb", "fi", "cs", "sk", "hu", "ro")


class Unreadable(ValueError):
    """A cell that cannot be read; the message says why, and what to do."""


class Conventions(NamedTuple):
    """How a file writes what can be written in two ways. None is what nothing tells; `is_mixed` says that the file
    itself writes numbers with either decimal mark."""

    decimal: Decimal | None = None
    day_order: DayOrder | None = None
    zone: tzinfo = UTC
    is_mixed: bool = False


def find_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name, if there is one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC if name.upper() == "UTC" else None


def is_mangled(cell: str) -> bool:
    """Whether a spreadsheet has made a long number of what was an id: `1.23457E+12`."""
    return "+" in cell and _MANGLED.fullmatch(cell.strip()) is not None


@lru_cache(8192)
def find_decimal(cell: str) -> Decimal | None:
    """The decimal mark that a cell proves, if it proves one."""
    found = _match_amount(cell)
    if found is None:
        return None
    digits = _SPACES.sub("", found["digits"])
    has_dot, has_comma = "." in digits, "," in digits
    if has_dot and has_comma:
        return "." if digits.rfind(".") > digits.rfind(",") else ","
    mark = "." if has_dot else ","
    if not has_dot and not has_comma:
        return None
    if digits.count(mark) > 1:
        return "," if mark == "." else "."
    whole, _, part = digits.partition(mark)
    is_open = len(part) == _GROUP and 0 < len(whole) <= _GROUP and not whole.startswith("0")
    if is_open and (currency := _find_currency(found)) and places.find_minor_units(currency) == 0:
        return "," if mark == "." else "."  # of yen there are no thousandths
    return None if is_open else mark  # type: ignore[return-value]


def _match_amount(cell: str) -> re.Match[str] | None:
    text = _NO_CENTS.sub("", _to_ascii_digits(cell.strip()))
    if (accounted := _ACCOUNTED.fullmatch(text)) is not None:
        text = f"-{accounted[1].strip()}{accounted[2]}"
    return _AMOUNT.fullmatch(text)


def _to_ascii_digits(text: str) -> str:
    """Write digits of other scripts, such as Arabic and full-width ones, and their marks as ours."""
    if text.isascii():
        return text
    plain = text.translate(_MARKS)
    return "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)


_MARKS = str.maketrans({"٫": ".", "٬": ",", "．": ".", "，": ",", "\u200e": None, "\u200f": None, "\u061c": None})


def _find_currency(found: re.Match[str]) -> str:
    """The code that stands with an amount, or is meant by its sign; empty for a sign of several."""
    sign = "".join((found["before"] or found["after"] or "").split())
    meant = places.read_signs().get(sign, (sign,))
    return meant[0] if len(meant) == 1 else ""


@lru_cache(8192)
def read_amount(cell: str, decimal: Decimal | None) -> tuple[str, str]:
    """The number as JSON writes it, and the currency that stands beside it, if any. Raises Unreadable."""
    text = cell.strip()
    if _EXPONENT.fullmatch(text):
        value = float(text.replace(",", "."))
        if not math.isfinite(value):
            raise Unreadable(message("A number is expected, like 1234.50."))
        return repr(value), ""
    found = _match_amount(text)
    if found is None:
        raise Unreadable(message("A number is expected, like 1234.50."))
    digits = _SPACES.sub("", found["digits"])
    own = find_decimal(cell)
    mark = own or decimal
    if mark is None and ("," in digits or "." in digits):
        detail = message(
            "This number can be read in two ways, and no other of the file tells: say which is the decimal mark."
        )
        raise Unreadable(detail)
    number = _to_number(digits, mark)
    signs = [mark for mark in (found["minus"], found["minus2"], found["minus3"]) if mark and mark != "+"]
    if len(signs) > 1:
        raise Unreadable(message("A number is expected, like 1234.50."))
    return ("-" if signs else "") + number, _find_currency(found)


def _to_number(digits: str, mark: Decimal | None) -> str:
    other = "," if mark == "." else "."
    whole, _, part = digits.replace(other, "").partition(mark or ".")
    whole = whole.lstrip("0") or "0"
    part = part.rstrip(",.")
    if not (whole + part).isdigit() or len(whole + part) > _MOST_DIGITS:
        raise Unreadable(message("A number is expected, like 1234.50."))
    return f"{whole}.{part}" if part else whole


def is_instant(text: str) -> bool:
    """Whether it is a time as the API writes it, which can be read in one way alone."""
    return _INSTANT.fullmatch(text) is not None


def is_no_date(cell: str) -> bool:
    return _NO_DATE.fullmatch(cell.strip()) is not None


@lru_cache(8192)
def find_day_order(cell: str) -> DayOrder | None:
    """The order of day and month that a cell proves, if it proves one."""
    found = _NUMERIC.fullmatch(cell.strip())
    if found is None:
        return None
    first, second = int(found["first"]), int(found["second_"])
    if first > 12 >= second:
        return "day-first"
    return "month-first" if second > 12 >= first else None


def find_likely_order(cell: str) -> DayOrder | None:
    """The order that a way of writing makes likely: with dots it is the day, with slashes and AM or PM the month."""
    found = _NUMERIC.fullmatch(cell.strip())
    if found is None:
        return None
    if found["mark"] == ".":
        return "day-first"
    return "month-first" if found["half"] and found["mark"] == "/" else None


@lru_cache(8192)
def read_date(cell: str, day_order: DayOrder | None, zone: tzinfo) -> str:
    """The time in RFC 3339, of that zone where the cell names none. Raises Unreadable."""
    text = " ".join(cell.split())
    if is_instant(text):
        return text
    text = _to_ascii_digits(text.removeprefix("'"))
    for read in (_read_year_first, _read_named, _read_counted):
        if (found := read(text, zone)) is not None:
            return found
    numeric = _NUMERIC.fullmatch(text)
    if numeric is None:
        raise Unreadable(message("A date is expected, like 2026-02-20 10:00."))
    first, second = int(numeric["first"]), int(numeric["second_"])
    order = find_day_order(cell) or ("day-first" if first == second else day_order or find_likely_order(cell))
    if order is None:
        detail = message(
            "Day and month can be read in two ways, and no other date of the file tells: say which comes first."
        )
        raise Unreadable(detail)
    day, month = (first, second) if order == "day-first" else (second, first)
    return _to_instant(numeric, int(numeric["year"]), month, day, zone)


def _read_year_first(text: str, zone: tzinfo) -> str | None:
    found = _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)
    return (
        None if found is None else _to_instant(found, int(found["year"]), int(found["month"]), int(found["day"]), zone)
    )


def _read_named(text: str, zone: tzinfo) -> str | None:
    found = _DAY_NAMED.fullmatch(text) or _NAME_FIRST.fullmatch(text) or _YEAR_NAMED.fullmatch(text)
    month = None if found is None else _months().get(found["name"].casefold().rstrip("."))
    return (
        None
        if found is None or month is None
        else _to_instant(found, int(found["year"]), month, int(found["day"]), zone)
    )


def _read_counted(text: str, zone: tzinfo) -> str | None:
    """Seconds or milliseconds since 1970, or a spreadsheet's days since 1900."""
    if _UNIX.fullmatch(text):
        return datetime.fromtimestamp(int(text[:10]), UTC).isoformat()
    found = _SERIAL.fullmatch(text)
    if found is None:
        return None
    seconds = round(float(f"0.{found['part'] or 0}") * 86_400)
    return (_SERIAL_ZERO + timedelta(days=int(found["days"]), seconds=seconds)).replace(tzinfo=zone).isoformat()


def _to_instant(found: re.Match[str], year: int, month: int, day: int, zone: tzinfo) -> str:
    told = found.groupdict()
    year += 2000 if year < 70 else 1900 if year < 100 else 0
    hour = int(told["hour"] or 0)
    if half := told.get("half") or told.get("half_"):
        hour = _to_hour_of_24(hour, is_afternoon=half[0] in "Ppμ" or half in ("오후", "午後", "下午"))
    micro = int((told.get("fraction") or "0").ljust(6, "0")[:6])
    try:
        made = datetime(year, month, day, hour, int(told["minute"] or 0), int(told["second"] or 0), micro, zone)
        if told.get("zone"):
            made = made.replace(tzinfo=_to_zone(told["zone"], made))
        return made.astimezone(UTC).isoformat()
    except (ValueError, OverflowError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable(message("There is no such day or time.")) from None


def _to_hour_of_24(hour: int, *, is_afternoon: bool) -> int:
    """Raises ValueError for `22:00 AM`, which is either."""
    if hour > 12 and not is_afternoon:
        raise Unreadable(message("There is no such day or time."))
    return hour if hour > 12 else hour % 12 + (12 if is_afternoon else 0)


def _to_zone(name: str, at: datetime) -> tzinfo:
    """`at` is in the account's zone, which decides what an abbreviation of several zones means. Raises Unreadable."""
    plain = name.partition("(")[0].strip()
    if plain.upper() == at.tzname() and at.tzinfo is not None:
        return at.tzinfo
    if plain.upper() in _ZONES:
        return timezone(timedelta(hours=_ZONES[plain.upper()]))
    plain = plain.removeprefix("GMT").removeprefix("UTC")
    if plain[:1] not in ("+", "-"):
        raise Unreadable(message("The time zone is not known: write it as a difference, like +01:00."))
    digits = plain[1:].replace(":", "").replace(" ", "")
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 23 or minutes > 59:
        raise Unreadable(message("The time zone is not known: write it as a difference, like +01:00."))
    return timezone((1 if plain[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


@cache
def _months() -> dict[str, int]:
    """The names of months, in full and cut short, in the languages that shops are run in."""
    found: dict[str, int] = {}
    for language in LANGUAGES:
        months = Locale(language).months
        for names in (months[place][width] for place in ("format", "stand-alone") for width in ("wide", "abbreviated")):
            for number, name in names.items():
                found.setdefault(name.casefold().rstrip("."), number)
    return found | {"sept": 9, "mrz": 3, "mär": 3, "maerz": 3}


class Evidence:
    """What the cells of a file prove, seen one by one."""

    def __init__(self) -> None:
        self._decimals: set[Decimal] = set()
        self._orders: set[DayOrder] = set()
        self._likely: set[DayOrder] = set()

    def see_number(self, cell: str) -> None:
        if len(self._decimals) < 2 and (mark := find_decimal(cell)) is not None:
            self._decimals.add(mark)

    def see_date(self, cell: str) -> None:
        if (order := find_day_order(cell)) is not None:
            self._orders.add(order)
        elif (likely := find_likely_order(cell)) is not None:
            self._likely.add(likely)

    def conclude(self, told: Conventions, usual: Conventions) -> Conventions:
        """What was told counts most, then what the file proves, then what is usual. Where a file proves both, nothing
        is taken for granted."""
        likely = next(iter(self._likely)) if len(self._likely) == 1 else None
        decimal = told.decimal or _choose(self._decimals, usual.decimal)
        day_order = told.day_order or _choose(self._orders, usual.day_order or likely)
        return Conventions(decimal, day_order, told.zone, len(self._decimals) > 1 and told.decimal is None)


def _choose(proved: set[T], otherwise: T | None) -> T | None:
    return otherwise if not proved else next(iter(proved)) if len(proved) == 1 else None
