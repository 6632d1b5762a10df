"""What an integration's own webhook hears of it."""

from datetime import datetime
from typing import Any

import orjson

from packhouse.integrations.queries import IntegrationRow
from packhouse.kit import clock
from packhouse.kit.db import Transaction
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.schema import INTEGRATION_CONNECTED, INTEGRATION_DELETED, INTEGRATION_UPDATED

CONNECTED, UPDATED, DELETED = INTEGRATION_CONNECTED, INTEGRATION_UPDATED, INTEGRATION_DELETED


async def publish(tx: Transaction, row: IntegrationRow, action: str, *, now: datetime) -> None:
    """Nothing is written for an integration that has no active webhook."""
    wire = _to_wire(row)
    event = webhooks.OwnEvent(wire, action, f"integration:{row.id}", {"integration": wire})
    await webhooks.notify_integrations(tx, row.account_id, [event], now=now)


def _to_wire(row: IntegrationRow) -> dict[str, Any]:
    shown = {
        "id": row.id,
        "shop_name": row.shop_name,
        "shop_url": row.shop_url,
        "system": row.type,
        "failing_since": _to_time(row.started_failing_at),
        "last_fetch": _to_time(row.last_fetched_at),
        "last_updated_at": _to_time(row.updated_at),
        "service_point_enabled": row.service_point_enabled,
        "service_point_carriers": orjson.loads(row.service_point_carriers),
        "webhook_active": row.webhook_active,
        "webhook_url": row.webhook_url,
    }
    return {name: value for name, value in shown.items() if name != "shop_url" or value is not None}


def _to_time(instant: Any) -> str | None:
    return None if instant is None else clock.to_wire(instant)
