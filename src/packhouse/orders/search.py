"""Finding orders by what is in them: words that a worker writes down after a change, never the change itself.

A term is a folded text (an order number or id, an e-mail address, a SKU, an EAN, a serial number, a postal code, a name
and each word of it, the words of a street, a city and a product) or a kind and a value. A kind begins with a space,
which no folded text does: so nothing that a customer is called and nothing that a person searches for is taken for one.
Terms stand in the order in which lists are shown, so the newest orders with one are read from the index and the rest is
not looked at.
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Select, delete, exists, func, select, union

from packhouse.kit import jobs
from packhouse.kit.data import emails
from packhouse.kit.db import Database, Reader, Transaction
from packhouse.kit.wire import pagination
from packhouse.orders import counts, plain, queries, serials, typed, warnings, words
from packhouse.orders.tables import order_terms, orders

JOB = "order.index"
REINDEX_JOB = "order.reindex"
SINCE = "0038"
"""The schema from which on terms are as `to_terms` writes them now: what comes from before is read anew."""
COUNTRY, TAG, WARNING = " country:", " tag:", " warning:"
"""The kinds."""

_LONGEST_TAG = 100
_SHORTENED = re.compile(r".{0,100}\x1f[0-9a-f]{32}", re.DOTALL)
# Orders of one transaction, and of one stretch of work that nobody else can interrupt.
_AT_ONCE = 200
_BETWEEN_BREATHS = 20
# A reindexing job does so many transactions' orders and leaves the rest to the next one: well within a lease.
_PARTS_OF_A_JOB = 10
# A beginning of a word may be that of very many: so many places are looked at, and a sort other than the list's own
# is made among so many of the newest.
_MOST_BEGINNINGS = 1_000
_MOST_SORTED = 5_000
# Words of what an order's products are called: a catalogue is no order.
_MOST_PRODUCT_WORDS = 300
# Serial numbers that an order says of its items; those that were scanned into it are few enough.
_MOST_SERIALS = 1_000
# Orders that change while they are read are read so often at once.
_MOST_TURNS = 5
# Places of an order, as JSON pointers, that `to_terms` reads nothing of.
_IS_NOT_SOUGHT = re.compile(
    r"/(order_details/(status|notes|order_updated_at|integration)|payment_details|shipping_details|service_point_details)(/|$)"
)

_o, _t = orders.c, order_terms.c


class Wanted(NamedTuple):
    """`text` as typed; `terms` are all needed. Where `ids` are given, the text was found to be that of these orders."""

    text: str
    terms: Sequence[str]
    ids: Collection[int] = ()


async def enqueue(
    tx: Transaction,
    account_id: int,
    ids: Sequence[int],
    origin: str,
    now: datetime,
    *,
    job_ids: Sequence[int] | None = None,
) -> None:
    """One job for all of them. `origin` decides which customs warnings there are; `job_ids` is one that was drawn."""
    payloads = [to_payload(ids, origin)] if ids else []
    await jobs.enqueue(tx, account_id, JOB, payloads, now=now, ids=job_ids, is_urgent=False)


def to_payload(ids: Sequence[int], origin: str) -> dict[str, Any]:
    return {"ids": list(ids), "origin": origin}


def is_touched_by(changes: Iterable[Mapping[str, Any]]) -> bool:
    """Whether these changes of an order (a JSON Patch) may change what it is found by; most, like a new status, do
    not."""
    return not all(_IS_NOT_SOUGHT.match(change["path"]) for change in changes)


async def forget(tx: Transaction, account_id: int, ids: Collection[int]) -> None:
    await tx.execute(delete(order_terms).where(_t.account_id == account_id, _t.id.in_(ids)))


async def handle(db: Database, together: Sequence[jobs.Job]) -> AsyncIterator[None]:
    """Writes what each order of these jobs of one account holds now, so that it may run twice and in any order. Gives
    back nothing between its transactions, where it may wait."""
    origins = {id: job.payload["origin"] for job in together for id in job.payload["ids"]}
    ids = sorted(origins)
    for start in range(0, len(ids), _AT_ONCE):
        if start:
            yield
        await _index(db, together[0].account_id, ids[start : start + _AT_ONCE], origins)


async def _index(db: Database, account_id: int, ids: Collection[int], origins: Mapping[int, str]) -> None:
    """An order that is gone leaves nothing behind. Orders are read and taken apart before the transaction, which holds
    up other writes; those that change meanwhile again and again are held for it."""
    left = ids
    for _ in range(_MOST_TURNS):
        if not left:
            return
        async with db.read() as tx:
            read = await tx.fetch_all(_to_read(account_id, left))
        rows = await _to_rows(account_id, read, origins)
        left = await db.write(partial(_write_unchanged, account_id=account_id, ids=left, read=read, rows=rows))
    if left:
        await db.write(partial(_write_held, account_id=account_id, ids=left, origins=origins))


def _to_read(account_id: int, ids: Collection[int]) -> Select[Any]:
    """By key, as all that lock orders do."""
    columns = (_o.id, _o.version, _o.order_created_at, _o.document)
    statement = select(*columns).where(_o.account_id == account_id, _o.id.in_(ids))
    return statement.order_by(_o.integration_id, _o.order_id)


async def _to_rows(account_id: int, read: Sequence[Any], origins: Mapping[int, str]) -> list[dict[str, Any]]:
    rows = []
    for number, order in enumerate(read):
        placed = {"account_id": account_id, "placed_at": order.order_created_at, "id": order.id}
        rows += [{**placed, "term": term} for term in to_terms(orjson.loads(order.document), origins[order.id])]
        if number % _BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
    return rows


async def _write_unchanged(
    tx: Transaction, account_id: int, ids: Collection[int], read: Sequence[Any], rows: Sequence[dict[str, Any]]
) -> Collection[int]:
    """Those that have changed since they were read: nothing is written of them."""
    held = _held(_to_read(account_id, ids).with_only_columns(_o.id, _o.version))
    seen = {order.id: order.version for order in read}
    now = {row.id: row.version for row in await tx.execute(held)}
    changed = {id for id, version in now.items() if seen.get(id) != version}
    await forget(tx, account_id, [id for id in ids if id not in changed])
    kept = [order for order in read if order.id in now and order.id not in changed]
    written = {order.id for order in kept}
    await _insert(tx, account_id, kept, [row for row in rows if row["id"] in written])
    return changed


async def _write_held(tx: Transaction, account_id: int, ids: Collection[int], origins: Mapping[int, str]) -> None:
    read = await tx.fetch_all(_held(_to_read(account_id, ids)))
    await forget(tx, account_id, ids)
    await _insert(tx, account_id, read, await _to_rows(account_id, read, origins))


def _held(statement: Select[Any]) -> Select[Any]:
    """Keep orders from being changed, and from being indexed by another worker at the same time: a serial number that
    is scanned meanwhile changes no order, and the job that it left must have the last word."""
    return statement.with_for_update(key_share=True)


async def _insert(tx: Transaction, account_id: int, read: Sequence[Any], rows: Sequence[dict[str, Any]]) -> None:
    """Write the terms of these orders, and the serial numbers that were scanned into them: those stand in no
    document."""
    scanned = await serials.list_of_orders(tx, account_id, [order.id for order in read])
    known = {(row["id"], row["term"]) for row in rows if row["id"] in scanned}
    more = [
        {"account_id": account_id, "placed_at": order.order_created_at, "id": order.id, "term": serial}
        for order in read
        for serial in sorted(scanned.get(order.id, ()))
        if (order.id, serial) not in known
    ]
    await tx.upsert(order_terms, sorted([*rows, *more], key=_to_place))


def _to_place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["term"], row["placed_at"], row["id"]


async def reindex(db: Database, account_id: int, origin: str, now: datetime) -> AsyncIterator[int]:
    """Writes what every order is found by, part by part, and gives back how many orders are done: for orders that are
    older than search, and wherever terms were lost. What came by a deleted order goes, and a worker counts the orders
    anew. Others may write meanwhile."""
    done = 0
    last: int | None = 0
    while last is not None:
        count, last = await _reindex_part(db, account_id, origin, last)
        done += count
        yield done
    await db.write(lambda tx: counts.enqueue_recount(tx, account_id, now))


async def enqueue_reindex(tx: Transaction, account_id: int, origin: str, now: datetime) -> None:
    """Have a worker write what every order of an account is found by."""
    payload = {"after": 0, "origin": origin}
    await jobs.enqueue(tx, account_id, REINDEX_JOB, [payload], now=now, lane=REINDEX_JOB)


async def handle_reindex(db: Database, job: jobs.Job, now: datetime) -> None:
    """A stretch of an account's orders, and a job for those that follow."""
    last: int = job.payload["after"]
    for _ in range(_PARTS_OF_A_JOB):
        _, reached = await _reindex_part(db, job.account_id, job.payload["origin"], last)
        if reached is None:
            await db.write(lambda tx: counts.enqueue_recount(tx, job.account_id, now))
            return
        last = reached

    async def work(tx: Transaction) -> None:
        if await jobs.is_mine(tx, job):
            await jobs.remove_waiting(tx, job.account_id, REINDEX_JOB)
            payload = {**job.payload, "after": last}
            await jobs.enqueue(tx, job.account_id, REINDEX_JOB, [payload], now=now, lane=REINDEX_JOB)

    await db.write(work)


