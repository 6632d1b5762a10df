"""Erases people from shipments: their addresses, the carriers' words about them, and the printed papers.

A shipment that a carrier is being asked about is left until it is known whether there is a label: asked again without
the address, the carrier would make another. Customs papers stay as long as the account has to keep them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, delete, func, or_, select, update

from packhouse.context import Context
from packhouse.kit import errors, scan
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.db.columns import Instant
from packhouse.kit.messages import message
from packhouse.kit.redaction import ERASED, Words
from packhouse.orders import redaction
from packhouse.orders.persons import Facts, Person
from packhouse.orders.redaction import Text
from packhouse.shipping import storage, wire
from packhouse.shipping.operations import ANNOUNCING, WITHDRAWING
from packhouse.shipping.schema import NO_ORDER
from packhouse.shipping.tables import documents, parcel_events, parcels, shipments

AT_ONCE = 20
KEPT_BY_LAW = frozenset({"customs-declaration", "commercial-invoice"})
_KINDS = frozenset({"label", "air-waybill", *KEPT_BY_LAW})
_IN_FLIGHT = (ANNOUNCING, WITHDRAWING)

_s, _p, _d, _e = shipments.c, parcels.c, documents.c, parcel_events.c


@dataclass(slots=True)
class Found:
    """The shipments of a person, the orders that they were made of (which may be gone), and the texts that identify the
    person."""

    ids: set[int] = field(default_factory=set)
    orders: set[int] = field(default_factory=set)
    texts: set[Text] = field(default_factory=set)


@dataclass(slots=True)
class Erased:
    """What was done: `documents` are gone, `kept` are papers that the law requires to keep, `postponed` shipments are
    in progress."""

    shipments: int = 0
    documents: int = 0
    kept: int = 0
    postponed: list[int] = field(default_factory=list)

    def add(self, other: "Erased") -> None:
        self.shipments += other.shipments
        self.documents += other.documents
        self.kept += other.kept
        self.postponed += other.postponed


class _Printable(NamedTuple):
    parcel_id: int
    kind: str
    created_at: datetime
    is_outside: bool


class OldShipment(NamedTuple):
    """A shipment that may have to be erased."""

    id: int
    for_order: int


class OldPaper(NamedTuple):
    """A document that may have to be removed; without a kind where its parcel has none."""

    parcel_id: int
    shipment_id: int
    kind: str | None
    created_at: datetime | None


class _Paper(NamedTuple):
    uuid: str
    parcel_id: int
    kind: str


async def find_shipments(db: Database, account_id: int, person: Person, origin: str) -> Found:
    """Find the shipments that were sent to the person or, like returns, by them."""
    found = Found()
    async for rows in scan.walk(db, account_id, [_s.id], [_s.for_order, _s.document], _s.erased_at.is_(None)):
        for row in rows:
            if not person.may_be_in(row.document):
                continue
            document, facts = _turn(orjson.loads(row.document)), Facts()
            facts.add_document(document)
            if person.is_told_by(facts, origin):
                found.ids.add(row.id)
                found.orders |= {row.for_order} - {NO_ORDER}
                found.texts.update(redaction.find_texts(document, (), redaction.find_country(document)))
    return found


def _turn(document: dict[str, Any]) -> dict[str, Any]:
    """Swap sender and recipient of a return, and swap them back: the person is the sender of a return."""
    if not document.get("is_return"):
        return document
    return {**document, "from_address": document["to_address"], "to_address": document["from_address"]}


async def list_ids(
    db: Database, account_id: int, ids: Collection[int], orders: Collection[int]
) -> dict[int, list[int]]:
    """List the shipments with these ids or of these orders, each with its parcels."""
    found: dict[int, list[int]] = {}
    for part_of_ids, part_of_orders in _to_parts(ids, orders):
        named = or_(_s.id.in_(part_of_ids), _s.for_order.in_(part_of_orders))
        statement = select(_s.id, _p.id.label("parcel_id")).where(_s.account_id == account_id, named)
        statement = statement.join(parcels, (_p.account_id == _s.account_id) & (_p.shipment_id == _s.id))
        async with db.read() as tx:
            for row in await tx.fetch_all(statement):
                found.setdefault(row.id, []).append(row.parcel_id)
    return found


def _to_parts(ids: Collection[int], orders: Collection[int]) -> list[tuple[list[int], list[int]]]:
    size = 500
    parts = [(sorted(ids)[at : at + size], list[int]()) for at in range(0, len(ids), size)]
    return parts + [([], sorted(orders)[at : at + size]) for at in range(0, len(orders), size)]


async def erase_shipments(
    ctx: Context, account_id: int, ids: Collection[int], words: Words, *, keep_after: datetime | None
) -> Erased:
    """Customs papers that were made after `keep_after` stay, or all of them without it. A file is deleted before its
    row, so that a run after a killed one finds it again. Raises Unavailable."""
    wanted, erased = sorted(ids), Erased()
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        erased.add(await ctx.db.write(partial(_erase_part, account_id, part, words, ctx.clock())))
        erased.documents += await remove_papers(ctx, account_id, part, keep_after=keep_after)
        erased.kept += await _count_papers(ctx.db, account_id, part)
    return erased


async def _erase_part(account_id: int, ids: Sequence[int], words: Words, now: datetime, tx: Transaction) -> Erased:
    of_them = select(shipments).where(_s.account_id == account_id, _s.id.in_(ids), _s.erased_at.is_(None))
    rows = await tx.fetch_all(of_them.order_by(_s.id).with_for_update())
    erased = Erased(postponed=[row.id for row in rows if row.state in _IN_FLIGHT])
    for row in rows:
        if row.state in _IN_FLIGHT:
            continue
        document = _turn(orjson.loads(row.document))
        told = words | redaction.to_words(redaction.find_texts(document, (), redaction.find_country(document)))
        changes = {"document": orjson.dumps(_turn(redaction.redact(document, told))).decode(), "erased_at": now}
        changes["errors"] = _to_errors(row.errors)
        await tx.execute(update(shipments).where(_s.account_id == account_id, _s.id == row.id).values(changes))
        await _erase_parcels(tx, account_id, row.id, told)
        erased.shipments += 1
    return erased


def _to_errors(text: str) -> str:
    """Remove details, because carriers quote addresses in refusals."""
    return orjson.dumps([{**error, "detail": ERASED} for error in orjson.loads(text)]).decode()


async def _erase_parcels(tx: Transaction, account_id: int, shipment_id: int, words: Words) -> None:
    """Remove a carrier's own words, which may say who took the parcel, and its link, which may say where."""
    of_it = (_p.account_id == account_id, _p.shipment_id == shipment_id)
    known = {**wire.TRACKING, **wire.STATUSES}
    for row in await tx.fetch_all(select(parcels).where(*of_it)):
        changes = {
            "document": orjson.dumps(redaction.redact(orjson.loads(row.document), words)).decode(),
            "status_message": known.get(row.status_code, ERASED),
            "tracking_url": None,
        }
        await tx.execute(update(parcels).where(_p.account_id == account_id, _p.id == row.id).values(changes))
        await _erase_events(tx, account_id, row.id, known)


