"""Whether this process and its database are well."""

import asyncio
import time
from typing import Any, NamedTuple

import packhouse
from packhouse import migrations
from packhouse.kit import errors
from packhouse.kit.db import Database

_HEALTH_SECONDS = 0.25


class HealthReport(NamedTuple):
    """What the database said of itself: `ok`, `behind`, `newer` or `unavailable`, and why."""

    database: str
    detail: str | None

    def to_wire(self) -> dict[str, Any]:
        state = {"status": self.database} if self.detail is None else {"status": self.database, "detail": self.detail}
        overall = "ok" if self.database == "ok" else "unavailable"
        return {"status": overall, "version": packhouse.__version__, "database": state}


class Health:
    """Looks at the database at most four times a second, whoever asks: so that asking often does not make it ill."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._report: HealthReport | None = None
        self._looked_at = 0.0
        self._looking: asyncio.Task[HealthReport] | None = None

    async def report(self) -> HealthReport:
        if self._report is not None and time.monotonic() - self._looked_at < _HEALTH_SECONDS:
            return self._report
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> HealthReport:
        try:
            self._report = await self._ask()
        finally:
            self._looked_at = time.monotonic()
            self._looking = None
        return self._report

    async def _ask(self) -> HealthReport:
        try:
            revision = await migrations.find_revision(self._db)
        except errors.LockTimeout as busy:  # our own connections are all in use: that says nothing of the database
            return self._report or HealthReport("ok", busy.faults[0].detail)
        except errors.Unavailable as away:
            return HealthReport("unavailable", away.faults[0].detail)
        why = migrations.explain(revision)
        if why is None:
            return HealthReport("ok", None)
        return HealthReport("behind" if migrations.is_known(revision) else "newer", why)