async def _reindex_part(db: Database, account_id: int, origin: str, last: int) -> tuple[int, int | None]:
    """How many orders behind this id were done, and the last of them; None where there are no more."""
    following = select(_o.id).where(_o.account_id == account_id, _o.id > last).order_by(_o.id).limit(_AT_ONCE)
    async with db.read() as tx:
        ids = list(await tx.fetch_values(following))
    await _index(db, account_id, ids, dict.fromkeys(ids, origin))
    is_last = len(ids) < _AT_ONCE
    within = (_t.id > last,) if is_last else (_t.id > last, _t.id <= ids[-1])
    there = exists().where(_o.account_id == _t.account_id, _o.id == _t.id)
    await db.write(lambda tx: tx.execute(delete(order_terms).where(_t.account_id == account_id, *within, ~there)))
    return len(ids), None if is_last else ids[-1]


def to_terms(order: Mapping[str, Any], origin: str) -> set[str]:
    sent, order = order, plain.to_plain(order)
    terms = (
        {words.fold(text) for text in _find_texts(order, sent)} | set(_find_words(order)) | _find_phones(order, origin)
    )
    terms |= words.to_number_forms(order["order_number"])
    terms |= {to_tag_term(tag) for tag in order["order_details"].get("tags") or ()}
    if country := (order.get("shipping_address") or {}).get("country_code"):
        terms.add(f"{COUNTRY}{country}")
    if next(warnings.find_warnings(sent, origin), None) is not None:
        terms.add(WARNING)
    return terms - {""}


