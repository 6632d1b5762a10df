"""Parcels by themselves: their statuses, where one is, and cancelling one; and as version 2 answers them."""

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.kit import errors, http
from packhouse.kit.http.routing import Route
from packhouse.kit.wire import pagination
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping import api, openapi, parcels, parcels_openapi, queries, statuses
from packhouse.shipping.queries import Shipment
from packhouse.shipping.schema import OUTGOING, RETURN

SCOPE = api.SCOPE


async def list_parcel_statuses(request: Request) -> Response:
    """Every status that a parcel may have."""
    await auth.caller(request)
    return http.json_response({"data": [{"code": each.word, "message": each.message} for each in statuses.ALL]})


async def get_tracking(request: Request) -> Response:
    """Where the parcel with a tracking number is, and what has happened to it."""
    caller = await auth.caller(request)
    number = request.path_params["tracking_number"]
    async with context.of(request).db.read() as tx:
        found = await parcels.find_by_tracking_number(tx, caller.account_id, number)
        happened = await queries.list_events(tx, caller.account_id, [found[1].id] if found else ())
    if found is None:
        fault = queries.no_such_parcel()
        wire = errors.NotFound(fault).to_wire()
        return http.json_response({**wire, "detail": fault.detail}, status=404)
    return http.json_response(parcels.to_tracking(*found, happened.get(found[1].id, ())))


async def cancel_parcel(request: Request) -> Response:
    """Cancel the shipment of a parcel, at once or as soon as its carrier answers."""
    caller = await auth.caller(request)
    id = http.to_id(request, queries.no_such_parcel())
    async with context.of(request).db.read() as tx:
        uuid = await parcels.find_shipment_uuid(tx, caller.account_id, id)
    if uuid is None:
        raise errors.NotFound(queries.no_such_parcel())
    return await api.cancel(request, caller, uuid)


async def list_v2_parcels(request: Request) -> Response:
    """A page of parcels as version 2 answers them, newest shipment first."""
    caller = await auth.caller(request)
    asked = parcels.read_v2_request(request.query_params.multi_items())
    cursor = pagination.decode(asked.cursor)
    filters = {**asked.filters, "kinds": [OUTGOING, RETURN]}
    async with context.of(request).db.read() as tx:
        page = await queries.list_shipments(tx, caller.account_id, filters, cursor, asked.limit)
    base_url = http.base_url(request)
    shown = [parcels.to_v2(found, parcel, base_url) for found in page.rows for parcel in found.parcels]
    links = {name: _to_url(request, at) for name, at in (("next", page.next), ("previous", page.previous))}
    return http.json_response({**links, "parcels": shown})


def _to_url(request: Request, cursor: pagination.Cursor | None) -> str | None:
    if cursor is None:
        return None
    [link] = http.to_links(request, prev=None, next=cursor.encode()).values()
    return link.partition(">")[0].removeprefix("<")


async def get_v2_parcel(request: Request) -> Response:
    """One parcel as version 2 answers it."""
    return await _answer_v2(request, lambda found, parcel: {"parcel": parcels.to_v2(found, parcel, _base(request))})


async def get_v2_label(request: Request) -> Response:
    """Where the label of a parcel is."""
    return await _answer_v2(request, lambda _found, parcel: {"label": parcels.to_v2_label(parcel.id, _base(request))})


async def _answer_v2(request: Request, show: Callable[[Shipment, Any], Any]) -> Response:
    caller = await auth.caller(request)
    id = http.to_id(request, queries.no_such_parcel())
    async with context.of(request).db.read() as tx:
        found = await parcels.find_by_id(tx, caller.account_id, id)
    if found is None:
        raise errors.NotFound(queries.no_such_parcel())
    return http.json_response(show(*found))


_base = http.base_url

_route = partial(Route, scope=SCOPE, tag="Shipping")
ROUTES = [
    _route("GET", "/api/v3/parcels/statuses", list_parcel_statuses, openapi.STATUSES),
    _route("GET", "/api/v3/parcels/tracking/{tracking_number}", get_tracking, parcels_openapi.TRACKING),
    _route("POST", "/api/v3/parcels/{id}/cancel", cancel_parcel, repeatable(openapi.CANCEL_PARCEL)),
    _route("GET", "/api/v2/parcels", list_v2_parcels, parcels_openapi.V2_PARCELS),
    _route("GET", "/api/v2/parcels/{id}", get_v2_parcel, parcels_openapi.V2_PARCEL),
    _route("GET", "/api/v2/labels/{id}", get_v2_label, parcels_openapi.V2_LABEL),
]
