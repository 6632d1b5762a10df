"""Single parcels: reads by number, tracking, and the shapes of version 2."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from packhouse.kit import clock, errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.shipping import events, queries, statuses, wire
from packhouse.shipping.queries import ParcelEvent, Shipment
from packhouse.shipping.tables import ParcelRow, parcels, shipments

_p, _s = parcels.c, shipments.c
MAX_V2_PAGE = 500
DEFAULT_V2_PAGE = 100

Found = tuple[Shipment, Any]


async def find_by_tracking_number(tx: Reader, account_id: int, number: str) -> Found | None:
    """Find the latest parcel with that number, and its shipment."""
    if "\0" in number or len(number) > 255:
        return None
    statement = select(_p.id).where(_p.account_id == account_id, _p.tracking_number == number)
    id = await tx.fetch_value(statement.order_by(_p.id.desc()).limit(1))
    return None if id is None else await find_by_id(tx, account_id, id)


async def find_by_id(tx: Reader, account_id: int, id: int) -> Found | None:
    """The parcel and its shipment."""
    shipment_id = await tx.fetch_value(select(_p.shipment_id).where(_p.account_id == account_id, _p.id == id))
    found = None if shipment_id is None else await queries.find_shipment(tx, account_id, shipment_id)
    return None if found is None else (found, next(parcel for parcel in found.parcels if parcel.id == id))


async def find_shipment_uuid(tx: Reader, account_id: int, id: int) -> str | None:
    """The uuid of a parcel's shipment."""
    statement = select(_s.uuid).join(parcels, (_p.account_id == _s.account_id) & (_p.shipment_id == _s.id))
    uuid: str | None = await tx.fetch_value(statement.where(_p.account_id == account_id, _p.id == id))
    return uuid


_ADDRESS = (
    "name", "company_name", "address_line_1", "address_line_2", "house_number", "postal_code", "city", "po_box",
    "state_province_code", "country_code", "email", "phone_number",
)  # fmt: skip


