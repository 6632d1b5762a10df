"""What is to do and what came: counts that stop early, so that they cost the same at any number of orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, literal_column, select, union_all

from packhouse.kit.db import Reader
from packhouse.orders.tables import orders

# So many entries of an index are counted of one day at most.
MOST = 10_000
# So many orders are looked through for the oldest.
AMONG = 1_000

_o = orders.c


class Placed(NamedTuple):
    """How many orders were placed in a span, by its index among those asked for, in one shop."""

    span: int
    integration_id: int
    total: int


async def count_placed(tx: Reader, account_id: int, spans: Sequence[tuple[datetime, datetime]]) -> list[Placed]:
    """Count the orders placed in spans that end before their second instant; of one of more than `MOST` orders, so
    many are told apart."""
    arms = []
    for index, (since, until) in enumerate(spans):
        within = (_o.account_id == account_id, _o.order_created_at >= since, _o.order_created_at < until)
        # In the order of the index, or the planner would look for so many of them in the table.
        newest = select(_o.integration_id).where(*within).order_by(_o.order_created_at.desc(), _o.id.desc())
        some = newest.limit(MOST).subquery(f"span_{index}")
        shop = some.c.integration_id
        arms.append(select(literal_column(str(index)).label("span"), shop, func.count().label("count")).group_by(shop))
    rows = await tx.fetch_all(union_all(*arms))
    return sorted(Placed(*row) for row in rows)


async def list_oldest(tx: Reader, account_id: int, size: int) -> Sequence[Any]:
    """Incoming orders that were placed first, among the `AMONG` that came first: those have an index, and a
    shop may send an old order late. Rows: id, created_at, modified_at, document."""
    of_account = _o.account_id == account_id
    came = select(_o.id, _o.order_created_at).where(of_account, _o.live_shipments == 0).order_by(_o.id).limit(AMONG)
    placed = sorted((row.order_created_at, row.id) for row in await tx.execute(came))
    ids = [id for _, id in placed[:size]]
    shown = select(_o.id, _o.created_at, _o.modified_at, _o.document).where(of_account, _o.id.in_(ids))
    found = {row.id: row for row in await tx.execute(shown)}
    return [found[id] for id in ids if id in found]
