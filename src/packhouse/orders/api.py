"""The Orders API on the wire (contract, section 4), and the history of an order."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import clock, errors, http
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.kit.wire.validation import Parsed
from packhouse.orders import list_request, notices, openapi, operations, queries, schema
from packhouse.orders.profile import PROFILES, Profile

T = TypeVar("T")


# What is counted here for `GET /metrics`.
COUNTED = {"orders": "Orders sent, by what became of them: created, updated, unchanged, deleted, refused."}


async def upsert_orders(request: Request) -> Response:
    """Create or update up to 100 orders, all or none."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    unknown_ids = http.find_unknown_partners(request)
    body = await http.read_body(request)

    async def work(call: repeats.Call) -> Response:
        reading = await schema.read_batch_stepwise(body)
        with _counting_refused(request, len(reading.value) if isinstance(reading.value, list) else 0):
            if reading.flaws or unknown_ids:
                async with ctx.db.read() as tx:
                    more = await operations.find_flaws(tx, caller.account_id, reading.value)
                raise errors.Invalid([*unknown_ids, *operations.to_faults([*reading.flaws, *more])])
            expected = _find_expected_of_one(request, reading.value)
            return await _upsert(request, caller, call, reading, expected)

    return await repeats.answer_once(request, caller.account_id, body, work)


async def _upsert(
    request: Request, caller: Caller, call: repeats.Call, reading: Parsed[Any], expected: frozenset[str] | None
) -> Response:
    """Under a key the answer is made within the transaction, because it is kept there."""
    ctx = context.of(request)

    receipts: Sequence[operations.Receipt] = ()

    async def upsert(tx: Transaction) -> Response | None:
        nonlocal receipts
        now = ctx.clock()
        receipts = await operations.upsert_orders(tx, caller, reading.value, now=now, expected=expected)
        return _to_upserted(request, caller, receipts, reading) if call.has_key else None

    with _turned_away(request):
        response = await call.write(upsert)
    _count(request, receipts)
    return response or _to_upserted(request, caller, receipts, reading)


def _to_upserted(
    request: Request, caller: Caller, receipts: Sequence[operations.Receipt], reading: Parsed[Any]
) -> Response:
    content: dict[str, Any] = {"data": [receipt.to_wire() for receipt in receipts]}
    if found := list(islice(_list_warnings(caller, receipts, reading), errors.MAX_LISTED + 1)):
        content["meta"] = {"warnings": found[: errors.MAX_LISTED]}
        if len(found) > errors.MAX_LISTED:
            content["meta"]["more_warnings"] = True
    headers = {"ETag": http.to_etag(receipts[0].version)} if len(receipts) == 1 else {}
    return http.json_response(content, status=_profile(request).upserted_status, headers=headers)


def _list_warnings(
    caller: Caller, receipts: Sequence[operations.Receipt], reading: Parsed[Any]
) -> Iterator[dict[str, Any]]:
    return (told for _, told in notices.find_warnings(caller.country_code, receipts, reading))


def _find_expected_of_one(request: Request, batch: Sequence[Any]) -> frozenset[str] | None:
    """A tag is one order's, so a batch that is sent under a condition holds one."""
    expected = http.find_expected(request)
    if expected is not None and len(batch) != 1:
        fault = errors.ErrorItem(
            "invalid", message("A condition applies to one order, but this batch has more."), header="If-Match"
        )
        raise errors.Invalid(fault)
    return expected


async def list_orders(request: Request) -> Response:
    """A page of the account's orders."""
    caller = await auth.caller(request)
    parameters = request.query_params.multi_items()

    async def read(tx: Reader) -> pagination.Page[Any]:
        wanted = list_request.find_integrations(parameters)
        known = await integrations.find_known(tx, caller.account_id, wanted)
        asked = list_request.read_list_request(parameters, known=known)
        cursor = pagination.decode(asked.cursor)
        return await queries.list_orders(tx, caller.account_id, asked.filters, asked.sort, cursor, asked.page_size)

    page = await context.of(request).lists.read(read)
    id_is_text = _profile(request).id_is_text
    body = ",".join(queries.to_wire(row, id_is_text=id_is_text) for row in page.rows)
    return http.json_response(f'{{"data":[{body}]}}'.encode(), headers=http.page_links(request, page))


async def get_order(request: Request) -> Response:
    """One order."""
    id = http.find_id(request)
    _, row = await auth.caller_and_row(request, queries.GET_ORDER, id=id)
    if row is None:
        raise errors.NotFound(queries.NOT_FOUND)
    body = f'{{"data":{queries.to_wire(row, id_is_text=_profile(request).id_is_text)}}}'
    return http.json_response(body.encode(), headers={"ETag": http.to_etag(row.version)})


