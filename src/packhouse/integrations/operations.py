"""Integrations: made, deleted."""

from datetime import datetime

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.integrations.tables import integrations
from packhouse.kit import errors
from packhouse.kit.db import Database

_MAX_ID = 2**53 - 1  # past it, a client that reads numbers as doubles sees another id


async def create_integration(
    db: Database, tx: AsyncConnection, account_id: int, shop_name: str, *, now: datetime, id: int | None = None
) -> int:
    """The id of the new integration: the one asked for, or the next. Raises Invalid for an id that the account has."""
    if not shop_name.strip() or "\0" in shop_name:
        raise errors.Invalid(errors.Fault("required", "An integration needs a shop name."))
    if id is None:
        [id] = await db.next_ids(tx, "integrations", 1)
    else:
        await _reserve(db, tx, account_id, id)
    row = {"account_id": account_id, "id": id, "shop_name": shop_name, "created_at": now}
    await tx.execute(insert(integrations).values(row))
    return id


async def _reserve(db: Database, tx: AsyncConnection, account_id: int, id: int) -> None:
    if not 1 <= id <= _MAX_ID:
        raise errors.Invalid(errors.Fault("invalid", f"An integration's id lies between 1 and {_MAX_ID}."))
    taken = select(integrations.c.id).where(integrations.c.account_id == account_id, integrations.c.id == id)
    if (await tx.execute(taken)).first():
        raise errors.Invalid(errors.Fault("invalid", f"The account has, or had, an integration {id}."))
    await db.keep_above(tx, "integrations", id)


async def delete_integration(tx: AsyncConnection, account_id: int, id: int, *, now: datetime) -> None:
    """Its orders stay readable, new ones are refused. Raises NotFound."""
    live = (integrations.c.account_id == account_id, integrations.c.id == id, integrations.c.deleted_at.is_(None))
    if not (await tx.execute(update(integrations).where(*live).values(deleted_at=now))).rowcount:
        raise errors.NotFound(errors.Fault("not_found", f"The account has no integration {id}."))
