"""Orders made to tell of nobody: found by whose they are, rewritten a few at a time with their histories.

Each part is a transaction of its own that holds the orders for it, so a run that was killed is begun anew and finds
what is left. What is erased stays an order: its shop may change it like any other.
"""

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

import orjson
from sqlalchemy import exists, or_, select, update

from packhouse.kit import clock, scan
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.redaction import Words
from packhouse.orders import counts, redaction, search
from packhouse.orders.persons import Facts, Person
from packhouse.orders.redaction import Text
from packhouse.orders.tables import HistoryRow, OrderRow, order_deletions, order_history, order_terms, orders, to_row

ERASED = "erased"
AT_ONCE = 20

_o, _h, _d = orders.c, order_history.c, order_deletions.c
_NO_CHANGES = "[]"


class Author(NamedTuple):
    """Who erases, in the words of a history, and from which country the account sends."""

    actor: str
    origin: str


@dataclass(slots=True)
class Found:
    """Orders of a person, also deleted ones of which a history is left, and what tells of the person in them."""

    ids: set[int] = field(default_factory=set)
    texts: set[Text] = field(default_factory=set)


async def find_orders(db: Database, account_id: int, person: Person, origin: str) -> Found:
    """An order is a person's where it names them, or did before it was changed."""
    found = Found()
    async for part in _walk_orders(db, account_id):
        for id, document, changes in part:
            if person.may_be_in("".join((document, *changes))):
                _add(found, id, orjson.loads(document), _read_all(changes), person, origin)
    async for id, changes in _walk_deleted(db, account_id):
        if person.may_be_in("".join(changes)):
            _add(found, id, {}, _read_all(changes), person, origin)
    return found


def _read_all(texts: Sequence[str]) -> list[dict[str, Any]]:
    return [change for text in texts for change in orjson.loads(text)]


def _add(
    found: Found,
    id: int,
    document: Mapping[str, Any],
    changes: Sequence[Mapping[str, Any]],
    person: Person,
    origin: str,
) -> None:
    facts = Facts()
    facts.add_document(document)
    facts.add_changes(changes, redaction.find_country(document))
    if person.is_told_by(facts, origin):
        found.ids.add(id)
        found.texts.update(_find_texts(document, changes))


