"""Registers a parcel that was made elsewhere."""

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.kit import errors, http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.shipping import api, parcels, queries
from packhouse.shipping.following import openapi, operations, schema


async def follow_parcel(request: Request) -> Response:
    """Register a parcel that was made elsewhere: its carrier is asked where it is, and its steps are told on."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    body = await http.read_body(request)

    async def follow(tx: Transaction) -> Response:
        sent = schema.read_parcel(body)
        number = await operations.follow_parcel(tx, caller, sent, ctx.options, now=ctx.clock())
        found = await parcels.find_by_tracking_number(tx, caller.account_id, number)
        if found is None:
            raise errors.NotFound(queries.no_such_parcel())
        shown = parcels.to_tracking(*found, ())
        del shown["events"], shown["updated_at"]
        return http.json_response({**shown, "created": True})

    try:
        return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(follow))
    except errors.Conflict as refusal:
        return http.json_response({**refusal.to_wire(), "detail": refusal.faults[0].detail}, status=409)


ROUTES = [
    Route("POST", "/api/v3/parcels/tracking", follow_parcel, openapi.FOLLOW, tag="Shipping", scope=api.SCOPE),
]
