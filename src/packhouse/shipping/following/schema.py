"""The wire shape of a parcel that was made elsewhere. Unlike in other shapes, unknown keys in its addresses are
refused."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import CountryCode, Id, InstantText, Measure, NonEmpty
from packhouse.shipping.direct.schema import Item, MaybeEmail, Price, Reference, Text, to_sent
from packhouse.shipping.schema import MAX_ITEMS, Dimensions, Weight

_STRICT = ConfigDict(strict=True)
_WHOLE = ("from_address", "to_address", "ship_with")
"""Parts in which an unknown key is refused."""

Number = Annotated[str, Field(min_length=1, max_length=255)]


class Address(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    country_code: CountryCode
    postal_code: NonEmpty
    name: NotRequired[Text]
    company_name: NotRequired[Text]
    address_line_1: NotRequired[Text]
    house_number: NotRequired[Text]
    address_line_2: NotRequired[Text]
    city: NotRequired[Text]
    po_box: NotRequired[Text]
    state_province_code: NotRequired[Text]
    email: NotRequired[MaybeEmail]
    phone_number: NotRequired[Text]


class Properties(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_option_code: Text
    contract_id: Id | None
    user_shipping_method_name: Text
    user_shipping_method_id: Text


class ShipWith(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Literal["shipping_option_code", "contract"]
    properties: Properties


class Order(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    source_id: NonEmpty
    source_external_id: NotRequired[Text]
    order_number: NotRequired[Reference]
    total_order_price: NotRequired[Price | None]


class Shipment(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    source_id: NonEmpty
    external_reference_id: NotRequired[Reference]
    order: NotRequired[Order | None]
    price: NotRequired[Price | None]


class TrackingNumber(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    carrier_code: NonEmpty
    tracking_number: Number
    tracking_identifier: NotRequired[Number | None]
    tracking_url: NotRequired[Text]


class Details(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    brand_id: Id | None
    integration_id: Id | None
    is_return: bool | None


class Volume(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    value: Measure
    unit: Literal["m3", "cm3", "l", "ml", "gal"]


class Measurements(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    dimension: Dimensions | None
    weight: Weight | None
    volume: Volume | None


class Insurance(TypedDict, total=False):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    insured_value: Price | None
    policy_id: Text


class FollowedParcel(TypedDict):
    __pydantic_config__ = _STRICT  # type: ignore[misc]
    announced_at: InstantText
    from_address: Address
    to_address: Address
    ship_with: ShipWith
    shipment: Shipment
    source_id: NonEmpty
    tracking_number: TrackingNumber
    details: NotRequired[Details | None]
    parcel_items: NotRequired[Annotated[list[Item], Field(max_length=MAX_ITEMS)] | None]
    measurements: NotRequired[Measurements | None]
    insurance: NotRequired[Insurance | None]
    return_price: NotRequired[Price | None]


FOLLOWED_PARCEL: TypeAdapter[Any] = TypeAdapter(FollowedParcel)


def read_parcel(body: bytes) -> dict[str, Any]:
    """Return the values of a valid body, without keys that have none. Raises Invalid with every flaw."""
    sent = to_sent(validation.parse(body))
    reading = validation.read_parsed(FOLLOWED_PARCEL, sent, may_hold_nulls=validation.holds_nulls(body))
    faults = [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
    told = message("This key is unknown.")
    unknown = [path for path in reading.unknown if path[0] in _WHOLE and len(path) > 1]
    faults += [errors.ErrorItem("unknown_field", told, pointer=errors.to_pointer(path)) for path in unknown]
    if faults:
        raise errors.Invalid(faults)
    found: dict[str, Any] = reading.value
    return found
