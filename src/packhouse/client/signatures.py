"""Signatures of webhooks: lower-case hex HMAC-SHA256 of the exact bytes of the body."""

import hashlib
import hmac

HEADER = "Sendcloud-Signature"


def sign(body: bytes, signing_key: str) -> str:
    return hmac.new(signing_key.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str | None, *signing_keys: str) -> bool:
    """By any of these keys: two while one replaces the other. Compared in constant time. `body` is what was received,
    before any parsing."""
    sent = (signature or "").encode()
    return any(hmac.compare_digest(sign(body, key).encode(), sent) for key in signing_keys)
