"""The audit log: every change of a key is in it, for its own account alone, without secrets."""

import json
from typing import Any

from starlette.testclient import TestClient

from tests.cli.conftest import Run, run
from tests.conftest import OWNER, STRANGER

__all__ = ["run"]

AUDIT = "/api/packhouse/audit-log"


def entries(client: TestClient, query: str = "", auth: tuple[str, str] = OWNER) -> list[dict[str, Any]]:
    found = client.get(f"{AUDIT}{query}", auth=auth).json()["data"]
    assert isinstance(found, list)
    return found


def test_a_keys_life_is_told_newest_first(client: TestClient, run: Run) -> None:
    made = json.loads(run("key create --account owner --json").stdout)
    run(f"key revoke {made['public_key']} --account owner")
    told = entries(client)
    assert [(e["action"], e["subject"]) for e in told] == [
        ("key.revoked", made["public_key"]),
        ("key.created", made["public_key"]),
        ("key.created", OWNER[0]),
        ("account.created", "owner"),
    ]
    assert told[0] == {
        "id": told[0]["id"],
        "at": told[0]["at"],
        "actor": {"type": "command", "name": "key revoke"},
        "action": "key.revoked",
        "subject": made["public_key"],
    }
    assert [e["id"] for e in told] == sorted((e["id"] for e in told), reverse=True)
    assert made["secret_key"] not in json.dumps(told)


def test_a_stranger_sees_their_own_log_alone(client: TestClient, run: Run) -> None:
    run("key create --account owner")
    assert [e["subject"] for e in entries(client, auth=STRANGER)] == [STRANGER[0], "stranger"]


def test_the_log_is_paged(client: TestClient, run: Run) -> None:
    run("key create --account owner")
    whole = entries(client)
    seen, url = [], f"{AUDIT}?page_size=1"
    while True:
        page = client.get(url)
        seen += page.json()["data"]
        if "next" not in page.links:
            break
        url = page.links["next"]["url"]
    assert seen == whole
    assert client.get(f"{AUDIT}?page_size=0").json()["errors"][0]["source"] == {"parameter": "page_size"}
    assert client.get(f"{AUDIT}?page_size=201").status_code == 400
    assert client.get(f"{AUDIT}?cursor=!").status_code == 404


def test_a_command_shows_the_log(run: Run) -> None:
    run("key create --account owner --public-key second")
    told = json.loads(run("audit list --account owner --json").stdout)
    assert [told[0][name] for name in ("actor", "action", "subject")] == ["command:key create", "key.created", "second"]
    assert len(json.loads(run("audit list --account owner --limit 2 --json").stdout)) == 2
    assert "second" in run("audit list --account owner").stdout


def test_what_was_refused_is_not_in_the_log(client: TestClient, run: Run) -> None:
    before = entries(client)
    assert run("key create --account owner --public-key owner-public").exit_code == 1
    assert run("key revoke nobody --account owner").exit_code == 1
    assert entries(client) == before
