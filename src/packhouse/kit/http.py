"""The door of the house: what every request passes on its way in, and every answer on its way out.

The rooms' handlers take a Starlette request and give back bytes. `Door` names the request, answers refusals, takes a
trailing slash off, and writes one line to the log when the answer is out.
"""

import asyncio
import itertools
import re
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast
from urllib.parse import parse_qsl, quote, urlencode

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from packhouse.kit import errors, logs, validation
from packhouse.kit.clock import Clock
from packhouse.kit.db import Database
from packhouse.kit.limits import Limiter
from packhouse.kit.metrics import Meters
from packhouse.kit.pagination import Page
from packhouse.kit.replica import Lists

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_JSON_TYPE = re.compile(r"application/([a-z0-9.+-]+\+)?json\s*(;.*)?", re.IGNORECASE)
_STRONG_TAG = re.compile(r'(?<![/"\w])"([0-9]+)"(?!")')
_JUST_NOW_SECONDS = 0.05
_LEDGER_SECONDS = 0.01
_log = structlog.get_logger()


@dataclass(frozen=True)
class House:
    """What handlers need of the running server, composed once by `packhouse.app`."""

    db: Database
    clock: Clock
    profile: str
    partner_ids: frozenset[uuid.UUID]
    public_url: str | None
    max_body_bytes: int
    meters: Meters
    lists: Lists
    limits: Limiter | None = None
    body_timeout_seconds: float = 30.0
    ledger: "Ledger" = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ledger", Ledger(self.meters))


@dataclass(slots=True)
class Trace:
    """What the log line tells of a request; handlers add to it. Nothing in it comes from what a person typed."""

    request_id: str
    started: float
    route: str = "unmatched"
    account_id: int | None = None
    status: int = 0
    headers: Mapping[str, str] | None = None
    is_sending: bool = False
    """The answer is made, and the client still sends a body that nobody reads."""