async def _erase_events(tx: Transaction, account_id: int, parcel_id: int, known: Mapping[str, str]) -> None:
    of_it = (_e.account_id == account_id, _e.parcel_id == parcel_id)
    for row in await tx.fetch_all(select(_e.id, _e.status_code, _e.status_message).where(*of_it)):
        if row.status_message != (told := known.get(row.status_code, ERASED)):
            await tx.execute(update(parcel_events).where(*of_it, _e.id == row.id).values(status_message=told))


async def remove_papers(
    ctx: Context, account_id: int, shipment_ids: Collection[int], *, keep_after: datetime | None
) -> int:
    """Remove the documents of shipments that no carrier is being asked about; return how many."""
    async with ctx.db.read() as tx:
        found = await tx.fetch_all(_to_papers(account_id, shipment_ids), into=_Printable)
        places = await _list_places(tx, account_id, shipment_ids) if ctx.store is not None else []
    over = [row for row in found if not _is_kept(row, keep_after)]
    kept = {(row.parcel_id, row.kind) for row in found if _is_kept(row, keep_after)}
    await _remove(ctx, account_id, over, [place for place in places if (place.parcel_id, place.kind) not in kept])
    return len(over)


async def remove_customs_papers(ctx: Context, account_id: int, shipment_ids: Collection[int], before: datetime) -> None:
    """Remove customs papers that were made until then; labels stay."""
    async with ctx.db.read() as tx:
        found = await tx.fetch_all(_to_papers(account_id, shipment_ids), into=_Printable)
        places = await _list_places(tx, account_id, shipment_ids) if ctx.store is not None else []
    over = [row for row in found if row.kind in KEPT_BY_LAW and row.created_at <= before]
    named = {(row.parcel_id, row.kind) for row in over}
    await _remove(ctx, account_id, over, [place for place in places if (place.parcel_id, place.kind) in named])


