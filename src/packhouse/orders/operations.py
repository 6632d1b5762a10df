"""What is done to orders: upsert a batch, patch one, delete one. Each runs inside the caller's transaction."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import orjson
from sqlalchemy import BigInteger, bindparam, delete, insert, update

from packhouse.accounts.schema import Caller
from packhouse.integrations import queries as integrations
from packhouse.kit import errors, jobs
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import message
from packhouse.kit.wire.validation import ValidationIssue
from packhouse.orders import counts, events, history, merge, queries, schema, search
from packhouse.orders.queries import FoundOrder
from packhouse.orders.tables import order_history, orders, to_row
from packhouse.webhooks import operations as webhooks

COMPARE_JOB = "shipment.compare"
"""Changed orders that have live shipments: shipping looks whether those are right still."""

# Places of an order, as JSON pointers, that its labels were made of, and what they are called.
_OF_LABELS = (
    (("shipping_address",), re.compile(r"/(shipping_address|service_point_details)(/|$)"), "address"),
    (("order_details", "order_items"), re.compile(r"/order_details/order_items(/|$)"), "items"),
    (("order_details", "status"), re.compile(r"/(order_details/(status|tags)|payment_details)(/|$)"), None),
)

# The versions, as texts, that an order may be at for a change to be wanted; "*" is any, None asks for none.
Expected: TypeAlias = Collection[str] | None


class Receipt(NamedTuple):
    """What is answered for an entry; `outcome` is created, updated or unchanged. `outdated` is what was changed that a
    live label of the order was made of, each with its place."""

    id: int
    order_id: str
    order_number: str
    outcome: str
    version: int
    order: dict[str, Any]
    outdated: Sequence[tuple[tuple[str, ...], str]] = ()

    def to_wire(self) -> dict[str, Any]:
        return {"id": self.id, "order_id": self.order_id, "order_number": self.order_number}


@dataclass(slots=True)
class Draft:
    """An order as a batch is about to leave it. `stored` is its row, or None for one that is being made; `before` is
    the document as it was, whose parts `document` may share."""

    stored: FoundOrder | None = None
    before: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    _changes: list[history.Change] | None = None

    def find_changes(self) -> list[history.Change]:
        """Find the changes of a stored order whose document is final; keys in another order are no change."""
        if self._changes is None:
            self._changes = list(history.find_changes(self.before, self.document))
        return self._changes

    def has_changed(self) -> bool:
        return self.stored is None or bool(self.find_changes())

    def find_outdated(self) -> list[tuple[tuple[str, ...], str | None]]:
        """What was changed that live shipments were made of: its place, and its name where the change alone says that
        they are no longer right."""
        if self.stored is None or not self.stored.live_shipments:
            return []
        places = [change["path"] for change in self.find_changes()]
        return [(path, name) for path, touches, name in _OF_LABELS if any(map(touches.match, places))]

    def outcome(self) -> str:
        if self.stored is None:
            return "created"
        return "updated" if self.has_changed() else "unchanged"


@dataclass(slots=True)
class _Book:
    """The drafts of a batch, found by id and by key."""

    live_integrations: set[int]
    by_id: dict[int, Draft] = field(default_factory=dict)
    by_key: dict[tuple[int, str], Draft] = field(default_factory=dict)
    entries: list[Draft | None] = field(default_factory=list)


async def upsert_orders(
    tx: Transaction,
    caller: Caller,
    batch: Sequence[Any],
    *,
    now: datetime,
    expected: Expected = None,
) -> list[Receipt]:
    """A receipt an entry. Raises Invalid with every flaw of every entry, PreconditionFailed where an order is not at an
    expected version; then nothing is written."""
    book = await _open_book(tx, caller.account_id, batch, lock=True)
    flaws = list(_apply(book, batch))
    if flaws:
        raise errors.Invalid(to_faults(flaws))
    for draft in book.entries if expected is not None else ():
        _require(expected, draft.stored if draft is not None else None)
    drafts = list({id(draft): draft for draft in book.entries if draft is not None}.values())
    made = [draft for draft in drafts if draft.stored is None]
    # Together, which saves a statement: there is a job where an order is made.
    drawn = await tx.draw_ids({"orders": len(made), "jobs": 1}) if made else {}
    for draft, new_id in zip(made, drawn.get("orders", ()), strict=True):
        draft.id = new_id
    receipts = [_to_receipt(draft) for draft in book.entries if draft is not None]
    await _write(tx, caller, [draft for draft in drafts if draft.has_changed()], now, job_ids=drawn.get("jobs"))
    return receipts


async def find_flaws(tx: Reader, account_id: int, batch: Any) -> list[ValidationIssue]:
    """What a batch that was not valid would meet besides: unknown ids and integrations, keys that a new order lacks."""
    entries = batch if isinstance(batch, list) else []
    return list(_apply(await _open_book(tx, account_id, entries, lock=False), entries))


class Judgement(NamedTuple):
    """What would become of an entry of a batch; no receipt where it is refused."""

    receipt: Receipt | None
    flaws: list[ValidationIssue]


async def judge_orders(
    tx: Reader, account_id: int, batch: Sequence[Any], known: Sequence[ValidationIssue] = ()
) -> list[Judgement]:
    """Judge each entry of a batch as `upsert_orders` would, and write nothing. `known` is what is wrong with the batch
    by its shape alone. A new order has a number below 0 for its id."""
    book = await _open_book(tx, account_id, batch, lock=False)
    flaws: dict[Any, list[ValidationIssue]] = {index: [] for index in range(len(batch))}
    for flaw in known:
        flaws.setdefault(flaw.path[0] if flaw.path else None, []).append(flaw)
    drafts: list[Draft | None] = []
    for index, entry in enumerate(batch):
        count = len(book.entries)
        found = _apply_entry(book, entry) if isinstance(entry, dict) else ()
        flaws[index] += [flaw._replace(path=(index, *flaw.path)) for flaw in found]
        drafts.append(book.entries[-1] if len(book.entries) > count else None)
    for index, draft in enumerate(drafts):
        if draft is not None and draft.stored is None:
            draft.id = draft.id or -1 - index
    return [
        Judgement(None if draft is None or flaws[index] else _to_receipt(draft), flaws[index])
        for index, draft in enumerate(drafts)
    ]


def to_faults(flaws: Iterable[ValidationIssue]) -> list[errors.ErrorItem]:
    """All of them, each place once, in the order of the batch."""
    places: dict[errors.Path, ValidationIssue] = {}
    for flaw in flaws:
        places.setdefault(flaw.path, flaw)
    ordered = sorted(places.values(), key=lambda flaw: flaw.path[:1])
    return [errors.ErrorItem("invalid", flaw.detail, pointer=errors.to_batch_pointer(flaw.path)) for flaw in ordered]


def to_invalid_patch(flaws: Iterable[ValidationIssue]) -> errors.Invalid:
    return errors.Invalid([errors.ErrorItem("invalid", f.detail, pointer=errors.to_pointer(f.path)) for f in flaws])


async def patch_order(
    tx: Transaction,
    caller: Caller,
    id: int,
    sent: dict[str, Any],
    *,
    now: datetime,
    expected: Expected = None,
) -> Receipt:
    """Raises NotFound, PreconditionFailed, and Invalid where the merged order would not be valid or a name is that of
    no item."""
    draft = _to_patched(await queries.find_order(tx, caller.account_id, id), sent, expected)
    if draft.has_changed():
        await _write(tx, caller, [draft], now)
    return _to_receipt(draft)


def _to_patched(row: FoundOrder | None, sent: dict[str, Any], expected: Expected) -> Draft:
    """Raises what `patch_order` does."""
    if row is None:
        raise errors.NotFound(no_such_order())
    _require(expected, row)
    before = orjson.loads(row.document)
    try:
        draft = Draft(row, before, merge.patch(before, sent), row.id)
    except merge.ItemNotFound:
        pointer = "order/order_details/order_items"
        detail = message("Could not find specified item.")
        raise errors.Invalid(errors.ErrorItem("invalid", detail, title="Invalid", pointer=pointer)) from None
    except merge.ItemUnclear as unclear:
        place = ("order_details", "order_items", unclear.index, unclear.name)
        raise to_invalid_patch([ValidationIssue(place, unclear.detail)]) from None
    flaws = [*_find_moved(row, sent), *schema.find_unmerged(draft.document, before)]
    if flaws:
        raise to_invalid_patch(flaws)
    return draft


async def delete_order(tx: Transaction, caller: Caller, id: int, *, now: datetime, expected: Expected = None) -> None:
    """The order is gone, its history stays. Raises NotFound and PreconditionFailed."""
    row = errors.require(await queries.find_order(tx, caller.account_id, id), queries.NOT_FOUND)
    _require(expected, row)
    version = {"account_id": caller.account_id, "id": id, "changes": "[]"}
    made = {**version, "version": 1, "action": "created", "at": row.created_at, "by": row.created_by}
    gone = {**version, "version": row.version + 1, "action": "deleted", "at": now, "by": caller.actor}
    await tx.execute(insert(order_history), [made, gone])
    await tx.execute(delete(orders).where(orders.c.account_id == caller.account_id, orders.c.id == id))
    await search.forget(tx, caller.account_id, [id])
    kind = _to_kind(row, orjson.loads(row.document))
    await counts.record(tx, caller.account_id, [kind], [], [id + row.version + 1], now)
    if row.live_shipments:
        await jobs.enqueue(tx, caller.account_id, COMPARE_JOB, [{"orders": [id]}], now=now)
    await webhooks.notify(tx, caller.account_id, events.of_deleted(row.id, row.document, now), now=now)


# Made once: putting a statement together takes longer than running it.
_COUNT_SHIPMENTS = (
    update(orders)
    .where(orders.c.account_id == bindparam("account"), orders.c.id.in_(bindparam("ids", expanding=True)))
    .values(live_shipments=orders.c.live_shipments + bindparam("by", type_=BigInteger))
    .returning(*(orders.c[name] for name in counts.Counted._fields))
)


async def count_shipments(tx: Transaction, account_id: int, ids: Collection[int], by: int, *, now: datetime) -> None:
    """So many live shipments more (or fewer) of each; an order that is gone needs no count."""
    values = {"account": account_id, "ids": sorted(ids), "by": by}
    found = await tx.fetch_all(_COUNT_SHIPMENTS, values, into=counts.Counted)
    before = [order._replace(live_shipments=order.live_shipments - by).to_kind() for order in found]
    after = [order.to_kind() for order in found]
    await counts.record(tx, account_id, before, after, (order.id for order in found), now)


def _require(expected: Expected, row: FoundOrder | None) -> None:
    if expected is None or (row is not None and ("*" in expected or str(row.version) in expected)):
        return
    detail = (
        message("There is no such order yet.")
        if row is None
        else message("The order is at version {version} by now.", version=row.version)
    )
    raise errors.PreconditionFailed(errors.ErrorItem("conflict", detail, header="If-Match"))


def no_such_order() -> errors.ErrorItem:
    return errors.not_found(message("Could not find specified item."))


def _to_receipt(draft: Draft) -> Receipt:
    document = draft.document
    outcome = draft.outcome()
    version = 1 if draft.stored is None else draft.stored.version + (outcome == "updated")
    outdated = [(path, name) for path, name in draft.find_outdated() if name is not None]
    return Receipt(draft.id, document["order_id"], document["order_number"], outcome, version, document, outdated)


async def _open_book(tx: Reader, account_id: int, batch: Sequence[Any], *, lock: bool) -> _Book:
    """Everything of the database that the batch names, in two statements, whatever its size."""
    keys: set[tuple[int, str]] = set()
    ids: set[int] = set()
    named: set[int] = set()
    for entry in batch:
        integration_id, order_id = to_key(entry)
        if integration_id is not None:
            named.add(integration_id)
        if (id := to_id(entry)) is not None:
            ids.add(id)
        elif integration_id is not None and order_id is not None:
            keys.add((integration_id, order_id))
    book = _Book(await integrations.find_live(tx, account_id, named))
    for row in await queries.find_addressed(tx, account_id, keys, ids, lock=lock):
        before = orjson.loads(row.document)
        draft = Draft(row, before, before, row.id)
        book.by_id[row.id] = book.by_key[row.integration_id, row.order_id] = draft
    return book


def to_key(entry: Any) -> tuple[int | None, str | None]:
    """The parts of an entry's key that can be read; the entry need not be valid."""
    entry = entry if isinstance(entry, dict) else {}
    details = entry.get("order_details")
    reference = details.get("integration") if isinstance(details, dict) else None
    integration_id = schema.to_integration_id(reference.get("id")) if isinstance(reference, dict) else None
    order_id = entry.get("order_id")
    is_text = isinstance(order_id, str) and order_id and "\0" not in order_id
    return integration_id, order_id if is_text else None


