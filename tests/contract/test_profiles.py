"""The three differences between the two profiles, and what they share (contract, section 1)."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, NamedTuple

import asyncpg
import pytest
from starlette.testclient import TestClient

from packhouse.orders import profile as profiles
from tests import make
from tests.conftest import OWNER, SECOND_SHOP
from tests.contract import compatibility

ORDERS = "/api/v3/orders"
ORDER = "/api/v3/orders/1"
Serve = Callable[..., TestClient]

BUSY = "We are still processing a previous request. Please try again in a moment."


class Expected(NamedTuple):
    upserted: int
    id: Any
    conflict_status: int
    conflict_code: str
    retry_after: str | None


PROFILES = {
    "guide": Expected(200, 1, 409, "conflict", "1"),
    "reference": Expected(201, "1", 400, "invalid", None),
}


@pytest.fixture(params=PROFILES)
def profile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def anyone(profile: str, serve: Serve) -> TestClient:
    client = serve(profile=profile, lock_timeout_seconds=0.3)
    client.auth = OWNER
    return client


def test_the_guide_is_the_default(client: TestClient) -> None:
    assert client.post(ORDERS, json=[make.order()]).status_code == 200
    assert client.get(ORDER).json()["data"]["id"] == 1


def test_the_status_and_body_of_an_upsert(anyone: TestClient, profile: str) -> None:
    """The same for what was created, updated and left as it was; the id in the answer is a number."""
    for sent in (make.order(), make.key(notes="new"), make.key(notes="new"), make.order(id="1")):
        answer = anyone.post(ORDERS, json=[sent])
        assert answer.status_code == PROFILES[profile].upserted
        assert answer.json() == {"data": [{"id": 1, "order_id": "o-1", "order_number": "N-o-1"}]}
        assert type(answer.json()["data"][0]["id"]) is int


def test_the_id_that_is_read(anyone: TestClient, profile: str) -> None:
    expected = PROFILES[profile].id
    order = make.order()
    anyone.post(ORDERS, json=[order])
    read, listed = anyone.get(ORDER).json(), anyone.get(ORDERS).json()
    times = {name: read["data"][name] for name in ("created_at", "modified_at")}
    assert read == {"data": {"id": expected, **times, **order}}
    assert listed == {"data": [read["data"]]}
    assert type(read["data"]["id"]) is type(listed["data"][0]["id"]) is type(expected)


def test_the_answer_of_a_patch_is_the_same_in_both(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order()])
    answer = anyone.patch(ORDER, json={"order_number": "N-2"})
    assert answer.status_code == 200
    assert answer.json() == {"data": {"id": 1, "order_id": "o-1", "order_number": "N-2"}}
    assert type(answer.json()["data"]["id"]) is int


@pytest.mark.one_database
def test_an_id_in_a_request_must_be_a_string_in_both(anyone: TestClient, profile: str) -> None:
    anyone.post(ORDERS, json=[make.order()])
    refused = anyone.post(ORDERS, json=[make.order(id=1)])
    pointer = {"pointer": "/data/attributes/[0]/id"}
    fault = {"status": "400", "code": "invalid", "detail": "Input should be a valid string", "source": pointer}
    assert (refused.status_code, refused.json()) == (400, {"errors": [fault]})
    assert anyone.post(ORDERS, json=[make.order(id="1")]).status_code == PROFILES[profile].upserted


def test_a_whole_order_as_read_can_be_sent_back_by_patch_in_both(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order()])
    read = anyone.get(ORDER).json()
    assert anyone.patch(ORDER, json=read["data"]).status_code == 200
    assert anyone.get(ORDER).json() == read


def test_deleting_is_the_same_in_both(anyone: TestClient) -> None:
    anyone.post(ORDERS, json=[make.order()])
    answer = anyone.delete(ORDER)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.one_database
def test_only_the_two_profiles_are_known(database_url: str, serve: Serve) -> None:
    assert database_url
    with pytest.raises(ValueError, match="guide"):
        serve(profile="strict")


@contextmanager
def _writing_elsewhere(url: str) -> Iterator[None]:
    """Somebody else is in the middle of writing order 1, and does not finish while this lasts."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url))
        runner.run(connection.execute("BEGIN"))
        [row] = runner.run(connection.fetch("SELECT id FROM orders WHERE account_id = 1 AND id = 1 FOR UPDATE"))
        assert row["id"] == 1
        yield
        runner.run(connection.execute("ROLLBACK"))
        runner.run(connection.close())


WRITES: list[tuple[str, str, Any]] = [
    ("POST", ORDERS, [make.key(notes="new")]),
    ("POST", ORDERS, [{"id": "1", "order_number": "N-2"}]),
    ("POST", ORDERS, [make.order("other"), make.order(order_number="N-2")]),
    ("PATCH", ORDER, {"order_number": "N-2"}),
    ("DELETE", ORDER, None),
]


@pytest.mark.parametrize(("method", "path", "body"), WRITES)
def test_two_requests_writing_the_same_order(
    anyone: TestClient, profile: str, database_url: str, method: str, path: str, body: Any
) -> None:
    expected = PROFILES[profile]
    anyone.post(ORDERS, json=[make.order()])
    before = anyone.get(ORDERS).json()
    with _writing_elsewhere(database_url):
        refused = anyone.request(method, path, json=body)
        assert refused.status_code == expected.conflict_status
        fault = {
            "status": str(expected.conflict_status),
            "code": expected.conflict_code,
            "detail": BUSY,
            "source": {"pointer": "/data"},
        }
        assert refused.json() == {"errors": [fault]}
        assert refused.headers.get("Retry-After") == expected.retry_after
        assert anyone.get(ORDERS).json() == before, "reading goes on, and nothing of it is stored"
    assert anyone.request(method, path, json=body).is_success, "a moment later it works"
    assert anyone.get(ORDERS).json() != before


def test_a_refusal_does_not_wait_for_another_writer(anyone: TestClient, database_url: str) -> None:
    anyone.post(ORDERS, json=[make.order()])
    with _writing_elsewhere(database_url):
        answer = anyone.post(ORDERS, json=[make.order(order_number=""), make.order("o-2", integration=SECOND_SHOP)])
        assert [fault["source"]["pointer"] for fault in answer.json()["errors"]] == [
            "/data/attributes/[0]/order_number"
        ]


@pytest.mark.one_database
@pytest.mark.parametrize("name", ["guide", "reference"])
def test_the_profile_that_is_on_is_shown_on_docs(serve: Callable[..., TestClient], name: str) -> None:
    text = serve(profile=name).get("/docs").text
    assert f"Profile: {name}" in text
    assert text.count("(on)") == 1
    assert "<td>200</td><td>201</td>" in text
    page = compatibility.PAGE.read_text("utf-8").replace("`", "")
    for each in profiles.DIFFERENCES:
        told = [each.how(kind) for kind in profiles.PROFILES.values()]
        assert f"| {each.what} | {told[0]} | {told[1]} |" in page
