"""Settings: the shipping rules in the order in which they are tried, and a try-out on an order."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.integrations import queries as integrations
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.shipping import dry_run, holds, operations
from packhouse.shipping.setup import options, setup
from packhouse.shipping.setup.setup_schema import RULE, Setup
from packhouse.web.frame import amounts, forms, languages, web_users
from packhouse.web.frame.forms import FRESH, Change, Outcome

_HERE = "/settings/rules"
_LISTS = ("countries", "delivery_indicators", "tags", "skus")


class Asked(NamedTuple):
    """The order that rules are tried on, by its number, in one shop or in any."""

    number: str
    shop: str


async def show_rules(request: Request) -> Response:
    return await _show(request, await web_users.owner(request))


async def _show(
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    found, shops = await _read(request, web_user)
    asked = Asked(
        request.query_params.get("number", "").replace("\0", "").strip()[:200], request.query_params.get("shop", "")
    )
    values: dict[str, Any] = {
        "rules": [(id, found.rule[id]) for id in to_sequence(found)],
        "shops": shops,
        "option_names": {option.code: option.name for option in context.of(request).options.all()},
        "asked": asked,
        "trial": await _try_rules(request, web_user, found, shops, asked) if asked.number else None,
    }
    return forms.render(request, "settings_rules.html", web_user, outcome, **values)


async def _read(request: Request, web_user: web_users.WebUser) -> tuple[Setup, dict[int, str]]:
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, web_user.session.account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        rows = await integrations.list_integrations(tx, web_user.session.account_id)
    return found, {row.id: row.shop_name for row in rows}


def to_sequence(found: Setup) -> list[int]:
    """All rules as they would be tried were all of them active."""
    return sorted(found.rule, key=lambda rule: (found.rule[rule].get("position", 0), rule))


async def _try_rules(
    request: Request, web_user: web_users.WebUser, found: Setup, shops: Mapping[int, str], asked: Asked
) -> dict[str, Any]:
    """What `trials` tells of the order, or why there is none."""
    wanted = [id for id in shops if not asked.shop or str(id) == asked.shop]
    async with context.of(request).db.read() as tx:
        for shop in wanted:
            for name in ("order_number", "order_id"):
                selector = {"integration_id": shop, name: asked.number}
                try:
                    row = await operations.find_order(tx, web_user.session.account_id, selector)
                except errors.NotFound:
                    continue
                except errors.Invalid as refusal:
                    return {"refused": refusal.faults[0].detail}
                return {**dry_run.to_trial(found, row), "id": row.id, "shop": shops[shop]}
    return {}


async def show_new_rule(request: Request) -> Response:
    return await _show_form(None, request, await web_users.owner(request))


async def show_rule(request: Request) -> Response:
    web_user = await web_users.owner(request)
    return await _show_form(_to_id(request), request, web_user)


async def _show_form(
    id: int | None,
    request: Request,
    web_user: web_users.WebUser,
    outcome: Outcome = FRESH,
) -> Response:
    found, shops = await _read(request, web_user)
    known = context.of(request).options
    values: dict[str, Any] = {
        "id": id,
        "rule": {} if id is None else setup.show_item(found, RULE, id),
        "shops": shops,
        "options": [option for way in (False, True) for option, _ in options.find_options(known, found, is_return=way)],
        "contracts": found.contract,
        "senders": found.sender_address,
    }
    return forms.render(request, "settings_rule.html", web_user, outcome, **values)


async def create_rule(request: Request) -> Response:
    async def work(change: Change) -> None:
        reader = amounts.FormReader(languages.negotiate(change.request))
        with reader.refusing():
            reading = validation.read_json(RULE.shape, orjson.dumps(_to_rule(change, reader)))
            setup.refuse_flaws(reading.flaws)
        encryptor = context.of(change.request).encryptor
        await setup.create_item(change.tx, encryptor, change.account_id, RULE, reading.value, now=change.now)

    return await forms.carry_out(request, "rule", work, partial(_show_form, None), _HERE)


async def change_rule(request: Request) -> Response:
    id = _to_id(request)

    async def work(change: Change) -> None:
        reader = amounts.FormReader(languages.negotiate(change.request))
        with reader.refusing():
            await _update(change, id, _to_rule(change, reader))

    return await forms.carry_out(request, "rule", work, partial(_show_form, id), _HERE)


def _to_rule(change: Change, reader: amounts.FormReader) -> dict[str, Any]:
    """Return the rule as the API would be sent it."""
    actions: dict[str, Any] = {"hold": True} if change.is_ticked("actions/hold") else {}
    several = change.texts("actions/cheapest_of")
    if code := change.text("actions/shipping_option_code"):
        actions["shipping_option_code"] = code
        if several:
            detail = message("Choose either one option or several of which the cheapest is taken.")
            raise forms.refuse("actions/shipping_option_code", detail)
    elif several:
        actions["cheapest_of"] = several
    for name in ("contract_id", "sender_address_id"):
        if (chosen := forms.read_id(change.text(f"actions/{name}"))) is not None:
            actions[name] = chosen
    conditions, is_active = _to_conditions(change, reader), change.is_ticked("is_active")
    made = {"name": change.text("name"), "is_active": is_active, "conditions": conditions, "actions": actions}
    return {**made, "for_returns": change.is_ticked("for_returns")}


def _to_conditions(change: Change, reader: amounts.FormReader) -> dict[str, Any]:
    conditions: dict[str, Any] = {
        name: words for name in _LISTS if (words := forms.to_words(change.text(f"conditions/{name}")))
    }
    if "countries" in conditions:
        conditions["countries"] = [code.upper() for code in conditions["countries"]]
    if ids := [id for text in change.texts("conditions/integrations") if (id := forms.read_id(text))]:
        conditions["integrations"] = ids
    if held := [code for code in holds.CODES if code in change.texts("conditions/not_to_ship")]:
        conditions["not_to_ship"] = held
    return conditions | _to_ranges(change, reader)


def _to_ranges(change: Change, reader: amounts.FormReader) -> dict[str, Any]:
    ranges: dict[str, Any] = {}
    for name, unit in (("weight", "unit"), ("total_price", "currency")):
        fields = {end: f"conditions/{name}/{end}" for end in ("min", "max")}
        ends = {end: reader.number(field, text) for end, field in fields.items() if (text := change.text(field))}
        if ends:
            ranges[name] = {**ends, unit: change.text(f"conditions/{name}/{unit}")}
    return ranges


async def _update(change: Change, id: int, sent: dict[str, Any]) -> None:
    encryptor = context.of(change.request).encryptor
    await setup.update_item(change.tx, encryptor, change.account_id, RULE, id, sent, now=change.now)


async def move_rule(request: Request) -> Response:
    """One place up or down. Positions are counted anew, as two rules may share one."""
    id = _to_id(request)

    async def work(change: Change) -> None:
        found = await setup.load_setup(change.tx, change.account_id, now=change.now)
        sequence = to_sequence(found)
        if id not in sequence:
            raise errors.NotFound(setup.no_such_item(RULE))
        at = sequence.index(id)
        to = at - 1 if change.text("to") == "up" else at + 1
        if 0 <= to < len(sequence):
            sequence[at], sequence[to] = sequence[to], sequence[at]
        for position, other in enumerate(sequence, 1):
            if found.rule[other].get("position") != position:
                await _update(change, other, {"position": position})

    return await forms.carry_out(request, "move", work, _show, _HERE)


async def delete_rule(request: Request) -> Response:
    id = _to_id(request)

    async def work(change: Change) -> None:
        await setup.delete_item(change.tx, change.account_id, RULE, id)

    return await forms.carry_out(request, "delete", work, _show, _HERE)


def _to_id(request: Request) -> int:
    return http.to_id(request, setup.no_such_item(RULE))


ROUTES = [
    Route("GET", "/settings/rules", show_rules),
    Route("GET", "/settings/rules/new", show_new_rule),
    Route("GET", "/settings/rules/{id}", show_rule),
    Route("POST", "/settings/rules", create_rule),
    Route("POST", "/settings/rules/{id}", change_rule),
    Route("POST", "/settings/rules/{id}/move", move_rule),
    Route("POST", "/settings/rules/{id}/delete", delete_rule),
]
