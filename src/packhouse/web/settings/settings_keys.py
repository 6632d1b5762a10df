"""Settings: API keys and OAuth2 clients. A secret is shown once, in the answer to the form that made it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import operations, queries
from packhouse.accounts.schema import ALL, SCOPES
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import confirm, forms, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

# As long as the API keeps the secret before, so that a shop has time to change over.
_KEPT = timedelta(days=1)
_MAX_NAME = 200


class Kind(NamedTuple):
    """`name` is the kind at rest; its page stands at `place`."""

    name: str
    place: str


KEYS = Kind("key", "/settings/keys")
CLIENTS = Kind("client", "/settings/clients")


async def show_keys(kind: Kind, request: Request) -> Response:
    return await _show(kind, request, await web_users.owner(request))


async def _show(
    kind: Kind,
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    async with context.of(request).db.read() as tx:
        rows = await queries.list_keys(tx, web_user.session.account_id, kind.name)
    now = context.of(request).clock()
    values: dict[str, Any] = {
        "kind": kind,
        "live": [row for row in rows if row.revoked_at is None],
        "revoked": [row for row in rows if row.revoked_at is not None],
        "has_second": {row.id for row in rows if row.second_until is not None and row.second_until > now},
        "scopes": SCOPES,
        "base_url": http.base_url(request),
    }
    return forms.render(request, "settings_keys.html", web_user, outcome, **values)


async def create_key(kind: Kind, request: Request) -> Response:
    async def work(change: Change) -> Mapping[str, Any]:
        name = change.text("name")
        if len(name) > _MAX_NAME:
            raise forms.refuse("name", message("A name has at most {max_name} characters.", max_name=_MAX_NAME))
        scopes = [scope for scope in change.texts("scopes") if scope in SCOPES]
        made = await operations.create_key(
            change.tx,
            change.account_id,
            name,
            now=change.now,
            actor=change.actor,
            kind=kind.name,
            scopes=[ALL] if ALL in scopes else scopes,
        )
        return {"public": made.public_key, "secret": made.secret_key, "is_new": True}

    return await confirm.carry_out(request, "new", work, partial(_show, kind), kind.place)


async def rotate_key(kind: Kind, request: Request) -> Response:
    async def work(change: Change) -> Mapping[str, Any]:
        public = change.text("key")
        secret = await operations.rotate_key(
            change.tx,
            change.account_id,
            public,
            now=change.now,
            keep=_KEPT,
            actor=change.actor,
            kind=kind.name,
        )
        return {"public": public, "secret": secret, "is_new": False}

    return await confirm.carry_out(request, "rotate", work, partial(_show, kind), kind.place)


async def revoke_key(kind: Kind, request: Request) -> Response:
    async def work(change: Change) -> None:
        public = change.text("key")
        await operations.revoke_key(
            change.tx, change.account_id, public, now=change.now, actor=change.actor, kind=kind.name
        )

    return await confirm.carry_out(request, "revoke", work, partial(_show, kind), kind.place)


_Handler = Callable[[Kind, Request], Awaitable[Response]]
_OPERATIONS: tuple[tuple[str, str, _Handler], ...] = (
    ("GET", "", show_keys),
    ("POST", "", create_key),
    ("POST", "/rotate", rotate_key),
    ("POST", "/revoke", revoke_key),
)

ROUTES = [
    Route(method, f"{kind.place}{at}", partial(handler, kind))
    for kind in (KEYS, CLIENTS)
    for method, at, handler in _OPERATIONS
]
