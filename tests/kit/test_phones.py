from collections.abc import Callable

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.kit.data import phones

STYLES = [
    phonenumbers.PhoneNumberFormat.E164,
    phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    phonenumbers.PhoneNumberFormat.NATIONAL,
]
CODES = sorted(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
COUNTRY = st.none() | st.sampled_from([*sorted(phones.REGIONS), "AQ", "ZZ", "nl", ""])


def ask_library(number: str, country: str | None) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, country))
    except phonenumbers.NumberParseException:
        return False


def example_of(region: str) -> phonenumbers.PhoneNumber:
    number = phonenumbers.example_number(region)
    assert number is not None
    return number


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """Texts near the border of what is a number: exit codes, calling codes, prefixes, digits and punctuation."""
    exit_code = draw(st.sampled_from(["", "+", "00", "011", "810", "0011", "++", "(+"]))
    calling_code = draw(st.sampled_from(["", *CODES]))
    prefix = draw(st.sampled_from(["", "0", "(0)", "1", "8", "06", "180020", "1831"]))
    rest = draw(st.text("0123456789", max_size=17) | st.text("0123456789 -.()/x#,;", max_size=20))
    return f"{exit_code}{calling_code}{prefix}{rest}"


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+31 6 12345678", "NL"),
        ("+31 6 12345678", None),
        ("+31 6 12345678", "AQ"),
        ("+31 (0)6 12345678", "DE"),
        ("0031612345678", "NL"),
        ("0031612345678", "DE"),
        ("011 31 6 12345678", "US"),
        ("06-12345678", "NL"),
        ("(020) 555 01 23", "NL"),
        ("06 39 98 01 23", "FR"),
        ("+33 (0)6 39 98 01 23", "FR"),
        ("030/901820123", "DE"),
        ("07700 900123", "GB"),
        ("(212) 555-0123", "US"),
        ("+1 212 555 0123", "CA"),
        ("392 123 4567", "IT"),
        ("090-1234-5678", "JP"),
        ("512 345 678", "PL"),
        ("+800 1234 5678", None),
    ],
)
def test_ordinary_numbers_are_known_at_a_glance(number: str, country: str | None) -> None:
    assert phones._is_plainly_possible(number, country)
    assert phones.is_possible(number, country)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("31612345678", "NL"),
        ("1-212-555-0123", "US"),
        ("tel. 06 12345678", "NL"),
        ("06 12345678 ext. 12", "NL"),
        ("1-800-FLOWERS", "US"),
        ("٠٦١٢٣٤٥٦٧٨", "NL"),
        ("tel:612345678;phone-context=+31", "NL"),
    ],
)
def test_odd_numbers_are_known_to_the_library(number: str, country: str) -> None:
    assert not phones._is_plainly_possible(number, country)
    assert phones.is_possible(number, country)


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("12", "NL"),
        ("+31 6", "NL"),
        ("+31 6 12345678 12345678", "NL"),
        ("+33 6 12", "FR"),
        ("06 12 34 56 78 90 12", "FR"),
        ("+999 123456789", "NL"),
        ("0031612345678", None),
        ("06-12345678", None),
        ("06-12345678", "AQ"),
        ("none", "NL"),
        ("a@example.com", "NL"),
        ("-", "NL"),
        ("+", "NL"),
        ("", "NL"),
        ("²²²²²²²²²", "FR"),
        ("\ud800\0", "NL"),
        ("1-2", "DE"),
        ("12345", "KZ"),
        ("0611342971238547", "GA"),
        ("+2410618757488034550", None),
    ],
)
def test_what_can_not_be_a_number(number: str, country: str | None) -> None:
    assert not phones.is_possible(number, country)


@settings(max_examples=1000, deadline=None)
@given(numbers(), COUNTRY)
def test_the_library_has_the_last_word(number: str, country: str | None) -> None:
    assert phones.is_possible(number, country) is (len(number) <= phones.LONGEST and ask_library(number, country))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=phones.LONGEST), COUNTRY)
def test_any_text_is_answered_as_by_the_library(text: str, country: str | None) -> None:
    assert phones.is_possible(text, country) is ask_library(text, country)


@pytest.mark.parametrize("change", [str, lambda text: text[:-1], lambda text: f"{text}12", lambda text: f"0{text}"])
def test_every_region_s_example_is_answered_as_by_the_library(change: Callable[[str], str]) -> None:
    for region in sorted(phones.REGIONS):
        for style in STYLES:
            text = change(phonenumbers.format_number(example_of(region), style))
            assert phones.is_possible(text, region) is ask_library(text, region), (text, region)


def test_every_region_s_example_is_known_at_a_glance() -> None:
    for region in sorted(phones.REGIONS):
        number = phonenumbers.format_number(example_of(region), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
        assert phones._is_plainly_possible(number, None), number


@settings(max_examples=200, deadline=None)
@given(st.text(min_size=phones.LONGEST + 1))
def test_what_is_too_long_is_not_read(text: str) -> None:
    assert not phones.is_possible(text, "NL")


def test_a_number_may_be_spaced_up_to_the_limit() -> None:
    number = "06 12345678"
    assert phones.is_possible(number.replace(" ", " " * (phones.LONGEST - 10)), "NL")
    assert not phones.is_possible(number.replace(" ", " " * (phones.LONGEST - 9)), "NL")
