"""Personal data on the wire: one person erased or told everything, and how long an account keeps it."""

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import ALL
from packhouse.kit import http
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.wire.openapi import repeatable
from packhouse.orders.profile import PROFILES
from packhouse.privacy import openapi, operations, queries, schema


async def erase_person(request: Request) -> Response:
    """Erase what tells of one person, in all that is stored of the account; statistics and numbers stay."""
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def erase(_call: repeats.Call) -> Response:
        person = schema.read_person(body)
        report = await operations.erase_person(context.of(request), caller, person)
        return http.json_response({"data": report.to_wire()})

    return await repeats.answer_once(request, caller.account_id, body, erase)


async def export_person(request: Request) -> Response:
    """All that is stored about one person, in one document."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    body = await http.read_body(request)

    async def export(_call: repeats.Call) -> Response:
        exported = await queries.export_person(
            ctx.db,
            caller,
            schema.read_person(body),
            now=ctx.clock(),
            base_url=http.base_url(request),
            id_is_text=PROFILES[ctx.settings.profile].id_is_text,
        )
        await ctx.db.write(lambda tx: operations.record_export(tx, caller, exported, now=ctx.clock()))
        return http.json_response({"data": exported}, headers={"Cache-Control": "no-store"})

    return await repeats.answer_once(request, caller.account_id, body, export)


async def get_retention(request: Request) -> Response:
    """How many days the account keeps personal data; null is for ever."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        found = await queries.find_retention(tx, caller.account_id)
    return http.json_response({"data": found._asdict()})


async def change_retention(request: Request) -> Response:
    """Change it; what is over goes within a day."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    sent = schema.read_retention(await http.read_body(request))
    after = await ctx.db.write(lambda tx: operations.change_retention(tx, caller, sent, now=ctx.clock()))
    return http.json_response({"data": after._asdict()})


ROUTES = [
    Route(
        "POST", "/api/packhouse/persons/erase", erase_person, repeatable(openapi.ERASE), tag="Personal data", scope=ALL
    ),
    Route(
        "POST",
        "/api/packhouse/persons/export",
        export_person,
        repeatable(openapi.EXPORT),
        tag="Personal data",
        scope=ALL,
    ),
    Route("GET", "/api/packhouse/privacy", get_retention, openapi.GET_RETENTION, tag="Personal data", scope=ALL),
    Route(
        "PATCH", "/api/packhouse/privacy", change_retention, openapi.CHANGE_RETENTION, tag="Personal data", scope=ALL
    ),
]