def _to_address(address: dict[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """With `is_whole`, include a postal code and a city even if they are unknown."""
    shown = wire.to_address(address) if is_whole else address
    return {key: shown[key] for key in _ADDRESS if shown.get(key) is not None and (is_whole or shown[key])}


def to_tracking(found: Shipment, parcel: ParcelRow, happened: Sequence[ParcelEvent]) -> dict[str, Any]:
    """Return where a parcel is and what `happened` to it, oldest first. A parcel from before events were stored has
    only its last status."""
    document = orjson.loads(found.row.document)
    announced_at = found.row.announced_at or found.row.created_at
    followed = document.get("followed") or {}
    number = {"carrier_code": document["carrier"]["code"], "tracking_number": parcel.tracking_number}
    if identifier := (followed.get("tracking_number") or {}).get("tracking_identifier"):
        number["tracking_identifier"] = identifier
    return {
        "announced_at": clock.to_wire(announced_at),
        "created_at": clock.to_wire(parcel.created_at),
        "updated_at": clock.to_wire(parcel.updated_at),
        "details": {
            "integration_id": found.row.integration_id,
            "is_return": bool(document.get("is_return")),
            "is_to_service_point": bool(document.get("to_service_point")),
        },
        "events": [_to_event(row.status_code, row.status_message, row.at) for row in happened]
        or [_to_event(parcel.status_code, parcel.status_message, parcel.tracked_at or parcel.updated_at)],
        "from_address": _to_address(document["from_address"], is_whole=not followed),
        "to_address": _to_address(document["to_address"], is_whole=not followed),
        "ship_with": followed.get("ship_with", document["ship_with"]),
        "source_id": followed.get("source_id", str(parcel.id)),
        "tracking_numbers": [number | ({"tracking_url": parcel.tracking_url} if parcel.tracking_url else {})],
    }


def _to_event(code: str, words: str, at: datetime) -> dict[str, Any]:
    meaning = events.find_meaning(code)
    return {
        "event_at": clock.to_wire(at),
        "event_type": "internal" if code in wire.STATUSES else "carrier",
        "status_code": meaning.phase,
        "status_description": words,
        "status_type": meaning.status_type,
        "sub_status_code": meaning.exception,
    }


class V2Request(NamedTuple):
    filters: dict[str, Any]
    limit: int
    cursor: str | None


V2_FILTERS = ("order_number", "tracking_number", "external_reference", "parcel_status")
_OF_V2 = {"external_reference": "external_reference_id"}


def read_v2_request(parameters: Iterable[tuple[str, str]]) -> V2Request:
    """Raises Invalid for a limit or a text that cannot be read; unknown parameters are ignored."""
    given = {name: value for name, value in parameters if value}
    faults = [
        errors.ErrorItem("invalid", message("String should not contain U+0000"), parameter=name)
        for name in V2_FILTERS
        if "\0" in given.get(name, "")
    ]
    limit = given.get("limit", str(DEFAULT_V2_PAGE))
    if not re.fullmatch(r"[0-9]{1,4}", limit, re.ASCII) or not 1 <= int(limit) <= MAX_V2_PAGE:
        detail = message("Input should be a number between 1 and {most}", most=MAX_V2_PAGE)
        faults.append(errors.ErrorItem("invalid", detail, parameter="limit"))
    if faults:
        raise errors.Invalid(faults)
    filters = {_OF_V2.get(name, name): given[name] for name in V2_FILTERS if name in given}
    if "parcel_status" in filters:
        filters["parcel_status"] = statuses.to_number(filters["parcel_status"])
    return V2Request(filters, int(limit), given.get("cursor"))


def to_v2(found: Shipment, parcel: ParcelRow, base_url: str) -> dict[str, Any]:
    """Return a parcel in the form of version 2, which has the recipient's address in the parcel and the number of its
    status."""
    row, document = found.row, orjson.loads(found.row.document)
    to = document["to_address"]
    contents = orjson.loads(parcel.document)
    code = document["ship_with"]["properties"]["shipping_option_code"]
    street, number = to.get("address_line_1") or "", to.get("house_number") or ""
    has_label = any(kept.kind == "label" for kept in found.documents.get(parcel.id, ()))
    return {
        "id": parcel.id,
        "name": to.get("name") or "",
        "company_name": to.get("company_name") or "",
        "address": " ".join(filter(None, (street, number))),
        "address_divided": {"street": street, "house_number": number},
        "address_2": to.get("address_line_2") or "",
        "house_number": number,
        "city": to.get("city") or "",
        "postal_code": to.get("postal_code") or "",
        "country": {"iso_2": to["country_code"]},
        "email": to.get("email") or "",
        "telephone": to.get("phone_number") or "",
        "date_created": row.created_at.strftime("%d-%m-%Y %H:%M:%S"),
        "date_announced": row.announced_at and row.announced_at.strftime("%d-%m-%Y %H:%M:%S"),
        "date_updated": parcel.updated_at.strftime("%d-%m-%Y %H:%M:%S"),
        "tracking_number": parcel.tracking_number or "",
        "tracking_url": parcel.tracking_url or "",
        "weight": contents["weight"]["value"],
        "label": to_v2_label(parcel.id, base_url) if has_label else {"normal_printer": [], "label_printer": None},
        "documents": wire.to_documents(found.documents.get(parcel.id, ()), base_url),
        "status": {"id": int(parcel.status_code), "message": parcel.status_message},
        "carrier": {"code": document["carrier"]["code"]},
        "shipment": {"id": None, "name": code},
        "shipping_method_checkout_name": code,
        "shipment_uuid": row.uuid,
        "order_number": row.order_number,
        "external_order_id": document["order_id"],
        "external_reference": row.external_reference_id,
        "is_return": bool(document.get("is_return")),
        "parcel_items": [to_v2_item(item) for item in contents["items"]],
        "errors": {},
    }


def to_v2_label(parcel_id: int, base_url: str) -> dict[str, Any]:
    """Return the URLs of the label: four places on a sheet, which all lead to the same file, and the label
    printer's."""
    link = f"{base_url}/api/v3/parcels/{parcel_id}/documents/label"
    return {"normal_printer": [f"{link}?paper_size=A4"] * 4, "label_printer": link}


def to_v2_item(item: dict[str, Any]) -> dict[str, Any]:
    shown = wire.to_item(item)
    weight = shown.get("weight")
    return {
        "description": shown["description"],
        "quantity": shown["quantity"],
        "weight": str(weight["value"]) if weight and weight["unit"] == "kg" else None,
        "value": shown.get("price", {}).get("value", "0.00"),
        "hs_code": shown["hs_code"],
        "origin_country": shown.get("origin_country"),
        "sku": shown.get("sku", ""),
        "product_id": shown.get("product_id", ""),
        "properties": shown.get("properties", {}),
    }
