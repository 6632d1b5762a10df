"""Reads of an account's integrations."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.integrations.tables import integrations


async def find_live(tx: AsyncConnection, account_id: int, ids: Collection[int]) -> set[int]:
    """Those of `ids` that take orders."""
    if not ids:
        return set()
    statement = select(integrations.c.id).where(
        integrations.c.account_id == account_id, integrations.c.id.in_(sorted(ids)), integrations.c.deleted_at.is_(None)
    )
    return set((await tx.execute(statement)).scalars())


async def find_known(tx: AsyncConnection, account_id: int, ids: Collection[int]) -> set[int]:
    """Those of `ids` that the account has or had: orders of a deleted integration can still be listed."""
    if not ids:
        return set()
    statement = select(integrations.c.id).where(
        integrations.c.account_id == account_id, integrations.c.id.in_(sorted(ids))
    )
    return set((await tx.execute(statement)).scalars())


async def find_first(tx: AsyncConnection, account_id: int) -> int | None:
    statement = select(integrations.c.id).where(
        integrations.c.account_id == account_id, integrations.c.deleted_at.is_(None)
    )
    return (await tx.execute(statement.order_by(integrations.c.id).limit(1))).scalar()


async def list_integrations(tx: AsyncConnection, account_id: int) -> Sequence[Any]:
    statement = select(integrations).where(integrations.c.account_id == account_id, integrations.c.deleted_at.is_(None))
    return (await tx.execute(statement.order_by(integrations.c.id))).all()


async def list_ids(tx: AsyncConnection, account_id: int) -> list[int]:
    """Of all that the account has or had."""
    statement = select(integrations.c.id).where(integrations.c.account_id == account_id)
    return list((await tx.execute(statement.order_by(integrations.c.id))).scalars())
