"""Reads of accounts and keys. These are the statements that find out which account it is, so they cannot name it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from packhouse.accounts.tables import accounts, api_keys
from packhouse.kit import errors

FIND_KEY = (
    select(api_keys.c.account_id, api_keys.c.secret_hash, accounts.c.country_code)
    .join(accounts, accounts.c.account_id == api_keys.c.account_id)
    .where(api_keys.c.public_key == bindparam("public_key"), api_keys.c.revoked_at.is_(None))
)


async def get_account(tx: AsyncConnection, name: str) -> Any:
    """Raises NotFound."""
    row = (await tx.execute(select(accounts).where(accounts.c.name == name))).first()
    if row is None:
        raise errors.NotFound(errors.Fault("not_found", f"There is no account named {name!r}."))
    return row


async def get_account_by_id(tx: AsyncConnection, account_id: int) -> Any:
    return (await tx.execute(select(accounts).where(accounts.c.account_id == account_id))).one()


async def list_accounts(tx: AsyncConnection) -> Sequence[Any]:
    return (await tx.execute(select(accounts).order_by(accounts.c.account_id))).all()


async def find_key(tx: AsyncConnection, public_key: str) -> Any:
    return (await tx.execute(select(api_keys).where(api_keys.c.public_key == public_key))).first()


async def list_keys(tx: AsyncConnection, account_id: int) -> Sequence[Any]:
    statement = select(api_keys).where(api_keys.c.account_id == account_id).order_by(api_keys.c.id)
    return (await tx.execute(statement)).all()
