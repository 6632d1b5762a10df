"""My account: everybody changes their own password, and nobody somebody else's."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts import attempts
from tests.conftest import OWNER
from tests.web.conftest import EMAILS, PASSWORD, sign_in, token

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

Person = Callable[..., TestClient]
NEW = "a-new-long-password"
WRONG = "This is not your password."


def change(page: TestClient, current: str = PASSWORD, new: str = NEW, again: str | None = None) -> Any:
    sent = {
        "csrf": token(page.get("/account").text),
        "current_password": current,
        "password": new,
        "again": new if again is None else again,
    }
    return page.post("/account/password", data=sent, follow_redirects=False)


def actions(client: TestClient, *wanted: str) -> list[tuple[str, str]]:
    """Who did which of them, newest first."""
    entries = client.get("/api/packhouse/audit-log", auth=OWNER).json()["data"]
    return [(entry["action"], entry["subject"]) for entry in entries if entry["action"] in wanted]


def is_in(page: TestClient) -> bool:
    return page.get("/orders", follow_redirects=False).status_code == 200


@pytest.mark.parametrize("role", ["owner", "packer", "viewer"])
def test_everybody_changes_their_own_password(person: Person, client: TestClient, role: str) -> None:
    here, elsewhere, other = person(role), person(role), person("owner" if role != "owner" else "packer")
    assert '<a href="/account">' in here.get("/orders").text
    page = here.get("/account").text
    assert EMAILS[role] in page
    old_cookie = here.cookies["packhouse_session"]
    answer = change(here)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account?changed=1")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "Your password is changed." in here.get("/account?changed=1").text
    assert [is_in(each) for each in (here, elsewhere, other)] == [True, False, True]
    elsewhere.cookies.set("packhouse_session", old_cookie)  # nor is the session of before good any more
    assert not is_in(elsewhere)
    elsewhere.cookies.clear()
    assert sign_in(elsewhere, EMAILS[role]).status_code == 422
    assert sign_in(elsewhere, EMAILS[role], NEW).status_code == 303
    assert actions(client, "user.password_changed") == [("user.password_changed", EMAILS[role])]


def test_what_is_wrong_stands_at_its_field_and_is_not_written_back(person: Person) -> None:
    page = person("viewer")
    for current, new, again, field, words in (
        (PASSWORD, "short", "short", "password", "A password has 10 to 200 characters."),
        (PASSWORD, "x" * 201, "x" * 201, "password", "A password has 10 to 200 characters."),
        (PASSWORD, NEW, f"{NEW}!", "again", "The two new passwords differ."),
        ("wrong-password", NEW, NEW, "current_password", WRONG),
    ):
        answer = change(page, current, new, again)
        assert answer.status_code == 422
        assert f'id="m-password-{field}" class="told fault">{words}<' in answer.text
        assert all(f'value="{typed}"' not in answer.text for typed in (current, new, again))
    assert is_in(page)
    assert is_in(person("viewer"))  # the password is as it was


def test_wrong_passwords_are_counted_by_session(person: Person, client: TestClient) -> None:
    page, elsewhere = person("packer"), person("packer")
    for _ in range(attempts.FREE):
        assert WRONG in change(page, "wrong-password").text
    answer = change(page)  # the right one does not help before its time
    assert (answer.status_code, WRONG in answer.text) == (429, False)
    assert answer.headers["retry-after"] == "1"
    assert "Too many attempts. Try again in 1 second." in answer.text
    assert change(elsewhere).status_code == 303  # whoever found a browser open holds up nobody
    failed = actions(client, "user.password_change_failed")
    assert failed == [("user.password_change_failed", EMAILS["packer"])] * len(failed)
    assert failed


def test_mistyping_a_new_password_is_no_attempt(person: Person) -> None:
    page = person("packer")
    for _ in range(attempts.FREE + 1):
        assert change(page, new="short").status_code == 422
    assert change(page).status_code == 303


def test_only_who_is_signed_in_and_means_it(person: Person, serve: Any) -> None:
    page = person("viewer")
    sent = {"current_password": PASSWORD, "password": NEW, "again": NEW}
    assert page.post("/account/password", data=sent).status_code == 403
    nobody = serve()
    nobody.headers["accept"] = "text/html"
    answer = nobody.get("/account", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?then=%2Faccount")
    assert sign_in(nobody, EMAILS["viewer"]).status_code == 303
