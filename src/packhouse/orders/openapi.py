"""What `/openapi.json` says of the order routes: their handlers take bytes and give bytes, so it is written here."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.kit.fields import Id
from packhouse.orders import queries, schema

_ERRORS = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
_HEADERS = {"X-Request-Id": {"description": "Names this request in the server's log.", "schema": {"type": "string"}}}


def _refusals(*statuses: int) -> dict[str, Any]:
    texts = {
        400: "The request's content is refused; every fault is listed.",
        401: "No or wrong credentials.",
        403: "The caller lacks the scope.",
        404: "There is no such thing in this account.",
        409: "Another request is writing the same order.",
        413: "The body is too large.",
        415: "The body says that it is no JSON.",
        503: "The database is away, full or restarting.",
    }
    return {str(status): {"description": texts[status], "content": _ERRORS} for status in (*statuses, 401, 403, 503)}


def _answer(content: dict[str, Any], description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {**_HEADERS, **(headers or {})},
        "content": {"application/json": {"schema": content}},
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _body(shape: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": shape}}}


def _query(name: str, kind: dict[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": kind, "description": description}


_ID = {
    "name": "id",
    "in": "path",
    "required": True,
    "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    "description": "Our id of the order.",
}
_PARTNER = {
    "name": "Sendcloud-Partner-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "When sent, the UUID of a partner that this server knows (PACKHOUSE_PARTNER_IDS).",
}
_RECEIPT = _object(id={"type": "integer"}, order_id={"type": "string"}, order_number={"type": "string"})
_WARNING = _object(code={"type": "string"}, detail={"type": "string"}, source=_object(pointer={"type": "string"}))
_META = {"type": "object", "properties": {"warnings": {"type": "array", "items": _WARNING}}}
_LINK = {"Link": {"description": 'The pages beside this one: rel="prev", rel="next".', "schema": {"type": "string"}}}
_NOT_SENT = {"type": "string", "maxLength": 0, "description": "Empty counts as not sent."}
_SIZE = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": schema.MAX_PAGE}, _NOT_SENT],
    "default": schema.DEFAULT_PAGE,
}
_PAGING = [_query("page_size", _SIZE, "Rows a page."), _query("cursor", {"type": "string"}, "A page's place.")]
_TIME = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}, _NOT_SENT]}

_ORDERS = {"type": "array", "items": {"$ref": "#/components/schemas/StoredOrder"}}
_UPSERTED = {
    "type": "object",
    "properties": {"data": {"type": "array", "items": _RECEIPT}, "meta": _META},
    "required": ["data"],
}

UPSERT: dict[str, Any] = {
    "parameters": [_PARTNER],
    "requestBody": _body(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": schema.MAX_BATCH,
            "items": {"$ref": "#/components/schemas/Order"},
        }
    ),
    "responses": {
        "200": _answer(_UPSERTED, "Stored, in the order sent (profile `guide`)."),
        "201": _answer(_UPSERTED, "Stored, in the order sent (profile `reference`)."),
        **_refusals(400, 409, 413, 415),
    },
}
LIST: dict[str, Any] = {
    "parameters": [
        _query("integration", {"type": "string"}, "Ids of integrations, separated by commas."),
        *(_query(name, {"type": "string"}, "Equal, whatever the case.") for name in schema.TEXT_FILTERS),
        *(_query(name, _TIME, "A day in UTC or an instant; ends included.") for name in schema.TIME_FILTERS),
        _query("sort", {"type": "string"}, f"A comma list of {', '.join(queries.SORTS)}, each with or without `-`."),
        *_PAGING,
    ],
    "responses": {
        "200": _answer(_object(data=_ORDERS), "A page.", _LINK),
        **_refusals(400, 404),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": _answer(_object(data={"$ref": "#/components/schemas/StoredOrder"}), "The order."),
        **_refusals(404),
    },
}
PATCH: dict[str, Any] = {
    "parameters": [_ID],
    "requestBody": _body({"$ref": "#/components/schemas/OrderPatch"}),
    "responses": {"200": _answer(_object(data=_RECEIPT), "Merged."), **_refusals(400, 404, 409, 413, 415)},
}
DELETE: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"204": {"description": "Gone.", "headers": _HEADERS}, **_refusals(404, 409)},
}
HISTORY: dict[str, Any] = {
    "parameters": [_ID, *_PAGING],
    "responses": {
        "200": _answer(
            _object(
                data={
                    "type": "array",
                    "items": _object(
                        version={"type": "integer"},
                        action={"type": "string", "enum": ["created", "updated", "deleted"]},
                        at={"type": "string", "format": "date-time"},
                        by=_object(type={"type": "string"}, name={"type": "string"}),
                        changes={"type": "array", "items": {"type": "object"}},
                    ),
                }
            ),
            "Newest first; changes are a JSON Patch against the version before.",
            _LINK,
        ),
        **_refusals(400, 404),
    },
}


def to_components() -> dict[str, Any]:
    """JSON Schemas of the shapes that the routes above name."""
    template = "#/components/schemas/{model}"
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("Order", "validation", schema.ORDER),
        ("OrderPatch", "validation", schema.PATCH),
        ("StoredOrder", "validation", schema.MERGED),
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
