import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run
from tests.concurrency.served import wait_until
from tests.webhooks.conftest import Receiver, connect, receive, working

__all__ = ["receive", "working"]


def test_deliveries_are_listed_shown_and_replayed(serve: Callable[..., TestClient], run: Run) -> None:
    def ask(words: str) -> Any:
        done = run(f"deliveries {words} --account owner --json")
        assert done.exit_code == 0, done.stderr
        return json.loads(done.stdout)

    client = serve(secret_key="a key for tests")
    client.auth = ("owner-public", "owner-secret")
    connect(client, "https://hooks.example.com/in", "orders.order.created")
    client.post("/api/v3/orders", json=[make.order("o-1"), make.order("o-2")])
    second, first = ask("list")
    assert (first["status"], first["event_type"], first["subject"]) == ("pending", "orders.order.created", "order:1")
    assert ask("list --status failed") == []
    shown = ask(f"show {second['id']}")
    assert json.loads(shown["body"])["data"]["order"]["order_id"] == "o-2"
    assert ask(f"replay {first['id']} {second['id']}") == {"replayed": 2}
    for words in ("show 99", "replay 99", "replay", "replay --failed", "list --status x"):
        done = run(f"deliveries {words} --account owner")
        assert (done.exit_code, len(done.stderr.splitlines())) == (1, 1), words
    assert run("deliveries list --account stranger").stdout == "There are none.\n"


def test_a_signing_key_is_shown_rotated_and_activated(working: Callable[..., TestClient], run: Run) -> None:
    client = working()
    made, env = connect(client, "http://127.0.0.1:9/"), {"PACKHOUSE_SECRET_KEY": "a key for tests"}

    def ask(word: str) -> Any:
        words = f"connections {word} {made['id']} --account owner --json"
        return json.loads(run(words, env=env).stdout)

    assert ask("key") == {"signing_key": made["signing_key"], "next_signing_key": None, "switches_at": None}
    rotated = ask("rotate")
    assert (rotated["signing_key"], ask("key")) == (made["signing_key"], rotated)
    assert rotated["switches_at"] is not None
    new = rotated["next_signing_key"]
    assert ask("activate") == ask("key") == {"signing_key": new, "next_signing_key": None, "switches_at": None}
    told = client.get("/api/packhouse/audit-log").json()["data"][:2]
    actors = [(entry["action"], entry["actor"]["name"]) for entry in told]
    assert actors == [
        ("signing_key.activated", "connections activate"),
        ("signing_key.rotated", "connections rotate"),
    ]
    assert run(f"connections activate {made['id']} --account owner", env=env).exit_code == 1
    assert run(f"connections key {made['id']} --account stranger", env=env).exit_code == 1


def test_receivers_are_listed_and_a_paused_one_is_resumed(
    working: Callable[..., TestClient], receive: Callable[..., Receiver], run: Run
) -> None:
    client, receiver = working(webhooks_pause_after_days=1e-7), receive(status=500)
    id = connect(client, receiver.url, "orders.order.created")["id"]

    def ask(words: str) -> Any:
        return json.loads(run(f"connections {words} --account owner --json").stdout)

    [well] = ask("list")
    expected = {"id": id, "integration_id": None, "name": f"connection {id} (127.0.0.1)", "failing_since": None}
    assert well == {**expected, "paused_at": None, "slow_since": None, "key_switches_at": None, "held": 0}
    client.post("/api/v3/orders", json=[make.order()])
    wait_until(lambda: ask("list")[0]["paused_at"] is not None)
    assert ask("list")[0]["held"] == 1
    receiver.status, heard = 200, len(receiver.received)
    assert ask(f"resume {id}") == {"resumed": expected["name"], "sent_again": 1}
    receiver.wait_for(heard + 1)
    assert run(f"connections resume {id} --account stranger").exit_code == 1
    assert json.loads(run("connections list --account stranger --json").stdout) == []
