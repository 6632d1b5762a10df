"""What is done to shipments: made of orders, cancelled, tracked. Each runs inside the caller's transaction.

Nothing here talks to a carrier: `announce` does, between two transactions.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import errors, jobs, units
from packhouse.kit.db import Database
from packhouse.orders import operations as orders
from packhouse.orders import queries as order_queries
from packhouse.shipping import answers, packing, queries, rules, schema, setup, telling
from packhouse.shipping.options import Options
from packhouse.shipping.queries import Shipment
from packhouse.shipping.setup_schema import Setup
from packhouse.shipping.tables import documents, parcels, shipments

ANNOUNCING, READY, FAILED = "announcing", "ready", "failed"
WITHDRAWING, CANCELLING, CANCELLED = "withdrawing", "cancelling", "cancelled"
LIVE = {ANNOUNCING, READY, WITHDRAWING, CANCELLING}
"""States: a shipment is `withdrawing` when it is to be cancelled before it is known whether the carrier has it."""

_CODES = {ANNOUNCING: "1001", READY: "1000", FAILED: "1002", WITHDRAWING: "1999", CANCELLING: "2001", CANCELLED: "2000"}
LONGEST_TO_CANCEL = timedelta(days=42)
JOB = "label.announce"


class Notice(NamedTuple):
    """What is odd but no reason not to ship; `pointer` is its place in the call."""

    code: str
    detail: str
    pointer: str

    def to_wire(self) -> dict[str, Any]:
        return {"code": self.code, "detail": self.detail, "source": {"pointer": self.pointer}}


@dataclass(slots=True)
class Draft:
    """A shipment that is about to be made."""

    order: Any
    choice: rules.Choice
    document: dict[str, Any]
    packed: list[packing.Packed]
    warnings: list[Notice]
    id: int = 0
    uuid: str = ""
    parcel_ids: Sequence[int] = ()

    def to_wire(self) -> dict[str, Any]:
        return {
            "shipment_id": self.uuid,
            "order_id": self.order.order_id,
            "order_number": self.order.order_number,
            "ship_with": self.document["ship_with"],
            "parcel_id": self.parcel_ids[0],
        }


class Shipped(NamedTuple):
    """`faults` by the index of the order in the call."""

    drafts: list[Draft]
    faults: dict[int, errors.Refusal]
    warnings: list[Notice]


async def ship_orders(
    db: Database,
    tx: AsyncConnection,
    caller: Caller,
    call: schema.LabelCall,
    options: Options,
    *,
    now: datetime,
    due_at: datetime | None = None,
) -> Shipped:
    """Make a shipment of each order that the call names, to be announced by the worker at `due_at`, unless somebody
    does before. Raises Invalid, NotFound for what is wrong with the call itself; then nothing is made."""
    account_setup = await setup.load_setup(db, tx, caller.account_id, now=now)
    _require_named(account_setup, call)
    found = await _find_orders(tx, caller.account_id, call)
    _require_packable(call, found)
    shipped = Shipped([], {}, [])
    for index, selector in enumerate(call.selectors):
        at = _to_pointer(call, index)
        try:
            row = _pick(found, selector)
            shipped.drafts.append(_to_draft(account_setup, call, selector, row, options, at))
        except errors.Refusal as refusal:
            shipped.faults[index] = refusal
    shipped.warnings.extend(warning for draft in shipped.drafts for warning in draft.warnings)
    if shipped.drafts:
        await _insert(db, tx, caller, shipped.drafts, now)
        payloads = [{"shipment": draft.id} for draft in shipped.drafts]
        await jobs.enqueue(db, tx, caller.account_id, JOB, payloads, now=now, due_at=due_at)
    return shipped


def _require_named(account_setup: Setup, call: schema.LabelCall) -> None:
    named = {
        "sender_address_id": (call.sender_address_id, account_setup.sender_address),
        "brand_id": (call.brand_id, account_setup.brand),
        "ship_with/properties/contract_id": (call.ship_with.get("contract_id"), account_setup.contract),
    }
    faults = [
        errors.Fault("invalid", "Does not exist.", pointer=f"{errors.ATTRIBUTES}/{name}")
        for name, (id, known) in named.items()
        if id is not None and id not in known
    ]
    if faults:
        raise errors.NotFound(faults)


async def _find_orders(tx: AsyncConnection, account_id: int, call: schema.LabelCall) -> Sequence[Any]:
    ids = [selector["order_id"] for selector in call.selectors if "order_id" in selector]
    numbers = [selector["order_number"] for selector in call.selectors if "order_id" not in selector]
    rows = await order_queries.find_shippable(tx, account_id, call.integration_id, ids, numbers)
    if not rows and not await integrations.find_known(tx, account_id, [call.integration_id]):
        detail = f"Integration with id {call.integration_id} does not exist"
        raise errors.Invalid(errors.Fault("invalid", detail, pointer=errors.to_pointer(("integration_id",))))
    return rows


def _pick(rows: Sequence[Any], selector: Mapping[str, Any]) -> Any:
    """The order that a selector names. Raises NotFound, and Invalid where it names several."""
    name = "order_id" if "order_id" in selector else "order_number"
    wanted = selector[name]
    found = [row for row in rows if getattr(row, name) == wanted]
    if name == "order_id" and "order_number" in selector:
        found = [row for row in found if row.order_number == selector["order_number"]]
    if not found:
        raise errors.NotFound(order_queries.not_found_by_search())
    if len(found) > 1:
        detail = f"multiple_orders_found: {len(found)} orders of the integration have this number; name one by order_id"
        raise errors.Invalid(errors.Fault("validation_error", detail, title="Multiple orders found"))
    return found[0]


async def find_order(tx: AsyncConnection, account_id: int, selector: Mapping[str, Any]) -> Any:
    """The row of an order as a label call names it. Raises NotFound, and Invalid where several are named."""
    if "order_id" not in selector and "order_number" not in selector:
        raise errors.NotFound(
            errors.Fault("not_found", "Name an order by order_id or order_number.", title="Not found")
        )
    ids = [selector["order_id"]] if "order_id" in selector else []
    numbers = [] if ids else [selector["order_number"]]
    rows = await order_queries.find_shippable(tx, account_id, selector["integration_id"], ids, numbers, lock=False)
    return _pick(rows, selector)


def _require_packable(call: schema.LabelCall, rows: Sequence[Any]) -> None:
    """A parcel of items that the order has not is the call's fault: all are told, with their places."""
    faults = []
    for index, selector in enumerate(call.selectors):
        if "parcels" not in selector:
            continue
        try:
            document = orjson.loads(_pick(rows, selector).document)
        except errors.Refusal:
            continue
        for flaw in packing.find_flaws(document, selector["parcels"]):
            pointer = schema.to_pointer(("orders", index, *flaw.path))
            faults.append(errors.Fault("invalid", flaw.detail, pointer=pointer))
    if faults:
        raise errors.Invalid(faults)


