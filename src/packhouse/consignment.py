"""What is told to a carrier and to a printer, and what a carrier answers: the values that these packages share.

Weights are kilograms, lengths centimetres, money is `Decimal` beside its currency. Everything is frozen: a carrier
answers, it changes nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from packhouse.kit.data.places import Place

PDF, PNG, ZPL = "application/pdf", "image/png", "application/zpl"
EPL = "application/epl"
"""What older label printers read; carriers and the API have it not."""


@dataclass(frozen=True, slots=True)
class Address:
    """An address as in an order; texts that are absent there are empty here."""

    name: str
    address_line_1: str
    postal_code: str
    city: str
    country_code: str
    company_name: str = ""
    house_number: str = ""
    address_line_2: str = ""
    po_box: str = ""
    state_province_code: str = ""
    email: str = ""
    phone_number: str = ""

    @property
    def place(self) -> Place:
        """Where it is by customs, VAT and inland post."""
        return Place(self.country_code, self.postal_code, self.state_province_code, self.city)


@dataclass(frozen=True, slots=True)
class Parcel:
    """`id` is ours and never used twice: our carriers make serial numbers from it, so that announcing again gives the
    same ones. `items` are order items as on the wire, with the quantities that lie in this parcel. `tracking_number`
    is empty until the parcel is announced."""

    id: int
    weight: Decimal | None = None
    length: Decimal | None = None
    width: Decimal | None = None
    height: Decimal | None = None
    items: Sequence[Mapping[str, Any]] = ()
    tracking_number: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """Terms agreed with a carrier; the credentials are in the carrier's own words."""

    id: int
    carrier_code: str
    name: str = ""
    client_id: str = ""
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Money(NamedTuple):
    value: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Consignment:
    """One shipment to one recipient.

    `reference` is the shipment's uuid, and the key by which a carrier knows a second announcement for the first.
    `customs` is an order's `customs_details`, `service_point` its `service_point_details`. `announced_at` dates the
    papers. `gs1_prefix` is the account's GS1 company prefix. `cash_on_delivery` is what the recipient pays at the door
    for all parcels together. With `is_return` the sender is a customer and the recipient the account.
    """

    reference: str
    order_number: str
    sender: Address
    recipient: Address
    parcels: Sequence[Parcel]
    option_code: str
    contract: Contract | None = None
    customs: Mapping[str, Any] | None = None
    service_point: Mapping[str, Any] | None = None
    notes: str = ""
    gs1_prefix: str | None = None
    external_reference: str = ""
    shipping_costs: Money | None = None
    cash_on_delivery: Money | None = None
    announced_at: datetime | None = None
    is_return: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """A printable: `label`, `customs-declaration`, `commercial-invoice`, or a carrier's own `air-waybill`."""

    kind: str
    size: Literal["a6", "a4"]
    mime_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class AnnouncedParcel:
    tracking_number: str
    tracking_url: str | None
    documents: Sequence[Document]


@dataclass(frozen=True, slots=True)
class Announcement:
    """One entry for each parcel of the consignment, in its order."""

    parcels: Sequence[AnnouncedParcel]


@dataclass(frozen=True, slots=True)
class TrackingEvent:
    """`status` is the id of one of our parcel statuses, `message` the carrier's words."""

    tracking_number: str
    status: int
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Option:
    """A service by its whole code, `carrier:option/feature=value`; `features` says the same taken apart.

    `countries` is where it goes and `origins` where it starts, None is anywhere: `kit.places.goes` says what that means
    for territories. `formats` are the mime types its label is to be had in. `max_sides_cm` are the longest sides of a
    parcel, the longest first. `requires` names what the carrier cannot do without: `to_email`, `to_telephone`,
    `length`, `width`, `height`, `to_service_point`. One with the feature `returns` is for returns alone: from a
    customer to the account.
    """

    code: str
    name: str
    carrier_code: str
    countries: frozenset[str] | None = None
    max_weight_kg: Decimal | None = None
    features: Mapping[str, Any] = field(default_factory=dict)
    formats: tuple[str, ...] = (PDF, PNG, ZPL)
    origins: frozenset[str] | None = None
    max_sides_cm: tuple[Decimal, Decimal, Decimal] | None = None
    lead_time_hours: int | None = None
    requires: frozenset[str] = frozenset()

    @property
    def is_return(self) -> bool:
        return bool(self.features.get("returns"))


class Rate(NamedTuple):
    """What a carrier says that an option costs, all in, and how long it takes."""

    option_code: str
    price: Money
    lead_time_hours: int | None = None


class ContractField(NamedTuple):
    """A thing that a carrier asks for in a contract; `choices` are codes with their descriptions."""

    name: str
    description: str
    required: bool = True
    type: Literal["string", "boolean", "choice"] = "string"
    choices: Sequence[Mapping[str, str]] | None = None
