"""Shipments whose labels were made elsewhere: each parcel with a tracking number is stored as a followed one, and its
order is no longer incoming."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from packhouse.accounts.schema import Caller
from packhouse.kit import errors
from packhouse.kit.data import places, units
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message, message
from packhouse.orders import operations as orders
from packhouse.orders import queries as order_queries
from packhouse.shipping import draft, operations, parcels, statuses
from packhouse.shipping.direct import drafts
from packhouse.shipping.following.operations import Known, store_parcel
from packhouse.shipping.packing import Packed
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.setup import rules, setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.tracking import is_at_end

_GONE = ("2000", "1998", "1002", "999")
"""Statuses of a parcel that was not sent."""
_NOT_TOLD = {"name": "", "address_line_1": "", "city": "", "postal_code": ""}


class Stored(NamedTuple):
    """How many parcels are new; `why` others, or their tracking, were not stored."""

    made: int
    why: Message | str = ""


async def take_shipment(
    tx: Transaction,
    caller: Caller,
    record: Mapping[str, Any],
    options: Options,
    integration_id: int,
    *,
    now: datetime,
) -> Stored:
    """Raises Invalid for a shipment of which nothing can be stored."""
    boxes = [box for box in record["parcels"] if isinstance(box, dict) and box.get("tracking_number")]
    sent = [box for box in boxes if _to_status(box) not in _GONE]
    _require_places(record)
    if not sent:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("No parcel of it has a tracking number, or was sent."))
        )
    account = await setup.load_setup(tx, caller.account_id, now=now)
    code = str((record.get("carrier") or {}).get("code") or "unknown")
    carrier, contract_id = options.carriers.get(code), account.default_contract(code)
    can_follow = carrier is not None and carrier.has_tracking and contract_id is not None
    order = await _find_order(tx, caller.account_id, record, integration_id)
    count = 0
    for box in sent:
        number = str(box["tracking_number"])
        if await parcels.find_by_tracking_number(tx, caller.account_id, number) is not None:
            continue
        made = _to_draft(record, box, order, integration_id, code, contract_id or 0)
        id = await store_parcel(tx, caller, made, _to_known(record, box, now), now=now)
        count += 1
        if order is not None:
            await orders.count_shipments(tx, caller.account_id, [order.id], 1, now=now)
        if can_follow and not is_at_end(_to_status(box)):
            await operations.schedule_tracking(tx, caller.account_id, id, now=now, due_at=now)
    told = message("Its carrier {code} is not asked where it is.", code=code) if count and not can_follow else ""
    return Stored(count, told)


def _require_places(record: Mapping[str, Any]) -> None:
    """Raises Invalid for addresses that no label could have had."""
    for name in ("from_address", "to_address"):
        address = record.get(name)
        if not isinstance(address, dict) or address.get("country_code") not in places.COUNTRIES:
            detail = message("It has no usable address: {name}.", name=name)
            raise errors.Invalid(errors.ErrorItem("invalid", detail))


async def _find_order(
    tx: Transaction, account_id: int, record: Mapping[str, Any], integration_id: int
) -> order_queries.ShippableOrder | None:
    """Return the order of the shipment, if it is here."""
    order_id = record.get("order_id") or record.get("external_reference_id")
    if not isinstance(order_id, str) or not order_id or "\0" in order_id:
        return None
    rows = await order_queries.find_of_shop(tx, account_id, integration_id, [order_id])
    return rows[0] if rows else None


def _to_status(box: Mapping[str, Any]) -> str:
    """Return the number of its status; an unknown status stays as it is."""
    status = box.get("status") or {}
    number = statuses.to_number(str(status.get("code") or status.get("id") or ""))
    return number if number in {each.number for each in statuses.ALL} else "1337"


def _to_known(record: Mapping[str, Any], box: Mapping[str, Any], now: datetime) -> Known:
    url = str(box.get("tracking_url") or "")
    status = _to_status(box)
    return Known(
        str(box["tracking_number"])[:255],
        url if url.lower().startswith(("https://", "http://")) else None,
        _to_instant(box.get("announced_at") or box.get("created_at")) or now,
        record.get("external_reference_id"),
        "1" if status in ("1000", "1001") else status,
    )


def _to_instant(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _to_draft(
    record: Mapping[str, Any],
    box: Mapping[str, Any],
    order: order_queries.ShippableOrder | None,
    integration_id: int,
    code: str,
    contract_id: int,
) -> draft.Draft:
    number = record.get("order_number") or (order.order_number if order is not None else "")
    properties = (record.get("ship_with") or {}).get("properties") or {}
    option = properties.get("shipping_option_code") or f"{code}:followed"
    document = {
        "from_address": _NOT_TOLD | record["from_address"],
        "to_address": _NOT_TOLD | record["to_address"],
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": option, "contract_id": contract_id},
        },
        "carrier": {"code": code, "name": (record.get("carrier") or {}).get("name") or code},
        "order_id": record.get("order_id") or "",
        "total_order_price": record.get("total_order_price"),
        "payment_details": {},
        "is_return": False,
        "followed": {"source_id": str(box.get("id") or record.get("id") or "")},
    }
    weight = box.get("weight") or {}
    known = weight.get("value") is not None and weight.get("unit") in units.KILOGRAMS
    kilograms = units.convert(weight["value"], weight["unit"], units.KILOGRAMS) if known else None
    items = [drafts.to_item(item, "EUR") for item in box.get("parcel_items") or ()]
    origin = draft.Origin(order.id if order is not None else NO_ORDER, None, str(number), integration_id)
    choice = rules.Choice(option, contract_id, None, "call")
    return draft.Draft(origin, choice, document, [Packed(items, kilograms, None)], [], None)
