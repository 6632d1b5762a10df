"""API keys with scopes: made by command, held on every route as tokens are."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts.schema import SCOPES
from tests import make
from tests.accounts.test_scopes import described, needed
from tests.cli.conftest import Run, run  # noqa: F401 - a fixture
from tests.conftest import OWNER

Serve = Callable[..., TestClient]


def create(run: Run, *scopes: str) -> dict[str, Any]:  # noqa: F811
    asked = " ".join(f"--scope {scope}" for scope in scopes)
    made: dict[str, Any] = json.loads(run(f"key create --account owner {asked} --json").stdout)
    return made


def sign(made: dict[str, Any]) -> dict[str, str]:
    pair = f"{made['public_key']}:{made['secret_key']}"
    return {"Authorization": f"Basic {b64encode(pair.encode()).decode()}"}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_key_opens_what_a_token_of_its_scope_does(serve: Serve, run: Run) -> None:  # noqa: F811
    client = serve()
    keys = {scope: sign(create(run, scope)) for scope in SCOPES}
    told = described(client)
    assert {at: needed(client, *at, keys) for at in told} == told


def test_a_key_of_several_scopes_does_these_and_no_more(serve: Serve, run: Run) -> None:  # noqa: F811
    client = serve()
    made = create(run, "read:order", "read:integration")
    assert made["scopes"] == "read:order read:integration"
    headers = sign(made)
    assert client.get("/api/v3/orders", headers=headers).status_code == 200
    assert client.get("/api/v3/integrations", headers=headers).status_code == 200
    for place, body in (
        ("/api/v3/orders", [make.order()]),
        ("/api/packhouse/persons/erase", {"email": "a@example.com"}),
    ):
        refused = client.post(place, json=body, headers=headers)
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["code"] == "forbidden"
    form = {"grant_type": "client_credentials", "scope": "write:order"}
    more = client.post("/oauth2/token", data=form, auth=(made["public_key"], made["secret_key"]))
    assert more.json()["error"] == "invalid_scope"
    listed = json.loads(run("key list --account owner --json").stdout)
    assert [key["scopes"] for key in listed] == ["api", "read:integration read:order"]


def test_keys_without_a_scope_may_do_everything(serve: Serve, run: Run) -> None:  # noqa: F811
    client = serve()
    for headers in (sign(create(run)), sign({"public_key": OWNER[0], "secret_key": OWNER[1]})):
        assert client.post("/api/v3/orders", json=[make.order()], headers=headers).status_code == 200
        assert client.get("/api/packhouse/audit-log", headers=headers).status_code == 200


def test_an_unknown_scope_makes_no_key(run: Run) -> None:  # noqa: F811
    refused = run("key create --account owner --scope read:everything")
    assert refused.exit_code == 1
    assert "There is no scope 'read:everything'" in refused.stderr
    assert len(json.loads(run("key list --account owner --json").stdout)) == 1
