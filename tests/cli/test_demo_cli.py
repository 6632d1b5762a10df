"""`packhouse demo orders`."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.cli.conftest import Run
from tests.conftest import STRANGER


def listed(client: TestClient, **options: Any) -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = client.get("/api/v3/orders?sort=pk&page_size=200", **options).json()["data"]
    return orders


def test_demo_orders_are_stored_over_the_shops(run: Run, client: TestClient) -> None:
    done = run("demo orders 150 --account owner --json")
    assert json.loads(done.stdout) == {"stored": 150}
    orders = listed(client)
    assert len(orders) == 150
    assert {order["order_details"]["integration"]["id"] for order in orders} == {1, 2}
    history = client.get(f"/api/packhouse/orders/{orders[0]['id']}/history").json()["data"]
    assert history[0]["by"] == {"type": "command", "name": "demo orders"}


def test_the_same_seed_makes_the_same_people(run: Run, client: TestClient) -> None:
    """In two accounts: names, addresses and items are those of the seed."""

    def told(orders: list[dict[str, Any]]) -> list[Any]:
        items = [[item["name"] for item in order["order_details"]["order_items"]] for order in orders]
        return [(order["shipping_address"], found) for order, found in zip(orders, items, strict=True)]

    for words in ("owner --seed 7", "stranger --seed 7"):
        assert run(f"demo orders 20 --account {words}").exit_code == 0
    first, second = told(listed(client)), told(listed(client, auth=STRANGER))
    assert first == second
    assert run("demo orders 20 --account stranger --seed 8").exit_code == 0
    assert told(listed(client, auth=STRANGER))[20:] != first


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_demo_orders_need_an_account_and_a_shop(run: Run) -> None:
    assert run("demo orders 1 --account nobody").stderr == "packhouse: There is no account named 'nobody'.\n"
    assert run("account create bare").exit_code == 0
    failed = run("demo orders 1 --account bare")
    assert (failed.exit_code, failed.stderr.count("\n")) == (1, 1)
    assert "no integration" in failed.stderr
