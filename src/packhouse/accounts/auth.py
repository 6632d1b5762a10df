"""Authentication: from the headers of a request to its caller (contract, section 2)."""

import base64
import binascii
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import unquote_plus

from starlette.requests import Request

from packhouse import context
from packhouse.accounts import demo, queries, tokens
from packhouse.accounts.failures import Failure
from packhouse.accounts.queries import CallingKey, Client, LiveToken, Owned
from packhouse.accounts.schema import ALL, Caller
from packhouse.kit import clock, errors, http, security
from packhouse.kit.http import limits
from packhouse.kit.http.routing import route_of
from packhouse.kit.messages import message

T = TypeVar("T")

# Compared against when there is no such key, so that a wrong key takes as long as a wrong secret.
_NO_KEY = security.hash_secret(security.new_secret())
_EVERYTHING = frozenset({ALL})
_REFUSED_TOKEN = 'Bearer error="invalid_token"'  # noqa: S105 - a challenge (RFC 6750, section 3.1)


async def caller(request: Request) -> Caller:
    """Raises Unauthenticated without the credentials of a live key or token, Forbidden where they lack the scope of the
    route."""
    found = await _find_caller(request)
    await _let_in(request, found)
    return found


async def caller_and_row(request: Request, owned: Owned[T], /, **values: Any) -> tuple[Caller, T | None]:
    """Return the caller as `caller` does, and a row of its account. For a key with its secret, this is one query,
    unless the database is sharded: then the account must be known first."""
    db = context.of(request).db
    scheme, sent = _split(request)
    if scheme == "basic" and db.is_sharded is False:
        public_key, secret = _decode(sent)
        both = await db.fetch_one(owned.with_key, into=owned.split, public_key=public_key, **values)
        key, row = both or (None, None)
        found = await _check_key(request, public_key, secret, key)
        await _let_in(request, found)
        if key is not None:
            return found, row
    else:
        found = await _find_caller(request)
        await _let_in(request, found)
    return found, await db.fetch_one(owned.alone, into=owned.into, account_id=found.account_id, **values)


async def caller_by_public_key(request: Request, public_key: str) -> Caller:
    """Return the caller of a read by a web page, which has only the public key; use it only for data that is not
    secret. Raises Unauthenticated, Forbidden."""
    row = None
    if "\0" not in public_key:
        row = await context.of(request).db.fetch_one(queries.FIND_KEY, into=CallingKey, public_key=public_key)
    if row is None or (public_key == demo.PUBLIC_KEY and not http.is_from_this_machine(request)):
        raise _unauthenticated()
    found = Caller(row.account_id, row.country_code, f"api_key:{public_key}", _to_scopes(row.scopes))
    await _let_in(request, found)
    return found


async def _find_caller(request: Request) -> Caller:
    scheme, sent = _split(request)
    if scheme == "basic":
        public_key, secret = _decode(sent)
        key = await context.of(request).db.fetch_one(queries.FIND_KEY, into=CallingKey, public_key=public_key)
        return await _check_key(request, public_key, secret, key)
    if scheme == "bearer":
        return await _find_by_token(request, sent)
    raise _unauthenticated()


def _split(request: Request) -> tuple[str, str]:
    """Return the scheme of the credentials, in lower case, and the rest."""
    scheme, _, sent = http.find_header(request, b"authorization").partition(" ")
    return scheme.lower(), sent


async def _let_in(request: Request, found: Caller) -> None:
    trace = http.request_info(request)
    trace.account_id = found.account_id
    if (limiter := context.of(request).limits) is not None:
        kind = limits.READ if request.method in ("GET", "HEAD") else limits.WRITE
        trace.headers = await limiter.take(found.account_id, kind, context.of(request).clock())
    scope = route_of(request).scope
    if scope and not found.may(scope):
        raise errors.Forbidden(
            errors.ErrorItem("forbidden", message("The scope {scope} is needed for this.", scope=scope))
        )


async def _check_key(request: Request, public_key: str, secret: str, key: CallingKey | None) -> Caller:
    """Return the caller with this secret, where `key` is what `FIND_KEY` found. Raises Unauthenticated."""
    found: CallingKey | Client | None = key
    if not security.is_secret(secret, key.secret_hash if key else _NO_KEY) or key is None:
        found = client = await _find_client(request, public_key, secret)  # by its second secret, while that is valid
        if client is None or not client.takes_basic:
            found = None
    if found is None or (demo.is_well_known_key(public_key, secret) and not http.is_from_this_machine(request)):
        context.of(request).failures.note_key(public_key, "key.refused")
        raise _unauthenticated()
    return Caller(found.account_id, found.country_code, f"api_key:{public_key}", _to_scopes(found.scopes))


