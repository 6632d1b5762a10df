"""The second factor of a person: codes that change every 30 seconds (TOTP, RFC 6238), and recovery codes in case the
device is lost. Each code can be used once."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hmac import compare_digest
from typing import Literal, NamedTuple, TypeAlias

import pyotp
from sqlalchemy import bindparam, delete, func, insert, select, text, update

from packhouse.accounts.tables import SecondFactorRow, accounts, recovery_codes, second_factors
from packhouse.kit import errors
from packhouse.kit.db import Reader, Transaction
from packhouse.kit.db.columns import Instant
from packhouse.kit.encryption import Encryptor, NoSecretKey
from packhouse.kit.messages import message

# Whom an account may require it of.
GROUPS = ("nobody", "owners", "everybody")
# How long a secret that was offered may be taken up.
OFFERED_FOR = timedelta(minutes=15)
CODES = 10
_STEP_SECONDS = 30
_DIGITS = 6
# 80 random bits in four groups of letters and digits: nothing that could be guessed, even from the hashes.
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_CODE_LENGTH = 16

_f = second_factors.c
_r = recovery_codes.c

_OFFER = text(
    "INSERT INTO second_factors (account_id, user_id, offered, offered_at) "
    "VALUES (:account_id, :user_id, :offered, :offered_at) ON CONFLICT (account_id, user_id) "
    "DO UPDATE SET offered = excluded.offered, offered_at = excluded.offered_at"
).bindparams(bindparam("offered_at", type_=Instant))

Used: TypeAlias = Literal["code", "recovery code", "nothing"]


class State(NamedTuple):
    """The second factor of a person: when it was set up, how many recovery codes are left, and the secret on offer."""

    set_up_at: datetime | None
    codes_left: int
    offered: str | None


def is_required(group: str, role: str) -> bool:
    return group == "everybody" or (group == "owners" and role == "owner")


async def get_group(tx: Reader, account_id: int) -> str:
    """Return which users the account requires a second factor of."""
    statement = select(accounts.c.two_factors_for).where(accounts.c.account_id == account_id)
    return str(await tx.fetch_value(statement))


async def require_of(tx: Transaction, encryptor: Encryptor, account_id: int, group: str) -> None:
    """Set which users need a second factor. Raises Invalid for an unknown group, and NoSecretKey if nobody could set
    one up."""
    if group not in GROUPS:
        detail = message("The group that needs a second factor is one of {groups}.", groups=", ".join(GROUPS))
        raise errors.Invalid(errors.ErrorItem("invalid", detail, parameter="two_factors_for"))
    if group != "nobody" and not encryptor.has_key:
        raise NoSecretKey
    statement = update(accounts).where(accounts.c.account_id == account_id)
    await tx.execute(statement.values(two_factors_for=group))


async def get_state(tx: Reader, encryptor: Encryptor, account_id: int, user_id: int, *, now: datetime) -> State:
    """Raises WrongSecretKey if an offered secret cannot be decrypted."""
    row = await _find(tx, account_id, user_id)
    count = select(func.count()).where(_r.account_id == account_id, _r.user_id == user_id)
    left = await tx.fetch_value(count)
    if row is None:
        return State(None, left, None)
    offered = (
        encryptor.decrypt(row.offered)
        if row.offered and row.offered_at and row.offered_at > now - OFFERED_FOR
        else None
    )
    return State(row.set_up_at, left, offered)


async def has(tx: Reader, account_id: int, user_id: int) -> bool:
    row = await _find(tx, account_id, user_id)
    return row is not None and row.secret is not None


async def list_users(tx: Reader, account_id: int) -> set[int]:
    """List the people of an account who have a second factor."""
    statement = select(_f.user_id).where(_f.account_id == account_id, _f.secret.is_not(None))
    return set(await tx.fetch_values(statement))


async def offer(tx: Reader, encryptor: Encryptor, account_id: int, user_id: int, *, now: datetime) -> None:
    """Offer a new secret, which becomes valid once one of its codes was entered. Raises NoSecretKey."""
    offered = {"offered": encryptor.encrypt(pyotp.random_base32()), "offered_at": now}
    await tx.execute(_OFFER, {"account_id": account_id, "user_id": user_id, **offered})


def to_uri(secret: str, email: str) -> str:
    """Return what an authenticator reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name="Packhouse")


