"""The server of a sandbox: its accounts, and which of them a request belongs to."""

import asyncio
import base64
import binascii
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from packhouse import context, migrations
from packhouse.accounts import queries as accounts
from packhouse.accounts import tokens, users
from packhouse.carriers import registry
from packhouse.kit import errors, http, security
from packhouse.kit.http.middleware import ServerMiddleware
from packhouse.kit.http.routing import Router
from packhouse.kit.messages import foreign
from packhouse.sandbox import recorder, state
from packhouse.sandbox.world import FIRST, Wish, World
from packhouse.settings import Settings
from packhouse.web.orders import live

MAIN = "sandbox"
PUBLIC_KEY = "sandbox-public-key"
SECRET_KEY = "sandbox-secret-key"  # noqa: S105 - everybody may know it: it opens invented orders
EMAIL = "sandbox@example.com"
PASSWORD = "sandbox-password"  # noqa: S105 - as above
MOST_WORLDS = 200
_ENCRYPTION_KEY = "sandbox-encryption-key"
_TOKEN_PATHS = ("/oauth2/token", "/oauth2/revoke")
_LONGEST_FORM = 64_000
_STREAMS = frozenset(route.path for route in live.ROUTES)


class _Stopping:
    """What the protocol sets when the server is told to stop: every account's context hears of it."""

    def __init__(self, bench: "Bench") -> None:
        self._bench = bench

    def set(self) -> None:
        for world in self._bench.worlds.values():
            world.ctx.stopping.set()


