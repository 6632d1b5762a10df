"""Drafts of returns from valid bodies, converted to the form of direct shipments, whose checks apply here too. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_CEILING, Decimal
from typing import Any

from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.messages import message
from packhouse.shipping import option_filters
from packhouse.shipping.direct import drafts
from packhouse.shipping.direct.schema import Call, CallKind
from packhouse.shipping.draft import Draft
from packhouse.shipping.rates import pricing
from packhouse.shipping.returns import schema
from packhouse.shipping.schema import DPIS, PDF, RETURN, Label
from packhouse.shipping.setup.options import Options, find_options
from packhouse.shipping.setup.setup_schema import Setup

_KIND = CallKind(schema.CREATE_RETURN, is_sync=False, has_rules=True, is_return=True)
_LABEL = Label(PDF, DPIS[PDF][0])
_GRAM = Decimal("0.001")
_DETAILS = (
    "collo_count", "weight", "dimensions", "send_tracking_emails", "total_insured_value", "total_order_value",
    "customs_invoice_nr", "delivery_option",
)  # fmt: skip
_OF_ITEMS = ("return_reason_id", "return_message")


def to_draft(setup: Setup, sent: Mapping[str, Any], options: Options, integration_id: int) -> Draft:
    """Raises Invalid for what prevents shipping, with its place in the body."""
    _require_one_parcel(sent)
    call = Call(_to_call(setup, sent, options), _KIND, _LABEL)
    try:
        draft = drafts.to_draft(setup, call, options, integration_id)
    except errors.Invalid as refusal:
        raise errors.Invalid([_to_place(fault) for fault in refusal.faults]) from None
    draft.kind = RETURN
    for kept, item in zip(draft.packed[0].items, sent.get("parcel_items") or (), strict=True):
        kept |= {name: item[name] for name in _OF_ITEMS if name in item}
    details = {name: sent[name] for name in _DETAILS if name in sent}
    if cost := _find_cost(setup, draft):
        details["label_cost"] = cost
    draft.document |= {"is_return": True, "return": details}
    draft.document.pop("applied_shipping_rules", None)
    draft.document.pop("label_details", None)
    return draft


def _require_one_parcel(sent: Mapping[str, Any]) -> None:
    """Across a customs border, each parcel needs a declaration of its contents, which the call does not have."""
    ends = (places.to_place(sent["from_address"]), places.to_place(sent["to_address"]))
    if sent.get("collo_count", 1) > 1 and places.leaves_customs_union(*ends):
        detail = message("A return across a customs border has one parcel.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("collo_count",))))


def _to_call(setup: Setup, sent: Mapping[str, Any], options: Options) -> dict[str, Any]:
    customs = dict(sent.get("customs_information") or {})
    if number := sent.get("customs_invoice_nr"):
        customs.setdefault("invoice_number", number)
    if customs:
        customs.setdefault("export_reason", "returned_goods")
    named = {
        "from_address": sent["from_address"],
        "to_address": sent["to_address"],
        "ship_with": {"properties": _to_properties(setup, sent["ship_with"], options)},
        "parcels": _to_parcels(sent),
        "customs_information": customs,
        "total_order_price": sent.get("total_order_value"),
        "order_number": sent.get("order_number"),
        "external_reference_id": sent.get("external_reference"),
        "brand_id": sent.get("brand_id"),
    }
    return {name: value for name, value in named.items() if value} | {
        "apply_shipping_rules": sent.get("apply_rules", False)
    }


def _to_parcels(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Distribute the weight over the parcels, rounded up to grams; the first one has all items."""
    count = sent.get("collo_count", 1)
    weight = units.convert(sent["weight"]["value"], sent["weight"]["unit"], units.KILOGRAMS)
    share = weight if count == 1 else (weight / count).quantize(_GRAM, ROUND_CEILING)
    each = {"weight": {"value": f"{share:f}", "unit": "kg"}}
    if "dimensions" in sent:
        each["dimensions"] = sent["dimensions"]
    first: dict[str, Any] = {**each, "parcel_items": [_to_item(item) for item in sent.get("parcel_items") or ()]}
    if "total_insured_value" in sent:
        first["additional_insured_price"] = sent["total_insured_value"]
    return [first, *(dict(each) for _ in range(count - 1))]


def _to_item(item: Mapping[str, Any]) -> dict[str, Any]:
    made = {name: value for name, value in item.items() if name not in ("value", *_OF_ITEMS)}
    return made if "price" in made or "value" not in item else {**made, "price": item["value"]}


def _to_properties(setup: Setup, ship_with: Mapping[str, Any], options: Options) -> dict[str, Any]:
    """Return the given option, or all that fit, of which the cheapest is taken. Raises Invalid if no option for returns
    has the given product or functionalities."""
    nested = ship_with.get("properties") or {}
    contract_id = ship_with.get("contract") or nested.get("contract_id")
    found: dict[str, Any] = {"contract_id": contract_id} if contract_id else {}
    code = ship_with.get("shipping_option_code") or nested.get("shipping_option_code")
    product, wanted = ship_with.get("shipping_product_code"), ship_with.get("functionalities")
    if code or not (product or wanted):
        return {**found, "shipping_option_code": code} if code else found
    usable = [option for option, _ in find_options(options, setup, contract_id=contract_id, is_return=True)]
    meant = [
        option.code
        for option in usable
        if product in (None, option_filters.to_product_code(option))
        and option_filters.has_functionalities(option, {**(wanted or {}), "returns": None})
    ]
    if not meant:
        detail = message("No shipping option could be found: no option for returns is of this product.")
        pointer = errors.to_pointer(("ship_with",))
        raise errors.Invalid(errors.ErrorItem("validation_error", detail, pointer=pointer))
    return {**found, "cheapest_of": meant}


_PLACES = (
    (errors.to_pointer(("ship_with", "properties")), errors.to_pointer(("ship_with",))),
    (errors.to_pointer(("parcels", 0)), errors.ATTRIBUTES),
)
"""Places in the body of a shipment -> where the same stands in that of a return."""


def _to_place(fault: errors.ErrorItem) -> errors.ErrorItem:
    """Convert an error's place to the body of a return."""
    pointer = fault.pointer or ""
    for old, new in _PLACES:
        if pointer.startswith(f"{old}/"):
            return replace(fault, pointer=new + pointer.removeprefix(old))
    return fault


def _find_cost(setup: Setup, draft: Draft) -> dict[str, Any] | None:
    """Return the label's price from the account's rate tables."""
    properties = draft.document["ship_with"]["properties"]
    ends = (places.to_place(draft.document["from_address"]), places.to_place(draft.document["to_address"]))
    weights = [parcel.weight or units.ZERO for parcel in draft.packed]
    asked = pricing.Asked(properties["shipping_option_code"], properties["contract_id"], *ends, weights)
    quote = pricing.find_quote(setup.rates, asked)
    return None if quote is None else {"value": float(quote.total), "currency": quote.currency}
