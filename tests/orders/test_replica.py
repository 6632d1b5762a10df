"""Lists from a streaming replica: of two real servers, with the one behind, away and up to date."""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit.db import DatabaseUrlError
from packhouse.kit.db import replica as replica_module
from packhouse.settings import Settings
from tests import make, replicas
from tests.conftest import OWNER, STRANGER

URL = "/api/v3/orders"

pytestmark = pytest.mark.skipif(
    "PACKHOUSE_TEST_DATABASE_URL" in os.environ, reason="makes a replica of a server of its own"
)


@pytest.fixture
def backend() -> str:
    return "postgresql"


@pytest.fixture
def replica(postgres: str, database_url: str) -> Iterator[replicas.Replica]:  # noqa: ARG001 - made before its copy
    with replicas.run_replica(postgres) as replica:
        yield replica


@pytest.fixture
def reader(serve: Callable[..., TestClient], replica: replicas.Replica, database_url: str) -> TestClient:
    name = database_url.partition("?")[0].rpartition("/")[2]
    client = serve(read_database_url=replica.url(name))
    client.auth = OWNER
    return client


@contextmanager
def counting(client: TestClient) -> Iterator[list[str]]:
    """The orders' lists that the replica is asked for."""
    app: Any = client.app
    engine = app.context.lists.replica._writer.sync_engine
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if "FROM orders" in statement:
            seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def names(client: TestClient, **options: Any) -> list[str]:
    answer = client.get(URL, **options)
    assert answer.status_code == 200, answer.text
    return [order["order_id"] for order in answer.json()["data"]]


def wait_for_replica(client: TestClient) -> None:
    with counting(client) as seen:
        while not seen:
            names(client)


def test_a_list_is_read_from_the_replica_and_holds_what_was_just_written(reader: TestClient) -> None:
    wait_for_replica(reader)
    written: list[str] = []
    with counting(reader) as seen:
        for n in range(30):
            assert reader.post(URL, json=[make.order(f"o-{n}")]).status_code == 200
            written.insert(0, f"o-{n}")
            assert names(reader) == written
    assert seen
    assert names(reader, auth=STRANGER) == []


def test_a_replica_that_is_behind_or_away_is_passed_over(reader: TestClient, replica: replicas.Replica) -> None:
    wait_for_replica(reader)
    replica.pause()
    assert reader.post(URL, json=[make.order("new")]).status_code == 200
    with counting(reader) as seen:
        assert names(reader) == ["new"]
        assert reader.delete(f"{URL}/1").status_code == 204
        assert names(reader) == []
    assert seen == []
    replica.resume()
    wait_for_replica(reader)
    replica.stop("immediate")
    assert reader.post(URL, json=[make.order("newer")]).status_code == 200
    assert names(reader) == ["newer"]
    replica.start()
    wait_for_replica(reader)
    assert names(reader) == ["newer"]


def to_seconds(client: TestClient, expected: list[str]) -> float:
    """How long a list takes, which is as expected."""
    began = time.monotonic()
    assert names(client) == expected
    return time.monotonic() - began


@contextmanager
def trying(client: TestClient) -> Iterator[list[float]]:
    """The moments at which a list is begun on the replica."""
    lists = lists_of(client)
    tried: list[float] = []
    run = lists._try_replica

    def note(*arguments: Any) -> Any:
        tried.append(time.monotonic())
        return run(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lists, "_try_replica", note)
        yield tried


def lists_of(client: TestClient) -> Any:
    app: Any = client.app
    return app.context.lists


def check_cost(client: TestClient, expected: list[str]) -> None:
    """One list of many is sent to the replica. It waits for 200 ms, and a busy machine may take its time for the rest;
    without that limit it would be five seconds for a connection and thirty-seven for an answer."""
    assert replica_module._PATIENCE_SECONDS + replica_module._PROBE_SECONDS <= 0.25
    with trying(client) as tried:
        seconds = [to_seconds(client, expected) for _ in range(20)]
    assert len(tried) == 1
    assert max(seconds) < 3, seconds
    assert 3 < lists_of(client)._passed_over_until - time.monotonic() <= 10


def test_a_replica_that_is_stopped_holds_up_one_list_for_a_moment(
    reader: TestClient, replica: replicas.Replica
) -> None:
    wait_for_replica(reader)
    assert reader.post(URL, json=[make.order("a")]).status_code == 200
    with replica.frozen():
        check_cost(reader, ["a"])
        with trying(reader) as tried:
            assert reader.post(URL, json=[make.order("b")]).status_code == 200
            assert names(reader) == ["b", "a"]
        assert tried == []
        # When the ten seconds are over, one list tries it again.
        lists_of(reader)._passed_over_until = time.monotonic()
        check_cost(reader, ["b", "a"])
    lists_of(reader)._passed_over_until = time.monotonic()
    wait_for_replica(reader)
    assert lists_of(reader)._passed_over_until == 0
    assert names(reader) == ["b", "a"]


def test_a_replica_that_is_stopped_in_the_middle_of_a_list_is_left(
    reader: TestClient, replica: replicas.Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_replica(reader)
    assert reader.post(URL, json=[make.order("a")]).status_code == 200
    held = threading.Event()
    frozen = threading.Event()
    lists = lists_of(reader)
    run = lists._try_replica

    async def run_late(replica: Any, place: str, work: Any) -> Any:
        async def late(connection: Any) -> Any:
            held.set()
            await asyncio.to_thread(frozen.wait)
            return await work(connection)

        return await run(replica, place, late)

    monkeypatch.setattr(lists, "_try_replica", run_late)
    with freezing(replica, held, frozen):
        seconds = [to_seconds(reader, ["a"]) for _ in range(5)]
    assert max(seconds) < 3, seconds
    assert lists._passed_over_until > 0


@contextmanager
def freezing(replica: replicas.Replica, held: threading.Event, frozen: threading.Event) -> Iterator[None]:
    """Frozen from the moment that the first list has begun there."""
    done = threading.Event()

    def freeze() -> None:
        held.wait()
        with replica.frozen():
            frozen.set()
            done.wait()

    thread = threading.Thread(target=freeze)
    thread.start()
    try:
        yield
    finally:
        held.set()
        done.set()
        thread.join()


def test_a_place_that_takes_calls_and_never_answers_holds_up_one_list_for_a_moment(
    serve: Callable[..., TestClient],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = serve(read_database_url=f"postgresql://postgres@127.0.0.1:{port}/packhouse")
        client.auth = OWNER
        check_cost(client, [])


def test_a_list_that_takes_long_is_waited_for(reader: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_replica(reader)
    lists = lists_of(reader)
    run = lists._try_replica

    async def run_long(replica: Any, place: str, work: Any) -> Any:
        async def long(connection: Any) -> Any:
            await connection.execute(text("SELECT pg_sleep(0.6)"))
            return await work(connection)

        return await run(replica, place, long)

    monkeypatch.setattr(lists, "_try_replica", run_long)
    monkeypatch.setattr(replica_module, "_PROBE_SECONDS", 5)  # it answers, on however busy a machine
    with counting(reader) as seen:
        # A replica that has not heard of the last write is passed over: only what it answers is looked at.
        took = next(seconds for seconds in (to_seconds(reader, []) for _ in range(100)) if seen)
    assert took >= 0.6
    assert lists._passed_over_until == 0


def test_a_file_has_no_replica(database_url: str) -> None:
    for urls in (("sqlite:///a.db", database_url), (database_url, "sqlite:///a.db")):
        with pytest.raises(DatabaseUrlError, match="Only PostgreSQL has replicas"):
            create_app(Settings(database_url=urls[0], read_database_url=urls[1]))
