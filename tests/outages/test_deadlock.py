"""A deadlock that PostgreSQL ends is not the client's to mind: the request is done anew."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import asyncpg
from starlette.testclient import TestClient

from tests import make, servers
from tests.concurrency.served import wait_until
from tests.concurrency.test_two_clients import is_conflict
from tests.conftest import OWNER, SHOP

URL = "/api/v3/orders"


class Rival:
    """Somebody else at the database, who locks a batch's last order and then, once told to, its first one. It never
    looks for deadlocks, so the request is the one that the server ends."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._thread = threading.Thread(target=lambda: asyncio.run(self._cross()))
        self.holds, self.told = threading.Event(), threading.Event()
        self.has_both, self.released = threading.Event(), threading.Event()

    def __enter__(self) -> "Rival":
        self._thread.start()
        assert self.holds.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.told.set()
        self.released.set()
        self._thread.join()

    async def _cross(self) -> None:
        connection = await asyncpg.connect(self._url, server_settings={"deadlock_timeout": "60s"})
        lock = "SELECT 1 FROM orders WHERE account_id = 1 AND order_id = $1 FOR UPDATE"
        try:
            async with connection.transaction():
                await connection.execute(lock, "b")
                self.holds.set()
                await asyncio.to_thread(self.told.wait)
                await connection.execute(lock, "a")
                self.has_both.set()
                await asyncio.to_thread(self.released.wait)
        finally:
            await connection.close()


def are_waiting(url: str, count: int) -> Callable[[], bool]:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return lambda: servers.ask(url, statement) == str(count)


def begin(client: TestClient, body: Any, path: str = URL) -> tuple[threading.Thread, list[int]]:
    statuses: list[int] = []

    def send() -> None:
        answer = client.post(path, json=body)
        statuses.append(409 if is_conflict(answer) else answer.status_code)  # type: ignore[arg-type]

    sender = threading.Thread(target=send)
    sender.start()
    return sender, statuses


def slow_to_look(url: str) -> None:
    """Seconds before a waiting backend looks for a deadlock: time enough to make one, on a slow machine too."""
    name = url.partition("?")[0].rpartition("/")[2]
    servers.execute(url, f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '2s'")


def test_a_request_that_a_deadlock_ends_is_done_anew(serve: Callable[..., TestClient], database_url: str) -> None:
    slow_to_look(database_url)
    client = serve(lock_timeout_seconds=20)
    client.auth = OWNER
    assert client.post(URL, json=[make.order("a"), make.order("b")]).status_code == 200
    with Rival(database_url) as rival:
        sender, statuses = begin(client, [make.order(name, order_number="anew") for name in ("b", "a")])
        wait_until(are_waiting(database_url, 1))
        rival.told.set()
        assert rival.has_both.wait(30)  # the request was ended, for it held the first order
        assert statuses == []
    sender.join()
    assert statuses == [200]
    assert {order["order_number"] for order in client.get(URL).json()["data"]} == {"anew"}


def test_a_call_for_labels_that_a_deadlock_ends_is_done_anew(
    serve: Callable[..., TestClient], database_url: str
) -> None:
    slow_to_look(database_url)
    client = serve(lock_timeout_seconds=20)
    client.auth = OWNER
    orders = [make.order(name, shipping_address=make.address()) for name in ("a", "b")]
    assert client.post(URL, json=orders).status_code == 200
    with Rival(database_url) as rival:
        call = {"integration_id": SHOP, "orders": [{"order_id": "b"}, {"order_id": "a"}]}
        sender, statuses = begin(client, call, f"{URL}/create-labels-async")
        wait_until(are_waiting(database_url, 1))
        rival.told.set()
        assert rival.has_both.wait(30)
        assert statuses == []
    sender.join()
    assert statuses == [202]
    assert len(client.get("/api/v3/shipments").json()["data"]) == 2


def test_it_is_done_anew_no_longer_than_a_lock_is_waited_for(
    serve: Callable[..., TestClient], database_url: str
) -> None:
    slow_to_look(database_url)
    client = serve(lock_timeout_seconds=4)
    client.auth = OWNER
    assert client.post(URL, json=[make.order("a"), make.order("b")]).status_code == 200
    with Rival(database_url) as rival:
        sender, statuses = begin(client, [make.order(name, order_number="never") for name in ("b", "a")])
        wait_until(are_waiting(database_url, 1))
        rival.told.set()
        assert rival.has_both.wait(30)
        sender.join()  # while the rival keeps both
        assert statuses == [409]
    assert {order["order_number"] for order in client.get(URL).json()["data"]} == {"N-a", "N-b"}
