"""Addresses in their country's order, as its post reads them, and the country as every post does."""

import dataclasses

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from packhouse.carriers import Address
from packhouse.kit.data import places
from packhouse.kit.data.places import names
from packhouse.printing import addresses

BASE = Address("Anna Tester", "Main Road", "10001", "Somewhere", "US")


def lines(country: str, city: str, postal_code: str, region: str = "", **changes: str) -> list[str]:
    told = dataclasses.replace(
        BASE, country_code=country, city=city, postal_code=postal_code, state_province_code=region, **changes
    )
    return addresses.to_lines(told)[1:]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (lines("US", "New York", "10001", "US-NY"), ["Main Road", "New York, NY 10001", "UNITED STATES OF AMERICA"]),
        (lines("US", "San Juan", "00901", "PR"), ["Main Road", "San Juan, PR 00901", "UNITED STATES OF AMERICA"]),
        (lines("US", "FPO", "09012", "AE"), ["Main Road", "FPO, AE 09012", "UNITED STATES OF AMERICA"]),
        (lines("JP", "Chiyoda-ku", "100-0001", "JP-13"), ["Main Road, Chiyoda-ku, Tokyo", "100-0001", "JAPAN"]),
        (
            lines("JP", "千代田区", "100-0001", "JP-13", address_line_1="千代田1-1"),
            ["〒100-0001", "東京都千代田区", "千代田1-1", "JAPAN"],
        ),
        (lines("TH", "Bang Rak", "10500", "TH-10"), ["Main Road", "Bang Rak", "Bangkok 10500", "THAILAND"]),
        (lines("KR", "Jung-gu", "04524", "KR-11"), ["Main Road", "Jung-gu", "Seoul", "04524", "KOREA (REP.)"]),
        (
            lines("TW", "信義區", "110", "臺北市", address_line_1="市府路1號"),
            ["110", "臺北市信義區", "市府路1號", "TAIWAN, CHINA"],
        ),
        (lines("PK", "Karachi", "-"), ["Main Road", "Karachi", "PAKISTAN"]),
        (lines("PK", "Karachi", "74000"), ["Main Road", "Karachi-74000", "PAKISTAN"]),
        (lines("CD", "Kinshasa", "-"), ["Main Road", "Kinshasa", "CONGO (DEM. REP.)"]),
        (lines("CG", "Brazzaville", "N/A"), ["Main Road", "Brazzaville", "CONGO (REP.)"]),
        (lines("BQ", "The Bottom", "00000"), ["Main Road", "The Bottom", "BONAIRE, SINT EUSTATIUS AND SABA"]),
        (lines("VG", "Road Town", "VG1110"), ["Main Road", "Road Town", "VG1110", "VIRGIN ISLANDS (BRITISH)"]),
        (
            lines("VI", "Charlotte Amalie", "00802"),
            ["Main Road", "Charlotte Amalie 00802", "VIRGIN ISLANDS (UNITED STATES)"],
        ),
        (lines("HK", "Central", "999077"), ["Main Road", "Central", "HONG KONG, CHINA"]),
        (lines("AE", "Dubai", "-", "AE-DU"), ["Main Road", "Dubai", "UNITED ARAB EMIRATES"]),
        (lines("FI", "Helsinki", "FI-00100"), ["Main Road", "FI-00100 Helsinki", "FINLAND"]),
        (lines("FI", "Helsinki", "00100"), ["Main Road", "FI-00100 Helsinki", "FINLAND"]),
        (lines("AX", "Mariehamn", "22100"), ["Main Road", "AX-22100 Mariehamn", "ALAND ISLANDS (FINLAND)"]),
        (lines("SG", "Singapore", "238823"), ["Main Road", "SINGAPORE 238823", "SINGAPORE"]),
        (lines("BR", "São Paulo", "01310-100", "BR-SP"), ["Main Road", "São Paulo-SP", "01310-100", "BRAZIL"]),
        (lines("CO", "Bogotá", "110111"), ["Main Road", "Bogotá, 110111", "COLOMBIA"]),
        (lines("TR", "Şişli", "34433", "TR34"), ["Main Road", "34433 Şişli/İstanbul", "TURKIYE"]),
        (lines("IE", "Dublin", "D02 AF30", "IE-D"), ["Main Road", "Dublin", "Co. Dublin", "D02 AF30", "IRELAND"]),
        (lines("NL", "Haarlem", "2011 AB", "NL-NH"), ["Main Road", "2011 AB Haarlem", "NETHERLANDS"]),
    ],
)
def test_a_country_orders_its_lines(found: list[str], expected: list[str]) -> None:
    assert found == expected


WORD = st.text("abcdefghij Åøß%CSZ", min_size=1, max_size=12).map(str.strip).filter(bool)


@settings(max_examples=400, deadline=None)
@example("JP", "C", "S", "1015 CR", None)
@example("SG", "Main", "A", "12345", None)
@given(st.sampled_from(sorted(places.COUNTRIES)), WORD, WORD, st.sampled_from(["1015 CR", "12345", "-", ""]), st.data())
def test_all_that_was_told_stands_once_and_the_country_last(
    country: str, street: str, city: str, postal_code: str, data: st.DataObject | None
) -> None:
    regions = [code for code, _ in names.list_iso_regions(country)]
    region = data.draw(st.sampled_from(["", *regions])) if data else ""
    told = addresses.to_lines(Address("Anna Tester", street, postal_code, city, country, state_province_code=region))
    assert told[0] == "Anna Tester"
    assert told[-1] == places.to_printed_country(country)
    whole = "\n".join(told)
    for part in (street, city):
        assert " ".join(part.split()).strip(" ,-/") in whole
    if region and any(letter.isdigit() for letter in region):
        assert region not in whole
