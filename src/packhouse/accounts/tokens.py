"""Access tokens (RFC 6749, client credentials): opaque, short-lived, stored only as a hash, revoked with their client.

A token reads `ph_<account>_<id>_<secret>`, so that it names the account and costs one read by key.
"""

import re
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import delete, insert

from packhouse.accounts import audit
from packhouse.accounts.schema import ALL, SCOPES
from packhouse.accounts.tables import access_tokens
from packhouse.kit import errors, security
from packhouse.kit.db import Transaction
from packhouse.kit.messages import Message, message

LIFETIME = timedelta(hours=1)

_TOKEN = re.compile(r"ph_([1-9][0-9]{0,17})_([0-9a-f]{16})_([A-Za-z0-9_-]{20,100})")
_NOT_STORED = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenRefusal(errors.ApiError):
    """A refusal as RFC 6749, section 5.2, and as the error list of the contract define it."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid"

    def __init__(self, error: str, description: Message) -> None:
        headers = {**_NOT_STORED, "WWW-Authenticate": "Basic"} if self.status == 401 else _NOT_STORED
        super().__init__(errors.ErrorItem(self.code, description, pointer=errors.ROOT), headers)
        self._said = {"error": error, "error_description": description}

    def to_wire(self) -> dict[str, Any]:
        return {**self._said, **super().to_wire()}


class InvalidClient(TokenRefusal):
    status = 401
    code = "authentication_failed"

    def __init__(self) -> None:
        super().__init__("invalid_client", message("Invalid username/password."))


class Parts(NamedTuple):
    account_id: int
    token_id: str
    secret: str


def parse(token: str) -> Parts | None:
    match = _TOKEN.fullmatch(token)
    return None if match is None else Parts(int(match[1]), match[2], match[3])


def choose_scopes(granted: frozenset[str], asked: str | None) -> frozenset[str]:
    """Return the requested scopes, or all that are granted if none are requested. Raises TokenRefusal."""
    wanted = frozenset((asked or "").split())
    if not wanted:
        return granted
    if wanted <= frozenset(SCOPES) and (ALL in granted or wanted <= granted):
        return wanted
    raise TokenRefusal("invalid_scope", message("The client does not have all of the scopes that it asks for."))


async def issue_token(
    tx: Transaction,
    account_id: int,
    key_id: int,
    actor: str,
    scopes: frozenset[str],
    *,
    now: datetime,
) -> dict[str, Any]:
    """Return the answer of the token endpoint, and delete expired tokens of the account."""
    token_id, secret = secrets.token_hex(8), security.new_secret()
    words = " ".join(sorted(scopes))
    over = delete(access_tokens).where(access_tokens.c.account_id == account_id, access_tokens.c.expires_at <= now)
    await tx.execute(over)
    row = {"account_id": account_id, "token_id": token_id, "key_id": key_id, "scopes": words}
    row |= {"secret_hash": security.hash_secret(secret), "expires_at": now + LIFETIME}
    await tx.execute(insert(access_tokens).values(row))
    await audit.record(tx, account_id, actor, "token.issued", words, now=now)
    return {
        "access_token": f"ph_{account_id}_{token_id}_{secret}",
        "token_type": "bearer",
        "expires_in": int(LIFETIME.total_seconds()),
        "scope": words,
    }


async def revoke_token(tx: Transaction, account_id: int, key_id: int, actor: str, token: str, *, now: datetime) -> None:
    """Ignore anything that is not a token of this client (RFC 7009)."""
    parts = parse(token)
    if parts is None or parts.account_id != account_id:
        return
    mine = (
        access_tokens.c.account_id == account_id,
        access_tokens.c.token_id == parts.token_id,
        access_tokens.c.key_id == key_id,
    )
    if await tx.change(delete(access_tokens).where(*mine)):
        await audit.record(tx, account_id, actor, "token.revoked", parts.token_id, now=now)
