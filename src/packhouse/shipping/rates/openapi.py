"""What `/openapi.json` says of rate tables."""

from typing import Any

from packhouse.kit.wire import openapi
from packhouse.shipping.rates import schema

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_SHOWN = openapi.shape(id=_NUMBER, name=_TEXT, currency=_TEXT, valid_from=_TEXT, row_count=_NUMBER)
_ROWS = openapi.list_of({"type": "object", "additionalProperties": True})
_WHOLE = {**_SHOWN, "properties": {**_SHOWN["properties"], "rows": _ROWS, "csv": _TEXT}}
_ID = openapi.path_id("The id of the rate table.")

LIST: dict[str, Any] = {
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_SHOWN)), "All of them."),
        **openapi.refusals(),
    }
}
CREATE: dict[str, Any] = {
    "requestBody": openapi.body({"$ref": "#/components/schemas/RateTable"}),
    "responses": {"201": openapi.answer(openapi.shape(data=_SHOWN), "Made."), **openapi.refusals(400, 413, 415)},
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"200": openapi.answer(openapi.shape(data=_WHOLE), "The one."), **openapi.refusals(404)},
}
DELETE: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"204": openapi.no_content("Gone."), **openapi.refusals(404)},
}


def to_components() -> dict[str, Any]:
    made = schema.RATE_TABLE.json_schema(ref_template="#/components/schemas/RateTable{model}")
    parts = made.pop("$defs", {})
    return {"RateTable": made, **{f"RateTable{part}": shape for part, shape in parts.items()}}
