"""Push an order, ship it both ways and read it back, with the client that openapi-python-client made."""

import json
import sys

from generated import AuthenticatedClient, models
from generated.api.orders import get_order, list_orders, upsert_orders
from generated.api.shipping import create_label_sync, create_labels_async

url, token, order = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = AuthenticatedClient(base_url=url, token=token, prefix="Basic")

pushed = upsert_orders.sync(client=client, body=[models.Order.from_dict(order)])
listed = list_orders.sync(client=client, order_id=order["order_id"])
label = create_label_sync.sync(
    client=client,
    body=models.SyncCall(
        integration_id=order["order_details"]["integration"]["id"],
        order=models.SyncCallSelector(order_id=order["order_id"]),
    ),
)
later = create_labels_async.sync(
    client=client,
    body=models.AsyncCall.from_dict(
        {
            "integration_id": order["order_details"]["integration"]["id"],
            "orders": [{"order_id": order["order_id"]}],
        }
    ),
)
missing = get_order.sync(client=client, id=999999)
sys.stdout.write(
    json.dumps(
        {
            "pushed": pushed.data[0].order_id,
            "listed": [one.order_number for one in listed.data],
            "label": label.data.label.to_dict().keys() >= {"file"},
            "later": later.data[0].to_dict(),
            "missing": missing.errors[0].status,
        }
    )
)
