"""The time is an argument everywhere, so that a test can fix it."""

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
    """Write UTC with six digits of fraction and an offset, as every time in an answer (contract, section 4). A text is
    in that form already: SQLite stores times that way."""
    if isinstance(instant, str):
        return instant
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def from_wire(text: str) -> datetime:
    return datetime.fromisoformat(text)


def to_instant(value: datetime | str) -> datetime:
    """Read either form in which a column of instants is read."""
    return from_wire(value) if isinstance(value, str) else value


def is_to_come(moment: datetime, now: datetime, *, within: timedelta) -> bool:
    """Return whether to wait for it. A moment that is more than `within` ahead was set by a clock that is wrong."""
    return now < moment <= now + within + TOLERANCE
