"""The code that every request and every answer passes.

`ServerMiddleware` is the outermost layer of the application: it gives the request its id, checks its host, removes a
trailing slash, answers HEAD as GET without a body, limits the time of a body, and adds the answer to the access log.
"""

import asyncio
import itertools
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from packhouse.kit import errors, http
from packhouse.kit.http.access_log import RequestInfo
from packhouse.kit.http.routing import Router
from packhouse.kit.messages import message

Refuse = Callable[[Request, Exception], Awaitable[Response]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(:[0-9]{1,5})?")
_JUST_NOW_SECONDS = 0.05


class ServerMiddleware:
    """The outermost ASGI middleware."""

    def __init__(self, lifespan: ASGIApp, router: Router, refuse: Refuse, context: http.HttpContext) -> None:
        """`lifespan` answers the server's own messages, `refuse` turns an exception into a response."""
        self.context = context
        self._lifespan = lifespan
        self._router = router
        self._refuse = refuse
        # Unique, and no secret: random for each process, counted for each request.
        self._process_id = secrets.token_hex(8)
        self._numbers = itertools.count(1)
        self._inside = 0
        self._seen_at = 0.0
        self._last_hosts: list[bytes] = []

    def is_busy(self) -> bool:
        """Return whether a request is running or has just ended."""
        return self._inside > 0 or time.perf_counter() - self._seen_at < _JUST_NOW_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        self._inside += 1
        sent_id, hosts = _read_head(scope["headers"])
        record = RequestInfo(sent_id or self._new_id(), time.perf_counter())
        scope["packhouse.request_info"] = record
        scope["packhouse.context"] = self.context
        if len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"][:-1]
        named = _naming(send, receive, record)
        method = scope["method"]
        try:
            if hosts != self._last_hosts:
                self._check_hosts(hosts)
            if method == "HEAD":  # the server below looks at its own scope, and sends no body
                scope, named = {**scope, "method": "GET"}, _without_body(named)
            await self._answer(scope, _patient(receive, self.context), named, record)
        except ClientDisconnect:
            record.status = 499
        except _HeadAnswered:
            pass
        except errors.Invalid as refusal:
            await http.json_response(refusal.to_wire(), status=refusal.status)(scope, receive, named)
        finally:
            self._inside -= 1
            self._seen_at = time.perf_counter()
            self.context.access_log.add(method, record)

    def _check_hosts(self, sent: list[bytes]) -> None:
        """Links are built with the host if the public URL is not configured. Raises Invalid."""
        if self.context.public_url is None and sent and (len(sent) > 1 or not _HOST.fullmatch(sent[0])):
            raise errors.Invalid(errors.ErrorItem("invalid", message("This is not a host name."), header="Host"))
        self._last_hosts = sent

    def _new_id(self) -> str:
        return f"{self._process_id}{next(self._numbers):016x}"

    async def _answer(self, scope: Scope, receive: Receive, send: Send, record: RequestInfo) -> None:
        request = Request(scope, receive)
        try:
            route, scope["path_params"] = self._router.find(scope["method"], _path_of(scope))
            scope["packhouse.route"] = route
            record.route = route.label
            if query := scope.get("query_string"):
                record.ignored = route.find_ignored(query.decode("latin-1"))
            response = await route.handler(request)
        except Exception as error:  # noqa: BLE001 - the last one to ask: everything becomes an answer
            response = await self._refuse(request, error)
        await response(scope, receive, send)


def _path_of(scope: Scope) -> str:
    """Return the path below the one at which a proxy or a server has mounted this application."""
    path: str = scope["path"]
    root = scope.get("root_path", "")
    return path[len(root) :] if root and path.startswith(f"{root}/") else path


def _read_head(headers: Sequence[tuple[bytes, bytes]]) -> tuple[str | None, list[bytes]]:
    """Return the request's id, the client's first one of a known form, and the hosts that the request names."""
    request_id, hosts = None, []
    for name, value in headers:
        if name == b"host":
            hosts.append(value)
        elif name == b"x-request-id" and request_id is None and _REQUEST_ID.fullmatch(value):
            request_id = value.decode("ascii")
    return request_id, hosts


class _HeadAnswered(Exception):
    """The rest of an answer to HEAD is not needed."""


def _without_body(send: Send) -> Send:
    async def sent(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        await send({"type": "http.response.body", "body": b""})
        if message.get("more_body", False):
            raise _HeadAnswered

    return sent


def _naming(send: Send, receive: Receive, record: RequestInfo) -> Send:
    """Add the request's id to answers. If the client is still sending, the answer goes out at once, and its end when
    the client has finished or has sent too much. A connection that is closed with unread bytes is reset, and a reset
    can overtake the answer."""

    async def named(message: Message) -> None:
        if message["type"] == "http.response.start":
            record.status = message["status"]
            message["headers"].append((b"x-request-id", record.request_id.encode("ascii")))
            if record.ignored:
                message["headers"].append((b"packhouse-ignored", record.ignored.encode("ascii")))
            for name, value in (record.headers or {}).items():
                message["headers"].append((name.lower().encode("ascii"), value.encode("ascii")))
        elif record.is_sending and message["type"] == "http.response.body":
            await send({**message, "more_body": True})
            await _hear_out(receive)
            message = {"type": "http.response.body", "body": b""}
        await send(message)

    return named


def _patient(receive: Receive, context: http.HttpContext) -> Receive:
    """Raises RequestTimeout if the rest of a body does not come, or takes too long in total: a request is not kept for
    a client that is gone or that sends a byte now and then."""
    idle, total = context.body_timeout_seconds, context.body_total_timeout_seconds
    is_whole = False
    ends_at: float | None = None

    async def received() -> Message:
        nonlocal is_whole, ends_at
        if is_whole:
            return await receive()
        now = asyncio.get_running_loop().time()
        ends_at = ends_at or now + total
        try:
            async with asyncio.timeout(min(idle, ends_at - now)):
                event = await receive()
        except TimeoutError:
            why = message("The rest of the body did not arrive within {idle} seconds.", idle=f"{idle:g}")
            if asyncio.get_running_loop().time() >= ends_at:
                why = message("The body did not end within {total} seconds.", total=f"{total:g}")
            raise errors.RequestTimeout(errors.ErrorItem("invalid", why), {"Connection": "close"}) from None
        is_whole = not event.get("more_body", False)
        return event

    return received


_LONGEST_SILENCE_SECONDS = 2
_LONGEST_SENDING_SECONDS = 20
_MOST_UNREAD_BYTES = 100_000_000


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