class Ledger:
    """What answered requests leave behind, a line in the log and their figures, written down some at a time and a
    moment later: one by one that took a fifth of the time of a GET. A process that is killed takes a moment's lines
    with it."""

    def __init__(self, meters: Meters) -> None:
        self._meters = meters
        self._notes: list[tuple[str, Trace, float, float]] = []
        self._later: asyncio.TimerHandle | None = None

    def note(self, method: str, record: Trace) -> None:
        self._notes.append((method, record, time.perf_counter() - record.started, time.time()))
        if self._later is None:
            self._later = asyncio.get_running_loop().call_later(_LEDGER_SECONDS, self.write_down)

    def write_down(self) -> None:
        """All that is noted, now."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        notes, self._notes = self._notes, []
        for method, record, seconds, _ in notes:
            self._meters.note_request(method, record.route, record.status, seconds)
        logs.write_requests(_to_line(*note) for note in notes)


def _to_line(method: str, record: Trace, seconds: float, at: float) -> logs.RequestLine:
    return logs.RequestLine(
        method, record.route, record.status, round(seconds * 1000, 2), record.account_id, record.request_id, at
    )


class Shortcut(NamedTuple):
    """A hot route that goes straight to its handler; the framework serves the same route, slower."""

    method: str
    pattern: re.Pattern[str]
    route: str
    handler: Handler


def house(request: Request) -> House:
    return cast("House", request.scope["packhouse.house"])


def trace(request: Request) -> Trace:
    return cast("Trace", request.scope["packhouse.trace"])


class Door:
    """ASGI, outermost."""

    def __init__(self, app: ASGIApp, shortcuts: Sequence[Shortcut], house: House) -> None:
        self.app = app
        self.house = house
        self._shortcuts = shortcuts
        # Unique, and no secret: random for each process, counted for each request.
        self._process_id = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._inside = 0
        self._seen_at = 0.0

    def is_busy(self) -> bool:
        """Somebody is here, or was just now."""
        return self._inside > 0 or time.perf_counter() - self._seen_at < _JUST_NOW_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        self._inside += 1
        record = Trace(_sent_id(scope["headers"]) or self._new_id(), time.perf_counter())
        scope["packhouse.trace"] = record
        scope["packhouse.house"] = self.house
        scope["app"] = self.app
        if len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"][:-1]
        named = _naming(_hearing_out(send, receive, record), record)
        try:
            await self._answer(scope, _patient(receive, self.house.body_timeout_seconds), named, record)
        except ClientDisconnect:
            record.status = 499
        finally:
            self._inside -= 1
            self._seen_at = time.perf_counter()
            self.house.ledger.note(scope["method"], record)

    def _new_id(self) -> str:
        return f"{self._process_id}{next(self._numbers):016x}"

    async def _answer(self, scope: Scope, receive: Receive, send: Send, record: Trace) -> None:
        path, method = scope["path"], scope["method"]
        for shortcut in self._shortcuts:
            if method == shortcut.method and (match := shortcut.pattern.fullmatch(path)):
                record.route = shortcut.route
                scope["path_params"] = match.groupdict()
                request = Request(scope, receive)
                try:
                    response = await shortcut.handler(request)
                except Exception as error:  # noqa: BLE001 - the last one to ask: everything becomes an answer
                    response = to_response(request, error)
                await response(scope, receive, send)
                return
        try:
            await self.app(scope, receive, send)
        finally:
            if (route := scope.get("route")) is not None:
                record.route = getattr(route, "path_format", getattr(route, "path", record.route))


def _sent_id(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return value.decode("ascii")
    return None


def _naming(send: Send, record: Trace) -> Send:
    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            message["headers"].append((b"x-request-id", record.request_id.encode("ascii")))
            for name, value in (record.headers or {}).items():
                message["headers"].append((name.lower().encode("ascii"), value.encode("ascii")))
        await send(message)

    return named


def _patient(receive: Receive, seconds: float) -> Receive:
    """Raises Slow where a body was begun and nothing more of it comes: a request is not kept for a client that is
    gone without a word."""
    is_whole = False

    async def received() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout(seconds):
                message = await receive()
        except TimeoutError:
            detail = f"Nothing more of the body came for {seconds:g} seconds."
            raise errors.Slow(errors.Fault("invalid", detail), {"Connection": "close"}) from None
        is_whole = not message.get("more_body", False)
        return message

    return received


_LONGEST_SILENCE_SECONDS = 2
_LONGEST_SENDING_SECONDS = 20
_MOST_UNREAD_BYTES = 100_000_000


def _hearing_out(send: Send, receive: Receive, record: Trace) -> Send:
    """To a client that is still sending, the answer goes out at once and its end when the client has said its part, or
    too much of it. A connection that is closed with bytes unread is reset, and a reset can overtake the answer."""

    async def heard_out(message: Message) -> None:
        if record.is_sending and message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            await _hear_out(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return heard_out


async def _hear_out(receive: Receive) -> None:
    left = _MOST_UNREAD_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_SENDING_SECONDS):
            while left > 0:
                async with asyncio.timeout(_LONGEST_SILENCE_SECONDS):
                    message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def to_response(request: Request, error: Exception) -> Response:
    """Any exception as the error list of the contract; one that is our fault is logged with its place. Raises
    ClientDisconnect again, for nobody is there to be answered."""
    if isinstance(error, ClientDisconnect):
        raise error
    refusal = _to_refusal(error)
    if refusal is None:
        _log.error("failed", request_id=trace(request).request_id, **logs.where(error))
        detail = f"Something went wrong on our side. The request id is {trace(request).request_id}."
        refusal = errors.Failed(errors.Fault("unavailable", detail))
    if isinstance(refusal, errors.Unavailable):
        _log.warning("unavailable", request_id=trace(request).request_id, detail=refusal.faults[0].detail)
    return json_response(refusal.to_wire(), status=refusal.status, headers=refusal.headers)


def _to_refusal(error: Exception) -> errors.Refusal | None:
    if isinstance(error, errors.Refusal):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            fault = errors.Fault("invalid", "This method is not allowed here.", title="Method not allowed")
            return errors.MethodNotAllowed(fault, error.headers)
        fault = errors.Fault("not_found", "There is nothing at this path.", title="Not found")
        return errors.NotFound(fault)
    return None


def json_response(content: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`content` as bytes that are JSON already, or as anything orjson writes."""
    return JsonResponse(content if isinstance(content, bytes) else orjson.dumps(content), status, headers or {})


class JsonResponse(Response):
    """Bytes that are JSON already. Of what the framework does for any response this does what JSON needs, in a third
    of the time."""

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


async def read_body(request: Request) -> bytes:
    """Raises UnsupportedMediaType for what says it is no JSON, TooLarge past the limit, before it is all in memory."""
    content_type = request.headers.get("content-type")
    if content_type and not _JSON_TYPE.fullmatch(content_type.strip()):
        fault = errors.Fault("invalid", "The content type must be application/json.", header="Content-Type")
        raise errors.UnsupportedMediaType(fault)
    return await _read_bytes(request, house(request).max_body_bytes)


_FORM_BYTES = 64_000