def to_id(entry: Any) -> int | None:
    """The id that an entry names an order by, where it could be one; `0` is nobody's."""
    text = entry.get("id") if isinstance(entry, dict) else None
    if not isinstance(text, str):
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 18 else 0


def _apply(book: _Book, batch: Sequence[Any]) -> Iterator[ValidationIssue]:
    """Each entry in turn, on what the ones before it left; entries that are no objects are flawed already."""
    for index, entry in enumerate(batch):
        if isinstance(entry, dict):
            for flaw in _apply_entry(book, entry):
                yield flaw._replace(path=(index, *flaw.path))


def _apply_entry(book: _Book, entry: dict[str, Any]) -> Iterator[ValidationIssue]:
    integration_id, order_id = to_key(entry)
    if integration_id is not None and integration_id not in book.live_integrations:
        detail = message("Integration with id {integration_id} does not exist", integration_id=integration_id)
        yield ValidationIssue(("order_details", "integration", "id"), detail)
    id = to_id(entry)
    if id is None and "id" in entry:  # no text: flawed already, and nobody knows which order is meant
        return
    if id is not None:
        draft = book.by_id.get(id)
        if draft is None or draft.stored is None:
            yield ValidationIssue(("id",), message("Order with id {id} does not exist", id=entry["id"]))
            return
        yield from _find_moved(draft.stored, entry)
    elif integration_id is not None and order_id is not None:
        draft = book.by_key.setdefault((integration_id, order_id), Draft())
    else:
        draft = Draft()
    yield from _merge_into(draft, entry)
    book.entries.append(draft)


