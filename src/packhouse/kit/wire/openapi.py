"""Building blocks for `/openapi.json`: each package describes its routes in its `openapi.py`."""

from typing import Any

ERRORS = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
HEADERS = {"X-Request-Id": {"description": "Names this request in the server's log.", "schema": {"type": "string"}}}
LINK = {"Link": {"description": 'The pages beside this one: rel="prev", rel="next".', "schema": {"type": "string"}}}
NOT_SENT = {"type": "string", "maxLength": 0, "description": "Empty counts as not sent."}
TIME = {"type": "string", "format": "date-time"}

_REFUSALS = {
    400: "The request's content is refused; every fault is listed.",
    401: "No or wrong credentials.",
    403: "The caller lacks the scope.",
    404: "There is no such thing in this account.",
    408: "The body stopped coming.",
    409: "It does not fit what is stored, or another request is writing the same thing or has this key.",
    412: "It is no longer at the version of If-Match.",
    413: "The body is too large.",
    415: "The body says that it is no JSON.",
    429: "Too many calls; `Retry-After` says when there is room again.",
    503: "The database is away, full or restarting.",
}


ETAG = {"ETag": {"description": "The version, for If-Match.", "schema": {"type": "string"}}}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag of the version that this change is meant for.",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key and body within 24 hours get the same answer, and the work is done once.",
}


def refusals(*statuses: int) -> dict[str, Any]:
    """Return the responses for these statuses, and those of any call with credentials or a body."""
    of_bodies = (408,) if 413 in statuses else ()
    found = (*statuses, *of_bodies, 401, 403, 429, 503)
    return {str(status): {"description": _REFUSALS[status], "content": ERRORS} for status in found}


def repeatable(described: dict[str, Any]) -> dict[str, Any]:
    """Let an operation take an `Idempotency-Key`."""
    return {
        **described,
        "parameters": [*described.get("parameters", ()), IDEMPOTENCY_KEY],
        "responses": {**described["responses"], **refusals(400, 409, 413)},
    }


def answer(content: dict[str, Any], description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "description": description,
        "headers": {**HEADERS, **(headers or {})},
        "content": {"application/json": {"schema": content}},
    }


def no_content(description: str) -> dict[str, Any]:
    return {"description": description, "headers": HEADERS}


def shape(**properties: Any) -> dict[str, Any]:
    """Return an object that requires all of these."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def or_null(kind: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [kind, {"type": "null"}]}


def body(content: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": content}}}


PARTNER = {
    "name": "Sendcloud-Partner-Id",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "format": "uuid"},
    "description": "When sent, the UUID of a partner that this server knows (PACKHOUSE_PARTNER_IDS).",
}


def query(name: str, kind: dict[str, Any], description: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": kind, "description": description}


def path_id(description: str) -> dict[str, Any]:
    return {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": {"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
        "description": description,
    }


def paging(most: int, default: int) -> list[dict[str, Any]]:
    size = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": most}, NOT_SENT], "default": default}
    return [query("page_size", size, "Rows a page."), query("cursor", {"type": "string"}, "A page's place.")]
