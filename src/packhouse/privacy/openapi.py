"""What `/openapi.json` says of the routes about personal data."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.privacy import schema

_COUNT = {"type": "integer", "minimum": 0}
_OBJECT = {"type": "object"}
_PERSON = openapi.body({"$ref": "#/components/schemas/WantedPerson"})
_DAYS = openapi.or_null({"type": "integer", "minimum": 0, "maximum": schema.MAX_DAYS})
_RETENTION = openapi.answer(openapi.shape(data=openapi.shape(days=_DAYS, documents_days=_DAYS)), "In days.")

ERASE: dict[str, Any] = {
    "requestBody": _PERSON,
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.shape(**dict.fromkeys(schema.Report().to_wire(), _COUNT))), "How many of each."
        ),
        **openapi.refusals(400, 413, 415),
    },
}
EXPORT: dict[str, Any] = {
    "requestBody": _PERSON,
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data=openapi.shape(
                    person=_OBJECT,
                    exported_at=openapi.TIME,
                    orders=openapi.list_of(
                        openapi.shape(
                            id={"type": "integer"}, order=openapi.or_null(_OBJECT), history=openapi.list_of(_OBJECT)
                        )
                    ),
                    shipments=openapi.list_of(_OBJECT),
                    documents=openapi.list_of(_OBJECT),
                    deliveries=openapi.list_of(_OBJECT),
                    integration_logs=openapi.list_of(_OBJECT),
                )
            ),
            "All that is stored.",
        ),
        **openapi.refusals(400, 413, 415),
    },
}
GET_RETENTION: dict[str, Any] = {"responses": {"200": _RETENTION, **openapi.refusals()}}
CHANGE_RETENTION: dict[str, Any] = {
    "requestBody": openapi.body({"$ref": "#/components/schemas/Retention"}),
    "responses": {"200": _RETENTION, **openapi.refusals(400, 413, 415)},
}


def to_components() -> dict[str, Any]:
    return {"WantedPerson": schema.PERSON.json_schema(), "Retention": schema.RETENTION.json_schema()}
