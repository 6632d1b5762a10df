"""The Orders API on the wire (contract, section 4), and the history of an order."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import clock, errors, http, pagination
from packhouse.kit.db import Transaction
from packhouse.orders import openapi, operations, queries, schema, warnings
from packhouse.orders.profile import PROFILES, Profile

router = APIRouter(prefix="/api/v3", tags=["Orders"], default_response_class=Response)
extensions = APIRouter(prefix="/api/packhouse", tags=["Orders"], default_response_class=Response)

# What is counted here for `GET /metrics`.
COUNTED = {"orders": "Orders sent, by what became of them: created, updated, unchanged, deleted, refused."}


@router.post("/orders", openapi_extra=openapi.UPSERT)
async def upsert_orders(request: Request) -> Response:
    """Create or update up to 100 orders, all or none."""
    house = http.house(request)
    caller = await auth.caller(request, scope="write:order")
    strangers = http.find_strange_partners(request)
    reading = schema.read_batch(await http.read_body(request))
    with _counting_refused(request, len(reading.value) if isinstance(reading.value, list) else 0):
        if reading.flaws or strangers:
            async with house.db.read() as tx:
                more = await operations.find_flaws(house.db, tx, caller.account_id, reading.value)
            raise errors.Invalid([*strangers, *operations.to_faults([*reading.flaws, *more])])
        async with _writing(request) as tx:
            receipts = await operations.upsert_orders(house.db, tx, caller, reading.value, now=house.clock())
    _count(request, receipts)
    answer: dict[str, Any] = {"data": [receipt.to_wire() for receipt in receipts]}
    if found := list(_find_warnings(caller, receipts, reading.unknown)):
        answer["meta"] = {"warnings": found}
    return http.json_response(answer, status=_profile(request).upserted_status)


@router.get("/orders", openapi_extra=openapi.LIST)
async def list_orders(request: Request) -> Response:
    """A page of the account's orders."""
    caller = await auth.caller(request, scope="read:order")
    parameters = request.query_params.multi_items()
    async with http.house(request).lists.read() as tx:
        wanted = schema.find_integrations(parameters)
        known = await integrations.find_known(tx, caller.account_id, wanted)
        asked = schema.read_list_request(parameters, known=known)
        cursor = pagination.decode(asked.cursor)
        page = await queries.list_orders(tx, caller.account_id, asked.filters, asked.sort, cursor, asked.page_size)
    id_is_text = _profile(request).id_is_text
    body = ",".join(queries.to_wire(row[-4:], id_is_text=id_is_text) for row in page.rows)
    return http.json_response(f'{{"data":[{body}]}}'.encode(), headers=http.page_links(request, page))


async def get_order(request: Request) -> Response:
    """One order."""
    caller = await auth.caller(request, scope="read:order")
    id = http.to_id(request, queries.not_found_by_search())
    row = await http.house(request).db.fetch_one(queries.GET_ORDER, account_id=caller.account_id, id=id)
    if row is None:
        raise errors.NotFound(queries.not_found_by_search())
    return http.json_response(f'{{"data":{queries.to_wire(row, id_is_text=_profile(request).id_is_text)}}}'.encode())


router.add_api_route("/orders/{id}", get_order, openapi_extra=openapi.GET)

# The hottest routes go around the framework, which costs more than a read does.
SHORTCUTS = [
    http.Shortcut("GET", re.compile(r"/api/v3/orders/(?P<id>[^/]+)"), "/api/v3/orders/{id}", get_order),
    http.Shortcut("POST", re.compile(r"/api/v3/orders"), "/api/v3/orders", upsert_orders),
]


@router.patch("/orders/{id}", openapi_extra=openapi.PATCH)
async def patch_order(request: Request) -> Response:
    """Merge the fields sent into one order."""
    house = http.house(request)
    caller = await auth.caller(request, scope="write:order")
    id = http.to_id(request, operations.no_such_order())
    reading = schema.read_patch(await http.read_body(request))
    if reading.flaws:
        raise operations.to_invalid_patch(reading.flaws)
    async with _writing(request) as tx:
        receipt = await operations.patch_order(house.db, tx, caller, id, reading.value, now=house.clock())
    _count(request, [receipt])
    return http.json_response({"data": receipt.to_wire()})


@router.delete("/orders/{id}", status_code=204, openapi_extra=openapi.DELETE)
async def delete_order(request: Request) -> Response:
    """Take an order away; its shipments, labels and history stay."""
    house = http.house(request)
    caller = await auth.caller(request, scope="write:order")
    id = http.to_id(request, operations.no_such_order())
    async with _writing(request) as tx:
        await operations.delete_order(house.db, tx, caller, id, now=house.clock())
    house.meters.count("orders", "deleted")
    return Response(status_code=204)


@extensions.get("/orders/{id}/history", openapi_extra=openapi.HISTORY)
async def list_history(request: Request) -> Response:
    """Who changed an order, when and what, newest first; also of a deleted one."""
    caller = await auth.caller(request, scope="read:order")
    id = http.to_id(request, queries.not_found_by_search())
    asked = schema.read_list_request(request.query_params.multi_items(), only=("page_size",))
    cursor = pagination.decode(asked.cursor)
    async with http.house(request).db.read() as tx:
        page = await queries.list_history(tx, caller.account_id, id, cursor, asked.page_size)
    data = [_to_entry(row) for row in page.rows]
    return http.json_response({"data": data}, headers=http.page_links(request, page))


def _to_entry(row: Any) -> dict[str, Any]:
    kind, _, name = row.by.partition(":")
    return {
        "version": row.version,
        "action": row.action,
        "at": clock.to_wire(row.at),
        "by": {"type": kind, "name": name},
        "changes": orjson.Fragment(row.changes),
    }


def _profile(request: Request) -> Profile:
    return PROFILES[http.house(request).profile]


@asynccontextmanager
async def _writing(request: Request) -> AsyncIterator[Transaction]:
    """A transaction on orders: when its turn does not come in time, the profile's conflict is the answer."""
    try:
        async with http.house(request).db.write() as tx:
            yield tx
    except errors.Busy:
        raise _profile(request).to_conflict() from None


@contextmanager
def _counting_refused(request: Request, size: int) -> Iterator[None]:
    try:
        yield
    except errors.Refusal:
        http.house(request).meters.count("orders", "refused", size)
        raise


def _count(request: Request, receipts: Sequence[operations.Receipt]) -> None:
    """Each order once, also where a batch names it twice."""
    outcomes = Counter({receipt.id: receipt.outcome for receipt in receipts}.values())
    for outcome, number in outcomes.items():
        http.house(request).meters.count("orders", outcome, number)


def _find_warnings(
    caller: Caller, receipts: Sequence[operations.Receipt], unknown: Sequence[errors.Path]
) -> Iterator[dict[str, Any]]:
    """What is odd but no reason to refuse: keys that were dropped, then values, each with its place."""
    for path in unknown:
        yield _to_warning("unknown_field", "This key is unknown and was not stored.", path)
    for index, receipt in enumerate(receipts):
        for warning in warnings.find_warnings(receipt.order, caller.country_code):
            yield _to_warning(warning.code, warning.detail, (index, *warning.path))


def _to_warning(code: str, detail: str, path: errors.Path) -> dict[str, Any]:
    return {"code": code, "detail": detail, "source": {"pointer": errors.to_batch_pointer(path)}}
