"""What `/openapi.json` says of the routes about webhooks."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.kit.wire import openapi
from packhouse.webhooks import schema

MAX_PAGE, DEFAULT_PAGE = 200, 100

_TEXT, _NUMBER, _FLAG = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
_TIME_OR_NULL = openapi.or_null(openapi.TIME)
_KEYS = {"signing_key": _TEXT, "standard_webhooks_secret": _TEXT}
_CONNECTION: dict[str, Any] = {
    "id": _NUMBER,
    "type": {"type": "string", "enum": ["webhook"]},
    "configuration": {"type": "object"},
    "failing_since": _TIME_OR_NULL,
    "paused_at": _TIME_OR_NULL,
    "slow_since": _TIME_OR_NULL,
    "key_switches_at": _TIME_OR_NULL,
    "created_at": openapi.TIME,
    "updated_at": openapi.TIME,
}
_SUBSCRIPTION = openapi.shape(
    id=_NUMBER,
    connection_id=_NUMBER,
    event_type={"type": "string", "enum": list(schema.EVENTS)},
    is_active=_FLAG,
    created_at=openapi.TIME,
    updated_at=openapi.TIME,
)
_DELIVERY: dict[str, Any] = {
    "id": _NUMBER,
    "message_id": _TEXT,
    "connection_id": _NUMBER,
    "integration_id": openapi.or_null(_NUMBER),
    "event_type": _TEXT,
    "subject": _TEXT,
    "status": {"type": "string", "enum": list(schema.STATUSES)},
    "attempts": _NUMBER,
    "due_at": _TIME_OR_NULL,
    "created_at": openapi.TIME,
    "attempted_at": _TIME_OR_NULL,
    "status_code": openapi.or_null(_NUMBER),
    "error": openapi.or_null(_TEXT),
}
_SENT = {"body": _TEXT, "answer": openapi.or_null(_TEXT)}


def _named(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _one(content: dict[str, Any], description: str) -> dict[str, Any]:
    return openapi.answer(openapi.shape(data=content), description)


def _many(content: dict[str, Any], description: str, headers: dict[str, Any] | None = None) -> dict[str, Any]:
    return openapi.answer(openapi.shape(data=openapi.list_of(content)), description, headers)


def _writes(sent: str, status: str, answered: dict[str, Any], description: str, *refused: int) -> dict[str, Any]:
    responses = {status: _one(answered, description), **openapi.refusals(400, *refused, 409, 413, 415)}
    return {"requestBody": openapi.body(_named(sent)), "responses": responses}


def _of_one(what: str, answered: dict[str, Any], description: str) -> dict[str, Any]:
    responses = {"200": _one(answered, description), **openapi.refusals(404)}
    return {"parameters": [openapi.path_id(f"The id of the {what}.")], "responses": responses}


def _updates(what: str, sent: str, answered: dict[str, Any]) -> dict[str, Any]:
    return {
        "parameters": [openapi.path_id(f"The id of the {what}.")],
        **_writes(sent, "200", answered, "As it is now.", 404),
    }


def _deletes(what: str) -> dict[str, Any]:
    responses = {"204": openapi.no_content("Gone."), **openapi.refusals(404, 409)}
    return {"parameters": [openapi.path_id(f"The id of the {what}.")], "responses": responses}


_SHOWN = openapi.shape(**_CONNECTION)

CREATE_CONNECTION = _writes(
    "ConnectionCreate", "201", openapi.shape(**_CONNECTION, **_KEYS), "Made; the keys are shown here."
)
LIST_CONNECTIONS = {
    "parameters": [openapi.query("connection_type", {"type": "string", "enum": ["webhook", "klaviyo"]}, "Of a kind.")],
    "responses": {"200": _many(_SHOWN, "All of them."), **openapi.refusals(400)},
}
GET_CONNECTION = _of_one("connection", _SHOWN, "It.")
UPDATE_CONNECTION = _updates("connection", "ConnectionUpdate", _SHOWN)
DELETE_CONNECTION = _deletes("connection")
AUTHORIZE = _of_one("connection", openapi.shape(authorization_url=_TEXT), "Where a person authorizes it.")
CREATE_SUBSCRIPTION = _writes("SubscriptionCreate", "201", _SUBSCRIPTION, "Made.")
LIST_SUBSCRIPTIONS = {
    "parameters": [
        openapi.query("event_type", _TEXT, "Of this kind."),
        openapi.query("is_active", {"type": "boolean"}, "At work, or at rest."),
    ],
    "responses": {"200": _many(_SUBSCRIPTION, "All of them."), **openapi.refusals(400)},
}
GET_SUBSCRIPTION = _of_one("subscription", _SUBSCRIPTION, "It.")
UPDATE_SUBSCRIPTION = _updates("subscription", "SubscriptionUpdate", _SUBSCRIPTION)
DELETE_SUBSCRIPTION = _deletes("subscription")
BROADCAST = _of_one(
    "subscription",
    {
        "type": "object",
        "properties": {"success": _FLAG, "status_code": _NUMBER, "response_body": _TEXT},
        "required": ["success", "response_body"],
    },
    "What the receiver answered; no status_code where it did not, then response_body says why.",
)
RESUME = _of_one("connection", _SHOWN, "As it is now.")
_LIVE_KEYS = {
    **_KEYS,
    "next_signing_key": openapi.or_null(_TEXT),
    "next_standard_webhooks_secret": openapi.or_null(_TEXT),
    "switches_at": _TIME_OR_NULL,
}
SIGNING_KEY: dict[str, Any] = {
    "parameters": [openapi.path_id("The id of the connection.")],
    "responses": {
        "200": _one(openapi.shape(**_LIVE_KEYS), "The key in force, and the one that takes over next."),
        **openapi.refusals(404, 409),
    },
}
LIST_DELIVERIES = {
    "parameters": [
        openapi.query("status", {"type": "string", "enum": list(schema.STATUSES)}, "With this status."),
        openapi.query("connection_id", {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}, "Of this receiver."),
        *openapi.paging(MAX_PAGE, DEFAULT_PAGE),
    ],
    "responses": {
        "200": _many(openapi.shape(**_DELIVERY), "A page, newest first.", openapi.LINK),
        **openapi.refusals(400, 404),
    },
}
GET_DELIVERY = _of_one("delivery", openapi.shape(**_DELIVERY, **_SENT), "It.")
REPLAY = {
    "parameters": [openapi.path_id("The id of the delivery.")],
    "responses": {
        "202": _one(openapi.shape(**_DELIVERY), "It waits for a worker."),
        **openapi.refusals(404, 409),
    },
}


def to_components() -> dict[str, Any]:
    """JSON Schemas of the shapes that the routes above name."""
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("ConnectionCreate", "validation", schema.CONNECTION_CREATE),
        ("ConnectionUpdate", "validation", schema.CONNECTION_UPDATE),
        ("SubscriptionCreate", "validation", schema.SUBSCRIPTION_CREATE),
        ("SubscriptionUpdate", "validation", schema.SUBSCRIPTION_UPDATE),
    ]
    references, definitions = TypeAdapter.json_schemas(adapters, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = dict(definitions.get("$defs", {}))
    return {name: references[name, "validation"] for name, _, _ in adapters if name not in found} | found
