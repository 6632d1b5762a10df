"""The wire shapes of returns: the body of the three calls that describe one, and the filters of the list.

Keys whose value is `null` or an empty text count as missing, as in direct shipments.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter
from typing_extensions import TypedDict

from packhouse.kit import errors
from packhouse.kit.messages import foreign, message
from packhouse.kit.wire import validation
from packhouse.kit.wire.fields import Count, CountryCode, FreeObject, Id
from packhouse.shipping import statuses
from packhouse.shipping.direct.schema import Address, LooseCustoms, Price, Reference, Text, to_sent
from packhouse.shipping.schema import MAX_ITEMS, MAX_PARCELS, Dimensions, Weight, read_first, read_last

MAX_PAGE = DEFAULT_PAGE = 40

_STRICT = ConfigDict(strict=True)

DeliveryOption = Literal["drop_off_point", "drop_off_labelless", "pickup", "in_store"]


class Properties(TypedDict, total=False):
    """An option in the form of shipments."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    shipping_option_code: Text
    contract_id: Id | None


class ShipWith(TypedDict, total=False):
    """An option by its code, any option of a product, or any with the functionalities."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    type: Literal["shipping_option_code", "shipping_product_code"] | None
    shipping_option_code: Text
    shipping_product_code: Text
    functionalities: FreeObject | None
    contract: Id | None
    properties: Properties | None


class ReturnItem(TypedDict, total=False):
    """`value` is the older name of `price`."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    item_id: Text
    description: Text
    quantity: Count | None
    weight: Weight | None
    price: Price | None
    value: Price | None
    hs_code: Annotated[str, Field(max_length=12)] | None
    origin_country: CountryCode | None
    sku: Text
    product_id: Text
    return_reason_id: Text | int
    return_message: Text
    mid_code: Text
    material_content: Text
    intended_use: Text
    dangerous_goods: FreeObject | None
    dds_reference: Text
    taric_doc_code: Text
    manufacturer_product_id: Annotated[str, Field(max_length=70)] | None
    manufacturer_product_id_std: Annotated[str, Field(max_length=70)] | None
    properties: FreeObject | None


class CreateReturn(TypedDict):
    """A return from the customer to the account. `weight` is the total of all parcels."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]
    from_address: Address
    to_address: Address
    ship_with: ShipWith
    weight: Weight
    dimensions: NotRequired[Dimensions | None]
    collo_count: NotRequired[Annotated[int, Field(ge=1, le=MAX_PARCELS)] | None]
    parcel_items: NotRequired[Annotated[list[ReturnItem], Field(max_length=MAX_ITEMS)] | None]
    send_tracking_emails: NotRequired[bool | None]
    brand_id: NotRequired[Id | None]
    total_insured_value: NotRequired[Price | None]
    order_number: NotRequired[Reference]
    total_order_value: NotRequired[Price | None]
    external_reference: NotRequired[Reference]
    customs_invoice_nr: NotRequired[Annotated[str, Field(max_length=40)] | None]
    delivery_option: NotRequired[DeliveryOption | None]
    customs_information: NotRequired[LooseCustoms | None]
    apply_rules: NotRequired[bool | None]


CREATE_RETURN: TypeAdapter[Any] = TypeAdapter(CreateReturn)


def read_return(body: bytes) -> dict[str, Any]:
    """Return the values of a valid body, without keys that have none. Raises Invalid with every flaw."""
    sent = to_sent(validation.parse(body))
    if isinstance(sent, dict):
        sent.setdefault("ship_with", {})  # an empty one says nothing, and is there all the same
    reading = validation.read_parsed(CREATE_RETURN, sent, may_hold_nulls=validation.holds_nulls(body))
    faults = [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_pointer(flaw.path)) for flaw in reading.flaws]
    value = reading.value
    if not faults:
        faults += _find_faults(value)
    if faults:
        raise errors.Invalid(faults)
    found: dict[str, Any] = value
    return found


def _find_faults(value: Mapping[str, Any]) -> Iterator[errors.ErrorItem]:
    """Find errors that depend on more than one key."""
    reason = (value.get("customs_information") or {}).get("export_reason", "returned_goods")
    if reason != "returned_goods":
        pointer = errors.to_pointer(("customs_information", "export_reason"))
        detail = message("The export reason of a return is returned_goods.")
        yield errors.ErrorItem("invalid_choice", detail, pointer=pointer)


class ListRequest(NamedTuple):
    """Filters by name, as `queries.FILTERS` takes them."""

    filters: dict[str, Any]
    page_size: int
    cursor: str | None


NO_STATUS = ("delivery-forced", "unsorted2")
"""Statuses that are published for the list, and that no parcel has here."""
STATUSES = (
    *(word for each in statuses.ALL if (word := statuses.to_hyphens(each.number)) != "cancellation-failed"),
    *NO_STATUS,
)


def read_list_request(given: Mapping[str, str]) -> ListRequest:
    """Raises Invalid that names each invalid or missing parameter."""
    filters: dict[str, Any] = {}
    faults: list[errors.ErrorItem] = []
    for name, key, read in (("from_date", "created_after", read_first), ("to_date", "created_before", read_last)):
        if not given.get(name):
            faults.append(errors.ErrorItem("required", message("Field required"), parameter=name))
            continue
        try:
            filters[key] = read([given[name]])
        except ValueError as error:
            faults.append(errors.ErrorItem("invalid", foreign(str(error)), parameter=name))
    if status := given.get("parent_parcel_status"):
        faults += _read_status(status, filters)
    size = given.get("page_size") or str(DEFAULT_PAGE)
    if not re.fullmatch(r"[0-9]{1,4}", size, re.ASCII) or not 1 <= int(size) <= MAX_PAGE:
        detail = message("Input should be a number between 1 and {most}", most=MAX_PAGE)
        faults.append(errors.ErrorItem("invalid", detail, parameter="page_size"))
    if faults:
        raise errors.Invalid(faults)
    return ListRequest(filters, int(size), given.get("cursor") or None)


def _read_status(text: str, filters: dict[str, Any]) -> Iterator[errors.ErrorItem]:
    if text not in STATUSES:
        detail = message("Select a valid choice. {text} is not one of the available choices.", text=text)
        yield errors.ErrorItem("invalid_choice", detail, title="Invalid Choice", parameter="parent_parcel_status")
        return
    filters["parcel_status"] = statuses.to_number(text.replace("-", "_"))


class Made(NamedTuple):
    """A return that was made: our id of its shipment, which is the return's, and those of its parcels."""

    id: int
    uuid: str
    parcel_ids: list[int]

    def to_wire(self) -> dict[str, Any]:
        ids = list(self.parcel_ids)
        return {"return_id": self.id, "parcel_id": ids[0], "multi_collo_ids": ids if len(ids) > 1 else []}
