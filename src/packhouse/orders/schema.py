"""The wire shape of an order: every field, type and limit of the Orders API, and of what its requests may hold.

Whole values are shapes whose required keys are named; the three containers (`order_details`, `payment_details`,
`shipping_details`) and the order itself require nothing here, because an update may hold only what changed.
What a complete order needs stands in `REQUIRED`.
"""

import asyncio
from collections.abc import Iterable, KeysView
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, get_type_hints

from pydantic import BeforeValidator, ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.data import places
from packhouse.kit.messages import message
from packhouse.kit.wire import loose, shapes, validation
from packhouse.kit.wire.fields import Count as Quantity
from packhouse.kit.wire.fields import (
    CountryCode,
    CurrencyCode,
    Email,
    FreeObject,
    FreeValue,
    Id,
    InstantText,
    Measure,
    NonEmpty,
    Number,
    PositiveNumber,
    Url,
    Whole,
    any_case,
)
from packhouse.kit.wire.shapes import Named, Relaxed

MAX_BATCH = 100
MAX_ITEMS = 5_000
MAX_TAGS = 100
MAX_TAX_NUMBERS = 100

# A text that is indexed: PostgreSQL refuses index rows past 2,704 bytes (a character is up to 6 when its case is
# folded), and the cursor of a list that is sorted by it holds it once more.
Indexed = Annotated[str, Field(min_length=1, max_length=400)]

_STRICT = ConfigDict(strict=True)


