"""A client of the Orders API: of a Packhouse server and of the published API alike (docs/client.md).

The distribution `packhouse-client` has it without the server; it is part of `packhouse[client]` too.
"""

from packhouse.client.calls import BatchError, Progress, Upserted
from packhouse.client.exchange import ApiError, ErrorItem, Event
from packhouse.client.models import Address, Integration, Label, NewOrder, Order, OrderItem, Parcel, Receipt, Shipment
from packhouse.client.runners import AsyncClient, Client
from packhouse.client.signatures import is_signed, sign

__all__ = [
    "Address", "ApiError", "AsyncClient", "BatchError", "Client", "ErrorItem", "Event", "Integration", "Label",
    "NewOrder", "Order", "OrderItem", "Parcel", "Progress", "Receipt", "Shipment", "Upserted", "is_signed", "sign",
]  # fmt: skip
