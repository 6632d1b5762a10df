"""Reads of batches."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import func, select

from packhouse.kit import errors
from packhouse.kit.db import Reader
from packhouse.kit.messages import message
from packhouse.orders import search
from packhouse.packing_station.tables import BatchRow, batch_orders, batches, benches, packings

OPEN, DONE, RETURNED = "open", "done", "returned"
"""States of a batch: `returned` was given back before all of it was packed."""
WAITING, PACKED, ASIDE = "waiting", "packed", "aside"
"""States of an order in a batch, and `returned` as above."""
_UNDERWAY = ("open", "held", "labelling")
SHOWN = 50

_b, _o, _p = batches.c, batch_orders.c, packings.c


class Batch(NamedTuple):
    """`counts` are the numbers of its orders by state, `log` what was done with it: when, who, what."""

    id: int
    state: str
    owner: str
    created_at: datetime
    criteria: dict[str, Any]
    log: list[dict[str, str]]
    counts: dict[str, int]

    @property
    def name(self) -> str:
        return to_name(self.id)

    @property
    def left(self) -> int:
        return self.counts.get(WAITING, 0)

    @property
    def total(self) -> int:
        return sum(self.counts.values())


class Place(NamedTuple):
    """An order of a batch and its place on the cart. `packing` is how far a bench is with it."""

    order_id: int
    order_number: str
    position: int
    state: str
    packing: str | None
    bench: str | None


def to_name(id: int) -> str:
    return f"B-{id}"


def no_such_batch() -> errors.ErrorItem:
    return errors.ErrorItem("not_found", message("The batch could not be found."), title="Not found")


async def list_batches(tx: Reader, account_id: int, state: str = OPEN, most: int = SHOWN) -> list[Batch]:
    """The open ones, the oldest first; of others the latest."""
    order = _b.id if state == OPEN else _b.id.desc()
    statement = select(batches).where(_b.account_id == account_id, _b.state == state).order_by(order).limit(most)
    return await _to_batches(tx, account_id, await tx.fetch_all(statement, into=BatchRow))


async def get_batch(tx: Reader, account_id: int, id: int, *, lock: bool = False) -> Batch:
    """Raises NotFound."""
    statement = select(batches).where(_b.account_id == account_id, _b.id == id)
    row = await tx.fetch_one(statement.with_for_update() if lock else statement, into=BatchRow)
    if row is None:
        raise errors.NotFound(no_such_batch())
    [found] = await _to_batches(tx, account_id, [row])
    return found


async def _to_batches(tx: Reader, account_id: int, rows: Sequence[BatchRow]) -> list[Batch]:
    counted: dict[int, dict[str, int]] = {row.id: {} for row in rows}
    statement = select(_o.batch_id, _o.state, func.count().label("count"))
    statement = statement.where(_o.account_id == account_id, _o.batch_id.in_(list(counted)))
    for count in await tx.fetch_all(statement.group_by(_o.batch_id, _o.state)) if rows else ():
        counted[count.batch_id][count.state] = int(count._mapping["count"])  # noqa: SLF001 - a tuple's own `count`
    made = []
    for row in rows:
        kept = orjson.loads(row.document)
        fixed = (row.id, row.state, row.owner, row.created_at, kept["criteria"], kept["log"])
        made.append(Batch(*fixed, counted[row.id]))
    return made


async def find_of_owner(tx: Reader, account_id: int, owner: str) -> Batch | None:
    """The batch that somebody is at: of several the one that they took or scanned last."""
    mine = (_b.account_id == account_id, _b.state == OPEN, _b.owner == owner)
    newest = select(batches).where(*mine).order_by(_b.updated_at.desc(), _b.id.desc()).limit(1)
    found = await _to_batches(tx, account_id, await tx.fetch_all(newest, into=BatchRow))
    return found[0] if found else None


async def list_places(tx: Reader, account_id: int, batch_id: int) -> list[Place]:
    """In the order of the cart."""
    columns = (_o.order_id, _o.order_number, _o.position, _o.state, _p.state.label("packing"), benches.c.name)
    packed = (_p.account_id == _o.account_id) & (_p.order_id == _o.order_id)
    stands = (benches.c.account_id == _p.account_id) & (benches.c.id == _p.bench_id)
    joined = batch_orders.outerjoin(packings, packed).outerjoin(benches, stands)
    statement = select(*columns).select_from(joined).where(_o.account_id == account_id, _o.batch_id == batch_id)
    return [Place(*row) for row in await tx.fetch_all(statement.order_by(_o.position))]


async def list_next(tx: Reader, account_id: int, batch_id: int) -> list[Place]:
    """What waits in a batch and is at no bench, in the order of the cart; what somebody closed comes last."""
    found = [place for place in await list_places(tx, account_id, batch_id) if place.state == WAITING]
    free = [place for place in found if place.packing not in _UNDERWAY]
    return sorted(free, key=lambda place: (place.packing == "closed", place.position))


class Membership(NamedTuple):
    """The batch that an order waits in."""

    batch_id: int
    owner: str
    position: int


async def find_membership(tx: Reader, account_id: int, order_id: int) -> Membership | None:
    joined = batch_orders.join(batches, (_b.account_id == _o.account_id) & (_b.id == _o.batch_id))
    statement = select(_o.batch_id, _b.owner, _o.position).select_from(joined)
    mine = (_o.account_id == account_id, _o.order_id == order_id, _o.state == WAITING)
    row = await tx.fetch_one(statement.where(*mine))
    return None if row is None else Membership(*row)


async def list_free(tx: Reader, account_id: int, ids: Collection[int]) -> list[int]:
    """Those of these orders that wait in no batch and are at no bench, in the order given."""
    waits = (_o.account_id == account_id, _o.order_id.in_(ids), _o.state == WAITING)
    taken = set(await tx.fetch_values(select(_o.order_id).where(*waits)))
    is_at = (_p.account_id == account_id, _p.order_id.in_(ids), _p.state.in_(_UNDERWAY))
    taken.update(await tx.fetch_values(select(_p.order_id).where(*is_at)))
    return [id for id in ids if id not in taken]


async def find_documents(tx: Reader, account_id: int, ids: Collection[int]) -> list[search.OrderRow]:
    """Find orders in the order given, without those that are gone."""
    found = {row.id: row for row in await search.find_stored(tx, account_id, ids)}
    return [found[id] for id in ids if id in found]
