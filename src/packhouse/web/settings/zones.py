"""Where a rate counts, in words: `Germany: 80 81, Netherlands` for `DE:80 DE:81 NL`."""

import re
from collections.abc import Iterator

from packhouse.kit.data import places
from packhouse.kit.messages import message
from packhouse.shipping.rates import pricing, schema
from packhouse.web.frame import formats, forms, languages
from packhouse.web.frame.languages import marked

_EVERYWHERE = marked("everywhere")
_UNION = marked("European Union")
_NAMED = {pricing.ANYWHERE: _EVERYWHERE, pricing.UNION: _UNION}


def show_zone(tag: str, zone: str) -> str:
    """The countries by their names, each with the beginnings of its postal codes."""
    prefixes: dict[str, list[str]] = {}
    for part in schema.to_zone(zone):
        code, _, prefix = part.partition(":")
        prefixes.setdefault(code, []).append(prefix)
    return ", ".join(_show(tag, code, [each for each in found if each]) for code, found in prefixes.items())


def _show(tag: str, code: str, prefixes: list[str]) -> str:
    name = languages.translate(tag, _NAMED[code]) if code in _NAMED else formats.country(tag, code)
    return f"{name}: {' '.join(prefixes)}" if prefixes else name


def read_zone(tag: str, field: str, text: str) -> str:
    """What a person wrote, by names in their language or by codes. Raises Invalid at the field."""
    return " ".join(part for each in re.split(r"[,;\n]+", text) if each.strip() for part in _read(tag, field, each))


def _read(tag: str, field: str, text: str) -> Iterator[str]:
    name, _, prefixes = (part.strip() for part in text.partition(":"))
    code = _find_code(tag, name)
    if code is None:
        raise forms.refuse(field, message("“{text}” is no country.", text=name[:60]))
    if not prefixes:
        yield code
    for prefix in prefixes.split():
        if code in _NAMED or not re.fullmatch(r"[A-Za-z0-9]{1,10}", prefix):
            detail = message("“{text}” is not how postal codes of {name} begin.", text=prefix[:20], name=name)
            raise forms.refuse(field, detail)
        yield f"{code}:{prefix.upper()}"


def _find_code(tag: str, name: str) -> str | None:
    sought = name.casefold()
    for code, word in _NAMED.items():
        if sought in (code.casefold(), word.casefold(), languages.translate(tag, word).casefold()):
            return code
    if name.upper() in places.COUNTRIES:
        return name.upper()
    by_name = {shown.casefold(): code for code, shown in formats.countries(tag)}
    return by_name.get(sought) or places.find_country_meant(name)
