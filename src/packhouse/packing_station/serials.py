"""Serial numbers at a bench: what a piece is known by, and whether it may be packed.

A piece is known by its serial from a GS1 code that says one beside the GTIN, or because the order's item lists its
serials in the property `packhouse_serials`. One that is in an order cannot be packed into another, unless that one's
label was cancelled or its goods came back. Search finds an order by the serials in it, so whatever changes them has
the order indexed anew.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from packhouse.accounts.schema import Caller
from packhouse.kit.data import gs1, gtin
from packhouse.kit.db import Reader, Transaction
from packhouse.orders import search, serials
from packhouse.packing_station import counting, queries
from packhouse.packing_station.counting import Act, Line
from packhouse.packing_station.queries import PACKED, Packing
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping.operations import LIVE
from packhouse.shipping.schema import RETURN


class Piece(NamedTuple):
    """What was scanned: the lines that it may be of, and its serial number."""

    lines: Sequence[Line]
    serial: str


def find_piece(lines: Sequence[Line], scanned: str) -> Piece | None:
    """Return the piece that a scanned text names, or None where it names none by a serial."""
    product = gs1.read_product(scanned)
    if product is not None and product.serial:
        same = counting.find_lines(lines, product.gtin)
        return Piece(same, product.serial) if same else None
    wanted = search.fold(scanned)
    same = [line for line in lines if wanted and wanted in map(search.fold, serials.list_serials(line.item))]
    return Piece(same, scanned.strip()) if same else None


def is_counted(acts: Sequence[Act], serial: str) -> bool:
    wanted = search.fold(serial)
    return any(search.fold(act[3]) == wanted for act in acts if act[0] == "count" and len(act) > 3)


def to_article(item: Mapping[str, Any]) -> str:
    """Return what two items that have the same serial numbers are known by."""
    digits = gtin.strip_separators(str(item.get("ean") or ""))
    if gtin.is_valid(digits):
        return digits.zfill(14)
    return search.fold(str(item.get("sku") or item["name"]))


async def take(
    tx: Transaction, caller: Caller, packing: Packing, line: Line, serial: str, *, now: datetime
) -> str | None:
    """Have the order hold the piece. Returns the number of another order that holds it; then nothing was changed."""
    account_id, piece = caller.account_id, serials.Piece(to_article(line.item), serial)
    holder = serials.Holder(packing.order_id, packing.order_number)
    changed = [packing.order_id]
    if not await serials.insert_piece(tx, account_id, piece, holder, now=now):
        known = await serials.find_holder(tx, account_id, piece)
        if known is None:  # it was released while it was waited for
            return await take(tx, caller, packing, line, serial, now=now)
        if known.order_id != packing.order_id:
            if await _is_held(tx, account_id, known.order_id):
                return known.order_number
            changed.append(known.order_id)
        await serials.move_piece(tx, account_id, piece, holder, now=now)
    await search.enqueue(tx, account_id, changed, caller.country_code, now)
    return None


async def _is_held(tx: Reader, account_id: int, order_id: int) -> bool:
    """Whether the pieces of an order are in its box still: not where its label was cancelled, nor where they came
    back."""
    packing = await queries.find_packing(tx, account_id, order_id)
    if packing is None or packing.state != PACKED:
        return packing is not None
    shipments = await shipping_queries.list_shipments_of_order(tx, account_id, order_id)
    kinds = {shipment.row.kind for shipment in shipments if shipment.row.state in LIVE}
    return bool(kinds) and RETURN not in kinds


async def release(tx: Transaction, caller: Caller, order_id: int, serial: str | None = None, *, now: datetime) -> None:
    """The order holds this piece no longer, or none at all."""
    if await serials.delete_pieces(tx, caller.account_id, order_id, serial):
        await search.enqueue(tx, caller.account_id, [order_id], caller.country_code, now)


async def find_orders(tx: Reader, account_id: int, scanned: str) -> list[int]:
    """Ids of the orders that hold a piece with this serial number."""
    product = gs1.read_product(scanned)
    return await serials.find_orders(
        tx, account_id, product.serial if product is not None and product.serial else scanned
    )
