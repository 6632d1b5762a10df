"""The wire shapes of the four calls that announce a shipment without an order, and the reading of their bodies.

Keys whose value is `null` or an empty text count as missing: clients send them for what they do not know.
"""

from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, WithJsonSchema
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.data.places import COUNTRIES
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import (
    Count,
    CountryCode,
    CurrencyCode,
    Email,
    FreeObject,
    Id,
    InstantText,
    NonEmpty,
    Number,
)
from packhouse.shipping import schema
from packhouse.shipping.schema import MAX_ITEMS, MAX_PARCELS, Dimensions, Label, LabelDetails, OptionCode, Weight

MAX_SYNC_PARCELS = 15
MAX_REFERENCE = 255
MAX_NOTES = 255
MAX_STATEMENTS = 100
MAX_TAX_NUMBERS = 20

_STRICT = ConfigDict(strict=True)
_NOT_SENT: list[dict[str, Any]] = [{"type": "string", "maxLength": 0}, {"type": "null"}]

Text = Annotated[str, Field(max_length=1000)] | None
Line = Annotated[str, Field(max_length=255)]
Reference = Annotated[str, Field(max_length=MAX_REFERENCE)] | None
MaybeCountry = Annotated[
    CountryCode | None, WithJsonSchema({"anyOf": [{"type": "string", "enum": sorted(COUNTRIES)}, *_NOT_SENT]})
]
MaybeEmail = Annotated[
    Email | None, WithJsonSchema({"anyOf": [{"type": "string", "format": "email", "minLength": 3}, *_NOT_SENT]})
]


