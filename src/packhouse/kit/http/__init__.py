"""Functions that handlers share: they read the parts of a Starlette request and write responses."""

import asyncio
import ipaddress
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import parse_qsl, quote, urlencode

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from packhouse.kit import errors, logs
from packhouse.kit.clock import Clock
from packhouse.kit.db import Database
from packhouse.kit.db.replica import ReplicaReads
from packhouse.kit.http.access_log import AccessLog, RequestInfo
from packhouse.kit.http.limits import Limiter
from packhouse.kit.http.routing import route_of
from packhouse.kit.messages import Message, foreign, message
from packhouse.kit.metrics import Metrics
from packhouse.kit.wire import validation
from packhouse.kit.wire.pagination import Page

_JSON_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_STRONG_TAG = re.compile(r'(?<![/"\w])"([0-9]+)"(?!")')
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class HttpContext:
    """The parts of the process's context that this package needs; `packhouse.context` has all of it."""

    db: Database
    clock: Clock
    public_url: str | None
    max_body_bytes: int
    metrics: Metrics
    lists: ReplicaReads
    partner_ids: frozenset[uuid.UUID] = frozenset()
    limits: Limiter | None = None
    body_timeout_seconds: float = 30.0
    body_total_timeout_seconds: float = 60.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the server is told to stop: what goes on by itself, as a stream does, ends then."""
    access_log: AccessLog = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "access_log", AccessLog(self.metrics))


def context(request: Request) -> HttpContext:
    return cast("HttpContext", request.scope["packhouse.context"])


def request_info(request: Request) -> RequestInfo:
    return cast("RequestInfo", request.scope["packhouse.request_info"])


def to_response(request: Request, error: Exception) -> Response:
    """Convert an exception to the error list of the contract; one that is our fault is logged with its place. Raises
    ClientDisconnect again, because nobody is there to be answered."""
    if isinstance(error, ClientDisconnect):
        raise error
    refusal = _to_refusal(error)
    if refusal is None:
        _log.error("failed", request_id=request_info(request).request_id, **logs.where(error))
        detail = message(
            "Something went wrong on our side. The request id is {request_id}.",
            request_id=request_info(request).request_id,
        )
        refusal = errors.InternalError(errors.ErrorItem("unavailable", detail))
    if isinstance(refusal, errors.Unavailable):
        _log.warning("unavailable", request_id=request_info(request).request_id, detail=refusal.faults[0].detail)
    wire = refusal.to_wire()
    if "/oauth2/" in request.scope["path"] and "error" not in wire:
        wire = {**_to_oauth_error(refusal), **wire}
    return json_response(wire, status=refusal.status, headers=refusal.headers)


def _to_oauth_error(refusal: errors.ApiError) -> dict[str, str]:
    """Write the error in the form of RFC 6749, sections 4.1.2.1 and 5.2."""
    code = {500: "server_error", 503: "temporarily_unavailable"}.get(refusal.status, "invalid_request")
    return {"error": code, "error_description": refusal.faults[0].detail}


def _to_refusal(error: Exception) -> errors.ApiError | None:
    if isinstance(error, errors.ApiError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            fault = errors.ErrorItem("invalid", message("This method is not allowed here."), title="Method not allowed")
            return errors.MethodNotAllowed(fault, error.headers)
        if error.status_code == 400:  # a form that cannot be read
            return errors.Invalid(errors.ErrorItem("invalid", foreign(error.detail)))
        fault = errors.not_found(message("This path does not exist."))
        return errors.NotFound(fault)
    return None


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` is JSON as bytes, or anything that orjson can write."""
    return JsonResponse(content if isinstance(content, bytes) else orjson.dumps(content), status, headers or {})


class JsonResponse(Response):
    """A response of bytes that are JSON. It does only what JSON needs, in a third of the time of the framework's
    response."""

    def __init__(self, body: bytes, status: int, headers: Mapping[str, str]) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            *[(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
            (b"content-length", b"%d" % len(body)),
            (b"content-type", b"application/json"),
        ]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body})


SMALL_BODY_BYTES = 1_000_000
"""What a body may have where no batch of orders is sent."""


async def read_body(request: Request) -> bytes:
    """Return the body. Raises UnsupportedMediaType for another content type than JSON, and TooLarge above the route's
    limit, before the whole body is in memory."""
    content_type = request.headers.get("content-type")
    if content_type and not _JSON_TYPE.fullmatch(content_type.strip()):
        fault = errors.ErrorItem(
            "invalid", message("The content type must be application/json."), header="Content-Type"
        )
        raise errors.UnsupportedMediaType(fault)
    most = context(request).max_body_bytes
    return await _read_bytes(request, most if route_of(request).is_large else min(most, SMALL_BODY_BYTES))


async def read_whatever(request: Request) -> bytes:
    """Read the body of a call that takes none. Raises TooLarge."""
    return await _read_bytes(request, context(request).max_body_bytes)


_FORM_BYTES = 64_000