class Bench:
    """ASGI. One account is there from the start; each further one is apart from all others."""

    def __init__(
        self,
        settings: Settings,
        router: Router,
        *,
        database: Path | None = None,
        first_orders: int | list[Any] = 0,
        tell: Callable[[dict[str, Any]], None] | None = None,
        is_strict: bool = False,
    ) -> None:
        self.is_strict = is_strict
        """Whether accounts that are made from now on begin in strict mode."""
        self.worlds: dict[str, World] = {}
        self._first_orders = first_orders
        self._tell = tell
        self._settings = settings
        self._router = router
        self._database = database
        self._carriers = registry.find_carriers()
        self._by_key: dict[str, World] = {}
        self._last_account = 0
        self._lock = asyncio.Lock()
        self._lifespan = Starlette(lifespan=self._run)

    @property
    def main(self) -> World:
        return self.worlds[MAIN]

    async def open(self) -> None:
        self._folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="packhouse-sandbox-"))
        self._template = self._folder / "template.db"
        await self._migrate(self._template)
        if self._database is not None:
            await self._migrate(self._database)
        await self._add(Wish(MAIN, 1, public_key=PUBLIC_KEY, secret_key=SECRET_KEY), self._database)
        await self._make_user()
        await self._store_first_orders()
        self._control = ServerMiddleware(self._lifespan, self._router, _refuse, self.main.ctx)

    async def close(self) -> None:
        for world in [*self.worlds.values()]:
            await world.close()
        self.worlds.clear()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def create_account(self, name: str | None = None, country_code: str = "NL") -> World:
        """Raises Invalid for a name that is taken and an unknown country."""
        name = name or f"account-{secrets.token_hex(4)}"
        async with self._lock:
            if name in self.worlds:
                raise errors.Invalid(errors.ErrorItem("invalid", foreign(f"There is an account {name!r} already.")))
            if len(self.worlds) >= MOST_WORLDS:
                raise errors.Invalid(errors.ErrorItem("invalid", foreign(f"There are {MOST_WORLDS} accounts already.")))
            return await self._add(Wish(name, self._last_account + 1, country_code))

    async def remove_account(self, name: str) -> None:
        """Raises NotFound; the first account stays."""
        world = None if name == MAIN else self.worlds.pop(name, None)
        if world is None:
            raise errors.NotFound(foreign(f"There is no account {name!r} to remove."))
        self._by_key = {key: of for key, of in self._by_key.items() if of is not world}
        await world.close()

    async def find_by_credentials(self, scope: Scope) -> World | None:
        """The account whose key or token a request carries; None where it carries none that is known."""
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"").decode("latin-1")
        scheme, _, credentials = sent.partition(" ")
        if scheme.lower() == "bearer":
            parts = tokens.parse(credentials.strip())
            ids = {world.access.account_id: world for world in self.worlds.values()}
            return ids.get(parts.account_id) if parts is not None else None
        if scheme.lower() == "basic" and (key := _read_public_key(credentials)):
            return await self._find_by_key(key)
        return None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._lifespan(scope, receive, send)
            return
        path: str = scope["path"]
        if path == "/" and recorder.is_page(scope):
            await RedirectResponse("/sandbox")(scope, receive, send)
        elif path == "/sandbox" or path.startswith("/sandbox/"):
            scope["packhouse.bench"] = self
            await self._control(scope, receive, send)
        else:
            world, receive = await self._find_world(scope, receive)
            serve: Any = recorder.handle if recorder.is_recorded(scope) else _pass_on
            await serve(world, scope, receive, send)

    async def _find_world(self, scope: Scope, receive: Receive) -> tuple[World, Receive]:
        """A key that nobody has is refused by the first account, whose journal shows it."""
        found = await self.find_by_credentials(scope)
        if found is None and scope["path"].rstrip("/").endswith(_TOKEN_PATHS):
            client_id, receive = await _read_client_id(receive)
            found = await self._find_by_key(client_id) if client_id else None
        return found or self.main, receive

    async def _find_by_key(self, public_key: str) -> World | None:
        if public_key not in self._by_key:
            for world in self.worlds.values():
                if await world.ctx.db.fetch_one(accounts.FIND_OWNER, public_key=public_key) is not None:
                    self._by_key[public_key] = world
                    break
        return self._by_key.get(public_key)

    async def _add(self, wish: Wish, database: Path | None = None) -> World:
        self._last_account = max(self._last_account, wish.account_id)
        folder = self._folder / f"account-{wish.account_id}"
        await asyncio.to_thread(folder.mkdir)
        if database is None:
            database = folder / "packhouse.db"
            await state.save(self._template, database)
        world = World(self._to_settings(database), folder, self._carriers, is_strict=self.is_strict)
        try:
            await world.open(wish)
        except BaseException:
            await world.close()
            raise
        self.worlds[world.name] = world
        self._by_key[world.access.public_key] = world
        return world

    async def _make_user(self) -> None:
        async def work(tx: Any) -> None:
            if await users.find_user(tx, EMAIL) is None:
                hashed = security.hash_password(PASSWORD)
                await users.create_user(tx, self.main.access.account_id, EMAIL, hashed, "owner", now=self.main.clock())

        await self.main.ctx.db.write(work)

    async def _store_first_orders(self) -> None:
        """`reset` goes back to what there is then."""
        if isinstance(self._first_orders, int):
            await self.main.seed(self._first_orders, seed=0)
        else:
            await self.main.store(self._first_orders)
        await self.main.save(FIRST)

    def _to_settings(self, database: Path) -> Settings:
        """A receiver of events is on the developer's own machine, and a document lies where snapshots have it."""
        return self._settings.model_copy(
            update={
                "database_url": f"sqlite:///{database}",
                "read_database_url": None,
                "documents_url": "database",
                "webhooks_allow_private": True,
                "secret_key": self._settings.secret_key or SecretStr(_ENCRYPTION_KEY),
                "tracing": False,
            }
        )

    async def _migrate(self, path: Path) -> None:
        db = context.create_database(self._settings, f"sqlite:///{path}")
        await db.open()
        await migrations.upgrade(db)
        await db.close()

    @asynccontextmanager
    async def _run(self, _app: Starlette) -> AsyncIterator[dict[str, Any]]:
        await self.open()
        if self._tell is not None:
            access = {**self.main.access.to_wire(), "email": EMAIL, "password": PASSWORD}
            self._tell({**access, "database": str(self.main.database)})
        try:
            yield {"stopping": _Stopping(self)}
        finally:
            await self.close()


async def _pass_on(world: World, scope: Scope, receive: Receive, send: Send) -> None:
    """A page, or a stream that goes on as long as the page is open, for which nobody waits."""
    server: ASGIApp = world.server
    if scope["path"] in _STREAMS:
        await server(scope, receive, send)
        return
    async with world.gate.passing():
        await server(scope, receive, send)


async def _refuse(request: Request, error: Exception) -> Response:
    return http.to_response(request, error)


def _read_public_key(credentials: str) -> str:
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return ""


async def _read_client_id(receive: Receive) -> tuple[str, Receive]:
    """The client that a form names, and what gives the form again to who reads it next."""
    messages: list[Message] = []
    body = b""
    while len(body) < _LONGEST_FORM:
        message = await receive()
        messages.append(message)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break

    async def again() -> Message:
        return messages.pop(0) if messages else await receive()

    return parse_qs(body.decode("latin-1")).get("client_id", [""])[0], again
