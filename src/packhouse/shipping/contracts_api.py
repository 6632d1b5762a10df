"""Contracts in the form of the v3 API; /api/packhouse/contracts has them in our own form."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import ALL
from packhouse.kit import errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination, validation
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping import contract_schema, openapi
from packhouse.shipping.api import SCOPE
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import CONTRACT, Setup

MAX_PAGE = DEFAULT_PAGE = 100
_TRUE, _FALSE = ("true", "True", "1"), ("false", "False", "0")


async def list_contracts(request: Request) -> Response:
    """A page of the account's contracts with carriers."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    size = http.read_page_size(request, MAX_PAGE, DEFAULT_PAGE)
    cursor = pagination.decode(http.read_cursor(request))
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    wanted = _read_filters(request, ctx.options)
    shown = {id: _to_contract(ctx.options, found, id) for id in found.contract}
    ids = [id for id, contract in shown.items() if all(contract[name] == value for name, value in wanted.items())]
    page = pagination.slice_page(ids, int, cursor, size)
    return http.json_response({"data": [shown[id] for id in page.rows]}, headers=http.page_links(request, page))


def _read_filters(request: Request, known: Options) -> dict[str, Any]:
    """Filter by keys of a contract as it is shown. Raises Invalid that names each invalid one; an empty one counts as
    missing."""
    names = ("carrier_code", "client_id", "country_code", "name")
    wanted: dict[str, Any] = {name: text for name in names if (text := http.read_text(request, name))}
    faults = []
    if wanted.get("carrier_code", "") not in ("", *known.carriers):
        told = message("There is no carrier {code}.", code=wanted["carrier_code"])
        faults.append(errors.ErrorItem("validation_error", told, parameter="carrier_code"))
    if sent := request.query_params.get("is_active"):
        if sent not in (*_TRUE, *_FALSE):
            faults.append(errors.ErrorItem("invalid", message("Input should be true or false"), parameter="is_active"))
        wanted["is_active"] = sent in _TRUE
    if faults:
        raise errors.Invalid(faults)
    return wanted


def _to_contract(known: Options, found: Setup, id: int) -> dict[str, Any]:
    shown = setup.show_item(found, CONTRACT, id)
    code, country = shown["carrier_code"], shown.get("country_code") or ""
    carrier = known.carriers.get(code)
    return {
        "id": id,
        "name": shown.get("name", "")[:50],
        "client_id": shown.get("client_id", ""),
        "carrier_code": code,
        "carrier": {"code": code, "name": carrier.name if carrier else code},
        "country_code": country,
        "country": country,
        "is_active": shown["is_active"],
        "state": "active" if shown["is_active"] else "inactive",
        "type": "direct",
        "error": None,
        "is_default_per_carrier": shown["is_default"],
    }


async def get_contract(request: Request) -> Response:
    """One contract."""
    caller = await auth.caller(request)
    id = http.to_id(request, setup.no_such_item(CONTRACT))
    ctx = context.of(request)
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    return http.json_response({"data": _to_contract(ctx.options, found, id)})


async def list_contract_schemas(request: Request) -> Response:
    """What each carrier asks for in a contract."""
    await auth.caller(request)
    known = context.of(request).options
    wanted = _read_filters(request, known).get("carrier_code")
    data = [
        {"carrier_code": code, "fields": [field._asdict() for field in getattr(carrier, "contract_fields", ())]}
        for code, carrier in sorted(known.carriers.items())
        if wanted in (None, code)
    ]
    return http.json_response({"data": data})


async def create_contract(request: Request) -> Response:
    """Make a contract with a carrier."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        now = ctx.clock()
        reading = validation.read_json(contract_schema.CREATE, body)
        setup.refuse_flaws(reading.flaws)
        if reading.value["carrier_code"] not in ctx.options.carriers:
            told = message("There is no carrier {code}.", code=reading.value["carrier_code"])
            pointer = errors.to_pointer(("carrier_code",))
            raise errors.Invalid(errors.ErrorItem("invalid_choice", told, pointer=pointer))
        sent = {"is_active": False, **_to_sent(reading.value)}
        id = await setup.create_item(tx, ctx.encryptor, caller.account_id, CONTRACT, sent, now=now)
        found = await setup.load_setup(tx, caller.account_id, now=now)
        return http.json_response({"data": _to_contract(ctx.options, found, id)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


def _to_sent(value: Mapping[str, Any]) -> dict[str, Any]:
    """Convert to our own form. The default contract cannot stop being it: another one has to become the default."""
    names = {"is_default_per_carrier": "is_default", "contract_data": "credentials"}
    sent = {names.get(name, name): inner for name, inner in value.items()}
    if not sent.get("is_default"):
        sent.pop("is_default", None)
    if not sent.get("credentials"):
        sent.pop("credentials", None)
    return sent


async def update_contract(request: Request) -> Response:
    """Change a contract; the keys that are sent replace the stored ones."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    id = http.to_id(request, setup.no_such_item(CONTRACT))
    body = await http.read_body(request)

    async def change(tx: Transaction) -> Response:
        now = ctx.clock()
        reading = validation.read_json(contract_schema.UPDATE, body)
        setup.refuse_flaws(reading.flaws)
        found = await setup.load_setup(tx, caller.account_id, now=now)
        is_default = setup.show_item(found, CONTRACT, id)["is_default"]
        if is_default and reading.value.get("is_default_per_carrier") is False:
            told = message("The default contract of a carrier cannot be unset: make another one the default.")
            pointer = errors.to_pointer(("is_default_per_carrier",))
            raise errors.Invalid(errors.ErrorItem("invalid", told, pointer=pointer))
        sent = _to_sent(reading.value)
        await setup.update_item(tx, ctx.encryptor, caller.account_id, CONTRACT, id, sent, now=now)
        changed = await setup.load_setup(tx, caller.account_id, now=now)
        return http.json_response({"data": _to_contract(ctx.options, changed, id)})

    return await ctx.db.write(change)


async def delete_contract(request: Request) -> Response:
    """Delete a contract; shipments keep what they took from it."""
    caller = await auth.caller(request)
    id = http.to_id(request, setup.no_such_item(CONTRACT))
    await context.of(request).db.write(lambda tx: setup.delete_item(tx, caller.account_id, CONTRACT, id))
    return Response(status_code=204)


_URL = "/api/v3/contracts"
ROUTES = [
    Route("GET", _URL, list_contracts, openapi.CONTRACTS, tag="Shipping", scope=SCOPE),
    Route(
        "POST", _URL, create_contract, repeatable(openapi.CREATE_CONTRACT), tag="Shipping", scope=ALL,
        name="create_v3_contract",
    ),
    Route("GET", f"{_URL}/schemas", list_contract_schemas, openapi.CONTRACT_SCHEMAS, tag="Shipping", scope=SCOPE),
    Route(
        "GET", f"{_URL}/{{id}}", get_contract, openapi.GET_CONTRACT, tag="Shipping", scope=SCOPE,
        name="get_v3_contract",
    ),
    Route(
        "PATCH", f"{_URL}/{{id}}", update_contract, openapi.UPDATE_CONTRACT, tag="Shipping", scope=ALL,
        name="update_v3_contract",
    ),
    Route(
        "DELETE", f"{_URL}/{{id}}", delete_contract, openapi.DELETE_CONTRACT, tag="Shipping", scope=ALL,
        name="delete_v3_contract",
    ),
]  # fmt: skip
