"""API keys: several an account, ended at once, and at rest only as a hash."""

import asyncio
import base64
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from typing import Any, TypeVar

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from packhouse.accounts import operations, queries
from packhouse.kit import clock, errors, security
from packhouse.kit.db import Database, Transaction
from tests import make
from tests.conftest import OWNER, STRANGER

ORDERS = "/api/v3/orders"
OWNER_ACCOUNT, STRANGER_ACCOUNT = 1, 2
T = TypeVar("T")
Write = Callable[[Callable[[Transaction], Awaitable[Any]]], Any]


@pytest.fixture
def write(database_url: str) -> Write:
    """`write(lambda tx: …)` runs in a transaction of its own, as the command does."""

    async def run(work: Callable[[Transaction], Awaitable[T]]) -> T:
        db = Database(database_url)
        try:
            async with db.begin() as tx:
                return await work(tx)
        finally:
            await db.close()

    return lambda work: asyncio.run(run(work))


def _create(write: Write, account_id: int = OWNER_ACCOUNT, name: str = "", **chosen: str) -> operations.NewKey:
    made = write(lambda tx: operations.create_key(tx, account_id, name, now=clock.now(), **chosen))
    assert isinstance(made, operations.NewKey)
    return made


def _revoke(write: Write, account_id: int, public_key: str) -> None:
    write(lambda tx: operations.revoke_key(tx, account_id, public_key, now=clock.now()))


