"""A server that keeps its papers in a folder, and a shop full of one person's data."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from packhouse.accounts import audit
from packhouse.bootstrap import open_context
from packhouse.kit import clock, jobs
from packhouse.kit.db import Database, Transaction
from packhouse.settings import Settings
from packhouse.worker import JOBS, TOGETHER, Worker
from tests import make
from tests.conftest import OWNER
from tests.privacy import marked
from tests.web.conftest import people, person, token  # noqa: F401 - fixtures

ORDERS = "/api/v3/orders"
ERASE = "/api/packhouse/persons/erase"
KEY: Any = "a key of the tests alone"
# Nobody is there to be told.
_HANDLERS = {kind: handler for kind, handler in JOBS.items() if not kind.startswith("webhook.")}


def write(url: str, work: Callable[[Transaction], Awaitable[None]]) -> None:
    async def run() -> None:
        db = Database(url)
        async with db.begin() as tx:
            await work(tx)
        await db.close()

    asyncio.run(run())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "papers"


@pytest.fixture
def shop(serve: Callable[..., TestClient], folder: Path) -> TestClient:
    client = serve(documents_url=folder.as_uri(), secret_key=KEY)
    client.auth = OWNER
    return client


@pytest.fixture
def work(database_url: str, folder: Path) -> Callable[..., int]:
    """Do what is due, at another time where it is given; how many jobs that were."""

    async def drain(now: clock.Clock) -> int:
        db = Database(database_url)
        settings = Settings(database_url=database_url, documents_url=folder.as_uri(), secret_key=KEY)
        async with open_context(settings, db, now=now) as ctx:
            done = await Worker(ctx, _HANDLERS, TOGETHER).drain()
        await db.close()
        return done

    return lambda now=clock.now: asyncio.run(drain(now))


def push(client: TestClient, *orders: dict[str, Any], **headers: str) -> list[int]:
    answer = client.post(ORDERS, json=list(orders), headers=headers)
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def ship(client: TestClient, order_id: str, option: str = "house:standard") -> Any:
    if option.startswith("post:"):  # customs papers name their sender
        [sender] = client.get("/api/packhouse/sender-addresses").json()["data"]
        street = {"address_line_1": "Kade 1", "postal_code": "3011 AA", "city": "Rotterdam"}
        assert client.patch(f"/api/packhouse/sender-addresses/{sender['id']}", json=street).status_code == 200
    chosen = {"type": "shipping_option_code", "properties": {"shipping_option_code": option}}
    body = {"integration_id": make.SHOP, "order": {"order_id": order_id}, "ship_with": chosen}
    answer = client.post("/api/v3/orders/create-label-sync", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def subscribe(client: TestClient) -> None:
    configuration = {"url": "https://receiver.example.com/hook"}
    connection = client.post(
        "/api/v3/event-subscriptions/connections", json={"type": "webhook", "configuration": configuration}
    )
    assert connection.status_code == 201, connection.text
    for kind in ("orders.order.created", "orders.order.updated", "orders.order.deleted", "parcels.event.created"):
        sent = {"connection_id": connection.json()["data"]["id"], "event_type": kind}
        made = client.post("/api/v3/event-subscriptions/subscriptions", json=sent)
        assert made.status_code == 201, made.text


def put_in(page: TestClient, *orders: Any, name: str = "order_of_zqxvkfirst-zqxvklast.jsonl") -> Any:
    content = "\n".join(json.dumps(order) for order in orders).encode()
    form = {"csrf": token(page.get("/orders").text)}
    return page.post("/import", data=form, files={"file": (name, content)})


def fill_rest(url: str) -> None:
    """What receivers answer, what people type in the wrong place, and a job that tells more than it has to."""

    async def work(tx: Transaction) -> None:
        now = clock.now()
        subject = f"not a user: {marked.EMAIL}"
        await audit.record(tx, 1, "user:1", "user.sign_in_failed", subject, now=now)
        payload = {"ids": [1], "origin": "NL", "for": f"{marked.NAME} <{marked.EMAIL}>"}
        await jobs.enqueue(tx, 1, "order.index", [payload], now=now)
        await tx.execute(text("UPDATE deliveries SET answer = 'thanks, zqxvkanswer' WHERE account_id = 1"))

    write(url, work)
