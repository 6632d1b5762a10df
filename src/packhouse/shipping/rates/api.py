"""Rate tables on the wire."""

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import ALL
from packhouse.kit import http
from packhouse.kit.db import Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.wire.openapi import repeatable
from packhouse.shipping.rates import openapi, operations, queries, schema


def _to_shown(id: int, document: dict[str, Any], *, with_rows: bool) -> dict[str, Any]:
    shown = {key: value for key, value in document.items() if key != "rows"}
    rows = {"rows": document["rows"], "csv": schema.write_csv(document)} if with_rows else {}
    return {"id": id, **shown, "row_count": len(document["rows"]), **rows}


async def list_rate_tables(request: Request) -> Response:
    """The account's rate tables, every version, without their rows."""
    caller = await auth.caller(request)
    async with context.of(request).db.read() as tx:
        rows = await queries.list_tables(tx, caller.account_id)
    data = [_to_shown(row.id, orjson.loads(row.document), with_rows=False) for row in rows]
    return http.json_response({"data": data})


async def create_rate_table(request: Request) -> Response:
    """Make a version of a rate table, from rows or from CSV."""
    caller = await auth.caller(request)
    ctx = context.of(request)
    body = await http.read_body(request)

    async def create(tx: Transaction) -> Response:
        now = ctx.clock()
        document = schema.read_table(body, now.date())
        id = await operations.create_table(tx, caller.account_id, document, now=now)
        return http.json_response({"data": _to_shown(id, document, with_rows=False)}, status=201)

    return await repeats.answer_once(request, caller.account_id, body, lambda call: call.write(create))


async def get_rate_table(request: Request) -> Response:
    """One version with its rows, also as CSV."""
    caller = await auth.caller(request)
    id = http.to_id(request, queries.no_such_table())
    async with context.of(request).db.read() as tx:
        row = await queries.get_table(tx, caller.account_id, id)
    return http.json_response({"data": _to_shown(id, orjson.loads(row.document), with_rows=True)})


async def delete_rate_table(request: Request) -> Response:
    """Delete one version; the one before it is in force again."""
    caller = await auth.caller(request)
    id = http.to_id(request, queries.no_such_table())
    await context.of(request).db.write(lambda tx: operations.delete_table(tx, caller.account_id, id))
    return Response(status_code=204)


_URL = "/api/packhouse/rate-tables"
ROUTES = [
    Route("GET", _URL, list_rate_tables, openapi.LIST, tag="Shipping set-up", scope=ALL),
    Route("POST", _URL, create_rate_table, repeatable(openapi.CREATE), tag="Shipping set-up", scope=ALL),
    Route("GET", f"{_URL}/{{id}}", get_rate_table, openapi.GET, tag="Shipping set-up", scope=ALL),
    Route("DELETE", f"{_URL}/{{id}}", delete_rate_table, openapi.DELETE, tag="Shipping set-up", scope=ALL),
]
