"""Rate limits by the front door: how many pass, when there is room again, and that processes count together."""

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit.http.limits import DOCUMENTED, Limit, Policy
from packhouse.settings import Settings
from tests.concurrency import served
from tests.conftest import OWNER, SHOP, STRANGER

READ, WRITE = "/api/v3/integrations", f"/api/v3/integrations/{SHOP}"
START = datetime(2026, 3, 14, 8, 0, 20, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture(params=["sqlite", "postgresql"])
def counters(request: pytest.FixtureRequest) -> str:
    """Where calls are counted."""
    return str(request.param)


@pytest.fixture
def backend(counters: str) -> str:
    return counters


@pytest.fixture
def limits() -> dict[str, Any]:
    return {"rate_limits": "documented"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limited(database_url: str, clock: Clock, limits: dict[str, Any]) -> Iterator[Callable[..., TestClient]]:
    """Each call starts another process's server on the same database, under the documented limits or the given ones."""
    with ExitStack() as stack:

        def start(**options: Any) -> TestClient:
            app = create_app(Settings(database_url=database_url, **limits), now=clock, **options)
            client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
            client.auth = OWNER
            return client

        yield start


def write(client: TestClient) -> Any:
    return client.patch(WRITE, json={})


def assert_refused(answer: Any, detail: str, seconds: int) -> None:
    fault = {"status": "429", "code": "throttled", "detail": detail}
    assert (answer.status_code, answer.json()) == (429, {"errors": [fault]})
    assert answer.headers["Retry-After"] == str(seconds)


def test_writes_come_fifteen_at_once_over_all_servers(limited: Callable[[], TestClient], clock: Clock) -> None:
    servers = [limited(), limited()]
    first = write(servers[0])
    assert first.status_code == 204
    assert first.headers["RateLimit-Policy"] == '"write";q=100;w=60, "burst";q=15;w=1'
    assert first.headers["RateLimit"] == '"write";r=99;t=0, "burst";r=14;t=0'
    assert [write(servers[n % 2]).status_code for n in range(14)] == [204] * 14
    detail = "At most 15 calls of this kind in 1 s. Please try again in 2 s."
    for server in servers:
        answer = write(server)
        assert_refused(answer, detail, 2)
        assert answer.headers["RateLimit"].startswith('"write";r=85;t=0, "burst";r=0;t=')
    clock.wait(2)
    assert write(servers[1]).status_code == 204
    assert write(servers[0]).headers["RateLimit"].startswith('"write";r=83;')


def test_a_hundred_writes_a_minute(limited: Callable[[], TestClient], clock: Clock) -> None:
    client = limited()
    passed = 0
    while passed < 100:
        for _ in range(10):
            assert write(client).status_code == 204
            passed += 1
        clock.wait(2)
    assert clock.now == START + timedelta(seconds=20)
    answer = write(client)
    seconds = int(answer.headers["Retry-After"])
    assert_refused(answer, f"At most 100 calls of this kind in 60 s. Please try again in {seconds} s.", seconds)
    assert 20 < seconds <= 60
    clock.wait(seconds - 2)
    assert write(client).status_code == 429
    clock.wait(2)
    assert write(client).status_code == 204


def test_no_window_of_a_minute_lets_many_more_pass(limited: Callable[[], TestClient], clock: Clock) -> None:
    """At the edge of two counted minutes, where counting afresh would let twice as many through."""
    client = limited()
    clock.now = datetime(2026, 3, 14, 8, 0, 50, tzinfo=UTC)
    passed = 0
    for _ in range(20):
        passed += sum(write(client).status_code == 204 for _ in range(14))
        clock.wait(2)
    assert passed <= math.ceil(100 * 1.6)


def test_reads_are_counted_apart_and_so_many_pass(limited: Callable[..., TestClient]) -> None:
    """Twenty here; that the documented thousand are begun with, the next test says."""
    client = limited(policies={**DOCUMENTED, "read": Policy(Limit("read", 20, 60))})
    statuses = {client.get(READ).status_code for _ in range(19)}
    last = client.get(READ)
    assert statuses == {200}
    assert last.headers["RateLimit"].startswith('"read";r=0;t=')
    assert client.get(READ).status_code == 429
    assert client.get(READ, auth=STRANGER).status_code == 200
    assert write(client).status_code == 204


def test_what_has_no_caller_is_not_counted(limited: Callable[[], TestClient]) -> None:
    client = limited()
    for _ in range(3):
        answer = client.get(READ, auth=("nobody", "x"))
        assert (answer.status_code, answer.headers.get("RateLimit")) == (401, None)
        assert "RateLimit" not in client.get("/health").headers
    first = client.get(READ)
    assert first.headers["RateLimit-Policy"] == '"read";q=1000;w=60'
    assert first.headers["RateLimit"] == '"read";r=999;t=0'


def test_every_answer_to_a_caller_says_what_is_left(limited: Callable[[], TestClient]) -> None:
    client = limited()
    for left, path in ((999, f"{READ}/987"), (998, "/api/v3/orders/987"), (997, "/api/v3/orders?page_size=x")):
        answer = client.get(path)
        assert answer.status_code in (400, 404)
        assert answer.headers["RateLimit"] == f'"read";r={left};t=0'


def test_off_by_default(client: TestClient) -> None:
    assert all(write(client).status_code == 204 for _ in range(40))
    assert "RateLimit" not in client.get(READ).headers


def test_processes_count_together(database_url: str, tmp_path: Path, limits: dict[str, Any]) -> None:
    """Real ones: of 60 writes at once by four clients to two processes, no more than two seconds' worth pass."""
    with ExitStack() as stack:
        servers = [stack.enter_context(served.serve(database_url, tmp_path / f"log{n}", **limits)) for n in range(2)]
        clients = [stack.enter_context(servers[n % 2].client()) for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            made = pool.map(lambda client: [client.patch(WRITE, json={}).status_code for _ in range(15)], clients)
        statuses = [status for each in made for status in each]
    assert set(statuses) == {204, 429}
    assert 15 <= statuses.count(204) <= 45
