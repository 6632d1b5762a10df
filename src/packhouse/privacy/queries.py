"""Reads of privacy: what is stored about a person, and how long an account keeps it."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson
from sqlalchemy import select

from packhouse.accounts.schema import Caller
from packhouse.integrations import erasure as logs
from packhouse.integrations import queries as integrations
from packhouse.kit import clock
from packhouse.kit.db import Database, Reader
from packhouse.kit.redaction import Words
from packhouse.kit.wire import pagination
from packhouse.orders import erasure as orders
from packhouse.orders import queries as order_queries
from packhouse.orders import redaction
from packhouse.orders.import_erasure import Key
from packhouse.orders.persons import Person
from packhouse.privacy.tables import retention_settings
from packhouse.shipping import erasure as shipments
from packhouse.shipping import queries as shipping_queries
from packhouse.shipping import wire
from packhouse.webhooks import erasure as webhooks
from packhouse.webhooks import queries as webhook_queries

_r = retention_settings.c
_PART = 100


class Retention(NamedTuple):
    """In days; None is for ever."""

    days: int | None = None
    documents_days: int | None = None

    def keeps_all(self) -> bool:
        return self.days is None and self.documents_days is None

    def find_edge(self, now: datetime) -> datetime | None:
        """Orders and shipments from before it are to be erased."""
        return None if self.days is None else now - timedelta(days=self.days)

    def find_documents_edge(self, now: datetime) -> datetime | None:
        """Customs papers from before it go."""
        return None if self.documents_days is None else now - timedelta(days=self.documents_days)


class Found(NamedTuple):
    """What is a person's: orders by id, shipments by id with their parcels, the words that tell of the person, and
    those by which they were named that nobody else has."""

    orders: frozenset[int]
    keys: frozenset[Key]
    shipments: Mapping[int, Collection[int]]
    words: Words
    own: Words

    def list_subjects(self) -> set[str]:
        """List subjects as deliveries name them."""
        parcels = {f"parcel:{id}" for ids in self.shipments.values() for id in ids}
        return parcels | {f"order:{id}" for id in self.orders}


async def find_retention(tx: Reader, account_id: int) -> Retention:
    row = await tx.fetch_one(select(_r.days, _r.documents_days).where(_r.account_id == account_id))
    return Retention() if row is None else Retention(*row)


async def find_person(db: Database, caller: Caller, person: Person) -> Found:
    """All orders and shipments of the account are looked at, a part at a time."""
    account_id, origin = caller.account_id, caller.country_code
    ordered = await orders.find_orders(db, account_id, person, origin)
    shipped = await shipments.find_shipments(db, account_id, person, origin)
    more = await orders.find_texts(db, account_id, shipped.orders - ordered.ids)
    ids = ordered.ids | shipped.orders
    keys = set()
    for part in _to_parts(ids):
        async with db.read() as tx:
            keys |= {(row.integration_id, row.order_id) for row in await orders.list_orders(tx, account_id, part)}
    texts = ordered.texts | shipped.texts | more
    words = person.to_words(origin) | redaction.to_words(texts, origin)
    ids |= await orders.find_deleted(db, account_id, words)
    found = await shipments.list_ids(db, account_id, shipped.ids, ids)
    return Found(frozenset(ids), frozenset(keys), found, words, person.to_own_words(origin))


def _to_parts(ids: Collection[int]) -> list[list[int]]:
    wanted = sorted(ids)
    return [wanted[start : start + _PART] for start in range(0, len(wanted), _PART)]


async def export_person(
    db: Database, caller: Caller, person: Person, *, now: datetime, base_url: str, id_is_text: bool
) -> dict[str, Any]:
    """One document with all of it, each part as the API gives it. What is free text is given where it holds the
    e-mail address or number by which they were named: somebody else may bear their name, or share an order."""
    found = await find_person(db, caller, person)
    account_id = caller.account_id
    shipped = await _list_shipments(db, account_id, found.shipments, base_url)
    told = await webhooks.list_deliveries(db, account_id, found.list_subjects(), found.own)
    logged = await logs.list_logs(db, account_id, found.own)
    return {
        "person": {name: value for name, value in vars_of(person).items() if value},
        "exported_at": clock.to_wire(now),
        "orders": await _list_orders(db, account_id, found.orders, id_is_text=id_is_text),
        "shipments": shipped,
        "documents": [paper for one in shipped for parcel in one["parcels"] for paper in parcel["documents"]],
        "deliveries": [webhook_queries.delivery_to_wire(row, whole=True) for row in told],
        "integration_logs": [integrations.to_log(row) for row in logged],
    }


def vars_of(person: Person) -> dict[str, str]:
    return {"email": person.email, "phone": person.phone, "name": person.name, "postal_code": person.postal_code}


async def _list_orders(
    db: Database, account_id: int, ids: Collection[int], *, id_is_text: bool
) -> list[dict[str, Any]]:
    """Each with its history, newest first; of one that was deleted only that is left."""
    listed: list[dict[str, Any]] = []
    for part in _to_parts(ids):
        async with db.read() as tx:
            rows = {row.id: row for row in await orders.list_orders(tx, account_id, part)}
            for id in part:
                row = rows.get(id)
                text = None if row is None else order_queries.to_wire(row, id_is_text=id_is_text)
                order = None if text is None else orjson.loads(text)
                listed.append({"id": id, "order": order, "history": await _list_history(tx, account_id, id)})
    return listed


async def _list_history(tx: Reader, account_id: int, id: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    cursor: pagination.Cursor | None = pagination.Cursor()
    while cursor is not None:
        page = await order_queries.list_history(tx, account_id, id, cursor, _PART)
        entries += [_to_entry(row) for row in page.rows]
        cursor = page.next
    return entries


def _to_entry(row: order_queries.HistoryEntry) -> dict[str, Any]:
    kind, _, name = row.by.partition(":")
    by = {"type": kind, "name": name}
    at = clock.to_wire(row.at)
    return {"version": row.version, "action": row.action, "at": at, "by": by, "changes": orjson.loads(row.changes)}


async def _list_shipments(db: Database, account_id: int, ids: Collection[int], base_url: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for part in _to_parts(ids):
        async with db.read() as tx:
            cursor = pagination.Cursor()
            page = await shipping_queries.list_shipments(tx, account_id, {"numbers": part}, cursor, _PART)
        listed += [wire.to_shipment(found, base_url) for found in page.rows]
    return listed
