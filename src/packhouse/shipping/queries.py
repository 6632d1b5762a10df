"""Reads of shipping: one shipment, a page of them, the documents of parcels."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, or_, select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.kit.wire import pagination
from packhouse.shipping.schema import NO_ORDER, OUTGOING
from packhouse.shipping.tables import DocumentRow, ParcelRow, ShipmentRow, documents, parcel_events, parcels, shipments

_s, _p, _d, _e = shipments.c, parcels.c, documents.c, parcel_events.c


class Shipment(NamedTuple):
    """A shipment's row, its parcels' rows, and what documents there are (without their contents)."""

    row: ShipmentRow
    parcels: list[ParcelRow]
    documents: dict[int, list[DocumentRow]]


def _has_parcel(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(_p.account_id == _s.account_id, _p.shipment_id == _s.id, condition)


# What a list can be narrowed by: the parameter's name and its condition on a value that `schema` has read.
FILTERS: dict[str, Callable[[Any], ColumnElement[bool]]] = {
    "parcel_status": lambda code: _has_parcel(_p.status_code == code),
    "tracking_number": lambda number: _has_parcel(_p.tracking_number == number),
    "external_reference_id": lambda text: _s.external_reference_id == text,
    "order_number": lambda text: _s.order_number_folded == text.casefold(),
    "integration_id": _s.integration_id.in_,
    "updated_before": lambda instant: _s.updated_at <= instant,
    "updated_after": lambda instant: _s.updated_at >= instant,
    "announced_before": lambda instant: _s.announced_at <= instant,
    "announced_after": lambda instant: _s.announced_at >= instant,
    "ids": _s.uuid.in_,
    "created_before": lambda instant: _s.created_at <= instant,
    "created_after": lambda instant: _s.created_at >= instant,
    "kinds": _s.kind.in_,
    # Not parameters of the API: our own ids, and what people look for on the page.
    "numbers": _s.id.in_,
    "shipment_uuids": _s.uuid.in_,
    "stale": lambda is_so: _s.stale.is_not(None) if is_so else _s.stale.is_(None),
    "order": lambda order_id: _s.for_order == order_id,
    "named": lambda text: or_(
        _s.order_number_folded == text.casefold(), _s.external_reference_id == text, _s.uuid == text.lower()
    ),
}

_MOST_ORDERS = 50
_NEWEST_FIRST = pagination.Order([pagination.Key(_s.id, True, pagination.to_int)])


async def list_shipments(
    tx: Reader, account_id: int, filters: Mapping[str, Any], cursor: pagination.Cursor, size: int
) -> pagination.Page[Shipment]:
    """Newest first: four statements at most, whatever the size."""
    columns = [_s.id, *(column for column in shipments.columns if column is not _s.id)]
    statement = select(*columns).where(_s.account_id == account_id)
    statement = statement.where(*(FILTERS[name](value) for name, value in filters.items()))
    page = await pagination.fetch_page(tx, statement, _NEWEST_FIRST, cursor, size, into=_to_row)
    return page.with_rows(await _with_parcels(tx, account_id, page.rows))


def _to_row(id: int, account_id: int, *others: Any) -> ShipmentRow:
    """Read a row of the list, which begins with the column that it is sorted by."""
    return ShipmentRow(account_id, id, *others)


async def get_shipment(tx: Reader, account_id: int, uuid: str, *, lock: bool = False) -> Shipment:
    """Raises NotFound."""
    statement = select(shipments).where(_s.account_id == account_id, _s.uuid == uuid.lower())
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=ShipmentRow)
    if row is None:
        raise errors.NotFound(no_such_shipment())
    [found] = await _with_parcels(tx, account_id, [row])
    return found


async def find_shipment(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> Shipment | None:
    """By our own id."""
    statement = select(shipments).where(_s.account_id == account_id, _s.id == id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=ShipmentRow)
    return None if row is None else (await _with_parcels(tx, account_id, [row]))[0]


async def find_row(tx: Reader, account_id: int, id: int) -> ShipmentRow | None:
    """Return its row, without its parcels."""
    statement = select(shipments).where(_s.account_id == account_id, _s.id == id)
    return await tx.fetch_one(statement, into=ShipmentRow)


async def lock_row(tx: Reader, account_id: int, id: int) -> ShipmentRow | None:
    """Find and lock its row, for a change of its state."""
    mine = (_s.account_id == account_id, _s.id == id)
    return await tx.fetch_one(select(shipments).where(*mine).with_for_update(), into=ShipmentRow)


async def find_by_reference(tx: Reader, account_id: int, reference: str) -> Shipment | None:
    """Find the shipment without an order that has this `external_reference_id`."""
    mine = (_s.account_id == account_id, _s.external_reference_id == reference, _s.for_order == NO_ORDER)
    row = await tx.fetch_one(select(shipments).where(*mine, _s.kind == OUTGOING), into=ShipmentRow)
    return None if row is None else (await _with_parcels(tx, account_id, [row]))[0]


async def list_shipments_of_order(tx: Reader, account_id: int, order_id: int) -> list[Shipment]:
    """List the shipments of an order by our id for it, newest first; also of an order that is gone."""
    page = await list_shipments(tx, account_id, {"order": order_id}, pagination.Cursor(), 100)
    return list(page.rows)


async def find_orders_of_parcels(tx: Reader, account_id: int, numbers: Collection[str]) -> list[int]:
    """Return the ids of the orders whose parcels have one of these tracking numbers; they may be gone."""
    same = (_s.account_id == _p.account_id) & (_s.id == _p.shipment_id)
    statement = select(_s.for_order).select_from(parcels.join(shipments, same)).distinct()
    statement = statement.where(_p.account_id == account_id, _p.tracking_number.in_(numbers), _s.for_order != NO_ORDER)
    return list(await tx.fetch_values(statement.limit(_MOST_ORDERS)))


async def find_orders_of(tx: Reader, account_id: int, parcel_ids: Collection[int]) -> list[int]:
    """Return the ids of the orders that these parcels are of."""
    same = (_s.account_id == _p.account_id) & (_s.id == _p.shipment_id)
    statement = select(_s.for_order).select_from(parcels.join(shipments, same)).distinct()
    statement = statement.where(_p.account_id == account_id, _p.id.in_(parcel_ids), _s.for_order != NO_ORDER)
    return list(await tx.fetch_values(statement.order_by(_s.for_order)))


async def _with_parcels(tx: Reader, account_id: int, rows: Sequence[ShipmentRow]) -> list[Shipment]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    of_them = select(parcels).where(_p.account_id == account_id, _p.shipment_id.in_(ids)).order_by(_p.id)
    found: dict[int, list[ParcelRow]] = {}
    for parcel in await tx.fetch_all(of_them, into=ParcelRow):
        found.setdefault(parcel.shipment_id, []).append(parcel)
    printables = await _find_documents(tx, account_id, [p.id for some in found.values() for p in some])
    return [Shipment(row, found.get(row.id, []), printables) for row in rows]


async def _find_documents(tx: Reader, account_id: int, parcel_ids: Collection[int]) -> dict[int, list[DocumentRow]]:
    """By parcel."""
    columns = (_d.parcel_id, _d.kind, _d.size, _d.mime_type)
    statement = select(*columns).where(_d.account_id == account_id, _d.parcel_id.in_(sorted(parcel_ids)))
    found: dict[int, list[DocumentRow]] = {}
    for row in await tx.fetch_all(statement.order_by(_d.parcel_id, _d.kind), into=DocumentRow):
        found.setdefault(row.parcel_id, []).append(row)
    return found


def to_documents(rows: Sequence[Mapping[str, Any]]) -> dict[int, list[DocumentRow]]:
    """By parcel, of rows that are written to `documents`."""
    found: dict[int, list[DocumentRow]] = {}
    for row in sorted(rows, key=lambda row: (row["parcel_id"], row["kind"])):
        found.setdefault(row["parcel_id"], []).append(DocumentRow(*(row[name] for name in DocumentRow._fields)))
    return found


class Content(NamedTuple):
    """A document with its content, where that is kept here, and its shipment's uuid."""

    parcel_id: int
    kind: str
    size: str
    mime_type: str
    content: bytes | None
    uuid: str


