"""Which letters can be printed: the ranges that the fonts in `shipping/fonts` have, so that no font is loaded."""

import re
import unicodedata
from bisect import bisect_right
from functools import cache
from importlib import resources

_JOINERS = "\u200c\u200d"
_IDLE_JOINERS = re.compile(
    f"(?<![\u0600-\u0dff\u1000-\u109f\u1780-\u17ff\u2600-\u27bf\U0001f000-\U0001faff])[{_JOINERS}]"
)
"""Joiners that say nothing: they do within Arabic, the scripts of India, Burmese, Khmer and emoji."""


# What nearly every text is made of, and every font of ours draws.
_LATIN_OR_CYRILLIC = re.compile("[ -~\u00a0-\u017f\u0400-\u045f]*")


_FANCY = re.compile("[\U0001d400-\U0001d7ff]")
"""Mathematical alphabets, which people write their names in for the look of it: the letters are those of A to Z."""


def clean(text: str) -> str:
    """Remove what is not printed, such as control and format characters, and compose letters."""
    composed = unicodedata.normalize("NFC", _FANCY.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text))
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Zs") else letter for letter in composed)
    kept = "".join(letter for letter in spaced if letter in _JOINERS or not _is_unprinted(letter))
    return re.sub(" +", " ", _IDLE_JOINERS.sub("", kept)).strip()


def _is_unprinted(letter: str) -> bool:
    """Formats, halves of surrogates, what is not assigned, and the selectors between two looks of one letter."""
    is_selector = "\ufe00" <= letter <= "\ufe0f" or "\U000e0100" <= letter <= "\U000e01ef"
    return is_selector or unicodedata.category(letter) in ("Cf", "Cs", "Co", "Cn")


def find_undrawable(text: str) -> list[str]:
    """List the letters of a text that no font here has, each once."""
    if _LATIN_OR_CYRILLIC.fullmatch(text):
        return []
    return [letter for letter in dict.fromkeys(clean(text)) if not _is_drawable(ord(letter)) and letter not in _JOINERS]


def _is_drawable(code: int) -> bool:
    firsts, lasts = _read_ranges()
    at = bisect_right(firsts, code) - 1
    return at >= 0 and code <= lasts[at]


@cache
def _read_ranges() -> tuple[list[int], list[int]]:
    """First and last letters, by `letters.txt`: a test compares it with the fonts."""
    text = resources.files("packhouse.kit.data").joinpath("letters.txt").read_text("ascii")
    pairs = [line.split("-") for line in text.splitlines() if not line.startswith("#")]
    return [int(first, 16) for first, _ in pairs], [int(last, 16) for _, last in pairs]
