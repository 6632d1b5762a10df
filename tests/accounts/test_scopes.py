"""Scopes hold on every route that the server has, for tokens of every scope, and strangers see nothing."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts.schema import ALL, SCOPES
from tests import make
from tests.conftest import OWNER, STRANGER

Serve = Callable[..., TestClient]


def routes(client: TestClient) -> Iterator[tuple[str, str]]:
    """From the description that the server makes of its own routes."""
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method in operations:
            if path.startswith("/api/"):
                yield method.upper(), path


def call(client: TestClient, method: str, path: str, **options: Any) -> Any:
    body = None if method in ("GET", "DELETE") else b"{}"
    headers = {"Content-Type": "application/json", **options.pop("headers", {})}
    return client.request(method, re.sub(r"\{\w+\}", "1", path), content=body, headers=headers, **options)


def token(client: TestClient, scope: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "scope": scope}
    return {"Authorization": f"Bearer {client.post('/oauth2/token', data=form, auth=OWNER).json()['access_token']}"}


def needed(client: TestClient, method: str, path: str, tokens: dict[str, dict[str, str]]) -> set[str]:
    """The scopes that open a route; with any other the answer is exactly the contract's."""
    found = set()
    for scope, headers in tokens.items():
        answer = call(client, method, path, headers=headers)
        assert answer.status_code != 401, (method, path, scope)
        if answer.status_code == 403:
            [fault] = answer.json()["errors"]
            assert (fault["status"], fault["code"]) == ("403", "forbidden")
        else:
            found.add(scope)
    return found


def described(client: TestClient) -> dict[tuple[str, str], set[str]]:
    """The scopes of which any one opens a route, as the document has it."""
    found = {}
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            entries = [entry["OAuth2ClientCreds"] for entry in operation["security"] if "OAuth2ClientCreds" in entry]
            if path.startswith("/api/"):
                assert {"HTTPBasicAuth": []} in operation["security"]
                found[method.upper(), path] = {scope for scopes in entries for scope in scopes or SCOPES}
            else:
                assert entries == []
    return found


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_every_route_opens_to_the_scopes_that_the_document_names(serve: Serve) -> None:
    client = serve()
    tokens = {scope: token(client, scope) for scope in SCOPES}
    told = described(client)
    assert len(told) >= 70
    assert {at: needed(client, *at, tokens) for at in told} == told
    assert all(ALL in scopes for scopes in told.values())
    assert told["GET", "/api/v3/user/auth/metadata"] == set(SCOPES)
    areas = {path: told["POST", path] - {ALL} for path in ("/api/v3/orders", "/api/v3/orders/create-label-sync")}
    assert list(areas.values()) == [{"write:order"}, {"write:parcel"}]
    assert told["GET", "/api/v3/integrations"] == {ALL, "read:integration"}
    assert told["GET", "/api/packhouse/audit-log"] == {ALL}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_the_document_names_all_scopes_and_where_tokens_are_given(serve: Serve) -> None:
    scheme = serve().get("/openapi.json").json()["components"]["securitySchemes"]["OAuth2ClientCreds"]
    flow = scheme["flows"]["clientCredentials"]
    assert (scheme["type"], flow["tokenUrl"]) == ("oauth2", "/oauth2/token")
    assert list(flow["scopes"]) == list(SCOPES)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_no_route_answers_without_credentials(serve: Serve) -> None:
    client = serve()
    for method, path in routes(client):
        token = "Bearer ph_1_0000000000000000_" + "x" * 43
        for sent, challenge in (({}, "Basic"), ({"Authorization": token}, 'Bearer error="invalid_token"')):
            answer = call(client, method, path, headers=sent)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["WWW-Authenticate"] == challenge


def test_a_strangers_token_reaches_nothing(serve: Serve) -> None:
    client = serve()
    client.post("/api/v3/orders", json=[make.order()], auth=OWNER)
    before = client.get("/api/v3/orders", auth=OWNER).json()
    shops = client.get("/api/v3/integrations", auth=OWNER).json()
    client.get(
        "/api/v3/sender-addresses", auth=OWNER
    )  # what each account ships with is made when it is first asked for
    issued = client.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=STRANGER).json()
    headers = {"Authorization": f"Bearer {issued['access_token']}"}
    for method, path in routes(client):
        answer = call(client, method, path, headers=headers)
        if "{id}" in path:
            assert answer.status_code in (400, 404, 405, 415), (method, path, answer.status_code)
        assert "Visser" not in answer.text
    assert client.get("/api/v3/orders", auth=OWNER).json() == before
    assert client.get("/api/v3/integrations", auth=OWNER).json() == shops