def to_tag_term(tag: str) -> str:
    """A tag too long for the index is its beginning and a digest of all of it; that form is taken too."""
    if _SHORTENED.fullmatch(tag):
        return f"{TAG}{tag}"
    if len(tag) <= _LONGEST_TAG and "\x1f" not in tag:
        return f"{TAG}{tag}"
    digest = hashlib.sha256(tag.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{TAG}{tag[:_LONGEST_TAG]}\x1f{digest}"


def to_shown_tag(tag: str) -> str:
    """A tag of `list_values` as people read it."""
    beginning, mark, _ = tag.rpartition("\x1f")
    return f"{beginning}…" if mark else tag


_HOLDERS = ("customer_details", "shipping_address", "billing_address")


def _find_texts(order: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[str]:
    """Give what an order is found by as a whole; of several e-mail addresses by each."""
    yield order["order_number"]
    yield order["order_id"]
    for part in _HOLDERS:
        holder = order.get(part) or {}
        yield holder.get("email") or ""
        yield from emails.find_all((sent.get(part) or {}).get("email") or "")
        postal_code = holder.get("postal_code") or ""
        yield postal_code
        yield postal_code.replace(" ", "")
        yield holder.get("name") or ""
        yield holder.get("company_name") or ""
    for item in order["order_details"]["order_items"]:
        yield item.get("sku") or ""
        yield item.get("ean") or ""
    items = order["order_details"]["order_items"]
    yield from islice((serial for item in items for serial in serials.list_serials(item)), _MOST_SERIALS)


def _find_words(order: Mapping[str, Any]) -> Iterator[str]:
    for part in _HOLDERS:
        holder = order.get(part) or {}
        for place in ("name", "company_name", "address_line_1", "address_line_2", "house_number", "city"):
            yield from words.to_name_words(holder.get(place) or "")
    products = {item["name"] for item in order["order_details"]["order_items"]}
    yield from islice((word for name in sorted(products) for word in words.to_name_words(name)), _MOST_PRODUCT_WORDS)


def _find_phones(order: Mapping[str, Any], origin: str) -> set[str]:
    found = set()
    for part in _HOLDERS:
        holder = order.get(part) or {}
        country = holder.get("country_code") or (order.get("shipping_address") or {}).get("country_code") or origin
        found.add(words.to_phone_term(holder.get("phone_number") or "", country))
    return found


fold = words.fold


async def list_found(
    tx: Reader,
    account_id: int,
    wanted: Wanted,
    filters: Mapping[str, Any],
    sort: str,
    cursor: pagination.Cursor,
    size: int,
) -> pagination.Page[Any]:
    """List, as `queries.list_orders` does, the orders that hold what is wanted."""
    order = queries.to_order(sort)
    keys = [key.column.label(f"key_{index}") for index, key in enumerate(order.keys)]
    columns: Select[Any] = select(*keys, _o.id, _o.created_at, _o.modified_at, _o.document)
    statement = await _narrow(tx, account_id, wanted, filters, columns, order)
    return await pagination.fetch_page(tx, statement, order, cursor, size)


async def count_found(tx: Reader, account_id: int, wanted: Wanted, filters: Mapping[str, Any], most: int) -> int:
    """Count what `list_found` shows on all its pages, `most` at most."""
    order = queries.to_order("-order_created_at")
    statement = await _narrow(tx, account_id, wanted, filters, select(_o.id), order)
    return int(await tx.fetch_value(select(func.count()).select_from(statement.limit(most).subquery("found"))))


async def _narrow(
    tx: Reader,
    account_id: int,
    wanted: Wanted,
    filters: Mapping[str, Any],
    statement: Select[Any],
    order: pagination.Order,
) -> Select[Any]:
    """Keep what is wanted; the order's keys become those of the term that leads."""
    sought = typed.Sought([], "") if wanted.ids else await typed.read(tx, account_id, wanted.text)
    groups = await typed.sort_by_rarity(tx, account_id, [*sought.groups, *([term] for term in wanted.terms)])
    statement = statement.where(_o.account_id == account_id)
    for name, value in filters.items():
        filter = queries.FILTERS[name]
        statement = statement.where(filter.matches(_o[filter.column], value))
    if wanted.ids:
        statement = statement.where(_o.id.in_(sorted(wanted.ids)))
    if sought.beginning:
        within = (_t.account_id == account_id, _t.term >= sought.beginning, _t.term < sought.beginning + typed.LAST)
        statement = statement.where(_o.id.in_(select(_t.id).where(*within).limit(_MOST_BEGINNINGS)))
    return _with_terms(statement, account_id, groups, order)


def _with_terms(
    statement: Select[Any], account_id: int, groups: Sequence[Sequence[str]], order: pagination.Order
) -> Select[Any]:
    """The first group leads where it is one term and the list is in its order; the others are looked up for each order
    that it gives."""
    for index, terms in enumerate(groups[1:]):
        other = order_terms.alias(f"term_{index}").c
        same = (other.account_id == account_id, other.term.in_(terms), other.placed_at == _o.order_created_at)
        statement = statement.where(exists().where(*same, other.id == _o.id))
    if not groups:
        return statement
    lead_terms = groups[0]
    if len(lead_terms) > 1 or order.keys[0].column is not _o.order_created_at:
        return statement.where(_o.id.in_(_to_newest(account_id, lead_terms)))
    lead = order_terms.alias("lead")
    on = (lead.c.account_id == _o.account_id) & (lead.c.id == _o.id)
    keys = {_o.order_created_at: lead.c.placed_at, _o.id: lead.c.id}
    order.keys = [key._replace(column=keys[key.column]) for key in order.keys]  # type: ignore[index]
    statement = statement.select_from(lead.join(orders, on))
    return statement.where(lead.c.account_id == account_id, lead.c.term == lead_terms[0])


def _to_newest(account_id: int, terms: Sequence[str]) -> Select[Any]:
    """Select the ids of the newest orders with any of these terms, so many of each that all are sorted at once."""
    most = _MOST_SORTED // len(terms)
    arms = []
    for index, term in enumerate(terms):
        newest = select(_t.id).where(_t.account_id == account_id, _t.term == term)
        some = newest.order_by(_t.placed_at.desc(), _t.id.desc()).limit(most).subquery(f"newest_{index}")
        arms.append(select(some.c.id))
    found = union(*arms).subquery("newest") if len(arms) > 1 else arms[0].subquery("newest")
    return select(found.c.id)


async def list_values(tx: Reader, account_id: int, kind: str, most: int = 60) -> list[str]:
    """The values of a kind that there are."""
    within = (_t.account_id == account_id, _t.term < kind + typed.LAST)
    return [term.removeprefix(kind) for term in await _list_distinct(tx, _t.term, within, kind, most)]


async def list_statuses(tx: Reader, account_id: int, most: int = 40) -> list[str]:
    """The codes of order statuses that there are, folded."""
    return await _list_distinct(tx, _o.status_folded, (_o.account_id == account_id,), "", most)


async def _list_distinct(
    tx: Reader, column: ColumnElement[str], within: Sequence[ColumnElement[bool]], after: str, most: int
) -> list[str]:
    """By as many looks into the column's index as there are values, whatever the number of rows: one statement."""

    def beyond(place: Any) -> Any:
        return select(column).where(*within, column > place).order_by(column).limit(1).scalar_subquery()

    found = select(beyond(after).label("value")).cte("found", recursive=True)
    found = found.union_all(select(beyond(found.c.value)).where(found.c.value.is_not(None)))
    statement = select(found.c.value).where(found.c.value.is_not(None)).limit(most)
    return sorted(await tx.fetch_values(statement))


async def list_incoming(tx: Reader, account_id: int, integration_id: int, most: int) -> Sequence[int]:
    """Ids of the incoming orders that came first, of one shop unless it is 0."""
    shop = (_o.integration_id == integration_id,) if integration_id else ()
    statement = select(_o.id).where(_o.account_id == account_id, _o.live_shipments == 0, *shop)
    return await tx.fetch_values(statement.order_by(_o.id).limit(most))


async def find_newest(tx: Reader, account_id: int) -> int:
    """The id of the newest order, 0 without one."""
    statement = select(_o.id).where(_o.account_id == account_id).order_by(_o.id.desc()).limit(1)
    return await tx.fetch_value(statement) or 0


async def find_mark(tx: Reader, account_id: int, id: int) -> str | None:
    """Another one says that an order was changed, shipped, or its shipment cancelled; None, that it is gone."""
    return (await find_marks(tx, account_id, [id])).get(id)


async def find_marks(tx: Reader, account_id: int, ids: Collection[int]) -> dict[int, str]:
    """Find the marks of several orders, by id, without those that are gone."""
    statement = select(_o.id, _o.version, _o.live_shipments).where(_o.account_id == account_id, _o.id.in_(ids))
    return {row.id: to_mark(row.version, row.live_shipments) for row in await tx.execute(statement)}


def to_mark(version: int, live_shipments: int) -> str:
    return f"{version}-{live_shipments}"


class OrderRow(NamedTuple):
    """What pages and the packing station need of an order."""

    id: int
    version: int
    order_number: str
    live_shipments: int
    created_at: datetime
    modified_at: datetime
    document: str


_ROW = [_o[name] for name in OrderRow._fields]


async def find_stored(tx: Reader, account_id: int, ids: Collection[int]) -> Sequence[OrderRow]:
    statement = select(*_ROW).where(_o.account_id == account_id, _o.id.in_(ids))
    return await tx.fetch_all(statement, into=OrderRow)


async def list_oldest_with(tx: Reader, account_id: int, terms: Collection[str], most: int) -> Sequence[OrderRow]:
    """The incoming orders that are found by one of these terms, the oldest first."""
    on = (_t.account_id == _o.account_id) & (_t.id == _o.id)
    statement = select(*_ROW).select_from(order_terms.join(orders, on))
    statement = statement.where(_t.account_id == account_id, _t.term.in_(sorted(terms)), _o.live_shipments == 0)
    return await tx.fetch_all(statement.order_by(_t.placed_at, _t.id).limit(most), into=OrderRow)
