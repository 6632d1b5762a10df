"""What a client may ask about its own account, and the tokens that it may sign in with."""

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import audit, auth, openapi, operations, queries, schema, tokens
from packhouse.accounts.schema import ALL
from packhouse.accounts.tables import KeyRow
from packhouse.kit import clock, errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.kit.wire.openapi import repeatable


async def issue_token(request: Request) -> Response:
    """A token for a client (OAuth2 client credentials)."""
    ctx = context.of(request)
    form = _read_form(await http.read_form(request))
    if form.get("grant_type") != "client_credentials":
        raise _refuse_grant(form.get("grant_type"))
    row = await auth.client(request, form)
    scopes = auth.choose_scopes(request, row, form.get("scope"))
    issued = await ctx.db.write(
        lambda tx: tokens.issue_token(tx, row.account_id, row.id, auth.to_actor(row), scopes, now=ctx.clock())
    )
    return http.json_response(issued, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})


async def revoke_token(request: Request) -> Response:
    """End one of the client's tokens (RFC 7009)."""
    ctx = context.of(request)
    form = _read_form(await http.read_form(request))
    row = await auth.client(request, form)
    if not form.get("token"):
        raise tokens.TokenRefusal("invalid_request", message("The parameter token is missing."))
    await ctx.db.write(
        lambda tx: tokens.revoke_token(tx, row.account_id, row.id, auth.to_actor(row), form["token"], now=ctx.clock())
    )
    return Response(status_code=200)


_PARAMETERS = {"grant_type", "scope", "client_id", "client_secret", "token", "token_type_hint"}


def _read_form(pairs: list[tuple[str, str]] | None) -> dict[str, str]:
    if pairs is None:
        raise tokens.TokenRefusal("invalid_request", message("The body must be application/x-www-form-urlencoded."))
    form = {name: value for name, value in pairs if value}
    known = [name for name, _ in pairs if name in _PARAMETERS]
    if len(set(known)) < len(known):
        raise tokens.TokenRefusal("invalid_request", message("A parameter was sent more than once."))
    return form


def _refuse_grant(grant: str | None) -> tokens.TokenRefusal:
    if grant is None:
        return tokens.TokenRefusal("invalid_request", message("The parameter grant_type is missing."))
    return tokens.TokenRefusal("unsupported_grant_type", message("The grant_type must be client_credentials."))


async def list_audit_log(request: Request) -> Response:
    """Who signed in, and who changed keys, clients and users; newest first."""
    caller = await auth.caller(request)
    size = http.read_page_size(request, audit.MAX_PAGE, audit.DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    async with context.of(request).db.read() as tx:
        page = await audit.list_entries(tx, caller.account_id, cursor, size)
    data = [audit.to_wire(row) for row in page.rows]
    return http.json_response({"data": data}, headers=http.page_links(request, page))


async def list_clients(request: Request) -> Response:
    """The account's OAuth2 clients, without their secrets."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        rows = await queries.list_keys(tx, caller.account_id, "client")
    return http.json_response({"data": [_to_client(row) for row in rows]})


async def create_client(request: Request) -> Response:
    """Make an OAuth2 client; its secret is shown this once."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        asked = schema.read_new_client(body)
        made = await operations.create_key(
            tx,
            caller.account_id,
            asked.get("name", ""),
            now=ctx.clock(),
            actor=caller.actor,
            kind="client",
            scopes=asked.get("scopes", [ALL]),
        )
        row = await queries.get_key(tx, made.public_key)
        return http.json_response({"data": {**_to_client(row), "client_secret": made.secret_key}}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


async def rotate_client(request: Request) -> Response:
    """Give a client a new secret; the one before is good for another day."""
    ctx = context.of(request)
    caller = await auth.caller(request)

    async def rotate(tx: Transaction) -> Response:
        client_id = _to_client_id(request)
        secret = await operations.rotate_key(
            tx,
            caller.account_id,
            client_id,
            now=ctx.clock(),
            keep=timedelta(days=1),
            actor=caller.actor,
            kind="client",
        )
        row = await queries.get_key(tx, client_id)
        return http.json_response({"data": {**_to_client(row), "client_secret": secret}})

    return await repeats.answer_once(request, caller.account_id, None, lambda call: call.write(rotate))


async def revoke_client(request: Request) -> Response:
    """End a client and its tokens."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    client_id = _to_client_id(request)
    await ctx.db.write(
        lambda tx: operations.revoke_key(
            tx, caller.account_id, client_id, now=ctx.clock(), actor=caller.actor, kind="client"
        )
    )
    return Response(status_code=204)


def _to_client_id(request: Request) -> str:
    client_id = str(request.path_params["client_id"])
    if "\0" in client_id:
        raise errors.NotFound(message("The account has no such client."))
    return client_id


def _to_client(row: KeyRow) -> dict[str, Any]:
    return {
        "client_id": row.public_key,
        "name": row.name,
        "scopes": row.scopes.split(),
        "created_at": clock.to_wire(row.created_at),
        "revoked_at": row.revoked_at and clock.to_wire(row.revoked_at),
        "second_secret_until": row.second_until and clock.to_wire(row.second_until),
    }


ROUTES = [
    Route("POST", "/oauth2/token", issue_token, openapi.TOKEN, tag="Sign-in"),
    Route("POST", "/api/v3/oauth2/token", issue_token),
    Route("POST", "/oauth2/revoke", revoke_token, openapi.REVOKE, tag="Sign-in"),
    Route("POST", "/api/v3/oauth2/revoke", revoke_token),
    Route("GET", "/api/packhouse/audit-log", list_audit_log, openapi.AUDIT_LOG, tag="Account", scope=ALL),
    Route("GET", "/api/packhouse/clients", list_clients, openapi.CLIENTS, tag="Account", scope=ALL),
    Route("POST", "/api/packhouse/clients", create_client, repeatable(openapi.CREATE_CLIENT), tag="Account", scope=ALL),
    Route(
        "POST",
        "/api/packhouse/clients/{client_id}/rotate",
        rotate_client,
        repeatable(openapi.ROTATE_CLIENT),
        tag="Account",
        scope=ALL,
    ),
    Route(
        "DELETE", "/api/packhouse/clients/{client_id}", revoke_client, openapi.REVOKE_CLIENT, tag="Account", scope=ALL
    ),
]
