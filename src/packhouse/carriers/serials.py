"""Parcel numbers with a check digit, made from a parcel's id: the same id gives the same number."""

import re
import string

from packhouse.kit.data import gtin
from packhouse.kit.messages import message

DEMONSTRATION_PREFIX = "952"
"""Kept by GS1 for demonstrations: what an account without a company prefix of its own prints is nobody's."""

_SSCC_DIGITS = 16
_S10_SERIALS = 10**8
_S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)


def is_gs1_prefix(prefix: str) -> bool:
    return re.fullmatch(r"[0-9]{3,12}", prefix) is not None


def to_sscc(prefix: str, id: int) -> str:
    """18 digits (GS1 General Specifications 3.3.1): extension digit, company prefix, serial number, check digit.

    The extension digit is the serial number's first. Raises ValueError for a prefix that is none, or whose numbers are
    used up: a number must not be given twice.
    """
    if not is_gs1_prefix(prefix):
        raise ValueError(message("{prefix} is no GS1 company prefix: 3 to 12 digits", prefix=prefix))
    room = _SSCC_DIGITS - len(prefix)
    extension, serial = divmod(id, 10**room)
    if extension > 9:
        raise ValueError(
            message("the GS1 company prefix {prefix} has no numbers left for parcel {id}", prefix=prefix, id=id)
        )
    body = f"{extension}{prefix}{serial:0{room}d}"
    return body + gtin.find_check_digit(body)


def to_s10(letter: str, country: str, id: int) -> str:
    """UPU S10: service indicator (`letter` and one more), 8 digits, check digit, country. Raises ValueError when the
    numbers of the letter are used up."""
    series, serial = divmod(id, _S10_SERIALS)
    if series >= len(string.ascii_uppercase):
        raise ValueError(message("the service {letter} has no S10 numbers left for parcel {id}", letter=letter, id=id))
    digits = f"{serial:08d}"
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(digits, _S10_WEIGHTS, strict=True)) % 11
    check = {10: 0, 11: 5}.get(rest, rest)
    return f"{letter}{string.ascii_uppercase[series]}{digits}{check}{country}"