def _merge_into(draft: Draft, entry: dict[str, Any]) -> Iterator[ValidationIssue]:
    try:
        draft.document = merge.upsert(draft.document, entry)
    except TypeError:  # a container that is no object: flawed already, and there is nothing to merge
        return
    yield from schema.find_missing(draft.document)


def _find_moved(row: FoundOrder, sent: dict[str, Any]) -> Iterator[ValidationIssue]:
    """An order keeps its key for life."""
    integration_id, order_id = to_key(sent)
    if order_id is not None and order_id != row.order_id:
        yield ValidationIssue(("order_id",), message("Order id {order_id} cannot be changed", order_id=row.order_id))
    if integration_id is not None and integration_id != row.integration_id:
        detail = message("Integration {integration_id} cannot be changed", integration_id=row.integration_id)
        yield ValidationIssue(("order_details", "integration", "id"), detail)


async def _write(
    tx: Transaction, caller: Caller, drafts: Sequence[Draft], now: datetime, *, job_ids: Sequence[int] | None = None
) -> None:
    """Sorted by key, so that two batches that make the same orders meet in the same order. `job_ids` were drawn
    already."""
    if not drafts:
        return
    await webhooks.notify(tx, caller.account_id, events.of_written(drafts, now), now=now)
    sought = [draft.id for draft in drafts if _is_sought(draft)]
    await search.enqueue(tx, caller.account_id, sought, caller.country_code, now, job_ids=job_ids)
    if shipped := [draft.id for draft in drafts if draft.find_outdated()]:
        await jobs.enqueue(tx, caller.account_id, COMPARE_JOB, [{"orders": shipped}], now=now)
    rows = [_to_row(draft, caller, now) for draft in drafts]
    await _count(tx, caller.account_id, drafts, rows, now)
    rows.sort(key=lambda row: (row["integration_id"], row["order_id"]))
    await tx.upsert(orders, rows)
    changed = [(draft, draft.stored.version + 1) for draft in drafts if draft.stored is not None]
    await tx.upsert(order_history, [_to_version(draft, version, caller, now) for draft, version in changed])


