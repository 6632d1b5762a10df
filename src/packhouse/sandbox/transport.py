"""Carriers that reject orders, fall silent, lose answers or track by a script: by a word in an order, or by a rule.

The word is `sandbox-` and a name of `NAMED`, anywhere in the recipient's e-mail address or company, the order's number
or its `order_id`.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple, NotRequired, cast

from pydantic import ConfigDict, TypeAdapter, with_config
from typing_extensions import TypedDict

from packhouse import carriers
from packhouse.carriers import Announcement, Carrier, Consignment, Option, Rejected, TrackingEvent, Unreachable
from packhouse.kit import clock, errors
from packhouse.kit.clock import Clock
from packhouse.kit.messages import foreign
from packhouse.sandbox.clock import read_span
from packhouse.sandbox.faults import refuse
from packhouse.shipping import statuses

MOST_RULES = 200
_SLOW_SECONDS = 2.0
_WORD = re.compile(r"sandbox-([a-z]+(?:-[a-z]+)*)")

Answer = Literal[
    "refused-address",
    "refused",
    "timeout",
    "timeout-once",
    "answer-lost",
    "slow",
    "wrong-label",
    "refused-cancellation",
]


class Step(NamedTuple):
    """What a parcel comes to, so long after its shipment was made."""

    after: timedelta
    status: str
    words: str = ""


class Behaviour(NamedTuple):
    """How a carrier answers, and what it tells of a parcel's way."""

    answer: Answer | None = None
    script: Sequence[Step] = ()


def _to_script(*steps: tuple[str, str]) -> Behaviour:
    return Behaviour(script=[Step(read_span(after), status) for after, status in steps])


_ANSWERS: tuple[Answer, ...] = Answer.__args__  # type: ignore[attr-defined]
_BEGIN = (("0s", "ANNOUNCED"), ("2h", "PICKED_UP_BY_DRIVER"), ("6h", "SHIPMENT_ON_ROUTE"))
NAMED: dict[str, Behaviour] = {
    **{answer: Behaviour(answer) for answer in _ANSWERS},
    "delivered": _to_script(*_BEGIN, ("22h", "DRIVER_ON_ROUTE"), ("24h", "DELIVERED")),
    "returned": _to_script(*_BEGIN, ("24h", "DELIVERY_FAILED"), ("72h", "RETURNED_TO_SENDER")),
    "pickup": _to_script(*_BEGIN, ("24h", "AWAITING_CUSTOMER_PICKUP"), ("48h", "COLLECTED_BY_CUSTOMER")),
    "delayed": _to_script(*_BEGIN, ("24h", "DELAYED"), ("96h", "DELIVERED")),
    "refused-parcel": _to_script(*_BEGIN, ("24h", "REFUSED_BY_RECIPIENT"), ("72h", "RETURNED_TO_SENDER")),
    "lost": _to_script(*_BEGIN),
    "silent": _to_script(("0s", "ANNOUNCED")),
}


@with_config(ConfigDict(extra="forbid"))
class StepShape(TypedDict):
    after: str
    status: str
    message: NotRequired[str]


@with_config(ConfigDict(extra="forbid"))
class CarrierRuleShape(TypedDict):
    """What the carrier does with which shipments; texts may have `*`. `name` is one of `NAMED`, `script` a way of its
    own."""

    name: NotRequired[str]
    script: NotRequired[list[StepShape]]
    order_number: NotRequired[str]
    order_id: NotRequired[str]
    option: NotRequired[str]
    times: NotRequired[int | None]


RULE: TypeAdapter[CarrierRuleShape] = TypeAdapter(CarrierRuleShape)


@dataclass(slots=True)
class CarrierRule:
    """A rule that waits for its shipments; `left` is None where it always happens."""

    shape: CarrierRuleShape
    behaviour: Behaviour
    left: int | None
    happened: int = 0

    def to_wire(self) -> dict[str, Any]:
        return {**self.shape, "times": self.left, "happened": self.happened}

    def means(self, consignment: Consignment) -> bool:
        values = {
            "order_number": consignment.order_number,
            "order_id": consignment.external_reference,
            "option": consignment.option_code,
        }
        shape: Mapping[str, Any] = self.shape
        return self.left != 0 and all(fnmatchcase(value, shape.get(name, "*")) for name, value in values.items())


@dataclass
class Transport:
    """What the carriers of one account do."""

    now: Clock
    rules: list[CarrierRule] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chosen: dict[str, Behaviour] = {}
        self._asked: dict[str, int] = {}

    def add(self, shape: CarrierRuleShape) -> CarrierRule:
        """Raises Invalid."""
        if len(self.rules) >= MOST_RULES:
            raise refuse(f"There are {MOST_RULES} rules already; take some away.")
        behaviour = NAMED.get(shape.get("name", ""))
        if behaviour is None and ("name" in shape or not shape.get("script")):
            raise refuse(f"A rule has a `script`, or its name is one of {', '.join(NAMED)}.")
        script = [_read_step(step) for step in shape.get("script", ())]
        known = behaviour or Behaviour()
        found = known._replace(script=script or known.script)
        rule = CarrierRule(shape, found, shape.get("times"))
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        self.rules = []
        self._chosen.clear()
        self._asked.clear()

    def choose(self, consignment: Consignment) -> Behaviour:
        """The behaviour for a shipment, the same at every question about it."""
        known = self._chosen.get(consignment.reference)
        if known is None:
            known = self._find(consignment)
            self._chosen[consignment.reference] = known
        return known

    def _find(self, consignment: Consignment) -> Behaviour:
        rule = next((rule for rule in self.rules if rule.means(consignment)), None)
        if rule is None:
            return _find_named(consignment)
        rule.happened += 1
        rule.left = None if rule.left is None else rule.left - 1
        return rule.behaviour

    def count(self, consignment: Consignment) -> int:
        """How many times the carrier was asked for this shipment, this time included."""
        self._asked[consignment.reference] = self._asked.get(consignment.reference, 0) + 1
        return self._asked[consignment.reference]

    def wrap(self, inner: Sequence[Carrier]) -> list[Carrier]:
        return [
            (_WithServicePoints if isinstance(carrier, carriers.TellsServicePoints) else SandboxCarrier)(carrier, self)
            for carrier in inner
        ]


