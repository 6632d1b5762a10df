"""Reads of accounts and keys. These statements find out which account it is, so they cannot name it."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Generic, NamedTuple, TypeVar, cast

from sqlalchemy import Column, ColumnElement, Select, and_, bindparam, select, text

from packhouse.accounts.tables import KeyRow, access_tokens, accounts, api_keys
from packhouse.kit import errors
from packhouse.kit.data import zones
from packhouse.kit.db import Reader, citus
from packhouse.kit.db.columns import is_reference, metadata
from packhouse.kit.messages import message


class AccountRow(NamedTuple):
    """A row of `accounts`."""

    account_id: int
    name: str
    country_code: str
    takes_basic: bool
    two_factors_for: str
    created_at: datetime
    time_zone: str | None


T_co = TypeVar("T_co", covariant=True)

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


class CallingKey(NamedTuple):
    """A live key, as `FIND_KEY` finds it."""

    account_id: int
    secret_hash: str
    country_code: str
    scopes: str


class Owned(NamedTuple, Generic[T_co]):
    """How to find a row of the caller's account by `account_id` and other values: alone, or together with the calling
    key, in one statement whose first columns are those of `FIND_KEY`."""

    alone: Select[Any]
    with_key: Select[Any]
    into: Callable[..., T_co]

    def split(self, *columns: Any) -> tuple[CallingKey, T_co | None]:
        """Return the key and the row of what `with_key` finds: there is a row where its first column is not null."""
        count = len(CallingKey._fields)
        never_null, *others = columns[count:]
        row = self.into(never_null, *others) if never_null is not None else None
        return CallingKey(*columns[:count]), row


def owned(
    into: Callable[..., T_co], columns: Sequence[ColumnElement[Any]], *conditions: ColumnElement[bool]
) -> Owned[T_co]:
    """`columns` belong to one table, or are found from it; the first is one of its own, and never null."""
    own, *_ = columns
    table = cast("Column[Any]", own).table
    of = table.c.account_id
    alone = select(*columns).where(of == bindparam("account_id"), *conditions)
    with_key = FIND_KEY.add_columns(*columns).outerjoin(table, and_(of == api_keys.c.account_id, *conditions))
    return Owned(alone, with_key, into)


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


class Client(NamedTuple):
    """A live key or client, as `FIND_CLIENT` finds it."""

    account_id: int
    secret_hash: str
    country_code: str
    scopes: str
    takes_basic: bool
    second_hash: str | None
    second_until: datetime | str | None
    id: int
    kind: str
    public_key: str


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


class Owner(NamedTuple):
    """The account and the kind of a key, as `FIND_OWNER` finds them."""

    account_id: int
    kind: str


class LiveToken(NamedTuple):
    """A token of a live client, as `FIND_TOKEN` finds it."""

    secret_hash: str
    expires_at: datetime | str
    scopes: str
    kind: str
    public_key: str
    country_code: str


_ACTORS = {"key": "api_key", "client": "oauth_client"}


def to_actor(kind: str, public_key: str) -> str:
    """Return the actor, as a history and the audit log name it."""
    return f"{_ACTORS[kind]}:{public_key}"


async def get_account(tx: Reader, name: str) -> AccountRow:
    """Raises NotFound."""
    row = await tx.fetch_one(select(accounts).where(accounts.c.name == name), into=AccountRow)
    return errors.require(row, message("There is no account named {name}.", name=repr(name)))


async def get_account_by_id(tx: Reader, account_id: int) -> AccountRow:
    return AccountRow(*(await tx.execute(select(accounts).where(accounts.c.account_id == account_id))).one())


async def find_zone(tx: Reader, account_id: int) -> tzinfo:
    """Return the time zone of the account's days: the one that it set, or else that of its country."""
    row = await tx.fetch_one(select(accounts).where(accounts.c.account_id == account_id), into=AccountRow)
    return zones.to_zone(row.time_zone or zones.find_default(row.country_code)) if row is not None else UTC


async def list_accounts(tx: Reader) -> list[AccountRow]:
    return await tx.fetch_all(select(accounts).order_by(accounts.c.account_id), into=AccountRow)


_LIST_REACHABLE = text(
    "SELECT account_id FROM accounts "
    "WHERE get_shard_id_for_distribution_column('orders', account_id) <> ALL (CAST(:shards AS bigint[])) "
    "ORDER BY account_id"
)


async def list_reachable(tx: Reader, away: Collection[str]) -> Sequence[int]:
    """List the accounts that are not on a node of a sharded database that is down; `citus.find_nodes` names the
    nodes."""
    return await tx.fetch_values(_LIST_REACHABLE, {"shards": sorted(await citus.find_shards_away(tx, away))})


async def find_key(tx: Reader, public_key: str) -> KeyRow | None:
    return await tx.fetch_one(select(api_keys).where(api_keys.c.public_key == public_key), into=KeyRow)


async def get_key(tx: Reader, public_key: str) -> KeyRow:
    """Return a key that this transaction has made or changed."""
    return KeyRow(*(await tx.execute(select(api_keys).where(api_keys.c.public_key == public_key))).one())


async def list_keys(tx: Reader, account_id: int, kind: str = "key") -> list[KeyRow]:
    here = (api_keys.c.account_id == account_id, api_keys.c.kind == kind)
    statement = select(api_keys).where(*here).order_by(api_keys.c.id)
    return await tx.fetch_all(statement, into=KeyRow)