async def patch_order(request: Request) -> Response:
    """Merge the fields sent into one order."""
    ctx = context.of(request)
    id = http.find_id(request)
    caller = await auth.caller(request)
    reading = schema.read_patch(await http.read_body(request))
    if reading.flaws:
        raise operations.to_invalid_patch(reading.flaws)
    expected = http.find_expected(request)

    async def patch(tx: Transaction) -> operations.Receipt:
        now = ctx.clock()
        return await operations.patch_order(tx, caller, id, reading.value, now=now, expected=expected)

    receipt = await _write(request, patch)
    _count(request, [receipt])
    answer: dict[str, Any] = {"data": receipt.to_wire()}
    unknown = message("This key is unknown and was not stored.")
    odd = [("unknown_field", unknown, path) for path in reading.unknown[: errors.MAX_LISTED]]
    odd += [("invalid", notices.to_odd(flaw), flaw.path) for flaw in reading.odd]
    odd += [("shipment_stale", notices.to_stale(name), path) for path, name in receipt.outdated]
    if odd:
        told = [(code, detail, errors.to_pointer(path)) for code, detail, path in odd]
        answer["meta"] = {"warnings": [{"code": c, "detail": d, "source": {"pointer": p}} for c, d, p in told]}
    return http.json_response(answer, headers={"ETag": http.to_etag(receipt.version)})


async def delete_order(request: Request) -> Response:
    """Take an order away; its shipments, labels and history stay."""
    ctx = context.of(request)
    caller = await auth.caller(request)
    id = http.to_id(request, queries.NOT_FOUND)
    expected = http.find_expected(request)

    async def remove(tx: Transaction) -> None:
        await operations.delete_order(tx, caller, id, now=ctx.clock(), expected=expected)

    await _write(request, remove)
    ctx.metrics.count("orders", "deleted")
    return Response(status_code=204)


async def list_history(request: Request) -> Response:
    """Who changed an order, when and what, newest first; also of a deleted one."""
    caller = await auth.caller(request)
    id = http.to_id(request, queries.NOT_FOUND)
    asked = list_request.read_list_request(request.query_params.multi_items(), only=("page_size",))
    cursor = pagination.decode(asked.cursor)
    async with context.of(request).db.read() as tx:
        page = await queries.list_history(tx, caller.account_id, id, cursor, asked.page_size)
    data = [_to_entry(row) for row in page.rows]
    return http.json_response({"data": data}, headers=http.page_links(request, page))


def _to_entry(row: queries.HistoryEntry) -> dict[str, Any]:
    kind, _, name = row.by.partition(":")
    return {
        "version": row.version,
        "action": row.action,
        "at": clock.to_wire(row.at),
        "by": {"type": kind, "name": name},
        "changes": orjson.Fragment(row.changes),
    }


def _profile(request: Request) -> Profile:
    return PROFILES[context.of(request).settings.profile]


async def _write(request: Request, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """In a transaction on orders."""
    with _turned_away(request):
        return await context.of(request).db.write(work)


@contextmanager
def _turned_away(request: Request) -> Iterator[None]:
    """When the turn of a write on orders does not come in time, the profile's conflict is the answer."""
    try:
        yield
    except errors.LockTimeout:
        raise _profile(request).to_conflict() from None


@contextmanager
def _counting_refused(request: Request, size: int) -> Iterator[None]:
    try:
        yield
    except errors.ApiError:
        context.of(request).metrics.count("orders", "refused", size)
        raise


def _count(request: Request, receipts: Sequence[operations.Receipt]) -> None:
    """Each order once, also where a batch names it twice."""
    outcomes = Counter({receipt.id: receipt.outcome for receipt in receipts}.values())
    for outcome, number in outcomes.items():
        context.of(request).metrics.count("orders", outcome, number)


ROUTES = [
    Route("POST", "/api/v3/orders", upsert_orders, openapi.UPSERT, tag="Orders", scope="write:order", is_large=True),
    Route("GET", "/api/v3/orders", list_orders, openapi.LIST, tag="Orders", scope="read:order"),
    Route("GET", "/api/v3/orders/{id}", get_order, openapi.GET, tag="Orders", scope="read:order"),
    Route("PATCH", "/api/v3/orders/{id}", patch_order, openapi.PATCH, tag="Orders", scope="write:order", is_large=True),
    Route("DELETE", "/api/v3/orders/{id}", delete_order, openapi.DELETE, tag="Orders", scope="write:order"),
    Route("GET", "/api/packhouse/orders/{id}/history", list_history, openapi.HISTORY, tag="Orders", scope="read:order"),
]
