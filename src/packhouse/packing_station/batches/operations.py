"""Orders are taken into a batch, handed over, given back, and ticked off as they are packed."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from functools import partial
from typing import Any, NamedTuple

import orjson
from sqlalchemy import insert, select, update

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors
from packhouse.kit.db import Database, Transaction
from packhouse.kit.messages import message
from packhouse.orders import contents, plain, search
from packhouse.packing_station import bins, guards
from packhouse.packing_station.batches import queries, schema
from packhouse.packing_station.batches.queries import ASIDE, DONE, OPEN, PACKED, RETURNED, WAITING
from packhouse.packing_station.batches.schema import Criteria
from packhouse.packing_station.tables import batch_orders, batches
from packhouse.shipping.setup import rules
from packhouse.shipping.setup.setup_schema import Setup

AMONG = 3_000
"""So many incoming orders are looked through, those that came first."""
_BETWEEN_BREATHS = 20
# More are found than are taken, because somebody else may take some of them first.
_SPARE = 3
_NOBODY_TAKES = 4
_b, _o = batches.c, batch_orders.c


class Found(NamedTuple):
    """An order that may be taken. `way` sorts by where its first item lies, `urgency` by when it must go."""

    id: int
    order_number: str
    way: tuple[Any, ...]
    urgency: tuple[Any, ...]


async def take(db: Database, caller: Caller, criteria: Criteria, setup: Setup, zone: tzinfo, *, now: datetime) -> int:
    """Make a batch of the most urgent orders that are meant; the caller's. Return its id. Raises Invalid, and Conflict
    where there are none."""
    schema.check(criteria)
    for _ in range(_NOBODY_TAKES):
        found = await _find(db, caller.account_id, criteria, setup, now, zone)
        wanted = sorted(found, key=lambda order: order.urgency)[: criteria.size * _SPARE]
        if not wanted:
            break
        id = await db.write(partial(_make, caller=caller, criteria=criteria, wanted=wanted, now=now))
        if id is not None:
            return id
    detail = message("No order that could be packed is of this kind.")
    raise errors.Conflict(errors.ErrorItem("conflict", detail))


async def _find(
    db: Database, account_id: int, criteria: Criteria, setup: Setup, now: datetime, zone: tzinfo
) -> list[Found]:
    """Before the transaction, which holds up other writes. What speaks against packing an order leaves it out."""
    async with db.read() as tx:
        came = await search.list_incoming(tx, account_id, criteria.integration_id, AMONG)
        free = await queries.list_free(tx, account_id, came)
        read = []
        for number, row in enumerate(await queries.find_documents(tx, account_id, free)):
            read.append((row, plain.read(row.document)))
            if number % _BETWEEN_BREATHS == 0:
                await asyncio.sleep(0)
        items = [item for _, order in read for item in contents.list_goods(order)]
        known = await bins.read_bins(tx, account_id, items)
    found = []
    for number, (row, order) in enumerate(read):
        lie = [bins.find_bin(item, known) for item in contents.list_goods(order)]
        if number % _BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
        if not lie or guards.find_questions(setup, order, []):
            continue
        option = find_option(setup, order)
        if schema.is_meant(criteria, order, lie, option, now, zone):
            due = schema.find_due(order)
            placed_at = clock.from_wire(order["order_details"]["order_created_at"])
            urgency = (due is None, due or now, placed_at, row.id)
            way = (min(map(bins.to_key, lie)), *urgency)
            found.append(Found(row.id, order["order_number"], way, urgency))
    return found


def find_option(setup: Setup, order: Mapping[str, Any]) -> str:
    """The shipping option that an order goes with."""
    integration = order["order_details"]["integration"]["id"]
    return rules.choose(setup, {}, order, integration, apply_rules=True).option_code


async def _make(
    tx: Transaction, caller: Caller, criteria: Criteria, wanted: Sequence[Found], now: datetime
) -> int | None:
    """None where others have taken all of them. Who takes one of them at the very same moment begins anew."""
    by_id = {order.id: order for order in wanted}
    stored = await search.find_stored(tx, caller.account_id, list(by_id))
    unshipped = {row.id for row in stored if not row.live_shipments}
    free = await queries.list_free(tx, caller.account_id, list(by_id))
    ids = [id for id in free if id in unshipped][: criteria.size]
    if not ids:
        return None
    [id] = await tx.next_ids("batches", 1)
    document = {"criteria": criteria._asdict(), "log": [_to_entry(caller, "taken", now)]}
    row = {"account_id": caller.account_id, "id": id, "state": OPEN, "owner": caller.actor, "created_at": now}
    row |= {"updated_at": now, "document": orjson.dumps(document).decode()}
    await tx.execute(insert(batches).values(row))
    placed = sorted((by_id[order_id] for order_id in ids), key=lambda order: order.way)
    rows = [
        {"account_id": caller.account_id, "batch_id": id, "order_id": order.id, "order_number": order.order_number}
        | {"position": position, "state": WAITING}
        for position, order in enumerate(placed, 1)
    ]
    await tx.execute(insert(batch_orders), rows)
    return int(id)


def _to_entry(caller: Caller, action: str, now: datetime, **told: str) -> dict[str, str]:
    return {"at": now.isoformat(), "by": caller.actor, "action": action, **told}


def _note(caller: Caller, batch: queries.Batch, action: str, now: datetime, **told: str) -> str:
    log = [*batch.log, _to_entry(caller, action, now, **told)]
    return orjson.dumps({"criteria": batch.criteria, "log": log}).decode()


async def hand_over(tx: Transaction, caller: Caller, id: int, owner: str, *, now: datetime) -> queries.Batch:
    """Give a batch to somebody: an actor. Raises NotFound, and Conflict where it is finished."""
    batch = await _get_open(tx, caller, id)
    document = _note(caller, batch, "handed_over", now, to=owner)
    await _update(tx, caller.account_id, id, owner=owner, updated_at=now, document=document)
    return batch


async def prefer(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    """Make it the batch that its owner is at, where they have several."""
    await _update(tx, account_id, id, updated_at=now)


async def give_back(tx: Transaction, caller: Caller, id: int, *, now: datetime) -> None:
    """What is not packed can be taken by anybody again. Raises NotFound, and Conflict where it is finished."""
    batch = await _get_open(tx, caller, id)
    document = _note(caller, batch, "given_back", now)
    waiting = (_o.account_id == caller.account_id, _o.batch_id == id, _o.state == WAITING)
    await tx.execute(update(batch_orders).where(*waiting).values(state=RETURNED))
    await _update(tx, caller.account_id, id, state=RETURNED, updated_at=now, document=document)


async def _get_open(tx: Transaction, caller: Caller, id: int) -> queries.Batch:
    batch = await queries.get_batch(tx, caller.account_id, id, lock=True)
    if batch.state != OPEN:
        detail = message("The batch {name} is finished.", name=batch.name)
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    return batch


async def _update(tx: Transaction, account_id: int, id: int, **values: Any) -> None:
    await tx.execute(update(batches).where(_b.account_id == account_id, _b.id == id).values(**values))


async def tick_off(tx: Transaction, account_id: int, order_id: int, *, is_packed: bool, now: datetime) -> None:
    """An order was packed or put aside: it waits in no batch any more, and one in which none waits is done."""
    found = await queries.find_membership(tx, account_id, order_id)
    if found is None:
        return
    await queries.get_batch(tx, account_id, found.batch_id, lock=True)
    mine = (_o.account_id == account_id, _o.batch_id == found.batch_id)
    state = PACKED if is_packed else ASIDE
    await tx.execute(update(batch_orders).where(*mine, _o.order_id == order_id).values(state=state))
    if await tx.fetch_one(select(_o.order_id).where(*mine, _o.state == WAITING).limit(1)) is None:
        await _update(tx, account_id, found.batch_id, state=DONE, updated_at=now)


async def put_back(tx: Transaction, account_id: int, order_id: int, *, now: datetime) -> None:
    """The label of an order that was packed could not be made: it waits in its batch again."""
    statement = select(_o.batch_id).where(_o.account_id == account_id, _o.order_id == order_id, _o.state == PACKED)
    batch_id = await tx.fetch_value(statement.order_by(_o.batch_id.desc()).limit(1))
    if batch_id is None or await queries.find_membership(tx, account_id, order_id) is not None:
        return
    batch = await queries.get_batch(tx, account_id, batch_id, lock=True)
    if batch.state == RETURNED:
        return
    mine = (_o.account_id == account_id, _o.batch_id == batch_id, _o.order_id == order_id)
    await tx.execute(update(batch_orders).where(*mine).values(state=WAITING))
    await _update(tx, account_id, batch_id, state=OPEN, updated_at=now)
