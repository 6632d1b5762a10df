"""Checks whether a text could be a telephone number.

phonenumbers decides, but takes 15 to 200 µs for a number. A quick check of the lengths in the country's numbering plan
accepts most real numbers in 2 µs; it only accepts numbers that phonenumbers accepts too.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any, NamedTuple

import phonenumbers

REGIONS: frozenset[str] = frozenset(phonenumbers.SUPPORTED_REGIONS)
"""Countries (ISO 3166-1 alpha-2) whose telephone plan is known. Elsewhere only `+…` can be judged."""

LONGEST = 50
"""Characters. Some texts of 250 keep the library busy for 60 ms, and nobody writes a number as long as this."""

_PUNCTUATION = dict.fromkeys(map(ord, " -.()/"))
_NEVER = r"(?!)"


class _Plan(NamedTuple):
    """A region's telephone plan. Lengths are counts of digits without the national prefix."""

    calling_code: str
    read_exit_code: Callable[[str], re.Match[str] | None]
    read_prefix: Callable[[str], re.Match[str] | None]
    rewrites_prefix: bool
    is_national: Callable[[str], re.Match[str] | None]
    lengths: frozenset[int]
    longest: int
    possible: frozenset[int]
    """By the main region of the calling code; also those of calls within one town."""


@lru_cache(64)  # an order tells one number two or three times
def is_possible(number: str, country: str | None) -> bool:
    """Return whether this could be dialled in that country (ISO 3166-1 alpha-2, in capitals). Only lengths and calling
    codes count, not whether somebody has the number. If the country is None or not in `REGIONS`, only a number that
    begins with `+` is possible."""
    if len(number) > LONGEST:
        return False
    return _is_plainly_possible(number, country) or _is_possible_to_the_library(number, country)


@lru_cache(1_000)
def to_international(number: str, country: str | None) -> str | None:
    """Return the number as `+` and digits, as dialled in that country (ISO 3166-1 alpha-2), the same for every
    spelling; None if it is no number there. Extensions are ignored."""
    parsed = _parse(number, country)
    return None if parsed is None else f"+{parsed.country_code}{phonenumbers.national_significant_number(parsed)}"


@lru_cache(1_000)
def to_national(number: str, country: str | None) -> str | None:
    """Return the digits without calling code and trunk prefix, with which all spellings of the number end."""
    parsed = _parse(number, country)
    return None if parsed is None else str(phonenumbers.national_significant_number(parsed))


def is_same(one: str, other: str, country: str | None) -> bool:
    """Return whether both are spellings of one number. `country` is where `other` is dialled, and where `one` is if it
    does not say; a number with a calling code is also tried as one of its own country."""
    digits = to_digits(one)[-5:]
    if digits not in to_digits(other):
        return False
    known = _parse(other, country)
    if known is None:
        return bool(digits) and to_digits(one) == to_digits(other)
    there = phonenumbers.region_code_for_country_code(known.country_code)
    wanted = to_international(other, country)
    return wanted in {to_international(one, country), to_international(one, there)}


def _parse(number: str, country: str | None) -> Any:
    if len(number) > LONGEST:
        return None
    dialled = re.sub(r"^\s*00(?=\s*[1-9])", "+", number) if country not in REGIONS else number
    try:
        return phonenumbers.parse(dialled, country)
    except phonenumbers.NumberParseException:
        return None


def to_digits(number: str) -> str:
    """Return ASCII digits, whatever script they were written in."""
    return "".join(str(unicodedata.digit(character)) for character in number if character.isdigit())


def _is_possible_to_the_library(number: str, country: str | None) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, country))
    except phonenumbers.NumberParseException:
        return False


def _is_plainly_possible(number: str, country: str | None) -> bool:
    """Make the quick check. False only means that the library has to decide."""
    dialled = number.translate(_PUNCTUATION)
    digits = dialled.removeprefix("+")
    if len(digits) < 3 or not (digits.isascii() and digits.isdigit()):
        return False
    if dialled.startswith("+"):
        return _is_possible_abroad(digits)
    if country not in REGIONS:
        return False
    plan = _plan_at(country)
    abroad = plan.read_exit_code(digits)
    if abroad:
        return _is_possible_abroad(digits[abroad.end() :])
    return not _may_hold_calling_code(plan, digits) and _is_possible_at_home(plan, digits)


def _is_possible_abroad(digits: str) -> bool:
    code = _CALLING_CODES.get(digits[:3])
    return code is not None and _is_possible_at_home(_plan_behind(code), digits[len(code) :])


def _may_hold_calling_code(plan: _Plan, digits: str) -> bool:
    """`31612345678` in NL: the library takes the 31 away unless the number is a good one with it."""
    return digits.startswith(plan.calling_code) and not (len(digits) <= plan.longest and plan.is_national(digits))


def _is_possible_at_home(plan: _Plan, digits: str) -> bool:
    """The library takes the national prefix away, unless a good number would become a bad one."""
    as_is = len(digits) in plan.possible
    prefix = plan.read_prefix(digits)
    if not prefix:
        return as_is
    bare = len(digits) - prefix.end()
    if bare > plan.longest or (plan.rewrites_prefix and prefix[prefix.re.groups] is not None):
        return False
    without = bare in plan.possible if bare in plan.lengths else as_is
    return without and (as_is or not plan.is_national(digits))


@cache
def _plan_at(country: str) -> _Plan:
    known: Any = phonenumbers.PhoneMetadata.metadata_for_region(country)
    return _to_plan(known, _main_region(str(known.country_code)))


@cache
def _plan_behind(calling_code: str) -> _Plan:
    known = _main_region(calling_code)
    return _to_plan(known, known)


def _main_region(calling_code: str) -> Any:
    """Return the one of all regions with a calling code whose lengths the library goes by."""
    code = int(calling_code)
    region = phonenumbers.region_code_for_country_code(code)
    return phonenumbers.PhoneMetadata.metadata_for_region_or_calling_code(code, region)


def _to_plan(known: Any, main: Any) -> _Plan:
    return _Plan(
        calling_code=str(known.country_code),
        read_exit_code=re.compile(known.international_prefix or _NEVER).match,
        read_prefix=re.compile(known.national_prefix_for_parsing or _NEVER).match,
        rewrites_prefix=bool(known.national_prefix_transform_rule),
        is_national=re.compile(known.general_desc.national_number_pattern or _NEVER).fullmatch,
        lengths=frozenset(known.general_desc.possible_length),
        longest=max(known.general_desc.possible_length),
        possible=frozenset(main.general_desc.possible_length + main.general_desc.possible_length_local_only),
    )


def _list_calling_codes() -> dict[str, str]:
    codes = set(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
    beginnings = [str(number) for number in range(100, 1000)]
    return {digits: code for digits in beginnings for code in (digits, digits[:2], digits[:1]) if code in codes}


_CALLING_CODES = _list_calling_codes()
"""The first three digits after `+` -> the calling code that they begin with, which has one to three digits."""
