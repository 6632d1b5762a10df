"""The deliveries of webhooks: kept with their exact bytes, and on request lost, doubled, reordered or delayed."""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from packhouse.kit import clock
from packhouse.kit.clock import Clock
from packhouse.sandbox import journal
from packhouse.sandbox.faults import refuse
from packhouse.sandbox.journal import Headers
from packhouse.webhooks.sender import Answer, Sender

MOST = 1_000
MOST_RULES = 200
LONGEST_HOLD_SECONDS = 86_400.0 * 30
_DEFAULT_HOLD = {"delay": 60.0, "reorder": 10.0}
_POLL_SECONDS = 0.05
_BELIEVED = Answer(200, "", None, 0.0)
"""What Packhouse believes of a delivery that has not arrived yet, or never does."""

Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]
Kind = Literal["drop", "fail", "answer_lost", "duplicate", "reorder", "delay"]


@with_config(ConfigDict(extra="forbid"))
class DeliveryRuleShape(TypedDict):
    """What happens to deliveries, and to which: `event` and `url` may have `*`, `nth` counts those that match, from 1.
    `seconds` of the account's clock is how long a delivery is delayed, or held at most for the next one."""

    kind: Kind
    event: NotRequired[str]
    url: NotRequired[str]
    nth: NotRequired[Annotated[int, Field(ge=1)]]
    probability: NotRequired[Annotated[float, Field(ge=0, le=1)]]
    seconds: NotRequired[Annotated[float, Field(ge=0, le=LONGEST_HOLD_SECONDS)]]
    times: NotRequired[Annotated[int, Field(ge=1)] | None]


RULE: TypeAdapter[DeliveryRuleShape] = TypeAdapter(DeliveryRuleShape)


@dataclass(slots=True)
class DeliveryRule:
    """A rule that waits for its deliveries; `left` is None where it always happens."""

    id: int
    shape: DeliveryRuleShape
    left: int | None
    seen: int = 0
    happened: int = 0

    @property
    def hold(self) -> timedelta:
        kind = self.shape["kind"]
        return timedelta(seconds=self.shape.get("seconds", _DEFAULT_HOLD.get(kind, 0.0)))

    def to_wire(self) -> dict[str, Any]:
        return {"id": self.id, **self.shape, "times": self.left, "happened": self.happened}


@dataclass(slots=True)
class Delivery:
    """One attempt. `status` is what Packhouse was answered; `arrivals` is how many times the receiver was asked."""

    id: int
    at: datetime
    url: str
    event: str
    headers: dict[str, str]
    body: bytes
    status: int | None = None
    answer: str = ""
    error: str | None = None
    milliseconds: float = 0.0
    arrivals: int = 0
    fault: str | None = None

    @property
    def message_id(self) -> str:
        return self.headers.get("Packhouse-Delivery", "")

    @property
    def attempt(self) -> int:
        return int(self.headers.get("Packhouse-Attempt", 1))

    @property
    def shown_headers(self) -> Headers:
        return journal.to_headers((name.encode(), value.encode("latin-1")) for name, value in self.headers.items())

    def to_wire(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "at": clock.to_wire(self.at),
            "url": self.url,
            "event": self.event,
            "message_id": self.message_id,
            "attempt": self.attempt,
            "headers": [list(pair) for pair in self.shown_headers],
            "body": self.body.decode("utf-8", "replace"),
            "bytes": len(self.body),
            "status": self.status,
            "answer": self.answer,
            "error": self.error,
            "milliseconds": self.milliseconds,
            "arrivals": self.arrivals,
            "fault": self.fault,
        }


class _Held(NamedTuple):
    """A delivery that waits for its time, or where `for_next`, for the next one to the same receiver."""

    delivery: Delivery
    due_at: datetime
    for_next: bool
    post: Post


