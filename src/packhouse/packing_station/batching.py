"""Batches at a bench: one is taken over by its barcode, its orders are opened in the order of the cart."""

from collections.abc import Sequence

from packhouse.accounts import users
from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.orders import contents, plain
from packhouse.packing_station import counting
from packhouse.packing_station.batches import operations, queries
from packhouse.packing_station.guards import Question
from packhouse.packing_station.turn import GOOD, WRONG, Outcome, Turn

_IN_BATCH = "in_batch"
_STAYS = frozenset({_IN_BATCH, "elsewhere"})
"""Questions whose NO leaves an order where it is: with somebody else."""


async def take_over(turn: Turn, batch_id: int) -> Outcome:
    """Whoever scans a pick list has the batch from then on; it is kept who had it before."""
    try:
        batch = await queries.get_batch(turn.tx, turn.account_id, batch_id)
        if batch.owner == turn.caller.actor:
            await operations.prefer(turn.tx, turn.account_id, batch_id, now=turn.now)
        else:
            await operations.hand_over(turn.tx, turn.caller, batch_id, turn.caller.actor, now=turn.now)
    except (errors.NotFound, errors.Conflict) as refusal:
        return Outcome(WRONG, refusal.faults[0].detail)
    if batch.state != queries.OPEN:
        return Outcome(WRONG, message("The batch {name} is finished.", name=batch.name))
    return Outcome(GOOD, message("{name} is yours: {left} to go.", name=batch.name, left=batch.left))


async def find_next(turn: Turn) -> int | None:
    batch = await queries.find_of_owner(turn.tx, turn.account_id, turn.caller.actor)
    places = await queries.list_next(turn.tx, turn.account_id, batch.id) if batch is not None else []
    return places[0].order_id if places else None


async def find_by_item(turn: Turn) -> int | None:
    """The first order of one's batch that needs what was scanned."""
    batch = await queries.find_of_owner(turn.tx, turn.account_id, turn.caller.actor)
    places = await queries.list_next(turn.tx, turn.account_id, batch.id) if batch is not None else []
    for row in await queries.find_documents(turn.tx, turn.account_id, [place.order_id for place in places]):
        if any(counting.is_of(item, turn.scan.text) for item in contents.list_goods(plain.read(row.document))):
            return int(row.id)
    return None


async def find_questions(turn: Turn, order_id: int) -> list[Question]:
    """An order that waits in the batch of somebody else."""
    found = await queries.find_membership(turn.tx, turn.account_id, order_id)
    if found is None or found.owner == turn.caller.actor:
        return []
    people = {users.to_actor(row.id): row.email for row in await users.list_users(turn.tx, turn.account_id)}
    name, owner = queries.to_name(found.batch_id), people.get(found.owner, "–")
    return [Question(_IN_BATCH, message("It is in the batch {name} of {owner}.", name=name, owner=owner))]


async def leave(turn: Turn, order_id: int, kinds: Sequence[str]) -> None:
    """An order that is not to be packed now waits in its batch no longer, unless somebody else is at it."""
    if not _STAYS.intersection(kinds):
        await operations.tick_off(turn.tx, turn.account_id, order_id, is_packed=False, now=turn.now)
