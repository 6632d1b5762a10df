"""One account of the sandbox: a database, an application, a clock, a worker, faults and a journal of its own."""

import asyncio
import itertools
import re
import shutil
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy.engine import make_url
from starlette.exceptions import HTTPException

from packhouse import app, bootstrap
from packhouse.accounts import operations as accounts
from packhouse.accounts import queries as account_queries
from packhouse.accounts.schema import Caller
from packhouse.carriers import Carrier, registry
from packhouse.context import Context
from packhouse.integrations import operations as integrations
from packhouse.integrations import queries as integration_queries
from packhouse.kit import errors
from packhouse.kit.db import Transaction
from packhouse.kit.http.middleware import ServerMiddleware
from packhouse.kit.http.routing import Route
from packhouse.kit.messages import foreign
from packhouse.orders import demo, schema
from packhouse.orders import operations as orders
from packhouse.sandbox import state
from packhouse.sandbox.clock import ClockState, VirtualClock
from packhouse.sandbox.deliveries import Deliveries, SandboxSender
from packhouse.sandbox.faults import Faults
from packhouse.sandbox.gate import Gate
from packhouse.sandbox.inbox import MOST_INBOXES, Inbox
from packhouse.sandbox.journal import Journal
from packhouse.sandbox.state import Snapshot
from packhouse.sandbox.transport import Transport
from packhouse.sandbox.work import Run, SandboxWorker
from packhouse.settings import Settings
from packhouse.webhooks import keys
from packhouse.webhooks import operations as webhooks

SHOP = "Sandbox shop"
FIRST = "first"
"""The snapshot of the account as it was made, which `reset` goes back to."""
_PATIENCE_SECONDS = 30.0
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Access(NamedTuple):
    """What a client of the account needs."""

    name: str
    account_id: int
    country_code: str
    public_key: str
    secret_key: str
    integration_id: int
    signing_key: str

    def to_wire(self) -> dict[str, Any]:
        return self._asdict()


class Wish(NamedTuple):
    """An account that is to be made. Its number is unlike that of any other, so that a token says whose it is."""

    name: str
    account_id: int
    country_code: str = "NL"
    public_key: str | None = None
    secret_key: str | None = None


