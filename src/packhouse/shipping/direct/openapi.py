"""What `/openapi.json` says of shipments that are announced directly."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.shipping.direct import schema

_KINDS = {
    "AnnounceShipment": schema.ANNOUNCE,
    "AnnounceShipmentWithRules": schema.ANNOUNCE_WITH_RULES,
    "CreateShipment": schema.CREATE,
    "CreateShipmentWithRules": schema.CREATE_WITH_RULES,
}
_TEXT = {"type": "string"}
_DETAILS = openapi.shape(mime_type=_TEXT, dpi={"type": "integer"})
_RULE = openapi.shape(
    rule=openapi.shape(id={"type": "integer"}, name=_TEXT), result={"type": "object", "additionalProperties": True}
)


def _describe(name: str) -> dict[str, Any]:
    kind = _KINDS[name]
    more = {"label_details": _DETAILS, **({"applied_shipping_rules": openapi.list_of(_RULE)} if kind.has_rules else {})}
    data = {"allOf": [{"$ref": "#/components/schemas/Shipment"}, {"type": "object", "properties": more}]}
    shown = openapi.shape(data=data)
    taken = openapi.answer(
        {"anyOf": [shown, {"$ref": "#/components/schemas/Errors"}]}, "The shipment that has this reference already."
    )
    described = openapi.repeatable(
        {
            "parameters": [openapi.PARTNER],
            "requestBody": openapi.body({"$ref": f"#/components/schemas/{name}"}),
            "responses": {
                "201": openapi.answer(shown, "The shipment; what its carrier refuses stands in its `errors`."),
                **openapi.refusals(400, 404, 413, 415),
            },
        }
    )
    return {**described, "responses": {**described["responses"], "409": taken}}


ANNOUNCE = _describe("AnnounceShipment")
ANNOUNCE_WITH_RULES = _describe("AnnounceShipmentWithRules")
CREATE = _describe("CreateShipment")
CREATE_WITH_RULES = _describe("CreateShipmentWithRules")


def to_components() -> dict[str, Any]:
    """Return the JSON Schemas of the four bodies, their parts under names of their own."""
    found: dict[str, Any] = {}
    for name, kind in _KINDS.items():
        made = kind.shape.json_schema(ref_template=f"#/components/schemas/{name}{{model}}")
        parts = made.pop("$defs", {})
        found |= {name: made, **{f"{name}{part}": shape for part, shape in parts.items()}}
    return found
