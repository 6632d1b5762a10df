"""In which language and with which habits of writing numbers and dates a reader is answered.

The texts of the page are English; `locale/<language>.po` holds each translation, read as it is (no build step).
"""

import gettext
import io
from functools import cache
from importlib.resources import files

from babel import Locale
from babel.messages import Catalog, mofile, pofile
from starlette.requests import Request

from packhouse.kit.messages import Message

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


def translate(tag: str, told: str) -> str:
    """Return a message in the reader's language, on one line. A text without values, like one that was stored by an
    earlier version or a carrier's, is looked up as it is."""
    return _translate(tag[:2], told).replace("\n", " ")


def translate_lines(tag: str, told: str) -> list[str]:
    """Return the lines of a message: those that were joined stand one below the other."""
    return _translate(tag[:2], told).split("\n")


def _translate(language: str, told: str) -> str:
    if not isinstance(told, Message) or not told.values:
        return translations(language).gettext(told) if told else told
    said = translations(language).gettext(told.template)
    put = {name: _translate(language, v) if isinstance(v, Message) else v for name, v in told.values.items()}
    return said.format_map(put)


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
