"""Accounts of one sandbox, apart from each other in all that they have."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests import make
from tests.sandbox.conftest import NewAccount

ACCOUNTS = 16


def test_an_account_has_all_that_a_client_needs(account: httpx.Client) -> None:
    made: dict[str, Any] = account.account  # type: ignore[attr-defined]
    assert made["url"] == str(account.base_url)
    assert account.post("/api/v3/orders", json=[make.order(integration=made["integration_id"])]).status_code == 200
    listed = httpx.get(f"{account.base_url}/sandbox/accounts").json()["data"]
    assert made in listed


def live(account: httpx.Client, number: int) -> dict[str, Any]:
    """A test of its own in an account of its own: orders, a fault, time, a snapshot, a token."""
    name = f"o-{number}"
    account.post("/sandbox/faults", json={"name": "unavailable", "match": {"path": f"/api/v3/orders/{number}"}})
    account.post("/sandbox/clock", json={"advance": f"{number}h"})
    account.post("/api/v3/orders", json=[make.order(name)])
    account.post("/sandbox/snapshot", json={"name": "here"})
    account.post("/api/v3/orders", json=[make.order(f"{name}-more")])
    account.post("/sandbox/restore", json={"name": "here"})
    token = account.post("/oauth2/token", data={"grant_type": "client_credentials"}).json()["access_token"]
    bearer = httpx.get(f"{account.base_url}/api/v3/orders", headers={"Authorization": f"Bearer {token}"}).json()
    return {
        "listed": [order["order_id"] for order in bearer["data"]],
        "fault": account.get(f"/api/v3/orders/{number}").status_code,
        "hours": round(account.get("/sandbox/clock").json()["data"]["ahead_seconds"] / 3600),
        "journal": [entry["path"] for entry in account.get("/sandbox/requests").json()["data"]],
        "posted": account.post("/sandbox/verify", json={"method": "POST", "body": {"order_id": name}}).json(),
    }


def test_sixteen_accounts_at_once_do_not_see_each_other(new_account: Any) -> None:
    accounts = [new_account() for _ in range(ACCOUNTS)]
    with ThreadPoolExecutor(ACCOUNTS) as pool:
        lives = list(pool.map(live, accounts, range(1, ACCOUNTS + 1)))
    for number, seen in enumerate(lives, 1):
        assert seen["listed"] == [f"o-{number}"]
        assert seen["fault"] == 503
        assert seen["hours"] == number
        assert seen["posted"]["data"]["matched"] == 1
        assert len(seen["journal"]) == 5
    for number, account in enumerate(accounts, 1):
        statuses = {account.get(f"/api/v3/orders/{other}").status_code for other in range(2, ACCOUNTS + 1)}
        assert statuses == ({404} if number == 1 else {404, 503})


def test_a_client_of_an_account_gets_a_token_by_form(account: httpx.Client) -> None:
    made = account.post("/api/packhouse/clients", json={"name": "reports"}).json()
    client = made.get("data", made)
    form = {"grant_type": "client_credentials", "client_id": client["client_id"]}
    form["client_secret"] = client["client_secret"]
    token = httpx.post(f"{account.base_url}/oauth2/token", data=form)
    assert token.status_code == 200
    assert account.get("/sandbox/requests").json()["data"][-1]["path"] == "/oauth2/token"
    revoke = {"token": token.json()["access_token"], **form}
    assert httpx.post(f"{account.base_url}/oauth2/revoke", data=revoke).status_code == 200


def test_an_account_begins_with_orders_and_ends(sandbox: str) -> None:
    wish = {"name": "seeded", "country_code": "DE", "orders": 7, "seed": 2}
    made = httpx.post(f"{sandbox}/sandbox/accounts", json=wish).json()["data"]
    auth = (made["public_key"], made["secret_key"])
    assert len(httpx.get(f"{sandbox}/api/v3/orders", auth=auth).json()["data"]) == 7
    assert httpx.post(f"{sandbox}/sandbox/accounts", json=wish).status_code == 400
    assert httpx.delete(f"{sandbox}/sandbox/accounts/seeded").status_code == 204
    assert httpx.delete(f"{sandbox}/sandbox/accounts/seeded").status_code == 404
    assert httpx.delete(f"{sandbox}/sandbox/accounts/sandbox").status_code == 404
    assert httpx.get(f"{sandbox}/api/v3/orders", auth=auth).status_code == 401
    assert httpx.get(f"{sandbox}/sandbox/requests", auth=auth).status_code == 401
    assert httpx.get(f"{sandbox}/sandbox/requests?account=seeded").status_code == 404
    for wrong in ({"name": "a b"}, {"country_code": "XX"}, {"orders": -1}, {"colour": 1}):
        assert httpx.post(f"{sandbox}/sandbox/accounts", json=wrong).status_code == 400, wrong


def test_sixteen_accounts_have_webhooks_faults_and_strictness_of_their_own(new_account: NewAccount) -> None:
    accounts = [new_account() for _ in range(16)]

    def work(number: int) -> tuple[Any, ...]:
        account, order_id = accounts[number], f"mine-{number}"
        account.post("/sandbox/clock", json={"freeze": True})
        account.post("/sandbox/clock", json={"advance": f"{number}h"})
        account.post("/sandbox/faults", json={"then": {"status": 418}, "match": {"path": f"/none/{number}"}})
        account.post("/sandbox/delivery-faults", json={"kind": "duplicate", "url": f"*{number}"})
        account.post("/sandbox/strict", json={"is_on": number % 2 == 0})
        for _ in range(3):
            account.post("/api/v3/orders", json=[make.order(order_id)])
        account.post("/sandbox/trigger", json={"event": "orders.order.created", "inbox": "shop"})
        received = account.get("/sandbox/inbox/shop?wait=10s").json()["data"]
        orders = [order["order_id"] for order in account.get("/api/v3/orders").json()["data"]]
        entries = account.get("/sandbox/requests").json()["data"]
        bodies = {entry["request"]["body"][0]["order_id"] for entry in entries if entry["method"] == "POST"}
        ahead = account.get("/sandbox/clock").json()["data"]["ahead_seconds"]
        return (
            orders == [order_id] and bodies == {order_id},
            {json.loads(each["body"])["data"]["order"]["order_id"] for each in received} == {order_id},
            round(ahead / 3600) == number,
            [rule["match"]["path"] for rule in account.get("/sandbox/faults").json()["data"]] == [f"/none/{number}"],
            len(account.get("/sandbox/delivery-faults").json()["data"]) == 1,
            account.get("/sandbox/strict").json()["data"]["is_on"] == (number % 2 == 0),
        )

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(work, range(16)))
    assert found == [(True,) * 6] * 16