class Address(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: NonEmpty
    company_name: NotRequired[Text]
    address_line_1: NonEmpty
    house_number: NotRequired[Text]
    address_line_2: NotRequired[Text]
    postal_code: NonEmpty
    city: NonEmpty
    po_box: NotRequired[Text]
    state_province_code: NotRequired[Text]
    country_code: CountryCode
    email: NotRequired[MaybeEmail]
    phone_number: NotRequired[Text]


class Sender(TypedDict, total=False):
    """The id of a saved address, or a written address. If both are sent, the written values replace the saved ones."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    sender_address_id: Id | None
    name: Text
    company_name: Text
    address_line_1: Text
    house_number: Text
    address_line_2: Text
    postal_code: Text
    city: Text
    po_box: Text
    state_province_code: Text
    country_code: MaybeCountry
    email: MaybeEmail
    phone_number: Text


class ShipWith(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Literal["shipping_option_code"]
    properties: OptionCode


class Price(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Number
    currency: CurrencyCode


class Item(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    item_id: Text
    description: Line | None
    quantity: Count | None
    weight: Weight | None
    price: Price | None
    hs_code: Annotated[str, Field(max_length=12)] | None
    origin_country: MaybeCountry
    sku: Text
    product_id: Text
    mid_code: Text
    material_content: Text
    intended_use: Text
    dangerous_goods: FreeObject | None
    dds_reference: Text
    taric_doc_code: Text
    manufacturer_product_id: Annotated[str, Field(max_length=70)] | None
    manufacturer_product_id_std: Annotated[str, Field(max_length=70)] | None
    properties: FreeObject | None


_Sscc = Annotated[str, Field(pattern=r"^[0-9]{18}$")]
PackageType = Literal[
    "package",
    "euro_pallet",
    "block_pallet",
    "mini_pallet",
    "one_way_pallet",
    "tube",
    "over_size_pallet",
    "bundle",
    "half_pallet",
    "letterbox",
]


class ParcelFields(TypedDict, total=False):
    """The fields of a single parcel."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    collo_barcode: Annotated[str, Field(max_length=32)] | None


class LooseParcel(TypedDict, total=False):
    """A parcel of a call with rules, whose weight can be computed."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    weight: Weight | None
    dimensions: Dimensions | None
    parcel_items: Annotated[list[Item], Field(max_length=MAX_ITEMS)] | None
    additional_insured_price: Price | None
    label_notes: (
        Annotated[list[Annotated[str, Field(min_length=1, max_length=255)]], Field(max_length=MAX_NOTES)] | None
    )
    sscc: _Sscc | None
    package_type: PackageType | None
    carrier_fields: ParcelFields | None


class Parcel(LooseParcel):
    weight: Weight  # type: ignore[misc]


class TaxNumber(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: Annotated[str, Field(min_length=1, max_length=20)]
    country_code: CountryCode
    value: Annotated[str, Field(min_length=1, max_length=100)]


_TaxNumbers = Annotated[list[TaxNumber], Field(max_length=MAX_TAX_NUMBERS)]


class TaxNumbers(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    sender: _TaxNumbers | None
    receiver: _TaxNumbers | None
    importer_of_record: _TaxNumbers | None


class Importer(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    name: Annotated[str, Field(min_length=1, max_length=75)]
    company_name: NotRequired[Annotated[str, Field(max_length=50)] | None]
    address_line_1: Annotated[str, Field(min_length=1, max_length=150)]
    address_line_2: NotRequired[Annotated[str, Field(max_length=150)] | None]
    house_number: NotRequired[Annotated[str, Field(max_length=20)] | None]
    city: Annotated[str, Field(min_length=1, max_length=30)]
    postal_code: Annotated[str, Field(min_length=1, max_length=12)]
    country_code: CountryCode
    state_province_code: NotRequired[Annotated[str, Field(max_length=14)] | None]
    telephone: NotRequired[Annotated[str, Field(max_length=20)] | None]
    email: NotRequired[Annotated[str, Field(max_length=320)] | None]


ExportReason = Literal["gift", "documents", "commercial_goods", "commercial_sample", "returned_goods", "personal_use"]
_Statement = Annotated[str, Field(min_length=1, max_length=1024)]


class LooseCustoms(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    invoice_number: Annotated[str, Field(max_length=40)] | None
    export_reason: ExportReason | None
    export_type: Literal["private", "commercial_b2c", "commercial_b2b"] | None
    invoice_date: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] | None
    discount_granted: Price | None
    freight_costs: Price | None
    insurance_costs: Price | None
    other_costs: Price | None
    goods_description: Annotated[str, Field(max_length=255)] | None
    general_notes: Annotated[str, Field(max_length=500)] | None
    additional_declaration_statements: Annotated[list[_Statement], Field(max_length=MAX_STATEMENTS)] | None
    importer_of_record: Importer | None
    tax_numbers: TaxNumbers | None


class Customs(LooseCustoms):
    invoice_number: Annotated[str, Field(min_length=1, max_length=40)]  # type: ignore[misc]
    export_reason: ExportReason  # type: ignore[misc]


class ServicePoint(TypedDict, total=False):
    """The id of a service point, ours or the carrier's, which has priority."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    id: Line | int | None
    carrier_service_point_id: Line | int | None


class Dates(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    handover_at: InstantText | None
    deliver_at: InstantText | None


class CarrierFields(TypedDict, total=False):
    """Fields of single carriers; other keys are refused."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]
    hide_sender: bool | None


class _Call(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    to_address: Address
    to_service_point: NotRequired[ServicePoint | None]
    label_details: NotRequired[LabelDetails | None]
    brand_id: NotRequired[Id | None]
    order_number: NotRequired[Reference]
    total_order_price: NotRequired[Price | None]
    reference: NotRequired[Text]
    external_reference_id: NotRequired[Reference]
    delivery_dates: NotRequired[Dates | None]
    validation_methods: NotRequired[list[str] | None]
    carrier_fields: NotRequired[CarrierFields | None]


class _PlainCall(_Call):
    from_address: Sender
    ship_with: ShipWith
    customs_information: NotRequired[Customs | None]


class AnnounceCall(_PlainCall):
    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=MAX_SYNC_PARCELS)]


class CreateCall(_PlainCall):
    parcels: Annotated[list[Parcel], Field(min_length=1, max_length=MAX_PARCELS)]


class _RulesCall(_Call):
    from_address: NotRequired[Sender | None]
    ship_with: NotRequired[ShipWith | None]
    customs_information: NotRequired[LooseCustoms | None]
    apply_shipping_rules: NotRequired[bool | None]
    apply_shipping_defaults: NotRequired[bool | None]
    delivery_indicator: NotRequired[Text]


class AnnounceWithRulesCall(_RulesCall):
    parcels: NotRequired[Annotated[list[LooseParcel], Field(min_length=1, max_length=MAX_SYNC_PARCELS)] | None]


class CreateWithRulesCall(_RulesCall):
    parcels: NotRequired[Annotated[list[LooseParcel], Field(min_length=1, max_length=MAX_PARCELS)] | None]


class CallKind(NamedTuple):
    """One of the four calls, or one that makes a return: its shape, whether it waits for the label, and whether
    shipping rules apply."""

    shape: TypeAdapter[Any]
    is_sync: bool
    has_rules: bool
    is_return: bool = False


ANNOUNCE = CallKind(TypeAdapter(AnnounceCall), is_sync=True, has_rules=False)
CREATE = CallKind(TypeAdapter(CreateCall), is_sync=False, has_rules=False)
ANNOUNCE_WITH_RULES = CallKind(TypeAdapter(AnnounceWithRulesCall), is_sync=True, has_rules=True)
CREATE_WITH_RULES = CallKind(TypeAdapter(CreateWithRulesCall), is_sync=False, has_rules=True)


class Call(NamedTuple):
    """A valid call. `sent` has only keys with a value."""

    sent: dict[str, Any]
    kind: CallKind
    label: Label


def find_reference(sent: Any) -> str | None:
    """Return the `external_reference_id` of a parsed body, even if the rest of it is invalid."""
    given = sent.get("external_reference_id") if isinstance(sent, dict) else None
    return given if isinstance(given, str) and given and "\0" not in given and len(given) <= MAX_REFERENCE else None


def read_call(kind: CallKind, sent: Any, *, may_hold_nulls: bool) -> Call:
    """Read a parsed body. Raises Invalid with every flaw."""
    reading = validation.read_parsed(kind.shape, to_sent(sent), may_hold_nulls=may_hold_nulls)
    value, flaws = reading.value, list(reading.flaws)
    if not flaws:
        flaws += _find_incomplete(value, kind)
        flaws += schema.find_wrong_dpi(value.get("label_details", {}))
    faults = [errors.ErrorItem("invalid", f.detail, pointer=errors.to_pointer(f.path)) for f in flaws]
    told = message("This key is unknown.")
    unknown = [path for path in reading.unknown if "carrier_fields" in path[:-1]]
    faults += [errors.ErrorItem("unknown_field", told, pointer=errors.to_pointer(path)) for path in unknown]
    if faults:
        raise errors.Invalid(faults)
    details = value.get("label_details", {})
    mime_type = details.get("mime_type", schema.PDF)
    return Call(value, kind, Label(mime_type, details.get("dpi") or schema.DPIS[mime_type][0]))


def to_sent(value: Any) -> Any:
    """Return the body without keys that have no value."""
    if isinstance(value, dict):
        return {key: to_sent(inner) for key, inner in value.items() if inner is not None and inner != ""}
    return [to_sent(inner) for inner in value] if isinstance(value, list) else value


def _find_incomplete(value: dict[str, Any], kind: CallKind) -> list[validation.ValidationIssue]:
    """Find errors that depend on more than one key."""
    found: list[validation.ValidationIssue] = []
    sender = value.get("from_address")
    if sender is not None and "sender_address_id" not in sender:
        missing = [name for name in sorted(Address.__required_keys__) if name not in sender]
        found += [_to_missing(("from_address", name)) for name in missing]
    point = value.get("to_service_point")
    if point is not None and not point:
        found.append(_to_missing(("to_service_point", "id")))
    if not kind.has_rules and "shipping_option_code" not in value["ship_with"]["properties"]:
        found.append(_to_missing(("ship_with", "properties", "shipping_option_code")))
    return found


def _to_missing(path: errors.Path) -> validation.ValidationIssue:
    return validation.ValidationIssue(path, message("Field required"), "missing")