def _to_pointer(call: schema.LabelCall, index: int) -> str:
    return schema.to_pointer(("order",) if call.is_sync else ("orders", index))


def _to_draft(
    account_setup: Setup,
    call: schema.LabelCall,
    selector: Mapping[str, Any],
    row: Any,
    options: Options,
    at: str,
) -> Draft:
    """Raises Invalid for what keeps this order from being shipped."""
    order = orjson.loads(row.document)
    address = order.get("shipping_address")
    if not _is_usable(address):
        detail = "The order has no valid shipping address."
        raise errors.Invalid(errors.Fault("validation_error", detail, title="Invalid order"))
    apply_rules = selector.get("apply_shipping_rules", False)
    choice = rules.choose(account_setup, call.ship_with, order, call.integration_id, apply_rules=apply_rules)
    packed = packing.pack(order, selector.get("parcels"))
    sender = _choose_sender(account_setup, call, choice)
    chosen = options.require(account_setup, choice, address["country_code"], [parcel.weight for parcel in packed])
    document = {
        "from_address": {key: value for key, value in sender.items() if key != "is_default"},
        "to_address": address,
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": choice.option_code, "contract_id": chosen.contract_id},
        },
        "carrier": {"code": chosen.carrier_code, "name": chosen.carrier_name},
        "order_id": row.order_id,
        "total_order_price": _to_price(order["payment_details"].get("total_price")),
        "brand_id": call.brand_id or account_setup.default_brand(),
        "gs1_company_prefix": account_setup.settings.get("gs1_company_prefix"),
        "rule_id": choice.rule_id,
        **_to_details(order),
    }
    warnings = list(_find_warnings(row, order, sender, at))
    return Draft(row, choice, document, packed, warnings)


