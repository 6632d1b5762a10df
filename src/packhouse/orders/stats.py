"""What is to do and what came: counts that are kept, or that stop early, so that they cost the same at any number of
orders."""

import re
from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import exists, func, literal_column, select, union_all

from packhouse.kit.db import Reader
from packhouse.orders import counts, search
from packhouse.orders.queries import StoredOrder
from packhouse.orders.tables import order_terms, orders

# So many entries of an index are counted of one day at most.
MOST = 10_000
# So many orders are looked through for the oldest.
AMONG = 1_000

_o, _t = orders.c, order_terms.c


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


class Waiting(NamedTuple):
    """How many of the `AMONG` incoming orders that came first have warnings, and were placed before a moment."""

    warned: int
    overdue: int


class Held(NamedTuple):
    """How many incoming orders are on hold by their status, and the commonest of those statuses."""

    total: int
    status: str


async def count_held(tx: Reader, account_id: int, held_codes: Collection[str]) -> Held:
    found = await counts.count_by_status(tx, account_id)
    held = Counter({status: total for status, total in found.items() if to_plain_code(status) in held_codes})
    statuses = [status for status, _ in held.most_common(1)]
    return Held(held.total(), statuses[0] if statuses else "")


async def count_waiting(tx: Reader, account_id: int, overdue_before: datetime) -> Waiting:
    """Read so many orders at most, whatever the number of all."""
    of_account = _o.account_id == account_id
    has_warning = exists().where(
        _t.account_id == account_id,
        _t.term == search.WARNING,
        _t.placed_at == _o.order_created_at,
        _t.id == _o.id,
    )
    columns = (_o.order_created_at, has_warning.label("has_warning"))
    came = select(*columns).where(of_account, _o.live_shipments == 0).order_by(_o.id).limit(AMONG)
    rows = await tx.fetch_all(came)
    overdue = sum(row.order_created_at < overdue_before for row in rows)
    warned = sum(bool(row.has_warning) for row in rows)
    return Waiting(warned, overdue)


def to_plain_code(code: str) -> str:
    """Write a status code as codes are compared (`shipping.holds`)."""
    return re.sub(r"[\s_-]+", "_", code).removeprefix("wc_")


async def list_oldest(tx: Reader, account_id: int, size: int) -> Sequence[StoredOrder]:
    """Incoming orders that were placed first, among the `AMONG` that came first: those have an index, and a
    shop may send an old order late."""
    of_account = _o.account_id == account_id
    came = select(_o.id, _o.order_created_at).where(of_account, _o.live_shipments == 0).order_by(_o.id).limit(AMONG)
    placed = sorted((row.order_created_at, row.id) for row in await tx.execute(came))
    ids = [id for _, id in placed[:size]]
    shown = select(_o.id, _o.created_at, _o.modified_at, _o.document).where(of_account, _o.id.in_(ids))
    found = {row.id: row for row in await tx.fetch_all(shown, into=StoredOrder)}
    return [found[id] for id in ids if id in found]
