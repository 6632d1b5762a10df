"""uvicorn's HTTP/1.1 protocol with limits on what a connection may cost before our code sees a request.

llhttp, the parser, keeps what it gets until a header is complete, so a client that never ends one would fill the
memory: the limits have to be here. A refusal has the error format of the API and closes the connection.
"""

import asyncio
import secrets
from typing import Any, NamedTuple, cast

import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.server import ServerState

HEAD_BYTES = 64 * 1024
"""Of a whole request head."""
LINE_BYTES = 8 * 1024
"""Of the request target, and of one header."""
HEADERS = 100
HEAD_SECONDS = 10.0
"""From the first byte of a head to its last; a connection that sends nothing is closed after as long."""
SEND_SECONDS = 60.0
"""How long a client may take nothing of its answer."""
_LINGER_SECONDS = 1.0
"""A connection that is closed with bytes unread is reset, and a reset can overtake the answer: so what a refused client
still sends is read and dropped for this long."""

# What a body in chunks may have beside its content (sizes, extensions, trailers): this much, and so much for each byte.
_OVERHEAD_BYTES = HEAD_BYTES
_OVERHEAD_PER_BYTE = 16


class _Refusal(NamedTuple):
    status: int
    code: str
    title: str
    detail: str


_BAD_REQUEST = _Refusal(400, "invalid", "Bad request", "This is not an HTTP/1.1 request.")
_TIMEOUT = _Refusal(408, "invalid", "Request timeout", f"The request head did not end within {HEAD_SECONDS:g} seconds.")
_HEAD_TOO_LARGE = _Refusal(
    431, "invalid", "Request header fields too large", f"A request head may have at most {HEAD_BYTES} bytes."
)
_LINE_TOO_LONG = _Refusal(
    431, "invalid", "Request header fields too large", f"A line of a request head may have at most {LINE_BYTES} bytes."
)
_TOO_MANY_HEADERS = _Refusal(
    431, "invalid", "Request header fields too large", f"A request may have at most {HEADERS} headers."
)
_TOO_MANY_CONNECTIONS = _Refusal(
    503, "unavailable", "Service unavailable", "The server has as many connections as it may have."
)


class _Refused(Exception):
    """Raised in a callback of the parser to end parsing."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection. `limit_concurrency` in uvicorn's configuration is the number of connections of this process."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._max_connections = self.limit_concurrency
        self.limit_concurrency = None  # uvicorn would look only once a request is whole, and answer in plain text
        self._is_in_head = True
        self._head_bytes = 0
        self._overhead = 0
        self._found: _Refusal | None = None
        self._refusal: _Refusal | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._send_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._max_connections is not None and len(self.connections) > self._max_connections:
            self._refuse(_TOO_MANY_CONNECTIONS)
            if len(self.connections) > 2 * self._max_connections:
                self.transport.abort()
            return
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end_head)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._head_timer, self._send_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self.transport.is_closing():
            return
        if not self._is_in_head:
            self._receive_body(data)
            return
        room = HEAD_BYTES - self._head_bytes
        head, rest = (data, b"") if len(data) <= room else (data[:room], data[room:])
        self._head_bytes += len(head)
        super().data_received(head)
        if self._is_in_head and self._head_bytes >= HEAD_BYTES:
            self._refuse(_HEAD_TOO_LARGE)
        elif rest:
            self.data_received(rest)
        elif self._head_bytes and self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._end_head)

    def _receive_body(self, data: bytes) -> None:
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > _OVERHEAD_BYTES:
            self._refuse(_BAD_REQUEST)

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > LINE_BYTES:
            self._stop_parsing(_LINE_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_in_head:
            return  # a trailer, which nobody reads
        if len(name) + len(value) > LINE_BYTES:
            self._stop_parsing(_LINE_TOO_LONG)
        if len(self.headers) >= HEADERS:
            self._stop_parsing(_TOO_MANY_HEADERS)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self._head_bytes = self._overhead = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead -= len(body) * (1 + _OVERHEAD_PER_BYTE)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._is_in_head = True
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the signature of its base
        self._refuse(self._found or _BAD_REQUEST)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._send_timer is None:
            self._send_timer = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._send_timer is not None:
            self._send_timer.cancel()
            self._send_timer = None

    def shutdown(self) -> None:
        """Tell the application too that the server stops, because its streams would go on for minutes."""
        stopping = cast("asyncio.Event | None", self.app_state.get("stopping"))
        if stopping is not None:
            stopping.set()
        super().shutdown()

    def _stop_parsing(self, refusal: _Refusal) -> None:
        self._found = refusal
        raise _Refused

    def _end_head(self) -> None:
        self._head_timer = None
        if self._head_bytes:
            self._refuse(_TIMEOUT)
        elif self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _refuse(self, refusal: _Refusal) -> None:
        """Write the refusal, unless an answer has begun: then only close the connection."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._refusal = refusal
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(self._to_bytes(refusal))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    def _to_bytes(self, refusal: _Refusal) -> bytes:
        error = {"status": str(refusal.status), "code": refusal.code, "title": refusal.title, "detail": refusal.detail}
        body = orjson.dumps({"errors": [error]})
        headers = [
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", secrets.token_hex(16).encode()),
            (b"connection", b"close"),
            *([(b"retry-after", b"1")] if refusal.status == 503 else []),
        ]
        lines = b"".join(b"%s: %s\r\n" % header for header in headers)
        return STATUS_LINE[refusal.status] + lines + b"\r\n" + body
