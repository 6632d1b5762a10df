"""What happens to an order at a bench: opened, counted, put aside, finished with a label, printed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import orjson

from packhouse.kit import errors, jobs
from packhouse.kit.messages import join, message
from packhouse.orders import plain
from packhouse.orders import queries as order_queries
from packhouse.orders.queries import FoundOrder
from packhouse.orders.search import OrderRow
from packhouse.packing_station import (
    batching,
    calls,
    counting,
    guards,
    operations,
    print_jobs,
    queries,
    schema,
    serials,
)
from packhouse.packing_station.batches import operations as batches
from packhouse.packing_station.queries import CLOSED, FAILED, HELD, LABELLING, OPEN, Packing
from packhouse.packing_station.turn import ASK, DONE, GOOD, QUIET, WRONG, Outcome, Turn
from packhouse.shipping import announce, staleness
from packhouse.shipping import operations as shipping
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping.setup import setup

JOB = "packing.print"
"""Writes the print jobs of an order whose label is there: due soon after the label was asked for, so that nobody who
dies in between leaves a label unprinted."""
FIRST_LOOK = timedelta(seconds=2)


async def lock_order(turn: Turn, order_id: int) -> FoundOrder | None:
    """The order's row, locked, so that two benches that open it come one after the other; None where it is gone."""
    return await order_queries.find_order(turn.tx, turn.account_id, order_id)


async def open_order(turn: Turn, order_id: int) -> Outcome:
    """Open it at this bench, or ask once about all that speaks against that."""
    row = await lock_order(turn, order_id)
    if row is None:
        await batches.tick_off(turn.tx, turn.account_id, order_id, is_packed=False, now=turn.now)
        return Outcome(WRONG, message("The order was deleted."))
    order = plain.read(row.document)
    known = await queries.find_packing(turn.tx, turn.account_id, order_id, lock=True)
    account = await setup.load_setup(turn.tx, turn.account_id, now=turn.now)
    live = guards.list_live(await shipping_queries.list_shipments_of_order(turn.tx, turn.account_id, order_id))
    bench_name = await _find_bench_name(turn, known)
    questions = guards.find_elsewhere(known, turn.bench.id, bench_name, live)
    questions += await batching.find_questions(turn, order_id)
    questions += guards.find_questions(account, order, live)
    if questions:
        words = guards.to_words(questions)
        told = operations.to_question(order_id, [question.kind for question in questions], words, turn.scan.text)
        told["number"] = order["order_number"]
        await operations.ask(turn.tx, turn.account_id, turn.bench.id, told)
        await turn.record(order_id, "asked", kinds=told["kinds"])
        return Outcome(ASK, words)
    return await _begin(turn, row, known, [])


async def _find_bench_name(turn: Turn, known: Packing | None) -> str:
    if known is None:
        return ""
    try:
        return (await queries.get_bench(turn.tx, turn.account_id, known.bench_id)).name
    except errors.NotFound:
        return "–"


async def _begin(turn: Turn, row: FoundOrder | OrderRow, known: Packing | None, confirmed: list[str]) -> Outcome:
    """What was counted of the very same goods goes on; whoever else had the order open is told."""
    order = plain.read(row.document)
    goods = guards.to_goods(order)
    goes_on = known is not None and known.state in (OPEN, CLOSED, HELD, FAILED) and known.goods == goods
    if known is not None and known.state == OPEN and known.bench_id != turn.bench.id:
        await _tell_other(turn, known)
    acts = known.acts if known is not None and goes_on else []
    if known is not None and not acts:
        await serials.release(turn.tx, turn.caller, row.id, now=turn.now)
    opened = Packing(
        row.id,
        order["order_number"],
        turn.bench.id,
        turn.caller.actor,
        OPEN,
        None,
        turn.now,
        acts,
        goods,
        confirmed,
        "",
    )
    await operations.keep(turn.tx, turn.account_id, opened, now=turn.now)
    await operations.open_at(turn.tx, turn.account_id, turn.bench.id, row.id)
    await turn.record(row.id, "opened", confirmed=confirmed)
    if turn.bench.settings.verify == "none":
        return await finish(turn, row, opened)
    number = order["order_number"]
    if counting.is_complete(counting.to_lines(order, acts)):
        return Outcome(GOOD, message("{number}: all is counted. DONE makes the label.", number=number))
    return Outcome(GOOD, message("{number} is open.", number=number))