def _read_all(url: str) -> dict[str, list[Any]]:
    """Every row of the two tables, past everything that the project reads with."""
    tables = ("accounts", "api_keys")
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.row_factory = sqlite3.Row
            return {name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")] for name in tables}  # noqa: S608

    async def read() -> dict[str, list[Any]]:
        connection = await asyncpg.connect(url)
        try:
            return {name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")] for name in tables}  # noqa: S608
        finally:
            await connection.close()

    return asyncio.run(read())


def _is_let_in(client: TestClient, public_key: str, secret_key: str) -> bool:
    answer = client.get(ORDERS, auth=(public_key, secret_key))
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_an_account_has_several_keys_and_each_opens_it(serve: Callable[..., TestClient], write: Write) -> None:
    client = serve()
    keys = [_create(write, name=f"key {number}") for number in range(3)]
    assert len({key.public_key for key in keys} | {key.secret_key for key in keys}) == 6
    client.post(ORDERS, json=[make.order()], auth=OWNER)
    for key in keys:
        read = client.get(ORDERS, auth=(key.public_key, key.secret_key)).json()
        assert [order["order_id"] for order in read["data"]] == ["o-1"]
    assert not _is_let_in(client, keys[0].public_key, keys[1].secret_key), "a secret belongs to its own key"


def test_the_history_names_the_key_that_was_used(serve: Callable[..., TestClient], write: Write) -> None:
    client, second = serve(), _create(write, public_key="second", secret_key="of-the-second")
    client.post(ORDERS, json=[make.order()], auth=OWNER)
    client.patch(f"{ORDERS}/1", json={"order_number": "N-2"}, auth=(second.public_key, second.secret_key))
    entries = client.get("/api/packhouse/orders/1/history", auth=OWNER).json()["data"]
    assert [entry["by"] for entry in entries] == [
        {"type": "api_key", "name": "second"},
        {"type": "api_key", "name": OWNER[0]},
    ]


def test_a_revoked_key_stops_at_once_and_the_others_go_on(serve: Callable[..., TestClient], write: Write) -> None:
    client, other_process = serve(), serve()
    ended, other = _create(write), _create(write)
    for server in (client, other_process):
        assert _is_let_in(server, ended.public_key, ended.secret_key)
    _revoke(write, OWNER_ACCOUNT, ended.public_key)
    for server in (client, other_process):
        assert not _is_let_in(server, ended.public_key, ended.secret_key)
        assert _is_let_in(server, other.public_key, other.secret_key)
        assert _is_let_in(server, *OWNER)


def test_a_revoked_key_cannot_be_revoked_again_or_made_anew(serve: Callable[..., TestClient], write: Write) -> None:
    client = serve()
    _revoke(write, OWNER_ACCOUNT, OWNER[0])
    with pytest.raises(errors.NotFound):
        _revoke(write, OWNER_ACCOUNT, OWNER[0])
    with pytest.raises(errors.Invalid):
        _create(write, public_key=OWNER[0], secret_key=OWNER[1])
    assert not _is_let_in(client, *OWNER)


def test_one_account_cannot_revoke_anothers_key(serve: Callable[..., TestClient], write: Write) -> None:
    client = serve()
    with pytest.raises(errors.NotFound):
        _revoke(write, STRANGER_ACCOUNT, OWNER[0])
    with pytest.raises(errors.NotFound):
        _revoke(write, OWNER_ACCOUNT, "nobody's")
    assert _is_let_in(client, *OWNER)
    assert _is_let_in(client, *STRANGER)


def test_a_public_key_is_used_once_on_the_whole_server(write: Write) -> None:
    for account_id in (OWNER_ACCOUNT, STRANGER_ACCOUNT):
        with pytest.raises(errors.Invalid):
            _create(write, account_id, public_key=OWNER[0], secret_key="another")


@pytest.mark.parametrize("public_key", ["a:b", "a\nb", "a\0b", "a\x7fb"])
def test_a_public_key_that_basic_cannot_carry_is_refused(write: Write, public_key: str) -> None:
    with pytest.raises(errors.Invalid):
        _create(write, public_key=public_key)


def test_a_secret_may_hold_colons_and_letters_of_any_alphabet(serve: Callable[..., TestClient], write: Write) -> None:
    """RFC 7617: only the first colon divides; the pair is UTF-8."""
    client = serve()
    for number, secret in enumerate((":", "a:b:", "pâte-à-choux", "茶", "x" * 5_000)):
        _create(write, public_key=f"clé-{number}", secret_key=secret)
        pair = base64.b64encode(f"clé-{number}:{secret}".encode()).decode()
        assert client.get(ORDERS, headers={"Authorization": f"Basic {pair}"}).status_code == 200


def test_no_column_holds_a_secret(database_url: str, write: Write) -> None:
    made = _create(write, name="of the till")
    rows = _read_all(database_url)
    assert made.public_key in [row["public_key"] for row in rows["api_keys"]]
    texts = [str(value) for table in rows.values() for row in table for value in row.values()]
    for secret in (made.secret_key, OWNER[1], STRANGER[1]):
        written = (secret, secret.encode().hex(), base64.b64encode(secret.encode()).decode().rstrip("="))
        assert [text for text in texts if any(form in text for form in written)] == []


def test_the_same_secret_is_hashed_differently_each_time(database_url: str, write: Write) -> None:
    for name in ("first", "second"):
        _create(write, public_key=name, secret_key="the same")
    hashes = [row["secret_hash"] for row in _read_all(database_url)["api_keys"]]
    assert len(hashes) == len(set(hashes)) == 4


def test_a_hash_is_no_secret(serve: Callable[..., TestClient], database_url: str) -> None:
    """Whoever reads the table cannot call with what is in it."""
    client = serve()
    for row in _read_all(database_url)["api_keys"]:
        for part in (row["secret_hash"], *row["secret_hash"].split("$")):
            assert not _is_let_in(client, row["public_key"], part)


def test_a_wrong_secret_and_an_unknown_key_have_the_same_answer(serve: Callable[..., TestClient], write: Write) -> None:
    client, ended = serve(), _create(write)
    _revoke(write, OWNER_ACCOUNT, ended.public_key)
    pairs = [(OWNER[0], "wrong"), ("nobody", "wrong"), ("nobody", OWNER[1]), (ended.public_key, ended.secret_key)]
    answers = [client.get(ORDERS, auth=pair) for pair in pairs]
    for answer in answers:
        answer.headers.pop("X-Request-Id")
    assert len({(answer.status_code, answer.content, str(sorted(answer.headers.items()))) for answer in answers}) == 1


def test_the_list_of_keys_tells_which_are_live(write: Write) -> None:
    made = _create(write, name="second")
    _revoke(write, OWNER_ACCOUNT, made.public_key)
    rows = write(lambda tx: queries.list_keys(tx, OWNER_ACCOUNT))
    assert [(row.name, row.public_key, row.revoked_at is None) for row in rows] == [
        ("first", OWNER[0], True),
        ("second", made.public_key, False),
    ]


@given(st.text(), st.text())
def test_a_hash_fits_its_own_secret_only(secret: str, other: str) -> None:
    hashed = security.hash_secret(secret)
    assert security.is_secret(secret, hashed)
    assert security.is_secret(other, hashed) == (other == secret)
