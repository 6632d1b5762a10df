"""From the headers of a request to its caller (contract, section 2)."""

import base64
import binascii

from starlette.requests import Request

from packhouse.accounts import queries
from packhouse.accounts.schema import Caller
from packhouse.kit import errors, http, security

# Compared against when there is no such key, so that a wrong key takes as long as a wrong secret.
_NO_KEY = security.hash_secret(security.new_secret())


async def caller(request: Request, scope: str | None = None) -> Caller:
    """Raises Unauthenticated without the credentials of a live key, Forbidden where the caller lacks the scope."""
    public_key, secret = _credentials(request.headers.get("authorization", ""))
    row = await http.house(request).db.fetch_one(queries.FIND_KEY, public_key=public_key)
    if not security.is_secret(secret, row[1] if row else _NO_KEY) or row is None:
        raise _unauthenticated()
    found = Caller(row[0], row[2], f"api_key:{public_key}")
    http.trace(request).account_id = found.account_id
    if scope is not None and not found.may(scope):
        raise errors.Forbidden(errors.Fault("forbidden", f"The scope {scope} is needed for this."))
    return found


def _credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise _unauthenticated()
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _unauthenticated() from None
    public_key, colon, secret = decoded.partition(":")
    if not colon or "\0" in public_key:
        raise _unauthenticated()
    return public_key, secret


def _unauthenticated() -> errors.Unauthenticated:
    fault = errors.Fault("authentication_failed", "Invalid username/password.", pointer=errors.ROOT)
    return errors.Unauthenticated(fault, {"WWW-Authenticate": "Basic"})
