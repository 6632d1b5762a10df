"""Summaries of the order that a label was made of, so that later changes of the order are noticed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from packhouse.orders import contents
from packhouse.shipping import holds
from packhouse.shipping.tables import ShipmentRow

ADDRESS, ITEMS, CANCELLED = "address", "items", "cancelled"
"""Why a shipment is stale."""


def to_mark(order: Mapping[str, Any] | None, status_codes: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """`order` is plain; None if it was deleted, which cancels it."""
    if order is None:
        return {CANCELLED: True}
    goods = [
        [item.get("item_id") or "", item.get("sku") or "", item["name"], item["quantity"]]
        for item in contents.list_goods(order)
    ]
    return {
        ADDRESS: _digest([order.get("shipping_address"), order.get("service_point_details")]),
        ITEMS: _digest(sorted(goods)),
        CANCELLED: holds.is_cancelled(order, status_codes),
    }


def of_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mark of a shipment from before marks existed, from what its carrier was told, which includes the
    address."""
    return {ADDRESS: _digest([document["to_address"], document.get("service_point_details")])}


def find_stale(made_of: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what both marks have and differs. An order that was cancelled when the label was made is no change."""
    stale = [kind for kind in (ADDRESS, ITEMS) if kind in made_of and kind in now and made_of[kind] != now[kind]]
    return [*stale, CANCELLED] if now[CANCELLED] and not made_of.get(CANCELLED) else stale


def _digest(value: Any) -> str:
    return hashlib.blake2s(orjson.dumps(value, option=orjson.OPT_SORT_KEYS), digest_size=12).hexdigest()


def read(row: ShipmentRow) -> dict[str, Any]:
    """Return the mark of a shipment; one of an earlier version has it in its document."""
    if row.order_mark is not None:
        return dict(orjson.loads(row.order_mark))
    return of_document(orjson.loads(row.document))
