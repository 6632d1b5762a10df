"""What `/openapi.json` says of returns."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.shipping.returns import schema

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_AMOUNT = {"type": "number"}
_FREE = {"type": "object", "additionalProperties": True}
_ID = openapi.path_id("The return's id.")
_NAME = "CreateReturn"
_BODY = openapi.body({"$ref": f"#/components/schemas/{_NAME}"})
_DATE = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}

_RECEIPT = openapi.shape(return_id=_NUMBER, parcel_id=_NUMBER, multi_collo_ids=openapi.list_of(_NUMBER))
_STATUS = openapi.shape(
    carrier_update_timestamp=openapi.TIME,
    parcel_status_history_id=_TEXT,
    parent_status={"type": "string", "enum": [*schema.STATUSES, "cancellation-failed"]},
    carrier_code=_TEXT,
    carrier_message=_TEXT,
)
_RETURN = openapi.shape(
    id=_NUMBER,
    parcel_id=_NUMBER,
    from_address=_FREE,
    to_address=_FREE,
    shipping_product=openapi.shape(code=_TEXT),
    shipping_option=openapi.shape(code=_TEXT),
    weight=openapi.shape(value=_AMOUNT, unit=_TEXT),
    collo_count=_NUMBER,
    parcel_items=openapi.list_of(_FREE),
    send_tracking_emails={"type": "boolean"},
    tracking_number=openapi.or_null(_TEXT),
    tracking_url=openapi.or_null(_TEXT),
    is_cancellable={"type": "boolean"},
    status_history=openapi.list_of(_STATUS),
    created_at=openapi.TIME,
    order_number=_TEXT,
    errors=openapi.list_of(_FREE),
)
_UNDERSTOOD = openapi.shape(from_address=_FREE, to_address=_FREE, ship_with=_FREE, weight=_AMOUNT)
_CANCEL_REFUSED = openapi.shape(errors=openapi.list_of(openapi.shape(field=_TEXT, code=_NUMBER, message=_TEXT)))
_ERRORS = {"$ref": "#/components/schemas/Errors"}

CREATE: dict[str, Any] = openapi.repeatable(
    {
        "parameters": [openapi.PARTNER],
        "requestBody": _BODY,
        "responses": {
            "201": openapi.answer(_RECEIPT, "Made."),
            **openapi.refusals(400, 413, 415),
        },
    }
)
VALIDATE: dict[str, Any] = {
    "parameters": [openapi.PARTNER],
    "requestBody": _BODY,
    "responses": {
        "200": openapi.answer(_UNDERSTOOD, "The body as it is understood."),
        **openapi.refusals(400, 413, 415),
    },
}
LIST: dict[str, Any] = {
    "parameters": [
        openapi.query("from_date", _DATE, "A day in UTC or an instant, included.", required=True),
        openapi.query("to_date", _DATE, "A day in UTC or an instant, included.", required=True),
        openapi.query(
            "parent_parcel_status",
            {"anyOf": [{"type": "string", "enum": list(schema.STATUSES)}, openapi.NOT_SENT]},
            "The status of a parcel of the return.",
        ),
        *openapi.paging(schema.MAX_PAGE, schema.DEFAULT_PAGE),
    ],
    "responses": {
        "200": openapi.answer(
            openapi.shape(next=openapi.or_null(_TEXT), previous=openapi.or_null(_TEXT), data=openapi.list_of(_RETURN)),
            "A page.",
            openapi.LINK,
        ),
        **openapi.refusals(400, 404),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"200": openapi.answer(_RETURN, "The return."), **openapi.refusals(404)},
}
CANCEL: dict[str, Any] = openapi.repeatable(
    {
        "parameters": [_ID],
        "responses": {
            "202": openapi.answer(openapi.shape(message=_TEXT), "Cancelled, or will be."),
            **openapi.refusals(404, 409),
        },
    }
)
CANCEL["responses"]["409"] = openapi.answer(
    {"anyOf": [_CANCEL_REFUSED, _ERRORS]}, "It is cancelled already, or cannot be any more."
)


def to_components() -> dict[str, Any]:
    """Return the JSON Schema of the body, its parts under names of their own."""
    made = schema.CREATE_RETURN.json_schema(ref_template=f"#/components/schemas/{_NAME}{{model}}")
    parts = made.pop("$defs", {})
    return {_NAME: made, **{f"{_NAME}{part}": shape for part, shape in parts.items()}}
