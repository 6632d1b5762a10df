"""Texts for people that can be translated once the reader's language is known.

A `Message` is an English template and its values. It is a string with the English text, so programs get English without
further ado; the page looks up the template in the reader's catalogue (`web.languages`). A value that is a message is
translated too, any other value stays as it is.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

_NONE: Mapping[str, str] = {}


class Message(str):
    """The English text, with its `template` and `values`. Make one by `message`, so that the catalogues know it."""

    __slots__ = ("template", "values")

    template: str
    values: Mapping[str, str]

    def __new__(cls, template: str, values: Mapping[str, Any] | None = None) -> "Message":
        if values:
            values = {name: str(value) for name, value in values.items()}
            made = super().__new__(cls, template.format_map(values))
        else:
            made = super().__new__(cls, template)
        made.template = template if type(template) is str else str.__str__(template)
        made.values = values or _NONE
        return made

    def __str__(self) -> "Message":
        """Return the message itself, so that `str(error)` of an exception keeps its parts."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Message, (self.template, dict(self.values))


def message(template: str, /, **values: Any) -> Message:
    """Make a message. `make catalogues` collects the templates of these calls, so write the template as a literal."""
    return Message(template, values)


def foreign(text: str) -> Message:
    """Wrap the words of a library or a carrier: they are translated if a catalogue happens to have them."""
    return text if isinstance(text, Message) else Message(text)


def join(separator: str, messages: Iterable[str]) -> Message:
    """Join several messages into one, each of which is still translated by itself."""
    values = {f"part_{at}": part for at, part in enumerate(messages)}
    if len(values) == 1:
        return foreign(values["part_0"])
    return Message(separator.join(f"{{{name}}}" for name in values), values)


def to_stored(told: str) -> str | dict[str, Any]:
    """Return what JSON keeps of a message: its text, or its template and values where it has any."""
    if not isinstance(told, Message) or not told.values:
        return str.__str__(told)
    return _to_parts(told)


def _to_parts(told: Message) -> dict[str, Any]:
    values = {name: _to_parts(value) if isinstance(value, Message) else value for name, value in told.values.items()}
    return {"template": told.template, "values": values}


def from_stored(kept: str | Mapping[str, Any]) -> Message:
    """Return the message that `to_stored` was given. A plain text, like all those of earlier versions, stands as it
    is."""
    if isinstance(kept, str):
        return Message(kept)
    values = {name: value if isinstance(value, str) else from_stored(value) for name, value in kept["values"].items()}
    return Message(kept["template"], values)


def to_column(told: str) -> str:
    """Return the text that a column of texts keeps of a message."""
    kept = to_stored(told)
    return kept if isinstance(kept, str) else orjson.dumps(kept).decode()


def from_column(text: str) -> Message:
    """Return the message that `to_column` was given, or a text of an earlier version."""
    if text.startswith('{"template":'):
        try:
            return from_stored(orjson.loads(text))
        except (ValueError, LookupError, AttributeError):
            pass
    return Message(text)


def change(told: Message, work: Callable[[str], str]) -> Message:
    """Return the message with `work` applied to its values, or to all of it if it has none."""
    if not told.values:
        return Message(work(told.template))
    done = {name: change(v, work) if isinstance(v, Message) else work(v) for name, v in told.values.items()}
    return Message(told.template, done)
