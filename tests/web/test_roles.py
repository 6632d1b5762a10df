"""Every route of the page, opened by each role and by a stranger: who may not is told so, and nobody sees another's."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.web import pages
from tests import make
from tests.conftest import OWNER
from tests.web.conftest import token

Person = Callable[..., TestClient]

# What is nobody's: files, and the door itself.
OPEN = {"/assets/{digest}/{name:path}", "/sign-in", "/sign-in/code", "/sign-in/forgotten", "/sign-in/reset"}
# A stream that ends by itself is looked at by its own test; signing out ends the walk.
SKIPPED = {"/orders/live", "/sign-out"}
# Who reads may only read; what a form about the reader's own browser changes is theirs.
READERS = [r"/orders/export",
    r"/", r"/preferences", r"/account", r"/account/password", r"/account/two-factors(/.*)?",
    r"/orders", r"/orders/columns", r"/orders/found", r"/orders/views(/delete)?",
    r"/orders/print/\{paper\}", r"/orders/\{id\}", r"/orders/\{id\}/(now|changed)", r"/shipments",
    r"/returns",
]  # fmt: skip
OWNERS = [r"/account/time-zone", r"/settings(/.*)?"]


def routes() -> Iterator[tuple[str, str]]:
    return ((route.method, route.path) for route in pages.ROUTES if route.path not in OPEN | SKIPPED)


def is_one_of(path: str, patterns: list[str]) -> bool:
    return any(re.fullmatch(pattern, path) for pattern in patterns)


def expected(method: str, path: str) -> set[str]:
    """The roles that a route opens to. One order is read by all and changed by packers."""
    if is_one_of(path, OWNERS):
        return {"owner"}
    is_change = (method, path) in (("POST", "/orders/{id}"), ("POST", "/returns"))
    if is_one_of(path, READERS) and not is_change:
        return {"owner", "packer", "viewer"}
    return {"owner", "packer"}


def call(page: TestClient, method: str, path: str, csrf: str, **names: str) -> Any:
    filled = re.sub(r"\{(\w+)(:path)?\}", lambda found: names.get(found[1], "1"), path)
    if method == "GET":
        return page.get(filled, follow_redirects=False)
    return page.post(filled, data={"csrf": csrf}, follow_redirects=False)


def test_the_walk_meets_every_kind_of_page() -> None:
    met = set(routes())
    assert len(met) >= 50
    assert {("GET", "/"), ("POST", "/orders/{id}"), ("POST", "/settings/users/{id}/role")} <= met


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ["owner", "packer", "viewer"])
def test_each_route_opens_to_its_roles(person: Person, role: str) -> None:
    page = person(role)
    csrf = token(page.get("/orders").text)
    for method, path in routes():
        answer = call(page, method, path, csrf)
        assert (answer.status_code == 403) == (role not in expected(method, path)), (method, path, answer.status_code)
        assert answer.status_code < 500, (method, path)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_change_without_the_forms_token_is_refused(person: Person) -> None:
    page = person()
    for method, path in routes():
        if method == "POST":
            for csrf in ("", "0" * 64):
                assert call(page, method, path, csrf).status_code in (403, 404), path


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nobody_sees_a_page_without_having_signed_in(serve: Callable[..., TestClient], people: None) -> None:
    assert people is None
    page = serve()
    page.headers["accept"] = "text/html"
    for method, path in routes():
        answer = call(page, method, path, "")
        assert answer.status_code == 303, (method, path)
        assert answer.headers["location"].startswith("/sign-in?then="), (method, path)


def test_a_stranger_reaches_nothing_of_the_account(person: Person, client: TestClient) -> None:
    """An owner of another account meets every id of this one."""
    [order] = client.post("/api/v3/orders", json=[make.order(shipping_address=make.address())]).json()["data"]
    client.get("/api/v3/sender-addresses")
    kept = ("orders", "integrations", "sender-addresses", "contracts")
    before = {what: client.get(f"/api/v3/{what}").json() for what in kept}
    known = {
        "sender": before["sender-addresses"]["data"][0]["id"],
        "contract": before["contracts"]["data"][0]["id"],
        "order": order["id"],
        "shop": 1,
        "user": 1,
    }
    page = person("stranger@example.org")
    csrf = token(page.get("/orders").text)
    for method, path in routes():
        for id in known.values():
            answer = call(page, method, path, csrf, id=str(id))
            assert "Visser" not in answer.text, (method, path)
            assert "ada@example.com" not in answer.text, (method, path)
    for method, path in (("GET", f"/orders/{order['id']}"), ("POST", f"/settings/senders/{known['sender']}/delete")):
        assert call(page, method, path, csrf).status_code == 404
    assert {what: client.get(f"/api/v3/{what}").json() for what in kept} == before
    assert client.get("/api/v3/orders", auth=OWNER).status_code == 200
