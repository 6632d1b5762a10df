"""What labels would cost by what is typed so far: shown again as weights and options change. Nothing is stored."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.kit import http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message
from packhouse.orders import plain, search
from packhouse.orders import queries as order_queries
from packhouse.shipping import prices
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.web.frame import forms, rendering, web_users
from packhouse.web.labels import bulk_form, labels
from packhouse.web.orders import options, parcels


async def show_prices(request: Request) -> Response:
    """The options of one order, with the prices of the parcels that its form has."""
    web_user = await web_users.require_user(request, scope=labels.SCOPE)
    form = await web_users.read_form(request, web_user.token)
    id = http.to_id(request, order_queries.NOT_FOUND)
    documents, account = await _read(request, web_user, [id])
    if not documents:
        raise HTTPException(404)
    sent = {name: web_users.text(form, name) for name in form if name.startswith("parcels/")}
    count = min(len(web_users.texts(form, "parcel")) or 1, parcels.MOST)
    weights = parcels.read_weights(documents[id], sent, count, labels.read_way(request, form))
    [found] = options.find_each(context.of(request).options, account, documents.values(), [weights])
    missing: list[Message] = []
    if request.query_params.get("ask"):
        ctx = context.of(request)
        found, missing = await options.ask_carriers(ctx, account, documents[id], found, weights)
    chosen = web_users.text(form, "option")
    values: dict[str, Any] = {"choices": found, "chosen": chosen, "is_kept": bool(chosen), "id": id, "missing": missing}
    return rendering.render(request, "label_option.html", web_user, **values)


async def show_total(request: Request) -> Response:
    """What the ticked rows of a selection cost together, and the row that was changed once more."""
    web_user = await web_users.require_user(request, scope=labels.SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "row"), labels.MOST)
    documents, account = await _read(request, web_user, ids)
    typed = {id: bulk_form.read_typed(form, id) for id in documents}
    way = labels.read_way(request, form)
    weights = {id: bulk_form.read_weights(documents[id], typed[id], way, id) for id in documents}
    known = context.of(request).options
    ticked = [id for id in web_users.ids(web_users.texts(form, "id"), labels.MOST) if id in documents]
    costs = {
        id: options.find_cost(known, account, documents[id], typed[id].get("option"), weights[id]) for id in ticked
    }
    values: dict[str, Any] = {"total": prices.add_up(costs.values()), "changed": None, "has_rates": bool(account.rates)}
    changed = forms.read_id(request.query_params.get("changed", ""))
    if changed in documents:
        [found] = options.find_each(known, account, [documents[changed]], [weights[changed]])
        values |= {"changed": changed, "choices": found, "number": documents[changed]["order_number"]}
        values["chosen"] = typed[changed].get("option", "")
    return rendering.render(request, "measures_total.html", web_user, **values)


async def _read(
    request: Request, web_user: web_users.WebUser, ids: Sequence[int]
) -> tuple[dict[int, Mapping[str, Any]], Setup]:
    ctx, account_id = context.of(request), web_user.session.account_id
    async with ctx.db.read() as tx:
        found = await search.find_stored(tx, account_id, ids)
    account = await setup.read_setup(ctx.db, account_id, now=ctx.clock(), with_rates=True)
    return {row.id: plain.read(row.document) for row in found}, account


ROUTES = [
    Route("POST", "/orders/{id}/prices", show_prices),
    Route("POST", "/labels/new/prices", show_total),
]
