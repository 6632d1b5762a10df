"""`packhouse account`, `key` and `integration`, and how every command fails."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.cli.conftest import Run


def test_an_account_is_made_with_its_first_key(run: Run, client: TestClient) -> None:
    made = json.loads(run("account create Teashop --country DE --json").stdout)
    assert made.keys() == {"account_id", "name", "country_code", "key_id", "public_key", "secret_key"}
    assert (made["name"], made["country_code"]) == ("Teashop", "DE")
    answer = client.get("/api/v3/user/auth/metadata", auth=(made["public_key"], made["secret_key"]))
    assert answer.json() == {
        "data": {"integration_id": None, "user_id": made["account_id"], "account_id": made["account_id"]}
    }
    assert made["secret_key"] not in run("key list --account Teashop --json").stdout
    names = [account["name"] for account in json.loads(run("account list --json").stdout)]
    assert names == ["owner", "stranger", "Teashop"]
    assert "Teashop" in run("account list").stdout


def test_an_account_has_a_time_zone(run: Run) -> None:
    def zones() -> dict[str, str]:
        return {found["name"]: found["time_zone"] for found in json.loads(run("account list --json").stdout)}

    run("account create Teashop --country US")
    assert (zones()["owner"], zones()["Teashop"]) == ("Europe/Amsterdam", "America/New_York")
    assert json.loads(run("account set-time-zone owner Asia/Tokyo --json").stdout)["time_zone"] == "Asia/Tokyo"
    assert zones()["owner"] == "Asia/Tokyo"
    refused = run("account set-time-zone owner Mars/Olympus")
    assert refused.exit_code != 0
    run("account set-time-zone owner country")
    assert zones()["owner"] == "Europe/Amsterdam"
    assert "account.time_zone_changed" in run("audit list --account owner --json").stdout


def test_a_key_is_made_used_and_revoked(run: Run, client: TestClient) -> None:
    made = json.loads(run("key create --account owner --name till --json").stdout)
    key = (made["public_key"], made["secret_key"])
    assert client.get("/api/v3/orders", auth=key).status_code == 200
    listed = json.loads(run("key list --account owner --json").stdout)
    assert [(k["name"], k["revoked_at"]) for k in listed] == [("first", None), ("till", None)]
    assert all(k.keys() == {"id", "name", "public_key", "scopes", "created_at", "revoked_at"} for k in listed)
    assert run(f"key revoke {key[0]} --account stranger").exit_code == 1
    assert json.loads(run(f"key revoke {key[0]} --account owner --json").stdout) == {"revoked": key[0]}
    assert client.get("/api/v3/orders", auth=key).status_code == 401
    assert json.loads(run("key list --account owner --json").stdout)[1]["revoked_at"]
    assert run(f"key revoke {key[0]} --account owner").stderr.startswith("packhouse: The account has no live key")


def test_an_integration_is_made_and_deleted(run: Run) -> None:
    made = json.loads(run("integration create --account owner --shop-name Tea --id 77 --json").stdout)
    assert (made["id"], made["shop_name"]) == (77, "Tea")
    assert [i["id"] for i in json.loads(run("integration list --account owner --json").stdout)] == [1, 2, 77]
    assert "Tea" in run("integration list --account owner").stdout
    assert json.loads(run("integration delete 77 --account owner --json").stdout) == {"deleted": 77}
    assert [i["id"] for i in json.loads(run("integration list --account owner --json").stdout)] == [1, 2]
    assert run("integration delete 77 --account owner").stderr == "packhouse: The account has no integration 77.\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("account create owner", "There is an account named 'owner' already."),
        ("account create new --country XX", "'XX' is not an ISO 3166-1 alpha-2 country code."),
        ("account create new --public-key owner-public", "The public key 'owner-public' is in use."),
        ("account create new --public-key a:b", "A key must be printable, and a public key must not contain a colon."),
        ("key list --account nobody", "There is no account named 'nobody'."),
        ("integration list --account nobody", "There is no account named 'nobody'."),
        ("integration create --account owner --shop-name x --id 1", "The account has, or had, an integration 1."),
    ],
)
def test_what_cannot_be_done_is_one_line(command: str, said: str, run: Run) -> None:
    failed = run(command)
    assert (failed.exit_code, failed.stdout, failed.stderr) == (1, "", f"packhouse: {said}\n")
    assert len(json.loads(run("account list --json").stdout)) == 2


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://localhost/x", "The database URL must be sqlite:///"),
        ("sqlite://", "SQLite needs a file"),
        ("sqlite:////nowhere/at/all.db", "The folder /nowhere/at does not exist."),
        ("postgresql://nobody:x@127.0.0.1:1/none", "The database cannot be reached."),
        ("sqlite:///{folder}/new.db", "There is no database at {folder}/new.db. Run: packhouse migrate"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(
    url: str, said: str, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", url.format(folder=tmp_path))
    failed = run("account list")
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr.startswith(f"packhouse: {said.format(folder=tmp_path)}")
    assert failed.stderr.count("\n") == 1
