"""Time comes in as an argument, so that a test can hold it still."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def now() -> datetime:
    return datetime.now(UTC)


def to_wire(instant: datetime | str) -> str:
    """UTC with six digits of fraction and an offset, as every time is given back (contract, section 4).

    A text is taken as already in that form: so are times at rest in SQLite.
    """
    if isinstance(instant, str):
        return instant
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def from_wire(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_instant(value: datetime | str) -> datetime:
    """Of either form that a column of instants may be given."""
    return from_wire(value) if isinstance(value, str) else value
