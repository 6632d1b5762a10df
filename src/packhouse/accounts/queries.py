"""Reads of accounts and keys. These are the statements that find out which account it is, so they cannot name it."""

from collections.abc import Collection, Sequence
from datetime import UTC, tzinfo
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, select, text

from packhouse.accounts.tables import access_tokens, accounts, api_keys
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.db import Reader, citus
from packhouse.kit.db.columns import is_reference, metadata
from packhouse.kit.messages import message

Statement: TypeAlias = Select[Any]

# The tables that find out which account it is, whole on every node of a sharded database; those that others refer to
# come first.
REFERENCE_TABLES = tuple(table.name for table in metadata.sorted_tables if is_reference(table))

# The hottest read: no column more than it needs. A key that refuses HTTP Basic is not there.
FIND_KEY = (
    select(api_keys.c.account_id, api_keys.c.secret_hash, accounts.c.country_code, api_keys.c.scopes)
    .join(accounts, accounts.c.account_id == api_keys.c.account_id)
    .where(
        api_keys.c.public_key == bindparam("public_key"),
        api_keys.c.revoked_at.is_(None),
        api_keys.c.takes_basic,
        accounts.c.takes_basic,
    )
)


class Owned(NamedTuple):
    """How a row of the caller's account is found, `account_id` and other values given: alone, and with the key that
    calls, in one statement with the columns of `FIND_KEY` first. The
    column `never_null` says whether a row was found beside the key."""

    alone: Select[Any]
    with_key: Select[Any]
    never_null: str


def owned(columns: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]) -> Owned:
    """`columns` are of one table, or found from it; the first is one of its own, and never null."""
    table = cast("Column[Any]", columns[0]).table
    of = table.c.account_id
    alone = select(*columns).where(of == bindparam("account_id"), *conditions)
    with_key = FIND_KEY.add_columns(*columns).outerjoin(table, and_(of == api_keys.c.account_id, *conditions))
    return Owned(alone, with_key, columns[0].key or "")


# The same key or client with all that a rotation and a token need.
FIND_CLIENT = (
    select(
        api_keys.c.account_id,
        api_keys.c.secret_hash,
        accounts.c.country_code,
        api_keys.c.scopes,
        and_(accounts.c.takes_basic, api_keys.c.takes_basic).label("takes_basic"),
        api_keys.c.second_hash,
        api_keys.c.second_until,
        api_keys.c.id,
        api_keys.c.kind,
        api_keys.c.public_key,
    )
    .join(accounts, accounts.c.account_id == api_keys.c.account_id)
    .where(api_keys.c.public_key == bindparam("public_key"), api_keys.c.revoked_at.is_(None))
)

# Whose it is, or was.
FIND_OWNER = select(api_keys.c.account_id, api_keys.c.kind).where(api_keys.c.public_key == bindparam("public_key"))

FIND_TOKEN = (
    select(
        access_tokens.c.secret_hash,
        access_tokens.c.expires_at,
        access_tokens.c.scopes,
        api_keys.c.kind,
        api_keys.c.public_key,
        accounts.c.country_code,
    )
    .join(api_keys, and_(api_keys.c.account_id == access_tokens.c.account_id, api_keys.c.id == access_tokens.c.key_id))
    .join(accounts, accounts.c.account_id == access_tokens.c.account_id)
    .where(
        access_tokens.c.account_id == bindparam("account_id"),
        access_tokens.c.token_id == bindparam("token_id"),
        api_keys.c.revoked_at.is_(None),
    )
)

_ACTORS = {"key": "api_key", "client": "oauth_client"}


def to_actor(kind: str, public_key: str) -> str:
    """Who acts, as a history and the audit log name them."""
    return f"{_ACTORS[kind]}:{public_key}"


async def get_account(tx: Reader, name: str) -> Any:
    """Raises NotFound."""
    row = await tx.fetch_one(select(accounts).where(accounts.c.name == name))
    if row is None:
        raise errors.NotFound(message("There is no account named {name}.", name=repr(name)))
    return row


async def get_account_by_id(tx: Reader, account_id: int) -> Any:
    return (await tx.execute(select(accounts).where(accounts.c.account_id == account_id))).one()


async def find_zone(tx: Reader, account_id: int) -> tzinfo:
    """The one whose days are the account's: the one that it set, else that of its country."""
    statement = select(accounts.c.time_zone, accounts.c.country_code).where(accounts.c.account_id == account_id)
    row = await tx.fetch_one(statement)
    return zones.to_zone(row.time_zone or zones.find_default(row.country_code)) if row is not None else UTC


async def list_accounts(tx: Reader) -> Sequence[Any]:
    return await tx.fetch_all(select(accounts).order_by(accounts.c.account_id))


_LIST_REACHABLE = text(
    "SELECT account_id FROM accounts "
    "WHERE get_shard_id_for_distribution_column('orders', account_id) <> ALL (CAST(:shards AS bigint[])) "
    "ORDER BY account_id"
)


async def list_reachable(tx: Reader, away: Collection[str]) -> Sequence[int]:
    """The accounts that no node of a sharded database holds which is away; nodes as `citus.find_nodes` names them."""
    return await tx.fetch_values(_LIST_REACHABLE, {"shards": sorted(await citus.find_shards_away(tx, away))})


async def find_key(tx: Reader, public_key: str) -> Any:
    return await tx.fetch_one(select(api_keys).where(api_keys.c.public_key == public_key))


async def list_keys(tx: Reader, account_id: int, kind: str = "key") -> Sequence[Any]:
    here = (api_keys.c.account_id == account_id, api_keys.c.kind == kind)
    statement = select(api_keys).where(*here).order_by(api_keys.c.id)
    return await tx.fetch_all(statement)
