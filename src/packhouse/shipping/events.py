"""Events of parcels: built here, told where a parcel's status becomes new.

They name the parcel and no customer, as events of orders do.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from packhouse.integrations import queries as integrations
from packhouse.kit import clock
from packhouse.kit.db import Reader, Transaction
from packhouse.shipping.tables import shipments
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.schema import PARCEL_EVENT, PARCEL_STATUS_CHANGED, Event


class ParcelChange(NamedTuple):
    """A parcel's row as it has become, and of which shipment and shop it is."""

    integration_id: int
    shipment_uuid: str
    parcel: Mapping[str, Any]


class _Meaning(NamedTuple):
    """A status in the words of parcel events."""

    phase: str
    exception: str = "none"
    status_type: str = "success"


_MEANINGS = {
    "999": _Meaning("no_label"),
    "1000": _Meaning("ready_to_send"),
    "1001": _Meaning("announcing"),
    "1002": _Meaning("no_label", "announcement_failed", "error"),
    "1999": _Meaning("announced", "cancelling", "warning"),
    "2000": _Meaning("cancelled", "cancelled", "warning"),
    "2001": _Meaning("announced", "cancelling_upstream", "warning"),
    "22": _Meaning("accepted"),
    "3": _Meaning("in_transit"),
    "5": _Meaning("sorted"),
    "91": _Meaning("in_transit"),
    "92": _Meaning("in_delivery"),
    "8": _Meaning("attempted", status_type="warning"),
    "12": _Meaning("pup"),
    "80": _Meaning("attempted", "unknown", "error"),
    "11": _Meaning("delivered"),
}
_UNKNOWN = _Meaning("unknown", "unknown", "warning")


async def publish(tx: Transaction, account_id: int, told: Sequence[ParcelChange], *, now: datetime) -> None:
    """Subscribers, and the webhooks of the shops themselves."""
    if await webhooks.has_subscribers(tx, account_id, PARCEL_EVENT):
        found = await _find_shipments(tx, account_id, {each.shipment_uuid for each in told})
        await webhooks.notify(tx, account_id, _to_events(told, found, now), now=now)
    rows = await integrations.list_some(tx, account_id, {each.integration_id for each in told})
    shops = {row.id: row for row in rows if row.webhook_active and row.webhook_url}
    events = [_to_own(shops[each.integration_id], each, now) for each in told if each.integration_id in shops]
    await webhooks.notify_integrations(tx, account_id, events, now=now)


def _to_own(row: Any, each: ParcelChange, now: datetime) -> webhooks.OwnEvent:
    shop = {"id": row.id, "webhook_active": True, "webhook_url": row.webhook_url}
    more = {"parcel": _to_parcel(each), "carrier_status_change_timestamp": int(now.timestamp() * 1000)}
    return webhooks.OwnEvent(shop, PARCEL_STATUS_CHANGED, f"parcel:{each.parcel['id']}", more)


async def _find_shipments(tx: Reader, account_id: int, uuids: set[str]) -> dict[str, Any]:
    s = shipments.c
    statement = select(s.uuid, s.announced_at, s.document).where(s.account_id == account_id, s.uuid.in_(sorted(uuids)))
    return {row.uuid: row for row in await tx.fetch_all(statement)}


def _to_events(told: Sequence[ParcelChange], found: Mapping[str, Any], now: datetime) -> Iterator[Event]:
    for each in told:
        parcel, shipment = each.parcel, found[each.shipment_uuid]
        meaning = _MEANINGS.get(parcel["status_code"], _UNKNOWN)
        announced_at = shipment.announced_at
        data = {
            "parcel": {
                "parcel_id": parcel["id"],
                "tracking_number": parcel["tracking_number"],
                "carrier_code": orjson.loads(shipment.document)["carrier"]["code"],
                "announced_at": None if announced_at is None else clock.to_wire(announced_at),
            },
            "event": {
                "event_type": "internal",
                "timestamp": clock.to_wire(now),
                **meaning._asdict(),
                "sub_status": "none",
                "description": parcel["status_message"],
                "end_of_tracking": parcel["status_code"] in ("11", "2000"),
            },
        }
        yield Event(PARCEL_EVENT, f"parcel:{parcel['id']}", data, each.integration_id)


def _to_parcel(each: ParcelChange) -> dict[str, Any]:
    parcel = each.parcel
    code = parcel["status_code"]
    shown = {
        "id": parcel["id"],
        "date_created": clock.to_wire(parcel["created_at"]),
        "status": {"id": int(code) if code.isdecimal() else 0, "message": parcel["status_message"]},
        "shipment_uuid": each.shipment_uuid,
    }
    return shown if parcel["tracking_number"] is None else {**shown, "tracking_number": parcel["tracking_number"]}
