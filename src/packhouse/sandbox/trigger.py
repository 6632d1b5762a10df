"""Webhooks on request: an event of what the account has, sent as a real one would be."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from packhouse.integrations import events as integration_events
from packhouse.integrations import operations as integrations
from packhouse.integrations import queries as integration_queries
from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import foreign
from packhouse.kit.wire import pagination
from packhouse.orders import events as order_events
from packhouse.orders import plain, search
from packhouse.orders import queries as orders
from packhouse.orders.queries import ShippableOrder
from packhouse.sandbox.faults import refuse
from packhouse.sandbox.schema import Trigger
from packhouse.sandbox.world import World
from packhouse.shipping import events as parcel_events
from packhouse.shipping import operations as shipping
from packhouse.shipping import queries as shipments
from packhouse.shipping import staleness, statuses
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks import queries as deliveries
from packhouse.webhooks.queries import ConnectionRow, DeliveryRow
from packhouse.webhooks.schema import (
    EVENTS,
    INTEGRATION_CONNECTED,
    INTEGRATION_DELETED,
    INTEGRATION_UPDATED,
    ORDER_CREATED,
    ORDER_DELETED,
    ORDER_UPDATED,
    PARCEL_EVENT,
    PARCEL_STATUS_CHANGED,
    SHIPMENT_STALE,
)

OWN_EVENTS = (INTEGRATION_CONNECTED, INTEGRATION_UPDATED, INTEGRATION_DELETED, PARCEL_STATUS_CHANGED)
"""What an integration's own webhook is sent; all others go to subscriptions."""

_MOST = 200
Publish: TypeAlias = Callable[[Transaction, World, Trigger], Awaitable[None]]


async def trigger(world: World, sent: Trigger, inbox_url: Callable[[str], str]) -> list[dict[str, Any]]:
    """Publish an event; return the deliveries that are made of it. Raises Invalid, NotFound, and Conflict where nobody
    listens or there is nothing that the event could be about."""
    publish = _PUBLISHERS.get(sent["event"])
    if publish is None:
        raise refuse(f"The events are {', '.join(_PUBLISHERS)}.")

    async def work(tx: Transaction) -> list[Any]:
        if "inbox" in sent:
            await listen(tx, world, sent["event"], inbox_url(sent["inbox"]), _find_shop(world, sent))
        before = max((row.id for row in await _list_deliveries(tx, world, 1)), default=0)
        await publish(tx, world, sent)
        return [row for row in await _list_deliveries(tx, world) if row.id > before]

    async with world.gate.passing():
        made = await world.ctx.db.write(work)
    if not made:
        where = "the integration has no active webhook" if sent["event"] in OWN_EVENTS else "nobody subscribes to it"
        raise _conflict(f"Nobody is sent this event: {where}. Name an `inbox` to have it sent to /sandbox/inbox.")
    return [deliveries.delivery_to_wire(row) for row in made]


async def listen(tx: Transaction, world: World, event: str, url: str, integration_id: int) -> None:
    """Let an inbox receive an event: as the integration's own webhook, or by a subscription."""
    now, account_id = world.clock(), world.access.account_id
    if event in OWN_EVENTS:
        fields: dict[str, Any] = {"webhook_active": True, "webhook_url": url}
        await integrations.update_integration(tx, account_id, integration_id, fields, now=now)
        return
    known = [row for row in await deliveries.list_connections(tx, account_id) if _find_url(row) == url]
    if known:
        connection_id = known[0].id
    else:
        configuration: dict[str, Any] = {"url": url}
        connection_id = await webhooks.create_connection(tx, world.ctx.encryptor, account_id, configuration, now=now)
    same = await deliveries.list_subscriptions(tx, account_id, event_type=event)
    if all(row.connection_id != connection_id for row in same):
        wanted = {"connection_id": connection_id, "event_type": event}
        await webhooks.create_subscription(tx, account_id, wanted, now=now)


def _find_url(row: ConnectionRow) -> str:
    return str(deliveries.connection_to_wire(row)["configuration"]["url"])


async def _list_deliveries(tx: Reader, world: World, size: int = _MOST) -> list[DeliveryRow]:
    page = await deliveries.list_deliveries(tx, world.access.account_id, pagination.decode(None), size)
    return list(page.rows)


