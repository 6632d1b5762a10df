"""One sandbox for all tests of a process, on a port of its own; each test has an account in it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import uvicorn

from packhouse.sandbox import server
from packhouse.settings import Settings

NewAccount = Callable[..., httpx.Client]


@pytest.fixture(scope="session")
def sandbox() -> Iterator[str]:
    """The URL of a sandbox that runs in a thread."""
    bench = server.create_bench(Settings(log_level="error"), seed=3)
    config = uvicorn.Config(bench, http=server.SandboxProtocol, log_config=None, access_log=False, ws="none")
    running = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    while not running.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()


@pytest.fixture
def new_account(sandbox: str) -> Iterator[NewAccount]:
    """`new_account(orders=3)` gives the client of an account that nobody else has."""
    clients: list[httpx.Client] = []

    def make(**wish: object) -> httpx.Client:
        answer = httpx.post(f"{sandbox}/sandbox/accounts", json=wish, timeout=60)
        assert answer.status_code == 201, answer.text
        made = answer.json()["data"]
        client = httpx.Client(base_url=sandbox, auth=(made["public_key"], made["secret_key"]), timeout=20)
        client.account = made  # type: ignore[attr-defined]
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close()
        name = client.account["name"]  # type: ignore[attr-defined]
        httpx.delete(f"{sandbox}/sandbox/accounts/{name}")


@pytest.fixture
def account(new_account: NewAccount) -> httpx.Client:
    return new_account()
