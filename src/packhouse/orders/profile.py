"""The three differences between our guide and a published reference that clients depend on (contract, section 1)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from packhouse.kit import errors
from packhouse.kit.messages import message


@dataclass(frozen=True, slots=True)
class Profile:
    upserted_status: int
    id_is_text: bool
    conflict: type[errors.ApiError]
    conflict_code: str
    conflict_headers: tuple[tuple[str, str], ...]

    def to_conflict(self) -> errors.ApiError:
        detail = message("We are still processing a previous request. Please try again in a moment.")
        fault = errors.ErrorItem(self.conflict_code, detail, pointer=errors.ROOT)
        refusal = self.conflict(fault, dict(self.conflict_headers))
        refusal.is_temporary = True
        return refusal


PROFILES = {
    "guide": Profile(200, False, errors.Conflict, "conflict", (("Retry-After", "1"),)),
    "reference": Profile(201, True, errors.Invalid, "invalid", ()),
}


class Difference(NamedTuple):
    """What differs, and how it is in a profile."""

    what: str
    how: Callable[[Profile], str]


DIFFERENCES = (
    Difference("status of a successful POST /orders", lambda profile: str(profile.upserted_status)),
    Difference("id of an order as read", lambda profile: "text" if profile.id_is_text else "number"),
    Difference(
        "two requests that write the same order",
        lambda profile: f"{profile.conflict.status} {profile.conflict_code}",
    ),
)
"""All that a profile changes, for people: `/docs` shows it, and docs/compatibility.md."""
