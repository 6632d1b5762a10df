"""The Orders API on the wire (contract, section 4), and the history of an order."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import clock, errors, http, pagination, repeats
from packhouse.kit.db import Transaction
from packhouse.kit.validation import Flaw, Reading
from packhouse.orders import list_request, openapi, operations, queries, schema, warnings
from packhouse.orders.profile import PROFILES, Profile

T = TypeVar("T")

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
    body = await http.read_body(request, is_large=True)

    async def work(call: repeats.Call) -> Response:
        await house.db.turns.take()
        reading = await schema.read_batch_in_turns(body)
        with _counting_refused(request, len(reading.value) if isinstance(reading.value, list) else 0):
            if reading.flaws or strangers:
                async with house.db.read() as tx:
                    more = await operations.find_flaws(house.db, tx, caller.account_id, reading.value)
                raise errors.Invalid([*strangers, *operations.to_faults([*reading.flaws, *more])])
            expected = _find_expected_of_one(request, reading.value)
            return await _upsert(request, caller, call, reading, expected)

    return await repeats.answer_once(request, caller.account_id, body, work)


async def _upsert(
    request: Request, caller: Caller, call: repeats.Call, reading: Reading[Any], expected: frozenset[str] | None
) -> Response:
    """Under a key the answer is made within the transaction, because it is kept there."""
    house = http.house(request)

    receipts: Sequence[operations.Receipt] = ()

    async def upsert(tx: Transaction) -> Response | None:
        nonlocal receipts
        now = house.clock()
        receipts = await operations.upsert_orders(house.db, tx, caller, reading.value, now=now, expected=expected)
        return _to_upserted(request, caller, receipts, reading) if call.has_key else None

    with _turned_away(request):
        response = await call.write(upsert)
    await house.db.turns.take()
    _count(request, receipts)
    return response or _to_upserted(request, caller, receipts, reading)


def _to_upserted(
    request: Request, caller: Caller, receipts: Sequence[operations.Receipt], reading: Reading[Any]
) -> Response:
    content: dict[str, Any] = {"data": [receipt.to_wire() for receipt in receipts]}
    if found := list(islice(_find_warnings(caller, receipts, reading), errors.MAX_LISTED + 1)):
        content["meta"] = {"warnings": found[: errors.MAX_LISTED]}
        if len(found) > errors.MAX_LISTED:
            content["meta"]["more_warnings"] = True
    headers = {"ETag": http.to_etag(receipts[0].version)} if len(receipts) == 1 else {}
    return http.json_response(content, status=_profile(request).upserted_status, headers=headers)


def _find_expected_of_one(request: Request, batch: Sequence[Any]) -> frozenset[str] | None:
    """A tag is one order's, so a batch that is sent under a condition holds one."""
    expected = http.find_expected(request)
    if expected is not None and len(batch) != 1:
        fault = errors.Fault("invalid", "A condition is for one order, this batch has more.", header="If-Match")
        raise errors.Invalid(fault)
    return expected


@router.get("/orders", openapi_extra=openapi.LIST)
async def list_orders(request: Request) -> Response:
    """A page of the account's orders."""
    caller = await auth.caller(request, scope="read:order")
    parameters = request.query_params.multi_items()

    async def read(tx: Transaction) -> pagination.Page:
        wanted = list_request.find_integrations(parameters)
        known = await integrations.find_known(tx, caller.account_id, wanted)
        asked = list_request.read_list_request(parameters, known=known)
        cursor = pagination.decode(asked.cursor)
        return await queries.list_orders(tx, caller.account_id, asked.filters, asked.sort, cursor, asked.page_size)

    page = await http.house(request).lists.read(read)
    id_is_text = _profile(request).id_is_text
    body = ",".join(queries.to_wire(row[-4:], id_is_text=id_is_text) for row in page.rows)
    return http.json_response(f'{{"data":[{body}]}}'.encode(), headers=http.page_links(request, page))


async def get_order(request: Request) -> Response:
    """One order."""
    id = http.find_id(request)
    _, row = await auth.caller_and_row(request, queries.GET_ORDER, scope="read:order", id=id)
    if row is None:
        raise errors.NotFound(queries.NOT_FOUND)
    body = f'{{"data":{queries.to_wire(row[-4:], id_is_text=_profile(request).id_is_text)}}}'
    return http.json_response(body.encode(), headers={"ETag": http.to_etag(row[0])})


router.add_api_route("/orders/{id}", get_order, openapi_extra=openapi.GET)


