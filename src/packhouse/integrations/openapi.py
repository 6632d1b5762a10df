"""What `/openapi.json` says of the routes about integrations."""

from typing import Any

from pydantic import TypeAdapter

from packhouse.integrations import queries, schema
from packhouse.kit.wire import openapi

_ID = openapi.path_id("The id of the integration.")
_TEXT = {"type": "string"}
_INTEGER = {"type": "integer"}
_FLAG = {"type": "boolean"}
_NAMED = openapi.query("integration_id", _INTEGER, "The shop.", required=True)
_LOG_PAGING = [
    openapi.paging(schema.MAX_LOG_PAGE, schema.DEFAULT_LOG_PAGE)[0],
    openapi.query("cursor", openapi.TIME, "Entries before this instant; `Link` carries the cursors to follow."),
]


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _changing(name: str, *statuses: int) -> dict[str, Any]:
    """A body of this shape, answered with one of these beside the success."""
    return {"requestBody": openapi.body(_reference(name)), "responses": openapi.refusals(400, 413, 415, *statuses)}


def _with_answer(operation: dict[str, Any], status: int, described: dict[str, Any]) -> dict[str, Any]:
    return {**operation, "responses": {str(status): described, **operation["responses"]}}


METADATA: dict[str, Any] = {
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data=openapi.shape(user_id=_INTEGER, integration_id=openapi.or_null(_INTEGER), account_id=_INTEGER)
            ),
            "The account and its first integration.",
        ),
        **openapi.refusals(),
    }
}
LIST: dict[str, Any] = {
    "parameters": [
        openapi.query("sort", _TEXT, f"A comma list of {', '.join(queries.SORTS)}, each with or without `-`.")
    ],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_reference("StoredIntegration"))), "All of them."),
        **openapi.refusals(),
    },
}
GET: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_reference("StoredIntegration")), "The integration."),
        **openapi.refusals(404),
    },
}
CREATE = _with_answer(
    _changing("NewIntegration"), 201, openapi.answer(openapi.shape(data=_reference("StoredIntegration")), "Connected.")
)
_TIME_OR_NULL = openapi.or_null(openapi.TIME)
_KEYS = openapi.shape(signing_key=_TEXT, next_signing_key=openapi.or_null(_TEXT), switches_at=_TIME_OR_NULL)
SIGNING_KEY: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(openapi.shape(data=_KEYS), "The key in force, and the one that takes over next."),
        **openapi.refusals(404, 409),
    },
}
WEBHOOK: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data=openapi.shape(
                    connection_id=openapi.or_null(_INTEGER),
                    webhook_url=openapi.or_null(_TEXT),
                    webhook_active=_FLAG,
                    failing_since=_TIME_OR_NULL,
                    paused_at=_TIME_OR_NULL,
                    slow_since=_TIME_OR_NULL,
                    held=_INTEGER,
                )
            ),
            "How its receiver fares, and how many events are held while it is paused.",
        ),
        **openapi.refusals(404, 409),
    },
}
PATCH = {
    "parameters": [_ID],
    **_with_answer(_changing("Integration", 404), 204, openapi.no_content("Changed.")),
}
DELETE: dict[str, Any] = {
    "parameters": [_ID],
    "responses": {"204": openapi.no_content("Gone."), **openapi.refusals(404)},
}
_LOGS_ANSWER = openapi.answer(
    openapi.shape(data=openapi.list_of(_reference("IntegrationLog"))), "A page, newest first.", openapi.LINK
)
LOGS: dict[str, Any] = {"parameters": _LOG_PAGING, "responses": {"200": _LOGS_ANSWER, **openapi.refusals(400)}}
LOGS_OF_ONE: dict[str, Any] = {
    "parameters": [_ID, *_LOG_PAGING],
    "responses": {"200": _LOGS_ANSWER, **openapi.refusals(400, 404)},
}
CREATE_LOG = {
    "parameters": [_ID],
    **_with_answer(
        _changing("NewLog", 404),
        201,
        openapi.answer(openapi.shape(data=_reference("IntegrationLog")), "Written."),
    ),
}
_STATUS = openapi.shape(
    external_id=_TEXT,
    status=_TEXT,
    deleted_at=openapi.or_null(openapi.TIME),
    translations=openapi.list_of(openapi.shape(status=_TEXT, language={"type": "string", "enum": schema.LANGUAGES})),
)
STATUSES: dict[str, Any] = {
    "parameters": [
        _NAMED,
        openapi.query("language", {"type": "string", "enum": schema.LANGUAGES}, "The language of `status`."),
        openapi.query("show_deleted", _FLAG, "Those that the shop no longer has too."),
    ],
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(_STATUS)), "In the shop's order."),
        **openapi.refusals(400),
    },
}
_DONE = openapi.answer({"description": "Nothing: `null`."}, "Done.")
REPLACE_STATUSES = _with_answer(_changing("NewStatuses"), 200, _DONE)
REPLACE_MAPPING = _with_answer(_changing("NewMapping"), 200, _DONE)
_MAPPED = openapi.shape(
    status_category={"type": "string", "enum": schema.CATEGORIES},
    external_id=openapi.or_null(_TEXT),
    is_valid=_FLAG,
)
MAPPING: dict[str, Any] = {
    "parameters": [_NAMED],
    "responses": {
        "200": openapi.answer(
            openapi.shape(data=openapi.shape(integration_id=_INTEGER, mapping=openapi.list_of(_MAPPED))),
            "All four.",
        ),
        **openapi.refusals(400),
    },
}
_STORED = openapi.shape(
    id=_INTEGER,
    shop_name=_TEXT,
    shop_url=openapi.or_null(_TEXT),
    type=_TEXT,
    service_point_enabled=_FLAG,
    service_point_carriers=openapi.list_of(_TEXT),
    webhook_active=_FLAG,
    webhook_url=openapi.or_null(_TEXT),
    feedback_type={"type": "string", "enum": ["eager", "delayed", "none"]},
    started_failing_at=openapi.or_null(openapi.TIME),
    last_fetched_at=openapi.or_null(openapi.TIME),
    created_at=openapi.TIME,
    updated_at=openapi.TIME,
)
_LOG = openapi.shape(
    id=_INTEGER,
    integration_id=openapi.or_null(_INTEGER),
    base_url=_TEXT,
    full_url=openapi.or_null(_TEXT),
    method=_TEXT,
    response_code=openapi.or_null(_INTEGER),
    response=openapi.or_null({"type": "object"}),
    request=openapi.or_null({"type": "object"}),
    created_at=openapi.TIME,
    exception_type=openapi.or_null(_TEXT),
    exception=openapi.or_null(_TEXT),
    protected=_FLAG,
    additional_data={"type": ["object", "string"]},
)


def to_components() -> dict[str, Any]:
    """JSON Schemas of the shapes that the routes above name."""
    adapters: list[tuple[str, Any, TypeAdapter[Any]]] = [
        ("Integration", "validation", schema.INTEGRATION),
        ("NewIntegration", "validation", schema.NEW_INTEGRATION),
        ("NewLog", "validation", schema.NEW_LOG),
        ("NewStatuses", "validation", schema.NEW_STATUSES),
        ("NewMapping", "validation", schema.NEW_MAPPING),
    ]
    template = "#/components/schemas/{model}"
    references, definitions = TypeAdapter.json_schemas(adapters, ref_template=template)
    found: dict[str, Any] = dict(definitions.get("$defs", {}))
    for name, _, _ in adapters:
        if name not in found:
            found[name] = references[name, "validation"]
    found["NewIntegration"] = {**found["NewIntegration"], "required": ["shop_name"]}
    for name in ("NewLog", "LogResponse", "LogRequest"):
        found[name] = {**found[name], "additionalProperties": False}
    return {**found, "StoredIntegration": _STORED, "IntegrationLog": _LOG}
