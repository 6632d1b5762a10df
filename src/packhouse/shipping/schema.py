"""The wire shapes of label calls, and the filters of the list of shipments."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import Count, Id, InstantText, NonEmpty, PositiveNumber
from packhouse.kit.wire.pydantic_messages import custom_error
from packhouse.shipping import statuses

MAX_ORDERS = 20
MAX_PARCELS = 50
MAX_ITEMS = 1000
MAX_PAGE = 100
DEFAULT_PAGE = 40
MAX_BULK = 20

NO_ORDER = 0
"""Stands for our id of the order in the row of a shipment that was announced directly."""

OUTGOING, RETURN, FOLLOWED = "outgoing", "return", "followed"
"""Kinds of shipments: to a customer, from one, and one that was made elsewhere and is only followed."""

_STRICT = ConfigDict(strict=True)

PDF, PNG, ZPL = "application/pdf", "image/png", "application/zpl"
MIME_TYPES = (PDF, PNG, ZPL)
DPIS: dict[str, tuple[int, ...]] = {PDF: (72,), PNG: (300, 150, 203), ZPL: (203, 72)}
"""The resolutions of a type, its usual one first. ZPL is made for 203 dots an inch and given as it is; 72, the calls'
own default, says nothing about it."""

DOCUMENT_TYPES = ("label", "customs-declaration", "air-waybill")
PAPER_SIZES = ("A4", "A5", "A6")

MimeType = Literal["application/pdf", "application/zpl", "image/png"]
Dpi = Literal[72, 150, 203, 300, 600]


class Weight(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: PositiveNumber
    unit: Literal["kg", "g", "lbs", "oz"]


class Dimensions(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    length: PositiveNumber
    width: PositiveNumber
    height: PositiveNumber
    unit: Literal["cm", "mm", "m", "yd", "ft", "in"]


class ParcelItem(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    item_id: NonEmpty
    quantity: Count


class Parcel(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    parcel_items: Annotated[list[ParcelItem], Field(max_length=MAX_ITEMS)]
    weight: NotRequired[Weight]
    dimensions: NotRequired[Dimensions]


class Selector(TypedDict, total=False):
    """An order by the shop's id or by its number; if both are given, both must fit."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    order_id: Annotated[str, Field(min_length=1, max_length=64)]
    order_number: Annotated[str, Field(min_length=1, max_length=255)]
    apply_shipping_rules: bool


class ParcelsSelector(Selector, total=False):
    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=MAX_PARCELS)]


