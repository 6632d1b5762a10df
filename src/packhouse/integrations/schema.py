"""The wire shapes of integrations, their logs and the statuses of their shops (contract, section 6)."""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import FreeObject, Id, InstantText, NonEmpty, Url, Whole
from packhouse.kit.wire.pydantic_messages import custom_error
from packhouse.webhooks.schema import check_url

_STRICT = ConfigDict(strict=True)
_OBJECT: TypeAdapter[Any] = TypeAdapter(FreeObject)

LANGUAGES = ("en-us", "en-gb", "fr-fr", "de-de", "nl-nl", "es-es", "it-it")
CATEGORIES = ("READY_TO_SEND", "IN_TRANSIT", "DELIVERED", "CANCEL")
MAX_STATUSES = 1_000
MAX_CARRIERS = 200
MAX_LOG_PAGE = 100
DEFAULT_LOG_PAGE = 25

Language = Literal["en-us", "en-gb", "fr-fr", "de-de", "nl-nl", "es-es", "it-it"]
Category = Literal["READY_TO_SEND", "IN_TRANSIT", "DELIVERED", "CANCEL"]
# Part of a primary key: an index holds no more.
ExternalId = Annotated[str, Field(min_length=1, max_length=400)]


def _differ(values: list[Any]) -> list[Any]:
    seen = {json.dumps(value, sort_keys=True) for value in values}  # of integers of any length, which orjson refuses
    if len(seen) < len(values):
        raise custom_error("not_unique", message("List items should differ from each other"))
    return values


def _object_or_text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise custom_error("object_or_text", message("Input should be an object, a string or null"))
    return _OBJECT.validate_python(value)


def _object_or_null(value: Any) -> Any:
    if value is not None and not isinstance(value, dict):
        raise custom_error("object_or_null", message("Input should be an object or null"))
    return value if value is None else _OBJECT.validate_python(value)


def _not_blank(text: str) -> str:
    if not text.strip():
        raise custom_error("blank", message("Input should have a character that is not a space"))
    return text


_Differing = AfterValidator(_differ)
ObjectOrText = Annotated[Any, AfterValidator(_object_or_text), WithJsonSchema({"type": ["object", "string", "null"]})]
ObjectOrNull = Annotated[Any, AfterValidator(_object_or_null), WithJsonSchema({"type": ["object", "null"]})]


class Integration(TypedDict, total=False):
    """What may be changed of one."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shop_name: Annotated[
        str,
        Field(min_length=1, max_length=250, json_schema_extra={"pattern": r"[^\s\x1c-\x1f]"}),
        AfterValidator(_not_blank),
    ]
    shop_url: Url
    service_point_enabled: bool
    service_point_carriers: Annotated[
        list[str], Field(max_length=MAX_CARRIERS, json_schema_extra={"uniqueItems": True}), _Differing
    ]
    webhook_active: bool
    webhook_url: Annotated[Url, Field(max_length=2000), AfterValidator(check_url)] | None
    feedback_type: Literal["eager", "delayed", "none"]


class NewIntegration(Integration, total=False):
    """Ours: the published API makes none."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Annotated[str, Field(min_length=1, max_length=100)]


