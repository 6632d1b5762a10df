"""Rate limits (contract, section 8), counted per account over all workers and processes, in one statement.

A limit is a number of calls in any window of a number of seconds. It is counted in fixed windows, and the window before
counts by how much of it the last `seconds` still cover. This needs one row per account and kind, whatever the limit,
and never allows twice as many calls at the edge of a window. A refused call is not counted, so that trying too early
costs nothing. `counters` stores the counts.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from packhouse.kit import errors
from packhouse.kit.http.counters import WEIGHT, Counters
from packhouse.kit.messages import message


class Limit(NamedTuple):
    name: str
    calls: int
    seconds: int


class Policy(NamedTuple):
    """The limit of a kind of calls, and the limit of its bursts, if there is one."""

    limit: Limit
    burst: Limit | None = None

    def limits(self) -> list[Limit]:
        return [self.limit] if self.burst is None else [self.limit, self.burst]


READ, WRITE = "read", "write"
DOCUMENTED = {
    READ: Policy(Limit("read", 1000, 60)),
    WRITE: Policy(Limit("write", 100, 60), Limit("burst", 15, 1)),
}
_NO_BURST = Limit("none", 10**9, 1)


class _Window(NamedTuple):
    """The window of a limit at an instant, and how much of the one before still counts, in thousandths."""

    slot: int
    weight: int

    @classmethod
    def at(cls, limit: Limit, now: float) -> "_Window":
        slot, passed = divmod(now, limit.seconds)
        return cls(int(slot), WEIGHT - int(passed * WEIGHT / limit.seconds))


class Limiter:
    """`take` counts a call or raises Throttled; in both cases the headers say how many calls are left."""

    def __init__(self, counters: Counters, policies: dict[str, Policy]) -> None:
        self._counters = counters
        self._policies = policies

    async def take(self, account_id: int, kind: str, now: datetime) -> dict[str, str]:
        policy, at = self._policies[kind], now.timestamp()
        limits = (policy.limit, policy.burst or _NO_BURST)
        values: dict[str, Any] = {"account_id": account_id, "kind": kind}
        for name, limit in zip(("", "burst_"), limits, strict=True):
            window = _Window.at(limit, at)
            values |= {f"{name}slot": window.slot, f"{name}weight": window.weight, f"{name}calls": limit.calls}
        taken, row = await self._counters.count(values)
        states = [_State.of(limit, row[i : i + 3], at) for limit, i in zip(policy.limits(), (0, 3), strict=False)]
        headers = _to_headers(states)
        if not taken:
            raise _throttled(states, headers)
        return headers

    async def close(self) -> None:
        await self._counters.close()


class _State(NamedTuple):
    limit: Limit
    left: int
    wait_seconds: float

    @classmethod
    def of(cls, limit: Limit, counted: Sequence[int], now: float) -> "_State":
        """`wait_seconds` is the time until there is room for another call."""
        slot, used, before = counted
        window = _Window.at(limit, now)
        if slot < window.slot:
            used, before = 0, used if slot == window.slot - 1 else 0
        passed = now % limit.seconds
        weighed = used + before * window.weight / WEIGHT
        return cls(limit, max(0, math.floor(limit.calls - weighed)), cls._wait(limit, used, before, passed))

    @staticmethod
    def _wait(limit: Limit, used: int, before: int, passed: float) -> float:
        room = limit.calls - 1 - used
        if room >= 0:  # later in this window, when less of the one before counts
            return 0.0 if before <= room else max(0.0, (1 - room / before) * limit.seconds - passed)
        return limit.seconds - passed + (1 - (limit.calls - 1) / used) * limit.seconds


def _to_headers(states: Sequence[_State]) -> dict[str, str]:
    """Write the headers as the IETF's draft of RateLimit header fields has them: what is left, and in how many
    seconds there is more."""
    policy = ", ".join(f'"{state.limit.name}";q={state.limit.calls};w={state.limit.seconds}' for state in states)
    left = ", ".join(f'"{state.limit.name}";r={state.left};t={math.ceil(state.wait_seconds)}' for state in states)
    return {"RateLimit-Policy": policy, "RateLimit": left}


def _throttled(states: Sequence[_State], headers: dict[str, str]) -> errors.Throttled:
    seconds = max(1, math.ceil(max(state.wait_seconds for state in states)))
    full = max(states, key=lambda state: state.wait_seconds).limit
    detail = message(
        "At most {calls} calls of this kind in {window} s. Please try again in {seconds} s.",
        calls=full.calls,
        window=full.seconds,
        seconds=seconds,
    )
    return errors.Throttled(errors.ErrorItem("throttled", detail), {**headers, "Retry-After": str(seconds)})
