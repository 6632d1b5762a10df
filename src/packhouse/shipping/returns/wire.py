"""Returns in answers: the shipment, and the events of its first parcel."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from packhouse.kit import clock
from packhouse.kit.data import units
from packhouse.shipping import operations, parcels, statuses, wire
from packhouse.shipping.queries import ParcelEvent, Shipment
from packhouse.shipping.returns.operations import to_reason
from packhouse.shipping.tables import ParcelRow

_DELIVERED = ("11", "93")
_SIDES = ("length", "width", "height")
_ECHOED = ("brand_id", "order_number", "external_reference", "delivery_option")
_CUSTOMS_TYPE = 4
"""The number of returned goods among the older types of customs shipments."""
_ADDRESS = (
    "name", "company_name", "address_line_1", "house_number", "address_line_2", "postal_code", "city", "po_box",
    "state_province_code", "country_code", "email", "phone_number",
)  # fmt: skip


def to_return(found: Shipment, happened: Sequence[ParcelEvent], base_url: str, now: datetime) -> dict[str, Any]:
    """`happened` are the events of the first parcel, oldest first."""
    row, document = found.row, orjson.loads(found.row.document)
    [parcel, *_] = found.parcels
    details, properties = document["return"], document["ship_with"]["properties"]
    code = properties["shipping_option_code"]
    delivered_at = next((event.at for event in happened if event.status_code in _DELIVERED), None)
    has_label = any(kept.kind == "label" for kept in found.documents.get(parcel.id, ()))
    label = parcels.to_v2_label(parcel.id, base_url)
    return {
        "id": row.id,
        "parcel_id": parcel.id,
        "from_address": to_address(document["from_address"]),
        "to_address": to_address(document["to_address"]),
        "shipping_product": {"code": code.partition("/")[0]},
        "shipping_option": {"code": code},
        "weight": to_measure(details["weight"], "value"),
        **({"dimensions": to_measure(details["dimensions"], *_SIDES)} if "dimensions" in details else {}),
        "collo_count": len(found.parcels),
        "parcel_items": [to_item(item) for each in found.parcels for item in orjson.loads(each.document)["items"]],
        "send_tracking_emails": details.get("send_tracking_emails", False),
        **({"brand_id": document["brand_id"]} if document.get("brand_id") else {}),
        "label_url": label["label_printer"] if has_label else None,
        **({"label": label} if has_label else {}),
        **({"label_cost": details["label_cost"]} if "label_cost" in details else {}),
        "insurance": bool(float((details.get("total_insured_value") or {}).get("value") or 0)),
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
        "is_cancellable": operations.is_cancellable(found, now),
        "status_history": _to_history(document, parcel, happened),
        "created_at": clock.to_wire(row.created_at),
        "delivered_at": None if delivered_at is None else int(delivered_at.timestamp() * 1000),
        "delivered_at_iso": None if delivered_at is None else clock.to_wire(delivered_at),
        "order_number": row.order_number,
        "external_reference": row.external_reference_id,
        "contract": properties["contract_id"],
        "customs_invoice_nr": details.get("customs_invoice_nr"),
        "customs_shipment_type": _CUSTOMS_TYPE,
        "delivery_option": details.get("delivery_option"),
        "images": [],
        "status": "open",
        "customs_information": document.get("customs_information"),
        "errors": wire.read_errors(row.errors),
    }


def to_address(address: Mapping[str, Any]) -> dict[str, Any]:
    shown = wire.to_address(address)
    return {name: shown[name] for name in _ADDRESS if shown.get(name) is not None}


def to_measure(sent: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Weights and sizes of returns are numbers."""
    return {**{name: float(sent[name]) for name in names}, "unit": sent["unit"]}


def to_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """A parcel's item as returns have it: its price is a number."""
    shown = wire.to_item(item)
    if price := shown.get("price"):
        shown["price"] = {"value": float(price["value"]), "currency": price["currency"]}
    reason = to_reason(item)
    more = {
        "return_reason_id": None if item.get("return_reason_id") is None else str(item["return_reason_id"]),
        "return_message": item.get("return_message"),
        "return_reason": None if reason is None else {"id": reason},
    }
    return {**shown, **{name: value for name, value in more.items() if value is not None}}


def _to_history(
    document: Mapping[str, Any], parcel: ParcelRow, happened: Sequence[ParcelEvent]
) -> list[dict[str, Any]]:
    """The current status of the parcel comes last."""
    steps = [(str(row.id), row.status_code, row.status_message, row.at) for row in happened]
    steps = steps or [("0", parcel.status_code, parcel.status_message, parcel.updated_at)]
    return [
        {
            "carrier_update_timestamp": clock.to_wire(at),
            "parcel_status_history_id": id,
            "parent_status": statuses.to_hyphens(code),
            "carrier_code": document["carrier"]["code"],
            "carrier_message": words,
        }
        for id, code, words, at in steps
    ]


def to_understood(sent: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a valid body as it is understood: its weight in kilograms and its size in centimetres, as plain numbers,
    and the option that would be used."""
    properties = document["ship_with"]["properties"]
    code = properties["shipping_option_code"]
    weight = units.convert(sent["weight"]["value"], sent["weight"]["unit"], units.KILOGRAMS)
    shown: dict[str, Any] = {
        "from_address": to_address(document["from_address"]),
        "to_address": to_address(document["to_address"]),
        "ship_with": {
            "type": "shipping_option_code",
            "shipping_option_code": code,
            "shipping_product_code": code.partition("/")[0],
            "contract": properties["contract_id"],
        },
        "weight": float(weight),
        "collo_count": sent.get("collo_count", 1),
        "send_tracking_emails": sent.get("send_tracking_emails", False),
        "customs_shipment_type": _CUSTOMS_TYPE,
    }
    if size := sent.get("dimensions"):
        sides = {side: units.convert(size[side], size["unit"], units.CENTIMETRES) for side in _SIDES}
        shown["dimensions"] = {side: float(length) for side, length in sides.items()}
    for name in ("total_insured_value", "total_order_value"):
        if name in sent:
            shown[name] = _to_money(sent[name])
    shown |= {name: sent[name] for name in _ECHOED if name in sent}
    shown["parcel_items"] = [_to_sent_item(item) for item in sent.get("parcel_items") or ()]
    return shown


def _to_sent_item(item: Mapping[str, Any]) -> dict[str, Any]:
    shown = dict(item)
    for name in ("price", "value"):
        if name in shown:
            shown[name] = _to_money(shown[name])
    if "weight" in shown:
        shown["weight"] = to_measure(shown["weight"], "value")
    if "return_reason_id" in shown:
        shown["return_reason_id"] = str(shown["return_reason_id"])
    return shown


def _to_money(sent: Mapping[str, Any]) -> dict[str, Any]:
    return {"value": float(sent["value"]), "currency": sent["currency"]}
