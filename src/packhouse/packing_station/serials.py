"""Serial numbers: which piece of an article is in which order.

A piece is known by its serial from a GS1 code that says one beside the GTIN, or because the order's item lists its
serials in the property `packhouse_serials`. One that is in an order cannot be packed into another, unless that one's
label was cancelled or its goods came back.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, text, update

from packhouse.kit.data import gs1, gtin
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.db.columns import Instant
from packhouse.orders import search
from packhouse.packing_station import counting, queries
from packhouse.packing_station.counting import Act, Line
from packhouse.packing_station.queries import PACKED, Packing
from packhouse.packing_station.tables import packed_serials
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping.operations import LIVE
from packhouse.shipping.schema import RETURN

PROPERTY = "packhouse_serials"
"""A property of an item: the serial numbers of its pieces, a list or a text with commas."""
_MOST_KNOWN = 10
_s = packed_serials.c

_INSERT_ONCE = text(
    "INSERT INTO packed_serials (account_id, folded, article, serial, order_id, order_number, packed_at) "
    "VALUES (:account_id, :folded, :article, :serial, :order_id, :order_number, :packed_at) "
    "ON CONFLICT (account_id, folded, article) DO NOTHING"
).bindparams(bindparam("packed_at", type_=Instant()))


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
    same = [line for line in lines if wanted and wanted in map(search.fold, list_serials(line.item))]
    return Piece(same, scanned.strip()) if same else None


def list_serials(item: Mapping[str, Any]) -> list[str]:
    """Return the serial numbers that an order says of an item."""
    told = (item.get("properties") or {}).get(PROPERTY)
    parts = told if isinstance(told, list) else re.split(r"[,;\n]", str(told or ""))
    return [found for part in parts if (found := str(part).strip())]


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
    tx: Transaction, account_id: int, packing: Packing, line: Line, serial: str, *, now: datetime
) -> str | None:
    """Have the order hold the piece. Returns the number of another order that holds it; then nothing was changed."""
    key = {"account_id": account_id, "folded": search.fold(serial), "article": to_article(line.item)}
    row = {"serial": serial, "order_id": packing.order_id, "order_number": packing.order_number, "packed_at": now}
    if await tx.change(_INSERT_ONCE, key | row):
        return None
    mine = [_s[name] == value for name, value in key.items()]
    known = await tx.fetch_one(select(packed_serials).where(*mine).with_for_update())
    if known is None:  # it was released while it was waited for
        return await take(tx, account_id, packing, line, serial, now=now)
    if known.order_id != packing.order_id and await _is_held(tx, account_id, known.order_id):
        return str(known.order_number)
    await tx.execute(update(packed_serials).where(*mine).values(row))
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


async def release(tx: Transaction, account_id: int, order_id: int, serial: str | None = None) -> None:
    """The order holds this piece no longer, or none at all."""
    mine = [_s.account_id == account_id, _s.order_id == order_id]
    if serial is not None:
        mine.append(_s.folded == search.fold(serial))
    await tx.execute(delete(packed_serials).where(*mine))


async def find_orders(tx: Reader, account_id: int, scanned: str) -> list[int]:
    """Ids of the orders that hold a piece with this serial number."""
    product = gs1.read_product(scanned)
    serial = product.serial if product is not None and product.serial else scanned
    mine = (_s.account_id == account_id, _s.folded == search.fold(serial))
    return list(await tx.fetch_values(select(_s.order_id).where(*mine).distinct().limit(_MOST_KNOWN)))