async def read_form(request: Request) -> list[tuple[str, str]] | None:
    """Names and values in the order sent; None for what says that it is no form, or is none in UTF-8."""
    if not request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return None
    body = await _read_bytes(request, _FORM_BYTES)
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        return None


async def _read_bytes(request: Request, limit: int) -> bytes:
    """Raises ClientDisconnect where the rest will never come."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > limit:
        trace(request).is_sending = True
        raise _too_large(limit, announced)
    chunks = bytearray()
    is_whole = False
    while not is_whole:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunks += message.get("body", b"")
        is_whole = not message.get("more_body", False)
        if len(chunks) > limit:
            trace(request).is_sending = not is_whole
            raise _too_large(limit, f"more than {limit}")
    return bytes(chunks)


def to_etag(version: int) -> str:
    return f'"{version}"'


def find_expected(request: Request) -> frozenset[str] | None:
    """The versions that `If-Match` lets pass, `*` for any; None where it was not sent. A weak tag never matches."""
    sent = request.headers.getlist("if-match")
    if not sent:
        return None
    return frozenset(["*"]) if sent == ["*"] else frozenset(_STRONG_TAG.findall(",".join(sent)))


def _too_large(limit: int, size: str) -> errors.TooLarge:
    detail = f"The body may have at most {limit} bytes, this one has {size}."
    # What is still on its way is not read, so this connection can carry no other request.
    return errors.TooLarge(errors.Fault("invalid", detail), {"Connection": "close"})


def find_header(request: Request, name: bytes) -> str:
    """The first one of that name, which is in lower case; empty where none was sent. In a third of the time that
    `request.headers` takes."""
    for given, value in request.scope["headers"]:
        if given == name:
            return cast("bytes", value).decode("latin-1")
    return ""


def read_page_size(request: Request, most: int, default: int) -> int:
    """Raises Invalid that names the parameter; an empty one counts as not sent."""
    sent = request.query_params.get("page_size") or str(default)
    if not re.fullmatch(r"[0-9]{1,4}", sent) or not 1 <= int(sent) <= most:
        detail = f"Input should be a number between 1 and {most}"
        raise errors.Invalid(errors.Fault("invalid", detail, parameter="page_size"))
    return int(sent)


def read_text(request: Request, name: str) -> str | None:
    """A parameter that a column of text is compared with. Raises Invalid that names it for what no database can hold;
    an empty one counts as not sent."""
    sent = request.query_params.get(name) or None
    try:
        return sent and validation.read_text([sent])
    except ValueError as error:
        raise errors.Invalid(errors.Fault("invalid", str(error), parameter=name)) from None


def read_cursor(request: Request) -> str | None:
    return request.query_params.get("cursor") or None


_ID = re.compile(r"0*[1-9][0-9]{0,17}")


NOBODYS = 0


def to_id(request: Request, otherwise: errors.Fault) -> int:
    """The path's `id`. Raises NotFound for what can be nobody's."""
    id = find_id(request)
    if id == NOBODYS:
        raise errors.NotFound(otherwise)
    return id


def find_id(request: Request) -> int:
    """The path's `id`; NOBODYS for what can be no id."""
    text = request.path_params["id"]
    return int(text) if _ID.fullmatch(text) else NOBODYS


PARTNER_HEADER = "Sendcloud-Partner-Id"


def find_strange_partners(request: Request) -> list[errors.Fault]:
    """Optional; when sent it must be one that the operator knows (contract, section 2)."""
    sent = request.headers.get(PARTNER_HEADER)
    if sent is None:
        return []
    try:
        is_known = uuid.UUID(sent) in house(request).partner_ids
    except ValueError:
        is_known = False
    fault = errors.Fault("invalid", "This is not the UUID of a known partner.", header=PARTNER_HEADER)
    return [] if is_known else [fault]


def base_url(request: Request) -> str:
    """What this server is called in links, without a slash at the end."""
    base = house(request).public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
    return base.rstrip("/") + str(request.scope.get("root_path", ""))


def page_links(request: Request, page: Page) -> dict[str, str]:
    """A `Link` header for the pages that exist, every other query parameter kept as it was."""
    prev, next = (cursor.encode() if cursor else None for cursor in (page.previous, page.next))
    return to_links(request, prev=prev, next=next)


def to_links(request: Request, *, prev: str | None, next: str | None) -> dict[str, str]:
    """The same from cursors as they stand on the wire; an empty one leads to the list's start."""
    base = house(request).public_url or f"{request.url.scheme}://{request.headers.get('host', 'localhost')}"
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
