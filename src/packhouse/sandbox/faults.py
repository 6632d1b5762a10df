"""What goes wrong on purpose: rules that a request is matched with, and ready ones by name."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NotRequired, cast

import orjson
from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import foreign
from packhouse.kit.wire import validation
from packhouse.sandbox import matching

HEADER = "packhouse-fault"
MOST_RULES = 200

_Milliseconds = Annotated[int, Field(ge=0, le=120_000)]


@with_config(ConfigDict(extra="forbid"))
class Match(TypedDict):
    """Which requests a rule means. `nth` counts those that match all else, from 1."""

    method: NotRequired[str]
    path: NotRequired[str]
    header: NotRequired[dict[str, str]]
    account: NotRequired[str]
    nth: NotRequired[Annotated[int, Field(ge=1)] | list[Annotated[int, Field(ge=1)]]]
    probability: NotRequired[Annotated[float, Field(ge=0, le=1)]]


@with_config(ConfigDict(extra="forbid"))
class Then(TypedDict):
    """What happens: with `status` Packhouse is not asked; `drop` closes the connection before or after Packhouse has
    done its work; `truncate` is how many bytes of the answer's body still get out; `hidden_seconds` is for how long a
    new order is missing in lists."""

    status: NotRequired[Annotated[int, Field(ge=200, le=599)]]
    body: NotRequired[Any]
    headers: NotRequired[dict[str, str]]
    delay_ms: NotRequired[_Milliseconds]
    delay_jitter: NotRequired[_Milliseconds]
    drop: NotRequired[Literal["before", "after"]]
    truncate: NotRequired[Annotated[int, Field(ge=0)]]
    retry_after: NotRequired[Annotated[int, Field(ge=0)]]
    hidden_seconds: NotRequired[Annotated[float, Field(ge=0)]]


@with_config(ConfigDict(extra="forbid"))
class RuleShape(TypedDict):
    """A rule as it is sent: one by name, which `match`, `then` and `times` may change, or one of its own."""

    name: NotRequired[str]
    match: NotRequired[Match]
    then: NotRequired[Then]
    times: NotRequired[Annotated[int, Field(ge=1)] | None]


_SHAPE: TypeAdapter[RuleShape] = TypeAdapter(RuleShape)
_THEN: TypeAdapter[Then] = TypeAdapter(Then)


def _refuse(code: str, detail: str) -> dict[str, Any]:
    return {"code": code, "detail": detail, "source": {"pointer": errors.ROOT}}


NAMED: dict[str, RuleShape] = {
    "rate_limited": {
        "then": {
            "status": 429,
            "retry_after": 1,
            "headers": {"RateLimit-Policy": '"write";q=100;w=60', "RateLimit": '"write";r=0;t=1'},
            "body": _refuse("throttled", "At most 100 calls of this kind in 60 s. Please try again in 1 s."),
        },
    },
    "conflict_then_ok": {
        "then": {
            "status": 409,
            "retry_after": 1,
            "body": _refuse("conflict", "We are still processing a previous request. Please try again in a moment."),
        },
        "times": 1,
    },
    "answer_lost": {"then": {"drop": "after"}, "times": 1},
    "slow": {"then": {"delay_ms": 10_000}},
    "unavailable": {
        "then": {
            "status": 503,
            "retry_after": 1,
            "body": _refuse("unavailable", "The database cannot be reached."),
        },
    },
    "token_expired": {
        "then": {
            "status": 401,
            "headers": {"WWW-Authenticate": 'Bearer error="invalid_token"'},
            "body": _refuse("authentication_failed", "Invalid username/password."),
        },
        "times": 1,
    },
    "visibility_delay": {"match": {"method": "POST", "path": "/api/v3/orders"}, "then": {"hidden_seconds": 5.0}},
}
"""Ready rules by name. Those that a client gets over by trying again happen once unless it is said otherwise."""


@dataclass(slots=True)
class Rule:
    """A fault that waits for its requests. `left` is how many times it still happens, None for always."""

    id: int
    name: str
    match: Match
    then: Then
    left: int | None
    seen: int = 0
    happened: int = 0

    def to_wire(self) -> dict[str, Any]:
        wire = {"id": self.id, "name": self.name, "match": self.match, "then": self.then, "times": self.left}
        return {**wire, "seen": self.seen, "happened": self.happened}


@dataclass(slots=True)
class Asked:
    """What of a request the rules look at."""

    method: str
    path: str
    route: str
    headers: Sequence[tuple[str, str]]
    account: str


@dataclass
class Faults:
    """The rules of one account. The first that matches happens."""

    seed: int = 0
    rules: list[Rule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - the same faults in each run of a test
        self._last_id = 0

    def add(self, sent: Any) -> Rule:
        """Raises Invalid."""
        if len(self.rules) >= MOST_RULES:
            raise refuse(f"There are {MOST_RULES} faults already; take some away.")
        shape = read_rule(sent)
        self._last_id += 1
        rule = Rule(self._last_id, shape.get("name", ""), shape.get("match", {}), shape["then"], shape.get("times"))
        self.rules.append(rule)
        return rule

    def remove(self, id: int) -> bool:
        before = len(self.rules)
        self.rules = [rule for rule in self.rules if rule.id != id]
        return len(self.rules) < before

    def clear(self) -> None:
        """Forget all rules, and begin chance anew."""
        self.rules = []
        self._random.seed(self.seed)

    def choose(self, asked: Asked) -> tuple[str, Then] | None:
        """Name and effect of what goes wrong with this request; None where nothing does. Raises Invalid for a header
        that names no fault."""
        for name, value in asked.headers:
            if name.lower() == HEADER:
                return _read_header(value)
        for rule in self.rules:
            if self._happens(rule, asked):
                return rule.name or f"fault {rule.id}", rule.then
        return None

    def count(self, low: int, jitter: int) -> float:
        """Seconds to wait, of milliseconds and what chance adds at most."""
        return (low + self._random.uniform(0, jitter)) / 1_000

    def _happens(self, rule: Rule, asked: Asked) -> bool:
        if rule.left == 0 or not _is_addressed(rule.match, asked):
            return False
        rule.seen += 1
        nth = rule.match.get("nth")
        if nth is not None and rule.seen not in ([nth] if isinstance(nth, int) else nth):
            return False
        if self._random.random() >= rule.match.get("probability", 1.0):
            return False
        rule.happened += 1
        if rule.left is not None:
            rule.left -= 1
        return True


def _is_addressed(match: Match, asked: Asked) -> bool:
    path = match.get("path")
    return (
        match.get("method", asked.method).upper() == asked.method
        and (path is None or matching.is_path(path, asked.path, asked.route))
        and match.get("account", asked.account) == asked.account
        and matching.has_headers(match.get("header", {}), asked.headers)
    )


def read_rule(sent: Any) -> RuleShape:
    """Raises Invalid with every flaw, and for a name that no ready fault has where nothing says what happens."""
    reading = validation.read_parsed(_SHAPE, sent, may_hold_nulls=True)
    if reading.flaws or reading.unknown:
        told = [(flaw.path, flaw.detail) for flaw in reading.flaws]
        told += [(path, foreign("There is no such key.")) for path in reading.unknown]
        raise errors.Invalid([errors.ErrorItem("invalid", d, pointer=errors.to_pointer(path)) for path, d in told])
    rule = reading.value
    ready = NAMED.get(rule.get("name", ""))
    if ready is None and not rule.get("then"):
        raise refuse(f"A fault says what happens in `then`, or its name is one of {', '.join(NAMED)}.")
    known: Mapping[str, Any] = ready or {}
    sent_rule: Mapping[str, Any] = rule
    merged: Any = {**known, **sent_rule}
    for part in ("match", "then"):
        merged[part] = {**known.get(part, {}), **sent_rule.get(part, {})}
    return cast("RuleShape", merged)


_SETTING = re.compile(r"\s*(\w+)\s*=\s*(.+?)\s*")


def _read_header(value: str) -> tuple[str, Then]:
    """Read `slow; delay_ms=300`: a ready fault and what of it is changed. Raises Invalid."""
    name, *settings = value.split(";")
    ready = NAMED.get(name.strip())
    found = [_SETTING.fullmatch(setting) for setting in settings]
    if ready is None or not all(found):
        names = ", ".join(NAMED)
        detail = foreign(f"A fault is written like `slow; delay_ms=300`. The names are {names}.")
        raise errors.Invalid(errors.ErrorItem("invalid_choice", detail, header="Packhouse-Fault"))
    changed = {match[1]: _read_value(match[2]) for match in found if match is not None}
    reading = validation.read_parsed(_THEN, {**ready["then"], **changed}, may_hold_nulls=True)
    if reading.flaws or reading.unknown:
        detail = reading.flaws[0].detail if reading.flaws else foreign(f"There is no {reading.unknown[0][-1]}.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, header="Packhouse-Fault"))
    return name.strip(), reading.value


def _read_value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def to_body(then: Then) -> bytes:
    """The body of an answer that a fault makes; its entry of an error list gets the list around it."""
    status, body = then.get("status", 500), then.get("body")
    if body is None:
        body = _refuse("unavailable" if status >= 500 else "invalid", "A fault of the sandbox.")
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, dict) and "detail" in body and "errors" not in body:
        body = {"errors": [{"status": str(status), **body}]}
    return orjson.dumps(body)


def to_headers(then: Then) -> dict[str, str]:
    after = then.get("retry_after")
    return {**then.get("headers", {}), **({} if after is None else {"Retry-After": str(after)})}


def refuse(detail: str, **place: str) -> errors.Invalid:
    """A refusal of the sandbox itself. It speaks to developers, in English alone."""
    return errors.Invalid(errors.ErrorItem("invalid", foreign(detail), **place))
