"""The account's shipping set-up on the wire, in the form of existing clients and for changes."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import ALL, Caller
from packhouse.kit import http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.wire import validation
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping import dry_run, openapi, operations, wire
from packhouse.shipping.api import SCOPE
from packhouse.shipping.setup import setup, setup_schema
from packhouse.shipping.setup.setup_schema import KINDS, SENDER, Kind, Setup


async def _read_setup(request: Request, caller: Caller) -> Setup:
    ctx = context.of(request)
    return await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())


async def list_sender_addresses(request: Request) -> Response:
    """The addresses that parcels can be sent from."""
    caller = await auth.caller(request)
    found = await _read_setup(request, caller)
    shown = [wire.to_address(setup.show_item(found, SENDER, id)) for id in found.sender_address]
    return http.json_response({"data": shown})


async def get_shipping_settings(request: Request) -> Response:
    """The defaults of the account's label calls."""
    caller = await auth.caller(request)
    return http.json_response({"data": setup.show_settings(await _read_setup(request, caller))})


async def update_shipping_settings(request: Request) -> Response:
    """Change the defaults; `null` takes one away."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    sent = _read_object(await http.read_body(request))
    await ctx.db.write(lambda tx: setup.update_settings(tx, caller.account_id, sent, now=ctx.clock()))
    return http.json_response({"data": setup.show_settings(await _read_setup(request, caller))})


async def try_shipping_rules(request: Request) -> Response:
    """Which rule would ship an order and why; nothing is made."""
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(_call: repeats.Call) -> Response:
        reading = validation.read_json(setup_schema.DRY_RUN, body)
        setup.refuse_flaws(reading.flaws)
        found = await _read_setup(request, caller)
        async with context.of(request).db.read() as tx:
            row = await operations.find_order(tx, caller.account_id, reading.value)
        return http.json_response({"data": dry_run.to_trial(found, row)})

    return await repeats.answer_once(request, caller.account_id, body, work)


async def list_items(kind: Kind, request: Request) -> Response:
    found = await _read_setup(request, await auth.caller(request))
    return http.json_response({"data": [setup.show_item(found, kind, id) for id in found.ids(kind)]})


async def create_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request)
    ctx = context.of(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        now = ctx.clock()
        reading = validation.read_json(kind.shape, body)
        setup.refuse_flaws(reading.flaws)
        encryptor = context.of(request).encryptor
        id = await setup.create_item(tx, encryptor, caller.account_id, kind, reading.value, now=now)
        found = await setup.load_setup(tx, caller.account_id, now=now)
        return http.json_response({"data": setup.show_item(found, kind, id)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


async def get_item(kind: Kind, request: Request) -> Response:
    return await _show(request, await auth.caller(request), kind, _to_id(request, kind))


async def update_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request)
    ctx = context.of(request)
    id = _to_id(request, kind)
    sent = _read_object(await http.read_body(request))
    await ctx.db.write(
        lambda tx: setup.update_item(
            tx, context.of(request).encryptor, caller.account_id, kind, id, sent, now=ctx.clock()
        )
    )
    return await _show(request, caller, kind, id)


async def delete_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request)
    await context.of(request).db.write(lambda tx: setup.delete_item(tx, caller.account_id, kind, _to_id(request, kind)))
    return Response(status_code=204)


async def _show(request: Request, caller: Caller, kind: Kind, id: int) -> Response:
    return http.json_response({"data": setup.show_item(await _read_setup(request, caller), kind, id)})


def _to_id(request: Request, kind: Kind) -> int:
    return http.to_id(request, setup.no_such_item(kind))


def _read_object(body: bytes) -> Any:
    return validation.read_json(setup_schema.OBJECT, body).value


_VERBS = (
    ("list_all", "GET", "", list_items),
    ("create", "POST", "", create_item),
    ("get", "GET", "/{id}", get_item),
    ("update", "PATCH", "/{id}", update_item),
    ("delete", "DELETE", "/{id}", delete_item),
)


_VERB_TEXTS = {
    "list_all": "Every {noun} of the account.",
    "create": "Add a {noun}.",
    "get": "One {noun}.",
    "update": "Change the fields sent of a {noun}.",
    "delete": "Delete a {noun}.",
}


def _to_routes(kind: Kind) -> Iterator[Route]:
    """Return the five operations of one kind, which are the same for all."""
    described = openapi.describe_kind(kind)
    for verb, method, at, handler in _VERBS:
        name = f"{verb}_{kind.plural() if verb == 'list_all' else kind.single()}"
        yield Route(
            method,
            f"/api/packhouse/{kind.path}{at}",
            partial(handler, kind),
            repeatable(described[name]) if method == "POST" else described[name],
            tag="Shipping set-up",
            scope=ALL,
            name=name,
            description=_VERB_TEXTS[verb].format(noun=kind.noun),
        )


ROUTES = [
    Route(
        "GET", "/api/v3/sender-addresses", list_sender_addresses, openapi.SENDER_ADDRESSES, tag="Shipping", scope=SCOPE
    ),
    Route(
        "GET",
        "/api/packhouse/shipping-settings",
        get_shipping_settings,
        openapi.GET_SETTINGS,
        tag="Shipping set-up",
        scope=ALL,
    ),
    Route(
        "PATCH",
        "/api/packhouse/shipping-settings",
        update_shipping_settings,
        openapi.PATCH_SETTINGS,
        tag="Shipping set-up",
        scope=ALL,
    ),
    Route(
        "POST",
        "/api/packhouse/shipping-rules/dry-run",
        try_shipping_rules,
        repeatable(openapi.DRY_RUN),
        tag="Shipping set-up",
        scope=ALL,
    ),
    *(route for kind in KINDS.values() for route in _to_routes(kind)),
]
