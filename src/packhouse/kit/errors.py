"""What is answered when a request is not carried out.

    ApiError                     a status, its faults and headers
    ├── Invalid             400
    ├── Unauthenticated     401
    ├── Forbidden           403
    ├── NotFound            404
    ├── MethodNotAllowed    405
    ├── Slow                408  the body stopped coming
    ├── Conflict            409
    ├── PreconditionFailed  412
    ├── TooLarge            413
    ├── UnsupportedMediaType 415
    ├── Throttled           429
    ├── Failed              500  our own fault
    └── Unavailable         503  the database is away, full or restarting
        └── Busy                 somebody else is writing the same thing
            └── Crossed          and was first: the same work done anew finds what they wrote

A `ErrorItem` is one entry of the error list on the wire. Nothing here knows HTTP: `kit.http` renders it. Its detail is
a message (`kit.messages`), which the API writes in English and the page in the reader's language.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

from packhouse.kit import messages
from packhouse.kit.messages import Message, message

T = TypeVar("T")

Path: TypeAlias = tuple[str | int, ...]

MAX_LISTED = 1_000
"""An answer lists at most so many errors, and as many warnings. Who looks for them stops at one more."""
ROOT = "/data"
ATTRIBUTES = "/data/attributes"


def to_pointer(path: Path) -> str:
    """Return the place of a field of a single object: `/data/attributes/order_details/notes`."""
    return "/".join((ATTRIBUTES, *map(_escape, path)))


def to_batch_pointer(path: Path) -> str:
    """Return the place of a field in a list of objects, with the first index in brackets and the ones below it bare."""
    index, *rest = path
    return "/".join((f"{ATTRIBUTES}/[{index}]", *map(_escape, rest)))


def _escape(step: str | int) -> str:
    """Escape keys that contain a slash or a tilde (RFC 6901)."""
    return str(step).replace("~", "~0").replace("/", "~1")


@dataclass(frozen=True, slots=True)
class ErrorItem:
    """One entry of `errors`; at most one of pointer, parameter and header is set."""

    code: str
    detail: Message
    title: str | None = None
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None

    def to_wire(self, status: int) -> dict[str, Any]:
        wire: dict[str, Any] = {"status": str(status), "code": self.code}
        if self.title is not None:
            wire["title"] = self.title
        wire["detail"] = self.detail
        if source := self.source():
            wire["source"] = source
        return wire

    def source(self) -> dict[str, str]:
        places = {"pointer": self.pointer, "parameter": self.parameter, "header": self.header}
        return {kind: place for kind, place in places.items() if place is not None}


def not_found(detail: Message) -> ErrorItem:
    """Return the error for something that does not exist."""
    return ErrorItem("not_found", detail, title="Not found")


def gather(faults: Iterable[ErrorItem], find_field: Callable[[ErrorItem], str]) -> dict[str, Message]:
    """Join the details by field, one per line, without repeating any."""
    found: dict[str, list[Message]] = {}
    for fault in faults:
        found.setdefault(find_field(fault), []).append(fault.detail)
    return {field: messages.join("\n", dict.fromkeys(details)) for field, details in found.items()}


class ApiError(Exception):
    """An error that the API answers with `status` and all `faults`. It can be raised anywhere below a handler."""

    status: ClassVar[int] = 400
    is_temporary = False
    """Whether it says nothing about the work and asks to be sent again, though its status does not tell."""

    def __init__(self, faults: ErrorItem | Sequence[ErrorItem], headers: Mapping[str, str] | None = None) -> None:
        self.faults = [faults] if isinstance(faults, ErrorItem) else list(faults)
        self.headers = dict(headers or {})
        super().__init__("; ".join(f"{fault.detail} ({fault.source()})" for fault in self.faults[:10]))

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"errors": [fault.to_wire(self.status) for fault in self.faults[:MAX_LISTED]]}
        if len(self.faults) > MAX_LISTED:
            wire["meta"] = {"more_errors": True}
        return wire


class Invalid(ApiError):
    status = 400


class Unauthenticated(ApiError):
    status = 401


class Forbidden(ApiError):
    status = 403


class NotFound(ApiError):
    status = 404

    def __init__(self, faults: ErrorItem | Sequence[ErrorItem] | Message) -> None:
        super().__init__(not_found(faults) if isinstance(faults, Message) else faults)


def require(found: T | None, fault: ErrorItem | Message) -> T:
    """Return what was found. Raises NotFound with `fault` if it is None."""
    if found is None:
        raise NotFound(fault)
    return found


class MethodNotAllowed(ApiError):
    status = 405


class RequestTimeout(ApiError):
    status = 408


class Conflict(ApiError):
    status = 409


class PreconditionFailed(ApiError):
    status = 412


class TooLarge(ApiError):
    status = 413


class UnsupportedMediaType(ApiError):
    status = 415


class Throttled(ApiError):
    status = 429


class InternalError(ApiError):
    status = 500


class Unavailable(ApiError):
    status = 503

    def __init__(self, detail: Message, *, retry_after_seconds: int = 1) -> None:
        super().__init__(ErrorItem("unavailable", detail), {"Retry-After": str(retry_after_seconds)})


class LockTimeout(Unavailable):
    """A lock was not available in time. Handlers that know what was being written say so in their own words."""

    def __init__(self) -> None:
        super().__init__(message("The database is busy with other writes. Please try again in a moment."))


class SerializationConflict(LockTimeout):
    """Two transactions wanted the same thing at the same time, and this one was rolled back."""
