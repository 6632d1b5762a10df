"""What subscribers hear of orders. Thin on purpose: who wants the customer's data asks for the order, with a key."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Protocol

import orjson

from packhouse.kit import clock
from packhouse.orders import schema
from packhouse.webhooks.schema import ORDER_CREATED, ORDER_DELETED, ORDER_UPDATED, Event


class Written(Protocol):
    """An order as it was just written; `stored` is the row that was there before, if any."""

    @property
    def stored(self) -> object: ...
    @property
    def document(self) -> dict[str, Any]: ...
    @property
    def id(self) -> int: ...


def of_written(written: Iterable[Written], now: datetime) -> Iterator[Event]:
    """Made one by one as they are asked for: where nobody listens, none is."""
    for order in written:
        kind = ORDER_CREATED if order.stored is None else ORDER_UPDATED
        yield _to_event(kind, order.id, order.document, now)


def of_deleted(id: int, document: str, now: datetime) -> Iterator[Event]:
    yield _to_event(ORDER_DELETED, id, orjson.loads(document), now)


def _to_event(kind: str, id: int, document: dict[str, Any], now: datetime) -> Event:
    details = document["order_details"]
    integration_id = schema.to_integration_id(details["integration"]["id"]) or 0
    order = {
        "id": id,
        "order_id": document["order_id"],
        "order_number": document["order_number"],
        "integration_id": integration_id,
        "status": details["status"],
        "at": clock.to_wire(now),
    }
    return Event(kind, f"order:{id}", {"order": order}, integration_id)
