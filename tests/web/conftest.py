"""People who sign in to the page, over HTTP and without a browser."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts import queries, users
from packhouse.kit import clock, security
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.worker import Worker, open_workshop

PASSWORD = "correct-horse-battery"
HASHED = security.hash_password(PASSWORD)
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

    asyncio.run(work())


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
        async with open_workshop(Settings(database_url=database_url, **settings), db) as workshop:
            await Worker(workshop).drain()
        await db.close()

    return lambda **settings: asyncio.run(drain(settings))
