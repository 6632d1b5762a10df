"""The order that is open at a bench and the batch that the packer is at, as the screen shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from packhouse.context import Context
from packhouse.kit.db import Reader
from packhouse.orders import contents, plain, search
from packhouse.packing_station import bins, counting
from packhouse.packing_station import queries as station
from packhouse.packing_station.batches import operations, queries, schema
from packhouse.packing_station.queries import Bench
from packhouse.shipping import packing as weights
from packhouse.shipping.setup import queries as setup_queries
from packhouse.shipping.setup.setup_schema import Setup


class Going(NamedTuple):
    """Where a parcel goes with what, and until when it must be handed over."""

    option: str
    due: datetime | None


async def find_opened(ctx: Context, tx: Reader, account_id: int, bench: Bench) -> Mapping[str, Any] | None:
    """The order that is open, with where each of its items lies and how far it is."""
    if bench.order_id is None:
        return None
    rows = await search.find_stored(tx, account_id, [bench.order_id])
    packing = await station.find_packing(tx, account_id, bench.order_id)
    if not rows or packing is None:
        return None
    order = plain.read(rows[0].document)
    lines = counting.to_lines(order, packing.acts)
    known = await bins.read_bins(tx, account_id, contents.list_goods(order))
    boxes = counting.to_boxes(packing.acts)
    place = await queries.find_membership(tx, account_id, bench.order_id)
    return {
        "order": order,
        "lines": [(line, bins.find_bin(line.item, known)) for line in lines],
        "last": counting.find_last(packing.acts),
        "boxes": [(sum(box.items.values()), box.grams) for box in boxes],
        "left": sum(line.left for line in lines),
        "weight": weights.find_weight(order),
        "going": await _find_going(ctx, tx, account_id, order),
        "place": place.position if place is not None else None,
    }


async def _find_going(ctx: Context, tx: Reader, account_id: int, order: Mapping[str, Any]) -> Going:
    account = await setup_queries.find_setup(tx, account_id) or Setup()
    code = operations.find_option(account, order)
    option = ctx.options.find(code)
    return Going(option.name if option is not None else code, schema.find_due(order))


async def find_batch(tx: Reader, account_id: int, owner: str) -> Mapping[str, Any] | None:
    """The batch that somebody is at, and its next order."""
    batch = await queries.find_of_owner(tx, account_id, owner)
    if batch is None:
        return None
    places = await queries.list_next(tx, account_id, batch.id)
    return {"batch": batch, "next": places[0] if places else None}
