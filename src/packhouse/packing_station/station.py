"""One scan at a bench, from what the scanner said to what the screen says: a transaction each.

A scan is, in this order: one that was handled already (its key was sent before), a command, an item or a quantity of
the order that is open, and where none is open an order or the only item of one. While a decision is asked for, nothing
but its two answers is taken.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from packhouse.accounts.schema import Caller
from packhouse.kit.db import Transaction
from packhouse.kit.messages import foreign, from_stored, message
from packhouse.orders import plain
from packhouse.orders.search import OrderRow
from packhouse.packing_station import batching, counting, finding, guards, operations, packing, queries, schema, serials
from packhouse.packing_station.queries import OPEN, Packing
from packhouse.packing_station.turn import ASK, GOOD, QUIET, WRONG, Outcome, Scan, Turn
from packhouse.shipping.setup.options import Options

_NOTHING_OPEN = message("No order is open. Scan a slip, a label or an order number.")


async def take(
    tx: Transaction, caller: Caller, bench_id: int, scan: Scan, options: Options, *, now: datetime
) -> Outcome:
    """Handle a scan. Raises NotFound where the bench is gone."""
    bench = await queries.get_bench(tx, caller.account_id, bench_id, lock=True)
    if bench.last_scan == scan.key and bench.told is not None:
        # Its label may not have been made when the answer was lost: asking for it again is harmless.
        return Outcome(QUIET, foreign(""), None)
    turn = Turn(tx, caller, bench, scan, options, now)
    outcome = await _handle(turn)
    await operations.tell(tx, caller.account_id, bench.id, outcome.tone, outcome.words, text=scan.text, key=scan.key)
    return outcome


async def _handle(turn: Turn) -> Outcome:
    command = schema.find_command(turn.scan.text)
    if turn.bench.asks is not None:
        return await _answer(turn, turn.bench.asks, command)
    if command is not None:
        kind, _, reason = command.partition(":")
        return await _COMMANDS[kind](turn, reason)
    if (batch_id := schema.find_batch(turn.scan.text)) is not None:
        return await batching.take_over(turn, batch_id)
    if turn.bench.order_id is not None and (found := await _load_open(turn)) is not None:
        return await _count(turn, *found)
    return await _open(turn)


async def _load_open(turn: Turn) -> tuple[Any, Packing] | None:
    """The order that is open at this bench and its packing, locked; None where it was deleted meanwhile."""
    order_id = turn.bench.order_id or 0
    row = await packing.lock_order(turn, order_id)
    found = await queries.find_packing(turn.tx, turn.account_id, order_id, lock=True)
    if row is None or found is None or found.bench_id != turn.bench.id or found.state != OPEN:
        await operations.open_at(turn.tx, turn.account_id, turn.bench.id, None)
        return None
    return row, found


async def _count(turn: Turn, row: OrderRow, found: Packing) -> Outcome:
    """An item, a quantity or a weight of the order that is open."""
    order = plain.read(row.document)
    if guards.to_goods(order) != found.goods:
        return await packing.ask_about_change(turn, row, found)
    lines = counting.to_lines(order, found.acts)
    text = turn.scan.text
    if (piece := serials.find_piece(lines, text)) is not None:
        return await _count_piece(turn, row, found, piece)
    same = counting.find_lines(lines, text)
    if same:
        return await _count_item(turn, row, found, same)
    if turn.scan.is_typed and (quantity := counting.read_quantity(text)) is not None:
        return await _count_many(turn, row, found, lines, quantity)
    if (grams := counting.read_grams(text)) is not None:
        await packing.act(turn, found, ["weight", grams])
        return Outcome(GOOD, message("This box weighs {grams} g.", grams=grams))
    ids = await finding.find_orders(turn)
    if ids == [found.order_id]:  # its slip again, or a further line of its label's QR code
        return Outcome(QUIET, message("{number} is open already.", number=found.order_number))
    return Outcome(WRONG, await finding.describe_stranger(turn, found, order, ids))


async def _count_piece(turn: Turn, row: OrderRow, found: Packing, piece: serials.Piece) -> Outcome:
    """One piece, by its serial number: no other has it, in this order or in another."""
    serial = piece.serial
    if serials.is_counted(found.acts, serial):
        await turn.record(found.order_id, "serial_twice", code=serial)
        return Outcome(WRONG, message("The serial number {serial} was scanned already.", serial=serial))
    line = next((line for line in piece.lines if line.left), None)
    if line is None:
        return await _tell_surplus(turn, found, piece.lines)
    other = await serials.take(turn.tx, turn.caller, found, line, serial, now=turn.now)
    if other is not None:
        await turn.record(found.order_id, "serial_twice", code=serial)
        told = message("The serial number {serial} was packed in {other} already.", serial=serial, other=other)
        return Outcome(WRONG, told)
    return await _add(turn, row, found, line, 1, serial)


async def _tell_surplus(turn: Turn, found: Packing, same: Sequence[counting.Line]) -> Outcome:
    name, wanted = foreign(str(same[0].item["name"])), sum(int(line.item["quantity"]) for line in same)
    await turn.record(found.order_id, "surplus", code=turn.scan.text)
    return Outcome(WRONG, message("One too many: all {wanted} of {name} are in.", wanted=wanted, name=name))


async def _count_item(turn: Turn, row: OrderRow, found: Packing, same: list[counting.Line]) -> Outcome:
    line = next((line for line in same if line.left), None)
    if line is None:
        return await _tell_surplus(turn, found, same)
    count = line.left if turn.bench.settings.verify == "once" else 1
    return await _add(turn, row, found, line, count)


async def _count_many(
    turn: Turn, row: OrderRow, found: Packing, lines: list[counting.Line], quantity: counting.Quantity
) -> Outcome:
    """So many more, or in all, of the item that was counted last."""
    last = counting.find_last(found.acts)
    line = next((line for line in lines if line.place == last), None)
    if line is None:
        return Outcome(WRONG, message("A number says how many there are of the item that was scanned last. Scan one."))
    more = quantity.pieces if quantity.is_more else quantity.pieces - line.counted
    name = foreign(str(line.item["name"]))
    if more > line.left:
        return Outcome(WRONG, message("Too many: {left} of {name} are to go.", left=line.left, name=name))
    if more == 0:
        return Outcome(GOOD, message("{count} of {name}, as before.", count=line.counted, name=name))
    return await _add(turn, row, found, line, more)


async def _add(
    turn: Turn, row: OrderRow, found: Packing, line: counting.Line, count: int, serial: str | None = None
) -> Outcome:
    act: counting.Act = ["count", line.place, count]
    found = await packing.act(turn, found, act if serial is None else [*act, serial])
    lines = counting.to_lines(plain.read(row.document), found.acts)
    if counting.is_complete(lines):
        return await packing.finish(turn, row, found)
    counted, wanted = line.counted + count, line.item["quantity"]
    name = foreign(str(line.item["name"]))
    return Outcome(GOOD, message("{name}: {counted} of {wanted}.", name=name, counted=counted, wanted=wanted))


async def _open(turn: Turn) -> Outcome:
    """An order by its slip, its label or its number, the next of one's batch that needs the item that was scanned, or
    the oldest that needs just that item."""
    ids = await finding.find_orders(turn)
    if not ids and (order_id := await batching.find_by_item(turn)) is not None:
        return await _open_with_item(turn, order_id)
    if not ids and turn.bench.settings.singles:
        return await _open_single(turn)
    if not ids:
        return Outcome(WRONG, message("Nothing is known by “{text}”.", text=turn.scan.text))
    if len(ids) > 1:
        return Outcome(
            WRONG,
            message(
                "{count} orders are called “{text}”: open the right one on the page.",
                count=len(ids),
                text=turn.scan.text,
            ),
        )
    if await finding.is_further_line(turn, ids[0]):
        return Outcome(QUIET, message("Scan the next one."))
    return await packing.open_order(turn, ids[0])


async def _open_single(turn: Turn) -> Outcome:
    id = await finding.find_single(turn)
    if id is None:
        detail = message("No order needs just one of “{text}”, and no order has that number.", text=turn.scan.text)
        return Outcome(WRONG, detail)
    return await _open_with_item(turn, id)


async def _open_with_item(turn: Turn, id: int) -> Outcome:
    """The item that was scanned is in it already: it is counted at once."""
    outcome = await packing.open_order(turn, id)
    bench = await queries.get_bench(turn.tx, turn.account_id, turn.bench.id)
    opened = turn._replace(bench=bench)
    if outcome.tone != GOOD or (found := await _load_open(opened)) is None:
        return outcome
    return await _count(opened, *found)


async def _answer(turn: Turn, asks: Mapping[str, Any], command: str | None) -> Outcome:
    """To what the screen asks: yes, no, and nothing else."""
    if command not in ("yes", "no"):
        if await finding.find_orders(turn) == [asks["order_id"]]:  # a further line of the label's QR code
            return Outcome(ASK, from_stored(asks["words"]))
        return Outcome(WRONG, message("Decide first: scan GO or NO."))
    await operations.ask(turn.tx, turn.account_id, turn.bench.id, None)
    answered = turn._replace(bench=turn.bench._replace(asks=None))
    return await packing.decide(answered, asks, is_yes=command == "yes")


async def _finish(turn: Turn, _reason: str) -> Outcome:
    found = await _load_open(turn) if turn.bench.order_id is not None else None
    if found is None:
        return Outcome(WRONG, _NOTHING_OPEN)
    row, opened = found
    order = plain.read(row.document)
    if guards.to_goods(order) != opened.goods:
        return await packing.ask_about_change(turn, row, opened)
    left = sum(line.left for line in counting.to_lines(order, opened.acts))
    if left and turn.bench.settings.verify != "none":
        return Outcome(WRONG, message("Not yet: {left} pieces are to go.", left=left))
    return await packing.finish(turn, row, opened)


async def _cancel(turn: Turn, _reason: str) -> Outcome:
    return await packing.put_aside(turn, "")


async def _hold(turn: Turn, reason: str) -> Outcome:
    return await packing.put_aside(turn, reason or "other")


async def _next_order(turn: Turn, _reason: str) -> Outcome:
    """Open the next order of the batch that somebody is at."""
    if turn.bench.order_id is not None and (found := await _load_open(turn)) is not None:
        return Outcome(WRONG, message("Finish {number} first, or put it aside.", number=found[1].order_number))
    order_id = await batching.find_next(turn)
    if order_id is None:
        return Outcome(WRONG, message("You have no batch with an order that waits: take one, or scan a pick list."))
    return await packing.open_order(turn, order_id)


async def _next_box(turn: Turn, _reason: str) -> Outcome:
    found = await _load_open(turn) if turn.bench.order_id is not None else None
    if found is None:
        return Outcome(WRONG, _NOTHING_OPEN)
    boxes = counting.to_boxes(found[1].acts)
    if not any(boxes[-1].items.values()):
        return Outcome(WRONG, message("Box {number} is empty still.", number=len(boxes)))
    await packing.act(turn, found[1], ["box"])
    return Outcome(GOOD, message("Box {number}.", number=len(boxes) + 1))


async def _undo(turn: Turn, _reason: str) -> Outcome:
    found = await _load_open(turn) if turn.bench.order_id is not None else None
    if found is None or not found[1].acts:
        return Outcome(WRONG, message("There is nothing to undo."))
    await packing.undo(turn, found[1])
    return Outcome(GOOD, message("Undone."))


async def _reprint(turn: Turn, _reason: str) -> Outcome:
    return await packing.reprint(turn)


async def _no_question(_turn: Turn, _reason: str) -> Outcome:
    return Outcome(WRONG, message("Nothing was asked."))


_COMMANDS: dict[str, Callable[[Turn, str], Awaitable[Outcome]]] = {
    "done": _finish,
    "cancel": _cancel,
    "hold": _hold,
    "next": _next_order,
    "box": _next_box,
    "undo": _undo,
    "reprint": _reprint,
    "yes": _no_question,
    "no": _no_question,
}
