"""E-mail addresses as people and shops write them: several at once, with a name or other words around them."""

import re

_HOST = r"[^\s@.,;:<>()\[\]\"'|/]+"
_ADDRESS = re.compile(rf"[^\s@,;<>()\[\]\"]+@({_HOST}\.)*{_HOST}")
"""What some provider may take, whatever RFC 5322 says: `a..b@example.jp`."""
_BETWEEN = re.compile(r"[\s,;|/<>()\[\]\"]+")
_UNSEEN = re.compile("[\u200b-\u200f\u2060\ufeff]")
_LONGEST = 320
_MOST_TEXT = 2_000
"""Characters of a text that is looked through; nobody writes more addresses than this holds."""


def find_all(text: str) -> list[str]:
    """The addresses in a text, in its order: two of `a@example.com; b@example.com`, one of `Ada <a@example.com>` and
    `mailto:a@example.com`, none of `ada` or `n/a`."""
    plain = _UNSEEN.sub("", text[:_MOST_TEXT]).strip()
    words = [plain] if _is_address(plain) else _BETWEEN.split(plain)
    found = [re.sub(r"(?i)^mailto:", "", word).strip("'").rstrip(".:") for word in words]
    return list(dict.fromkeys(filter(_is_address, found)))


def _is_address(word: str) -> bool:
    return len(word) <= _LONGEST and word.isprintable() and _ADDRESS.fullmatch(word) is not None
