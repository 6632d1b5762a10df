"""Before what would harm most, the password is asked for again, and what was sent is carried out afterwards."""

import re
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts import attempts
from tests.conftest import OWNER
from tests.web.conftest import EMAILS, PASSWORD, sign_in
from tests.web.test_two_factors import code, give, set_up
from tests.web.world import World, query, send, world

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

__all__ = ["world"]

ASKS = "Your password, please"
BO = EMAILS["packer"]
RECEIVER = {"configuration/url": "https://hooks.example.com/in", "token": "opens-the-door", "events": ["order.created"]}


def fill(page: TestClient, asked: Any, **typed: str) -> Any:
    """Send the form of the page that asks, with what a person types into it, to where it goes."""
    assert ASKS in asked.text, asked.text
    form = re.search(r'<form action="([^"]+)" method="post" class="sheet-form">(.*?)</form>', asked.text, re.DOTALL)
    assert form is not None
    sent: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[2]):
        sent.setdefault(unescape(name), []).append(unescape(value))
    wanted = set(re.findall(r'<input name="([^"]+)" type="password" required', form[2]))
    assert wanted == set(typed)
    return page.post(form[1], data={**sent, **typed}, follow_redirects=False)


def made_receiver(page: TestClient) -> str:
    shown = send(page, "/settings/webhooks", **RECEIVER)
    found = re.search(r"/settings/webhooks/(\d+)/rotate", shown.text)
    assert found is not None
    return found[1]


def user_id(page: TestClient, email: str) -> str:
    found = re.search(rf"{email}.*?/settings/users/(\d+)/", page.get("/settings/users").text, re.DOTALL)
    assert found is not None
    return found[1]


def sensitive(page: TestClient, receiver: str) -> list[tuple[str, dict[str, Any]]]:
    packer = f"/settings/users/{user_id(page, BO)}"
    return [
        ("/settings/keys", {"name": "till", "scopes": ["read:order", "write:order"]}),
        ("/settings/keys/rotate", {"key": OWNER[0]}),
        ("/settings/keys/revoke", {"key": OWNER[0]}),
        ("/settings/clients", {"name": "robot", "scopes": ["api"]}),
        ("/settings/clients/rotate", {"key": "none"}),
        ("/settings/clients/revoke", {"key": "none"}),
        ("/settings/users", {"email": "di@example.com", "password": "a-long-password", "role": "packer"}),
        (f"{packer}/password", {"password": "a-long-password"}),
        (f"{packer}/role", {"role": "owner"}),
        (f"{packer}/disable", {}),
        (f"{packer}/enable", {}),
        (f"{packer}/remove", {}),
        (f"{packer}/two-factors", {}),
        ("/settings/users/two-factors", {"two_factors_for": "owners"}),
        ("/settings/webhooks", RECEIVER),
        (f"/settings/webhooks/{receiver}/rotate", {}),
        (f"/settings/webhooks/{receiver}/activate", {}),
        ("/account/two-factors", {"code": "000000"}),
        ("/account/two-factors/offer", {}),
        ("/account/two-factors/remove", {}),
        ("/account/two-factors/recovery-codes", {}),
    ]


def snapshot(database_url: str) -> list[Any]:
    tables = ("api_keys", "users", "accounts", "connections", "second_factors", "recovery_codes", "audit_log")
    return [sorted(map(str, query(database_url, f"SELECT * FROM {each}", whole=True))) for each in tables]  # noqa: S608


def test_nothing_sensitive_is_done_without_the_password(world: World, database_url: str) -> None:
    page = world.person()
    receiver = made_receiver(page)
    send(page, f"/settings/webhooks/{receiver}/rotate")
    set_up(world, page)
    world.wait(15 * 60)
    before = snapshot(database_url)
    for place, fields in sensitive(page, receiver):
        for typed, status in (({}, 200), ({"confirm_password": ""}, 422), ({"confirm_password": "wrong"}, 422)):
            answer = send(page, place, **fields, **typed)
            assert (answer.status_code, ASKS in answer.text) == (status, True), place
            assert ("This is not your password." in answer.text) == (status == 422)
            assert answer.headers["cache-control"] == "no-store"
            world.wait(900)
    entries = [line for line in snapshot(database_url)[-1] if "sign_in_failed" not in line]
    assert [*snapshot(database_url)[:-1], entries] == before


