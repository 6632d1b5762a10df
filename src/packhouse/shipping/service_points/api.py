"""Service points on the wire: as v3 has them, as pickers of v2 read them, and how an account brings its own."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import ALL, Caller
from packhouse.kit import errors, http
from packhouse.kit.db import Reader
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import validation
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping.service_points import files, openapi, operations, queries, refresh, schema, wire
from packhouse.shipping.service_points.queries import Found, Geocoding
from packhouse.shipping.service_points.schema import Search
from packhouse.shipping.setup import setup

SCOPE = "write:parcel"


async def list_service_points(request: Request) -> Response:
    """The service points of a country: near a place, in a box, of carriers, open on a day."""
    caller = await auth.caller(request)
    search = schema.read_search(request.query_params.multi_items())
    found, geocoding = await _search(request, caller, search)
    now = context.of(request).clock()
    results = [wire.to_v3_with_distance(point, _to_carrier_name(request, point), now=now) for point in found]
    return http.json_response({"data": {"results": results, "geocoding": wire.to_geocoding(geocoding)}})


async def _search(request: Request, caller: Caller, search: Search) -> tuple[list[Found], Geocoding | None]:
    """Raises Invalid for a carrier that has no points here."""
    if search.of_contracts:
        ctx = context.of(request)
        account = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
        search = search._replace(carrier_codes=sorted({item["carrier_code"] for item in account.contract.values()}))
    async with context.of(request).db.read() as tx:
        if search.carrier_codes and not search.of_contracts:
            await _require_points(tx, caller.account_id, search)
        geocoding = None
        if search.address is not None:
            geocoding = await queries.locate(tx, caller.account_id, search.country_code, search.address)
            if geocoding.position is None:
                return [], geocoding
            search = search._replace(position=geocoding.position)
        return await queries.find_points(tx, caller.account_id, search), geocoding


async def _require_points(tx: Reader, account_id: int, search: Search) -> None:
    there = await queries.has_points(tx, account_id, search.carrier_codes)
    missing = [code for code in search.carrier_codes if code not in there]
    if missing:
        detail = message("There are no service points of {carriers}.", carriers=", ".join(missing))
        raise errors.Invalid(errors.ErrorItem("validation_error", detail))


def _to_carrier_name(request: Request, found: Found) -> str:
    code: str = found.document["carrier_code"]
    carrier = context.of(request).options.carriers.get(code)
    return carrier.name if carrier else code


async def get_service_point(request: Request) -> Response:
    """One service point, also where it is closed or gone."""
    found = await _get(request, await auth.caller(request))
    shown = wire.to_v3(found, _to_carrier_name(request, found), now=context.of(request).clock())
    return http.json_response({"data": shown})


async def check_service_point(request: Request) -> Response:
    """Say whether a parcel can be sent to a service point."""
    found = await _get(request, await auth.caller(request))
    return http.json_response({"data": {"is_available": wire.is_available(found)}})


async def _get(request: Request, caller: Caller) -> Found:
    id = http.to_id(request, queries.no_such_point())
    async with context.of(request).db.read() as tx:
        return await queries.get_point(tx, caller.account_id, id)


async def import_service_points(request: Request) -> Response:
    """Store the service points of a file, CSV or GeoJSON; those of its carriers that an earlier file had are gone."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    carrier_code = http.read_text(request, "carrier_code")
    points = schema.read_points(files.read_file(await http.read_whatever(request), carrier_code))
    stored = await operations.store_points(ctx.db, caller.account_id, operations.FILE, points, now=ctx.clock())
    return http.json_response({"data": stored._asdict()})


async def refresh_service_points(request: Request) -> Response:
    """Ask a carrier for its service points of a country, and store them."""
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def work(_call: repeats.Call) -> Response:
        reading = validation.read_json(schema.REFRESH, body)
        setup.refuse_flaws(reading.flaws)
        asked = reading.value
        ctx = context.of(request)
        stored = await refresh.refresh(ctx, caller.account_id, asked["carrier_code"], asked["country_code"])
        return http.json_response({"data": stored._asdict()})

    return await repeats.answer_once(request, caller.account_id, body, work)


async def list_v2_service_points(request: Request) -> Response:
    """The service points of a country as version 2 answers them: a bare list."""

    async def work(caller: Caller) -> Any:
        search = schema.read_v2_search(request.query_params.multi_items())
        found, _ = await _search(request, caller, search)
        return [wire.to_v2(point, now=context.of(request).clock()) for point in found]

    return await _answer_v2(request, work)


async def get_v2_service_point(request: Request) -> Response:
    """One service point as version 2 answers it."""

    async def work(caller: Caller) -> Any:
        return wire.to_v2(await _get(request, caller), now=context.of(request).clock())

    return await _answer_v2(request, work)


async def check_v2_service_point(request: Request) -> Response:
    """Say whether a parcel can be sent to a service point: true or false."""

    async def work(caller: Caller) -> Any:
        return wire.is_available(await _get(request, caller))

    return await _answer_v2(request, work)


async def list_v2_carriers(request: Request) -> Response:
    """The carriers that have service points here."""

    async def work(caller: Caller) -> Any:
        async with context.of(request).db.read() as tx:
            return list(await queries.list_carriers(tx, caller.account_id))

    return await _answer_v2(request, work)


async def _answer_v2(request: Request, work: Callable[[Caller], Awaitable[Any]]) -> Response:
    """A picker in a web page names its account by `access_token`, a public key. Errors have version 2's own shape."""
    token = request.query_params.get("access_token")
    caller = await (auth.caller_by_public_key(request, token) if token else auth.caller(request))
    try:
        return http.json_response(await work(caller))
    except (errors.Invalid, errors.NotFound) as refusal:
        told = "; ".join(_to_sentence(fault) for fault in refusal.faults)
        error = {"code": refusal.status, "request": request.scope["path"].removeprefix("/"), "message": told}
        return http.json_response({"error": error}, status=refusal.status)


def _to_sentence(fault: errors.ErrorItem) -> str:
    return f"{fault.parameter}: {fault.detail}" if fault.parameter else str(fault.detail)


_TAG = "Service points"
ROUTES = [
    Route("GET", "/api/v3/service-points", list_service_points, openapi.LIST, tag=_TAG, scope=SCOPE),
    Route("GET", "/api/v3/service-points/{id}", get_service_point, openapi.GET, tag=_TAG, scope=SCOPE),
    Route(
        "POST",
        "/api/v3/service-points/{id}/check-availability",
        check_service_point,
        openapi.CHECK,
        tag=_TAG,
        scope=SCOPE,
    ),
    Route(
        "POST",
        "/api/packhouse/service-points/import",
        import_service_points,
        openapi.IMPORT,
        tag=_TAG,
        scope=ALL,
        is_large=True,
    ),
    Route(
        "POST",
        "/api/packhouse/service-points/refresh",
        refresh_service_points,
        repeatable(openapi.REFRESH),
        tag=_TAG,
        scope=ALL,
    ),
    Route("GET", "/api/v2/service-points", list_v2_service_points, openapi.V2_LIST, tag=_TAG, scope=SCOPE),
    Route("GET", "/api/v2/service-points/{id}", get_v2_service_point, openapi.V2_GET, tag=_TAG, scope=SCOPE),
    Route(
        "GET",
        "/api/v2/service-points/{id}/check-availability",
        check_v2_service_point,
        openapi.V2_CHECK,
        tag=_TAG,
        scope=SCOPE,
    ),
    Route("GET", "/api/v2/carriers", list_v2_carriers, openapi.V2_CARRIERS, tag=_TAG, scope=SCOPE),
]
