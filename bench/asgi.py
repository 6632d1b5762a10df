"""A client of an application in this process, without HTTP between them."""

import asyncio
import re
from collections.abc import Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import unquote, urlencode

import orjson
from starlette.types import ASGIApp, Message


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """Starts the application on entering, and stops it on leaving."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._state: dict[str, Any] = {}
        self._started = asyncio.Event()
        self._leaving = asyncio.Event()
        self._life: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self._state}
        self._life = asyncio.ensure_future(self._app(scope, self._live, self._hear))
        await self._started.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        if self._life is not None:
            await self._life

    async def _live(self) -> Message:
        if not self._started.is_set():
            return {"type": "lifespan.startup"}
        await self._leaving.wait()
        return {"type": "lifespan.shutdown"}

    async def _hear(self, message: Message) -> None:
        if message["type"].startswith("lifespan.startup"):
            self._started.set()

    async def send(
        self, method: str, path: str, query: str = "", headers: Sequence[tuple[str, str]] = (), body: bytes = b""
    ) -> Answer:
        sent = [(b"host", b"127.0.0.1:8000"), *[(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers]]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [*sent, (b"content-length", b"%d" % len(body))],
            "client": ("127.0.0.1", 50_000),
            "server": ("127.0.0.1", 8_000),
            "state": dict(self._state),
        }
        heard: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def take(message: Message) -> None:
            heard.append(message)

        await self._app(scope, receive, take)
        start, *parts = heard
        named = {name.decode("latin-1"): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], named, b"".join(part.get("body", b"") for part in parts))

    async def get_json(self, path: str) -> Any:
        return orjson.loads((await self.send("GET", path)).body)

    async def sign_in(self, email: str, password: str) -> str:
        """The session's cookie."""
        form = await self.send("GET", "/sign-in", headers=[("accept", "text/html")])
        found = re.search(r'name="csrf" value="([^"]+)"', form.body.decode())
        if found is None:
            raise RuntimeError("The sign-in page has no form.")
        sent = urlencode({"csrf": found[1], "email": email, "password": password}).encode()
        headers = [
            ("cookie", form.headers["set-cookie"].partition(";")[0]),
            ("content-type", "application/x-www-form-urlencoded"),
        ]
        answer = await self.send("POST", "/sign-in", headers=headers, body=sent)
        return answer.headers["set-cookie"].partition(";")[0]
