"""In which language and with which habits of writing numbers and dates a reader is answered.

The texts of the page are English; `locale/<language>.po` holds each translation, read as it is (no build step).
"""

import gettext
import io
import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from babel import Locale
from babel.messages import Catalog, mofile, pofile
from starlette.requests import Request

COOKIE = "packhouse_language"
# In each form, the locale that it was written in: what stands in its fields is read so, whatever was chosen meanwhile.
FIELD = "written_in"
LANGUAGES = {"en": "English", "nl": "Nederlands", "de": "Deutsch", "fr": "Français"}
# Readers of one language who write differently; any other is answered as the first of its language.
_REGIONS = ("en-GB", "en-US", "en-IE", "nl-NL", "nl-BE", "de-DE", "de-AT", "de-CH", "fr-FR", "fr-BE", "fr-CH", "fr-LU")
_FIRST = {"en": "en-GB", "nl": "nl-NL", "de": "de-DE", "fr": "fr-FR"}


def marked(text: str) -> str:
    """A text that stands in Python, for the catalogues to hold; the template that shows it asks for its translation."""
    return text


def available() -> dict[str, str]:
    """Codes and names of the languages that there are texts for."""
    return {code: name for code, name in LANGUAGES.items() if code == "en" or _catalog(code) is not None}


def negotiate(request: Request) -> str:
    """The reader's locale, like `nl-BE`: that of the form they sent, their choice, else what the browser asks for, else
    English."""
    written_in = getattr(request.state, "written_in", "")
    if written_in in _REGIONS:
        return str(written_in)
    asked = _asked(request.headers.get("accept-language", ""))
    known = available()
    chosen = request.cookies.get(COOKIE, "")
    if chosen in known:
        return next((tag for tag in asked if tag.startswith(f"{chosen}-")), _FIRST[chosen])
    return next((tag for tag in asked if tag[:2] in known), _FIRST["en"])


def _asked(header: str) -> list[str]:
    """The locales we know of an Accept-Language, best first."""
    weighed = []
    for part in header[:500].split(","):
        tag, _, parameter = part.partition(";")
        name, _, quality = (piece.strip().lower() for piece in parameter.partition("="))
        quality = quality if name == "q" else ""
        language, _, region = tag.strip().partition("-")
        full = f"{language.lower()}-{region.upper()}"
        if language.lower() in _FIRST and quality not in ("0", "0.0"):
            weighed.append((-_to_weight(quality), full if full in _REGIONS else _FIRST[language.lower()]))
    return [tag for _, tag in sorted(weighed, key=lambda pair: pair[0])]


def _to_weight(quality: str) -> float:
    try:
        return float(quality) if quality else 1.0
    except ValueError:
        return 0.0


@cache
def locale(tag: str) -> Locale:
    return Locale.parse(tag, sep="-")


def translate(tag: str, text: str) -> str:
    """Of texts that are not the template's own, one a line; one that no catalogue holds, like a carrier's words, stays
    as it is.

    What the rooms below say they say in English, to programs too, often with something put into it. So a text is looked
    for as it is, and then among the templates of the catalogue: its code would not tell which text it is, and one that
    was stored (why a label failed) has no more than its words.
    """
    return " ".join(_translate(tag[:2], line) for line in text.split("\n")) if text else text


@lru_cache(4096)
def _translate(language: str, text: str) -> str:
    said = translations(language).gettext(text) if text else text
    if said != text or len(text) > _LONGEST:
        return said
    for template in _templates(language):
        if found := template.pattern.fullmatch(text):
            put = {name: _translate(language, v) if _is_words(name) else v for name, v in found.groupdict().items()}
            return template.said.format_map(put)
    return text


# Longer ones are nobody's fault: a template is looked for by trial.
_LONGEST = 600
# What is put into a template under these names is words of ours again; anything else is somebody's, and stays.
_WORDS = (
    "detail",
    "error",
    "expected",
    "msg",
    "noun",
    "reason",
    "said",
    "status_message",
    "to_range",
    "way",
    "what",
    "why",
)


def _is_words(name: str) -> bool:
    return name in _WORDS


class Template(NamedTuple):
    """`There is no {noun} with id {id}.` as what finds it, and its translation."""

    pattern: re.Pattern[str]
    said: str


@cache
def _templates(language: str) -> list[Template]:
    """Those with most words of their own first: they say most exactly what it is."""
    read = _read(language)
    texts = {str(message.id): str(message.string) for message in read or () if _PLACE.search(str(message.id))}
    in_turn = sorted(texts, key=lambda text: len(_PLACE.sub("", text)), reverse=True)
    return [Template(_to_pattern(text), texts[text]) for text in in_turn]


_PLACE = re.compile(r"\{(\w+)\}")


def _to_pattern(template: str) -> re.Pattern[str]:
    """Parts and names in turn, as `split` gives them."""
    parts = _PLACE.split(template)
    named = [re.escape(part) if at % 2 == 0 else f"(?P<{part}>.+?)" for at, part in enumerate(parts)]
    return re.compile("".join(named), re.DOTALL)


@cache
def translations(language: str) -> gettext.NullTranslations:
    return _catalog(language) or gettext.NullTranslations()


@cache
def _catalog(language: str) -> gettext.GNUTranslations | None:
    read = _read(language)
    if read is None:
        return None
    packed = io.BytesIO()
    mofile.write_mo(packed, read)
    packed.seek(0)
    return gettext.GNUTranslations(packed)


@cache
def _read(language: str) -> Catalog | None:
    source = files("packhouse").joinpath("web", "locale", f"{language}.po")
    return pofile.read_po(io.BytesIO(source.read_bytes()), locale=language) if source.is_file() else None