def test_a_form_goes_on_where_it_was_and_then_the_password_counts_again(world: World) -> None:
    page = world.person()
    world.wait(15 * 60 - 1)
    assert "Made. Copy the secret now" in send(page, "/settings/keys", name="first", scopes=["api"]).text
    world.wait(1)
    asked = send(page, "/settings/keys", name="<b>till</b>", scopes=["read:order", "write:order"])
    assert "&lt;b&gt;till" in asked.text
    again = fill(page, asked, confirm_password="wrong-password")
    made = fill(page, again, confirm_password=PASSWORD)
    assert "Made. Copy the secret now" in made.text
    assert "&lt;b&gt;till&lt;/b&gt;</td>" in made.text
    assert "read:order write:order" in made.text
    world.wait(14 * 60)
    assert "Made. Copy the secret now" in send(page, "/settings/clients", name="robot", scopes=["api"]).text
    world.wait(60)
    assert ASKS in send(page, "/settings/clients", name="robot", scopes=["api"]).text


def test_what_is_refused_after_the_password_is_refused_as_ever(world: World) -> None:
    page = world.person()
    world.wait(901)
    refused = fill(page, send(page, "/settings/keys", name="none"), confirm_password=PASSWORD)
    assert (refused.status_code, "A scope is needed." in refused.text) == (422, True)
    assert ASKS not in refused.text


def test_what_is_secret_is_asked_for_again_and_never_written_into_the_page(world: World) -> None:
    page = world.person()
    world.wait(901)
    asked = send(page, "/settings/users", email="di@example.com", password="a-long-password", role="packer")
    assert "a-long-password" not in asked.text
    wrong = fill(page, asked, confirm_password="wrong-password", password="a-long-password")
    assert not any(each in wrong.text for each in ("a-long-password", "wrong-password"))
    done = fill(page, wrong, confirm_password=PASSWORD, password="another-password")
    assert done.status_code == 303
    assert sign_in(world.browser(), "di@example.com", "another-password").headers["location"] == "/"
    world.wait(901)
    asked = send(page, "/settings/webhooks", **RECEIVER)
    assert "opens-the-door" not in asked.text
    shown = fill(page, asked, confirm_password=PASSWORD, token="opens-the-door")
    assert "https://hooks.example.com/in" in shown.text
    assert shown.status_code == 200


def test_wrong_passwords_are_counted_by_session(world: World) -> None:
    page, elsewhere = world.person(), world.person()
    world.wait(901)
    asked = send(page, "/settings/users/two-factors", two_factors_for="nobody")
    for _ in range(attempts.FREE):
        asked = fill(page, asked, confirm_password="wrong-password")
        assert asked.status_code == 422
    asked = fill(page, asked, confirm_password=PASSWORD)
    assert (asked.status_code, asked.headers["retry-after"]) == (429, "1")
    assert "Too many attempts. Try again in 1 second." in asked.text
    there = send(elsewhere, "/settings/users/two-factors", two_factors_for="nobody")
    assert fill(elsewhere, there, confirm_password=PASSWORD).status_code == 303
    world.wait(1)
    assert fill(page, asked, confirm_password=PASSWORD).status_code == 303


def test_the_proof_is_of_this_session_and_as_old_as_the_password(world: World) -> None:
    page = world.person()
    secret, _ = set_up(world, page)
    browser = world.browser()
    sign_in(browser, EMAILS["owner"])
    world.wait(540)
    assert give(browser, code(world, secret)).status_code == 303
    world.wait(359)
    assert send(browser, "/settings/users/two-factors", two_factors_for="nobody").status_code == 303
    world.wait(1)
    assert ASKS in send(browser, "/settings/users/two-factors", two_factors_for="nobody").text


def test_a_change_of_the_own_password_proves_it(world: World) -> None:
    page = world.person()
    world.wait(901)
    new = {"current_password": PASSWORD, "password": "a-new-long-password", "again": "a-new-long-password"}
    assert send(page, "/account/password", **new).status_code == 303
    assert send(page, "/settings/users/two-factors", two_factors_for="nobody").status_code == 303


def test_what_is_not_sensitive_asks_for_nothing(world: World) -> None:
    page = world.person()
    world.wait(86_400)
    assert send(page, "/settings/integrations", shop_name="Teashop").status_code == 303
    assert page.get("/settings/keys").status_code == 200


@pytest.mark.parametrize("role", ["packer", "viewer"])
def test_who_may_not_is_told_so_and_asked_for_nothing(world: World, role: str) -> None:
    page = world.person(role)
    world.wait(901)
    assert send(page, "/settings/keys", name="x", scopes=["api"]).status_code == 403
    assert ASKS in send(page, "/account/two-factors/offer").text
    sent = {"csrf": "0" * 64, "confirm_password": PASSWORD}
    assert page.post("/account/two-factors/offer", data=sent).status_code == 403
