"""The shapes that a client sends and reads, for type checkers and editors.

At run time they are plain dicts, passed on as they came. /openapi.json says the same with all limits.
"""

from typing import Any, Literal, NotRequired, TypedDict

Id = int | str
"""A number in the profile `guide`, a text in `reference`."""


class Price(TypedDict):
    value: float
    currency: str


class Weight(TypedDict):
    value: float
    unit: str


class Dimension(TypedDict):
    length: float
    width: float
    height: float
    unit: str


class Measurement(TypedDict, total=False):
    weight: Weight
    dimension: Dimension
    volume: dict[str, Any]


class Status(TypedDict, total=False):
    code: str
    message: str


class Address(TypedDict, total=False):
    name: str
    company_name: str
    address_line_1: str
    house_number: str
    address_line_2: str
    postal_code: str
    po_box: str
    city: str
    country_code: str
    state_province_code: str
    email: str
    phone_number: str


class OrderItem(TypedDict):
    name: str
    quantity: int
    total_price: Price
    unit_price: NotRequired[Price]
    item_id: NotRequired[str]
    product_id: NotRequired[str]
    variant_id: NotRequired[str]
    sku: NotRequired[str]
    ean: NotRequired[str]
    description: NotRequired[str]
    image_url: NotRequired[str]
    hs_code: NotRequired[str]
    country_of_origin: NotRequired[str]
    mid_code: NotRequired[str]
    material_content: NotRequired[str]
    intended_use: NotRequired[str]
    measurement: NotRequired[Measurement]
    properties: NotRequired[dict[str, Any]]
    delivery_dates: NotRequired[dict[str, Any]]
    dangerous_goods: NotRequired[dict[str, Any]]


class IntegrationReference(TypedDict):
    id: Id


class OrderDetails(TypedDict):
    integration: IntegrationReference
    status: NotRequired[Status]
    order_created_at: NotRequired[str]
    order_updated_at: NotRequired[str]
    order_items: NotRequired[list[OrderItem]]
    notes: NotRequired[str]
    tags: NotRequired[list[str]]


class PaymentDetails(TypedDict, total=False):
    total_price: Price
    subtotal_price: Price
    estimated_shipping_price: Price
    estimated_tax_price: Price
    discount_granted: Price
    insurance_costs: Price
    freight_costs: Price
    other_costs: Price
    status: Status
    invoice_date: str
    is_cash_on_delivery: bool


class CustomerDetails(TypedDict, total=False):
    name: str
    phone_number: str
    email: str


class NewOrder(TypedDict):
    """An order as it is pushed: the first three keys are always needed, the others where it is new."""

    order_id: str
    order_number: NotRequired[str]
    order_details: OrderDetails
    payment_details: NotRequired[PaymentDetails]
    customs_details: NotRequired[dict[str, Any]]
    customer_details: NotRequired[CustomerDetails]
    billing_address: NotRequired[Address]
    shipping_address: NotRequired[Address]
    shipping_details: NotRequired[dict[str, Any]]
    service_point_details: NotRequired[dict[str, Any]]


class Order(NewOrder):
    """An order as it is read."""

    id: Id
    created_at: str
    modified_at: str


class Receipt(TypedDict):
    id: int
    order_id: str
    order_number: str


class Integration(TypedDict):
    id: int
    shop_name: str
    shop_url: str | None
    type: str
    service_point_enabled: bool
    service_point_carriers: list[str]
    webhook_active: bool
    webhook_url: str | None
    feedback_type: str
    started_failing_at: str | None
    last_fetched_at: str | None
    created_at: str
    updated_at: str


class ShippingOption(TypedDict):
    shipping_option_code: str
    contract_id: NotRequired[int]


class ShipWith(TypedDict):
    type: Literal["shipping_option_code"]
    properties: ShippingOption


class Document(TypedDict, total=False):
    document_type: str
    type: str
    size: str
    link: str


class Parcel(TypedDict, total=False):
    id: int
    tracking_number: str | None
    tracking_url: str | None
    status: Status
    weight: Weight
    dimensions: Dimension | None
    documents: list[Document]


class Shipment(TypedDict, total=False):
    """A shipment with its parcels; it has more keys than these."""

    id: str
    order_id: str
    order_number: str
    parcels: list[Parcel]
    ship_with: ShipWith
    from_address: Address
    to_address: Address
    errors: list[dict[str, Any]]


class Label(TypedDict, total=False):
    """What comes of a label: `label_details.file` is its PDF in Base64."""

    shipment_id: str
    order_id: str
    order_number: str
    parcel_id: int
    tracking_number: str
    ship_with: ShipWith
    documents: list[Document]
    label_details: dict[str, Any]
