"""Views of the order list that people keep under a name: one's own, or everybody's in the account."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import delete, func, select

from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import message
from packhouse.orders.tables import saved_views

EVERYBODY = ""
"""The owner of a view that all of the account see."""
LONGEST_NAME = 60
MOST = 50
"""Of one owner."""

_v = saved_views.c


class View(NamedTuple):
    """`query` is the list's URL behind its path."""

    owner: str
    name: str
    query: str


async def list_views(tx: Reader, account_id: int, actor: str) -> Sequence[View]:
    """List everybody's views and those of one person, by name."""
    statement = select(_v.owner, _v.name, _v.query).where(_v.account_id == account_id, _v.owner.in_([EVERYBODY, actor]))
    return [View(row.owner, row.name, row.query) for row in await tx.fetch_all(statement.order_by(_v.owner, _v.name))]


async def save_view(tx: Transaction, account_id: int, view: View, actor: str, *, now: datetime) -> None:
    """Keep a view; one of the same name and owner is replaced. Raises Invalid."""
    name = " ".join(view.name.split())
    if not name or len(name) > LONGEST_NAME:
        detail = message("Give it a name of at most {most} characters.", most=LONGEST_NAME)
        raise errors.Invalid([errors.ErrorItem("invalid", detail, parameter="name")])
    others = select(func.count()).where(_v.account_id == account_id, _v.owner == view.owner, _v.name != name)
    if await tx.fetch_value(others) >= MOST:
        raise errors.Conflict(errors.ErrorItem("conflict", message("There are {most} views already.", most=MOST)))
    row = {**view._asdict(), "name": name, "account_id": account_id, "created_at": now, "created_by": actor}
    await tx.upsert(saved_views, [row])


async def delete_view(tx: Transaction, account_id: int, owner: str, name: str) -> None:
    await tx.change(delete(saved_views).where(_v.account_id == account_id, _v.owner == owner, _v.name == name))
