"""Whether this process and its database are well."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import packhouse
from packhouse import migrations
from packhouse.accounts import queries as accounts
from packhouse.kit import errors
from packhouse.kit.db import Database, citus
from packhouse.kit.messages import message

_HEALTH_SECONDS = 0.25
# A look that took long is good for so many times as long.
_REST = 5


class HealthReport(NamedTuple):
    """What the database said of itself: `ok`, `degraded` where some nodes of a sharded one are away, `behind`, `newer`
    or `unavailable`, and why. `nodes` says of each node of a sharded one whether it can be reached."""

    database: str
    detail: str | None
    nodes: Mapping[str, bool] = MappingProxyType({})

    @property
    def is_up(self) -> bool:
        """Whether the server can be of use: also one that answers for the accounts of some nodes only."""
        return self.database in ("ok", "degraded")

    @property
    def away(self) -> list[str]:
        return [name for name, is_up in self.nodes.items() if not is_up]

    def to_wire(self) -> dict[str, Any]:
        state = {"status": self.database} if self.detail is None else {"status": self.database, "detail": self.detail}
        overall = "ok" if self.is_up else "unavailable"
        return {"status": overall, "version": packhouse.__version__, "database": state}


class Health:
    """Looks at the database at most four times a second, whoever asks: so that asking often does not make it ill."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._report: HealthReport | None = None
        self._good_until = 0.0
        self._looking: asyncio.Task[HealthReport] | None = None

    async def report(self) -> HealthReport:
        if self._report is not None and time.monotonic() < self._good_until:
            return self._report
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return await asyncio.shield(self._looking)

    async def find_reachable(self) -> Sequence[int] | None:
        """The accounts that may be asked; None where all may, because no node is away. Raises Unavailable."""
        if self._db.is_sharded is None:
            await self._db.open()
        if not self._db.is_sharded or not (away := (await self.report()).away):
            return None
        async with self._db.read() as tx:
            return await accounts.list_reachable(tx, away)

    async def _look(self) -> HealthReport:
        began = time.monotonic()
        try:
            self._report = await self._ask()
        finally:
            ended = time.monotonic()
            # To find out about a node that hangs takes seconds, so it is not for nothing.
            self._good_until = ended + max(_HEALTH_SECONDS, _REST * (ended - began))
            self._looking = None
        return self._report

    async def _ask(self) -> HealthReport:
        nodes: dict[str, bool] = {}
        try:
            revision = await migrations.find_revision(self._db)
            if self._db.is_sharded:
                async with self._db.read() as tx:
                    nodes = await citus.find_nodes(tx)
        except errors.LockTimeout as busy:  # our own connections are all in use: that says nothing of the database
            return self._report or HealthReport("ok", busy.faults[0].detail)
        except errors.Unavailable as away:
            return HealthReport("unavailable", away.faults[0].detail)
        why = migrations.explain(revision)
        if why is None and all(nodes.values()):
            return HealthReport("ok", None, nodes)
        if why is None:
            names = ", ".join(name for name, is_up in nodes.items() if not is_up)
            return HealthReport("degraded", message("Nodes of the database are away: {names}.", names=names), nodes)
        return HealthReport("behind" if migrations.is_known(revision) else "newer", why)
