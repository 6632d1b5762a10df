import json
from collections.abc import Callable
from typing import Any

from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run
from tests.webhooks.conftest import connect


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
