"""States, provinces and regions as shops write them, converted to ISO 3166-2 where possible."""

import unicodedata
from functools import cache

import pycountry

from packhouse.kit.data import places

_CHINA = (
    "YN", "BJ", "TJ", "HE", "SX", "NM", "LN", "JL", "HL", "SH", "JS", "ZJ", "AH", "FJ", "JX", "SD", "HA", "HB", "HN",
    "GD", "GX", "HI", "CQ", "SC", "GZ", "SN", "GS", "QH", "NX", "MO", "XZ", "XJ",
)  # fmt: skip

_ALIASES: dict[str, dict[str, str]] = {
    # WooCommerce numbers the provinces by itself.
    "CN": {f"CN{number}": code for number, code in enumerate(_CHINA, 1)},
    # Codes of before the state's new name, or of the vehicles' plates.
    "IN": {"OR": "OD", "TG": "TS", "CT": "CG", "UT": "UK", "UL": "UK", "DN": "DH", "DD": "DH", "DNHDD": "DH"},
    # Two letters, as shops and the post write them, for ISO's three.
    "MX": {
        "DF": "CMX",
        "CDMX": "CMX",
        "AG": "AGU",
        "AGS": "AGU",
        "BC": "BCN",
        "BS": "BCS",
        "CM": "CAM",
        "CS": "CHP",
        "CHIS": "CHP",
        "CH": "CHH",
        "CHIH": "CHH",
        "CO": "COA",
        "COAH": "COA",
        "CL": "COL",
        "DG": "DUR",
        "DGO": "DUR",
        "GT": "GUA",
        "GTO": "GUA",
        "GR": "GRO",
        "HG": "HID",
        "HGO": "HID",
        "JA": "JAL",
        "MX": "MEX",
        "EM": "MEX",
        "MI": "MIC",
        "MICH": "MIC",
        "MO": "MOR",
        "NA": "NAY",
        "NL": "NLE",
        "OA": "OAX",
        "PU": "PUE",
        "QT": "QUE",
        "QRO": "QUE",
        "QE": "QUE",
        "QR": "ROO",
        "Q ROO": "ROO",
        "SL": "SLP",
        "SI": "SIN",
        "SO": "SON",
        "TB": "TAB",
        "TM": "TAM",
        "TAMPS": "TAM",
        "TL": "TLA",
        "TLAX": "TLA",
        "VE": "VER",
        "YU": "YUC",
        "ZA": "ZAC",
    },
    "NZ": {
        "NL": "NTL",
        "AK": "AUK",
        "WA": "WKO",
        "BP": "BOP",
        "TK": "TKI",
        "GI": "GIS",
        "HB": "HKB",
        "MW": "MWT",
        "WE": "WGN",
        "NS": "NSN",
        "MB": "MBH",
        "TM": "TAS",
        "WC": "WTC",
        "CT": "CAN",
        "OT": "OTA",
        "SL": "STL",
    },
    "ZA": {"GT": "GP", "NL": "KZN", "NP": "LP"},
    "US": {"AA": "AA", "AE": "AE", "AP": "AP", "FM": "FM", "MH": "MH", "PW": "PW"},
    # Magento's codes, and abbreviations that Germans write.
    "DE": {
        "NDS": "NI",
        "BAW": "BW",
        "BAY": "BY",
        "BER": "BE",
        "BRG": "BB",
        "BRE": "HB",
        "HAM": "HH",
        "HES": "HE",
        "MEC": "MV",
        "NRW": "NW",
        "RHE": "RP",
        "RLP": "RP",
        "SAR": "SL",
        "SAS": "SN",
        "SAC": "ST",
        "SCN": "SH",
        "THE": "TH",
    },
    "AT": {"WI": "9", "NO": "3", "OO": "4", "SB": "5", "KN": "2", "ST": "6", "TI": "7", "BL": "1", "VB": "8"},
    # The departments overseas by the codes that ISO 3166-1 has for them, and by those of their regions.
    "FR": {
        "GP": "971",
        "GUA": "971",
        "MQ": "972",
        "MTQ": "972",
        "GF": "973",
        "GUF": "973",
        "RE": "974",
        "LRE": "974",
        "REU": "974",
        "YT": "976",
        "MAY": "976",
    },
    "GB": {"ENGLAND": "ENG", "SCOTLAND": "SCT", "WALES": "WLS", "NORTHERN IRELAND": "NIR", "LONDON": "LND"},
    "IT": {"PU": "PU", "FC": "FC", "SU": "SU"},
    "CA": {"QUEBEC": "QC", "NF": "NL", "PQ": "QC", "YK": "YT"},
    "PH": {"METRO MANILA": "00", "NCR": "00"},
}
"""Country -> what shops write -> the part of ISO 3166-2 behind the country. WooCommerce's and Shopify's lists of states
of 2025, Magento's of its module Directory (2.4), and the United States' armed forces and freely associated states,
which USPS has codes for (Publication 28) and ISO has not."""