class World:
    """Open with `await open(...)`, end with `await close()`."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        carriers: Sequence[Carrier] | None,
        *,
        is_strict: bool = False,
        seed: int = 0,
    ) -> None:
        self.clock = VirtualClock()
        self.journal = Journal()
        self.faults = Faults(seed)
        self.gate = Gate()
        self.snapshots: dict[str, Snapshot] = {}
        self.seeds: list[tuple[int, int]] = []
        """How many invented orders were stored, and of which seed."""
        self.hidden: dict[int, Any] = {}
        """Orders that lists leave out, each with the moment from which on they show it."""
        self.deliveries = Deliveries(self.clock, seed)
        self.inboxes: dict[str, Inbox] = {}
        self.is_strict = is_strict
        self._begins_strict = is_strict
        sender = SandboxSender(
            self.deliveries,
            connect_seconds=settings.webhooks_connect_timeout_seconds,
            read_seconds=settings.webhooks_read_timeout_seconds,
        )
        self.transport = Transport(self.clock)
        wrapped = self.transport.wrap(registry.find_carriers() if carriers is None else carriers)
        self.server = app.create_app(settings, now=self.clock, carriers=wrapped, sender=sender)
        self._folder = folder
        self._numbers = itertools.count(1)
        self._lock = asyncio.Lock()
        self.worker = SandboxWorker(self.ctx, self.clock)
        self.access: Access

    @property
    def ctx(self) -> Context:
        if not isinstance(self.server, ServerMiddleware) or not isinstance(self.server.context, Context):
            raise TypeError  # the settings of a sandbox trace nothing
        return self.server.context

    def find_route(self, method: str, path: str) -> Route | None:
        """The route of the application at a path; None where there is none."""
        try:
            return app.ROUTER.find("GET" if method == "HEAD" else method, path)[0]
        except HTTPException:
            return None

    @property
    def name(self) -> str:
        return self.access.name

    @property
    def database(self) -> Path:
        return Path(make_url(self.ctx.settings.database_url).database or "")

    async def open(self, wish: Wish) -> None:
        """`wish` is the account that is made unless the database has it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        await self.ctx.db.open()
        self.access = await self.ctx.db.write(lambda tx: _make_account(tx, self.ctx, wish))
        self.worker.account_id = self.access.account_id
        await self.save(FIRST)
        self.worker.start()

    async def close(self) -> None:
        self.ctx.stopping.set()
        await self.worker.halt()
        self.ctx.access_log.flush()
        await bootstrap.close(self.ctx)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def advance(self, span: timedelta) -> list[Run]:
        async with self._lock:
            ran = await self.worker.advance(span)
        await self.deliveries.release_due()
        return ran

    def open_inbox(self, name: str) -> Inbox:
        """The inbox of this name, a new one where there is none. Raises Invalid."""
        if name not in self.inboxes:
            if not _NAME.fullmatch(name):
                raise _refuse("An inbox has a name of letters, digits, dots and dashes.")
            if len(self.inboxes) >= MOST_INBOXES:
                raise _refuse(f"There are {MOST_INBOXES} inboxes already.")
            self.inboxes[name] = Inbox()
        return self.inboxes[name]

    async def save(self, name: str) -> None:
        """Raises Invalid for a name that is none."""
        if not _NAME.fullmatch(name):
            raise _refuse("A snapshot has a name of letters, digits, dots and dashes.")
        if name not in self.snapshots and len(self.snapshots) >= state.MOST:
            raise _refuse(f"There are {state.MOST} snapshots already; take some away.")
        path = self._folder / f"snapshot-{next(self._numbers)}.db"
        async with self._lock:
            await state.save(self.database, path)
            replaced = self.snapshots.get(name)
            self.snapshots[name] = Snapshot(path, self.clock.state, tuple(self.seeds))
        if replaced is not None:
            replaced.path.unlink(missing_ok=True)

    async def restore(self, name: str) -> None:
        """Make data and clock what they were. Raises NotFound, and Conflict where a request does not end."""
        snapshot = errors.require(self.snapshots.get(name), foreign(f"There is no snapshot {name!r}."))
        async with self._lock:
            await self.worker.halt()
            self.ctx.stopping.set()  # the page's streams, which pass no gate
            try:
                async with self.gate.closed(_PATIENCE_SECONDS):
                    await self.ctx.db.close()
                    await state.put_back(snapshot.path, self.database)
                    self.clock.state = snapshot.clock
                    self.seeds = [*snapshot.seeds]
                    self.hidden.clear()
                    self.deliveries.drop_held()
            except TimeoutError:
                raise errors.Conflict(errors.ErrorItem("conflict", foreign("A request has not ended."))) from None
            finally:
                self.ctx.stopping.clear()
                self.worker.start()

    async def reset(self) -> None:
        """Make all what it was at first, with no faults, an empty journal and no inbox."""
        await self.restore(FIRST)
        self.clock.state = ClockState()
        self.faults.clear()
        self.transport.clear()
        self.deliveries.clear()
        self.inboxes.clear()
        self.is_strict = self._begins_strict
        self.journal.clear()

    async def forget(self, name: str) -> bool:
        """Take a snapshot away; not the first one."""
        snapshot = None if name == FIRST else self.snapshots.pop(name, None)
        if snapshot is not None:
            snapshot.path.unlink(missing_ok=True)
        return snapshot is not None

    async def seed(self, count: int, seed: int) -> int:
        """Store invented orders, the same for the same seed; return how many."""
        self.seeds.append((count, seed))
        made = demo.make_orders(count, seed=seed, integration_ids=[self.access.integration_id], now=self.clock())
        stored = 0
        while batch := list(itertools.islice(made, schema.MAX_BATCH)):
            stored += await self._store_batch(batch)
        return stored

    async def store(self, sent: Sequence[Any]) -> int:
        """Store orders as if they were sent. Raises Invalid."""
        starts = range(0, len(sent), schema.MAX_BATCH)
        return sum([await self._store_batch(sent[start : start + schema.MAX_BATCH]) for start in starts])

    async def _store_batch(self, batch: Sequence[Any]) -> int:
        reading = schema.read_batch(orjson.dumps(batch))
        if reading.flaws:
            raise errors.Invalid(orders.to_faults(reading.flaws))
        caller = Caller(self.access.account_id, self.access.country_code, "command:sandbox")
        upsert = partial(orders.upsert_orders, caller=caller, batch=reading.value, now=self.clock())
        return len(await self.ctx.db.write(upsert))


async def _make_account(tx: Transaction, ctx: Context, wish: Wish) -> Access:
    """The account of the database that has this name, made where there is none."""
    now = ctx.clock()
    known = {row.name: row for row in await account_queries.list_accounts(tx)}
    if (row := known.get(wish.name)) is not None:
        account_id, country_code = row.account_id, row.country_code
    else:
        await tx.keep_above("accounts", wish.account_id - 1)
        account_id = await accounts.create_account(tx, wish.name, wish.country_code, now=now)
        country_code = wish.country_code
    public_key, secret_key = wish.public_key, wish.secret_key
    if public_key is None or await account_queries.find_key(tx, public_key) is None:
        made = await accounts.create_key(
            tx, account_id, "sandbox", now=now, public_key=public_key, secret_key=secret_key
        )
        public_key, secret_key = made.public_key, made.secret_key
    integration_id = await integration_queries.find_first(tx, account_id)
    if integration_id is None:
        integration_id = await integrations.create_integration(tx, account_id, SHOP, now=now)
    hook = await webhooks.keep_of_integration(tx, account_id, integration_id, now=now)
    live = await keys.keep(tx, ctx.encryptor, hook, now=now)
    return Access(wish.name, account_id, country_code, public_key, secret_key or "", integration_id, live.current)


def _refuse(detail: str) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", foreign(detail)))
