"""What is kept of benches and of packing: each runs inside the caller's transaction, and says who did it and where."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, insert, update

from packhouse.accounts import audit
from packhouse.accounts.schema import Caller
from packhouse.kit import errors, security
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message, message, to_stored
from packhouse.packing_station import queries, schema
from packhouse.packing_station.queries import Bench, Packing
from packhouse.packing_station.tables import benches, packing_events, packings

MOST_BENCHES = 200
_b, _p = benches.c, packings.c


async def create_bench(tx: Transaction, caller: Caller, name: str, settings: schema.Settings, *, now: datetime) -> int:
    """Return its id. Raises Invalid and Conflict."""
    schema.check(name, settings)
    if len(await queries.list_benches(tx, caller.account_id)) >= MOST_BENCHES:
        detail = message("There can be {most} benches.", most=MOST_BENCHES)
        raise errors.Conflict(errors.ErrorItem("conflict", detail))
    [id] = await tx.next_ids("benches", 1)
    row = {"account_id": caller.account_id, "id": id, "name": name, "created_at": now}
    await tx.execute(insert(benches).values(row | {"document": schema.to_document(settings)}))
    await audit.record(tx, caller.account_id, caller.actor, "bench.created", name, now=now)
    return id


async def change_bench(
    tx: Transaction, caller: Caller, id: int, name: str, settings: schema.Settings, *, now: datetime
) -> None:
    """Raises Invalid and NotFound."""
    schema.check(name, settings)
    await queries.get_bench(tx, caller.account_id, id, lock=True)
    # Its printers may be others now: what the old ones said counts no longer.
    await _update(tx, caller.account_id, id, name=name, document=schema.to_document(settings), printers=None)
    await audit.record(tx, caller.account_id, caller.actor, "bench.changed", name, now=now)


async def delete_bench(tx: Transaction, caller: Caller, id: int, *, now: datetime) -> None:
    """Its log stays, and the orders that were open at it. Raises NotFound."""
    bench = await queries.get_bench(tx, caller.account_id, id, lock=True)
    await tx.execute(delete(benches).where(_b.account_id == caller.account_id, _b.id == id))
    await audit.record(tx, caller.account_id, caller.actor, "bench.deleted", bench.name, now=now)


async def make_token(tx: Transaction, caller: Caller, id: int, *, now: datetime) -> str:
    """Return a new token for the bench's print agent; the one before is refused from now on. Raises NotFound."""
    bench = await queries.get_bench(tx, caller.account_id, id, lock=True)
    secret = security.new_secret()
    await _update(tx, caller.account_id, id, token_hash=security.hash_secret(secret))
    await audit.record(tx, caller.account_id, caller.actor, "bench.token_made", bench.name, now=now)
    return f"phb.{caller.account_id}.{id}.{secret}"


async def see_agent(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    await _update(tx, account_id, id, agent_seen_at=now)


async def tell(
    tx: Transaction, account_id: int, id: int, tone: str, words: Message, *, text: str = "", key: str | None = None
) -> None:
    """Keep what came of a scan, for the screen and for a reload of it."""
    told = orjson.dumps({"tone": tone, "words": to_stored(words), "text": text}).decode()
    await _update(tx, account_id, id, told=told, **({"last_scan": key} if key is not None else {}))


async def ask(tx: Transaction, account_id: int, id: int, question: Mapping[str, Any] | None) -> None:
    """Have the bench's screen wait for a decision, or for none."""
    await _update(tx, account_id, id, asks=None if question is None else orjson.dumps(dict(question)).decode())


async def open_at(tx: Transaction, account_id: int, bench_id: int, order_id: int | None) -> None:
    await _update(tx, account_id, bench_id, order_id=order_id)


async def _update(tx: Transaction, account_id: int, id: int, **values: Any) -> None:
    await tx.execute(update(benches).where(_b.account_id == account_id, _b.id == id).values(**values))


async def keep(tx: Transaction, account_id: int, packing: Packing, *, now: datetime) -> None:
    document = {name: getattr(packing, name) for name in ("acts", "goods", "confirmed", "held")}
    columns = ("order_id", "order_number", "bench_id", "by", "state", "shipment_id")
    row = {name: getattr(packing, name) for name in columns}
    row |= {"account_id": account_id, "updated_at": now, "document": orjson.dumps(document).decode()}
    await tx.upsert(packings, [row])


async def record(
    tx: Transaction, caller: Caller, order_id: int, bench: Bench, action: str, *, now: datetime, **detail: Any
) -> None:
    """Write to the order's packing log."""
    [id] = await tx.next_ids("packing_events", 1)
    row = {"account_id": caller.account_id, "id": id, "order_id": order_id, "bench_id": bench.id, "at": now}
    row |= {"by": caller.actor, "action": action, "detail": orjson.dumps(detail).decode()}
    await tx.upsert(packing_events, [row])


async def record_prints(tx: Transaction, caller: Caller, order_ids: Sequence[int], *, now: datetime) -> None:
    """Write to the packing logs of orders that their papers were printed from the page, at no bench."""
    ids = await tx.next_ids("packing_events", len(order_ids))
    shared = {"account_id": caller.account_id, "bench_id": 0, "at": now, "by": caller.actor}
    told = {"action": "printed", "detail": orjson.dumps({}).decode()}
    rows = [{**shared, **told, "id": id, "order_id": order} for id, order in zip(ids, order_ids, strict=True)]
    await tx.upsert(packing_events, rows)


def to_question(order_id: int, kinds: Sequence[str], words: Message, text: str) -> dict[str, Any]:
    """A decision that a bench's screen waits for. `text` is what was scanned."""
    return {"order_id": order_id, "kinds": list(kinds), "words": to_stored(words), "text": text}
