"""Converts Pydantic's errors, and those that our shapes raise, to messages.

Pydantic gives a type, a sentence and its values, but not the template, which also differs between JSON and Python. The
templates of the types that our shapes use are therefore listed here. A sentence that fits none of them stays as it is.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from pydantic_core import ErrorDetails, PydanticCustomError

from packhouse.kit.messages import Message, foreign, message

_TEMPLATE = "template"
"""Name in the context of a custom error under which its template stands."""

_REASONS = ("error", "reason")

_TEMPLATES: Mapping[str, tuple[Message, ...]] = {
    "datetime_parsing": (message("Input should be a valid datetime, {error}"),),
    "greater_than": (message("Input should be greater than {gt}"),),
    "greater_than_equal": (message("Input should be greater than or equal to {ge}"),),
    "less_than": (message("Input should be less than {lt}"),),
    "less_than_equal": (message("Input should be less than or equal to {le}"),),
    "literal_error": (message("Input should be {expected}"),),
    "string_pattern_mismatch": (message("String should match pattern '{pattern}'"),),
    "string_too_short": (
        message("String should have at least {min_length} character"),
        message("String should have at least {min_length} characters"),
    ),
    "string_too_long": (
        message("String should have at most {max_length} character"),
        message("String should have at most {max_length} characters"),
    ),
    "too_short": (
        message("List should have at least {min_length} item after validation, not {actual_length}"),
        message("List should have at least {min_length} items after validation, not {actual_length}"),
    ),
    "too_long": (
        message("List should have at most {max_length} item after validation, not {actual_length}"),
        message("List should have at most {max_length} items after validation, not {actual_length}"),
    ),
    "union_tag_invalid": (
        message(
            "Input tag '{tag}' found using {discriminator} does not match any of the expected tags: {expected_tags}"
        ),
    ),
    "union_tag_not_found": (message("Unable to extract tag using discriminator {discriminator}"),),
    "url_parsing": (message("Input should be a valid URL, {error}"),),
    "value_error": (message("Value error, {error}"),),
    "url_scheme": (message("URL scheme should be {expected_schemes}"),),
}


def custom_error(kind: str, told: Message) -> PydanticCustomError:
    """Return the error that a validator raises to say `told`."""
    return PydanticCustomError(kind, told.template, {**told.values, _TEMPLATE: told.template})


def to_message(details: ErrorDetails) -> Message:
    """Return the message of `details`. Its text is exactly Pydantic's."""
    said, context = details["msg"], details.get("ctx")
    if not context:
        return _to_fixed(said)
    values = {name: _to_value(name, value) for name, value in context.items()}
    custom = values.pop(_TEMPLATE, None)
    templates = _TEMPLATES.get(details["type"], ()) if custom is None else (custom,)
    made = (Message(template, values) for template in templates)
    return next((told for told in made if told == said), None) or foreign(said)


@lru_cache(256)  # few sentences have no values, and a bad batch says them a thousand times
def _to_fixed(said: str) -> Message:
    return Message(said)


def _to_value(name: str, value: Any) -> str:
    """Return a value as Pydantic writes it; a reason is a sentence of its own."""
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".removesuffix(".0")
    return foreign(str(value)) if name in _REASONS else str(value)