async def _tell_other(turn: Turn, known: Packing) -> None:
    """The other bench's next scan must not be taken for anything else: its screen asks to be answered first."""
    words = message("{number} was taken over at {bench}.", number=known.order_number, bench=turn.bench.name)
    told = operations.to_question(known.order_id, ["taken_over"], words, "")
    await operations.open_at(turn.tx, turn.account_id, known.bench_id, None)
    await operations.ask(turn.tx, turn.account_id, known.bench_id, told | {"number": known.order_number})


async def decide(turn: Turn, asks: Mapping[str, Any], *, is_yes: bool) -> Outcome:
    """What was asked is answered: kept in the log, with all that it was about."""
    kinds, order_id = list(asks["kinds"]), int(asks["order_id"])
    if kinds == ["taken_over"]:
        return Outcome(QUIET, message("Scan the next one."))
    await turn.record(order_id, "confirmed" if is_yes else "left", kinds=kinds)
    known = await queries.find_packing(turn.tx, turn.account_id, order_id, lock=True)
    if not is_yes:
        if known is not None and known.state == OPEN and known.bench_id == turn.bench.id:
            await operations.keep(turn.tx, turn.account_id, known._replace(state=HELD, held="other"), now=turn.now)
            await operations.open_at(turn.tx, turn.account_id, turn.bench.id, None)
        await batching.leave(turn, order_id, kinds)
        return Outcome(QUIET, message("Left as it is. Scan the next one."))
    row = await lock_order(turn, order_id)
    if row is None:
        return Outcome(WRONG, message("The order was deleted."))
    await _confirm_stale(turn, order_id, kinds)
    if known is not None and turn.bench.order_id == order_id and "changed" not in kinds:
        known = known._replace(confirmed=[*known.confirmed, *kinds])
        await operations.keep(turn.tx, turn.account_id, known, now=turn.now)
        return await finish(turn, row, known)
    return await _begin(turn, row, known, kinds)


async def _confirm_stale(turn: Turn, order_id: int, kinds: list[str]) -> None:
    """Who packs an order that was changed after its label was made says that the label is right all the same."""
    if not any(kind.startswith("stale:") for kind in kinds):
        return
    for shipment in await shipping_queries.list_shipments_of_order(turn.tx, turn.account_id, order_id):
        if shipment.row.state in shipping.LIVE:
            await staleness.confirm(turn.tx, turn.account_id, shipment.row.uuid, now=turn.now)


async def ask_about_change(turn: Turn, row: FoundOrder | OrderRow, found: Packing) -> Outcome:
    """Its items are others than were counted so far."""
    words = message("{number} was changed while it was packed. Count it anew?", number=found.order_number)
    told = operations.to_question(row.id, ["changed"], words, turn.scan.text) | {"number": found.order_number}
    await operations.ask(turn.tx, turn.account_id, turn.bench.id, told)
    await turn.record(row.id, "asked", kinds=["changed"])
    return Outcome(ASK, words)


async def act(turn: Turn, found: Packing, done: counting.Act) -> Packing:
    """Something was counted, weighed or begun."""
    changed = found._replace(acts=[*found.acts, done], by=turn.caller.actor)
    await operations.keep(turn.tx, turn.account_id, changed, now=turn.now)
    code = str(done[3]) if len(done) > 3 else turn.scan.text
    await turn.record(found.order_id, done[0], values=done[1:], code=code)
    return changed


async def undo(turn: Turn, found: Packing) -> None:
    """Take back what was done last."""
    *before, last = found.acts
    await operations.keep(turn.tx, turn.account_id, found._replace(acts=before), now=turn.now)
    if last[0] == "count" and len(last) > 3:
        await serials.release(turn.tx, turn.caller, found.order_id, str(last[3]), now=turn.now)
    await turn.record(found.order_id, "undone", values=last)


