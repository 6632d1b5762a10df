"""`packhouse user`: what owners do on the page, by command."""

import json
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from tests.cli.conftest import Run
from tests.web.conftest import PASSWORD, people, sign_in

__all__ = ["people"]

BO = "--account owner --email bo@example.com"


@pytest.mark.usefixtures("people")
def test_a_role_and_a_password_are_changed(run: Run, serve: Callable[..., TestClient]) -> None:
    assert json.loads(run(f"user role {BO} --role viewer --json").stdout) == {
        "email": "bo@example.com",
        "role": "viewer",
    }
    roles = {user["email"]: user["role"] for user in json.loads(run("user list --account owner --json").stdout)}
    assert roles["bo@example.com"] == "viewer"
    assert "A role is one of" in run(f"user role {BO} --role king").stderr
    assert run("user role --account stranger --email bo@example.com --role owner").exit_code == 1
    assert "A password has 10 to 200" in run(f"user password {BO} --password-stdin", input="short\n").stderr
    assert run(f"user password {BO} --password-stdin", input="another password\n").exit_code == 0
    assert sign_in(serve(), "bo@example.com", PASSWORD).status_code == 422
    assert sign_in(serve(), "bo@example.com", "another password").status_code == 303
    assert run(f"user disable {BO}").exit_code == 0
    assert sign_in(serve(), "bo@example.com", "another password").status_code == 422
    assert run(f"user enable {BO}").exit_code == 0
    assert sign_in(serve(), "bo@example.com", "another password").status_code == 303
    told = {entry["action"] for entry in json.loads(run("audit list --account owner --json").stdout)}
    assert {"user.role_changed", "user.password_changed", "user.disabled", "user.enabled"} <= told


@pytest.mark.usefixtures("people")
def test_the_last_owner_stays_one(run: Run) -> None:
    refused = run("user role --account owner --email ada@example.com --role packer")
    assert refused.stderr == "packhouse: An account with users needs at least one owner who can sign in.\n"