class Price(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number
    currency: CurrencyCode


class Amount(TypedDict):
    """A price of the whole order: both parts are needed."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number
    currency: CurrencyCode


class Costs(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number | None
    currency: CurrencyCode | None


class Weight(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: PositiveNumber
    unit: Literal["kg", "g", "lbs", "oz"]


class Dimension(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    length: Measure
    width: Measure
    height: Measure
    unit: Literal["cm", "mm", "m", "yd", "ft", "in"]


class Volume(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Whole
    unit: Literal["m3", "cm3", "l", "ml", "gal"]


class Measurement(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    dimension: Dimension
    weight: Weight
    volume: Volume


class DeliveryDates(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    handover_at: InstantText | None
    deliver_at: InstantText | None


class DangerousGoods(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    chemical_record_identifier: str | None
    regulation_set: any_case("IATA", "ADR")  # type: ignore[valid-type]
    packaging_type_quantity: str | None
    packaging_type: str | None
    packaging_instruction_code: str | None
    id_number: str | None
    class_division_number: str | None
    quantity: str | None
    unit_of_measurement: any_case("KG", "G", "L", "ML")  # type: ignore[valid-type]
    proper_shipping_name: str | None
    commodity_regulated_level_code: any_case("LQ", "EQ")  # type: ignore[valid-type]
    transportation_mode: any_case("Highway", "Ground", "PAX", "CAO")  # type: ignore[valid-type]
    emergency_contact_name: str | None
    emergency_contact_phone: str | None
    adr_packing_group_letter: any_case("I", "II", "III")  # type: ignore[valid-type]
    local_proper_shipping_name: str | None
    transport_category: str | None
    tunnel_restriction_code: str | None
    weight_type: any_case("Net", "Gross")  # type: ignore[valid-type]


class OrderItem(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    item_id: NotRequired[NonEmpty]
    product_id: NotRequired[str]
    variant_id: NotRequired[str]
    image_url: NotRequired[Url]
    name: Annotated[str, Named]
    description: NotRequired[str]
    quantity: Annotated[Quantity, Relaxed(Whole)]
    sku: NotRequired[str]
    hs_code: NotRequired[str]
    country_of_origin: NotRequired[CountryCode]
    properties: NotRequired[FreeObject]
    unit_price: NotRequired[Price]
    total_price: Price
    measurement: NotRequired[Measurement]
    ean: NotRequired[str]
    delivery_dates: NotRequired[Annotated[DeliveryDates, Relaxed(DeliveryDates | None)]]
    mid_code: NotRequired[str | None]
    material_content: NotRequired[str | None]
    intended_use: NotRequired[str | None]
    dangerous_goods: NotRequired[DangerousGoods]


class Status(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    code: NonEmpty
    message: NotRequired[str]


class OrderStatus(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    code: Indexed
    message: NotRequired[str]


class IntegrationReference(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: Id


_Tags = Annotated[list[str], Field(max_length=MAX_TAGS)]


class OrderDetails(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    integration: IntegrationReference
    status: OrderStatus
    order_created_at: InstantText
    order_updated_at: InstantText
    order_items: Annotated[list[OrderItem], Field(max_length=MAX_ITEMS)]
    notes: Annotated[str, Relaxed(str | None)]
    tags: Annotated[_Tags, Relaxed(_Tags | None)]


class PaymentDetails(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    is_cash_on_delivery: bool | None
    total_price: Amount
    subtotal_price: Amount
    estimated_shipping_price: Amount
    estimated_tax_price: Amount
    status: Status
    invoice_date: str | None
    discount_granted: Costs | None
    insurance_costs: Costs | None
    freight_costs: Costs | None
    other_costs: Costs | None


class TaxNumber(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: str | None
    country_code: CountryCode | None
    value: str | None


_TaxNumberList = Annotated[list[TaxNumber], Field(max_length=MAX_TAX_NUMBERS)]


class TaxNumbers(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    sender: _TaxNumberList
    receiver: _TaxNumberList
    importer_of_record: _TaxNumberList


class CustomsDetails(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    commercial_invoice_number: str
    shipment_type: Literal["gift", "commercial_goods", "commercial_sample", "returned_goods"]
    export_type: Literal["private", "commercial_b2c", "commercial_b2b"]
    tax_numbers: TaxNumbers | None


class CustomerDetails(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: str
    phone_number: NotRequired[str]
    email: NotRequired[str]


class Address(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: NonEmpty
    company_name: NotRequired[str]
    address_line_1: str
    house_number: NotRequired[str]
    address_line_2: NotRequired[str]
    postal_code: NonEmpty
    city: NonEmpty
    po_box: NotRequired[str | None]
    state_province_code: NotRequired[str]
    country_code: CountryCode
    email: NotRequired[Email]
    phone_number: NotRequired[str]


class ShippingOptionCode(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_option_code: str | None
    contract_id: NotRequired[Id | None]


class ShipWith(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Literal["shipping_option_code"]
    properties: ShippingOptionCode


class ShippingDetails(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    is_local_pickup: bool | None
    delivery_indicator: str
    measurement: Measurement
    ship_with: ShipWith


class ServicePoint(TypedDict, total=False):
    """Named by our `id` or by the carrier's; one of the two is needed (see `find_broken`)."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: str
    carrier_service_point_id: str
    post_number: str
    latitude: str
    longitude: str
    type: str
    extra_data: FreeObject


class OrderFields(TypedDict, total=False):
    """The fields of an order. Of `id`, `created_at` and `modified_at` only the first is read in a request, and only
    as an address."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    order_id: Indexed
    order_number: Indexed
    created_at: FreeValue
    modified_at: FreeValue
    order_details: OrderDetails
    payment_details: PaymentDetails
    customs_details: CustomsDetails | None
    customer_details: CustomerDetails
    billing_address: Address
    shipping_address: Address
    shipping_details: ShippingDetails
    service_point_details: ServicePoint


class Order(OrderFields, total=False):
    """An entry of a batch."""

    id: str


READ_ONLY = frozenset({"id", "created_at", "modified_at"})

# The keys of a complete order, by container: sets that keep the order in which what is missing is told.
REQUIRED: dict[str, KeysView[str]] = {
    "": dict.fromkeys(("order_id", "order_number", "order_details", "payment_details")).keys(),
    "order_details": dict.fromkeys(("integration", "status", "order_created_at", "order_items")).keys(),
    "payment_details": dict.fromkeys(("total_price", "status")).keys(),
}
CONTAINERS = ("order_details", "payment_details", "shipping_details")

_BATCH = Field(min_length=1, max_length=MAX_BATCH)
_BatchList = Annotated[list[Order], _BATCH]
ORDERS: TypeAdapter[list[Any]] = TypeAdapter(_BatchList)
ORDER: TypeAdapter[Any] = TypeAdapter(Order)
INSTANT: TypeAdapter[str] = TypeAdapter(InstantText)


def _with_phone_number(value: Any) -> Any:
    """A patch may name the customer's number `phone`; it is read back as `phone_number`."""
    if isinstance(value, dict) and "phone" in value:
        rest = {key: inner for key, inner in value.items() if key != "phone"}
        return {"phone_number": value["phone"], **rest}
    return value


_PATCH_SHAPE = shapes.derive(OrderFields, "Patch", partial=True)


class OrderPatch(_PATCH_SHAPE, total=False):  # type: ignore[call-arg, misc, valid-type]
    """What PATCH merges into an order: any part of one, and `null` where a value may be cleared."""

    __pydantic_config__ = _STRICT
    id: FreeValue
    customer_details: Annotated[
        shapes.derive(CustomerDetails, "Patch", partial=True), BeforeValidator(_with_phone_number)  # type: ignore[valid-type]
    ]


PATCH: TypeAdapter[Any] = TypeAdapter(OrderPatch)
_MERGED_SHAPE = shapes.derive(OrderFields, "Merged", partial=False)
RECORDS: TypeAdapter[list[Any]] = TypeAdapter(Annotated[list[_MERGED_SHAPE], _BATCH])  # type: ignore[arg-type, valid-type]
"""A batch out of a file, which may hold all that an export can: what PATCH leaves behind too."""


# What shops write in their own ways: taken, stored as sent, and warned of. `orders.plain` reads what is meant.
_OWN: loose.Own = (
    ("Order", "id", str),
    ("OrderItem", "quantity", Annotated[loose.COUNT, Relaxed(loose.WHOLE)]),
    ("IntegrationReference", "id", loose.ID),
    ("Address", "postal_code", loose.or_empty(NonEmpty)),
    *(("ServicePoint", name, loose.optional(loose.TEXT)) for name in ServicePoint.__optional_keys__ - {"extra_data"}),
)


# The shapes that most processes never need are made when they are: each takes as long as a tenth of a start.
@cache
def to_stored() -> TypeAdapter[Any]:
    """What an order is read back as, but for what was taken from a shop that writes in its own ways."""
    return TypeAdapter(_MERGED_SHAPE)


@cache
def _loosen_merged() -> Any:
    return shapes.derive(loose.loosen(OrderFields, _OWN), "Merged", partial=False)


@cache
def to_merged() -> TypeAdapter[Any]:
    """What a merge must leave behind."""
    return TypeAdapter(_loosen_merged())


@cache
def _to_loose_order() -> TypeAdapter[Any]:
    return TypeAdapter(loose.loosen(Order, _OWN))


@cache
def _to_loose_orders() -> TypeAdapter[list[Any]]:
    order: Any = loose.loosen(Order, _OWN)
    kind: Any = Annotated[list[order], _BATCH]
    return TypeAdapter(kind)


@cache
def _to_loose_records() -> TypeAdapter[list[Any]]:
    record: Any = _loosen_merged()
    kind: Any = Annotated[list[record], _BATCH]
    return TypeAdapter(kind)


@cache
def _to_loose_patch() -> TypeAdapter[Any]:
    customer: Any = shapes.derive(loose.loosen(CustomerDetails), "Patch", partial=True)
    fields: dict[str, Any] = get_type_hints(
        shapes.derive(loose.loosen(OrderFields, _OWN), "Patch", partial=True), include_extras=True
    )
    fields |= {"id": FreeValue, "customer_details": Annotated[customer, BeforeValidator(_with_phone_number)]}
    patch: Any = TypedDict("OrderPatchLoose", fields, total=False)  # type: ignore[misc]
    setattr(patch, "__pydantic_config__", _STRICT)  # noqa: B010 - no attribute to the type checker
    return TypeAdapter(patch)


def read_batch(body: bytes, shape: TypeAdapter[list[Any]] = ORDERS) -> validation.Parsed[list[Any]]:
    """Raises Invalid for what is not a list of 1 to 100 entries; everything else is in the flaws, all at once."""
    reading = validation.read_json(shape, body, _to_loose_orders if shape is ORDERS else _to_loose_records)
    if reading.flaws and not reading.flaws[0].path:
        raise _not_a_batch(reading.value)
    if isinstance(reading.value, list):
        for index, order in enumerate(reading.value):
            reading.flaws += _prefix(index, find_broken(order))
    return reading


async def read_batch_stepwise(body: bytes) -> validation.Parsed[list[Any]]:
    """Read a batch, a large body an order at a time, so that others are answered between them."""
    if len(body) <= validation.LARGE_BYTES:
        return read_batch(body)
    batch = validation.parse(body)
    if not isinstance(batch, list) or not 0 < len(batch) <= MAX_BATCH:
        raise _not_a_batch(batch)
    whole: validation.Parsed[list[Any]] = validation.Parsed(batch)
    may_hold_nulls = validation.holds_nulls(body)
    for index, entry in enumerate(batch):
        await asyncio.sleep(0)
        reading = validation.read_parsed(ORDER, entry, _to_loose_order, may_hold_nulls=may_hold_nulls)
        batch[index] = reading.value
        whole.flaws += _prefix(index, [*reading.flaws, *find_broken(reading.value)])
        whole.unknown += [(index, *path) for path in reading.unknown]
        whole.odd += _prefix(index, reading.odd)
        if len(whole.flaws) > errors.MAX_LISTED:
            break
    return whole


def _prefix(index: int, flaws: Iterable[validation.ValidationIssue]) -> list[validation.ValidationIssue]:
    return [flaw._replace(path=(index, *flaw.path)) for flaw in flaws]


def read_patch(body: bytes) -> validation.Parsed[dict[str, Any]]:
    return validation.read_json(PATCH, body, _to_loose_patch)


def to_integration_id(value: Any) -> int | None:
    """Read an id as sent: a number, or its digits; None where it can be nobody's."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18:
        value = int(value)
    return value if type(value) is int and 0 < value < 2**63 else None


def _not_a_batch(value: Any) -> errors.Invalid:
    if not isinstance(value, list):
        detail = message("Wrong request format, expected list of objects")
        return errors.Invalid(errors.ErrorItem("non_field_errors", detail, title="Wrong format"))
    detail = message("Orders list should have at least 1 item, not {count}", count=len(value))
    if value:
        detail = message("Orders list should have at most {most} items, not {count}", most=MAX_BATCH, count=len(value))
    return errors.Invalid(errors.ErrorItem("invalid", detail, pointer=f"{errors.ATTRIBUTES}/"))


def find_unmerged(order: dict[str, Any], before: dict[str, Any]) -> list[validation.ValidationIssue]:
    """What keeps an order, into which something was merged, from being valid; parts that are still the very ones of
    the order before were accepted with it."""
    changed = _without_shared(order, before)
    for container in CONTAINERS:
        if isinstance(changed.get(container), dict) and isinstance(before.get(container), dict):
            changed[container] = _without_shared(changed[container], before[container])
    return [*validation.read_python(to_merged(), changed).flaws, *find_missing(order), *find_broken(order)]


def _without_shared(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in new.items() if key not in old or value is not old[key]}


def find_missing(order: Any) -> list[validation.ValidationIssue]:
    """The required keys that a complete order lacks; of a container that is absent only the container."""
    flaws = []
    for container, keys in REQUIRED.items():
        part = order.get(container) if container else order
        if isinstance(part, dict) and not part.keys() >= keys:
            at = (container,) if container else ()
            flaws += [
                validation.ValidationIssue((*at, key), message("Field required"), "missing")
                for key in keys
                if key not in part
            ]
    return flaws


def find_broken(order: Any) -> list[validation.ValidationIssue]:
    """Rules between fields: most countries' addresses need a postal code, a service point has a name."""
    flaws: list[validation.ValidationIssue] = []
    if not isinstance(order, dict):
        return flaws
    for part in ("shipping_address", "billing_address"):
        address = order.get(part)
        if isinstance(address, dict) and address.get("postal_code") == "" and _wants_postal_code(address):
            detail = message("String should have at least {min_length} character", min_length=1)
            flaws.append(validation.ValidationIssue((part, "postal_code"), detail))
    point = order.get("service_point_details")
    if isinstance(point, dict) and "id" not in point and "carrier_service_point_id" not in point:
        flaws.append(validation.ValidationIssue(("service_point_details", "id"), message("Field required"), "missing"))
    return flaws


def _wants_postal_code(address: dict[str, Any]) -> bool:
    """Not in Hong Kong, the Emirates or Ireland, where `""` says that there is none."""
    country = address.get("country_code")
    is_known = isinstance(country, str) and country.upper() in places.COUNTRIES
    return not is_known or places.wants_postal_code(str(country).upper())
