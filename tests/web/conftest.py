"""People who sign in to the page, over HTTP and without a browser."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from packhouse.accounts import queries, users
from packhouse.bootstrap import open_context
from packhouse.kit import clock
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.worker import Worker
from tests import apart

PASSWORD = "correct-horse-battery"
# What it takes to check a hash stands in the hash: in these next to nothing (tests/kit/test_security.py holds
# what it takes as a rule).
HASHED = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
EMAILS = {"owner": "ada@example.com", "packer": "bo@example.com", "viewer": "cy@example.com"}


@pytest.fixture
def people(database_url: str) -> None:
    """An owner, a packer and a viewer of the account `owner`, and an owner of the account `stranger`."""

    async def work() -> None:
        db = Database(database_url)
        async with db.begin() as tx:
            for account, role, email in [
                *(("owner", role, email) for role, email in EMAILS.items()),
                ("stranger", "owner", "stranger@example.org"),
            ]:
                row = await queries.get_account(tx, account)
                await users.create_user(tx, row.account_id, email, HASHED, role, now=clock.now())
        await db.close()

    apart.run(work())


def token(page: str) -> str:
    """Of the first form."""
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page[:500]
    return found[1]


def sign_in(client: Any, email: str, password: str = PASSWORD, **fields: str) -> Any:
    form = client.get("/sign-in", headers={"accept": "text/html"})
    sent = {"csrf": token(form.text), "email": email, "password": password, **fields}
    return client.post("/sign-in", data=sent, follow_redirects=False)


@pytest.fixture
def person(people: None, serve: Callable[..., TestClient]) -> Callable[..., TestClient]:
    """`person("packer")` is a browser in which they are signed in."""
    assert people is None

    def enter(role: str = "owner", **settings: Any) -> TestClient:
        client = serve(**settings)
        client.headers["accept"] = "text/html"
        email = EMAILS.get(role, role)
        answer = sign_in(client, email)
        assert answer.status_code == 303, answer.text
        return client

    return enter


@pytest.fixture
def do_jobs(database_url: str) -> Callable[..., None]:
    """Do what is due, as a worker with these settings does."""

    async def drain(settings: dict[str, Any]) -> None:
        db = Database(database_url)
        async with open_context(Settings(database_url=database_url, **settings), db) as ctx:
            await Worker(ctx).drain()
        await db.close()

    return lambda **settings: asyncio.run(drain(settings))
