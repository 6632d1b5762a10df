"""A client of the Orders API: of a Packhouse server and of the published API alike (docs/client.md).

It needs `pip install 'packhouse[client]'` and nothing of the server: none of its modules is imported.
"""

from packhouse.client.calls import Integration, Order, Receipt
from packhouse.client.exchange import ApiError, ErrorItem
from packhouse.client.runners import AsyncClient, Client
from packhouse.client.signatures import is_signed, sign

__all__ = ["ApiError", "AsyncClient", "Client", "ErrorItem", "Integration", "Order", "Receipt", "is_signed", "sign"]
