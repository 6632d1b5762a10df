"""An address as its country writes it, and as the post reads it abroad."""

import re
from functools import cache

from packhouse.consignment import Address
from packhouse.kit.data import places

_NUMBER_FIRST = frozenset(
    ["AU", "CA", "FR", "GB", "GG", "HK", "IE", "IM", "IN", "JE", "LU", "MC", "MY", "NZ", "PH", "SG", "TH", "US", "ZA"]
)
"""Countries that write the house number before the street."""

_COMMA = frozenset(["AL", "ES", "IT", "BR", "MD", "RU", "UA", "BY", "KZ"])
"""Countries that part street and number by a comma."""

_DEFAULT = "%N%n%O%n%A%n%Z %C"
_FIELD = re.compile("%[A-Z]")
_NATIVE = re.compile("[\u0370-\U0003ffff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def to_street(address: Address) -> str:
    street, number = address.address_line_1.strip(), address.house_number.strip()
    if not number or not street:
        return street or number
    if address.country_code in _NUMBER_FIRST:
        return f"{number} {street}"
    return f"{street}, {number}" if address.country_code in _COMMA else f"{street} {number}"


def to_postal_code(address: Address) -> str:
    """Empty where something else was typed because a form asked for one."""
    return "" if places.is_filler(address.postal_code) else address.postal_code.strip()


def to_lines(address: Address, *, with_country: bool = True) -> list[str]:
    """Name and company first, then the country's own order of the rest, its name last, in English and capitals."""
    country = places.to_printed_country(address.country_code)
    is_latin = not _is_native(address)
    region = places.to_printed_region(address.country_code, address.state_province_code, is_latin=is_latin)
    values = {
        "%A": "%n".join(_to_streets(address)),
        "%Z": to_postal_code(address),
        "%C": address.city.strip(),
        "%S": "" if region.casefold() == address.city.strip().casefold() else region,
    }
    shape = _fill_gaps(_find_format(address.country_code, is_latin), values)
    filled = "\n".join(_FIELD.sub(lambda field: values.get(field[0], ""), line) for line in shape.split("%n"))
    lines = [_tidy(line) for line in filled.replace("%n", "\n").split("\n")]
    head = [address.name, *([address.company_name] if address.company_name != address.name else [])]
    return [line for line in (*head, *lines, *([country] if with_country else [])) if line]


def _to_streets(address: Address) -> list[str]:
    box = f"P.O. Box {address.po_box}" if address.po_box and not _says_box(address.po_box) else address.po_box
    return [line for line in (to_street(address), address.address_line_2.strip(), box) if line]


def _says_box(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


def _is_native(address: Address) -> bool:
    """Whether street and city are in other letters than Latin ones."""
    told = f"{address.address_line_1} {address.city}"
    return bool(_NATIVE.search(told)) and not _LATIN.search(told)


def _tidy(line: str) -> str:
    """Without what stands between two parts where one of them is not there."""
    closed = re.sub(r"\s*,(?:\s*,)+", ",", " ".join(line.split()))
    return closed.strip(" ,-/")


def _fill_gaps(shape: str, values: dict[str, str]) -> str:
    """The format with a place for a city that it does not have (Tokyo's wards), and without what belongs to a postal
    code (`FI-`) where there is none, or it stands in it already."""
    city, code = values["%C"], values["%Z"]
    if "%C" not in shape and not _says_word(shape, city):
        with_region = "%S%C" if shape.startswith("〒") else "%C, %S"
        shape = shape.replace("%S", with_region, 1) if "%S" in shape else f"{shape}%n%C"
    prefix = re.search(r"(?<![%A-Z])([A-Z]{1,3}-?|〒)%Z", shape)  # not the C of Pakistan's `%C-%Z`
    if prefix and (not code or code.upper().startswith(prefix[1].rstrip("-"))):
        shape = shape.replace(prefix[0], "%Z")
    return shape if "%Z" in shape else shape.replace("%C", "%C %Z", 1)


def _says_word(shape: str, word: str) -> bool:
    """Whether the word stands in the format itself, as Singapore's name does: a field's letter is none."""
    said = _FIELD.sub(" ", shape.replace("%n", " "))
    return bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", said, re.IGNORECASE))


@cache
def _find_format(country: str, is_latin: bool) -> str:
    """Google's address data of 2024. Some begin with the largest part and put the name last; on a parcel it is looked
    for at the top, so that names are taken out."""
    found = places.read_format(country)
    shape = str((found.get("lfmt") if is_latin else None) or found.get("fmt") or _DEFAULT)
    shape = re.sub("%n(ÅLAND|GIBRALTAR|GUERNSEY|JERSEY)", "", shape)  # the country's name stands below anyway
    for field in ("%O", "%N"):
        shape = shape.replace(field, "")
    return shape if "%A" in shape else f"{shape}%n%A"
