"""How people write what they look for: one form for all spellings of a word, a number or a telephone number, and the
words that are one letter away from a mistyped one.

The same forms are written down for an order (`search.to_terms`) and read from what is typed (`typed`), so that the two
meet.
"""

import re
import unicodedata
from collections.abc import Iterator

from packhouse.kit.data import gs1, gtin, phones

PHONE = " phone:"
"""The kind of the terms of telephone numbers."""
SHORTEST_MISTYPED = 5
"""Letters of a word in which one may be wrong; in shorter ones nearly every word is a letter away from another."""

_LONGEST = 120
_PHONE_DIGITS = 8
# Letters that Unicode does not take apart into a letter and a mark.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
_BETWEEN = re.compile(r"[\s,;:()\[\]/|\"&+]+")
_EDGES = ".!?'’‘\"“”„‚«»‹›-–#*"
_PARTS = re.compile(r"[-_/#.\s'’]+")
_LIKE_PHONE = re.compile(r"\+?[0-9][0-9 ()./-]{4,24}")
_DIGITS_AT_THE_END = re.compile(r"[0-9]{2,}$")
# Folded: no letter of these has a mark or a capital.
_ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyz",
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "абвгдежзиклмнопрстуфхцчшщъыьэюяєії",
    "אבגדהוזחטיכךלמםנןסעפףצץקרשת",
)


def fold(text: str) -> str:
    """Write a text without regard to case, accents and blanks: `Müller`, `MULLER` and `muller` are one."""
    if not text.isascii():
        apart = unicodedata.normalize("NFKD", text.casefold())
        plain = "".join(character for character in apart if unicodedata.category(character) != "Mn")
        text = unicodedata.normalize("NFC", plain).translate(_PLAIN)
    return " ".join(text.casefold().split())[:_LONGEST]


def to_words(text: str) -> list[str]:
    """List the folded words of more than one letter or digit."""
    words = (word.strip(_EDGES) for word in _BETWEEN.split(fold(text)))
    return [word for word in words if len(word) > 1]


def to_name_words(text: str) -> Iterator[str]:
    """Give the words of a name, and the parts of those that have a hyphen or an apostrophe."""
    for word in to_words(text):
        yield word
        parts = [part for part in _PARTS.split(word) if len(part) > 1]
        if len(parts) > 1:
            yield from parts


def to_number_forms(number: str) -> set[str]:
    """Write an order number as people say it: whole, and without what is before its last digits."""
    folded = fold(number)
    forms = {folded, folded.lstrip(_EDGES), _PARTS.split(folded)[-1]}
    if digits := _DIGITS_AT_THE_END.search(folded):
        forms |= {digits[0], digits[0].lstrip("0")}
    return {form for form in forms if len(form) > 1 or form == folded} - {""}


def to_phone_term(number: str, country: str | None) -> str:
    """The end of a telephone number, which all its spellings share; empty for what is none."""
    digits = phones.to_national(number, country) or phones.to_digits(number)
    return f"{PHONE}{digits[-_PHONE_DIGITS:]}" if len(digits) > 4 else ""


def to_typed_forms(text: str) -> set[str]:
    """List the terms that a typed text may be as a whole."""
    folded = fold(text)
    squeezed = gtin.strip_separators(folded)
    forms = {folded, folded.lstrip("#").strip(), squeezed}
    product = gs1.read_product(text)
    if product is not None and product.serial:  # a piece, whatever its article
        forms.add(fold(product.serial))
    elif product is not None or gtin.is_valid(squeezed):
        bare = (squeezed if product is None else product.gtin).lstrip("0")
        forms |= {bare.zfill(length) for length in gtin.LENGTHS if len(bare) <= length}
    is_abroad = folded.startswith(("+", "00"))
    if _LIKE_PHONE.fullmatch(folded) and (is_abroad or not gtin.is_valid(squeezed)):
        digits = phones.to_digits(folded)
        if is_abroad:
            forms.add(to_phone_term(folded, None))
        # Without its trunk prefix, which is a zero nearly everywhere.
        forms |= {f"{PHONE}{some[-_PHONE_DIGITS:]}" for some in (digits, digits.lstrip("0")) if len(some) > 4}
    return forms - {""}


def to_parcel_numbers(text: str) -> list[str]:
    """List what a typed or scanned text may be as the number of a parcel: as it is, in capitals without blanks, and an
    SSCC out of its barcode."""
    squeezed = re.sub(r"[\s()]", "", text.removeprefix("]C1"))
    forms = [text.strip(), squeezed, squeezed.upper()]
    if squeezed.isdigit() and len(squeezed) == 20 and squeezed.startswith("00"):
        forms.append(squeezed[2:])
    return list(dict.fromkeys(form for form in forms if len(form) >= SHORTEST_MISTYPED))


def to_neighbours(word: str) -> list[str]:
    """List the words that are one wrong, missing, superfluous or swapped letter away; none of a short one, or of one
    that is not of the letters of one alphabet."""
    alphabet = next((letters for letters in _ALPHABETS if set(word) <= set(letters)), "")
    if not alphabet or len(word) < SHORTEST_MISTYPED:
        return []
    found: set[str] = set()
    for place in range(len(word) + 1):
        before, after = word[:place], word[place:]
        found.update(f"{before}{letter}{after}" for letter in alphabet)
        found.update(f"{before}{letter}{after[1:]}" for letter in alphabet)
        found.add(f"{before}{after[1:]}")
        found.add(f"{before}{after[1:2]}{after[:1]}{after[2:]}")
    return sorted(found - {word})
