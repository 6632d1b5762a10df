"""How the signature of a delivery comes about, step by step, and why other bytes have another one."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from packhouse.sandbox import matching
from packhouse.webhooks import signing

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s"\[\]{}:,]+|[\[\]{}:,]|\s+')
_NEAR = 20
_MOST_DIFFERENCES = 20


def explain(
    headers: Mapping[str, str], body: bytes, keys: Sequence[str], received: bytes | None = None
) -> dict[str, Any]:
    """`keys` are those that are live, the one in force first; `received` are the bytes that a receiver has checked."""
    sent = headers.get(signing.HEADER, "")
    made = [signing.sign(key, body) for key in keys]
    wire: dict[str, Any] = {
        "header": signing.HEADER,
        "sent": sent,
        "is_valid": sent in made,
        "steps": list(_list_steps(headers, body, keys, sent)),
    }
    return wire if received is None else {**wire, "received": _compare(body, received, keys, sent)}


def _list_steps(headers: Mapping[str, str], body: bytes, keys: Sequence[str], sent: str) -> Iterator[dict[str, str]]:
    key = keys[0] if keys else ""
    digest = hashlib.sha256(body).hexdigest()
    yield _to_step(
        "Take the bytes of the body as they came in, before any parsing.", f"{len(body)} bytes: {_show(body)}"
    )
    yield _to_step("Their SHA-256, to compare with what you have.", digest)
    yield _to_step("Take the signing key as text, in UTF-8; it is not decoded from hex or Base64.", key)
    yield _to_step("HMAC-SHA256 of the bytes with the key, in lower-case hex.", signing.sign(key, body) if key else "")
    yield _to_step(f"Compare it in constant time with the header {signing.HEADER}.", sent)
    if "webhook-signature" in headers:
        id, at = headers["webhook-id"], headers["webhook-timestamp"]
        yield _to_step("Standard Webhooks: put id, time and body together with dots.", f"{id}.{at}.{_show(body)}")
        signatures = signing.sign_by_standard(keys, id, int(at), body)["webhook-signature"]
        yield _to_step("HMAC-SHA256 of that in Base64, after `v1,`; one for each live key.", signatures)


def _to_step(what: str, value: str) -> dict[str, str]:
    return {"step": what, "value": value}


def _show(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return text if len(text) <= 200 else f"{text[:200]}…"


def _compare(body: bytes, received: bytes, keys: Sequence[str], sent: str) -> dict[str, Any]:
    made = [signing.sign(key, received) for key in keys]
    return {
        "bytes": len(received),
        "sha256": hashlib.sha256(received).hexdigest(),
        "signature": made[0] if made else "",
        "is_valid": sent in made,
        "first_difference": _find_first(body, received),
        "differences": list(find_differences(body, received))[:_MOST_DIFFERENCES],
    }


def _find_first(body: bytes, received: bytes) -> dict[str, Any] | None:
    """The place of the first byte that differs, with what stands around it on both sides."""
    if body == received:
        return None
    pairs = enumerate(zip(body, received, strict=False))
    at = next((place for place, (ours, theirs) in pairs if ours != theirs), min(len(body), len(received)))
    near = slice(max(0, at - _NEAR), at + _NEAR)
    return {"at": at, "sent": _show(body[near]), "received": _show(received[near])}


def find_differences(body: bytes, received: bytes) -> Iterator[dict[str, str]]:
    """Say in which ways the bytes differ: what a framework does that parses a body and writes it anew."""
    if body == received:
        return
    ours, theirs = _parse(body), _parse(received)
    if theirs is None:
        yield _differ("no_json", "This is no JSON any more: a form, or text in another encoding than UTF-8.")
        return
    changed = [*matching.find_differences(ours, theirs), *matching.find_differences(theirs, ours)]
    if changed:
        yield _differ(
            "values", f"The values differ, first at {changed[0].path}: the body was changed, not only rewritten."
        )
        return
    yield from _find_spellings(body.decode(), received.decode())


def _find_spellings(body: str, received: str) -> Iterator[dict[str, str]]:
    """Say how the same values are written in another way."""
    ours, theirs = _TOKEN.findall(body), _TOKEN.findall(received)
    if _list(ours, str.isspace) != _list(theirs, str.isspace):
        yield _differ("whitespace", "Spaces and line breaks between the parts differ: the body was serialised anew.")
    if body.rstrip() == received.rstrip():
        return
    our_texts, their_texts = _list(ours, _is_text), _list(theirs, _is_text)
    if [orjson.loads(text) for text in our_texts] != [orjson.loads(text) for text in their_texts]:
        yield _differ("order", "The keys stand in another order: they were sorted, or read into an unordered map.")
        return
    pairs = [(a, b) for a, b in zip(our_texts, their_texts, strict=True) if a != b]
    if any("\\u" in a and "\\u" not in b for a, b in pairs):
        yield _differ("unescaped", "Letters beyond ASCII are written as they are; the sent body has them as \\uXXXX.")
    if any("\\/" in b for _, b in pairs):
        yield _differ(
            "slashes", "Slashes are escaped as \\/, as json_encode of PHP does without JSON_UNESCAPED_SLASHES."
        )
    if pairs and not any(("\\u" in a and "\\u" not in b) or "\\/" in b for a, b in pairs):
        yield _differ("escapes", "Texts are escaped in another way.")
    if _list(ours, _is_number) != _list(theirs, _is_number):
        yield _differ("numbers", "Numbers are written in another way, such as 1 for 1.0.")


def _parse(content: bytes) -> Any:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None


def _list(tokens: Sequence[str], wanted: Any) -> list[str]:
    return [token for token in tokens if wanted(token)]


def _is_text(token: str) -> bool:
    return token.startswith('"')


def _is_number(token: str) -> bool:
    return token[0] in "-0123456789"


def _differ(code: str, detail: str) -> dict[str, str]:
    return {"code": code, "detail": detail}
