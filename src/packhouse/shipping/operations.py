"""Writes of shipments: create them from orders, cancel, track. Each runs inside the caller's transaction.

Nothing here contacts a carrier: `announce` does, between two transactions.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import insert, update

from packhouse.accounts.schema import Caller
from packhouse.carriers import AnnouncedParcel, TrackingEvent, worker_only
from packhouse.integrations import queries as integrations
from packhouse.kit import errors, jobs
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import Message, foreign, message, to_stored
from packhouse.orders import operations as orders
from packhouse.orders import queries as order_queries
from packhouse.orders.queries import ShippableOrder
from packhouse.shipping import draft as drafting
from packhouse.shipping import events, packing, queries, schema, wire
from packhouse.shipping.draft import Draft, Notice
from packhouse.shipping.queries import Shipment
from packhouse.shipping.service_points import named
from packhouse.shipping.service_points.named import NamedPoints
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup import setup
from packhouse.shipping.setup.options import Options
from packhouse.shipping.setup.setup_schema import Setup
from packhouse.shipping.tables import ParcelRow, documents, parcels, shipments

ANNOUNCING, READY, FAILED = drafting.ANNOUNCING, "ready", "failed"
WITHDRAWING, CANCELLING, CANCELLED = "withdrawing", "cancelling", "cancelled"
FOLLOWED = schema.FOLLOWED
LIVE = {ANNOUNCING, READY, WITHDRAWING, CANCELLING}
"""States: a shipment is `withdrawing` when it is to be cancelled before it is known whether the carrier has it, and
`followed` for good when it was made elsewhere."""

_CODES = {ANNOUNCING: "1001", READY: "1000", FAILED: "1002", WITHDRAWING: "1999", CANCELLING: "2001", CANCELLED: "2000"}
LONGEST_TO_CANCEL = timedelta(days=42)
JOB = "label.announce"
TRACK_JOB = "parcel.track"
FIRST_LOOK = timedelta(hours=1)
"""After which its carrier is asked where a parcel is."""


class Shipped(NamedTuple):
    """The result of a call; `faults` by the index of the order in the call."""

    drafts: list[Draft]
    faults: dict[int, errors.ApiError]
    warnings: list[Notice]


async def ship_orders(
    tx: Transaction,
    caller: Caller,
    call: schema.LabelCall,
    options: Options,
    *,
    now: datetime,
    due_at: datetime | None = None,
) -> Shipped:
    """Make a shipment of each order in the call. The worker announces them at `due_at`, unless somebody does so before.
    Raises Invalid, NotFound for an error in the call itself; then nothing is made."""
    account_setup = await setup.load_setup(tx, caller.account_id, now=now)
    _require_named(account_setup, call)
    found = await _find_orders(tx, caller.account_id, call)
    points = await _find_points(tx, caller.account_id, found, options)
    shipped = _draft(account_setup, call, found, options, points)
    if shipped.drafts:
        await make_shipments(tx, caller, shipped.drafts, options, now=now, due_at=due_at)
    return shipped


async def make_shipments(
    tx: Transaction,
    caller: Caller,
    made: Sequence[Draft],
    options: Options,
    *,
    now: datetime,
    due_at: datetime | None = None,
) -> None:
    """Make the shipments of these drafts. The worker announces them at `due_at`, unless somebody does so before."""
    codes = [draft.document["ship_with"]["properties"]["shipping_option_code"] for draft in made]
    are_workers = any(worker_only(options.carrier_of(code)) for code in codes)
    await _insert(tx, caller, made, now=now, due_at=None if are_workers else due_at)


async def _find_points(tx: Reader, account_id: int, rows: Sequence[ShippableOrder], options: Options) -> NamedPoints:
    """Find the service points that the orders name; most orders name none, which costs no query."""
    texts = [row.document for row in rows if "service_point_details" in row.document]
    details = [orjson.loads(text).get("service_point_details") for text in texts]
    return await named.find_named(tx, account_id, options.carriers, details)


def _draft(
    account_setup: Setup, call: schema.LabelCall, found: Sequence[ShippableOrder], options: Options, points: NamedPoints
) -> Shipped:
    """Draft the shipments of these orders. Raises Invalid."""
    _require_packable(call, found)
    shipped = Shipped([], {}, [])
    for index, selector in enumerate(call.selectors):
        at = schema.to_pointer(("order",) if call.is_sync else ("orders", index))
        try:
            row = _pick(found, selector)
            shipped.drafts.append(drafting.to_draft(account_setup, call, selector, row, options, at, points))
        except errors.ApiError as refusal:
            shipped.faults[index] = refusal
    shipped.warnings.extend(warning for draft in shipped.drafts for warning in draft.warnings)
    return shipped


async def find_refusal(tx: Reader, account_id: int, call: schema.LabelCall, options: Options) -> errors.ApiError | None:
    """Return why a call for one order would be refused now, without writing or locking anything."""
    account_setup = await setup_queries.find_setup(tx, account_id) or Setup()
    ids = [selector["order_id"] for selector in call.selectors]
    try:
        _require_named(account_setup, call)
        found = await order_queries.find_shippable(tx, account_id, call.integration_id, ids, [], lock=False)
        points = await _find_points(tx, account_id, found, options)
        return next(iter(_draft(account_setup, call, found, options, points).faults.values()), None)
    except errors.ApiError as refusal:
        return refusal


def _require_named(account_setup: Setup, call: schema.LabelCall) -> None:
    named = {
        "sender_address_id": (call.sender_address_id, account_setup.sender_address),
        "brand_id": (call.brand_id, account_setup.brand),
        "ship_with/properties/contract_id": (call.ship_with.get("contract_id"), account_setup.contract),
    }
    faults = [
        errors.ErrorItem("invalid", message("Does not exist."), pointer=f"{errors.ATTRIBUTES}/{name}")
        for name, (id, known) in named.items()
        if id is not None and id not in known
    ]
    if faults:
        raise errors.NotFound(faults)


async def _find_orders(tx: Reader, account_id: int, call: schema.LabelCall) -> Sequence[ShippableOrder]:
    ids = [selector["order_id"] for selector in call.selectors if "order_id" in selector]
    numbers = [selector["order_number"] for selector in call.selectors if "order_id" not in selector]
    if numbers:
        rows = await order_queries.find_shippable(tx, account_id, call.integration_id, ids, numbers)
    else:
        rows = await order_queries.find_of_shop(tx, account_id, call.integration_id, ids)
    if not rows and not await integrations.find_known(tx, account_id, [call.integration_id]):
        detail = message("Integration with id {integration_id} does not exist", integration_id=call.integration_id)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, pointer=errors.to_pointer(("integration_id",))))
    return rows


def _pick(rows: Sequence[ShippableOrder], selector: Mapping[str, Any]) -> ShippableOrder:
    """Return the order of a selector. Raises NotFound, and Invalid if the selector fits several."""
    name = "order_id" if "order_id" in selector else "order_number"
    wanted = selector[name]
    found = [row for row in rows if getattr(row, name) == wanted]
    if name == "order_id" and "order_number" in selector:
        found = [row for row in found if row.order_number == selector["order_number"]]
    if not found:
        raise errors.NotFound(order_queries.NOT_FOUND)
    if len(found) > 1:
        detail = message(
            "multiple_orders_found: {found} orders of the integration have this number; name one by order_id",
            found=len(found),
        )
        raise errors.Invalid(errors.ErrorItem("validation_error", detail, title="Multiple orders found"))
    return found[0]


async def find_order(tx: Reader, account_id: int, selector: Mapping[str, Any]) -> ShippableOrder:
    """Return the row of the order that a label call names. Raises NotFound, and Invalid if several fit."""
    if "order_id" not in selector and "order_number" not in selector:
        raise errors.NotFound(message("Name an order by order_id or order_number."))
    ids = [selector["order_id"]] if "order_id" in selector else []
    numbers = [] if ids else [selector["order_number"]]
    rows = await order_queries.find_shippable(tx, account_id, selector["integration_id"], ids, numbers, lock=False)
    return _pick(rows, selector)


def _require_packable(call: schema.LabelCall, rows: Sequence[ShippableOrder]) -> None:
    """Raises Invalid with the places of all items in parcels that the order does not have."""
    faults = []
    for index, selector in enumerate(call.selectors):
        if "parcels" not in selector:
            continue
        try:
            document = orjson.loads(_pick(rows, selector).document)
        except errors.ApiError:
            continue
        for flaw in packing.find_flaws(document, selector["parcels"]):
            pointer = schema.to_pointer(("orders", index, *flaw.path))
            faults.append(errors.ErrorItem("invalid", flaw.detail, pointer=pointer))
    if faults:
        raise errors.Invalid(faults)


async def _insert(
    tx: Transaction,
    caller: Caller,
    made: Sequence[Draft],
    *,
    now: datetime,
    due_at: datetime | None,
) -> None:
    """Write the shipments, their jobs and their events, with as many statements for one as for twenty."""
    drawn = await tx.draw_ids(
        {"shipments": len(made), "parcels": sum(len(draft.packed) for draft in made), "jobs": len(made)}
    )
    parcel_ids = iter(drawn["parcels"])
    for draft, id in zip(made, drawn["shipments"], strict=True):
        draft.id, draft.uuid = id, str(uuid.uuid4())
        draft.parcel_ids = [next(parcel_ids) for _ in draft.packed]
    await _count_orders(tx, caller.account_id, [draft.order.id for draft in made], now)
    await tx.upsert(shipments, [drafting.to_shipment_row(draft, caller, now) for draft in made])
    rows = [row for draft in made for row in drafting.to_parcel_rows(draft, caller.account_id, now)]
    await tx.upsert(parcels, rows)
    of = {draft.id: draft for draft in made}
    told = [events.ParcelChange(of[r["shipment_id"]].order.integration_id, of[r["shipment_id"]].uuid, r) for r in rows]
    await events.publish(tx, caller.account_id, told, now=now)
    payloads = [{"shipment": draft.id} for draft in made]
    await jobs.enqueue(tx, caller.account_id, JOB, payloads, now=now, due_at=due_at, ids=drawn["jobs"])


async def _count_orders(tx: Transaction, account_id: int, ids: Sequence[int], now: datetime) -> None:
    """Count an order that is named twice, by id and by number, twice."""
    by_count: dict[int, list[int]] = {}
    for id in set(ids) - {schema.NO_ORDER}:
        by_count.setdefault(ids.count(id), []).append(id)
    for count, some in by_count.items():
        await orders.count_shipments(tx, account_id, some, count, now=now)


async def move(
    tx: Transaction,
    found: Shipment,
    state: str,
    *,
    now: datetime,
    faults: Sequence[Mapping[str, Any]] = (),
    **changes: Any,
) -> Shipment:
    """Move a shipment and its parcels to another state; return it as it is then. The row was read and locked in this
    transaction."""
    row = found.row
    mine = (shipments.c.account_id == row.account_id, shipments.c.id == row.id)
    told = orjson.dumps([{**fault, "detail": to_stored(fault["detail"])} for fault in faults]).decode()
    if state not in LIVE:
        changes["stale"] = None
    changes |= {"state": state, "updated_at": now, "errors": told}
    await tx.execute(update(shipments).where(*mine).values(changes))
    code = _CODES[state]
    of_it = (parcels.c.account_id == row.account_id, parcels.c.shipment_id == row.id)
    shown = wire.STATUSES[code]
    await tx.execute(update(parcels).where(*of_it).values(status_code=code, status_message=shown, updated_at=now))
    if row.state in LIVE and state not in LIVE and row.for_order != schema.NO_ORDER:
        await orders.count_shipments(tx, row.account_id, [row.for_order], -1, now=now)
    moved = [parcel._replace(status_code=code, status_message=shown, updated_at=now) for parcel in found.parcels]
    told_of = [events.ParcelChange(row.integration_id, row.uuid, parcel._asdict()) for parcel in moved]
    await events.publish(tx, row.account_id, told_of, now=now)
    return found._replace(row=row._replace(**changes), parcels=moved)


async def note_question(tx: Transaction, account_id: int, id: int, at: datetime | None) -> None:
    """Store when a carrier was asked whose answer must not be lost; None if it certainly did not receive the
    request."""
    mine = (shipments.c.account_id == account_id, shipments.c.id == id)
    await tx.execute(update(shipments).where(*mine).values(requested_at=at))


async def request_cancellation(
    tx: Transaction, account_id: int, uuid: str, *, now: datetime, due_at: datetime
) -> Shipment:
    """Return the shipment as it was before; its new state says what is left to do. Raises NotFound and Conflict."""
    found = await queries.get_shipment(tx, account_id, uuid, lock=True)
    state = found.row.state
    if (told := _find_obstacle(found, now)) is not None:
        raise errors.Conflict(errors.ErrorItem("invalid", told))
    await move(tx, found, _AFTER_REQUEST[state], now=now)
    if state != FAILED:
        due = now if state == ANNOUNCING else due_at
        await jobs.enqueue(tx, account_id, JOB, [{"shipment": found.row.id}], now=now, due_at=due)
    return found


def is_cancellable(found: Shipment, now: datetime) -> bool:
    return _find_obstacle(found, now) is None


def _find_obstacle(found: Shipment, now: datetime) -> Message | None:
    """Return why a shipment cannot be cancelled."""
    state = found.row.state
    if state == FOLLOWED:
        return message("The shipment was made elsewhere, and is cancelled there.")
    if state == CANCELLED:
        return message("The shipment has been cancelled already.")
    if state in (WITHDRAWING, CANCELLING):
        return message("The shipment is being cancelled already.")
    if now - (found.row.announced_at or found.row.created_at) > LONGEST_TO_CANCEL:
        return message("A shipment can be cancelled for {days} days.", days=LONGEST_TO_CANCEL.days)
    if any(parcel.status_code not in wire.STATUSES for parcel in found.parcels):
        return message("The carrier has the parcel: it cannot be cancelled any more.")
    return None


_AFTER_REQUEST = {ANNOUNCING: WITHDRAWING, READY: CANCELLING, FAILED: CANCELLED}


async def track_parcel(
    tx: Transaction,
    account_id: int,
    id: int,
    code: str,
    words: str | None,
    *,
    now: datetime,
) -> dict[str, Any]:
    """Change the status of a parcel that is on its way, and return its new row. Raises NotFound, Conflict and
    Invalid."""
    if code not in wire.TRACKING and code != "1000":
        known = ", ".join(f"{code} ({told})" for code, told in wire.TRACKING.items())
        raise errors.Invalid(
            errors.ErrorItem(
                "invalid", message("A status is one of {known}.", known=known), pointer=errors.to_pointer(("status",))
            )
        )
    found = errors.require(await queries.find_parcel(tx, account_id, id), queries.no_such_parcel())
    row, integration_id, uuid = found
    if row.status_code not in wire.TRACKING and row.status_code != "1000":
        detail = message(
            "The parcel is not on its way: its status is {status_code} ({status_message}).",
            status_code=row.status_code,
            status_message=foreign(row.status_message),
        )
        raise errors.Conflict(errors.ErrorItem("invalid", detail))
    shown = words or wire.TRACKING.get(code) or wire.STATUSES[code]
    values = {"status_code": code, "status_message": shown, "updated_at": now}
    mine = (parcels.c.account_id == account_id, parcels.c.id == id)
    await tx.execute(update(parcels).where(*mine).values(values))
    of_it = (shipments.c.account_id == account_id, shipments.c.id == row.shipment_id)
    await tx.execute(update(shipments).where(*of_it).values(updated_at=now))
    told = {**row._asdict(), **values}
    await events.publish(tx, account_id, [events.ParcelChange(integration_id, uuid, told)], now=now)
    return told


async def schedule_tracking(
    tx: Transaction, account_id: int, shipment_id: int, *, now: datetime, due_at: datetime | None = None
) -> None:
    """Schedule the tracking of a shipment, with a job that reschedules itself."""
    payloads = [{"shipment": shipment_id}]
    await jobs.enqueue(tx, account_id, TRACK_JOB, payloads, now=now, due_at=due_at or now + FIRST_LOOK)


async def apply_news(
    tx: Transaction, found: Shipment, news: Mapping[str, Sequence[TrackingEvent]], *, now: datetime
) -> list[dict[str, Any]]:
    """Apply what a carrier reports about the parcels, by tracking number, oldest first: publish all that is new and
    store the last status. Return the parcels' rows as they are then. The shipment was read and locked in this
    transaction."""
    told: list[events.ParcelChange] = []
    rows = []
    for parcel in found.parcels:
        steps = list(_find_steps(parcel, news.get(parcel.tracking_number or "", ()), now))
        shipment = (found.row.integration_id, found.row.uuid)
        told += [events.ParcelChange(*shipment, step, at=step["tracked_at"]) for step in steps]
        rows.append(steps[-1] if steps else parcel._asdict())
        if steps:
            values = {name: steps[-1][name] for name in ("status_code", "status_message", "updated_at", "tracked_at")}
            mine = (parcels.c.account_id == parcel.account_id, parcels.c.id == parcel.id)
            await tx.execute(update(parcels).where(*mine).values(values))
    if told:
        mine = (shipments.c.account_id == found.row.account_id, shipments.c.id == found.row.id)
        await tx.execute(update(shipments).where(*mine).values(updated_at=now))
        await events.publish(tx, found.row.account_id, told, now=now)
    return rows


def _find_steps(parcel: ParcelRow, events: Sequence[TrackingEvent], now: datetime) -> Iterator[dict[str, Any]]:
    """Yield the parcel's row after each event that is newer than the known ones and changes something."""
    row, known = parcel._asdict(), parcel.tracked_at
    for event in events:
        code, words = str(event.status), event.message[:255]
        if code not in wire.TRACKING and code != "1000":
            continue
        if known is not None and event.at <= known:
            continue
        shown = words or wire.TRACKING.get(code) or wire.STATUSES[code]
        changed = {"status_code": code, "status_message": shown, "tracked_at": event.at}
        if (row["status_code"], row["status_message"]) != (code, shown):
            row = {**row, **changed, "updated_at": now}
            yield row


async def store_announcement(
    tx: Transaction, found: Shipment, told: Sequence[AnnouncedParcel], rows: Sequence[Mapping[str, Any]]
) -> Shipment:
    """Store the number of each parcel, and `rows` of documents; return the shipment with them."""
    named = []
    for parcel, announced in zip(found.parcels, told, strict=True):
        url = announced.tracking_url
        if not str(url or "").lower().startswith(("https://", "http://")):
            url = None  # people follow it
        mine = (parcels.c.account_id == parcel.account_id, parcels.c.id == parcel.id)
        number = announced.tracking_number
        await tx.execute(update(parcels).where(*mine).values(tracking_number=number, tracking_url=url))
        named.append(parcel._replace(tracking_number=number, tracking_url=url))
    if rows:
        await tx.execute(insert(documents), list(rows))
    return found._replace(parcels=named, documents=queries.to_documents(rows))