async def set_up(
    tx: Transaction, encryptor: Encryptor, account_id: int, user_id: int, code: str, *, now: datetime
) -> list[str] | None:
    """Return the recovery codes, which are not shown again; None if the code does not match the secret on offer."""
    row = await _find(tx, account_id, user_id, lock=True)
    if row is None or row.offered is None or row.offered_at is None or row.offered_at <= now - OFFERED_FOR:
        return None
    step = _find_step(encryptor.decrypt(row.offered), _plain(code), now)
    if step is None:
        return None
    changes = {"secret": row.offered, "set_up_at": now, "last_step": step, "offered": None, "offered_at": None}
    mine = (_f.account_id == account_id, _f.user_id == user_id)
    await tx.execute(update(second_factors).where(*mine).values(changes))
    return await renew_codes(tx, account_id, user_id)


async def renew_codes(tx: Transaction, account_id: int, user_id: int) -> list[str]:
    """Return ten new recovery codes; the former ones become invalid."""
    await _drop_codes(tx, account_id, user_id)
    codes = ["".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(CODES)]
    row = {"account_id": account_id, "user_id": user_id}
    await tx.execute(insert(recovery_codes), [{**row, "code_hash": _hash(account_id, user_id, code)} for code in codes])
    return ["-".join(code[at : at + 4] for at in range(0, _CODE_LENGTH, 4)) for code in codes]


async def use(
    tx: Transaction, encryptor: Encryptor, account_id: int, user_id: int, code: str, *, now: datetime
) -> Used:
    """Return what kind of code it was; it cannot be used again. Raises NoSecretKey and WrongSecretKey, except for a
    recovery code."""
    plain = _plain(code)
    if len(plain) == _CODE_LENGTH:
        found = _hash(account_id, user_id, plain)
        mine = (_r.account_id == account_id, _r.user_id == user_id, _r.code_hash == found)
        return "recovery code" if await tx.change(delete(recovery_codes).where(*mine)) else "nothing"
    row = await _find(tx, account_id, user_id)
    step = _find_step(encryptor.decrypt(row.secret), plain, now) if row is not None and row.secret is not None else None
    if step is None:
        return "nothing"
    unused = (_f.account_id == account_id, _f.user_id == user_id, _f.last_step < step)
    statement = update(second_factors).where(*unused).values(last_step=step)
    return "code" if await tx.change(statement) else "nothing"


async def remove(tx: Transaction, account_id: int, user_id: int) -> bool:
    """Remove the second factor and its recovery codes. Return whether there was one."""
    await _drop_codes(tx, account_id, user_id)
    mine = (_f.account_id == account_id, _f.user_id == user_id)
    had = await has(tx, account_id, user_id)
    await tx.execute(delete(second_factors).where(*mine))
    return had


async def reset(tx: Transaction, account_id: int, user_id: int) -> None:
    """Raises NotFound if there is no second factor to remove."""
    if not await remove(tx, account_id, user_id):
        raise errors.NotFound(message("This person has no second factor."))


async def _find(tx: Reader, account_id: int, user_id: int, *, lock: bool = False) -> SecondFactorRow | None:
    statement = select(second_factors).where(_f.account_id == account_id, _f.user_id == user_id)
    return await tx.fetch_one(statement.with_for_update() if lock else statement, into=SecondFactorRow)


async def _drop_codes(tx: Transaction, account_id: int, user_id: int) -> None:
    await tx.execute(delete(recovery_codes).where(_r.account_id == account_id, _r.user_id == user_id))


def _find_step(secret: str, code: str, now: datetime) -> int | None:
    """Return the step of this code: the current one or a neighbour, for a clock that is slightly off."""
    if len(code) != _DIGITS or not (code.isascii() and code.isdecimal()):
        return None
    here = int(now.timestamp()) // _STEP_SECONDS
    made = pyotp.TOTP(secret)
    steps: Sequence[int] = [at for at in (here, here - 1, here + 1) if compare_digest(made.generate_otp(at), code)]
    return max(steps, default=None)


def _plain(code: str) -> str:
    """Read a code as people type it: in groups, in any case."""
    return "".join(code[:100].split()).replace("-", "").lower()


def _hash(account_id: int, user_id: int, code: str) -> str:
    return hashlib.sha256(f"{account_id}:{user_id}:{code}".encode("utf-8", "surrogatepass")).hexdigest()
