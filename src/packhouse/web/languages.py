"""In which language and with which habits of writing numbers and dates a reader is answered.

The texts of the page are English; `locale/<language>.po` holds each translation, read as it is (no build step).
"""

import gettext
import io
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.messages import mofile, pofile
from starlette.requests import Request

COOKIE = "packhouse_language"
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
    """The reader's locale, like `nl-BE`: their choice, else what the browser asks for, else English."""
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
        tag, _, quality = part.strip().partition(";q=")
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
    """Of a text that is not the template's own; one that no catalogue holds, like a carrier's words, stays as it is."""
    return translations(tag[:2]).gettext(text) if text else text


@cache
def translations(language: str) -> gettext.NullTranslations:
    return _catalog(language) or gettext.NullTranslations()


@cache
def _catalog(language: str) -> gettext.GNUTranslations | None:
    source = files("packhouse").joinpath("web", "locale", f"{language}.po")
    if not source.is_file():
        return None
    packed = io.BytesIO()
    mofile.write_mo(packed, pofile.read_po(io.BytesIO(source.read_bytes()), locale=language))
    packed.seek(0)
    return gettext.GNUTranslations(packed)
