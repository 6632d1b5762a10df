"""Signing in: who may, how often they may try, and what a session is worth."""

import sqlite3
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.kit import clock
from packhouse.settings import Settings
from tests.cli.conftest import run
from tests.concurrency.served import wait_until
from tests.web.conftest import EMAILS, PASSWORD, sign_in, token

__all__ = ["run"]

ADA = EMAILS["owner"]
Person = Callable[..., TestClient]
WRONG = "The e-mail address or the password is not right."


@pytest.fixture
def door(people: None, serve: Callable[..., TestClient]) -> TestClient:
    assert people is None
    client = serve()
    client.headers["accept"] = "text/html"
    return client


def is_in(client: TestClient) -> bool:
    answer = client.get("/orders", follow_redirects=False)
    assert answer.status_code in (200, 303)
    return answer.status_code == 200


def test_a_person_comes_in_and_goes_out(door: TestClient) -> None:
    assert not is_in(door)
    answer = sign_in(door, ADA)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    page = door.get("/orders")
    assert ADA in page.text
    door.post("/sign-out", data={"csrf": token(page.text)})
    assert not is_in(door)


def test_the_way_back_is_kept_and_leads_nowhere_else(door: TestClient) -> None:
    answer = door.get("/orders?shop=1&size=50", follow_redirects=False)
    assert answer.headers["location"] == "/sign-in?then=%2Forders%3Fshop%3D1%26size%3D50"
    form = door.get(answer.headers["location"])
    assert 'value="/orders?shop=1&amp;size=50"' in form.text
    for place in ("//example.org/", "https://example.org", "/\\example.org", "javascript:alert(1)"):
        assert sign_in(door, ADA, then=place).headers["location"] == "/"
        door.cookies.clear()
    assert sign_in(door, ADA, then="/orders?shop=1").headers["location"] == "/orders?shop=1"


def test_a_wrong_password_and_an_unknown_address_look_alike(door: TestClient) -> None:
    pages = [sign_in(door, email, password) for email, password in ((ADA, "wrong"), ("no@example.com", PASSWORD))]
    assert [page.status_code for page in pages] == [422, 422]
    texts = [page.text.replace(ADA, "?").replace("no@example.com", "?") for page in pages]
    assert all(WRONG in text for text in texts)
    assert texts[0].replace(token(texts[0]), "") == texts[1].replace(token(texts[1]), "")
    assert not is_in(door)


def test_the_cookie_is_for_the_server_alone(door: TestClient, serve: Any) -> None:
    cookie = sign_in(door, ADA).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    behind_tls = serve(public_url="https://orders.example.com")
    behind_tls.base_url = "https://testserver"
    assert "Secure" in sign_in(behind_tls, ADA).headers["set-cookie"]


def test_a_session_is_kept_as_a_hash(door: TestClient, database_url: str, backend: str) -> None:
    sign_in(door, ADA)
    secret = door.cookies["packhouse_session"].partition(".")[2]
    if backend == "sqlite":
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            dump = "\n".join(connection.iterdump())
        assert 'INSERT INTO "sessions"' in dump
        assert secret not in dump
        assert PASSWORD not in dump


@pytest.mark.parametrize("fields", [{}, {"csrf": ""}, {"csrf": "0" * 64}])
def test_a_form_without_its_token_changes_nothing(person: Person, fields: dict[str, str]) -> None:
    client = person()
    for place in ("/sign-out", "/preferences", "/orders/columns"):
        answer = client.post(place, data={**fields, "language": "en"}, follow_redirects=False)
        assert (answer.status_code, answer.headers.get("set-cookie")) == (403, None)
    assert is_in(client)
    assert client.post("/sign-in", data={**fields, "email": ADA, "password": PASSWORD}).status_code == 403


def test_sign_out_everywhere_ends_every_session(person: Person) -> None:
    first, second, other = person(), person(), person("packer")
    first.post("/sign-out", data={"csrf": token(first.get("/orders").text)})
    assert (is_in(first), is_in(second)) == (False, True)
    sign_in(first, ADA)
    first.post("/sign-out", data={"csrf": token(first.get("/orders").text), "everywhere": "1"})
    assert (is_in(first), is_in(second), is_in(other)) == (False, False, True)


@pytest.mark.usefixtures("people")
def test_a_session_ends_by_itself(database_url: str) -> None:
    start = clock.now()
    times = {"now": start}
    app = create_app(Settings(database_url=database_url, session_hours=2), now=lambda: times["now"])
    with TestClient(app, headers={"accept": "text/html"}) as client:
        sign_in(client, ADA)
        times["now"] = start + timedelta(minutes=119)
        assert is_in(client)
        times["now"] = start + timedelta(minutes=121)
        assert not is_in(client)


def test_users_are_made_listed_disabled_and_deleted_by_command(run: Any, serve: Any) -> None:
    client = serve()
    client.headers["accept"] = "text/html"
    words = "user create --account owner --email Di@example.com --role packer --password-stdin"
    assert run(words, input="a-long-password\n").exit_code == 0
    assert run(words, input="a-long-password\n").stderr == "packhouse: There is a user Di@example.com already.\n"
    assert "10 to 200" in run(words.replace("Di@", "e@"), input="short\n").stderr
    assert (
        "A role is one of"
        in run(words.replace("packer", "king").replace("Di@", "e@"), input="a-long-password\n").stderr
    )
    assert sign_in(client, "di@example.com", "a-long-password").status_code == 303
    assert is_in(client)
    listed = run("user list --account owner --json").stdout
    assert '"email":"Di@example.com"' in listed
    assert "password" not in listed
    assert run("user disable --account stranger --email di@example.com").exit_code == 1
    assert run("user disable --account owner --email di@example.com").exit_code == 0
    assert not is_in(client)
    assert sign_in(client, "di@example.com", "a-long-password").status_code == 422
    assert run("user delete --account owner --email di@example.com").exit_code == 0
    assert run("user list --account owner --json").stdout == "[]\n"
    for action in ("user.created", "user.disabled", "user.deleted", "user.signed_in", "user.sign_in_failed"):
        wait_until(lambda: f'"{action}"' in run("audit list --account owner --json").stdout)


@pytest.mark.usefixtures("people")
def test_the_last_owner_stays(run: Any) -> None:
    for verb in ("disable", "delete"):
        refused = run(f"user {verb} --account owner --email {ADA}")
        assert (refused.exit_code, "needs at least one owner" in refused.stderr) == (1, True)
