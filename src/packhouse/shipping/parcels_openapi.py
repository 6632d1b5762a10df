"""What `/openapi.json` says of single parcels, and of reads in version 2."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.shipping import openapi as shipping

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_FREE = {"type": "object", "additionalProperties": True}

_EVENT = openapi.shape(
    event_at=openapi.TIME,
    event_type=_TEXT,
    status_code=_TEXT,
    status_description=_TEXT,
    status_type=_TEXT,
    sub_status_code=_TEXT,
)
TRACKING: dict[str, Any] = {
    "parameters": [
        {
            "name": "tracking_number",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
            "description": "The carrier's number of a parcel.",
        }
    ],
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                announced_at=openapi.TIME,
                created_at=openapi.TIME,
                updated_at=openapi.TIME,
                details=_FREE,
                events=openapi.list_of(_EVENT),
                from_address=_FREE,
                to_address=_FREE,
                ship_with=shipping.SHIP_WITH,
                source_id=_TEXT,
                tracking_numbers=openapi.list_of(_FREE),
            ),
            "Where it is.",
        ),
        **openapi.refusals(404),
    },
}
_V2_PARCEL = openapi.shape(id=_NUMBER, status=openapi.shape(id=_NUMBER, message=_TEXT), tracking_number=_TEXT)
V2_PARCELS: dict[str, Any] = {
    "parameters": [
        *(openapi.query(name, _TEXT, "Equal.") for name in ("order_number", "tracking_number", "external_reference")),
        openapi.query("parcel_status", _TEXT, "A status by its number or word."),
        openapi.query(
            "limit",
            {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 500}, openapi.NOT_SENT], "default": 100},
            "Shipments a page.",
        ),
        openapi.query("cursor", _TEXT, "A page's place."),
    ],
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                next=openapi.or_null(_TEXT), previous=openapi.or_null(_TEXT), parcels=openapi.list_of(_V2_PARCEL)
            ),
            "A page.",
        ),
        **openapi.refusals(400, 404),
    },
}
V2_PARCEL: dict[str, Any] = {
    "parameters": [shipping.PARCEL_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(parcel=_V2_PARCEL), "The parcel."),
        **openapi.refusals(404),
    },
}
_V2_LABEL = openapi.shape(normal_printer=openapi.list_of(_TEXT), label_printer=_TEXT)
V2_LABEL: dict[str, Any] = {
    "parameters": [shipping.PARCEL_ID],
    "responses": {"200": openapi.answer(openapi.shape(label=_V2_LABEL), "Where it is."), **openapi.refusals(404)},
}