async def find_contents(
    tx: Reader, account_id: int, parcel_ids: Collection[int], kinds: Collection[str]
) -> Sequence[Content]:
    columns = (_d.parcel_id, _d.kind, _d.size, _d.mime_type, _d.content, _s.uuid)
    statement = (
        select(*columns)
        .join(parcels, (_p.account_id == _d.account_id) & (_p.id == _d.parcel_id))
        .join(shipments, (_s.account_id == _p.account_id) & (_s.id == _p.shipment_id))
        .where(_d.account_id == account_id, _d.parcel_id.in_(sorted(parcel_ids)), _d.kind.in_(sorted(kinds)))
    )
    return await tx.fetch_all(statement.order_by(_d.parcel_id, _d.kind), into=Content)


class ParcelEvent(NamedTuple):
    """A status that a parcel has had."""

    parcel_id: int
    id: int
    at: datetime
    status_code: str
    status_message: str


async def list_events(tx: Reader, account_id: int, parcel_ids: Collection[int]) -> dict[int, list[ParcelEvent]]:
    """List what has happened to parcels, by parcel, oldest first."""
    columns = (_e.parcel_id, _e.id, _e.at, _e.status_code, _e.status_message)
    statement = select(*columns).where(_e.account_id == account_id, _e.parcel_id.in_(sorted(parcel_ids)))
    found: dict[int, list[ParcelEvent]] = {}
    for row in await tx.fetch_all(statement.order_by(_e.parcel_id, _e.at, _e.id), into=ParcelEvent):
        found.setdefault(row.parcel_id, []).append(row)
    return found


async def find_parcel(tx: Reader, account_id: int, id: int) -> tuple[ParcelRow, int, str] | None:
    """Find and lock a parcel; return it with its shipment's integration and uuid."""
    statement = (
        select(*parcels.columns, _s.integration_id, _s.uuid)
        .join(shipments, (_s.account_id == _p.account_id) & (_s.id == _p.shipment_id))
        .where(_p.account_id == account_id, _p.id == id)
    )
    return await tx.fetch_one(statement.with_for_update(), into=_split)


def _split(*columns: Any) -> tuple[ParcelRow, int, str]:
    *parcel, integration_id, uuid = columns
    return ParcelRow(*parcel), integration_id, uuid


def no_such_shipment() -> errors.ErrorItem:
    return errors.not_found(message("The shipment could not be found."))


def no_such_parcel() -> errors.ErrorItem:
    return errors.not_found(message("The parcel could not be found."))


def no_such_document() -> errors.ErrorItem:
    return errors.not_found(message("The parcel has no such document."))
