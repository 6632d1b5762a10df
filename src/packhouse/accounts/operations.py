"""Creates, changes and revokes accounts and their keys."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import insert, select, update

from packhouse.accounts import audit, queries
from packhouse.accounts.schema import ALL, SCOPES
from packhouse.accounts.tables import accounts, api_keys
from packhouse.kit import errors, security
from packhouse.kit.data import places, zones
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message

# Who acts where nobody is named: whoever may run commands on the server.
OPERATOR = "command:packhouse"


class NewKey(NamedTuple):
    """A new key; its secret is not shown again."""

    id: int
    public_key: str
    secret_key: str


async def create_account(tx: Transaction, name: str, country_code: str, *, now: datetime, actor: str = OPERATOR) -> int:
    """Return the id of the new account. Raises Invalid for a name that is taken or empty and for an unknown country."""
    if not name.strip() or "\0" in name:
        raise errors.Invalid(errors.ErrorItem("required", message("An account needs a name.")))
    if country_code not in places.COUNTRIES:
        detail = message("{country_code} is not an ISO 3166-1 alpha-2 country code.", country_code=repr(country_code))
        raise errors.Invalid(errors.ErrorItem("invalid", detail))
    await tx.lock_table(accounts)
    if await tx.fetch_one(select(accounts.c.account_id).where(accounts.c.name == name)):
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("There is an account named {name} already.", name=repr(name)))
        )
    [account_id] = await tx.next_ids("accounts", 1)
    row = {"account_id": account_id, "name": name, "country_code": country_code, "created_at": now}
    await tx.execute(insert(accounts).values(row))
    await audit.record(tx, account_id, actor, "account.created", name, now=now)
    return account_id


async def create_key(
    tx: Transaction,
    account_id: int,
    name: str,
    *,
    now: datetime,
    public_key: str | None = None,
    secret_key: str | None = None,
    actor: str = OPERATOR,
    kind: str = "key",
    scopes: Collection[str] = (ALL,),
) -> NewKey:
    """Create a pair chosen by the caller, or a random one. Raises Invalid for a public key that is taken or that HTTP
    Basic cannot carry."""
    public, secret = public_key or security.new_public_key(), secret_key or security.new_secret()
    if ":" in public or not (public + secret).isprintable():
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("A key must be printable, and a public key must not contain a colon."))
        )
    if not scopes or (unknown := sorted(set(scopes) - set(SCOPES))):
        detail = (
            message(
                "There is no scope {unknown}; there are {scopes}.", unknown=repr(unknown[0]), scopes=", ".join(SCOPES)
            )
            if scopes
            else message("A scope is needed.")
        )
        raise errors.Invalid(errors.ErrorItem("invalid_choice", detail, pointer=errors.to_pointer(("scopes",))))
    await tx.lock_table(api_keys)
    if await queries.find_key(tx, public) is not None:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("The public key {public} is in use.", public=repr(public)))
        )
    [id] = await tx.next_ids("api_keys", 1)
    row = {"account_id": account_id, "id": id, "name": name, "public_key": public, "created_at": now}
    row |= {"kind": kind, "scopes": " ".join(sorted(set(scopes))), "takes_basic": kind == "key"}
    await tx.execute(insert(api_keys).values({**row, "secret_hash": security.hash_secret(secret)}))
    await audit.record(tx, account_id, actor, f"{kind}.created", public, now=now)
    return NewKey(id, public, secret)


async def revoke_key(
    tx: Transaction,
    account_id: int,
    public_key: str,
    *,
    now: datetime,
    actor: str = OPERATOR,
    kind: str = "key",
) -> None:
    """Revoke a key and its tokens, from the next request on, on every process. Raises NotFound for a key that is not a
    live one of the account."""
    await _change_key(tx, account_id, public_key, kind, revoked_at=now)
    await audit.record(tx, account_id, actor, f"{kind}.revoked", public_key, now=now)


async def rotate_key(
    tx: Transaction,
    account_id: int,
    public_key: str,
    *,
    now: datetime,
    keep: timedelta,
    actor: str = OPERATOR,
    kind: str = "key",
) -> str:
    """Return a new secret. The current one stays valid for `keep`, the one before it becomes invalid. Raises
    NotFound."""
    secret = security.new_secret()
    changes = {"secret_hash": security.hash_secret(secret), "second_hash": api_keys.c.secret_hash}
    await _change_key(tx, account_id, public_key, kind, **changes, second_until=now + keep)
    await audit.record(tx, account_id, actor, f"{kind}.rotated", public_key, now=now)
    return secret


async def set_key_basic(
    tx: Transaction,
    account_id: int,
    public_key: str,
    *,
    takes_basic: bool,
    now: datetime,
    actor: str = OPERATOR,
) -> None:
    """Set whether the key can use HTTP Basic or only tokens. Raises NotFound."""
    await _change_key(tx, account_id, public_key, "key", takes_basic=takes_basic)
    action = "key.basic_accepted" if takes_basic else "key.basic_refused"
    await audit.record(tx, account_id, actor, action, public_key, now=now)


async def set_account_basic(
    tx: Transaction, account_id: int, *, takes_basic: bool, now: datetime, actor: str = OPERATOR
) -> None:
    """Allow or refuse HTTP Basic for all keys of an account."""
    statement = update(accounts).where(accounts.c.account_id == account_id).values(takes_basic=takes_basic)
    await tx.execute(statement)
    action = "account.basic_accepted" if takes_basic else "account.basic_refused"
    await audit.record(tx, account_id, actor, action, str(account_id), now=now)


async def set_time_zone(
    tx: Transaction, account_id: int, name: str | None, *, now: datetime, actor: str = OPERATOR
) -> None:
    """Set the account's time zone; None means that of its country. Raises Invalid."""
    if name is not None and not zones.is_zone(name):
        detail = message("This is not a time zone. Time zones have names like Europe/Amsterdam.")
        raise errors.Invalid(errors.ErrorItem("invalid_choice", detail, pointer=errors.to_pointer(("time_zone",))))
    await tx.execute(update(accounts).where(accounts.c.account_id == account_id).values(time_zone=name))
    await audit.record(tx, account_id, actor, "account.time_zone_changed", name or "of its country", now=now)


async def _change_key(tx: Transaction, account_id: int, public_key: str, kind: str, **changes: Any) -> None:
    live = (
        api_keys.c.account_id == account_id,
        api_keys.c.public_key == public_key,
        api_keys.c.kind == kind,
        api_keys.c.revoked_at.is_(None),
    )
    if not await tx.change(update(api_keys).where(*live).values(**changes)):
        raise errors.NotFound(
            message("The account has no live {kind} {public_key}.", kind=kind, public_key=repr(public_key))
        )
