"""Lists from a streaming replica: of two real servers, with the one behind, away and up to date."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit.db import DatabaseUrlError
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


def test_a_file_has_no_replica(database_url: str) -> None:
    for urls in (("sqlite:///a.db", database_url), (database_url, "sqlite:///a.db")):
        with pytest.raises(DatabaseUrlError, match="Only PostgreSQL has replicas"):
            create_app(Settings(database_url=urls[0], read_database_url=urls[1]))
