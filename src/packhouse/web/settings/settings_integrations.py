"""Settings: the shops that send orders."""

from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.integrations import operations, queries, schema
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.webhooks import api as webhooks_api

_HERE = "/settings/integrations"


async def show_settings(request: Request) -> Response:
    await web_users.owner(request)
    return rendering.redirect(request, _HERE)


async def show_integrations(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    async with context.of(request).db.read() as tx:
        rows = await queries.list_integrations(tx, web_user.session.account_id, "shop_name")
    return forms.render(request, "settings_integrations.html", web_user, outcome, rows=rows)


async def create_integration(request: Request) -> Response:
    return await forms.carry_out(request, "new", _create, _show, _HERE)


async def _create(change: Change) -> None:
    fields = _read_fields(change, schema.NEW_INTEGRATION)
    await operations.create_integration(change.tx, change.account_id, **fields, now=change.now)


def _read_fields(change: Change, shape: Any) -> dict[str, Any]:
    """Raises Invalid."""
    fields: dict[str, Any] = schema.read_body(shape, orjson.dumps(_to_fields(change)))
    webhooks_api.refuse_private_url(change.request, fields.get("webhook_url") or "", ("webhook_url",))
    return fields


def _to_fields(change: Change) -> dict[str, Any]:
    """Return the fields as the API would be sent them."""
    fields: dict[str, Any] = {"shop_name": change.text("shop_name")}
    if url := change.text("shop_url"):
        fields["shop_url"] = url
    if "webhook_url" in change.form:
        fields |= {"webhook_url": change.text("webhook_url") or None, "webhook_active": change.is_ticked("active")}
    return fields


async def show_integration(request: Request) -> Response:
    web_user = await web_users.owner(request)
    return await _show_one(forms.to_id(request, message("integration")), request, web_user)


async def _show_one(id: int, request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        row = await queries.get_integration(tx, account_id, id)
        logs = await queries.list_logs(tx, account_id, id, None, 10)
    values: dict[str, Any] = {"row": row, "logs": logs.rows}
    return forms.render(request, "settings_integration.html", web_user, outcome, **values)


async def change_integration(request: Request) -> Response:
    id = forms.to_id(request, message("integration"))

    async def work(change: Change) -> None:
        fields = _read_fields(change, schema.INTEGRATION)
        await operations.update_integration(change.tx, change.account_id, id, fields, now=change.now)

    return await forms.carry_out(request, "edit", work, partial(_show_one, id), _HERE)


async def delete_integration(request: Request) -> Response:
    id = forms.to_id(request, message("integration"))

    async def work(change: Change) -> None:
        await operations.delete_integration(change.tx, change.account_id, id, now=change.now)

    return await forms.carry_out(request, "delete", work, _show, _HERE)


ROUTES = [
    Route("GET", "/settings", show_settings),
    Route("GET", "/settings/integrations", show_integrations),
    Route("POST", "/settings/integrations", create_integration),
    Route("GET", "/settings/integrations/{id}", show_integration),
    Route("POST", "/settings/integrations/{id}", change_integration),
    Route("POST", "/settings/integrations/{id}/delete", delete_integration),
]