async def read_form(request: Request) -> list[tuple[str, str]] | None:
    """Return names and values in the order sent; None for another content type, and for text that is not UTF-8."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return None
    body = await _read_bytes(request, _FORM_BYTES)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        return None


async def _read_bytes(request: Request, limit: int) -> bytes:
    """Raises ClientDisconnect if the rest of the body never comes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        request_info(request).is_sending = True
        raise _too_large(limit, foreign(announced))
    chunks = bytearray()
    is_whole = False
    while not is_whole:
        event = await request.receive()
        if event["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks += event.get("body", b"")
        is_whole = not event.get("more_body", False)
        if len(chunks) > limit:
            request_info(request).is_sending = not is_whole
            raise _too_large(limit, message("more than {limit}", limit=limit))
    return bytes(chunks)


def to_etag(version: int) -> str:
    return f'"{version}"'


def find_expected(request: Request) -> frozenset[str] | None:
    """Return the versions that `If-Match` accepts, `*` for any; None without the header. A weak tag never matches."""
    sent = request.headers.getlist("if-match")
    if not sent:
        return None
    return frozenset(["*"]) if sent == ["*"] else frozenset(_STRONG_TAG.findall(",".join(sent)))


def _too_large(limit: int, size: Message) -> errors.TooLarge:
    detail = message("The body has {size} bytes, and at most {limit} are allowed.", limit=limit, size=size)
    # What is still on its way is not read, so this connection can carry no other request.
    return errors.TooLarge(errors.ErrorItem("invalid", detail), {"Connection": "close"})


def find_header(request: Request, name: bytes) -> str:
    """Return the first header of that name, which is in lower case, or an empty text. It takes a third of the time of
    `request.headers`."""
    for given, value in request.scope["headers"]:
        if given == name:
            return cast("bytes", value).decode("latin-1")
    return ""


def read_page_size(request: Request, most: int, default: int) -> int:
    """Raises Invalid that names the parameter; an empty one counts as missing."""
    sent = request.query_params.get("page_size") or str(default)
    if not re.fullmatch(r"[0-9]{1,4}", sent) or not 1 <= int(sent) <= most:
        detail = message("Input should be a number between 1 and {most}", most=most)
        raise errors.Invalid(errors.ErrorItem("invalid", detail, parameter="page_size"))
    return int(sent)


def read_text(request: Request, name: str) -> str | None:
    """Read a parameter that is compared with a text column. Raises Invalid that names it for text that no database can
    hold; an empty one counts as missing."""
    sent = request.query_params.get(name) or None
    try:
        return sent and validation.read_text([sent])
    except ValueError as error:
        raise errors.Invalid(errors.ErrorItem("invalid", foreign(str(error)), parameter=name)) from None


def read_cursor(request: Request) -> str | None:
    return request.query_params.get("cursor") or None


_ID = re.compile(r"0*[1-9][0-9]{0,17}")


NO_ID = 0


def to_id(request: Request, otherwise: errors.ErrorItem) -> int:
    """Return the path's `id`. Raises NotFound for a text that cannot be an id."""
    id = find_id(request)
    if id == NO_ID:
        raise errors.NotFound(otherwise)
    return id


def find_id(request: Request) -> int:
    """Return the path's `id`, or NO_ID for a text that cannot be an id."""
    return parse_id(request.path_params["id"])


def parse_id(text: str) -> int:
    """Return the id that a client wrote, or NO_ID: ids are whole numbers from 1 that fit in 64 bits."""
    return int(text) if _ID.fullmatch(text) else NO_ID


PARTNER_HEADER = "Sendcloud-Partner-Id"


def find_unknown_partners(request: Request) -> list[errors.ErrorItem]:
    """Optional; when sent it must be one that the operator knows (contract, section 2)."""
    sent = request.headers.get(PARTNER_HEADER)
    if sent is None:
        return []
    try:
        is_known = uuid.UUID(sent) in context(request).partner_ids
    except ValueError:
        is_known = False
    fault = errors.ErrorItem("invalid", message("This is not the UUID of a known partner."), header=PARTNER_HEADER)
    return [] if is_known else [fault]


def base_url(request: Request) -> str:
    """Return the server's base URL for links, without a trailing slash."""
    base = context(request).public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
    return base.rstrip("/") + str(request.scope.get("root_path", ""))


_FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})


def is_from_this_machine(request: Request) -> bool:
    """Return whether the request comes from this machine. A caller without an IP address came by a socket of this
    machine or from this process. A request that a proxy on this machine forwards came from elsewhere."""
    if any(name in _FORWARDED for name, _ in request.scope["headers"]):
        return False
    try:
        return request.client is None or ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return True


def page_links(request: Request, page: Page[Any]) -> dict[str, str]:
    """Return a `Link` header for the pages that exist, with all other query parameters as they were."""
    prev, next = (cursor.encode() if cursor else None for cursor in (page.previous, page.next))
    return to_links(request, prev=prev, next=next)


def to_links(request: Request, *, prev: str | None, next: str | None) -> dict[str, str]:
    """Write the `Link` header from cursors as they stand on the wire; an empty one leads to the list's start."""
    base = context(request).public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
    path = quote(request.scope.get("root_path", "") + request.scope["path"])
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
    links = [
        f'<{base.rstrip("/")}{path}?{urlencode([*kept, *([("cursor", cursor)] if cursor else [])])}>; rel="{rel}"'
        for rel, cursor in (("prev", prev), ("next", next))
        if cursor is not None
    ]
    return {"Link": ", ".join(links)} if links else {}


_SOURCE = {"type": "object", "properties": {place: {"type": "string"} for place in ("pointer", "parameter", "header")}}
_ERROR = {
    "type": "object",
    "properties": {
        "status": {"type": "string"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "source": _SOURCE,
        "meta": {"type": "object"},
    },
    "required": ["status", "code", "detail"],
}
ERROR_SCHEMAS: dict[str, Any] = {
    "Errors": {
        "type": "object",
        "properties": {"errors": {"type": "array", "minItems": 1, "items": _ERROR}},
        "required": ["errors"],
    }
}
