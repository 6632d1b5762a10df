"""Settings: what receivers were or will be told, one by one, and sending it again."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome
from packhouse.webhooks import operations, queries, schema

_HERE = "/settings/deliveries"
_SIZE = 50


async def show_deliveries(request: Request) -> Response:
    web_user = await web_users.owner(request)
    given = request.query_params
    status = given.get("status", "") if given.get("status") in schema.STATUSES else ""
    receiver = forms.read_id(given.get("receiver", ""))
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        page = await _find_page(tx, account_id, given.get("cursor", ""), status, receiver)
        connections = await queries.list_connections(tx, account_id)
    values: dict[str, Any] = {
        "rows": page.rows,
        "chosen": status,
        "receiver": receiver,
        "receivers": {row.id: orjson.loads(row.configuration)["url"] for row in connections},
        "statuses": schema.STATUSES,
        "following": page.next.encode() if page.next else "",
        "previous": page.previous.encode() if page.previous else "",
    }
    return rendering.render(request, "settings_deliveries.html", web_user, **values)


async def _find_page(
    tx: Reader, account_id: int, cursor: str, status: str, receiver: int | None
) -> pagination.Page[queries.DeliveryRow]:
    """A cursor that cannot be read is the first page: a person did not write it."""
    narrowed: dict[str, Any] = {"status": status or None, "connection_id": receiver}
    try:
        return await queries.list_deliveries(tx, account_id, pagination.decode(cursor), _SIZE, **narrowed)
    except errors.NotFound:
        return await queries.list_deliveries(tx, account_id, pagination.Cursor(), _SIZE, **narrowed)


async def show_delivery(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(request: Request, web_user: web_users.WebUser, outcome: Outcome = FRESH) -> Response:
    id = forms.to_id(request, message("delivery"))
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        row = await queries.get_delivery(tx, account_id, id)
        receiver = await queries.find_connection(tx, account_id, row.connection_id)
    url = orjson.loads(receiver.configuration)["url"] if receiver is not None else ""
    body = orjson.dumps(orjson.loads(row.body), option=orjson.OPT_INDENT_2).decode()
    values: dict[str, Any] = {"row": row, "url": url, "body": body, "message_id": queries.to_message_id(id)}
    return forms.render(request, "settings_delivery.html", web_user, outcome, **values)


async def replay_delivery(request: Request) -> Response:
    """Under the same id, whatever became of it."""
    id = forms.to_id(request, message("delivery"))

    async def work(change: Change) -> None:
        await operations.replay_deliveries(change.tx, change.account_id, [id], now=change.now)

    return await forms.carry_out(request, "replay", work, _show, f"{_HERE}/{id}")


ROUTES = [
    Route("GET", "/settings/deliveries", show_deliveries),
    Route("GET", "/settings/deliveries/{id}", show_delivery),
    Route("POST", "/settings/deliveries/{id}/replay", replay_delivery),
]
