"""A batch of orders that is judged and not stored: what a POST would answer, and what would ship each order."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from packhouse import context
from packhouse.accounts import auth
from packhouse.accounts.schema import Caller
from packhouse.kit import errors, http
from packhouse.kit.http import repeats
from packhouse.kit.http.routing import Route
from packhouse.kit.wire.openapi import repeatable
from packhouse.kit.wire.validation import Parsed
from packhouse.orders import notices, operations, plain, schema
from packhouse.orders.operations import Judgement
from packhouse.shipping import openapi
from packhouse.shipping.setup import rules, setup
from packhouse.shipping.setup.setup_schema import Setup

REFUSED = "refused"


async def validate_orders(request: Request) -> Response:
    """Judge up to 100 orders as POST would, and store nothing: what would become of each, its errors and warnings, and
    the option that would ship it."""
    caller = await auth.caller(request)
    unknown_ids = http.find_unknown_partners(request)
    body = await http.read_body(request)

    async def work(_call: repeats.Call) -> Response:
        if unknown_ids:
            raise errors.Invalid(unknown_ids)
        return await _judge(request, caller, body)

    return await repeats.answer_once(request, caller.account_id, body, work)


async def _judge(request: Request, caller: Caller, body: bytes) -> Response:
    ctx = context.of(request)
    reading = await schema.read_batch_stepwise(body)
    batch = reading.value
    if not isinstance(batch, list) or any(not flaw.path for flaw in reading.flaws):  # no batch to judge one by one
        raise errors.Invalid(operations.to_faults(reading.flaws))
    found = await setup.read_setup(ctx.db, caller.account_id, now=ctx.clock())
    async with ctx.db.read() as tx:
        judged = await operations.judge_orders(tx, caller.account_id, batch, reading.flaws)
    told = _list_warnings(caller, judged, reading)
    data = [
        _to_wire(entry, judgement, told.get(at, []), found)
        for at, (entry, judgement) in list(enumerate(zip(batch, judged, strict=True)))
    ]
    return http.json_response({"data": data, "meta": {"would_be_stored": all(j.receipt is not None for j in judged)}})


def _list_warnings(
    caller: Caller, judged: Sequence[Judgement], reading: Parsed[Any]
) -> dict[Any, list[dict[str, Any]]]:
    """By entry, as many in all as an answer lists."""
    receipts = [judgement.receipt for judgement in judged]
    listed: dict[Any, list[dict[str, Any]]] = {}
    left = errors.MAX_LISTED
    for path, warning in notices.find_warnings(caller.country_code, receipts, reading):
        if not left:
            break
        left -= 1
        listed.setdefault(path[0], []).append(warning)
    return listed


def _to_wire(entry: Any, judgement: Judgement, told: list[dict[str, Any]], found: Setup) -> dict[str, Any]:
    receipt = judgement.receipt
    faults = operations.to_faults(judgement.flaws)[: errors.MAX_LISTED]
    sent: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {}
    wire: dict[str, Any] = {
        "outcome": REFUSED if receipt is None else receipt.outcome,
        "id": None if receipt is None or receipt.id < 0 else receipt.id,
        "order_id": sent.get("order_id") if receipt is None else receipt.order_id,
        "order_number": sent.get("order_number") if receipt is None else receipt.order_number,
        "order": None if receipt is None else receipt.order,
        "errors": [fault.to_wire(errors.Invalid.status) for fault in faults],
        "warnings": told,
    }
    return {**wire, "shipping": None if receipt is None else _choose(found, receipt.order)}


def _choose(found: Setup, order: Mapping[str, Any]) -> dict[str, Any]:
    """What would ship the order, rules applied."""
    integration_id = operations.to_key(order)[0]
    choice = rules.choose(found, {}, plain.to_plain(order), integration_id or 0, apply_rules=True)
    return {
        "shipping_option_code": choice.option_code,
        "contract_id": choice.contract_id,
        "sender_address_id": choice.sender_address_id,
        "decided_by": choice.source,
        "matched_rule_id": choice.rule_id,
        "is_held": choice.is_held,
    }


ROUTES = [
    Route(
        "POST",
        "/api/packhouse/orders/validate",
        validate_orders,
        repeatable(openapi.VALIDATE),
        tag="Orders",
        scope="read:order",
        is_large=True,
    ),
]
