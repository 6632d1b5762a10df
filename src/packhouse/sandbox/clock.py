"""A clock that can be moved, stopped and let go, and how spans of time are written."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from packhouse.kit import clock

_PART = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
MOST = timedelta(days=3_650)


class ClockState(NamedTuple):
    """How far the clock is ahead of the machine's, and where it stands if it is stopped."""

    offset: timedelta = timedelta()
    stands_at: datetime | None = None


class VirtualClock:
    """The clock of one sandbox account. It never goes back by itself; restoring a snapshot sets it back."""

    def __init__(self) -> None:
        self.state = ClockState()

    def __call__(self) -> datetime:
        return self.state.stands_at or clock.now() + self.state.offset

    @property
    def is_frozen(self) -> bool:
        return self.state.stands_at is not None

    def move_to(self, moment: datetime) -> None:
        """Move on; a moment that has passed changes nothing."""
        now = self()
        if moment <= now:
            return
        stands_at = moment if self.is_frozen else None
        self.state = ClockState(self.state.offset + (moment - now), stands_at)

    def freeze(self) -> None:
        self.state = self.state._replace(stands_at=self())

    def resume(self) -> None:
        """Go on from where the clock stands."""
        if self.state.stands_at is not None:
            self.state = ClockState(self.state.stands_at - clock.now())


def read_span(text: str) -> timedelta:
    """Read `90s`, `6h` or `1d12h`. Raises ValueError."""
    compact = text.strip().replace(" ", "").lower()
    parts = _PART.findall(compact)
    if not parts or "".join(map("".join, parts)) != compact:
        raise ValueError(f"{text!r} is no span of time; they are written like 90s, 30m, 6h or 1d12h.")
    span = timedelta(seconds=min(sum(float(number) * _SECONDS[unit] for number, unit in parts), 1e9))
    if span > MOST:
        raise ValueError("The clock moves at most ten years at a time.")
    return span


def read_moment(text: str) -> datetime:
    """Read an ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
