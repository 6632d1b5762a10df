"""OAuth2 client credentials: clients, short tokens, their scopes, and secrets that change (contract, section 2)."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts import tokens
from packhouse.app import create_app
from packhouse.settings import Settings
from tests import make
from tests.cli.conftest import Run, run
from tests.conftest import OWNER, STRANGER

__all__ = ["run"]

TOKEN = "/oauth2/token"
ORDERS = "/api/v3/orders"
CLIENTS = "/api/packhouse/clients"
GRANT = {"grant_type": "client_credentials"}


def create(run: Run, *scopes: str, account: str = "owner") -> tuple[str, str]:
    words = " ".join(f"--scope {scope}" for scope in scopes)
    made = json.loads(run(f"client create --account {account} {words} --json").stdout)
    return made["client_id"], made["client_secret"]


def ask(client: TestClient, credentials: tuple[str, str], **form: str) -> Any:
    return client.post(TOKEN, data={**GRANT, **form}, auth=credentials)


def bearer(client: TestClient, credentials: tuple[str, str], **form: str) -> dict[str, str]:
    answer = ask(client, credentials, **form)
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def nobody(client: TestClient) -> TestClient:
    """A client that sends no credentials of its own."""
    client.auth = None  # type: ignore[assignment]
    return client


def test_a_token_by_basic_and_by_form(nobody: TestClient, run: Run) -> None:
    id, secret = create(run)
    for path in (TOKEN, f"{TOKEN}/", "/api/v3/oauth2/token"):
        by_basic = nobody.post(path, data=GRANT, auth=(id, secret))
        by_form = nobody.post(path, data={**GRANT, "client_id": id, "client_secret": secret})
        for answer in (by_basic, by_form):
            token = answer.json()["access_token"]
            expected = {"access_token": token, "token_type": "bearer", "expires_in": 3600, "scope": "api"}
            assert (answer.status_code, answer.json()) == (200, expected)
            assert answer.headers["Cache-Control"] == "no-store"
            for scheme in ("Bearer", "bearer"):
                read = nobody.get(ORDERS, headers={"Authorization": f"{scheme} {token}"})
                assert (read.status_code, read.json()) == (200, {"data": []})


def test_an_api_key_gets_tokens_too(nobody: TestClient) -> None:
    headers = bearer(nobody, OWNER, scope="read:order")
    assert nobody.get(ORDERS, headers=headers).status_code == 200
    assert nobody.post(ORDERS, json=[make.order()], headers=headers).status_code == 403


def test_a_client_does_not_sign_in_by_basic(nobody: TestClient, run: Run) -> None:
    assert nobody.get(ORDERS, auth=create(run)).status_code == 401


def test_the_history_names_the_client(nobody: TestClient, run: Run) -> None:
    credentials = create(run)
    nobody.post(ORDERS, json=[make.order()], headers=bearer(nobody, credentials))
    entry = nobody.get("/api/packhouse/orders/1/history", auth=OWNER).json()["data"][0]
    assert entry["by"] == {"type": "oauth_client", "name": credentials[0]}


def test_scopes_are_what_is_granted_or_less(nobody: TestClient, run: Run) -> None:
    some = create(run, "read:order", "write:order")
    assert ask(nobody, some).json()["scope"] == "read:order write:order"
    assert ask(nobody, some, scope="read:order").json()["scope"] == "read:order"
    assert ask(nobody, create(run), scope="write:parcel").json()["scope"] == "write:parcel"
    for scope in ("api", "read:integration", "read:order read:integration", "nonsense"):
        answer = ask(nobody, some, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


def refusal(error: str, description: str, status: int = 400) -> dict[str, Any]:
    code = "authentication_failed" if status == 401 else "invalid"
    fault = {"status": str(status), "code": code, "detail": description, "source": {"pointer": "/data"}}
    return {"error": error, "error_description": description, "errors": [fault]}


def test_what_is_wrong_is_said_in_both_languages(nobody: TestClient, run: Run) -> None:
    id, secret = create(run)
    form = {**GRANT, "client_id": id, "client_secret": secret}
    cases: list[tuple[Any, Any, dict[str, Any], int]] = [
        ({**form, "grant_type": ""}, None, refusal("invalid_request", "The parameter grant_type is missing."), 400),
        ({**form, "grant_type": "password"}, None,
         refusal("unsupported_grant_type", "The grant_type must be client_credentials."), 400),
        (form, (id, secret),
         refusal("invalid_request", "Send the client's credentials by HTTP Basic or in the form, once."), 400),
        ({**form, "client_secret": "wrong"}, None, refusal("invalid_client", "Invalid username/password.", 401), 401),
        (GRANT, ("nobody", secret), refusal("invalid_client", "Invalid username/password.", 401), 401),
        (GRANT, None, refusal("invalid_client", "Invalid username/password.", 401), 401),
    ]  # fmt: skip
    for body, auth, expected, status in cases:
        answer = nobody.post(TOKEN, data=body, auth=auth)
        assert (answer.status_code, answer.json()) == (status, expected)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers.get("WWW-Authenticate") == ("Basic" if status == 401 else None)
    assert nobody.post(TOKEN, json=form).json()["error"] == "invalid_request"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = nobody.post(TOKEN, content="grant_type=client_credentials&scope=api&scope=api", headers=headers)
    assert twice.json()["error"] == "invalid_request"
    for content in (b"\xff=%ff", b"a", b"=&=", b"&".join([b"a=1"] * 100)):
        assert nobody.post(TOKEN, content=content, headers=headers, auth=(id, secret)).status_code == 400
    assert nobody.post(TOKEN, content=b"a=" + b"b" * 100_000, headers=headers).status_code == 413


def test_a_form_encoded_pair_is_taken_as_the_rfc_says(nobody: TestClient, run: Run) -> None:
    run(["key", "create", "--account", "owner", "--public-key", "a key", "--secret-key", "100%+1"])
    for written in ("a key:100%+1", "a+key:100%25%2B1"):
        header = {"Authorization": f"Basic {base64.b64encode(written.encode()).decode()}"}
        assert nobody.post(TOKEN, data=GRANT, headers=header).status_code == 200, written


def test_tokens_that_are_not_good(nobody: TestClient, run: Run) -> None:
    token = bearer(nobody, create(run))["Authorization"]
    other = bearer(nobody, STRANGER)["Authorization"]
    mixed = token.rpartition("_")[0] + "_" + other.rpartition("_")[2]
    hostile = ["Bearer", "Bearer ", "Bearer x", token[:-1], token + "x", token.replace("ph_1_", "ph_2_"), mixed]
    hostile += ["Bearer ph_1_0000000000000000_" + "x" * 43, "Bearer ph_9999999999999999999_0_x", token + "é"]
    for sent in hostile:
        answer = nobody.get(ORDERS, headers={b"Authorization": sent.encode("latin-1")})
        assert answer.status_code == 401, sent
        assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_lasts_an_hour(database_url: str) -> None:
    now = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
    times = [now]
    app = create_app(Settings(database_url=database_url), now=lambda: times[-1])
    with TestClient(app) as client:
        headers = bearer(client, OWNER)
        times.append(now + timedelta(minutes=59, seconds=59))
        assert client.get(ORDERS, headers=headers).status_code == 200
        times.append(now + timedelta(hours=1))
        assert client.get(ORDERS, headers=headers).status_code == 401


def test_a_revoked_client_ends_with_its_tokens_everywhere(nobody: TestClient, serve: Any, run: Run) -> None:
    credentials, other = create(run), create(run)
    headers, others = bearer(nobody, credentials), bearer(nobody, other)
    second = serve()
    assert json.loads(run(f"client revoke {credentials[0]} --account owner --json").stdout)
    for server in (nobody, second):
        assert server.get(ORDERS, headers=headers).status_code == 401
        assert server.get(ORDERS, headers=others).status_code == 200
        assert ask(server, credentials).json()["error"] == "invalid_client"
    assert run(f"client revoke {credentials[0]} --account owner").exit_code == 1
    assert run(f"client revoke {other[0]} --account stranger").exit_code == 1
    assert run(f"key revoke {other[0]} --account owner").exit_code == 1


def test_a_single_token_can_be_ended(nobody: TestClient, run: Run) -> None:
    credentials = create(run)
    one, two = bearer(nobody, credentials), bearer(nobody, credentials)
    token = one["Authorization"].removeprefix("Bearer ")
    strange = nobody.post("/oauth2/revoke", data={"token": token}, auth=STRANGER)
    assert (strange.status_code, nobody.get(ORDERS, headers=one).status_code) == (200, 200)
    for _ in range(2):
        assert nobody.post("/oauth2/revoke", data={"token": token}, auth=credentials).status_code == 200
    assert nobody.get(ORDERS, headers=one).status_code == 401
    assert nobody.get(ORDERS, headers=two).status_code == 200
    assert nobody.post("/oauth2/revoke", auth=credentials, data={"x": "1"}).json()["error"] == "invalid_request"


def test_two_secrets_live_after_a_rotation(database_url: str, run: Run) -> None:
    made = json.loads(run("key create --account owner --json").stdout)
    public, first = made["public_key"], made["secret_key"]
    second = json.loads(run(f"key rotate {public} --account owner --keep-hours 1 --json").stdout)["secret_key"]
    times = [datetime.now(UTC)]
    app = create_app(Settings(database_url=database_url), now=lambda: times[-1])
    with TestClient(app) as client:
        for secret in (first, second):
            assert client.get(ORDERS, auth=(public, secret)).status_code == 200
            assert ask(client, (public, secret)).status_code == 200
        assert client.get(ORDERS, auth=(public, "wrong")).status_code == 401
        times.append(times[0] + timedelta(hours=2))
        assert client.get(ORDERS, auth=(public, first)).status_code == 401
        assert client.get(ORDERS, auth=(public, second)).status_code == 200
        third = json.loads(run(f"key rotate {public} --account owner --keep-hours 0 --json").stdout)["secret_key"]
        times.append(datetime.now(UTC))
        works = [client.get(ORDERS, auth=(public, secret)).status_code for secret in (first, second, third)]
        assert works == [401, 401, 200]


def test_a_key_or_an_account_may_refuse_basic(nobody: TestClient, run: Run) -> None:
    run("key create --account owner --public-key other --secret-key of-the-other")
    other = ("other", "of-the-other")
    run("key basic owner-public --account owner --refuse")
    assert nobody.get(ORDERS, auth=OWNER).status_code == 401
    assert nobody.get(ORDERS, auth=other).status_code == 200
    assert nobody.get(ORDERS, headers=bearer(nobody, OWNER)).status_code == 200
    run("key basic owner-public --account owner --accept")
    run("account basic owner --refuse")
    for credentials in (OWNER, other):
        assert nobody.get(ORDERS, auth=credentials).status_code == 401
        assert nobody.get(ORDERS, headers=bearer(nobody, credentials)).status_code == 200
    assert nobody.get(ORDERS, auth=STRANGER).status_code == 200
    run("account basic owner --accept")
    assert nobody.get(ORDERS, auth=OWNER).status_code == 200


def test_clients_over_http(client: TestClient) -> None:
    made = client.post(CLIENTS, json={"name": "label printer", "scopes": ["write:parcel", "read:order"]})
    assert made.status_code == 201
    found = made.json()["data"]
    credentials = (found["client_id"], found.pop("client_secret"))
    assert found == {
        "client_id": credentials[0],
        "name": "label printer",
        "scopes": ["read:order", "write:parcel"],
        "created_at": found["created_at"],
        "revoked_at": None,
        "second_secret_until": None,
    }
    assert client.get(CLIENTS).json() == {"data": [found]}
    assert client.get(CLIENTS, auth=STRANGER).json() == {"data": []}
    assert ask(client, credentials).json()["scope"] == "read:order write:parcel"
    one = f"{CLIENTS}/{credentials[0]}"
    for method, path in (("DELETE", one), ("POST", f"{one}/rotate")):
        assert client.request(method, path, auth=STRANGER).status_code == 404
    rotated = client.post(f"{one}/rotate").json()["data"]
    assert rotated["second_secret_until"] is not None
    for secret in (credentials[1], rotated["client_secret"]):
        assert ask(client, (credentials[0], secret)).status_code == 200
    assert client.delete(one).status_code == 204
    assert client.delete(one).status_code == 404
    assert client.get(CLIENTS).json()["data"][0]["revoked_at"] is not None
    for scopes in ([], ["everything"], "api", None):
        assert client.post(CLIENTS, json={"scopes": scopes}).status_code == 400
    assert client.post(CLIENTS, json={}).json()["data"]["scopes"] == ["api"]


def test_a_client_of_few_scopes_makes_no_other(nobody: TestClient, run: Run) -> None:
    headers = bearer(nobody, create(run, "read:order", "write:order", "read:integration", "write:integration"))
    answer = nobody.post(CLIENTS, json={"scopes": ["api"]}, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "forbidden")


def test_commands_for_clients(run: Run) -> None:
    id, _ = create(run, "read:order")
    run(f"client rotate {id} --account owner")
    [shown] = json.loads(run("client list --account owner --json").stdout)
    assert (shown["client_id"], shown["scopes"]) == (id, "read:order")
    assert shown["second_until"] > shown["created_at"]
    assert run("client create --account owner --scope nonsense").stderr.startswith("packhouse: There is no scope")
    assert [key["public_key"] for key in json.loads(run("key list --account owner --json").stdout)] == [OWNER[0]]


def test_the_audit_log_tells_of_tokens_and_changes(client: TestClient, run: Run) -> None:
    id, secret = create(run)
    headers = bearer(client, (id, secret))
    run(f"client rotate {id} --account owner")
    run("key basic owner-public --account owner --accept")
    run(f"client revoke {id} --account owner")
    entries = client.get("/api/packhouse/audit-log", auth=OWNER).json()["data"]
    assert [(e["action"], e["subject"]) for e in entries[:5]] == [
        ("client.revoked", id),
        ("key.basic_accepted", OWNER[0]),
        ("client.rotated", id),
        ("token.issued", "api"),
        ("client.created", id),
    ]
    assert entries[3]["actor"] == {"type": "oauth_client", "name": id}
    assert secret not in json.dumps(entries)
    parts = tokens.parse(headers["Authorization"].removeprefix("Bearer "))
    assert parts is not None
    assert parts.secret not in json.dumps(entries)
