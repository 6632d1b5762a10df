"""What is answered of a shipment, its parcels and their documents: rows and documents at rest to the wire."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from packhouse.kit import clock, errors
from packhouse.kit.data import units
from packhouse.kit.messages import from_stored, message
from packhouse.shipping import statuses
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.tables import DocumentRow, ParcelRow, ShipmentRow

STATUSES = {status.number: status.message for status in statuses.OURS}
"""Code -> message, of a parcel before a carrier has it."""

TRACKING = {status.number: status.message for status in statuses.ON_THE_WAY}
"""Code -> message, of a parcel on its way."""

_WIRE_KINDS = {
    "label": ("label", "label"),
    "customs-declaration": ("customs-declaration", "cn23"),
    "commercial-invoice": ("customs-declaration", "commercial-invoice"),
    "air-waybill": ("air-waybill", "air-waybill"),
}
"""Kind at rest -> document_type, and the older type of the same."""

KINDS_OF_TYPE = {
    "label": ("label",),
    "customs-declaration": ("customs-declaration", "commercial-invoice"),
    "air-waybill": ("air-waybill",),
}


def to_shipment(found: Shipment, base_url: str) -> dict[str, Any]:
    row, document = found.row, orjson.loads(found.row.document)
    return {
        "id": row.uuid,
        "from_address": to_address(document["from_address"]),
        "to_address": document["to_address"],
        "ship_with": document["ship_with"],
        "carrier": document["carrier"],
        "integration_id": row.integration_id,
        "order_id": document["order_id"],
        "order_number": row.order_number,
        "external_reference_id": row.external_reference_id,
        "reference": row.uuid if row.for_order != NO_ORDER else document.get("reference"),
        "total_order_price": document.get("total_order_price"),
        **_given(document, "brand_id", "to_service_point", "customs_information", "delivery_dates", "carrier_fields"),
        **({"stale": row.stale.split()} if row.stale else {}),
        "errors": read_errors(row.errors),
        "parcels": [to_parcel(found, parcel, base_url) for parcel in found.parcels],
    }


STALE = {
    "address": message("The order's address was changed after the label was made."),
    "items": message("The order's items were changed after the label was made."),
    "cancelled": message("The order was cancelled after the label was made."),
}
"""Kind of staleness -> what people are told."""


def find_stale(row: ShipmentRow) -> list[dict[str, Any]]:
    """Warnings of a shipment that its order has left behind."""
    kinds = (row.stale or "").split()
    place = {"source": {"pointer": f"{errors.ROOT}/stale"}}
    return [{"code": "shipment_stale", "detail": STALE[kind], **place} for kind in kinds]


def to_address(sender: Mapping[str, Any]) -> dict[str, Any]:
    """Write an address, also that of an account that has told its name and country and no more, too: an address on
    the wire has a postal code and a city (shipments.yaml: of one character at least)."""
    return {**sender, **{name: "-" for name in ("postal_code", "city") if not sender.get(name)}}


def _given(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: document[name] for name in names if document.get(name) is not None}


def read_errors(text: str) -> list[dict[str, Any]]:
    """Return a shipment's errors as they go over the wire, each with its detail as a message."""
    return [{**error, "detail": from_stored(error["detail"])} for error in orjson.loads(text)]


def from_errors(text: str) -> list[errors.ErrorItem]:
    """A shipment's errors as faults."""
    return [errors.ErrorItem(e["code"], e["detail"], title=e.get("title")) for e in read_errors(text)]


_PARCEL_KEYS = ("additional_insured_price", "label_notes", "sscc", "package_type", "carrier_fields")


def to_parcel(found: Shipment, parcel: ParcelRow, base_url: str) -> dict[str, Any]:
    document = orjson.loads(parcel.document)
    announced_at = found.row.announced_at
    return {
        "id": parcel.id,
        "status": {"code": statuses.to_word(parcel.status_code), "message": parcel.status_message},
        "created_at": clock.to_wire(parcel.created_at),
        "updated_at": clock.to_wire(parcel.updated_at),
        "announced_at": None if announced_at is None else clock.to_wire(announced_at),
        "weight": document["weight"],
        **_given(document, "dimensions", *_PARCEL_KEYS),
        "parcel_items": [to_item(item) for item in document["items"]],
        "documents": to_documents(found.documents.get(parcel.id, ()), base_url),
        "tracking_number": parcel.tracking_number or "",
        "tracking_url": parcel.tracking_url,
        "additional_carrier_data": {},
    }


def to_documents(rows: Sequence[DocumentRow], base_url: str) -> list[dict[str, Any]]:
    shown = []
    for row in rows:
        document_type, type = _WIRE_KINDS[row.kind]
        link = f"{base_url}/api/v3/parcels/{row.parcel_id}/documents/{document_type}"
        shown.append({"document_type": document_type, "type": type, "size": row.size, "link": link})
    return shown


ITEM_KEYS = (
    "item_id",
    "sku",
    "product_id",
    "hs_code",
    "mid_code",
    "material_content",
    "intended_use",
    "dangerous_goods",
    "properties",
    "dds_reference",
    "taric_doc_code",
    "manufacturer_product_id",
    "manufacturer_product_id_std",
)
"""What an order's item and a parcel's item have in common, but for the quantity."""
_SHOWN_KEYS = ("item_id", "quantity", *ITEM_KEYS[1:], "serial_numbers")


def to_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """An order's item as a parcel's item: one piece's weight and price. It always has an HS code, if an empty one."""
    shown = {"hs_code": "", **{name: item[name] for name in _SHOWN_KEYS if item.get(name) is not None}}
    shown["description"] = item["name"][:255]
    if item.get("country_of_origin"):
        shown["origin_country"] = item["country_of_origin"]
    if weight := (item.get("measurement") or {}).get("weight"):
        shown["weight"] = {"value": float(weight["value"]), "unit": weight["unit"]}
    if (price := _to_piece_price(item)) is not None:
        shown["price"] = price
    return shown


def _to_piece_price(item: Mapping[str, Any]) -> dict[str, Any] | None:
    unit = item.get("unit_price") or {}
    if unit.get("value") is not None and unit.get("currency"):
        return {"value": f"{units.to_decimal(unit['value']):f}", "currency": unit["currency"]}
    total = item["total_price"]
    if total.get("value") is None or not total.get("currency") or not item["quantity"]:
        return None
    piece = units.to_decimal(total["value"]) / item["quantity"]
    return {"value": units.to_text(piece, 2), "currency": total["currency"]}