async def _find_client(request: Request, public_key: str, secret: str) -> Client | None:
    """Find the live key or client with this secret, or with this as its second secret."""
    ctx = context.of(request)
    row = await ctx.db.fetch_one(queries.FIND_CLIENT, into=Client, public_key=public_key)
    if security.is_secret(secret, row.secret_hash if row else _NO_KEY):
        return row
    if row is None or row.second_hash is None or row.second_until is None:
        return None
    if not security.is_secret(secret, row.second_hash):
        return None
    return row if clock.to_wire(row.second_until) > clock.to_wire(ctx.clock()) else None


async def _find_by_token(request: Request, sent: str) -> Caller:
    parts = tokens.parse(sent.strip())
    if parts is None:
        raise _unauthenticated(_REFUSED_TOKEN)
    ctx = context.of(request)
    row = await ctx.db.fetch_one(
        queries.FIND_TOKEN, into=LiveToken, account_id=parts.account_id, token_id=parts.token_id
    )
    if not security.is_secret(parts.secret, row.secret_hash if row else _NO_KEY) or row is None:
        raise _unauthenticated(_REFUSED_TOKEN)
    if clock.to_wire(row.expires_at) <= clock.to_wire(ctx.clock()):
        raise _unauthenticated(_REFUSED_TOKEN)
    return Caller(
        parts.account_id, row.country_code, queries.to_actor(row.kind, row.public_key), _to_scopes(row.scopes)
    )


def _to_scopes(words: str) -> frozenset[str]:
    return _EVERYTHING if words == ALL else frozenset(words.split())


async def client(request: Request, form: dict[str, str]) -> Client:
    """Find the client that asks for a token. Raises InvalidClient, TokenRefusal."""
    header = request.headers.get("authorization", "")
    if header and ("client_secret" in form or "client_id" in form):
        raise tokens.TokenRefusal(
            "invalid_request", message("Send the client's credentials by HTTP Basic or in the form, once.")
        )
    sent = _read_client(header, form)
    for public_key, secret in sent:
        if demo.is_well_known_key(public_key, secret) and not http.is_from_this_machine(request):
            continue
        if (row := await _find_client(request, public_key, secret)) is not None:
            return row
    for public_key in {public_key for public_key, _ in sent}:
        context.of(request).failures.note_key(public_key, "token.refused", "invalid_client")
    raise tokens.InvalidClient


def choose_scopes(request: Request, row: Client, asked: str | None) -> frozenset[str]:
    """Choose the scopes of a token for a client. Raises TokenRefusal."""
    try:
        return tokens.choose_scopes(_to_scopes(row.scopes), asked)
    except tokens.TokenRefusal:
        context.of(request).failures.note(Failure(row.account_id, to_actor(row), "token.refused", "invalid_scope"))
        raise


def _read_client(header: str, form: dict[str, str]) -> list[tuple[str, str]]:
    """The RFC wants both values form-encoded in HTTP Basic, but most clients send them as they are: both are tried."""
    if not header:
        sent = [(form.get("client_id", ""), form.get("client_secret", ""))]
        return [pair for pair in sent if all(pair) and "\0" not in pair[0]]
    scheme, _, encoded = header.partition(" ")
    try:
        plain = _decode(encoded) if scheme.lower() == "basic" else None
    except errors.Unauthenticated:
        plain = None
    if plain is None:
        return []
    unquoted = (unquote_plus(plain[0]), unquote_plus(plain[1]))
    return [plain] if unquoted == plain or "\0" in unquoted[0] else [plain, unquoted]


def to_actor(row: Client) -> str:
    return queries.to_actor(row.kind, row.public_key)


@lru_cache(1_000)
def _decode(encoded: str) -> tuple[str, str]:
    try:
        decoded = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise _unauthenticated() from None
    public_key, colon, secret = decoded.partition(":")
    if not colon or "\0" in public_key:
        raise _unauthenticated()
    return public_key, secret


def _unauthenticated(challenge: str = "Basic") -> errors.Unauthenticated:
    """Return the refusal of credentials, with a challenge in the scheme that was used."""
    fault = errors.ErrorItem("authentication_failed", message("Invalid username/password."), pointer=errors.ROOT)
    return errors.Unauthenticated(fault, {"WWW-Authenticate": challenge})
