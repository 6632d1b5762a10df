"""What the sandbox's own routes take: bodies, each key of which may be left out."""

from typing import Annotated, Any, NotRequired, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, with_config
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import foreign
from packhouse.kit.wire import validation

T = TypeVar("T")
_STRICT = ConfigDict(extra="forbid")
_Count = Annotated[int, Field(ge=0)]


@with_config(_STRICT)
class Verification(TypedDict):
    """Which requests are meant, and how many of them there must be: at least one, unless it is said otherwise."""

    method: NotRequired[str]
    path: NotRequired[str]
    status: NotRequired[int]
    query: NotRequired[dict[str, str]]
    headers: NotRequired[dict[str, str]]
    body: NotRequired[Any]
    times: NotRequired[_Count]
    at_least: NotRequired[_Count]
    at_most: NotRequired[_Count]


@with_config(_STRICT)
class AccountWish(TypedDict):
    name: NotRequired[Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]]
    country_code: NotRequired[str]
    orders: NotRequired[Annotated[int, Field(ge=0, le=10_000)]]
    seed: NotRequired[int]


@with_config(_STRICT)
class ClockChange(TypedDict):
    """One of these: `advance` by a span such as `6h`, `to` a time, `freeze`, `resume`."""

    advance: NotRequired[str]
    to: NotRequired[str]
    freeze: NotRequired[bool]
    resume: NotRequired[bool]


@with_config(_STRICT)
class SnapshotName(TypedDict):
    name: NotRequired[str]


@with_config(_STRICT)
class Seed(TypedDict):
    """So many invented orders, the same for the same seed, or these."""

    count: NotRequired[Annotated[int, Field(ge=1, le=100_000)]]
    seed: NotRequired[int]
    orders: NotRequired[list[Any]]


@with_config(_STRICT)
class Trigger(TypedDict):
    """An event that is to be sent. `order` is our id or the shop's `order_id`; without it, the newest is meant. With
    `status` the parcel comes to that status. `inbox` is the inbox that is to receive it."""

    event: str
    order: NotRequired[str | int]
    status: NotRequired[str]
    integration_id: NotRequired[int]
    inbox: NotRequired[str]


@with_config(_STRICT)
class InboxAnswer(TypedDict):
    """What an inbox answers the next requests, one unless `times` says more; after them 200 again."""

    status: Annotated[int, Field(ge=200, le=599)]
    times: NotRequired[Annotated[int, Field(ge=1)]]


@with_config(_STRICT)
class StrictMode(TypedDict):
    """Whether strict mode is on for the account, or `for_all` and those that are made later."""

    is_on: bool
    for_all: NotRequired[bool]


VERIFICATION: TypeAdapter[Verification] = TypeAdapter(Verification)
ACCOUNT: TypeAdapter[AccountWish] = TypeAdapter(AccountWish)
CLOCK: TypeAdapter[ClockChange] = TypeAdapter(ClockChange)
SNAPSHOT: TypeAdapter[SnapshotName] = TypeAdapter(SnapshotName)
SEED: TypeAdapter[Seed] = TypeAdapter(Seed)
STRICT_MODE: TypeAdapter[StrictMode] = TypeAdapter(StrictMode)
TRIGGER: TypeAdapter[Trigger] = TypeAdapter(Trigger)
INBOX_ANSWER: TypeAdapter[InboxAnswer] = TypeAdapter(InboxAnswer)


def read(shape: TypeAdapter[T], body: bytes) -> T:
    """Read a body, an empty one as `{}`. Raises Invalid with every flaw and every unknown key."""
    reading = validation.read_json(shape, body or b"{}")
    told = [(flaw.path, flaw.detail) for flaw in reading.flaws]
    told += [(path, foreign("There is no such key.")) for path in reading.unknown]
    if told:
        raise errors.Invalid([errors.ErrorItem("invalid", d, pointer=errors.to_pointer(path)) for path, d in told])
    return reading.value
