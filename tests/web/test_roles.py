"""Every page that there is, whoever asks for it: nobody gets past the sign-in, and a viewer changes nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from packhouse.web import pages
from tests.web.conftest import token

OPEN = {("GET", "/"), ("GET", "/sign-in"), ("GET", "/assets/{digest}/{name:path}")}
# A stream, which would not end.
STREAMS = {("GET", "/orders/live")}
# What a person chooses for themselves, and papers of what they may read.
OWN = {("POST", place) for place in ("/preferences", "/orders/columns", "/sign-out", "/orders/print/{paper}")}


def routes(router: APIRouter = pages.router) -> Iterator[tuple[str, str]]:
    for route in router.routes:
        found: Any = route
        if hasattr(found, "methods"):
            yield from ((method, found.path) for method in sorted(found.methods - {"HEAD"}))
        else:
            yield from routes(found.original_router)


def ask(client: TestClient, method: str, path: str, **form: str) -> Any:
    place = re.sub(r"\{[\w:]+\}", "1", path)
    return client.request(method, place, data=form if method == "POST" else None, follow_redirects=False)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nobody_gets_past_the_sign_in(serve: Callable[..., TestClient]) -> None:
    client = serve()
    client.headers["accept"] = "text/html"
    met = set(routes()) - OPEN - {("POST", "/sign-in")}
    assert len(met) >= 15
    answers = {(method, path): ask(client, method, path) for method, path in met}
    strange = {at for at, a in answers.items() if not a.headers.get("location", "").startswith("/sign-in?then=")}
    assert strange == set()
    assert {answer.status_code for answer in answers.values()} == {303}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_viewer_changes_nothing(person: Callable[..., TestClient]) -> None:
    client = person("viewer")
    csrf = token(client.get("/orders").text)
    posts = {at for at in routes() if at[0] == "POST"} - OWN - {("POST", "/sign-in")}
    assert len(posts) >= 6
    assert {at for at in posts if ask(client, *at, csrf=csrf).status_code != 403} == set()
    own = {at: ask(client, *at, csrf=csrf).status_code for at in OWN if at[1] != "/sign-out"}
    assert 403 not in own.values()


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", ["owner", "packer", "viewer"])
def test_no_page_fails_whoever_looks_at_it(person: Callable[..., TestClient], role: str) -> None:
    client = person(role)
    for method, path in set(routes()) - STREAMS:
        if method == "GET":
            assert ask(client, method, path).status_code in (200, 303, 403, 404), path
