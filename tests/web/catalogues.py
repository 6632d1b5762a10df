"""The texts that people are shown and their catalogues: `make catalogues` brings `web/locale/*.po` up to them.

A catalogue holds what the templates of the page say, what stands in Python as `message("…")` or `marked("…")`, and why
our own presets leave rows of a file out.
"""

import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2.ext
from babel.messages import Catalog, pofile
from babel.messages.extract import extract

from packhouse.orders.files import mapping
from packhouse.web.frame import languages

WEB = Path(str(languages.__file__)).parent.parent
SOURCES = WEB.parent
LOCALES = WEB / "locale"
# What speaks to operators and programs alone, in English.
ENGLISH = ("cli", "client", "migrations")
# A text, or its forms for one and for many.
Text = str | tuple[str, ...]

_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "extensions": "jinja2.ext.do", "newstyle_gettext": "true"}
_CHARSET = '"Content-Type: text/plain; charset=utf-8\\n"\n'


def find_texts() -> set[Text]:
    """Every text that a reader may be shown, unless it has no words of its own."""
    found = {*_find_in_templates(), *find_in_python(SOURCES), *_find_in_presets()}
    return {text for text in found if not isinstance(text, str) or has_words(text)}


def has_words(template: str) -> bool:
    """Whether there is more to translate in a template than the values that are put into it."""
    return any(map(str.isalpha, re.sub(r"\{\w+\}", "", template)))


def _find_in_templates() -> Iterator[Text]:
    for path in sorted((WEB / "templates").glob("*.html")):
        with path.open("rb") as source:
            found = jinja2.ext.babel_extract(source, ("_", "gettext", "ngettext"), [], _OPTIONS)
            for _line, function, texts, _comments in found:
                yield _to_text(function or "", texts or "")


def find_in_python(root: Path) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in ENGLISH:
            with path.open("rb") as source:
                for _line, text, _comments, _context in extract("python", source, {"message": None, "marked": None}):
                    yield str(text)


def _find_in_presets() -> Iterator[str]:
    for preset in mapping.list_presets().values():
        yield from (skip.why for skip in preset.skip)


def _to_text(function: str, texts: str | tuple[str | None, ...]) -> Text:
    """What follows a text is what is put into it."""
    several = (texts,) if isinstance(texts, str) else texts
    wanted = [text for text in several[: 2 if function == "ngettext" else 1] if text is not None]
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


def read(language: str) -> Catalog:
    path = LOCALES / f"{language}.po"
    return pofile.read_po(io.BytesIO(path.read_bytes()), locale=language)


def list_texts(language: str) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """The forms of each text, and those of its translation."""
    for message in read(language):
        if message.id:
            yield _to_forms(message.id), _to_forms(message.string)


def _to_forms(texts: Any) -> Sequence[str]:
    return [texts] if isinstance(texts, str) else list(texts)


def update(language: str, texts: set[Text]) -> int:
    """How many are left to be translated."""
    old = read(language) if (LOCALES / f"{language}.po").is_file() else Catalog(language)
    new = Catalog(language, fuzzy=False)
    for text in sorted(texts, key=_to_key):
        known = old.get(text)
        several = ("",) * new.num_plurals if isinstance(text, tuple) else ""
        new.add(text, known.string if known is not None else several)
    packed = io.BytesIO()
    pofile.write_po(packed, new, width=120, omit_header=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: {new.plural_forms}\\n"\n{_CHARSET}\n'
    (LOCALES / f"{language}.po").write_text(header + packed.getvalue().decode(), "utf-8")
    return sum(not any(m.string) if isinstance(m.string, tuple) else not m.string for m in new if m.id)


def _to_key(text: Text) -> tuple[str, str]:
    first = text if isinstance(text, str) else text[0]
    return first.casefold(), first


if __name__ == "__main__":
    LOCALES.mkdir(exist_ok=True)
    for language in (code for code in languages.LANGUAGES if code != "en"):
        left = update(language, find_texts())
        print(f"{language}: {left} texts to translate")  # noqa: T201 - a command says what it did
