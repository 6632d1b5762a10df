"""What `/openapi.json` says of the routes about accounts."""

from typing import Any

from packhouse.accounts import audit, schema
from packhouse.kit.http import routing
from packhouse.kit.wire import openapi

_TEXT = {"type": "string"}

AUDIT_LOG: dict[str, Any] = {
    "parameters": openapi.paging(audit.MAX_PAGE, audit.DEFAULT_PAGE),
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                data=openapi.list_of(
                    openapi.shape(
                        id={"type": "integer"},
                        at=openapi.TIME,
                        actor=openapi.shape(type=_TEXT, name=_TEXT),
                        action=_TEXT,
                        subject=_TEXT,
                    )
                )
            ),
            "A page, newest first.",
            openapi.LINK,
        ),
        **openapi.refusals(400, 404),
    },
}

SECURITY_SCHEMES: dict[str, Any] = {
    "HTTPBasicAuth": {"type": "http", "scheme": "basic"},
    "OAuth2ClientCreds": {
        "type": "oauth2",
        "flows": {
            "clientCredentials": {
                "tokenUrl": "/oauth2/token",
                "scopes": {
                    "api": "everything",
                    "read:order": "read orders",
                    "write:order": "write orders",
                    "read:integration": "read integrations",
                    "write:integration": "write integrations",
                    "write:parcel": "make labels",
                },
            }
        },
    },
}


def to_security(scope: str | None) -> list[dict[str, Any]]:
    """Return the schemes that allow an operation: any of them is sufficient. The scope `api` allows everything."""
    if scope is None:
        return []
    named = [[scope], [schema.ALL]] if scope not in (routing.ANY_SCOPE, schema.ALL) else [[scope] if scope else []]
    return [{"HTTPBasicAuth": []}, *({"OAuth2ClientCreds": scopes} for scopes in named)]


_FORM_FIELDS = {"client_id": _TEXT, "client_secret": _TEXT}


def _form(**properties: Any) -> dict[str, Any]:
    fields = {"type": "object", "properties": {**properties, **_FORM_FIELDS}, "required": list(properties)[:1]}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": fields}}}


_TOKEN_ERRORS = {
    str(status): openapi.answer(
        {"allOf": [openapi.shape(error=_TEXT, error_description=_TEXT), {"$ref": "#/components/schemas/Errors"}]}, text
    )
    for status, text in ((400, "As RFC 6749, section 5.2, says."), (401, "No such client, or another secret."))
}
_AWAY = {status: openapi.refusals()[status] for status in ("503",)} | {"413": openapi.refusals(413)["413"]}
TOKEN: dict[str, Any] = {
    "requestBody": _form(grant_type={"type": "string", "enum": ["client_credentials"]}, scope=_TEXT),
    "responses": {
        "200": openapi.answer(
            openapi.shape(
                access_token=_TEXT,
                token_type={"type": "string", "enum": ["bearer"]},
                expires_in={"type": "integer"},
                scope=_TEXT,
            ),
            "Send it as `Authorization: Bearer`.",
        ),
        **_TOKEN_ERRORS,
        **_AWAY,
    },
}
REVOKE: dict[str, Any] = {
    "requestBody": _form(token={"type": "string", "minLength": 1}, token_type_hint=_TEXT),
    "responses": {"200": openapi.no_content("Ended, or it was none."), **_TOKEN_ERRORS, **_AWAY},
}
_CLIENT_FIELDS = {
    "client_id": _TEXT,
    "name": _TEXT,
    "scopes": openapi.list_of({"type": "string", "enum": list(schema.SCOPES)}),
    "created_at": openapi.TIME,
    "revoked_at": openapi.or_null(openapi.TIME),
    "second_secret_until": openapi.or_null(openapi.TIME),
}
_WITH_SECRET = openapi.answer(
    openapi.shape(data=openapi.shape(**_CLIENT_FIELDS, client_secret=_TEXT)), "With the secret, this once."
)
_CLIENT_ID = {
    "name": "client_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "description": "Its public id.",
}
CLIENTS: dict[str, Any] = {
    "responses": {
        "200": openapi.answer(openapi.shape(data=openapi.list_of(openapi.shape(**_CLIENT_FIELDS))), "All of them."),
        **openapi.refusals(),
    }
}
CREATE_CLIENT: dict[str, Any] = {
    "requestBody": openapi.body({"$ref": "#/components/schemas/NewClient"}),
    "responses": {"201": _WITH_SECRET, **openapi.refusals(400, 413, 415)},
}
ROTATE_CLIENT: dict[str, Any] = {
    "parameters": [_CLIENT_ID],
    "responses": {"200": _WITH_SECRET, **openapi.refusals(404)},
}
REVOKE_CLIENT: dict[str, Any] = {
    "parameters": [_CLIENT_ID],
    "responses": {"204": openapi.no_content("Ended."), **openapi.refusals(404)},
}


def to_components() -> dict[str, Any]:
    return {"NewClient": schema.NEW_CLIENT.json_schema()}