def _is_usable(address: Mapping[str, Any] | None) -> bool:
    return address is not None and bool(address["address_line_1"].strip() or (address.get("po_box") or "").strip())


def _choose_sender(account_setup: Setup, call: schema.LabelCall, choice: rules.Choice) -> dict[str, Any]:
    known = account_setup.sender_address
    wanted = call.sender_address_id if call.sender_address_id is not None else choice.sender_address_id
    id = wanted if wanted in known else account_setup.default_sender()
    if id is None:
        detail = "The account has no sender address."
        raise errors.Invalid(errors.Fault("validation_error", detail, title="No sender address"))
    return known[id]


def _to_details(order: Mapping[str, Any]) -> dict[str, Any]:
    """What a carrier and its customs papers need besides, as the order has it."""
    details, payment = order["order_details"], order["payment_details"]
    kept = {
        "service_point_details": order.get("service_point_details"),
        "to_service_point": _to_service_point(order.get("service_point_details")),
        "customs_details": order.get("customs_details"),
        "customs_information": _to_customs(order.get("customs_details"), payment),
        "payment_details": payment,
        "notes": details.get("notes"),
        "order_created_at": details.get("order_created_at"),
    }
    return {name: value for name, value in kept.items() if value is not None}


def _to_price(amount: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not amount or amount.get("value") is None or not amount.get("currency"):
        return None
    return {"value": f"{units.to_decimal(amount['value']):f}", "currency": amount["currency"]}


def _to_service_point(point: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not point:
        return None
    return {"id": point.get("id", ""), "carrier_service_point_id": point.get("carrier_service_point_id", "")}


def _to_customs(customs: Mapping[str, Any] | None, payment: Mapping[str, Any]) -> dict[str, Any] | None:
    if not customs:
        return None
    shown: dict[str, Any] = {"invoice_number": customs.get("commercial_invoice_number") or "-"}
    reason = customs.get("shipment_type", "commercial_goods")
    shown["export_reason"] = "commercial_goods" if reason == "returned_goods" else reason
    shown["export_type"] = customs.get("export_type", "commercial_b2c")
    for name in ("discount_granted", "insurance_costs", "freight_costs", "other_costs"):
        if (price := _to_price(payment.get(name))) is not None:
            shown[name] = price
    return shown


def _find_warnings(row: Any, order: Mapping[str, Any], sender: Mapping[str, Any], at: str) -> Iterator[Notice]:
    if row.live_shipments:
        detail = f"Order {row.order_number} has {row.live_shipments} live shipment(s) already; this is one more."
        yield Notice("invalid", detail, at)
    if not all(sender.get(name) for name in ("address_line_1", "postal_code", "city")):
        detail = "The sender address has no street, postal code or city: /api/packhouse/sender-addresses changes it."
        yield Notice("required", detail, at)
    for odd in packing.find_odd_totals(order):
        yield Notice("invalid", f"{'.'.join(map(str, odd.path))}: {odd.detail}", at)


async def _insert(db: Database, tx: AsyncConnection, caller: Caller, drafts: Sequence[Draft], now: datetime) -> None:
    shipment_ids = await db.next_ids(tx, "shipments", len(drafts))
    parcel_ids = iter(await db.next_ids(tx, "parcels", sum(len(draft.packed) for draft in drafts)))
    for draft, id in zip(drafts, shipment_ids, strict=True):
        draft.id, draft.uuid = id, str(uuid.uuid4())
        draft.parcel_ids = [next(parcel_ids) for _ in draft.packed]
    await db.upsert(tx, shipments, [_to_shipment_row(draft, caller, now) for draft in drafts])
    rows = [row for draft in drafts for row in _to_parcel_rows(draft, caller.account_id, now)]
    await db.upsert(tx, parcels, rows)
    await _count_orders(tx, caller.account_id, [draft.order.id for draft in drafts])
    of = {draft.id: draft for draft in drafts}
    told = [telling.Told(of[r["shipment_id"]].order.integration_id, of[r["shipment_id"]].uuid, r) for r in rows]
    await telling.tell(db, tx, caller.account_id, told, now=now)


async def _count_orders(tx: AsyncConnection, account_id: int, ids: Sequence[int]) -> None:
    """An order that is named twice, by id and by number, has two shipments more."""
    by_count: dict[int, list[int]] = {}
    for id in set(ids):
        by_count.setdefault(ids.count(id), []).append(id)
    for count, some in by_count.items():
        await orders.count_shipments(tx, account_id, some, count)


def _to_shipment_row(draft: Draft, caller: Caller, now: datetime) -> dict[str, Any]:
    order = draft.order
    return {
        "account_id": caller.account_id,
        "id": draft.id,
        "uuid": draft.uuid,
        "for_order": order.id,
        "integration_id": order.integration_id,
        "order_number": order.order_number,
        "order_number_folded": order.order_number.casefold(),
        "external_reference_id": order.order_id,
        "state": ANNOUNCING,
        "created_at": now,
        "created_by": caller.actor,
        "updated_at": now,
        "announced_at": None,
        "errors": "[]",
        "document": orjson.dumps(draft.document).decode(),
    }


def _to_parcel_rows(draft: Draft, account_id: int, now: datetime) -> Iterator[dict[str, Any]]:
    for id, packed in zip(draft.parcel_ids, draft.packed, strict=True):
        document: dict[str, Any] = {"items": packed.items}
        document["weight"] = {"value": units.to_text(packed.weight or units.ZERO), "unit": "kg"}
        if packed.dimensions is not None:
            sides = {side: units.to_text(length, 2) for side, length in packed.dimensions.items()}
            document["dimensions"] = {**sides, "unit": "cm"}
        yield {
            "account_id": account_id,
            "id": id,
            "shipment_id": draft.id,
            "status_code": _CODES[ANNOUNCING],
            "status_message": answers.STATUSES[_CODES[ANNOUNCING]],
            "tracking_number": None,
            "tracking_url": None,
            "created_at": now,
            "updated_at": now,
            "document": orjson.dumps(document).decode(),
        }


async def move(
    db: Database,
    tx: AsyncConnection,
    found: Shipment,
    state: str,
    *,
    now: datetime,
    faults: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> None:
    """To another state, its parcels with it. The row was read in this transaction, locked."""
    row = found.row
    mine = (shipments.c.account_id == row.account_id, shipments.c.id == row.id)
    told = orjson.dumps(list(faults)).decode()
    await tx.execute(update(shipments).where(*mine).values(state=state, updated_at=now, errors=told, **changes))
    code = _CODES[state]
    of_it = (parcels.c.account_id == row.account_id, parcels.c.shipment_id == row.id)
    message = answers.STATUSES[code]
    await tx.execute(update(parcels).where(*of_it).values(status_code=code, status_message=message, updated_at=now))
    if row.state in LIVE and state not in LIVE:
        await orders.count_shipments(tx, row.account_id, [row.for_order], -1)
    moved = [{**p._asdict(), "status_code": code, "status_message": message, "updated_at": now} for p in found.parcels]
    await telling.tell(db, tx, row.account_id, [telling.Told(row.integration_id, row.uuid, p) for p in moved], now=now)


async def request_cancellation(
    db: Database, tx: AsyncConnection, account_id: int, uuid: str, *, now: datetime, due_at: datetime
) -> Shipment:
    """The shipment as it was before; its new state says what is left to do. Raises NotFound and Conflict."""
    found = await queries.get_shipment(tx, account_id, uuid, lock=True)
    state = found.row.state
    if state in (WITHDRAWING, CANCELLING, CANCELLED):
        done = "has been" if state == CANCELLED else "is being"
        raise errors.Conflict(errors.Fault("invalid", f"The shipment {done} cancelled already."))
    if now - (found.row.announced_at or found.row.created_at) > LONGEST_TO_CANCEL:
        detail = f"A shipment can be cancelled for {LONGEST_TO_CANCEL.days} days."
        raise errors.Conflict(errors.Fault("invalid", detail))
    if any(parcel.status_code not in answers.STATUSES for parcel in found.parcels):
        raise errors.Conflict(errors.Fault("invalid", "The carrier has the parcel: it cannot be cancelled any more."))
    await move(db, tx, found, _AFTER_REQUEST[state], now=now)
    if state != FAILED:
        due = now if state == ANNOUNCING else due_at
        await jobs.enqueue(db, tx, account_id, JOB, [{"shipment": found.row.id}], now=now, due_at=due)
    return found


_AFTER_REQUEST = {ANNOUNCING: WITHDRAWING, READY: CANCELLING, FAILED: CANCELLED}


async def track_parcel(
    db: Database,
    tx: AsyncConnection,
    account_id: int,
    id: int,
    code: str,
    message: str | None,
    *,
    now: datetime,
) -> Any:
    """A parcel that its carrier has announced comes along; its new row. Raises NotFound, Conflict and Invalid."""
    if code not in answers.TRACKING and code != "1000":
        known = ", ".join(f"{code} ({told})" for code, told in answers.TRACKING.items())
        raise errors.Invalid(
            errors.Fault("invalid", f"A status is one of {known}.", pointer=errors.to_pointer(("status",)))
        )
    row = await queries.find_parcel(tx, account_id, id)
    if row is None:
        raise errors.NotFound(queries.no_such_parcel())
    if row.status_code not in answers.TRACKING and row.status_code != "1000":
        detail = f"The parcel is not on its way: its status is {row.status_code} ({row.status_message})."
        raise errors.Conflict(errors.Fault("invalid", detail))
    shown = message or answers.TRACKING.get(code) or answers.STATUSES[code]
    values = {"status_code": code, "status_message": shown, "updated_at": now}
    mine = (parcels.c.account_id == account_id, parcels.c.id == id)
    await tx.execute(update(parcels).where(*mine).values(values))
    of_it = (shipments.c.account_id == account_id, shipments.c.id == row.shipment_id)
    await tx.execute(update(shipments).where(*of_it).values(updated_at=now))
    told = {**row._asdict(), **values}
    await telling.tell(db, tx, account_id, [telling.Told(row.integration_id, row.uuid, told)], now=now)
    return told


async def store_announcement(
    tx: AsyncConnection, account_id: int, numbers: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> None:
    """`numbers` of parcels: id, tracking_number, tracking_url; `rows` of documents."""
    for number in numbers:
        mine = (parcels.c.account_id == account_id, parcels.c.id == number["id"])
        tracked = {name: number[name] for name in ("tracking_number", "tracking_url")}
        await tx.execute(update(parcels).where(*mine).values(tracked))
    if rows:
        await tx.execute(insert(documents), list(rows))
