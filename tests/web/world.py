"""A server whose clock stands still, and browsers anywhere on the network."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.bootstrap import open_context
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.worker import Worker
from tests.in_process import Client
from tests.web.conftest import EMAILS, sign_in, token

HERE, ELSEWHERE = "192.0.2.7", "198.51.100.3"


class World:
    """A clock that stands still, and browsers at addresses of the network."""

    def __init__(self, database_url: str, stack: ExitStack, **settings: Any) -> None:
        self.now = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
        self._settings = Settings(database_url=database_url, **{"secret_key": "a-key-of-the-tests", **settings})
        self._app: Any = create_app(self._settings, now=lambda: self.now)
        self._server = stack.enter_context(TestClient(self._app))

    def browser(self, host: str = HERE) -> TestClient:
        is_tls = (self._settings.public_url or "").startswith("https:")  # where cookies are for HTTPS alone
        url = "https://testserver" if is_tls else "http://testserver"
        made = Client(
            self._app, url, raise_server_exceptions=True, client=(host, 50_000), headers={"accept": "text/html"}
        )
        made.portal = self._server.portal  # one loop for all, as a server has
        return made

    def person(self, role: str = "owner", host: str = HERE) -> TestClient:
        """A browser in which they are signed in."""
        made = self.browser(host)
        assert sign_in(made, EMAILS.get(role, role)).status_code == 303
        return made

    def work(self) -> None:
        """Do the jobs that are due."""

        async def drain() -> None:
            db = Database(self._settings.database_url)
            async with open_context(self._settings, db, now=lambda: self.now) as ctx:
                await Worker(ctx).drain()
            await db.close()

        asyncio.run(drain())

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def world(people: None, database_url: str) -> Iterator[World]:
    assert people is None
    with ExitStack() as stack:
        yield World(database_url, stack)


def query(database_url: str, statement: str, *, whole: bool = False) -> list[Any]:
    """The first column of each row, or the whole of it."""

    async def work() -> list[Any]:
        db = Database(database_url)
        async with db.read() as tx:
            result = await tx.execute(text(statement))
            found = list(result.all() if whole else result.scalars())
        await db.close()
        return found

    return asyncio.run(work())


def send(page: TestClient, place: str, **fields: Any) -> Any:
    """A form of a person who is signed in, without following where it leads."""
    sent = {"csrf": token(page.get("/account/two-factors").text), **fields}
    return page.post(place, data=sent, follow_redirects=False)
