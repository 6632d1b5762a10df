"""The list by a column that no index is made for: offered where so few orders match that all of them are read and
sorted as quickly as a page of any other list (docs/decisions/0089-sorts-that-are-offered.md).
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from packhouse.kit.wire.pagination import Cursor
from packhouse.orders import plain, warnings
from packhouse.shipping import packing
from packhouse.web.frame import formats
from packhouse.web.orders import rows

MOST = 1_000
# Of one stretch that nobody can interrupt.
_BETWEEN_BREATHS = 200

_Order = Mapping[str, Any]


def _to_total(order: _Order) -> list[Any]:
    """Amounts of one currency side by side: those of two cannot be compared."""
    price = order["payment_details"]["total_price"]
    amount = formats.to_decimal(price.get("value"))
    return [price.get("currency") or "", float(amount if amount is not None else -1)]


def _to_weight(order: _Order) -> float:
    weight = packing.find_weight(order)
    return -1.0 if weight is None else float(weight)


def _to_words(status: Mapping[str, Any]) -> str:
    return str(status.get("message") or status.get("code") or "").casefold()


# What an order is sorted by: a value that JSON keeps as it is. What an order does not say comes first. The second
# argument is the account's country, which decides what is odd.
KEYS: dict[str, Callable[[_Order, str], Any]] = {
    "recipient": lambda order, _: rows.find_recipient(order).casefold(),
    "country": lambda order, _: (order.get("shipping_address") or {}).get("country_code", ""),
    "items": lambda order, _: rows.count_items(order),
    "weight": lambda order, _: _to_weight(order),
    "total": lambda order, _: _to_total(order),
    "payment": lambda order, _: _to_words(order["payment_details"]["status"]),
    "status": lambda order, _: _to_words(order["order_details"]["status"]),
    "delivery": lambda order, _: ((order.get("shipping_details") or {}).get("delivery_indicator") or "").casefold(),
    "tags": lambda order, _: [tag.casefold() for tag in order["order_details"].get("tags") or ()],
    "warnings": lambda order, origin: sum(1 for _ in warnings.find_warnings(order, origin)),
}


async def to_places(found: Iterable[tuple[int, str]], sort: str, origin: str) -> list[list[Any]]:
    """Return, for ids and documents, the value that an order is sorted by, and its id."""
    find = KEYS[sort.removeprefix("-")]
    places = []
    for number, (id, document) in enumerate(found):
        places.append([find(plain.read(document), origin), id])
        if number % _BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
    return places


class Page(NamedTuple):
    ids: list[int]
    previous: Cursor | None
    next: Cursor | None


def find_page(places: Sequence[list[Any]], sort: str, cursor: Cursor, size: int) -> Page:
    """Keyset pages: a place is an order's value and id, so that orders may come and go meanwhile."""
    keyed = sorted(places, reverse=sort.startswith("-"))
    first = _find_first(keyed, sort, cursor)
    if cursor.backwards:
        first, last = max(0, first - size), first
    else:
        last = min(first + size, len(keyed))
    shown = keyed[first:last]
    previous = Cursor(_to_position(shown[0]), backwards=True) if shown and first > 0 else None
    following = Cursor(_to_position(shown[-1])) if shown and last < len(keyed) else None
    return Page([id for _, id in shown], previous, following)


def _find_first(keyed: Sequence[list[Any]], sort: str, cursor: Cursor) -> int:
    """The index of the first row beyond the cursor's place, or of the place itself backwards.

    A place of another sort is the start.
    """
    place = _read(cursor)
    if place is None:
        return 0
    try:
        if sort.startswith("-"):
            before = [key > place if cursor.backwards else key >= place for key in keyed]
        else:
            before = [key < place if cursor.backwards else key <= place for key in keyed]
    except TypeError:
        return 0
    return sum(before)


def _read(cursor: Cursor) -> list[Any] | None:
    try:
        place = orjson.loads(cursor.position or "")
    except orjson.JSONDecodeError:
        return None
    return place if isinstance(place, list) and len(place) == 2 else None


def _to_position(key: list[Any]) -> str:
    return orjson.dumps(key).decode()
