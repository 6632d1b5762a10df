"""Settings by HTTP: shops, keys, clients, users; each secret once, each refusal at its field."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER
from tests.web.conftest import PASSWORD, sign_in, token

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

Person = Callable[..., TestClient]
Serve = Callable[..., TestClient]


def send(page: TestClient, place: str, **fields: Any) -> Any:
    """A form as the page holds it, without following where it leads."""
    sent = {"csrf": token(page.get("/settings/users").text), **fields}
    return page.post(place, data=sent, follow_redirects=False)


def stored(answer: Any) -> Any:
    assert answer.status_code == 303, answer.text
    return answer


def secret_of(page: Any) -> tuple[str, str]:
    public, secret = (re.search(rf'id="{name}">([^<]+)<', page.text) for name in ("public", "secret"))
    assert public is not None
    assert secret is not None
    return public[1], secret[1]


def test_a_shop_is_made_renamed_and_deleted(person: Person, client: TestClient) -> None:
    page = person()
    assert page.get("/settings").url.path == "/settings/integrations"
    stored(send(page, "/settings/integrations", shop_name="Teashop <b>", shop_url="https://tea.example.com"))
    [made] = [shop for shop in client.get("/api/v3/integrations").json()["data"] if shop["shop_name"] == "Teashop <b>"]
    assert "Teashop &lt;b&gt;" in page.get("/settings/integrations").text
    place = f"/settings/integrations/{made['id']}"
    assert 'value="https://tea.example.com"' in page.get(place).text
    refused = send(page, place, shop_name=" ", shop_url="https://tea.example.com", webhook_url="nowhere", active="1")
    assert refused.status_code == 422
    assert re.search(r'name="shop_name" type="text" value=" "[^>]* aria-invalid="true"', refused.text)
    assert refused.text.count('class="told fault"') == 2
    hook = "https://tea.example.com/hook"
    stored(send(page, place, shop_name="Tea", shop_url="https://tea.example.com", webhook_url=hook, active="1"))
    now = client.get(f"/api/v3/integrations/{made['id']}").json()["data"]
    assert (now["shop_name"], now["webhook_url"], now["webhook_active"]) == ("Tea", hook, True)
    stored(send(page, place, shop_name="Tea", webhook_url=""))
    now = client.get(f"/api/v3/integrations/{made['id']}").json()["data"]
    assert (now["webhook_url"], now["webhook_active"]) == (None, False)
    stored(send(page, f"{place}/delete"))
    assert client.get(f"/api/v3/integrations/{made['id']}").status_code == 404
    assert send(page, f"{place}/delete").status_code == 404


def test_a_key_is_shown_once_rotated_and_revoked(person: Person, serve: Serve) -> None:
    page, api = person(), serve()
    made = send(page, "/settings/keys", name="till <i>", scopes=["read:order"])
    assert made.status_code == 200
    assert made.headers["cache-control"] == "no-store"
    public, secret = secret_of(made)
    assert f"curl -u {public}:{secret} http://testserver/api/v3/orders" in made.text
    assert api.get("/api/v3/orders", auth=(public, secret)).status_code == 200
    assert api.post("/api/v3/orders", json=[make.order()], auth=(public, secret)).status_code == 403
    listed = page.get("/settings/keys").text
    assert secret not in listed
    assert public in listed
    assert "till &lt;i&gt;" in listed
    _, second = secret_of(send(page, "/settings/keys/rotate", key=public))
    assert [api.get("/api/v3/orders", auth=(public, each)).status_code for each in (secret, second)] == [200, 200]
    assert "The secret before works until" in page.get("/settings/keys").text
    stored(send(page, "/settings/keys/revoke", key=public))
    assert [api.get("/api/v3/orders", auth=(public, each)).status_code for each in (secret, second)] == [401, 401]
    assert send(page, "/settings/keys/revoke", key=public).status_code == 404
    refused = send(page, "/settings/keys", name="none")
    assert refused.status_code == 422
    assert "A scope is needed." in refused.text
    log = api.get("/api/packhouse/audit-log", auth=OWNER).json()["data"]
    told = [entry for entry in log if entry["subject"] == public and entry["actor"]["type"] == "user"]
    assert [entry["action"] for entry in told] == ["key.revoked", "key.rotated", "key.created"]


def test_a_client_gets_tokens(person: Person, serve: Serve) -> None:
    page, api = person(), serve()
    public, secret = secret_of(send(page, "/settings/clients", name="robot", scopes=["api", "read:order"]))
    form = {"grant_type": "client_credentials"}
    issued = api.post("/oauth2/token", data=form, auth=(public, secret)).json()
    assert issued["scope"] == "api"
    assert public not in page.get("/settings/keys").text
    stored(send(page, "/settings/clients/revoke", key=public))
    assert api.post("/oauth2/token", data=form, auth=(public, secret)).status_code == 401


def line_of(page: TestClient, email: str) -> str:
    """The bar names who looks, too."""
    return next(line for line in page.get("/settings/users").text.split("<tr>")[1:] if email in line)


def user_id(page: TestClient, email: str) -> str:
    found = re.search(r"/settings/users/(\d+)/", line_of(page, email))
    assert found is not None
    return found[1]


def test_a_user_is_added_and_signs_in(person: Person, serve: Serve) -> None:
    page = person()
    refused = send(page, "/settings/users", email="nobody", password="tiny-pass", role="king")
    assert refused.status_code == 422
    assert refused.text.count('class="told fault"') == 3
    assert "tiny-pass" not in refused.text
    stored(send(page, "/settings/users", email="di@example.com", password=" long enough ", role="packer"))
    new = serve()
    assert sign_in(new, "di@example.com", " long enough ").status_code == 303
    again = send(page, "/settings/users", email="DI@example.com", password="long enough", role="packer")
    assert "There is a user DI@example.com already." in again.text


def test_a_users_role_password_and_place_are_changed(person: Person, serve: Serve) -> None:
    page, packer = person(), person("packer")
    id = user_id(page, "bo@example.com")
    stored(send(page, f"/settings/users/{id}/role", role="viewer"))
    form = {"csrf": token(packer.get("/orders").text), "shop_name": "x"}
    assert packer.post("/orders/delete", data=form).status_code == 403
    assert send(page, f"/settings/users/{id}/role", role="king").status_code == 422
    assert send(page, f"/settings/users/{id}/password", password="short").status_code == 422
    stored(send(page, f"/settings/users/{id}/password", password="another password"))
    assert packer.get("/orders").url.path == "/sign-in"
    assert sign_in(serve(), "bo@example.com", PASSWORD).status_code == 422
    back = serve()
    assert sign_in(back, "bo@example.com", "another password").status_code == 303
    stored(send(page, f"/settings/users/{id}/disable"))
    assert back.get("/orders", headers={"accept": "text/html"}).url.path == "/sign-in"
    assert sign_in(serve(), "bo@example.com", "another password").status_code == 422
    stored(send(page, f"/settings/users/{id}/enable"))
    assert sign_in(serve(), "bo@example.com", "another password").status_code == 303
    stored(send(page, f"/settings/users/{id}/remove"))
    assert "bo@example.com" not in page.get("/settings/users").text
    log = page.get("/api/packhouse/audit-log", auth=OWNER).json()["data"]
    told = [entry["action"] for entry in log if entry["subject"] == "bo@example.com"]
    for action in ("role_changed", "password_changed", "disabled", "enabled", "deleted"):
        assert f"user.{action}" in told


def test_an_owner_does_not_lock_themselves_out(person: Person) -> None:
    page = person()
    own = user_id(page, "ada@example.com")
    for verb, fields in (("role", {"role": "viewer"}), ("disable", {}), ("remove", {})):
        refused = send(page, f"/settings/users/{own}/{verb}", **fields)
        assert refused.status_code == 409
        assert "another owner can do it" in refused.text
    assert page.get("/settings/users").status_code == 200
    assert "/disable" not in line_of(page, "ada@example.com")
