"""Events of parcels, stored and published when a parcel's status changes. Events for subscriptions identify the parcel
and no customer, like those of orders; a shop's own webhook gets the whole parcel."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import insert, select

from packhouse.integrations import queries as integrations
from packhouse.integrations.queries import IntegrationRow
from packhouse.kit import clock
from packhouse.kit.data import places
from packhouse.kit.db import Reader, Transaction
from packhouse.shipping.tables import parcel_events, shipments
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.schema import PARCEL_EVENT, PARCEL_STATUS_CHANGED, Event


class ParcelChange(NamedTuple):
    """A parcel's row after a change, and its shipment and shop. `at` is when it happened, if that was earlier than
    now."""

    integration_id: int
    shipment_uuid: str
    parcel: Mapping[str, Any]
    at: datetime | None = None


class _Meaning(NamedTuple):
    """A status in the terms of parcel events."""

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
    "1998": _Meaning("cancelled", "cancelled_upstream", "warning"),
    "94": _Meaning("announced", "cancellation_failed", "warning"),
    "1": _Meaning("announced"),
    "13": _Meaning("announced", "handover_delay", "warning"),
    "15": _Meaning("announced", "handover_delay", "error"),
    "22": _Meaning("accepted"),
    "62990": _Meaning("in_transit"),
    "7": _Meaning("in_transit"),
    "6": _Meaning("in_transit", "sorting_delay", "warning"),
    "62989": _Meaning("customs"),
    "4": _Meaning("in_transit", "delivery_delay", "warning"),
    "62993": _Meaning("in_transit", "changed"),
    "62994": _Meaning("in_transit", "changed"),
    "62995": _Meaning("in_transit", "changed"),
    "93": _Meaning("delivered"),
    "62991": _Meaning("attempted", "refused", "error"),
    "62992": _Meaning("attempted", "returned_sender", "warning"),
    "62997": _Meaning("attempted", "address_error", "error"),
    "62996": _Meaning("in_transit", "unknown", "error"),
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


def find_meaning(code: str) -> _Meaning:
    return _MEANINGS.get(code, _UNKNOWN)


async def publish(tx: Transaction, account_id: int, told: Sequence[ParcelChange], *, now: datetime) -> None:
    """Store what has happened, and notify subscribers and the shops' own webhooks."""
    await _keep(tx, account_id, told, now)
    if await webhooks.has_subscribers(tx, account_id, PARCEL_EVENT):
        found = await _find_shipments(tx, account_id, {each.shipment_uuid for each in told})
        await webhooks.notify(tx, account_id, _to_events(told, found, now), now=now)
    rows = await integrations.list_some(tx, account_id, {each.integration_id for each in told})
    shops = {row.id: row for row in rows if row.webhook_active and row.webhook_url}
    heard = [each for each in told if each.integration_id in shops]
    found = await _find_shipments(tx, account_id, {each.shipment_uuid for each in heard}) if heard else {}
    events = [_to_own(shops[each.integration_id], each, found[each.shipment_uuid], now) for each in heard]
    await webhooks.notify_integrations(tx, account_id, events, now=now)


async def _keep(tx: Transaction, account_id: int, told: Sequence[ParcelChange], now: datetime) -> None:
    ids = await tx.next_ids("parcel_events", len(told)) if told else ()
    rows = [
        {
            "account_id": account_id,
            "parcel_id": each.parcel["id"],
            "id": id,
            "at": each.at or now,
            "status_code": each.parcel["status_code"],
            "status_message": each.parcel["status_message"],
        }
        for id, each in zip(ids, told, strict=True)
    ]
    if rows:
        await tx.execute(insert(parcel_events), rows)


class _Shipped(NamedTuple):
    """What events tell of a shipment."""

    uuid: str
    announced_at: datetime | None
    order_number: str
    external_reference_id: str | None
    document: str


def _to_own(row: IntegrationRow, each: ParcelChange, shipment: _Shipped, now: datetime) -> webhooks.OwnEvent:
    shop = {"id": row.id, "webhook_active": True, "webhook_url": row.webhook_url}
    more = {"parcel": _to_parcel(each, shipment), "carrier_status_change_timestamp": int(now.timestamp() * 1000)}
    return webhooks.OwnEvent(shop, PARCEL_STATUS_CHANGED, f"parcel:{each.parcel['id']}", more)


async def _find_shipments(tx: Reader, account_id: int, uuids: set[str]) -> dict[str, _Shipped]:
    s = shipments.c
    columns = (s.uuid, s.announced_at, s.order_number, s.external_reference_id, s.document)
    statement = select(*columns).where(s.account_id == account_id, s.uuid.in_(sorted(uuids)))
    return {row.uuid: row for row in await tx.fetch_all(statement, into=_Shipped)}


def _to_events(told: Sequence[ParcelChange], found: Mapping[str, _Shipped], now: datetime) -> Iterator[Event]:
    for each in told:
        parcel, shipment = each.parcel, found[each.shipment_uuid]
        meaning = find_meaning(parcel["status_code"])
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


def _to_parcel(each: ParcelChange, shipment: _Shipped) -> dict[str, Any]:
    """Return the whole parcel as in the published webhook: the shop knows its customer already. Documents are left out,
    because their links need this server's base URL."""
    parcel, document = each.parcel, orjson.loads(shipment.document)
    to, code = document["to_address"], parcel["status_code"]
    contents = orjson.loads(parcel["document"])
    street, number = to.get("address_line_1") or "", to.get("house_number") or ""
    shown = {
        "id": parcel["id"],
        "name": to.get("name") or "",
        "company_name": to.get("company_name") or "",
        "address": " ".join(filter(None, (street, number))),
        "address_divided": {"street": street, **({"house_number": int(number)} if _is_number(number) else {})},
        "address_2": to.get("address_line_2") or "",
        "city": to.get("city") or "",
        "postal_code": to.get("postal_code") or "",
        "telephone": to.get("phone_number") or "",
        "date_created": clock.to_wire(parcel["created_at"]),
        "weight": contents["weight"]["value"],
        "status": {"id": int(code) if code.isdecimal() else 0, "message": parcel["status_message"]},
        "country": _to_country(to["country_code"]),
        "carrier": {"code": document["carrier"]["code"]},
        "shipment": {"id": parcel["shipment_id"], "name": document["ship_with"]["properties"]["shipping_option_code"]},
        "order_number": shipment.order_number,
        "external_order_id": document["order_id"] or "",
        "external_shipment_id": shipment.external_reference_id or "",
        "shipment_uuid": each.shipment_uuid,
    }
    if to.get("email"):
        shown["email"] = to["email"]
    if parcel["tracking_number"] is not None:
        shown |= {"tracking_number": parcel["tracking_number"], "tracking_url": parcel["tracking_url"]}
    return shown


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _to_country(code: str) -> dict[str, str]:
    long = places.to_iso_3(code)
    return {"iso_2": code, "name": places.to_printed_country(code), **({"iso_3": long} if long else {})}
