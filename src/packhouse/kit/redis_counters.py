"""The rate limits' counters in a Redis (the extra `[redis]`): the sums of `counters` in one script, which is atomic.

A Redis that does not answer stops nobody: counting goes on in the database for a while, then Redis is asked again.
"""

import importlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog

from packhouse.kit.counters import PARTS, WEIGHT, Counters

_MODULES = ("redis.asyncio", "redis.asyncio.retry", "redis.backoff")
PAUSE = timedelta(seconds=5)
# Longer than two windows of the longest limit, after which a counter says nothing any more.
_KEPT_SECONDS = 300

_VALUES = ("slot", "weight", "calls", "burst_slot", "burst_weight", "burst_calls")
_TAKE = f"""
local stored = redis.call('HMGET', KEYS[1], {", ".join(f"'{part}'" for part in PARTS)})
local told = {{}}
local has_room = true
for i = 1, 4, 3 do
  local slot, weight, calls = tonumber(ARGV[i]), tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  local kept, used, before = tonumber(stored[i]), tonumber(stored[i + 1]), tonumber(stored[i + 2])
  local current, previous = 0, 0
  if kept and kept >= slot then
    current, previous = used, before
  elseif kept and kept == slot - 1 then
    previous = used
  end
  if kept and current * {WEIGHT} + previous * weight + {WEIGHT} > calls * {WEIGHT} then
    has_room = false
  end
  told[i], told[i + 1], told[i + 2] = math.max(kept or slot, slot), current + 1, previous
end
if not has_room then
  return {{0, {", ".join(f"tonumber(stored[{i}])" for i in range(1, 7))}}}
end
redis.call('HSET', KEYS[1], {", ".join(f"'{part}', told[{i}]" for i, part in enumerate(PARTS, 1))})
redis.call('EXPIRE', KEYS[1], {_KEPT_SECONDS})
return {{1, {", ".join(f"told[{i}]" for i in range(1, 7))}}}
"""

_log = structlog.get_logger()


class RedisUrlError(ValueError):
    """The Redis cannot be used; the message says why in one line."""


class RedisCounters:
    """`spare` counts while Redis is away."""

    def __init__(self, url: str, spare: Counters, *, timeout_seconds: float) -> None:
        """Connects to nothing yet. `timeout_seconds` is how much longer a call may take because of Redis, once a pause.
        Raises RedisUrlError."""
        try:  # not above: it would take three megabytes of every process, and few have a Redis
            client, retry, backoff = map(importlib.import_module, _MODULES)
        except ModuleNotFoundError:
            raise RedisUrlError("PACKHOUSE_REDIS_URL needs the extra: pip install 'packhouse[redis]'") from None
        waits: dict[str, Any] = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
        try:
            self._redis = client.Redis.from_url(url, retry=retry.Retry(backoff.NoBackoff(), 0), **waits)
        except ValueError:
            raise RedisUrlError("PACKHOUSE_REDIS_URL must be redis://host:port/number or rediss://… (TLS).") from None
        self._refusals = (client.RedisError, OSError)
        self._take = self._redis.register_script(_TAKE)
        self._spare = spare
        self._away_until: datetime | None = None

    async def count(self, values: Mapping[str, Any], now: datetime) -> tuple[bool, Sequence[int]]:
        if self._away_until is not None and now < self._away_until:
            return await self._spare.count(values, now)
        key = f"packhouse:limits:{values['account_id']}:{values['kind']}"
        try:
            taken, *row = await self._take(keys=[key], args=[values[name] for name in _VALUES])
        except self._refusals as error:
            if self._away_until is None:
                _log.warning("redis is away, calls are counted in the database", error=type(error).__name__)
            self._away_until = now + PAUSE
            return await self._spare.count(values, now)
        if self._away_until is not None:
            self._away_until = None
            _log.warning("redis is back")
        return bool(taken), row

    async def close(self) -> None:
        await self._redis.aclose()
        await self._spare.close()
