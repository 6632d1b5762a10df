"""Secrets: created here, stored only as hashes, compared in constant time."""

import hashlib
import hmac
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_SALT_BYTES = 16
_LONGEST_REMEMBERED = 200
"""Characters of a secret; nobody fills the memory with long ones."""


def new_public_key() -> str:
    return secrets.token_hex(16)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """Return `salt$digest`, both in hex. A keyed hash is enough: API secrets are long and random, so they cannot be
    guessed, and a slow hash would cost every request what a sign-in costs once."""
    salt = secrets.token_hex(_SALT_BYTES)
    return f"{salt}${_digest(salt, secret)}"


def is_secret(secret: str, hashed: str) -> bool:
    """Cache the result for a while, because a caller sends the same secret again and again."""
    return (_is_secret if len(secret) <= _LONGEST_REMEMBERED else _is_secret.__wrapped__)(secret, hashed)


@lru_cache(1_000)
def _is_secret(secret: str, hashed: str) -> bool:
    salt, _, digest = hashed.partition("$")
    return hmac.compare_digest(_digest(salt, secret), digest)


def _digest(salt: str, secret: str) -> str:
    return hmac.digest(salt.encode(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()


# OWASP's least for argon2id: 19 MiB and two passes take some 25 ms of a core.
_PASSWORDS = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """Slow on purpose: do not call it on the event loop."""
    return _PASSWORDS.hash(password)


def is_password(password: str, hashed: str) -> bool:
    """Slow on purpose: do not call it on the event loop."""
    try:
        return _PASSWORDS.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