def _find_texts(document: Mapping[str, Any], changes: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    yield from redaction.find_texts(document, (), redaction.find_country(document))
    yield from redaction.find_changed_texts(changes)


# Its id, its document and the changes of its history, as texts.
_Read = tuple[int, str, list[str]]


async def _walk_orders(db: Database, account_id: int) -> AsyncIterator[list[_Read]]:
    async for rows in scan.walk(db, account_id, [_o.id], [_o.document]):
        first, last = rows[0].id, rows[-1].id
        within = (_h.account_id == account_id, _h.id.between(first, last), _h.changes != _NO_CHANGES)
        changes: dict[int, list[str]] = {}
        async with db.read() as tx:
            for id, text in await tx.fetch_all(select(_h.id, _h.changes).where(*within)):
                changes.setdefault(id, []).append(text)
        yield [(row.id, row.document, changes.get(row.id, [])) for row in rows]


async def _walk_deleted(db: Database, account_id: int) -> AsyncIterator[tuple[int, list[str]]]:
    """Each as a whole: a history whose versions lie in two parts is given when it is complete."""
    there = exists().where(_o.account_id == _h.account_id, _o.id == _h.id)
    known: tuple[int, list[str]] | None = None
    conditions = (_h.changes != _NO_CHANGES, ~there)
    async for rows in scan.walk(db, account_id, [_h.id, _h.version], [_h.changes], *conditions):
        for id, some in groupby(rows, lambda row: row.id):
            changes = [row.changes for row in some]
            if known is not None and known[0] == id:
                known[1].extend(changes)
                continue
            if known is not None:
                yield known
            known = id, changes
    if known is not None:
        yield known


async def find_deleted(db: Database, account_id: int, words: Words) -> set[int]:
    """Deleted orders whose history holds words that tell of the person: of those nobody can tell any more whose they
    were, and nobody needs what is left of them."""
    return {id async for id, changes in _walk_deleted(db, account_id) if words.are_in("".join(changes))}


async def find_texts(db: Database, account_id: int, ids: Collection[int]) -> set[Text]:
    """What tells of people in orders that were found otherwise."""
    wanted = sorted(ids)
    texts: set[Text] = set()
    for start in range(0, len(wanted), scan.PART):
        async with db.read() as tx:
            rows = await list_orders(tx, account_id, wanted[start : start + scan.PART])
        for row in rows:
            texts.update(_find_texts(orjson.loads(row.document), []))
    return texts


class Named(NamedTuple):
    """An order with the key by which its shop names it."""

    id: int
    created_at: datetime
    modified_at: datetime
    document: str
    integration_id: int
    order_id: str


async def list_orders(tx: Reader, account_id: int, ids: Collection[int]) -> list[Named]:
    columns = (_o.id, _o.created_at, _o.modified_at, _o.document, _o.integration_id, _o.order_id)
    statement = select(*columns).where(_o.account_id == account_id, _o.id.in_(sorted(ids)))
    return await tx.fetch_all(statement.order_by(_o.id), into=Named)


async def erase_orders(
    db: Database, account_id: int, ids: Collection[int], words: Words, author: Author, *, now: datetime
) -> int:
    """How many were not erased yet. Their histories lose what they tell; each gets an entry that says by whom."""
    wanted, count = sorted(ids), 0
    for start in range(0, len(wanted), AT_ONCE):
        part = wanted[start : start + AT_ONCE]
        count += await db.write(lambda tx: _erase_part(tx, account_id, part, words, author, now))
    return count


async def _erase_part(
    tx: Transaction,
    account_id: int,
    ids: Sequence[int],
    words: Words,
    author: Author,
    now: datetime,
) -> int:
    of_them = (_o.account_id == account_id, _o.id.in_(ids))
    in_turn = select(orders).where(*of_them).order_by(_o.integration_id, _o.order_id).with_for_update()
    live = {row.id: row for row in await tx.fetch_all(in_turn, into=OrderRow)}
    by_order = select(order_history).where(_h.account_id == account_id, _h.id.in_(ids)).order_by(_h.id, _h.version)
    entries: dict[int, list[HistoryRow]] = {}
    for entry in await tx.fetch_all(by_order, into=HistoryRow):
        entries.setdefault(entry.id, []).append(entry)
    rows: list[dict[str, Any]] = []
    history: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    for id in ids:
        row, past = live.get(id), entries.get(id, [])
        version = _find_next_version(row, past)
        document = orjson.loads(row.document) if row is not None else {}
        changes = _read_all([entry.changes for entry in past])
        told = words | redaction.to_words(_find_texts(document, changes), author.origin)
        history += _redact_history(past, told)
        if row is not None and version is None:
            terms += _to_terms(row._asdict(), author.origin)
        if version is None:
            continue
        made = {"account_id": account_id, "id": id, "version": version, "action": ERASED}
        history.append({**made, "at": now, "by": author.actor, "changes": _NO_CHANGES})
        if row is not None:
            rows.append(_to_erased(row, redaction.redact(document, told), version, now))
            terms += _to_terms(rows[-1], author.origin)
    await _count(tx, account_id, rows, live, now)
    count = len([entry for entry in history if entry["action"] == ERASED and entry["at"] == now])
    await search.forget(tx, account_id, ids)
    await _write(tx, account_id, rows, history, terms)
    await search.enqueue(tx, account_id, sorted(live), author.origin, now)  # for what stands in no document
    return count


async def _count(
    tx: Transaction, account_id: int, rows: Sequence[Mapping[str, Any]], live: Mapping[int, OrderRow], now: datetime
) -> None:
    """A status may hold a name, and then it is another one."""
    erased = [live[row["id"]] for row in rows]
    before = [counts.Kind(one.integration_id, one.status_folded, int(one.live_shipments > 0)) for one in erased]
    after = [kind._replace(status_folded=row["status_folded"]) for kind, row in zip(before, rows, strict=True)]
    await counts.record(tx, account_id, before, after, (row["id"] + row["version"] for row in rows), now)


def _find_next_version(row: OrderRow | None, past: Sequence[HistoryRow]) -> int | None:
    """None for one that was erased and is as it was left."""
    if row is not None:
        return None if row.erased_version == row.version else row.version + 1
    return None if not past or past[-1].action == ERASED else past[-1].version + 1


def _redact_history(past: Sequence[HistoryRow], words: Words) -> list[dict[str, Any]]:
    """Those that differ afterwards."""
    found = []
    for entry in past:
        changes = orjson.dumps(redaction.redact_changes(orjson.loads(entry.changes), words)).decode()
        if changes != entry.changes:
            found.append({**entry._asdict(), "changes": changes})
    return found


def _to_erased(row: OrderRow, document: dict[str, Any], version: int, now: datetime) -> dict[str, Any]:
    return to_row(
        document,
        account_id=row.account_id,
        id=row.id,
        version=version,
        created_at=row.created_at,
        created_by=row.created_by,
        modified_at=now,
    )


def _to_terms(row: Mapping[str, Any], origin: str) -> list[dict[str, Any]]:
    """What the order is found by from now on: its numbers, and what it is made of."""
    placed = {"account_id": row["account_id"], "placed_at": row["order_created_at"], "id": row["id"]}
    return [{**placed, "term": term} for term in sorted(search.to_terms(orjson.loads(row["document"]), origin))]


async def _write(
    tx: Transaction,
    account_id: int,
    rows: Sequence[dict[str, Any]],
    history: Sequence[dict[str, Any]],
    terms: Sequence[dict[str, Any]],
) -> None:
    """An order that somebody is about to delete on the page is deleted all the same."""
    ids = [row["id"] for row in rows]
    await tx.upsert(orders, rows)
    await tx.upsert(order_history, history)
    await tx.upsert(order_terms, terms)
    await tx.execute(
        update(orders).where(_o.account_id == account_id, _o.id.in_(ids)).values(erased_version=_o.version)
    )
    pending = (_d.account_id == account_id, _d.id.in_(ids), _d.kept.is_(None))
    as_it_was = exists().where(_o.account_id == account_id, _o.id == _d.id, _o.version == _d.version + 1)
    await tx.execute(update(order_deletions).where(*pending, as_it_was).values(version=_d.version + 1))


class OldOrder(NamedTuple):
    """An order that may have to be erased."""

    id: int
    order_created_at: datetime
    is_erased: bool


class OldEntry(NamedTuple):
    """An entry of a history that may have to be removed."""

    id: int
    version: int
    action: str
    at: datetime


async def list_old_orders(
    tx: Reader, account_id: int, before: datetime, after: tuple[str, int] | None, most: int
) -> list[OldOrder]:
    """List up to `most` orders that were placed `before`, oldest first, behind a place `(order_created_at, id)`."""
    is_erased = (_o.erased_version.is_not(None) & (_o.erased_version == _o.version)).label("is_erased")
    statement = select(_o.id, _o.order_created_at, is_erased)
    statement = statement.where(_o.account_id == account_id, _o.order_created_at < before)
    if after is not None:
        placed_at, id = clock.from_wire(after[0]), after[1]
        past = or_(_o.order_created_at > placed_at, _o.id > id)
        statement = statement.where(_o.order_created_at >= placed_at, past)
    return await tx.fetch_all(statement.order_by(_o.order_created_at, _o.id).limit(most), into=OldOrder)


async def list_histories(tx: Reader, account_id: int, after: tuple[int, int], most: int) -> list[OldEntry]:
    """List up to `most` entries of histories behind a place `(id, version)`."""
    statement = select(_h.id, _h.version, _h.action, _h.at).where(_h.account_id == account_id, _h.id >= after[0])
    statement = statement.where(or_(_h.id > after[0], _h.version > after[1]))
    return await tx.fetch_all(statement.order_by(_h.id, _h.version).limit(most), into=OldEntry)


async def find_there(tx: Reader, account_id: int, ids: Collection[int]) -> set[int]:
    """Those of the orders that were not deleted."""
    statement = select(_o.id).where(_o.account_id == account_id, _o.id.in_(sorted(ids)))
    return set(await tx.fetch_values(statement))
