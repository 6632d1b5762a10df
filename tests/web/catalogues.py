"""The page's texts and their catalogues: `make catalogues` brings `web/locale/*.po` up to what the page says."""

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jinja2.ext
from babel.messages import Catalog, pofile
from babel.messages.extract import extract

from packhouse.shipping import answers
from packhouse.web import languages
from tests.web import faults

WEB = Path(str(languages.__file__)).parent
LOCALES = WEB / "locale"
# A text, or its forms for one and for many.
Message = str | tuple[str, ...]

_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "extensions": "jinja2.ext.do", "newstyle_gettext": "true"}
_CHARSET = '"Content-Type: text/plain; charset=utf-8\\n"\n'


def find_messages() -> set[Message]:
    """All that the page says: in words of its own, and what the rooms below it say."""
    statuses = (*answers.STATUSES.values(), *answers.TRACKING.values(), *answers.STALE.values())
    return {*_find_in_templates(), *_find_in_python(), *statuses, *faults.find_texts()}


def _find_in_templates() -> Iterator[Message]:
    for path in sorted((WEB / "templates").glob("*.html")):
        with path.open("rb") as source:
            found = jinja2.ext.babel_extract(source, ("_", "gettext", "ngettext"), [], _OPTIONS)
            for _line, function, texts, _comments in found:
                yield _to_message(function or "", texts or "")


def _find_in_python() -> Iterator[Message]:
    for path in sorted(WEB.glob("*.py")):
        with path.open("rb") as source:
            for _line, text, _comments, _context in extract("python", source, {"marked": None}):
                yield text


def _to_message(function: str, texts: str | tuple[str | None, ...]) -> Message:
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


def update(language: str, messages: set[Message]) -> int:
    """How many are left to be translated."""
    old = read(language) if (LOCALES / f"{language}.po").is_file() else Catalog(language)
    new = Catalog(language, fuzzy=False)
    for message in sorted(messages, key=_to_key):
        known = old.get(message)
        several = ("",) * new.num_plurals if isinstance(message, tuple) else ""
        new.add(message, known.string if known is not None else several)
    packed = io.BytesIO()
    pofile.write_po(packed, new, width=120, omit_header=True)
    header = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: {new.plural_forms}\\n"\n{_CHARSET}\n'
    (LOCALES / f"{language}.po").write_text(header + packed.getvalue().decode(), "utf-8")
    return sum(not any(m.string) if isinstance(m.string, tuple) else not m.string for m in new if m.id)


def _to_key(message: Message) -> tuple[str, str]:
    first = message if isinstance(message, str) else message[0]
    return first.casefold(), first


if __name__ == "__main__":
    LOCALES.mkdir(exist_ok=True)
    for language in (code for code in languages.LANGUAGES if code != "en"):
        left = update(language, find_messages())
        print(f"{language}: {left} texts to translate")  # noqa: T201 - a command says what it did
