"""Time comes in as an argument, so that a test can hold it still."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]

TOLERANCE = timedelta(seconds=30)
"""How far the clocks of machines may be apart. A time that was written down by a clock further ahead of ours was wrong,
or ours is: nobody waits for it (docs/decisions/0038-clocks-that-jump.md)."""


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
    """Read either form that a column of instants may be given."""
    return from_wire(value) if isinstance(value, str) else value


def is_to_come(moment: datetime, now: datetime, *, within: timedelta) -> bool:
    """Whether to wait for it: it was set no further ahead than `within`, so one that is further was not set by a clock
    like ours."""
    return now < moment <= now + within + TOLERANCE
