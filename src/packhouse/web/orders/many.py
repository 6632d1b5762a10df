"""Changes of many orders at once: tags, hold, weight, shipping option. Each is changed or refused by itself."""

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import orjson
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts.schema import Caller
from packhouse.context import Context
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import Message, join, message
from packhouse.orders import operations, plain, schema, search
from packhouse.web.frame import amounts, languages, rendering, web_users
from packhouse.web.orders import orders

_SCOPE = "write:order"
# Orders of one transaction: on SQLite nobody else writes while it lasts.
_TOGETHER = 50
HOLD, RELEASE = "hold", "release"
_HELD = {"code": "on_hold", "message": "On hold"}
_RELEASED = {"code": "unfulfilled", "message": "Unfulfilled"}
_NOTHING_ASKED = message("Say what is to be changed.")


class Wanted(NamedTuple):
    """What is to become of each order; what is empty stays as it is."""

    add: Sequence[str]
    remove: Sequence[str]
    hold: str
    option: str
    weight: Mapping[str, Any] | None


async def change_many(request: Request) -> Response:
    """From the list with a selection alone: the form. From the form: the change, and back to the list."""
    web_user = await web_users.require_user(request, scope=_SCOPE)
    form = await web_users.read_form(request, web_user.token)
    ids = web_users.ids(web_users.texts(form, "id"), orders.MOST_SELECTED)
    if not ids:
        raise HTTPException(404)
    if not web_users.text(form, "apply"):
        return await _show(request, web_user, ids, form, {})
    reader = amounts.FormReader(languages.negotiate(request), web_users.texts(form, amounts.CONFIRMED), at="")
    try:
        with reader.refusing():
            wanted = _read(form, reader)
    except errors.Invalid as refusal:
        faults = {fault.pointer or fault.parameter or "": fault.detail for fault in refusal.faults}
        return await _show(request, web_user, ids, form, faults, reader.questions, status=422)
    if wanted == Wanted([], [], "", "", None):
        return await _show(request, web_user, ids, form, {"": _NOTHING_ASKED}, status=422)
    refused: dict[int, Message] = {}
    remaining = iter(ids)
    while part := list(islice(remaining, _TOGETHER)):
        work = partial(_change_each, context.of(request), web_user.caller, part, wanted)
        refused |= await context.of(request).db.write(work)
    if not refused:
        return rendering.redirect(request, web_users.to_local(web_users.text(form, "then") or "/orders"))
    return await _show_refused(request, web_user, refused, len(ids) - len(refused), form)


def _read(form: FormData, reader: amounts.FormReader) -> Wanted:
    value, unit = web_users.text(form, "weight/value"), web_users.text(form, "weight/unit") or "kg"
    weight = {"value": reader.weight("weight/value", value, unit, None), "unit": unit} if value else None
    hold = web_users.text(form, "hold")
    option = web_users.text(form, "option")
    return Wanted(
        _to_tags(form, "add"), _to_tags(form, "remove"), hold if hold in (HOLD, RELEASE) else "", option, weight
    )


def _to_tags(form: FormData, name: str) -> list[str]:
    return list(dict.fromkeys(tag.strip() for tag in web_users.text(form, name).split(",") if tag.strip()))


async def _change_each(
    ctx: Context, caller: Caller, ids: Sequence[int], wanted: Wanted, tx: Transaction
) -> dict[int, Message]:
    """Return why orders were refused, by their ids; one that is gone is passed over."""
    found = {row.id: row for row in await search.find_stored(tx, caller.account_id, ids)}
    refused: dict[int, Message] = {}
    for id in (id for id in ids if id in found):
        patch = to_patch(plain.read(found[id].document), wanted)
        reading = schema.read_patch(orjson.dumps(patch))
        try:
            if reading.flaws:
                raise operations.to_invalid_patch(reading.flaws)
            await operations.patch_order(tx, caller, id, reading.value, now=ctx.clock())
        except errors.NotFound:
            continue
        except errors.ApiError as refusal:
            refused[id] = join("\n", (fault.detail for fault in refusal.faults))
    return refused


def to_patch(order: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """Only what differs from what the order holds."""
    details: dict[str, Any] = {}
    tags = order["order_details"].get("tags") or []
    kept = [tag for tag in tags if tag not in wanted.remove]
    kept += [tag for tag in wanted.add if tag not in kept]
    if kept != tags:
        details["tags"] = kept
    if wanted.hold:
        details["status"] = _HELD if wanted.hold == HOLD else _RELEASED
    ship: dict[str, Any] = {}
    if wanted.option:
        ship["ship_with"] = {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": wanted.option},
        }
    if wanted.weight:
        ship["measurement"] = {"weight": wanted.weight}
    parts = {"order_details": details, "shipping_details": ship}
    return {name: part for name, part in parts.items() if part}


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    ids: Sequence[int],
    form: FormData,
    faults: Mapping[str, Message],
    questions: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    account_id = web_user.session.account_id
    async with context.of(request).db.read() as tx:
        tags = await search.list_values(tx, account_id, search.TAG)
    values: dict[str, Any] = {
        "section": "orders",
        "ids": ids,
        "tags": tags,
        "options": context.of(request).options.all(),
        "typed": {name: web_users.text(form, name) for name in form},
        "faults": faults,
        "questions": questions or {},
        "then": web_users.to_local(web_users.text(form, "then") or "/orders"),
    }
    return rendering.render(request, "many.html", web_user, status=status, **values)


async def _show_refused(
    request: Request, web_user: web_users.WebUser, refused: Mapping[int, Message], changed: int, form: FormData
) -> Response:
    async with context.of(request).db.read() as tx:
        found = await search.find_stored(tx, web_user.session.account_id, list(refused))
    values: dict[str, Any] = {
        "section": "orders",
        "changed": changed,
        "refused": [(row, refused[row.id]) for row in found],
        "then": web_users.to_local(web_users.text(form, "then") or "/orders"),
    }
    return rendering.render(request, "many_refused.html", web_user, status=422, **values)


ROUTES = [
    Route("POST", "/orders/edit", change_many),
]
