"""Finds the words of one person in any text and removes them."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import cached_property
from typing import Any
from urllib.parse import unquote

ERASED = "[erased]"
"""What stands where a text stood that told who somebody is."""

# Shorter ones are found in half of all texts.
_SHORTEST_TEXT = 5
_SHORTEST_WORD = 3
_SHORTEST_NUMBER = 6
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_LETTER = r"[^\W_]"
_BETWEEN_DIGITS = r"[\s./()\-]{0,4}"
# Before a national number: an exit code or a plus, a calling code, a trunk prefix.
_BEFORE_NUMBER = rf"(?<![\d+])\+?(?:\d{_BETWEEN_DIGITS}){{0,6}}?"


class Words:
    """The words of a person. `texts` identify the person by themselves; `words` only if the person is known already
    (parts of a name). `numbers` are national telephone numbers as digits. Case and spaces are ignored, and only whole
    words count."""

    def __init__(self, texts: Iterable[str] = (), words: Iterable[str] = (), numbers: Iterable[str] = ()) -> None:
        self.texts = frozenset(text for text in map(_fold, texts) if len(text) >= _SHORTEST_TEXT)
        self.words = frozenset(word for word in map(_fold, words) if len(word) >= _SHORTEST_WORD)
        self.numbers = frozenset(digits for digits in numbers if len(digits) >= _SHORTEST_NUMBER)

    def __or__(self, other: "Words") -> "Words":
        return Words(self.texts | other.texts, self.words | other.words, self.numbers | other.numbers)

    def are_in(self, text: str | None) -> bool:
        """Return whether the text names the person, also if it is JSON or a URL, which escape some letters."""
        if not text or self._telling is None:
            return False
        return any(self._telling.search(unicodedata.normalize("NFC", form)) for form in _to_forms(text))

    def take_from(self, text: str) -> str:
        """Return the text without the words. A text without any stays as it is."""
        if self._all is None:
            return text
        plain = unicodedata.normalize("NFC", text)
        taken = self._all.sub(ERASED, plain)
        return text if taken == plain else taken

    def take_from_json(self, value: Any, *, kept: Collection[str] = (), wiped: Collection[str] = ()) -> Any:
        """Remove the words from a JSON value. Below the keys in `kept` nothing changes; texts below those in `wiped`
        are removed completely. A key that contains the words is removed with its value."""
        if isinstance(value, str):
            return self.take_from(value)
        if isinstance(value, list):
            return [self.take_from_json(inner, kept=kept, wiped=wiped) for inner in value]
        if not isinstance(value, dict):
            return value
        found = {}
        for key, inner in value.items():
            if key in kept:
                found[key] = inner
            elif key in wiped and isinstance(inner, str):
                found[key] = ERASED
            elif not self.are_in(key):
                found[key] = self.take_from_json(inner, kept=kept, wiped=wiped)
        return found

    @cached_property
    def _telling(self) -> re.Pattern[str] | None:
        return _compile(self.texts, self.numbers)

    @cached_property
    def _all(self) -> re.Pattern[str] | None:
        return _compile(self.texts | self.words, self.numbers)


def _fold(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split()).lower()


def _compile(texts: Collection[str], numbers: Collection[str]) -> re.Pattern[str] | None:
    """Put the longest first: a name comes before its parts."""
    found = [_to_pattern(text) for text in sorted(texts, key=lambda text: (-len(text), text))]
    found += [_BEFORE_NUMBER + _BETWEEN_DIGITS.join(digits) + r"(?!\d)" for digits in sorted(numbers)]
    return re.compile("|".join(found), re.IGNORECASE) if found else None


def _to_pattern(text: str) -> str:
    """Names of files and parts of addresses may have another character where there was a space."""
    begin = rf"(?<!{_LETTER})" if re.match(_LETTER, text) else ""
    end = rf"(?!{_LETTER})" if re.search(rf"{_LETTER}\Z", text) else ""
    return begin + r"[\s_.,+\-]{1,3}".join(map(re.escape, text.split(" "))) + end


def _to_forms(text: str) -> list[str]:
    forms = [text]
    if "\\" in text:
        forms.append(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("\\n", " ").replace('\\"', '"'))
    if "%" in text or "+" in text:
        forms.append(unquote(text.replace("+", " ")))
    return forms
