"""Secrets: made here, kept as a hash only, compared in constant time."""

import hashlib
import hmac
import secrets

_SALT_BYTES = 16


def new_public_key() -> str:
    return secrets.token_hex(16)


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> str:
    """`salt$digest`, both hex. A keyed hash is enough: API secrets are long and random, so there is nothing to guess,
    and a slow hash would cost every request what a person's sign-in costs once."""
    salt = secrets.token_hex(_SALT_BYTES)
    return f"{salt}${_digest(salt, secret)}"


def is_secret(secret: str, hashed: str) -> bool:
    salt, _, digest = hashed.partition("$")
    return hmac.compare_digest(_digest(salt, secret), digest)


def _digest(salt: str, secret: str) -> str:
    return hmac.digest(salt.encode(), secret.encode("utf-8", "surrogatepass"), hashlib.sha256).hex()