async def _remove(ctx: Context, account_id: int, over: Sequence[_Printable], places: Sequence[_Paper]) -> None:
    if ctx.store is None and any(row.is_outside for row in over):
        raise errors.Unavailable(message("The store of this document is not configured."))
    for place in places:
        if ctx.store is not None:
            await ctx.store.delete(storage.to_key(account_id, place.uuid, place.parcel_id, place.kind))

    async def remove_rows(tx: Transaction) -> None:
        for row in over:
            of_it = (_d.account_id == account_id, _d.parcel_id == row.parcel_id, _d.kind == row.kind)
            await tx.execute(delete(documents).where(*of_it))

    await ctx.db.write(remove_rows)


def _to_papers(account_id: int, shipment_ids: Collection[int]) -> Select[Any]:
    columns = (_d.parcel_id, _d.kind, _d.created_at, _d.content.is_(None).label("is_outside"))
    return (
        select(*columns)
        .join(parcels, (_p.account_id == _d.account_id) & (_p.id == _d.parcel_id))
        .join(shipments, (_s.account_id == _p.account_id) & (_s.id == _p.shipment_id))
        .where(_d.account_id == account_id, _s.id.in_(sorted(shipment_ids)), _s.state.not_in(_IN_FLIGHT))
    )


def _is_kept(row: _Printable, keep_after: datetime | None) -> bool:
    return row.kind in KEPT_BY_LAW and (keep_after is None or row.created_at > keep_after)


async def _list_places(tx: Reader, account_id: int, shipment_ids: Collection[int]) -> list[_Paper]:
    """List the places in a store where a paper may be, even one without a row, because it is stored before its row."""
    statement = (
        select(_s.uuid, _p.id)
        .join(parcels, (_p.account_id == _s.account_id) & (_p.shipment_id == _s.id))
        .where(_s.account_id == account_id, _s.id.in_(sorted(shipment_ids)), _s.state.not_in(_IN_FLIGHT))
    )
    rows = await tx.fetch_all(statement)
    return [_Paper(uuid, parcel_id, kind) for uuid, parcel_id in rows for kind in sorted(_KINDS)]


async def _count_papers(db: Database, account_id: int, shipment_ids: Collection[int]) -> int:
    """Return how many papers are left."""
    async with db.read() as tx:
        rows = await tx.fetch_all(_to_papers(account_id, shipment_ids), into=_Printable)
    return len(rows)


async def find_last_dates(tx: Reader, account_id: int, orders: Collection[int]) -> dict[int, datetime]:
    """Return when each of these orders was last shipped."""
    statement = select(_s.for_order, func.max(_s.created_at, type_=Instant).label("at"))
    statement = statement.where(_s.account_id == account_id, _s.for_order.in_(sorted(orders))).group_by(_s.for_order)
    return {row.for_order: row.at for row in await tx.fetch_all(statement)}


async def list_old_shipments(tx: Reader, account_id: int, before: datetime, after: int, most: int) -> list[OldShipment]:
    """List up to `most` shipments behind the id `after` that were made `before` and are not erased."""
    within = (_s.account_id == account_id, _s.id > after, _s.created_at < before, _s.erased_at.is_(None))
    statement = select(_s.id, _s.for_order).where(*within).order_by(_s.id).limit(most)
    return await tx.fetch_all(statement, into=OldShipment)


async def list_old_papers(tx: Reader, account_id: int, after: int, most: int) -> list[OldPaper]:
    """List the documents of up to `most` parcels behind the id `after`."""
    some = select(_p.id).where(_p.account_id == account_id, _p.id > after).order_by(_p.id).limit(most)
    last = await tx.fetch_value(select(func.max(some.subquery().c.id)))
    if last is None:
        return []
    statement = select(_p.id.label("parcel_id"), _p.shipment_id, _d.kind, _d.created_at)
    statement = statement.join(documents, (_d.account_id == _p.account_id) & (_d.parcel_id == _p.id), isouter=True)
    within = (_p.account_id == account_id, _p.id > after, _p.id <= last)
    return await tx.fetch_all(statement.where(*within).order_by(_p.id, _d.kind), into=OldPaper)
