"""What is refused at the door is told to the account that was meant, in bounds, and to nobody else."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.accounts.failures import MOST, WINDOW
from packhouse.app import create_app
from packhouse.kit.db import Database
from packhouse.settings import Settings
from tests.cli.conftest import Run, run
from tests.concurrency.served import wait_until
from tests.conftest import OWNER, STRANGER

__all__ = ["run"]

GRANT = {"grant_type": "client_credentials"}
ORDERS = "/api/v3/orders"
START = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)


class Clock:
    now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nobody(database_url: str, clock: Clock) -> Iterator[TestClient]:
    """A client that sends no credentials of its own."""
    with TestClient(create_app(Settings(database_url=database_url), now=clock)) as client:
        yield client


def entries(client: TestClient, auth: tuple[str, str] = OWNER) -> list[tuple[str, str, str]]:
    """Actor, action and subject of what was refused, newest first."""
    found = client.get("/api/packhouse/audit-log?page_size=200", auth=auth).json()["data"]
    told = [(f"{e['actor']['type']}:{e['actor']['name']}", e["action"], e["subject"]) for e in found]
    return [entry for entry in told if "refused" in entry[1]]


def wait_for(client: TestClient, count: int) -> list[tuple[str, str, str]]:
    wait_until(lambda: len(entries(client)) >= count)
    return entries(client)


def ask(client: TestClient, credentials: tuple[str, str], **form: str) -> int:
    return client.post("/oauth2/token", data={**GRANT, **form}, auth=credentials).status_code


def test_refused_tokens_and_secrets_are_told_to_their_account_alone(nobody: TestClient, run: Run) -> None:
    actor = f"api_key:{OWNER[0]}"
    assert ask(nobody, (OWNER[0], "wrong")) == 401
    wait_for(nobody, 1)
    assert ask(nobody, OWNER, scope="nonsense") == 400
    wait_for(nobody, 2)
    assert nobody.get(ORDERS, auth=(OWNER[0], "a wrong secret")).status_code == 401
    told = wait_for(nobody, 3)
    assert told == [
        (actor, "key.refused", OWNER[0]),
        (actor, "token.refused", "invalid_scope"),
        (actor, "token.refused", "invalid_client"),
    ]
    assert entries(nobody, STRANGER) == []
    assert "wrong" not in run("audit list --account owner --json").stdout


def test_whoever_still_uses_a_revoked_key_is_told_of(nobody: TestClient, run: Run) -> None:
    run("key create --account owner --public-key old --secret-key of-the-old")
    run("key revoke old --account owner")
    nobody.get(ORDERS, auth=("old", "of-the-old"))
    assert wait_for(nobody, 1) == [("api_key:old", "key.refused", "old")]
    assert ask(nobody, ("old", "of-the-old")) == 401
    assert wait_for(nobody, 2)[0] == ("api_key:old", "token.refused", "invalid_client")


def test_what_succeeds_and_what_nobody_has_leaves_no_entry(nobody: TestClient) -> None:
    assert ask(nobody, OWNER) == 200
    assert ask(nobody, ("nobody", "wrong")) == 401
    assert nobody.get(ORDERS, auth=("nobody's", "wrong")).status_code == 401
    assert nobody.get(ORDERS, auth=OWNER).status_code == 200
    assert ask(nobody, (OWNER[0], "wrong")) == 401  # the one that is waited for comes after those
    assert len(wait_for(nobody, 1)) == 1


def test_a_flood_writes_a_few_entries_an_hour(nobody: TestClient, clock: Clock) -> None:
    def flood() -> None:
        for _ in range(6 * MOST):
            assert nobody.get(ORDERS, auth=(OWNER[0], "wrong")).status_code == 401
        nobody.get(ORDERS, auth=(STRANGER[0], "wrong"))
        wait_until(lambda: len(entries(nobody, STRANGER)) > unknown_ids)

    unknown_ids = 0
    flood()
    told = wait_for(nobody, MOST + 1)
    assert [action for _, action, _ in told] == ["key.refused_often"] + ["key.refused"] * MOST
    clock.now += WINDOW - timedelta(seconds=1)
    unknown_ids = 1
    flood()
    assert len(entries(nobody)) == MOST + 1
    clock.now += timedelta(seconds=1)
    unknown_ids = 2
    flood()
    assert len(wait_for(nobody, 2 * (MOST + 1))) == 2 * (MOST + 1)


def test_an_answer_does_not_wait_for_its_entry(
    database_url: str, backend: str, serve: Callable[..., TestClient]
) -> None:
    """While another writer holds everything up: on PostgreSQL the table, on SQLite the file."""
    client = serve(lock_timeout_seconds=5)

    async def refuse_while_locked() -> list[int]:
        db = Database(database_url)
        async with db.begin() as tx:
            if backend == "postgresql":
                await tx.execute(text("LOCK TABLE audit_log IN ACCESS EXCLUSIVE MODE"))
            attempts = [client.get(ORDERS, auth=(OWNER[0], "wrong")) for _ in range(3)]
        await db.close()
        return [answer.status_code for answer in attempts]

    assert asyncio.run(refuse_while_locked()) == [401, 401, 401]
    found: list[Any] = wait_for(client, 3)
    assert len(found) == 3
