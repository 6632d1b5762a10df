"""What a scanned text is: an order, the only item of one, or something that does not belong here."""

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.wire import pagination
from packhouse.orders import contents, plain, search
from packhouse.packing_station import counting, guards, queries, serials
from packhouse.packing_station.batches import queries as batches
from packhouse.packing_station.queries import HELD, LABELLING, OPEN, PACKED, Packing
from packhouse.packing_station.turn import Turn
from packhouse.shipping.setup import setup

_MOST_SINGLES = 500
_ONE_CODE = timedelta(seconds=2)
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)


async def find_orders(turn: Turn) -> list[int]:
    """Ids of the orders that were scanned. Of several of one number, the only one that has no label yet."""
    for text in _to_texts(turn.scan.text):
        ids = await queries.find_orders(turn.tx, turn.account_id, text)
        if len(ids) > 1:
            rows = await search.find_stored(turn.tx, turn.account_id, ids)
            waiting = [row.id for row in rows if not row.live_shipments]
            return waiting if len(waiting) == 1 else ids
        if ids:
            return ids
    return await serials.find_orders(turn.tx, turn.account_id, turn.scan.text)


async def is_further_line(turn: Turn, order_id: int) -> bool:
    """Whether this is the second or third line of the QR code of a label, which scanners send as scans of their own,
    after the first has come to a finished order."""
    known = await queries.find_packing(turn.tx, turn.account_id, order_id)
    if known is None or turn.scan.is_typed or known.state not in (LABELLING, PACKED):
        return False
    if known.bench_id != turn.bench.id or turn.now - known.updated_at >= _ONE_CODE:
        return False
    text = turn.scan.text.strip()
    is_number = search.fold(text) == search.fold(known.order_number)
    return not is_number and order_id in await queries.find_orders(turn.tx, turn.account_id, text)


def _to_texts(scanned: str) -> list[str]:
    """What was scanned, and for a code of GS1 or of a label the numbers in it: the QR code of a label has three lines,
    which some scanners send as one."""
    text = " ".join(scanned.split())
    found = [text, *(line for line in map(str.strip, scanned.splitlines()) if line and line != text)]
    if uuid := _UUID.search(text):
        found.append(uuid[0])
    squeezed = text.removeprefix("]C1").replace("(", "").replace(")", "")
    if squeezed.isdigit() and len(squeezed) == 20 and squeezed.startswith("00"):
        found.append(squeezed[2:])
    return [*found, squeezed] if squeezed not in found else found


def to_terms(text: str) -> list[str]:
    """Return what an item that was scanned may be written as among the terms that orders are found by."""
    return sorted({search.fold(form) for form in counting.to_forms(text)} - {""})


async def find_single(turn: Turn) -> int | None:
    """The oldest order that needs just one piece of what was scanned and that nothing speaks against."""
    terms = to_terms(turn.scan.text)
    rows = await search.list_oldest_with(turn.tx, turn.account_id, terms, _MOST_SINGLES)
    account = await setup.load_setup(turn.tx, turn.account_id, now=turn.now)
    for row in rows:
        order = plain.read(row.document)
        goods = contents.list_goods(order)
        if len(goods) != 1 or goods[0]["quantity"] != 1 or not counting.is_of(goods[0], turn.scan.text):
            continue
        if guards.find_questions(account, order, []):
            continue
        if await batches.find_membership(turn.tx, turn.account_id, row.id) is not None:
            continue
        known = await queries.find_packing(turn.tx, turn.account_id, row.id)
        if known is None or known.state not in (OPEN, LABELLING, HELD):
            return int(row.id)
    return None


async def describe_stranger(turn: Turn, found: Packing, order: Mapping[str, Any], ids: Sequence[int]) -> Message:
    """Say what was scanned that is not in the order, and what was expected. `ids` are the orders that it names."""
    text = turn.scan.text
    await turn.record(found.order_id, "wrong", code=text)
    for row in await search.find_stored(turn.tx, turn.account_id, ids[:1]):
        return message(
            "{other} is another order. Finish {number} first, or put it aside.",
            other=row.order_number,
            number=found.order_number,
        )
    expected = next((line.item for line in counting.to_lines(order, found.acts) if line.left), None)
    what = await _find_name(turn)
    if what is None:
        told = message("“{text}” is not in {number}.", text=text, number=found.order_number)
    else:
        told = message("“{name}” is not in {number}.", name=foreign(what), number=found.order_number)
    if expected is None:
        return told
    return message("{told} Expected: {name}.", told=told, name=foreign(str(expected["name"])))


async def _find_name(turn: Turn) -> str | None:
    """What an item of other orders is called."""
    for term in to_terms(turn.scan.text):
        wanted = search.Wanted(term, ())
        page = await search.list_found(turn.tx, turn.account_id, wanted, {}, "", pagination.Cursor(), 1)
        for row in page.rows:
            for item in contents.list_goods(plain.read(row.document)):
                if counting.is_of(item, turn.scan.text):
                    return str(item["name"])
    return None