_ISO_LACKS = frozenset({("US", code) for code in ("AA", "AE", "AP", "FM", "MH", "PW")})

SHOP_CODED = frozenset({
    "AE", "AL", "AO", "AR", "BD", "BJ", "BO", "CL", "CN", "CO", "CR", "DO", "DZ", "EC", "EG", "ET", "GE", "GH", "GR",
    "GT", "HK", "HN", "HU", "ID", "IE", "IN", "IR", "JM", "JP", "KE", "KN", "KR", "KW", "LA", "LR", "MA", "MD", "MN",
    "MX", "MY", "MZ", "NA", "NG", "NI", "NP", "NZ", "PA", "PE", "PH", "PK", "PY", "RO", "RS", "RU", "SN", "SV", "TH",
    "TR", "TZ", "UA", "UG", "UY", "VE", "VN", "ZA", "ZM", "ZW",
})  # fmt: skip
"""Countries whose regions shop systems give codes of their own, or of before a reform: a code that is not known may be
one of these."""


def read(country: str, text: str) -> str | None:
    """Return the ISO 3166-2 code without its country for a code or name in any case, or None if it is unknown."""
    written = text.strip()
    folded = written.upper()
    bare = folded.removeprefix(f"{country}-").removeprefix(f"{country}_").removeprefix(f"{country}:")
    aliases = _ALIASES.get(country, {})
    for code in (bare, bare.replace(".", "")):
        if places.has_subdivision(country, f"{country}-{code}"):
            return code
        if code in aliases:
            return aliases[code]
    glued = bare.removeprefix(country)
    for code in (glued, glued.zfill(2), glued.zfill(3)):
        if glued != bare and places.has_subdivision(country, f"{country}-{code}"):
            return code
    folded_name = _fold(written)
    return _list_names().get(country, {}).get(folded_name) or _list_local_names(country).get(folded_name)


def may_be_meant(country: str, text: str) -> bool:
    """Whether a text that `read` does not know may be a region all the same: a name, or a code of a shop system.

    What is written as a code of ISO 3166-2 and is none of the country's is wrong.
    """
    folded = text.strip()
    if not any(map(str.isalnum, folded)) or folded[:1] in "-_" or folded[-1:] in "-_":
        return False
    prefix, hyphen, rest = folded.partition("-")
    if hyphen and len(prefix) == 2 and prefix.upper() in places.COUNTRIES and len(rest) <= 3:
        return prefix.upper() == country and country in SHOP_CODED
    return len(folded) > 3 or not folded.isascii() or country in SHOP_CODED


def may_be(country: str, text: str) -> bool:
    """Whether a text is a region of the country, or may be one."""
    return is_exact(country, text) or read(country, text) is not None or may_be_meant(country, text)


def is_exact(country: str, text: str) -> bool:
    """By ISO 3166-2 to the letter, or by USPS."""
    return places.has_subdivision(country, text) or (country, text) in _ISO_LACKS


def to_code(country: str, bare: str) -> str:
    """Write the code that carriers are given: `US-NY`; USPS's own codes have no country."""
    return bare if (country, bare) in _ISO_LACKS else f"{country}-{bare}"


@cache
def _list_local_names(country: str) -> dict[str, str]:
    """Names in the country's own writing, by Google's address data: `東京都`, `Ciudad de México`."""
    return {
        _fold(name): code
        for code, name in places.list_local_regions(country)
        if places.has_subdivision(country, f"{country}-{code}")
    }


@cache
def _list_names() -> dict[str, dict[str, str]]:
    """Country -> folded name -> code; a name of two is none's."""
    found: dict[str, dict[str, str]] = {}
    for subdivision in pycountry.subdivisions:
        bare = subdivision.code.partition("-")[2]
        for name in {_fold(part) for part in (subdivision.name, *subdivision.name.split(" / "))}:
            of_country = found.setdefault(subdivision.country_code, {})
            of_country[name] = "" if of_country.get(name, bare) != bare else bare
    return {country: {name: code for name, code in names.items() if code} for country, names in found.items()}


def _fold(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c if c.isalnum() else " " for c in apart if not unicodedata.combining(c)).split())
