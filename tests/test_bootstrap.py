"""A context ends what it opened, and leaves alone what it was given."""

import asyncio

import pytest

from packhouse import bootstrap
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.settings import Settings

pytestmark = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def test_a_context_of_a_given_database_ends_all_but_that(database_url: str) -> None:
    async def run() -> None:
        db = Database(database_url)
        settings = Settings(database_url=database_url, rate_limits="documented")
        async with bootstrap.open_context(settings, db) as ctx:
            assert ctx.limits is not None
            await ctx.limits.take(1, "read", clock.now())
            counters = ctx.limits._counters
            assert counters._file is not None  # type: ignore[attr-defined]
        assert counters._file is None  # type: ignore[attr-defined]
        await db.open()  # it still answers
        await db.close()

    asyncio.run(run())
