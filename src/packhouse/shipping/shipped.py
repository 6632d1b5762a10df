"""Parcels of shipped orders for files that shops import (`orders.files.write`)."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

import orjson

from packhouse.kit.db import Reader
from packhouse.orders.files.write import Parcel
from packhouse.shipping import queries

_NOT_SENT = ("cancelled", "failed")


async def list_parcels(tx: Reader, account_id: int, id: int, order: Mapping[str, Any], zone: tzinfo) -> list[Parcel]:
    """List the parcels of an order that have a tracking number and are not cancelled, oldest first, each with the day
    of `zone` on which it was sent."""
    shipments = await queries.list_shipments_of_order(tx, account_id, id)
    return [
        Parcel(
            order["order_id"],
            order["order_number"],
            parcel.tracking_number,
            parcel.tracking_url or "",
            orjson.loads(shipment.row.document)["carrier"]["name"],
            "",
            (shipment.row.announced_at or shipment.row.created_at).astimezone(zone).date(),
        )
        for shipment in reversed(shipments)
        if shipment.row.state not in _NOT_SENT
        for parcel in shipment.parcels
        if parcel.tracking_number
    ]