@router.patch("/orders/{id}", openapi_extra=openapi.PATCH)
async def patch_order(request: Request) -> Response:
    """Merge the fields sent into one order."""
    house = http.house(request)
    id = http.find_id(request)
    row = None
    if house.db.can_change_together:
        caller, row = await auth.caller_and_row(request, queries.ORDER_TO_PATCH, scope="write:order", id=id)
    else:
        caller = await auth.caller(request, scope="write:order")
    reading = schema.read_patch(await http.read_body(request, is_large=True))
    if reading.flaws:
        raise operations.to_invalid_patch(reading.flaws)
    expected = http.find_expected(request)
    found = None if row is None else queries.OrderToPatch(*row)
    with _turned_away(request):
        receipt = await operations.patch_read_order(
            house.db, caller, found, reading.value, now=house.clock(), expected=expected
        )
    if receipt is None:

        async def patch(tx: Transaction) -> operations.Receipt:
            now = house.clock()
            return await operations.patch_order(house.db, tx, caller, id, reading.value, now=now, expected=expected)

        receipt = await _write(request, patch)
    _count(request, [receipt])
    answer: dict[str, Any] = {"data": receipt.to_wire()}
    odd = [("invalid", to_odd(flaw), flaw.path) for flaw in reading.odd]
    odd += [("shipment_stale", _to_stale(name), path) for path, name in receipt.outdated]
    if odd:
        told = [(code, detail, errors.to_pointer(path)) for code, detail, path in odd]
        answer["meta"] = {"warnings": [{"code": c, "detail": d, "source": {"pointer": p}} for c, d, p in told]}
    return http.json_response(answer, headers={"ETag": http.to_etag(receipt.version)})


_ORDERS, _ORDER = re.compile(r"/api/v3/orders"), re.compile(r"/api/v3/orders/(?P<id>[^/]+)")

# The hottest routes go around the framework, which costs more than a read does.
SHORTCUTS = [
    http.Shortcut("GET", _ORDER, "/api/v3/orders/{id}", get_order),
    http.Shortcut("POST", _ORDERS, "/api/v3/orders", upsert_orders),
    http.Shortcut("GET", _ORDERS, "/api/v3/orders", list_orders),
    http.Shortcut("PATCH", _ORDER, "/api/v3/orders/{id}", patch_order),
]


@router.delete("/orders/{id}", status_code=204, openapi_extra=openapi.DELETE)
async def delete_order(request: Request) -> Response:
    """Take an order away; its shipments, labels and history stay."""
    house = http.house(request)
    caller = await auth.caller(request, scope="write:order")
    id = http.to_id(request, operations.no_such_order())
    expected = http.find_expected(request)

    async def remove(tx: Transaction) -> None:
        await operations.delete_order(house.db, tx, caller, id, now=house.clock(), expected=expected)

    await _write(request, remove)
    house.meters.count("orders", "deleted")
    return Response(status_code=204)


@extensions.get("/orders/{id}/history", openapi_extra=openapi.HISTORY)
async def list_history(request: Request) -> Response:
    """Who changed an order, when and what, newest first; also of a deleted one."""
    caller = await auth.caller(request, scope="read:order")
    id = http.to_id(request, queries.NOT_FOUND)
    asked = list_request.read_list_request(request.query_params.multi_items(), only=("page_size",))
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


async def _write(request: Request, work: Callable[[Transaction], Awaitable[T]]) -> T:
    """In a transaction on orders."""
    with _turned_away(request):
        return await http.house(request).db.attempt(work)


@contextmanager
def _turned_away(request: Request) -> Iterator[None]:
    """When the turn of a write on orders does not come in time, the profile's conflict is the answer."""
    try:
        yield
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
    caller: Caller, receipts: Sequence[operations.Receipt], reading: Reading[Any]
) -> Iterator[dict[str, Any]]:
    """What is odd but no reason to refuse, each with its place: keys that were dropped, entries that contradict each
    other, then values."""
    for path in reading.unknown:
        yield _to_warning("unknown_field", "This key is unknown and was not stored.", path)
    for flaw in reading.odd:
        yield _to_warning("invalid", to_odd(flaw), flaw.path)
    for found in warnings.find_contradictions(reading.value, [receipt.id for receipt in receipts]):
        told = _to_warning("contradiction", found.detail, (found.later, *found.path))
        yield {**told, "meta": {"pointers": [errors.to_batch_pointer((at, *found.path)) for at in found[:2]]}}
    for index, receipt in enumerate(receipts):
        for path, name in receipt.outdated:
            yield _to_warning("shipment_stale", _to_stale(name), (index, *path))
    odd = {flaw.path[0] for flaw in reading.odd}
    for index, receipt in enumerate(receipts):
        is_plain = receipt.outcome == "created" and index not in odd
        for warning in warnings.find_warnings(receipt.order, caller.country_code, is_plain=is_plain):
            yield _to_warning(warning.code, warning.detail, (index, *warning.path))


def _to_stale(name: str) -> str:
    return f"The order has a label that was made before this change: cancel or confirm its shipment ({name})."


def to_odd(flaw: Flaw) -> str:
    return f"{flaw.detail}; what was sent is stored as it is."


def _to_warning(code: str, detail: str, path: errors.Path) -> dict[str, Any]:
    return {"code": code, "detail": detail, "source": {"pointer": errors.to_batch_pointer(path)}}
