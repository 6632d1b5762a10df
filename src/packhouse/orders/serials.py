"""Serial numbers at rest: which piece of an article is in which order, by what was scanned into it.

Whether a piece may be packed is for the packing station to say (`packing_station.serials`); here stands what was said.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, delete, select, text, update

from packhouse.kit.db import Reader, Transaction
from packhouse.kit.db.columns import Instant
from packhouse.orders import words
from packhouse.orders.tables import packed_serials

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
    """One piece of an article, which all items of the same goods share."""

    article: str
    serial: str


class Holder(NamedTuple):
    """The order that a piece is in."""

    order_id: int
    order_number: str


def list_serials(item: Mapping[str, Any]) -> list[str]:
    """Return the serial numbers that an order says of an item."""
    told = (item.get("properties") or {}).get(PROPERTY)
    parts = told if isinstance(told, list) else re.split(r"[,;\n]", str(told or ""))
    return [found for part in parts if (found := str(part).strip())]


async def insert_piece(tx: Transaction, account_id: int, piece: Piece, holder: Holder, *, now: datetime) -> bool:
    """Note that a piece is in an order, unless it is in one already; return whether it was not."""
    row = {"account_id": account_id, "folded": words.fold(piece.serial), "article": piece.article}
    row |= {"serial": piece.serial, "packed_at": now, **holder._asdict()}
    return bool(await tx.change(_INSERT_ONCE, row))


async def find_holder(tx: Transaction, account_id: int, piece: Piece) -> Holder | None:
    """Find the order that a piece is in, locked."""
    statement = select(_s.order_id, _s.order_number).where(*_of(account_id, piece)).with_for_update()
    return await tx.fetch_one(statement, into=Holder)


async def move_piece(tx: Transaction, account_id: int, piece: Piece, holder: Holder, *, now: datetime) -> None:
    """Have another order hold the piece."""
    row = {"serial": piece.serial, "packed_at": now, **holder._asdict()}
    await tx.execute(update(packed_serials).where(*_of(account_id, piece)).values(row))


def _of(account_id: int, piece: Piece) -> tuple[Any, ...]:
    folded = words.fold(piece.serial)
    return (_s.account_id == account_id, _s.folded == folded, _s.article == piece.article)


async def delete_pieces(tx: Transaction, account_id: int, order_id: int, serial: str | None = None) -> int:
    """Let the order hold this piece no longer, or none at all; return how many it held."""
    mine = [_s.account_id == account_id, _s.order_id == order_id]
    if serial is not None:
        mine.append(_s.folded == words.fold(serial))
    return await tx.change(delete(packed_serials).where(*mine))


async def find_orders(tx: Reader, account_id: int, serial: str) -> list[int]:
    """Ids of the orders that hold a piece with this serial number."""
    mine = (_s.account_id == account_id, _s.folded == words.fold(serial))
    return list(await tx.fetch_values(select(_s.order_id).where(*mine).distinct().limit(_MOST_KNOWN)))


async def list_of_orders(tx: Reader, account_id: int, ids: Collection[int]) -> dict[int, set[str]]:
    """List the serial numbers that orders hold, folded, by the order's id."""
    statement = select(_s.order_id, _s.folded).where(_s.account_id == account_id, _s.order_id.in_(sorted(ids)))
    found: dict[int, set[str]] = {}
    for row in await tx.fetch_all(statement):
        found.setdefault(row.order_id, set()).add(row.folded)
    return found
