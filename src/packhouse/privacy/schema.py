"""The wire shapes of persons and of how long their data is kept."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.orders.persons import Person

MAX_DAYS = 36_500

_STRICT = ConfigDict(strict=True, extra="forbid")
_Text = Annotated[str, Field(max_length=400)]
_Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]


class WantedPerson(TypedDict, total=False):
    """Whose data is meant: an e-mail address, a telephone number, or a name with a postal code."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    email: _Text
    phone: Annotated[str, Field(max_length=50)]
    name: _Text
    postal_code: Annotated[str, Field(max_length=50)]


class Retention(TypedDict, total=False):
    """Days after which orders and shipments, and customs papers, tell of nobody any more; `null` is never."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    days: Annotated[int, Field(ge=1, le=MAX_DAYS)] | None
    documents_days: _Days | None


@dataclass(slots=True)
class Report:
    """How many of each were erased; `documents_kept` are customs papers that the law wants kept, and shipments that are
    `postponed` a carrier is being asked about, and are erased once it has answered."""

    orders: int = 0
    shipments: int = 0
    documents: int = 0
    documents_kept: int = 0
    deliveries: int = 0
    integration_logs: int = 0
    import_records: int = 0
    idempotency_keys: int = 0
    jobs: int = 0
    audit_entries: int = 0
    shipments_postponed: int = 0

    def to_wire(self) -> dict[str, int]:
        return asdict(self)


PERSON: TypeAdapter[Any] = TypeAdapter(WantedPerson)
RETENTION: TypeAdapter[Any] = TypeAdapter(Retention)


def read_person(body: bytes) -> Person:
    """Raises Invalid, also for a key that is unknown: what is misspelt would find too little."""
    return to_person(_read_body(PERSON, body))


def to_person(sent: dict[str, str]) -> Person:
    """Raises Invalid for one that names nobody."""
    person = Person(**{name: value.strip() for name, value in sent.items()})
    faults = list(_find_faults(person))
    if faults:
        raise errors.Invalid(faults)
    return person


_FEWEST_DIGITS = 6


def _find_faults(person: Person) -> Iterator[errors.ErrorItem]:
    if person.name and not person.postal_code:
        detail = message("A name is looked for together with a postal code.")
        yield errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("postal_code",)))
    if person.postal_code and not person.name:
        detail = message("A postal code is looked for together with a name.")
        yield errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("name",)))
    if person.email and "@" not in person.email.strip("@"):
        yield errors.ErrorItem("invalid", message("This is no e-mail address."), pointer=errors.to_pointer(("email",)))
    if person.phone and sum(map(str.isdigit, person.phone)) < _FEWEST_DIGITS:
        yield errors.ErrorItem(
            "invalid", message("This is no telephone number."), pointer=errors.to_pointer(("phone",))
        )
    if person == Person():
        detail = message("Say an e-mail address, a telephone number, or a name with a postal code.")
        yield errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("email",)))


def read_retention(body: bytes) -> dict[str, int | None]:
    """What was sent of it. Raises Invalid."""
    sent: dict[str, int | None] = _read_body(RETENTION, body)
    return sent


def _read_body(adapter: TypeAdapter[Any], body: bytes) -> Any:
    reading = validation.read_json(adapter, body)
    faults = [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
    detail = message("Extra inputs are not permitted")
    faults += [errors.ErrorItem("unknown_field", detail, pointer=errors.to_pointer(path)) for path in reading.unknown]
    if faults:
        raise errors.Invalid(faults)
    return reading.value
