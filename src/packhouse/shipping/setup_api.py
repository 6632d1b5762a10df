"""What an account ships with, on the wire: as existing clients ask for it, and to be changed."""

from functools import partial
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import ALL, Caller
from packhouse.kit import http, repeats, validation
from packhouse.kit.db import Transaction
from packhouse.kit.openapi import repeatable
from packhouse.shipping import answers, openapi, operations, options, setup, setup_schema, trials
from packhouse.shipping.api import SCOPE, desk
from packhouse.shipping.setup_schema import CONTRACT, KINDS, SENDER, Kind, Setup

router = APIRouter(prefix="/api/v3", tags=["Shipping"], default_response_class=Response)
extensions = APIRouter(prefix="/api/packhouse", tags=["Shipping set-up"], default_response_class=Response)


async def _read_setup(request: Request, caller: Caller) -> Setup:
    house = http.house(request)
    return await setup.read_setup(house.db, caller.account_id, now=house.clock())


@router.get("/sender-addresses", openapi_extra=openapi.SENDER_ADDRESSES)
async def list_sender_addresses(request: Request) -> Response:
    """The addresses that parcels can be sent from."""
    caller = await auth.caller(request, scope=SCOPE)
    found = await _read_setup(request, caller)
    shown = [answers.to_address(setup.show_item(found, SENDER, id)) for id in found.sender_address]
    return http.json_response({"data": shown})


@router.get("/contracts", openapi_extra=openapi.CONTRACTS)
async def list_contracts(request: Request) -> Response:
    """The account's contracts with carriers."""
    caller = await auth.caller(request, scope=SCOPE)
    found = await _read_setup(request, caller)
    wanted = request.query_params.get("carrier_code")
    shown = [_to_contract(request, found, id) for id in found.contract]
    return http.json_response({"data": [c for c in shown if not wanted or c["carrier"]["code"] == wanted]})


def _to_contract(request: Request, found: Setup, id: int) -> dict[str, Any]:
    shown = setup.show_item(found, CONTRACT, id)
    code = shown["carrier_code"]
    carrier = desk(request).options.carriers.get(code)
    return {
        "id": id,
        "name": shown.get("name", ""),
        "client_id": shown.get("client_id", ""),
        "carrier_code": code,
        "carrier": {"code": code, "name": carrier.name if carrier else code},
        "country_code": shown.get("country_code"),
        "is_active": shown["is_active"],
        "is_default_per_carrier": shown["is_default"],
    }


@router.post("/shipping-options", openapi_extra=openapi.OPTIONS)
async def list_shipping_options(request: Request) -> Response:
    """The shipping options that the account can use for what is described."""
    caller = await auth.caller(request, scope=SCOPE)
    body = await http.read_body(request) or b"{}"
    reading = validation.read_json(setup_schema.OPTIONS_REQUEST, body)
    setup.refuse_flaws(reading.flaws)
    found = await _read_setup(request, caller)
    known = desk(request).options
    data = [
        options.to_wire(option, known.carriers[option.carrier_code].name, {"id": id, **found.contract[id]})
        for option, id in options.find_options(known, found, reading.value)
    ]
    return http.json_response({"data": data, "message": None})


@extensions.get("/shipping-settings", openapi_extra=openapi.GET_SETTINGS)
async def get_shipping_settings(request: Request) -> Response:
    """The defaults of the account's label calls."""
    caller = await auth.caller(request, scope=ALL)
    return http.json_response({"data": setup.show_settings(await _read_setup(request, caller))})


@extensions.patch("/shipping-settings", openapi_extra=openapi.PATCH_SETTINGS)
async def update_shipping_settings(request: Request) -> Response:
    """Change the defaults; `null` takes one away."""
    caller = await auth.caller(request, scope=ALL)
    house = http.house(request)
    sent = _read_object(await http.read_body(request))
    await house.db.write(lambda tx: setup.update_settings(tx, caller.account_id, sent, now=house.clock()))
    return http.json_response({"data": setup.show_settings(await _read_setup(request, caller))})


@extensions.post("/shipping-rules/dry-run", openapi_extra=repeatable(openapi.DRY_RUN))
async def try_shipping_rules(request: Request) -> Response:
    """Which rule would ship an order and why; nothing is made."""
    caller = await auth.caller(request, scope=ALL)
    body = await http.read_body(request)

    async def work(_call: repeats.Call) -> Response:
        reading = validation.read_json(setup_schema.DRY_RUN, body)
        setup.refuse_flaws(reading.flaws)
        found = await _read_setup(request, caller)
        async with http.house(request).db.read() as tx:
            row = await operations.find_order(tx, caller.account_id, reading.value)
        return http.json_response({"data": trials.to_trial(found, row)})

    return await repeats.answer_once(request, caller.account_id, body, work)


async def list_items(kind: Kind, request: Request) -> Response:
    found = await _read_setup(request, await auth.caller(request, scope=ALL))
    return http.json_response({"data": [setup.show_item(found, kind, id) for id in found.ids(kind)]})


async def create_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request, scope=ALL)
    house = http.house(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        now = house.clock()
        reading = validation.read_json(kind.shape, body)
        setup.refuse_flaws(reading.flaws)
        vault = desk(request).vault
        id = await setup.create_item(tx, vault, caller.account_id, kind, reading.value, now=now)
        found = await setup.load_setup(tx, caller.account_id, now=now)
        return http.json_response({"data": setup.show_item(found, kind, id)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


async def get_item(kind: Kind, request: Request) -> Response:
    return await _show(request, await auth.caller(request, scope=ALL), kind, _to_id(request, kind))


async def update_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request, scope=ALL)
    house = http.house(request)
    id = _to_id(request, kind)
    sent = _read_object(await http.read_body(request))
    await house.db.write(
        lambda tx: setup.update_item(tx, desk(request).vault, caller.account_id, kind, id, sent, now=house.clock())
    )
    return await _show(request, caller, kind, id)


async def delete_item(kind: Kind, request: Request) -> Response:
    caller = await auth.caller(request, scope=ALL)
    await http.house(request).db.write(lambda tx: setup.delete_item(tx, caller.account_id, kind, _to_id(request, kind)))
    return Response(status_code=204)


async def _show(request: Request, caller: Caller, kind: Kind, id: int) -> Response:
    return http.json_response({"data": setup.show_item(await _read_setup(request, caller), kind, id)})


def _to_id(request: Request, kind: Kind) -> int:
    return http.to_id(request, setup.no_such_item(kind))


def _read_object(body: bytes) -> Any:
    return validation.read_json(setup_schema.OBJECT, body).value


_VERBS = (
    ("list_all", "GET", "", 200, list_items),
    ("create", "POST", "", 201, create_item),
    ("get", "GET", "/{id}", 200, get_item),
    ("update", "PATCH", "/{id}", 200, update_item),
    ("delete", "DELETE", "/{id}", 204, delete_item),
)


def _add_routes(kind: Kind) -> None:
    """The five operations of one kind; what they do is the same for all."""
    described = openapi.describe_kind(kind)
    for verb, method, at, status, handler in _VERBS:
        name = f"{verb}_{kind.plural() if verb == 'list_all' else kind.single()}"
        extensions.add_api_route(
            f"/{kind.path}{at}",
            partial(handler, kind),
            methods=[method],
            name=name,
            summary=name.replace("_", " ").capitalize(),
            status_code=status,
            openapi_extra=repeatable(described[name]) if method == "POST" else described[name],
        )


for _kind in KINDS.values():
    _add_routes(_kind)
