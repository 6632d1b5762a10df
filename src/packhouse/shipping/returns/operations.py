"""Creates returns, inside the caller's transaction. Nothing here contacts a carrier."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import message
from packhouse.shipping import operations
from packhouse.shipping.draft import Draft
from packhouse.shipping.rates import queries as rates
from packhouse.shipping.returns import drafts, queries
from packhouse.shipping.returns.schema import Made
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.webhooks import operations as webhooks
from packhouse.webhooks.schema import RETURN_CREATED


async def ship_return(
    tx: Transaction,
    caller: Caller,
    sent: Mapping[str, Any],
    options: Options,
    *,
    now: datetime,
    due_at: datetime | None = None,
) -> Made:
    """Make a return, which the worker announces at `due_at`, unless somebody does so before. Raises Invalid; then
    nothing is made."""
    account_setup = await setup.load_setup(tx, caller.account_id, now=now)
    draft = await draft_return(tx, caller.account_id, account_setup, sent, options, now=now)
    await operations.make_shipments(tx, caller, [draft], options, now=now, due_at=due_at)
    await _publish(tx, caller.account_id, draft, sent, now)
    return Made(draft.id, draft.uuid, list(draft.parcel_ids))


async def draft_return(
    tx: Reader, account_id: int, account_setup: Setup, sent: Mapping[str, Any], options: Options, *, now: datetime
) -> Draft:
    """Draft a return. Raises Invalid."""
    reference = sent.get("external_reference")
    if reference and await queries.is_taken(tx, account_id, reference):
        detail = message("There is a return with this reference already.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("external_reference",))))
    account_setup.rates = await rates.list_in_force(tx, account_id, now.date())
    integration_id = await _find_shop(tx, account_id, sent.get("order_number"))
    return drafts.to_draft(account_setup, sent, options, integration_id)


async def _find_shop(tx: Reader, account_id: int, order_number: str | None) -> int:
    """Return the shop that shipped the order; the account's first if none did."""
    found = await queries.find_shop_of(tx, account_id, order_number) if order_number else None
    return found or await integrations.find_first(tx, account_id) or 0


async def _publish(tx: Transaction, account_id: int, draft: Draft, sent: Mapping[str, Any], now: datetime) -> None:
    """Notify the shop's own webhook."""
    row = await integrations.find_integration(tx, account_id, draft.order.integration_id)
    if row is None or not row.webhook_active or not row.webhook_url:
        return
    shop = {"id": row.id, "webhook_active": True, "webhook_url": row.webhook_url}
    event = webhooks.OwnEvent(shop, RETURN_CREATED, f"return:{draft.id}", {"data": _to_event(draft, sent)})
    await webhooks.notify_integrations(tx, account_id, [event], now=now)


_OF_ITEMS = ("item_id", "description", "quantity", "sku", "hs_code")


def _to_event(draft: Draft, sent: Mapping[str, Any]) -> dict[str, Any]:
    items = sent.get("parcel_items") or ()
    reasons = [number for item in items if (number := to_reason(item)) is not None]
    told = {
        "id": draft.id,
        "brand_id": draft.document.get("brand_id"),
        "order_number": draft.order.order_number,
        "return_reason_id": reasons[0] if reasons else None,
        "paid_return": False,
        "delivery_choice": sent.get("delivery_option"),
        "items": [_to_told_item(item) for item in items],
    }
    return {name: value for name, value in told.items() if value is not None}


def _to_told_item(item: Mapping[str, Any]) -> dict[str, Any]:
    told = {"quantity": 1, **{name: item[name] for name in _OF_ITEMS if name in item}}
    number = to_reason(item)
    return told if number is None else {**told, "return_reason_id": number}


def to_reason(item: Mapping[str, Any]) -> int | None:
    """Return the number of an item's return reason, if it has one."""
    text = str(item.get("return_reason_id") or "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None