async def put_aside(turn: Turn, reason: str) -> Outcome:
    """What was counted is kept. With a reason, the next who opens the order is told of it."""
    order_id = turn.bench.order_id
    found = await queries.find_packing(turn.tx, turn.account_id, order_id, lock=True) if order_id else None
    await operations.open_at(turn.tx, turn.account_id, turn.bench.id, None)
    if found is None or found.state != OPEN:
        return Outcome(WRONG, message("No order is open. Scan a slip, a label or an order number."))
    # Without a reason it is as if nobody had it: whoever scans it next goes on.
    changed = found._replace(state=HELD if reason else CLOSED, held=reason)
    await operations.keep(turn.tx, turn.account_id, changed, now=turn.now)
    await turn.record(found.order_id, "held" if reason else "closed", reason=reason)
    if reason:
        await batches.tick_off(turn.tx, turn.account_id, found.order_id, is_packed=False, now=turn.now)
        why = schema.HOLD_REASONS[reason]
        return Outcome(QUIET, message("{number} is put aside: {why}.", number=found.order_number, why=why))
    return Outcome(QUIET, message("{number} is closed. Scan the next one.", number=found.order_number))


async def finish(turn: Turn, row: FoundOrder | OrderRow, found: Packing) -> Outcome:
    """All is in: the label that the order has, or a new one. What speaks against it by now is asked first."""
    order = plain.read(row.document)
    account = await setup.load_setup(turn.tx, turn.account_id, now=turn.now)
    live = guards.list_live(await shipping_queries.list_shipments_of_order(turn.tx, turn.account_id, row.id))
    if questions := guards.find_questions(account, order, live, found.confirmed):
        words = guards.to_words(questions)
        told = operations.to_question(row.id, [question.kind for question in questions], words, turn.scan.text)
        await operations.ask(turn.tx, turn.account_id, turn.bench.id, told | {"number": found.order_number})
        await turn.record(row.id, "asked", kinds=told["kinds"])
        return Outcome(ASK, words)
    if live:
        shipment_id = int(live[0].row.id)
    else:
        try:
            shipment_id = await _ship(turn, order, found)
        except errors.ApiError as refusal:
            await turn.record(row.id, "refused")
            return Outcome(WRONG, join("\n", (fault.detail for fault in refusal.faults)))
    changed = found._replace(state=LABELLING, shipment_id=shipment_id, by=turn.caller.actor)
    await operations.keep(turn.tx, turn.account_id, changed, now=turn.now)
    await operations.open_at(turn.tx, turn.account_id, turn.bench.id, None)
    await batches.tick_off(turn.tx, turn.account_id, row.id, is_packed=True, now=turn.now)
    await turn.record(row.id, "packed", boxes=len(counting.to_boxes(found.acts)), shipment=shipment_id)
    due_at = turn.now + FIRST_LOOK
    await jobs.enqueue(turn.tx, turn.account_id, JOB, [{"order": row.id}], now=turn.now, due_at=due_at)
    return Outcome(DONE, message("{number} is packed.", number=found.order_number), row.id)


async def _ship(turn: Turn, order: Mapping[str, Any], found: Packing) -> int:
    """Raises ApiError; then nothing was written."""
    call = calls.to_call(order, counting.to_boxes(found.acts))
    due_at = turn.now + announce.GRACE
    shipped = await shipping.ship_orders(turn.tx, turn.caller, call, turn.options, now=turn.now, due_at=due_at)
    for refusal in shipped.faults.values():
        raise refusal
    return int(shipped.drafts[0].id)


async def reprint(turn: Turn) -> Outcome:
    """All that was printed of the order that is open, or else of the one that was printed here last."""
    order_id = turn.bench.order_id or await queries.find_last_printed(turn.tx, turn.account_id, turn.bench.id)
    rows = await queries.list_jobs_of_order(turn.tx, turn.account_id, turn.bench.id, order_id) if order_id else []
    # The latest of each kind.
    latest = {orjson.loads(row.document)["kind"]: row for row in rows}
    if not latest:
        return Outcome(WRONG, message("Nothing was printed here yet."))
    for row in latest.values():
        await print_jobs.print_again(turn.tx, turn.account_id, row, now=turn.now)
    await turn.record(rows[0].order_id, "reprinted", kinds=sorted(latest))
    return Outcome(QUIET, message("{number} is printed again.", number=rows[0].order_number))
