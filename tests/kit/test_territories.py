"""Places that are not what their country's code says, as shops and people write them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packhouse.kit.data import places, subdivisions
from packhouse.kit.data.places import Place, codes, tables, territories

COUNTRY = st.sampled_from(sorted(places.COUNTRIES))
WRITTEN: list[tuple[Place, str]] = [
    (Place("ES", "35001"), "ES-CANARIES"),
    (Place("ES", "E-38 001"), "ES-CANARIES"),
    (Place("ES", "", "ES-GC"), "ES-CANARIES"),
    (Place("ES", "51001"), "ES-CEUTA"),
    (Place("ES", "52001"), "ES-MELILLA"),
    (Place("ES", "3500"), "ES"),
    (Place("ES", "28035"), "ES"),
    (Place("FR", "97110"), "GP"),
    (Place("FR", "97200"), "MQ"),
    (Place("FR", "97300"), "GF"),
    (Place("FR", "F-97400"), "RE"),
    (Place("FR", "97600"), "YT"),
    (Place("FR", "97133"), "BL"),
    (Place("FR", "97150"), "MF"),
    (Place("FR", "98713"), "PF"),
    (Place("FR", "98000"), "MC"),
    (Place("FR", "75001"), "FR"),
    (Place("IT", "23041", "", "Livigno"), "IT-LIVIGNO"),
    (Place("IT", "23030", "", "LIVIGNO (SO)"), "IT-LIVIGNO"),
    (Place("IT", "23030", "", "Valdidentro"), "IT"),
    (Place("IT", "22061"), "IT-CAMPIONE"),
    (Place("IT", "22060", "", "Carugo"), "IT"),
    (Place("IT", "47890"), "SM"),
    (Place("IT", "120"), "VA"),
    (Place("IT", "00184"), "IT"),
    (Place("DE", "D-78266"), "DE-BUESINGEN"),
    (Place("DE", "27498"), "DE-HELGOLAND"),
    (Place("DE", "27472"), "DE"),
    (Place("FI", "AX-22100"), "AX"),
    (Place("FI", "22100"), "AX"),
    (Place("FI", "20100"), "FI"),
    (Place("GR", "630 86"), "GR-ATHOS"),
    (Place("GR", "63087"), "GR-ATHOS"),
    (Place("GR", "63100"), "GR"),
    (Place("GB", "gy1 1aa"), "GG"),
    (Place("GB", "JE2 3AB"), "JE"),
    (Place("GB", "IM1 1AA"), "IM"),
    (Place("GB", "bt15gs"), "GB-NORTHERN-IRELAND"),
    (Place("GB", "", "GB-NIR"), "GB-NORTHERN-IRELAND"),
    (Place("GB", "B1 1AA"), "GB"),
    (Place("GB", "GX11 1AA"), "GI"),
    (Place("US", "00901-1234"), "PR"),
    (Place("US", "901"), "PR"),
    (Place("US", "", "US-PR"), "PR"),
    (Place("US", "00802"), "VI"),
    (Place("US", "96910"), "GU"),
    (Place("US", "96799", "AS"), "AS"),
    (Place("US", "96950"), "MP"),
    (Place("US", "09012", "AE"), "US-FORCES"),
    (Place("US", "96701", "HI"), "US"),
    (Place("US", "01001"), "US"),
    (Place("DK", "3900"), "GL"),
    (Place("DK", "100"), "FO"),
    (Place("DK", "FO-970"), "FO"),
    (Place("DK", "3800"), "FO"),
    (Place("DK", "0900"), "DK"),
    (Place("DK", "1000"), "DK"),
    (Place("ES", "AD500"), "AD"),
    (Place("FR", "AD 100"), "AD"),
    (Place("CH", "8238"), "DE-BUESINGEN"),
    (Place("FR", "", "974"), "RE"),
    (Place("GB", "GB BT1 5GS"), "GB-NORTHERN-IRELAND"),
    (Place("ES", "3500"), "ES"),
    (Place("DK", "1000"), "DK"),
    (Place("RS", "", "RS-KM"), "XK"),
    (Place("CY", "9300"), "CY-NORTH"),
    (Place("TR", "99300", "", "Girne"), "CY-NORTH"),
    (Place("TR", "34433"), "TR"),
    (Place("NO", "9170"), "SJ"),
    (Place("NL", "", "NL-AW"), "AW"),
]


@pytest.mark.parametrize(("place", "code"), WRITTEN)
def test_a_place_is_in_its_territory(place: Place, code: str) -> None:
    assert places.find_territory(place).code == code


@pytest.mark.parametrize(
    ("origin", "destination", "has_papers"),
    [
        (Place("ES", "28001"), Place("ES", "35001"), True),
        (Place("ES", "35001"), Place("ES", "38001"), False),
        (Place("ES", "35001"), Place("ES", "51001"), True),
        (Place("NL"), Place("FR", "97400"), True),
        (Place("RE"), Place("FR", "97400"), False),
        (Place("CH", "8200"), Place("DE", "78266"), False),
        (Place("DE", "10115"), Place("DE", "78266"), True),
        (Place("NL"), Place("GB", "BT1 5GS"), False),
        (Place("GB", "SW1A 1AA"), Place("GB", "BT1 5GS"), False),
        (Place("IM"), Place("GB", "BT1 5GS"), False),
        (Place("US"), Place("GB", "BT1 5GS"), True),
        (Place("NL"), Place("GB", "SW1A 1AA"), True),
        (Place("GB", "SW1A 1AA"), Place("GB", "JE2 3AB"), True),
        (Place("US", "10001"), Place("US", "00901"), False),
        (Place("PR"), Place("US", "10001"), False),
        (Place("US", "10001"), Place("US", "96910"), True),
        (Place("US", "10001"), Place("US", "09012", "AE"), True),
        (Place("FR", "75001"), Place("MC", "98000"), False),
        (Place("NL"), Place("FR", "98000"), False),
        (Place("GR", "10431"), Place("GR", "63086"), True),
        (Place("CY", "1010"), Place("CY", "9300"), True),
        (Place("TR", "34433"), Place("TR", "99300"), True),
    ],
)
def test_papers_go_with_what_leaves_an_area_both_ways(origin: Place, destination: Place, has_papers: bool) -> None:
    assert places.leaves_customs_union(origin, destination) is has_papers
    assert places.leaves_customs_union(destination, origin) is has_papers


EUROPE = codes.CUSTOMS_UNION - {"MC"}


@pytest.mark.parametrize(
    ("countries", "origin", "destination", "goes"),
    [
        (EUROPE, Place("NL"), Place("ES", "28001"), True),
        (EUROPE, Place("NL"), Place("ES", "35001"), False),
        (EUROPE, Place("NL"), Place("FR", "97400"), False),
        (EUROPE, Place("NL"), Place("RE"), False),
        (EUROPE, Place("NL"), Place("DE", "27498"), False),
        (EUROPE, Place("NL"), Place("FI", "22100"), False),
        (EUROPE, Place("NL"), Place("GB", "BT1 5GS"), False),
        ({"ES"}, Place("ES", "28001"), Place("ES", "35001"), True),
        ({"ES"}, Place("ES", "35001"), Place("ES", "28001"), True),
        ({"US"}, Place("US"), Place("PR"), True),
        ({"US"}, Place("PR"), Place("US", "10001"), True),
        ({"US"}, Place("US"), Place("US", "96910"), True),
        ({"US"}, Place("NL"), Place("US", "00901"), False),
        ({"GB"}, Place("GB"), Place("IM"), True),
        ({"FR"}, Place("FR"), Place("MC"), True),
        ({"FR"}, Place("FR"), Place("FR", "97400"), False),
        (places.COUNTRIES, Place("NL"), Place("ES", "35001"), True),
        (None, Place("NL"), Place("ES", "35001"), True),
        ({"RE"}, Place("NL"), Place("FR", "97400"), True),
    ],
)
def test_zones_end_where_the_table_says(
    countries: frozenset[str] | None, origin: Place, destination: Place, goes: bool
) -> None:
    assert places.goes(countries, origin, destination) is goes


def test_every_row_of_the_table_can_be_reached() -> None:
    by_postal_code, by_region, by_country = territories._read_rules()
    reached = {rule.territory for rules in by_postal_code.values() for rule in rules} | {*by_region.values()}
    reached |= {*by_country.values()}
    rows = list(tables.read_table("territories"))
    assert {territory.code for territory in reached} == {row["territory"] for row in rows}
    for territory in reached:
        assert territory.post in places.COUNTRIES or territory.post == territory.code
        assert territory.areas


def test_the_table_knows_the_regions_of_iso_3166() -> None:
    known_beside = {("US", "PW"), ("US", "FM"), ("US", "MH"), ("US", "AA"), ("US", "AE"), ("US", "AP")}
    _, by_region, _ = territories._read_rules()
    old = {("FR", code) for code in ("GP", "MQ", "GF", "RE", "YT", "GUA", "MTQ", "LRE", "MAY")}
    for country, region in by_region.keys() - known_beside - old:
        assert places.has_subdivision(country, region), (country, region)


@settings(max_examples=300, deadline=None)
@given(COUNTRY, COUNTRY, st.text(max_size=10), st.text(max_size=6))
def test_a_border_is_one_from_both_sides(one: str, other: str, postal_code: str, region: str) -> None:
    here, there = Place(one, postal_code, region), Place(other, postal_code, region)
    assert places.leaves_customs_union(here, there) is places.leaves_customs_union(there, here)
    assert not places.leaves_customs_union(here, here)
    assert places.goes(None, here, there)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("UK", "GB"), ("EL", "GR"), ("XI", "GB"), ("IC", "ES"), ("EA", "ES"), ("gb", "GB"), ("Nld", "NL"),
        ("276", "DE"), ("germany", "DE"), ("KOREA (REP.)", "KR"), ("XKX", "XK"), ("NL", None), ("ZZ", None), ("", None),
        ("U" * 100, None),
    ],
)  # fmt: skip
def test_the_country_that_is_meant_is_found(written: str, meant: str | None) -> None:
    assert places.find_country_meant(written) == meant


def test_no_alias_is_a_code_of_its_own() -> None:
    for row in tables.read_table("country_aliases"):
        assert row["alias"] not in places.COUNTRIES
        assert row["code"] in places.COUNTRIES or row["alias"] in ("CONGO", "VIRGIN ISLANDS")  # two of each


@pytest.mark.parametrize(
    ("country", "has", "wants"),
    [("NL", True, True), ("HK", False, False), ("AE", False, False), ("QA", False, False), ("IE", True, False)],
)
def test_some_countries_have_no_postal_codes(country: str, has: bool, wants: bool) -> None:
    assert places.has_postal_codes(country) is has
    assert places.wants_postal_code(country) is wants


@pytest.mark.parametrize("filler", ["-", "N/A", "00000", "000", "999077", " ", "99999", "--", "n/a"])
def test_what_is_typed_where_there_is_no_postal_code(filler: str) -> None:
    assert places.is_filler(filler)


@pytest.mark.parametrize("code", ["1015 CR", "00901", "0501", "SW1A 1AA", "00-116"])
def test_a_postal_code_is_no_filler(code: str) -> None:
    assert not places.is_filler(code)


def test_a_region_that_names_a_territory_is_one_of_its_country() -> None:
    """Else an order would lose it before its customs papers are decided."""
    for row in tables.read_table("territories"):
        for told in row["where"].split():
            country, kind, region = told[:2], told[2], told[3:]
            is_known = subdivisions.is_exact(country, region) or subdivisions.read(country, region) is not None
            assert kind != "@" or is_known, told