def _read_step(step: StepShape) -> Step:
    """Raises Invalid."""
    number = statuses.to_number(step["status"])
    if number not in {status.number for status in statuses.ON_THE_WAY}:
        known = ", ".join(status.word for status in statuses.ON_THE_WAY)
        raise refuse(f"A parcel on its way has one of these statuses: {known}.")
    try:
        return Step(read_span(step["after"]), step["status"], step.get("message", ""))
    except ValueError as error:
        raise refuse(str(error)) from None


def _find_named(consignment: Consignment) -> Behaviour:
    recipient = consignment.recipient
    texts = (recipient.email, recipient.company_name, consignment.order_number, consignment.external_reference)
    for found in _WORD.finditer(" ".join(texts).lower()):
        # An order number may go on after the word: `sandbox-timeout-once-7` and `sandbox-timeout-a` are read too.
        parts = found[1].split("-")
        for end in range(len(parts), 0, -1):
            if (named := NAMED.get("-".join(parts[:end]))) is not None:
                return named
    return Behaviour()


_is_scripted: ContextVar[bool] = ContextVar("_is_scripted", default=False)
"""Whether the shipment that was announced last in this task has a script: only then its parcels are tracked."""


class SandboxCarrier:
    """A carrier as it is, unless something else is asked for."""

    def __init__(self, inner: Carrier, transport: Transport) -> None:
        self._inner = inner
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    @property
    def code(self) -> str:
        return self._inner.code

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def has_tracking(self) -> bool:
        return self._inner.has_tracking or _is_scripted.get()

    def options(self) -> Sequence[Option]:
        return self._inner.options()

    async def announce(self, consignment: Consignment, /) -> Announcement:
        behaviour = self._transport.choose(consignment)
        _is_scripted.set(bool(behaviour.script))
        asked, answer = self._transport.count(consignment), behaviour.answer
        if answer == "refused-address":
            detail = foreign("The carrier does not know this postal code.")
            raise Rejected(
                [errors.ErrorItem("invalid", detail, pointer="/data/attributes/shipping_address/postal_code")]
            )
        if answer == "refused":
            raise Rejected([errors.ErrorItem("invalid", foreign("The carrier refuses this shipment."))])
        if answer == "timeout" or (answer == "timeout-once" and asked == 1):
            raise Unreachable(foreign("The carrier did not answer in time."))
        if answer == "slow":
            await asyncio.sleep(_SLOW_SECONDS)
        announcement = await self._inner.announce(consignment)
        if answer == "answer-lost" and asked == 1:
            raise Unreachable(foreign("The carrier made the label, and its answer was lost."))
        return await self._swap_labels(consignment, announcement) if answer == "wrong-label" else announcement

    async def _swap_labels(self, consignment: Consignment, announcement: Announcement) -> Announcement:
        """The right numbers with the labels of somebody else's parcels."""
        parcels = [replace(parcel, id=parcel.id + 500_000) for parcel in consignment.parcels]
        recipient = replace(
            consignment.recipient, name="Somebody Else", address_line_1="Other Street", house_number="1"
        )
        others = await self._inner.announce(replace(consignment, parcels=parcels, recipient=recipient))
        pairs = zip(announcement.parcels, others.parcels, strict=True)
        return Announcement([replace(mine, documents=other.documents) for mine, other in pairs])

    async def cancel(self, consignment: Consignment, /) -> None:
        if self._transport.choose(consignment).answer == "refused-cancellation":
            raise Rejected([errors.ErrorItem("invalid", foreign("The carrier has the parcel already."))])
        await self._inner.cancel(consignment)

    async def track(self, consignment: Consignment, /) -> Sequence[TrackingEvent]:
        script = self._transport.choose(consignment).script
        if not script:
            return await self._inner.track(consignment)
        begin, now = (consignment.announced_at or clock.now()).astimezone(UTC), self._transport.now()
        return [
            TrackingEvent(parcel.tracking_number, int(statuses.to_number(step.status)), step.words, begin + step.after)
            for step in script
            if begin + step.after <= now
            for parcel in consignment.parcels
        ]


class _WithServicePoints(SandboxCarrier):
    """A carrier that can say where its service points are."""

    async def list_service_points(
        self, country_code: str, contract: carriers.Contract | None, /
    ) -> Sequence[Mapping[str, Any]]:
        inner = cast("carriers.TellsServicePoints", self._inner)
        return await inner.list_service_points(country_code, contract)
