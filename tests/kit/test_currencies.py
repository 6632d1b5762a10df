"""Amounts in the decimals of their currency, and what they are worth."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.kit.data import places
from packhouse.kit.data.places import codes, currencies, names, tables

CURRENCY = st.sampled_from(sorted(places.CURRENCIES | places.WITHDRAWN))
VALUE = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=4)


@pytest.mark.parametrize(
    ("value", "currency", "written"),
    [
        ("12.345", "KWD", "12.345"),
        ("999.999", "TND", "999.999"),
        ("390", "KWD", "390.000"),
        ("12000", "JPY", "12000"),
        ("12000.0", "JPY", "12000"),
        ("500", "HUF", "500.00"),
        ("25", "EUR", "25.00"),
        ("25.0", "EUR", "25.00"),
        ("1.005", "EUR", "1.005"),
        ("99.5", "JPY", "99.5"),
        ("1.2345", "CLF", "1.2345"),
        ("0", "EUR", "0.00"),
        ("1E+3", "JPY", "1000"),
        ("-3.5", "EUR", "-3.50"),
        ("7", "HRK", "7.00"),
        ("7", "ITL", "7"),
    ],
)
def test_amounts_are_neither_rounded_nor_padded(value: str, currency: str, written: str) -> None:
    assert places.to_amount(Decimal(value), currency) == written


@given(VALUE, CURRENCY)
def test_an_amount_is_read_back_as_it_was(value: Decimal, currency: str) -> None:
    written = places.to_amount(value, currency)
    assert Decimal(written) == value
    assert len(written.partition(".")[2]) >= places.find_minor_units(currency)


def test_old_currencies_are_known_with_their_end() -> None:
    for code, end in (("HRK", "2023-01"), ("BGN", "2026-01"), ("ANG", "2025-03"), ("DEM", "2002-02")):
        found = places.find_withdrawn(code)
        assert found is not None
        assert found.end == end
    assert places.find_withdrawn("EUR") is None
    assert not places.WITHDRAWN & places.CURRENCIES


def test_the_table_of_rates_has_a_date_and_what_is_used_most() -> None:
    assert tables.read_date("rates") == "2026-09-29"
    rates = places.read_rates()
    assert rates.keys() <= places.CURRENCIES
    assert {"EUR", "USD", "GBP", "JPY", "KWD", "TND", "HUF", "XCG", "CNY"} <= rates.keys()
    assert 1 < rates["EUR"] < 2


def test_sdr() -> None:
    assert places.to_sdr(Decimal(390), "KWD") > 300  # type: ignore[operator]
    assert places.to_sdr(Decimal(500), "HUF") < 300  # type: ignore[operator]
    euro, kuna = places.to_sdr(Decimal(1), "EUR"), places.to_sdr(Decimal("7.5345"), "HRK")
    assert kuna == euro
    assert places.to_sdr(Decimal(1), "XTS") is None


def test_rates_of_a_file_come_first(tmp_path: Path) -> None:
    told = tmp_path / "rates.csv"
    told.write_text("# ours\ncurrency,per_sdr\nEUR,2\n")
    try:
        places.use_rates(told)
        assert places.to_sdr(Decimal(2), "EUR") == 1
        assert places.read_rates()["USD"] > 1
    finally:
        places.use_rates(None)
    assert places.read_rates()["EUR"] < 2
    other = tmp_path / "rates.json"
    other.write_text('{"XTS": 1.5}')
    assert currencies.load_rates(other) == {"XTS": Decimal("1.5")}


@pytest.mark.parametrize(
    "text", ["", "currency,per_sdr\nEUR,x\n", "currency,per_sdr\nEUR,0\n", "currency,per_sdr\nXYZ,1\n"]
)
def test_a_file_of_rates_that_is_none(tmp_path: Path, text: str) -> None:
    told = tmp_path / "rates.csv"
    told.write_text(text)
    if not text:
        assert currencies.load_rates(told) == {}
        return
    with pytest.raises(places.InvalidRates):
        places.use_rates(told)
    with pytest.raises(places.InvalidRates):
        places.use_rates(tmp_path / "none.csv")
    places.use_rates(None)


def test_country_names_are_all_there_and_no_two_are_alike() -> None:
    printed = [places.to_printed_country(code) for code in sorted(codes.COUNTRIES)]
    assert len(set(printed)) == len(printed) == len(codes.COUNTRIES)
    assert all(name.isascii() and name == name.upper() and len(name) > 3 for name in printed)


@settings(deadline=None)
@given(st.sampled_from(sorted(places.COUNTRIES)), st.text(max_size=8))
def test_a_region_is_never_a_code_with_digits(country: str, region: str) -> None:
    printed = places.to_printed_region(country, region)
    assert len(printed) > 3 or not any(letter.isdigit() for letter in printed)


@pytest.mark.parametrize(
    ("country", "region", "printed"),
    [
        ("JP", "JP-13", "Tokyo"), ("JP", "13", "Tokyo"), ("JP", "JP13", "Tokyo"), ("TH", "TH-10", "Bangkok"),
        ("KR", "KR-11", "Seoul"), ("US", "US-NY", "NY"), ("US", "NY", "NY"), ("US", "AE", "AE"), ("IT", "IT-RM", "RM"),
        ("TR", "TR34", "İstanbul"), ("CN", "CN2", ""), ("IN", "IN-MH", "Maharashtra"), ("IE", "IE-D", "Co. Dublin"),
        ("ES", "ES-M", "Madrid"), ("GT", "GT-01", "Guatemala"), ("CA", "ca-on", "ON"), ("JP", "Tokyo", "Tokyo"),
        ("MX", "DF", "DF"), ("PL", "X9", ""),
    ],
)  # fmt: skip
def test_a_region_is_printed_as_its_country_does(country: str, region: str, printed: str) -> None:
    assert places.to_printed_region(country, region) == printed


def test_every_region_has_a_printed_name() -> None:
    for country in sorted(places.COUNTRIES):
        for code, _ in names.list_iso_regions(country):
            printed = places.to_printed_region(country, code)
            assert printed
            assert not any(letter.isdigit() for letter in printed) or len(printed) > 5, (code, printed)