def _find_shop(world: World, sent: Trigger) -> int:
    return sent.get("integration_id", world.access.integration_id)


@dataclass
class _Written:
    """An order for `orders.events`; `stored` is None for a new one."""

    stored: object
    document: dict[str, Any]
    id: int


async def _find_order(tx: Reader, world: World, sent: Trigger) -> search.OrderRow | ShippableOrder:
    """The row of the order that is named, by our id or by its `order_id`, or else of the newest. Raises NotFound, and
    Conflict where there is none at all."""
    account_id, named = world.access.account_id, sent.get("order")
    if isinstance(named, str):
        selector = {"integration_id": _find_shop(world, sent), "order_id": named}
        return await shipping.find_order(tx, account_id, selector)
    if named is None:
        page = await orders.list_orders(tx, account_id, {}, "-pk", pagination.decode(None), 1)
        named = next((row.id for row in page.rows), None)
        if named is None:
            raise _conflict("There is no order yet: push one first.")
    found = await search.find_stored(tx, account_id, [named])
    if not found:
        raise errors.NotFound(errors.ErrorItem("not_found", foreign(f"There is no order {named}.")))
    return found[0]


async def _publish_order(tx: Transaction, world: World, sent: Trigger) -> None:
    row, now = await _find_order(tx, world, sent), world.clock()
    stored = None if sent["event"] == ORDER_CREATED else row
    written = _Written(stored, dict(plain.read(row.document)), row.id)
    is_deleted = sent["event"] == ORDER_DELETED
    events = (
        order_events.of_deleted(row.id, row.document, now) if is_deleted else order_events.of_written([written], now)
    )
    await webhooks.notify(tx, world.access.account_id, events, now=now)


async def _find_shipment(tx: Reader, world: World, sent: Trigger) -> shipments.Shipment:
    """The newest shipment of the order that is named, or of all."""
    if "order" in sent:
        order = await _find_order(tx, world, sent)
        found = await shipments.list_shipments_of_order(tx, world.access.account_id, order.id)
    else:
        page = await shipments.list_shipments(tx, world.access.account_id, {}, pagination.decode(None), 1)
        found = list(page.rows)
    if not found or not found[0].parcels:
        raise _conflict("There is no parcel: make a label first, with POST /api/v3/orders/create-label-sync.")
    return found[0]


async def _publish_parcel(tx: Transaction, world: World, sent: Trigger) -> None:
    """With a status, the parcel comes to it; without one, the event tells what the parcel has come to already."""
    found, now, account_id = await _find_shipment(tx, world, sent), world.clock(), world.access.account_id
    if "status" in sent:
        for parcel in found.parcels:
            code = statuses.to_number(sent["status"])
            await shipping.track_parcel(tx, account_id, parcel.id, code, None, now=now)
        return
    row = found.row
    changes = [parcel_events.ParcelChange(row.integration_id, row.uuid, each._asdict()) for each in found.parcels]
    await parcel_events.publish(tx, account_id, changes, now=now)


async def _publish_stale(tx: Transaction, world: World, sent: Trigger) -> None:
    row, now = (await _find_shipment(tx, world, sent)).row, world.clock()
    stale = (row.stale or "cancelled").split()
    await webhooks.notify(tx, world.access.account_id, staleness.to_events(row, stale, now), now=now)


async def _publish_integration(tx: Transaction, world: World, sent: Trigger) -> None:
    row = await integration_queries.get_integration(tx, world.access.account_id, _find_shop(world, sent))
    await integration_events.publish(tx, row, sent["event"], now=world.clock())


_PUBLISHERS: dict[str, Publish] = {
    **dict.fromkeys((INTEGRATION_CONNECTED, INTEGRATION_UPDATED, INTEGRATION_DELETED), _publish_integration),
    **dict.fromkeys((PARCEL_STATUS_CHANGED, PARCEL_EVENT), _publish_parcel),
    **dict.fromkeys((ORDER_CREATED, ORDER_UPDATED, ORDER_DELETED), _publish_order),
    SHIPMENT_STALE: _publish_stale,
}
assert set(_PUBLISHERS) == {*OWN_EVENTS, *EVENTS}  # noqa: S101 - an event that is added needs its line here


def _conflict(detail: str) -> errors.Conflict:
    return errors.Conflict(errors.ErrorItem("conflict", foreign(detail)))