async def _count(
    tx: Transaction, account_id: int, drafts: Sequence[Draft], rows: Sequence[dict[str, Any]], now: datetime
) -> None:
    before = [_to_kind(draft.stored, draft.before) for draft in drafts if draft.stored is not None]
    after = []
    for draft, row in zip(drafts, rows, strict=True):
        is_shipped = draft.stored is not None and draft.stored.live_shipments > 0
        after.append(counts.Kind(row["integration_id"], row["status_folded"], int(is_shipped)))
    await counts.record(tx, account_id, before, after, (row["id"] + row["version"] for row in rows), now)


def _to_kind(row: FoundOrder, document: dict[str, Any]) -> counts.Kind:
    status: str = document["order_details"]["status"]["code"].casefold()
    return counts.Kind(row.integration_id, status, int(row.live_shipments > 0))


def _is_sought(draft: Draft) -> bool:
    """Whether it may be found by other words than before."""
    return draft.stored is None or search.is_touched_by(draft.find_changes())


def _to_row(draft: Draft, caller: Caller, now: datetime) -> dict[str, Any]:
    stored = draft.stored
    version, made_at, made_by = (
        (1, now, caller.actor) if stored is None else (stored.version + 1, stored.created_at, stored.created_by)
    )
    return to_row(
        draft.document,
        account_id=caller.account_id,
        id=draft.id,
        version=version,
        created_at=made_at,
        created_by=made_by,
        modified_at=now,
    )


def _to_version(draft: Draft, version: int, caller: Caller, now: datetime) -> dict[str, Any]:
    return {
        "account_id": caller.account_id,
        "id": draft.id,
        "version": version,
        "action": "updated",
        "at": now,
        "by": caller.actor,
        "changes": orjson.dumps(draft.find_changes()).decode(),
    }
