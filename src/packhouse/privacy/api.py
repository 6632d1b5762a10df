"""Personal data on the wire: one person erased or told everything, and how long an account keeps it."""

from typing import cast

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import ALL
from packhouse.kit import http, repeats
from packhouse.kit.openapi import repeatable
from packhouse.orders.profile import PROFILES
from packhouse.privacy import openapi, operations, queries, schema
from packhouse.shipping.announce import Desk

extensions = APIRouter(prefix="/api/packhouse", tags=["Personal data"], default_response_class=Response)


@extensions.post("/persons/erase", openapi_extra=repeatable(openapi.ERASE))
async def erase_person(request: Request) -> Response:
    """Erase what tells of one person, in all that is stored of the account; figures and numbers stay."""
    caller = await auth.caller(request, scope=ALL)
    body = await http.read_body(request)

    async def erase(_call: repeats.Call) -> Response:
        person = schema.read_person(body)
        report = await operations.erase_person(cast("Desk", request.app.state.desk), caller, person)
        return http.json_response({"data": report.to_wire()})

    return await repeats.answer_once(request, caller.account_id, body, erase)


@extensions.post("/persons/export", openapi_extra=repeatable(openapi.EXPORT))
async def export_person(request: Request) -> Response:
    """All that is stored about one person, in one document."""
    house = http.house(request)
    caller = await auth.caller(request, scope=ALL)
    body = await http.read_body(request)

    async def export(_call: repeats.Call) -> Response:
        exported = await queries.export_person(
            house.db,
            caller,
            schema.read_person(body),
            now=house.clock(),
            base_url=http.base_url(request),
            id_is_text=PROFILES[house.profile].id_is_text,
        )
        await house.db.write(lambda tx: operations.record_export(tx, caller, exported, now=house.clock()))
        return http.json_response({"data": exported}, headers={"Cache-Control": "no-store"})

    return await repeats.answer_once(request, caller.account_id, body, export)


@extensions.get("/privacy", openapi_extra=openapi.GET_RETENTION)
async def get_retention(request: Request) -> Response:
    """How many days the account keeps personal data; null is for ever."""
    caller = await auth.caller(request, scope=ALL)
    async with http.house(request).db.read() as tx:
        found = await queries.find_retention(tx, caller.account_id)
    return http.json_response({"data": found._asdict()})


@extensions.patch("/privacy", openapi_extra=openapi.CHANGE_RETENTION)
async def change_retention(request: Request) -> Response:
    """Change it; what is over goes within a day."""
    house = http.house(request)
    caller = await auth.caller(request, scope=ALL)
    sent = schema.read_retention(await http.read_body(request))
    after = await house.db.write(lambda tx: operations.change_retention(tx, caller, sent, now=house.clock()))
    return http.json_response({"data": after._asdict()})
