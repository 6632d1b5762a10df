"""The people of an account: create, list, disable, and find them when they sign in."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, func, insert, select, update

from packhouse.accounts import browsers, two_factors
from packhouse.accounts.schema import ALL
from packhouse.accounts.tables import pending_sign_ins, reset_links, sessions, users
from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.messages import foreign, message

# What a role may do, in the words of the API.
ROLES: Mapping[str, frozenset[str]] = {
    "owner": frozenset({ALL}),
    "packer": frozenset({"read:order", "write:order", "read:integration", "write:parcel"}),
    "viewer": frozenset({"read:order", "read:integration"}),
}
MIN_PASSWORD = 10
MAX_PASSWORD = 200


def check_user(email: str, password: str, role: str) -> None:
    """Raises Invalid with all errors."""
    faults = []
    try:
        validate_email(email, check_deliverability=False)
    except EmailNotValidError as error:
        faults.append(errors.ErrorItem("invalid", foreign(str(error)), parameter="email"))
    faults += _find_password_faults(password)
    if role not in ROLES:
        faults.append(
            errors.ErrorItem("invalid", message("A role is one of {roles}.", roles=", ".join(ROLES)), parameter="role")
        )
    if faults:
        raise errors.Invalid(faults)


def check_password(password: str) -> None:
    """Raises Invalid."""
    if faults := _find_password_faults(password):
        raise errors.Invalid(faults)


def _find_password_faults(password: str) -> list[errors.ErrorItem]:
    if MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        return []
    detail = message(
        "A password has {min_password} to {max_password} characters.",
        min_password=MIN_PASSWORD,
        max_password=MAX_PASSWORD,
    )
    return [errors.ErrorItem("invalid", detail, parameter="password")]


async def create_user(
    tx: Transaction, account_id: int, email: str, password_hash: str, role: str, *, now: datetime
) -> int:
    """Return the id of the new user; `check_user` has passed. Raises Invalid for an e-mail address that is in use."""
    await tx.lock_table(users)
    if await find_user(tx, email) is not None:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("There is a user {email} already.", email=email), parameter="email")
        )
    [id] = await tx.next_ids("users", 1)
    row = {"account_id": account_id, "id": id, "email": email, "email_folded": email.casefold(), "role": role}
    await tx.execute(insert(users).values({**row, "password_hash": password_hash, "created_at": now}))
    return id


class UserRow(NamedTuple):
    """A row of `users`."""

    account_id: int
    id: int
    email: str
    email_folded: str
    password_hash: str
    role: str
    created_at: datetime
    disabled_at: datetime | None


class Person(NamedTuple):
    """A user as lists show them."""

    id: int
    email: str
    role: str
    created_at: datetime
    disabled_at: datetime | None


async def find_user(tx: Reader, email: str) -> UserRow | None:
    """Find a user of any account, disabled or not. The statement finds out which account it is, so it cannot name
    it."""
    statement = select(users).where(users.c.email_folded == email.casefold())
    return await tx.fetch_one(statement, into=UserRow)


async def list_users(tx: Reader, account_id: int) -> list[Person]:
    columns = (users.c.id, users.c.email, users.c.role, users.c.created_at, users.c.disabled_at)
    statement = select(*columns).where(users.c.account_id == account_id).order_by(users.c.id)
    return await tx.fetch_all(statement, into=Person)


def to_actor(id: int) -> str:
    """Return the name of a user in histories."""
    return f"user:{id}"


async def get_user(tx: Reader, account_id: int, id: int) -> UserRow:
    """Raises NotFound."""
    row = await tx.fetch_one(select(users).where(users.c.account_id == account_id, users.c.id == id), into=UserRow)
    if row is None:
        raise _no_such_user()
    return row


async def disable_user(tx: Transaction, account_id: int, id: int, *, now: datetime) -> None:
    """Sign the person out everywhere and prevent new sign-ins. Raises NotFound, and Conflict for the last owner."""
    await _keep_an_owner(tx, account_id, id)
    live = (users.c.account_id == account_id, users.c.id == id, users.c.disabled_at.is_(None))
    if not await tx.change(update(users).where(*live).values(disabled_at=now)):
        raise _no_such_user()
    await _forget(tx, account_id, id)


async def enable_user(tx: Transaction, account_id: int, id: int) -> None:
    """Raises NotFound."""
    disabled = (users.c.account_id == account_id, users.c.id == id, users.c.disabled_at.is_not(None))
    if not await tx.change(update(users).where(*disabled).values(disabled_at=None)):
        raise _no_such_user()


async def delete_user(tx: Transaction, account_id: int, id: int) -> None:
    """Delete the person and their sessions; what they did stays in the history under their id. Raises as `disable_user`
    does."""
    await _keep_an_owner(tx, account_id, id)
    if not await tx.change(delete(users).where(users.c.account_id == account_id, users.c.id == id)):
        raise _no_such_user()
    await _forget(tx, account_id, id)
    await two_factors.remove(tx, account_id, id)


async def change_role(tx: Transaction, account_id: int, id: int, role: str) -> None:
    """Raises as `disable_user` does, and Invalid for an unknown role."""
    if role not in ROLES:
        raise errors.Invalid(
            errors.ErrorItem("invalid", message("A role is one of {roles}.", roles=", ".join(ROLES)), parameter="role")
        )
    if role != "owner":
        await _keep_an_owner(tx, account_id, id)
    statement = update(users).where(users.c.account_id == account_id, users.c.id == id).values(role=role)
    if not await tx.change(statement):
        raise _no_such_user()


async def change_password(tx: Transaction, account_id: int, id: int, password_hash: str) -> None:
    """Sign the person out everywhere and forget their browsers."""
    statement = update(users).where(users.c.account_id == account_id, users.c.id == id)
    await tx.execute(statement.values(password_hash=password_hash))
    await _forget(tx, account_id, id)


async def replace_password(tx: Transaction, account_id: int, id: int, was: str, password_hash: str) -> bool:
    """Return whether the password was still the one that `was` is the hash of. If so, sign the person out everywhere
    and forget their browsers."""
    same = (users.c.account_id == account_id, users.c.id == id, users.c.password_hash == was)
    if not await tx.change(update(users).where(*same).values(password_hash=password_hash)):
        return False
    await _forget(tx, account_id, id)
    return True


async def end_sessions(tx: Transaction, account_id: int, user_id: int) -> None:
    """End sessions and pending sign-ins."""
    for table in (sessions, pending_sign_ins):
        await tx.execute(delete(table).where(table.c.account_id == account_id, table.c.user_id == user_id))


async def _forget(tx: Transaction, account_id: int, id: int) -> None:
    """End sessions and pending sign-ins, and forget browsers and reset links."""
    await end_sessions(tx, account_id, id)
    await browsers.forget(tx, account_id, id)
    await tx.execute(delete(reset_links).where(reset_links.c.account_id == account_id, reset_links.c.user_id == id))


async def _keep_an_owner(tx: Reader, account_id: int, id: int) -> None:
    """Raises Conflict for the last owner who can sign in, if there are other users. Owners are locked, so that two of
    them cannot remove each other."""
    live = (users.c.account_id == account_id, users.c.role == "owner", users.c.disabled_at.is_(None))
    locked = select(users.c.id).where(*live).order_by(users.c.id).with_for_update()
    owners = set(await tx.fetch_values(locked))
    if owners == {id}:
        detail = message("An account with users needs at least one owner who can sign in.")
        others = select(func.count()).where(users.c.account_id == account_id, users.c.id != id)
        if await tx.fetch_value(others):
            raise errors.Conflict(errors.ErrorItem("conflict", detail))


def _no_such_user() -> errors.NotFound:
    return errors.NotFound(message("There is no such user."))
