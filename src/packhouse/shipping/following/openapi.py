"""What `/openapi.json` says of parcels that were made elsewhere."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.shipping.following import schema

_TEXT = {"type": "string"}
_FREE = {"type": "object", "additionalProperties": True}
_NAME = "FollowedParcel"
FOLLOW: dict[str, Any] = openapi.repeatable(
    {
        "requestBody": openapi.body({"$ref": f"#/components/schemas/{_NAME}"}),
        "responses": {
            "200": openapi.answer(
                openapi.shape(
                    announced_at=openapi.TIME,
                    created={"type": "boolean"},
                    created_at=openapi.TIME,
                    details=_FREE,
                    from_address=_FREE,
                    to_address=_FREE,
                    ship_with=_FREE,
                    source_id=_TEXT,
                    tracking_numbers=openapi.list_of(_FREE),
                ),
                "It is followed.",
            ),
            **openapi.refusals(400, 409, 413, 415),
        },
    }
)


def to_components() -> dict[str, Any]:
    """Return the JSON Schema of the body, its parts under names of their own."""
    made = schema.FOLLOWED_PARCEL.json_schema(ref_template=f"#/components/schemas/{_NAME}{{model}}")
    parts = made.pop("$defs", {})
    return {_NAME: made, **{f"{_NAME}{part}": shape for part, shape in parts.items()}}
