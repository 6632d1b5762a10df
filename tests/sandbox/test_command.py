"""`packhouse sandbox` as people and programs start it, and a server that is none."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from tests import make

KEYS = ("sandbox-public-key", "sandbox-secret-key")


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "packhouse", "sandbox", *words]


@contextmanager
def started(*words: str) -> Iterator[dict[str, Any]]:
    """What the command prints, while it runs."""
    with subprocess.Popen(
        command("--port", "0", "--json", *words), stdout=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            assert process.wait(60) == 0


def run(*words: str) -> str:
    return subprocess.run(command(*words), capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def access() -> Iterator[dict[str, Any]]:
    with started("--profile", "reference", "--seed", "5") as printed:
        yield printed


def test_what_is_printed_is_all_that_a_client_needs(access: dict[str, Any]) -> None:
    assert (access["public_key"], access["secret_key"]) == KEYS
    with httpx.Client(base_url=access["url"], auth=KEYS) as client:
        listed = client.get("/api/v3/orders").json()["data"]
        assert len(listed) == 5
        assert {order["order_details"]["integration"]["id"] for order in listed} == {access["integration_id"]}
        assert client.post("/api/v3/orders", json=[make.order()]).status_code == 201  # the profile's
        key = client.get(f"/api/v3/integrations/{access['integration_id']}/webhook/signing-key")
        assert key.status_code != 200 or key.json()["data"]["signing_key"] == access["signing_key"]
    form = {"email": access["email"], "password": access["password"]}
    with httpx.Client(base_url=access["url"], headers={"Accept": "text/html"}, follow_redirects=True) as person:
        assert "<form" in person.get("/sign-in").text
        assert form["email"] == "sandbox@example.com"


def test_the_requests_are_followed_at_a_terminal(access: dict[str, Any]) -> None:
    url = access["url"]
    httpx.get(f"{url}/api/v3/orders?colour=red", auth=KEYS)
    assert "200 GET /api/v3/orders?colour=red  unknown_parameter colour" in run("requests", "--url", url)
    with subprocess.Popen(
        command("requests", "--url", url, "--follow", "--json", "--path", "/api/v3/orders/77"),
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout is not None
        for _ in range(2):
            httpx.get(f"{url}/api/v3/orders/77", auth=KEYS)
            assert json.loads(follower.stdout.readline())["path"] == "/api/v3/orders/77"
        follower.kill()


def test_faults_clock_and_state_have_commands(access: dict[str, Any]) -> None:
    where = ("--url", access["url"], "--json")
    rule = json.loads(run("faults", "add", "unavailable", "--path", "/api/v3/orders", "--times", "1", *where))
    assert (rule["name"], rule["times"]) == ("unavailable", 1)
    assert len(json.loads(run("faults", "list", *where))) == 1
    assert httpx.get(f"{access['url']}/api/v3/orders", auth=KEYS).status_code == 503
    run("faults", "clear", *where)
    assert json.loads(run("faults", "list", *where)) == []
    run("snapshot", "before", *where)
    assert json.loads(run("clock", "--advance", "6h", *where))["ahead_seconds"] == pytest.approx(6 * 3600, abs=30)
    run("restore", "before", *where)
    assert json.loads(run("clock", *where))["ahead_seconds"] < 30
    run("reset", *where)
    wrong = subprocess.run(command("faults", "add", "none", *where), capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "answer_lost" in json.loads(wrong.stderr)["errors"][0]["detail"]


def test_a_request_is_shown_in_several_forms(access: dict[str, Any]) -> None:
    url = access["url"]
    asked = [httpx.get(f"{url}/api/v3/orders?page_size={size}", auth=KEYS) for size in (1, 2)]
    assert all(answer.status_code == 200 for answer in asked)
    entries = [json.loads(line) for line in run("requests", "--url", url, "--json").splitlines()]
    one, other = (str(entry["id"]) for entry in entries[-2:])
    assert "def test_get_api_v3_orders(packhouse):" in run("request", one, "--test", "--url", url)
    assert run("request", one, "--curl", "--url", url).startswith("curl ")
    assert json.loads(run("request", one, "--url", url, "--json"))["query"] == "page_size=1"
    found = json.loads(run("request", other, "--diff", one, "--url", url, "--json"))
    assert found[0] == {"part": "query", "path": "/page_size", "before": "2", "after": "1", "missing": None}
    assert json.loads(run("request", one, "--replay", "--url", url, "--json"))["status"] == 200


def test_strict_mode_has_a_command_and_an_option(access: dict[str, Any]) -> None:
    asked = f"{access['url']}/api/v3/orders?colour=red"
    run("strict", "--url", access["url"])
    assert httpx.get(asked, auth=KEYS).status_code == 400
    run("strict", "--off", "--url", access["url"])
    assert httpx.get(asked, auth=KEYS).status_code == 200


def test_webhooks_have_commands(access: dict[str, Any], tmp_path: Path) -> None:
    where = ("--url", access["url"], "--json")
    assert "/sandbox/inbox/shop?account=sandbox" in run("inbox", "shop", "--url", access["url"])
    [made] = json.loads(run("trigger", "orders.order.updated", "--inbox", "shop", *where))
    [received] = json.loads(run("inbox", "shop", "--wait", "5s", "--event", "orders.order.updated", *where))
    assert made["message_id"] in dict(received["headers"]).values()
    [sent] = json.loads(run("deliveries", *where))
    (tmp_path / "body").write_text(received["body"] + "\n")
    told = run("deliveries", "--explain", str(sent["id"]), "--body", str(tmp_path / "body"), "--url", access["url"])
    assert "4. HMAC-SHA256" in told
    assert "- Spaces and line breaks" in told


def test_a_file_keeps_the_orders(tmp_path: Path) -> None:
    file, orders = tmp_path / "sandbox.db", tmp_path / "orders.json"
    orders.write_text(json.dumps([make.order("from-file")]))
    for seed in (str(orders), "0"):
        with started("--database", str(file), "--seed", seed, "--strict") as access:
            assert httpx.get(f"{access['url']}/api/v3/orders?colour=red", auth=KEYS).status_code == 400
            assert access["database"] == str(file)
            listed = httpx.get(f"{access['url']}/api/v3/orders", auth=KEYS).json()["data"]
            assert [order["order_id"] for order in listed] == ["from-file"]
            assert Path(access["database"]).exists()


def test_a_seed_that_cannot_be_read_is_said_so() -> None:
    wrong = subprocess.run(command("--seed", "nothing.json"), capture_output=True, text=True, check=False)
    assert wrong.returncode == 1
    assert "nothing.json" in wrong.stderr


@pytest.mark.one_database
def test_a_server_that_is_no_sandbox_has_nothing_of_it(serve: Callable[..., TestClient]) -> None:
    client = serve()
    for path in ("/sandbox", "/sandbox/requests", "/sandbox/clock"):
        assert client.get(path).status_code == 404
        assert client.post(path, json={}).status_code == 404
    asked = client.get("/health", headers={"Packhouse-Fault": "unavailable"})
    assert asked.status_code == 200
    assert "/sandbox" not in client.get("/openapi.json").text


def test_a_server_that_is_no_sandbox_loads_nothing_of_it() -> None:
    """Also where all that commands name has been loaded, as before serving."""
    code = (
        "import sys, packhouse.app, packhouse.cli\n"
        "from packhouse.cli import lazy\n"
        "lazy.load()\n"
        "print([name for name in sys.modules if name.startswith('packhouse.sandbox')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