class OptionCode(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_option_code: str | None
    contract_id: Id | None


class ShipWith(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Literal["shipping_option_code"]
    properties: OptionCode


class LabelDetails(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    mime_type: MimeType
    dpi: Dpi


def _take_out(value: Any) -> Any:
    """Sync calls name one order, as an object or as a list with one object."""
    if not isinstance(value, list):
        return value
    if len(value) != 1:
        raise custom_error("one_order", message("This call takes one order, not {count}", count=len(value)))
    return value[0]


class _LabelCall(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    integration_id: Id
    sender_address_id: NotRequired[int]
    brand_id: NotRequired[Id]
    ship_with: NotRequired[ShipWith]


class SyncCall(_LabelCall):
    order: Annotated[Selector, BeforeValidator(_take_out, json_schema_input_type=Selector | list[Selector])]
    label_details: NotRequired[LabelDetails]


class AsyncCall(_LabelCall):
    orders: Annotated[list[ParcelsSelector], Field(min_length=1, max_length=MAX_ORDERS)]


SYNC: TypeAdapter[Any] = TypeAdapter(SyncCall)
ASYNC: TypeAdapter[Any] = TypeAdapter(AsyncCall)
_INSTANT: TypeAdapter[str] = TypeAdapter(InstantText)


class Label(NamedTuple):
    """The requested format of a document."""

    mime_type: str
    dpi: int


class LabelCall(NamedTuple):
    """A valid call of either kind. `selectors` are the orders; `unknown` the places of dropped keys. `ships_held` is
    set if a person ships what a rule holds back."""

    integration_id: int
    sender_address_id: int | None
    brand_id: int | None
    ship_with: dict[str, Any]
    selectors: list[dict[str, Any]]
    is_sync: bool
    label: Label
    unknown: list[errors.Path]
    ships_held: bool = False


def read_sync(body: bytes) -> LabelCall:
    """Raises Invalid with every flaw of the body."""
    reading = validation.read_json(SYNC, body)
    value = reading.value
    flaws = list(reading.flaws)
    if not flaws:
        flaws += _find_unnamed(value["order"], ("order",))
        flaws += find_wrong_dpi(value.get("label_details", {}))
    _refuse(flaws)
    details = value.get("label_details", {})
    mime_type = details.get("mime_type", PDF)
    label = Label(mime_type, details.get("dpi") or DPIS[mime_type][0])
    return _to_call(value, [value["order"]], label, reading.unknown)


def read_async(body: bytes) -> LabelCall:
    """Raises Invalid with every flaw of the body."""
    reading = validation.read_json(ASYNC, body)
    value = reading.value
    flaws = list(reading.flaws)
    if not flaws:
        for index, selector in enumerate(value["orders"]):
            flaws += _find_unnamed(selector, ("orders", index))
            if selector in value["orders"][:index]:
                flaws.append(validation.ValidationIssue(("orders", index), message("This order is named twice")))
    _refuse(flaws)
    return _to_call(value, value["orders"], Label(PDF, DPIS[PDF][0]), reading.unknown)


def _to_call(value: Any, selectors: list[Any], label: Label, unknown: list[errors.Path]) -> LabelCall:
    ship_with = (value.get("ship_with") or {}).get("properties") or {}
    return LabelCall(
        value["integration_id"],
        value.get("sender_address_id"),
        value.get("brand_id"),
        ship_with,
        selectors,
        "order" in value,
        label,
        unknown,
    )


def _find_unnamed(selector: dict[str, Any], at: errors.Path) -> list[validation.ValidationIssue]:
    if "order_id" in selector or "order_number" in selector:
        return []
    return [validation.ValidationIssue((*at, "order_id"), message("Field required"), "missing")]


def find_wrong_dpi(details: dict[str, Any]) -> list[validation.ValidationIssue]:
    mime_type, dpi = details.get("mime_type", PDF), details.get("dpi")
    if dpi is None or dpi in DPIS[mime_type]:
        return []
    return [validation.ValidationIssue(("label_details", "dpi"), no_such_dpi(mime_type))]


def no_such_dpi(mime_type: str) -> Message:
    return message(
        "A label as {mime_type} has {dpis} dpi",
        mime_type=mime_type,
        dpis=" or ".join(map(str, sorted(DPIS[mime_type]))),
    )


def _refuse(flaws: Sequence[validation.ValidationIssue]) -> None:
    if flaws:
        raise errors.Invalid([errors.ErrorItem("invalid", f.detail, pointer=to_pointer(f.path)) for f in flaws])


def to_pointer(path: errors.Path) -> str:
    """Put the index of an order in a call in brackets: `/data/attributes/orders/[1]/parcels/0/weight`."""
    if len(path) > 1 and path[0] == "orders" and isinstance(path[1], int):
        return errors.to_pointer(("orders", f"[{path[1]}]", *path[2:]))
    return errors.to_pointer(path)


class Tracked(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    status: str | int
    message: NotRequired[Annotated[str, Field(min_length=1, max_length=255)]]


TRACKED: TypeAdapter[Any] = TypeAdapter(Tracked)


def read_status(body: bytes) -> dict[str, Any]:
    """Raises Invalid with every flaw of the body."""
    reading = validation.read_json(TRACKED, body)
    _refuse(reading.flaws)
    return dict(reading.value)


class PrintRequest(NamedTuple):
    """The requested form of documents. `paper_size` is None without a request for one."""

    label: Label
    paper_size: str | None
    parcels: list[int]


def read_print_request(
    parameters: Iterable[tuple[str, str]], accept: str | None, *, is_bulk: bool = False
) -> PrintRequest:
    """Read the query string and the `Accept` header. Raises Invalid that names each invalid parameter."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if value:
            given.setdefault(re.sub(r"\[\d*\]$", "", name), []).append(value)
    faults: list[errors.ErrorItem] = []
    mime_type = _choose_type(accept, MIME_TYPES)
    if mime_type is None:
        faults.append(
            errors.ErrorItem("invalid", message("Documents are available in other formats only."), header="Accept")
        )
    mime_type = mime_type or PDF
    dpi = given.get("dpi", [str(DPIS[mime_type][0])])[-1]
    if dpi not in map(str, DPIS[mime_type]):
        faults.append(errors.ErrorItem("invalid", no_such_dpi(mime_type), parameter="dpi"))
    paper_size = given["paper_size"][-1].upper() if "paper_size" in given else None
    if paper_size not in (None, *PAPER_SIZES):
        faults.append(
            errors.ErrorItem(
                "invalid",
                message("Input should be one of {paper_sizes}", paper_sizes=", ".join(PAPER_SIZES)),
                parameter="paper_size",
            )
        )
    parcels = _read_parcels(given.get("parcels", [])) if is_bulk else []
    if is_bulk and not 1 <= len(parcels) <= MAX_BULK:
        detail = message("Between 1 and {max_bulk} ids of parcels are needed", max_bulk=MAX_BULK)
        faults.append(errors.ErrorItem("invalid", detail, parameter="parcels"))
    if faults:
        raise errors.Invalid(faults)
    return PrintRequest(Label(mime_type, int(dpi)), paper_size, parcels)


def _read_parcels(values: list[str]) -> list[int]:
    """Return each id once; nothing if one of them cannot be an id."""
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    are_ids = all(re.fullmatch(r"0*[1-9][0-9]{0,17}", part) for part in parts)
    return list(dict.fromkeys(map(int, parts))) if are_ids else []


def _choose_type(accept: str | None, offered: Sequence[str]) -> str | None:
    """Return the type in `offered` that the client prefers, or the first one without a preference."""
    wanted: list[tuple[float, str]] = []
    for part in (accept or "*/*").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        weight = float(quality) if re.fullmatch(r"[01](\.\d{0,3})?", quality) else 0.0
        wanted.append((-weight, name))
    for weight, name in sorted(wanted, key=lambda pair: pair[0]):
        for mime_type in offered:
            if weight < 0 and name in (mime_type, "*/*", f"{mime_type.partition('/')[0]}/*"):
                return mime_type
    return None


class ListRequest(NamedTuple):
    """Filters by name, as `queries.FILTERS` takes them."""

    filters: dict[str, Any]
    page_size: int
    cursor: str | None


def read_list_request(parameters: Iterable[tuple[str, str]]) -> ListRequest:
    """Raises Invalid that names each invalid parameter; unknown and empty ones are ignored."""
    given: dict[str, list[str]] = {}
    for name, value in parameters:
        if value:
            given.setdefault(re.sub(r"\[\d*\]$", "", name), []).append(value)
    filters: dict[str, Any] = {}
    faults: list[errors.ErrorItem] = []
    for name, reader in _READERS.items():
        if name in given:
            try:
                filters[name] = reader(given[name])
            except ValueError as error:
                faults.append(errors.ErrorItem("invalid", foreign(str(error)), parameter=name))
    if faults:
        raise errors.Invalid(faults)
    size = filters.pop("page_size", DEFAULT_PAGE)
    return ListRequest(filters, size, given.get("cursor", [None])[-1])


def _read_texts(values: list[str]) -> list[str]:
    found = [part.strip() for value in values for part in validation.read_text([value]).split(",") if part.strip()]
    if len(found) > MAX_PAGE:
        raise ValueError(message("At most {max_page} ids can be named", max_page=MAX_PAGE))
    return [text.lower() for text in found]


def _read_integrations(values: list[str]) -> list[int]:
    parts = [part.strip() for value in values for part in value.split(",") if part.strip()]
    if not all(re.fullmatch(r"[0-9]{1,18}", part) for part in parts):
        raise ValueError(message("Input should be the id of an integration"))
    return [int(part) for part in parts]


def _read_page_size(values: list[str]) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", values[-1]) or not 1 <= int(values[-1]) <= MAX_PAGE:
        raise ValueError(message("Input should be a number between 1 and {max_page}", max_page=MAX_PAGE))
    return int(values[-1])


def read_first(values: list[str]) -> datetime:
    """Return where a day begins, or the instant. Raises ValueError, as `read_last` does."""
    return _read_span(values[-1])[0]


def read_last(values: list[str]) -> datetime:
    return _read_span(values[-1])[1]


def _read_span(text: str) -> tuple[datetime, datetime]:
    """Read a date as that whole day in UTC, a date-time as that instant; without an offset it is UTC."""
    text = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            day = date.fromisoformat(text)
            return datetime.combine(day, time.min, UTC), datetime.combine(day, time.max, UTC)
        # An offset's plus that was not escaped in the query string arrives as a space.
        instant = datetime.fromisoformat(_INSTANT.validate_python(re.sub(r" (\d\d:?\d\d)$", r"+\1", text)))
    except ValueError:
        raise ValueError(
            message("Input should be a date or an RFC 3339 date-time, like 2026-03-14T08:26:53Z")
        ) from None
    return instant, instant


TEXT_FILTERS = ("parcel_status", "tracking_number", "external_reference_id", "order_number")
TIME_FILTERS = ("updated_before", "updated_after", "announced_before", "announced_after")
ID_FILTERS = ("ids", "shipment_uuids")

_READERS: dict[str, Callable[[list[str]], Any]] = {
    "page_size": _read_page_size,
    "integration_id": _read_integrations,
    **dict.fromkeys(TEXT_FILTERS, validation.read_text),
    "parcel_status": lambda values: statuses.to_number(validation.read_text(values)),
    **dict.fromkeys(ID_FILTERS, _read_texts),
    "updated_before": read_last,
    "updated_after": read_first,
    "announced_before": read_last,
    "announced_after": read_first,
}
