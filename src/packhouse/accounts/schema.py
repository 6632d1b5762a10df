"""The caller of a request."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.wire import validation

ALL = "api"
SCOPES = (ALL, "read:order", "write:order", "read:integration", "write:integration", "write:parcel")


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated account of one request. `actor` names who did it in an order's history: the kind and the name,
    `api_key:<public key>` or `command:<its words>`."""

    account_id: int
    country_code: str
    actor: str
    scopes: frozenset[str] = frozenset({ALL})

    def may(self, scope: str) -> bool:
        return ALL in self.scopes or scope in self.scopes


class NewClient(TypedDict, total=False):
    __pydantic_config__ = ConfigDict(strict=True)  # type: ignore[misc]
    name: Annotated[str, Field(max_length=200)]
    scopes: Annotated[
        list[Literal["api", "read:order", "write:order", "read:integration", "write:integration", "write:parcel"]],
        Field(min_length=1),
    ]


NEW_CLIENT: TypeAdapter[Any] = TypeAdapter(NewClient)


def read_new_client(body: bytes) -> dict[str, Any]:
    """Raises Invalid with every fault; unknown keys are dropped."""
    reading = validation.read_json(NEW_CLIENT, body)
    if reading.flaws:
        raise errors.Invalid(
            [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
        )
    return dict(reading.value)
