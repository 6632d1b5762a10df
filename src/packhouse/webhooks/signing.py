"""Bodies as they are sent, and what proves that they are ours (contract, section 7)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any

HEADER = "Sendcloud-Signature"


def to_body(value: Mapping[str, Any]) -> str:
    """JSON with `", "` and `": "` between its parts and nothing but ASCII: what the signature is made over."""
    return json.dumps(value, ensure_ascii=True, separators=(", ", ": "))


def sign(key: str, body: bytes) -> str:
    """Lower-case hex of the HMAC-SHA256 of exactly these bytes."""
    return hmac.digest(key.encode(), body, hashlib.sha256).hex()


def to_standard_secret(key: str) -> str:
    """Write the key in the form that libraries for Standard Webhooks take."""
    return f"whsec_{base64.b64encode(key.encode()).decode()}"


def sign_by_standard(keys: Sequence[str], id: str, at_seconds: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks; the id is the same at every attempt, the time is the attempt's. One
    signature a key: a receiver takes whichever it knows."""
    signed = f"{id}.{at_seconds}.".encode() + body
    digests = (hmac.digest(key.encode(), signed, hashlib.sha256) for key in keys)
    signatures = " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests)
    return {"webhook-id": id, "webhook-timestamp": str(at_seconds), "webhook-signature": signatures}


def to_basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
