"""What `/openapi.json` says of the order routes: their handlers take bytes and give bytes, so it is written here."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.kit.wire import openapi
from packhouse.kit.wire.fields import Id
from packhouse.orders import list_request, queries, schema

_ID = openapi.path_id("Our id of the order.")
_RECEIPT = openapi.shape(id={"type": "integer"}, order_id={"type": "string"}, order_number={"type": "string"})
_WARNING = openapi.shape(
    code={"type": "string"}, detail={"type": "string"}, source=openapi.shape(pointer={"type": "string"})
)
# Where two entries of a batch contradict each other: both places.
_WARNING["properties"]["meta"] = openapi.shape(pointers={"type": "array", "items": {"type": "string"}})
_META = {"type": "object", "properties": {"warnings": {"type": "array", "items": _WARNING}}}
_PAGING = openapi.paging(list_request.MAX_PAGE, list_request.DEFAULT_PAGE)
_TIME = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, openapi.NOT_SENT]}

_ORDERS = {"type": "array", "items": {"$ref": "#/components/schemas/StoredOrder"}}
_UPSERTED = {
    "type": "object",
    "properties": {"data": {"type": "array", "items": _RECEIPT}, "meta": _META},
    "required": ["data"],
}
_PATCHED = {"type": "object", "properties": {"data": _RECEIPT, "meta": _META}, "required": ["data"]}

UPSERT: dict[str, Any] = {
    "parameters": [openapi.PARTNER, openapi.IF_MATCH, openapi.IDEMPOTENCY_KEY],
    "requestBody": openapi.body(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": schema.MAX_BATCH,
            "items": {"$ref": "#/components/schemas/Order"},
        }
    ),
    "responses": {
        "200": openapi.answer(_UPSERTED, "Stored, in the order sent (profile `guide`).", openapi.ETAG),
        "201": openapi.answer(_UPSERTED, "Stored, in the order sent (profile `reference`).", openapi.ETAG),
        **openapi.refusals(400, 409, 412, 413, 415),
    },
}
LIST: dict[str, Any] = {
    "parameters": [
        openapi.query("integration", {"type": "string"}, "Ids of integrations, separated by commas."),
        *(openapi.query(name, {"type": "string"}, "Equal, whatever the case.") for name in list_request.TEXT_FILTERS),
        *(
            openapi.query(name, _TIME, "A day in UTC or an instant; ends included.")
            for name in list_request.TIME_FILTERS
        ),
        openapi.query(
            "sort", {"type": "string"}, f"A comma list of {', '.join(queries.SORTS)}, each with or without `-`."
        ),
        *_PAGING,
    ],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_ORDERS), "A page.", openapi.LINK),
        **openapi.refusals(400, 404),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(
            openapi.shape(data={"$ref": "#/components/schemas/StoredOrder"}), "The order.", openapi.ETAG
        ),
        **openapi.refusals(404),
    },
}
PATCH: dict[str, Any] = {
    "parameters": [_ID, openapi.IF_MATCH],
    "requestBody": openapi.body({"$ref": "#/components/schemas/OrderPatch"}),
    "responses": {
        "200": openapi.answer(_PATCHED, "Merged.", openapi.ETAG),
        **openapi.refusals(400, 404, 409, 412, 413, 415),
    },
}
DELETE: dict[str, Any] = {
    "parameters": [_ID, openapi.IF_MATCH],
    "responses": {"204": openapi.no_content("Gone."), **openapi.refusals(404, 409, 412)},
}
HISTORY: dict[str, Any] = {
    "parameters": [_ID, *_PAGING],
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data={
                    "type": "array",
                    "items": openapi.shape(
                        version={"type": "integer"},
                        action={"type": "string", "enum": ["created", "updated", "deleted", "erased"]},
                        at={"type": "string", "format": "date-time"},
                        by=openapi.shape(type={"type": "string"}, name={"type": "string"}),
                        changes={"type": "array", "items": {"type": "object"}},
                    ),
                }
            ),
            "Newest first; changes are a JSON Patch against the version before.",
            openapi.LINK,
        ),
        **openapi.refusals(400, 404),
    },
}


def to_components() -> dict[str, Any]:
    """JSON Schemas of the shapes that the routes above name."""
    template = "#/components/schemas/{model}"
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("Order", "validation", schema.ORDER),
        ("OrderPatch", "validation", schema.PATCH),
        ("StoredOrder", "validation", schema.to_stored()),
    ]
    references, definitions = TypeAdapter.json_schemas(adapters, ref_template=template)
    found: dict[str, Any] = dict(definitions["$defs"])
    stored = found.pop("OrderFieldsMerged", None) or references["StoredOrder", "validation"]
    found["StoredOrder"] = {
        **stored,
        "title": "StoredOrder",
        "properties": {
            **stored["properties"],
            "id": {"anyOf": [TypeAdapter(Id).json_schema(), {"type": "string", "pattern": "^[1-9][0-9]*$"}]},
            "created_at": {"type": "string", "format": "date-time"},
            "modified_at": {"type": "string", "format": "date-time"},
        },
        "required": ["id", "created_at", "modified_at", *schema.REQUIRED[""]],
    }
    for name in ("Order", "OrderPatch"):
        if name not in found:
            found[name] = references[name, "validation"]
    return found