class LogResponse(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    headers: ObjectOrNull
    body: ObjectOrText


class LogRequest(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    headers: ObjectOrText
    payload: ObjectOrText


class NewLog(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    base_url: NonEmpty
    full_url: NotRequired[str | None]
    method: NotRequired[str | None]
    response_code: NotRequired[Whole | None]
    response: NotRequired[LogResponse | None]
    request: NotRequired[LogRequest | None]
    created_at: NotRequired[InstantText | None]
    exception_type: NotRequired[str | None]
    exception: NotRequired[str | None]


class Translation(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    status: str
    language: Language


class ShopOrderStatus(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    external_id: ExternalId
    translations: Annotated[
        list[Translation],
        Field(min_length=1, max_length=len(LANGUAGES), json_schema_extra={"uniqueItems": True}),
        _Differing,
    ]


class NewStatuses(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    integration_id: Id
    statuses: Annotated[
        list[ShopOrderStatus], Field(max_length=MAX_STATUSES, json_schema_extra={"uniqueItems": True}), _Differing
    ]


class MappedStatus(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    status_category: Category
    external_id: ExternalId | None


class NewMapping(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    integration_id: Id
    mapping: Annotated[
        list[MappedStatus],
        Field(min_length=len(CATEGORIES), max_length=len(CATEGORIES), json_schema_extra={"uniqueItems": True}),
        _Differing,
    ]


INTEGRATION: TypeAdapter[Any] = TypeAdapter(Integration)
NEW_INTEGRATION: TypeAdapter[Any] = TypeAdapter(NewIntegration)
NEW_LOG: TypeAdapter[Any] = TypeAdapter(NewLog)
NEW_STATUSES: TypeAdapter[Any] = TypeAdapter(NewStatuses)
NEW_MAPPING: TypeAdapter[Any] = TypeAdapter(NewMapping)
_INSTANT: TypeAdapter[str] = TypeAdapter(InstantText)


def to_fault(flaw: validation.ValidationIssue) -> errors.ErrorItem:
    return errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path))


def read_body(adapter: TypeAdapter[Any], body: bytes, *, closed: bool = False) -> Any:
    """Raises Invalid with every fault. Unknown keys are dropped; of a `closed` shape they are faults."""
    reading = validation.read_json(adapter, body)
    faults = [to_fault(flaw) for flaw in [*reading.flaws, *_find_repeated(reading.value)]]
    if closed:
        detail = message("Extra inputs are not permitted")
        faults += [
            errors.ErrorItem("unknown_field", detail, pointer=errors.to_pointer(path)) for path in reading.unknown
        ]
    if faults:
        raise errors.Invalid(faults)
    return reading.value


def _find_repeated(value: Any) -> list[validation.ValidationIssue]:
    """A status, a language of a status and a category of a mapping stand once each."""
    flaws = list(_repeated(value, "statuses", "external_id")) + list(_repeated(value, "mapping", "status_category"))
    statuses = value.get("statuses") if isinstance(value, dict) else None
    for index, status in enumerate(statuses if isinstance(statuses, list) else ()):
        found = _repeated(status, "translations", "language")
        flaws += [flaw._replace(path=("statuses", index, *flaw.path)) for flaw in found]
    return flaws


def _repeated(value: Any, name: str, key: str) -> list[validation.ValidationIssue]:
    entries = value.get(name) if isinstance(value, dict) else None
    seen: list[Any] = []
    flaws = []
    for index, entry in enumerate(entries if isinstance(entries, list) else ()):
        if isinstance(entry, dict) and key in entry:
            if entry[key] in seen:
                flaws.append(validation.ValidationIssue((name, index, key), message("Input should appear once")))
            seen.append(entry[key])
    return flaws


def find_required(integration: dict[str, Any]) -> list[errors.ErrorItem]:
    """What a new one needs beside what `INTEGRATION` says of each field."""
    missing = validation.ValidationIssue(("shop_name",), message("Field required"), "missing")
    return [] if "shop_name" in integration else [to_fault(missing)]


class LogCursor(NamedTuple):
    """A place in the logs, newest first: an entry, or with no id an instant, before which the page begins.

    On the wire it is a date-time, as published. Entries of one instant differ by id, so the id stands in the fraction
    of the second, past its sixth digit: `2026-03-14T08:26:53.589000` and `42` are `…53.58900000000000000000042Z`.
    """

    at: datetime
    id: int | None = None

    def encode(self) -> str:
        digits = "" if self.id is None else f"{self.id:0{_ID_DIGITS}}"
        return f"{self.at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}{digits}Z"


_ID_DIGITS = 17
_PLACE = re.compile(rf"(.{{19}}\.\d{{6}})(\d{{{_ID_DIGITS}}})Z")


def read_log_cursor(text: str | None) -> LogCursor | None:
    """Raises Invalid."""
    if not text:
        return None
    place = _PLACE.fullmatch(text)
    # An offset's plus that was not escaped in the query string arrives as a space.
    instant = f"{place[1]}Z" if place else re.sub(r" (\d\d:?\d\d)$", r"+\1", text)
    try:
        at = datetime.fromisoformat(_INSTANT.validate_python(instant))
    except ValueError:
        detail = message("Input should be an RFC 3339 date-time, like 2026-03-14T08:26:53Z")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, parameter="cursor")) from None
    return LogCursor(at, int(place[2]) if place else None)


class StatusRequest(NamedTuple):
    integration_id: int
    language: str | None
    show_deleted: bool


_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": False}


def read_status_request(given: dict[str, str]) -> StatusRequest:
    """Raises Invalid that names each bad parameter; empty ones count as not sent."""
    faults = []
    id, language, deleted = (given.get(name, "") for name in ("integration_id", "language", "show_deleted"))
    if not id:
        faults.append(errors.ErrorItem("required", message("Field required"), parameter="integration_id"))
    elif not re.fullmatch(r"[0-9]{1,18}", id):
        faults.append(
            errors.ErrorItem("invalid", message("Input should be a valid integer"), parameter="integration_id")
        )
    if language and language not in LANGUAGES:
        detail = message("Select a valid choice. {language} is not one of the available choices.", language=language)
        faults.append(errors.ErrorItem("invalid_choice", detail, title="Invalid Choice", parameter="language"))
    if deleted.lower() not in _FLAGS:
        faults.append(errors.ErrorItem("invalid", message("Input should be true or false"), parameter="show_deleted"))
    if faults:
        raise errors.Invalid(faults)
    return StatusRequest(int(id), language or None, _FLAGS[deleted.lower()])