@dataclass
class Deliveries:
    """The deliveries of one account, newest last, and what goes wrong with them."""

    now: Clock
    seed: int = 0
    rules: list[DeliveryRule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - the same in each run of a test
        self._kept: deque[Delivery] = deque(maxlen=MOST)
        self._held: list[_Held] = []
        self._numbers, self._rule_numbers = itertools.count(1), itertools.count(1)
        self._watch: asyncio.Task[None] | None = None

    def __iter__(self) -> Iterator[Delivery]:
        return iter(tuple(self._kept))

    def find(self, id: int) -> Delivery | None:
        return next((delivery for delivery in self._kept if delivery.id == id), None)

    def add_rule(self, shape: DeliveryRuleShape) -> DeliveryRule:
        """A rule happens once unless it says otherwise. Raises Invalid."""
        if len(self.rules) >= MOST_RULES:
            raise refuse(f"There are {MOST_RULES} rules already; take some away.")
        rule = DeliveryRule(next(self._rule_numbers), shape, shape.get("times", 1))
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget rules, what is held, and what was sent; the numbers go on."""
        self.rules = []
        self.drop_held()
        self._kept.clear()
        self._random.seed(self.seed)

    def drop_held(self) -> None:
        self._held = []
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, post: Post) -> Answer:
        """Send as the rules have it; return what Packhouse is to think of it."""
        delivery = self._record(url, headers, body)
        rule = self._choose(delivery)
        kind = None if rule is None else rule.shape["kind"]
        delivery.fault = kind
        if kind == "fail":
            return _settle(delivery, Answer(None, "", "ConnectError", 0.0))
        if rule is not None and kind in ("drop", "delay", "reorder"):
            if kind != "drop":
                self._hold(_Held(delivery, self.now() + rule.hold, kind == "reorder", post))
            return _settle(delivery, _BELIEVED)
        for _ in range(2 if kind == "duplicate" else 1):
            answer = await _post(delivery, post)
        if kind == "answer_lost":
            _settle(delivery, Answer(None, "", "Timeout", answer.duration_ms))
            answer = Answer(None, "", "Timeout", answer.duration_ms)
        await self._release([held for held in self._held if held.for_next and held.delivery.url == url])
        return answer

    async def release_due(self) -> None:
        """Send what was held until now."""
        now = self.now()
        await self._release([held for held in self._held if held.due_at <= now])

    async def _release(self, ready: list[_Held]) -> None:
        self._held = [held for held in self._held if held not in ready]
        for held in ready:
            await _post(held.delivery, held.post)

    def _hold(self, held: _Held) -> None:
        self._held.append(held)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.create_task(self._release_in_time())

    async def _release_in_time(self) -> None:
        while self._held:
            await asyncio.sleep(_POLL_SECONDS)
            await self.release_due()

    def _record(self, url: str, headers: Mapping[str, str], body: bytes) -> Delivery:
        event = read_event(body)
        delivery = Delivery(next(self._numbers), self.now(), url, event, dict(headers), body)
        self._kept.append(delivery)
        return delivery

    def _choose(self, delivery: Delivery) -> DeliveryRule | None:
        return next((rule for rule in self.rules if self._happens(rule, delivery)), None)

    def _happens(self, rule: DeliveryRule, delivery: Delivery) -> bool:
        shape = rule.shape
        is_meant = fnmatchcase(delivery.event, shape.get("event", "*")) and fnmatchcase(
            delivery.url, shape.get("url", "*")
        )
        if rule.left == 0 or not is_meant:
            return False
        rule.seen += 1
        if rule.seen != shape.get("nth", rule.seen) or self._random.random() >= shape.get("probability", 1.0):
            return False
        rule.happened += 1
        if rule.left is not None:
            rule.left -= 1
        return True


class SandboxSender(Sender):
    """Sends what the account's rules let through."""

    def __init__(self, deliveries: Deliveries, *, connect_seconds: float, read_seconds: float) -> None:
        super().__init__(allow_private=True, connect_seconds=connect_seconds, read_seconds=read_seconds)
        self._deliveries = deliveries

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        return await self._deliveries.send(url, headers, body, super().post)

    async def close(self) -> None:
        self._deliveries.drop_held()
        await super().close()


async def _post(delivery: Delivery, post: Post) -> Answer:
    delivery.arrivals += 1
    return _settle(delivery, await post(delivery.url, delivery.headers, delivery.body))


def _settle(delivery: Delivery, answer: Answer) -> Answer:
    delivery.status, delivery.answer, delivery.error = answer.status_code, answer.body, answer.error
    delivery.milliseconds = answer.duration_ms
    return answer


def read_event(body: bytes) -> str:
    """The event that a body names, in either of the two forms; empty where it names none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    named = (value.get("event_type") or value.get("action")) if isinstance(value, dict) else None
    return named if isinstance(named, str) else ""
