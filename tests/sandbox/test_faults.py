"""What goes wrong on purpose, as a client of HTTP sees it."""

import time
from typing import Any

import httpx
import pytest

from tests import make

LIST = "/api/v3/orders"


def add(account: httpx.Client, **rule: Any) -> dict[str, Any]:
    answer = account.post("/sandbox/faults", json=rule)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


def last(account: httpx.Client) -> dict[str, Any]:
    entry: dict[str, Any] = account.get("/sandbox/requests").json()["data"][-1]
    return entry


def test_a_lost_answer_is_stored(account: httpx.Client) -> None:
    add(account, name="answer_lost", match={"method": "POST"})
    with pytest.raises(httpx.RemoteProtocolError):
        account.post(LIST, json=[make.order("a")])
    assert (last(account)["status"], last(account)["answered"], last(account)["fault"]) == (None, 200, "answer_lost")
    assert account.post(LIST, json=[make.order("a")]).status_code == 200  # happens once
    assert [order["order_id"] for order in account.get(LIST).json()["data"]] == ["a"]


def test_a_header_asks_for_one_fault(account: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        account.post(LIST, json=[make.order("a")], headers={"Packhouse-Fault": "answer_lost"})
    assert account.get(f"{LIST}/1").status_code == 200
    began = time.monotonic()
    assert account.get(LIST, headers={"Packhouse-Fault": "slow; delay_ms=300"}).status_code == 200
    assert time.monotonic() - began > 0.29
    for wrong in ("answer_list", "slow; delay_ms=soon", "slow; colour=red", "slow;", ""):
        refused = account.get(LIST, headers={"Packhouse-Fault": wrong})
        assert refused.status_code == 400, wrong
        assert refused.json()["errors"][0]["source"] == {"header": "Packhouse-Fault"}


def test_a_request_that_never_arrived_is_not_stored(account: httpx.Client) -> None:
    add(account, then={"drop": "before"}, times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        account.post(LIST, json=[make.order("a")])
    assert (last(account)["status"], last(account)["answered"]) == (None, None)
    assert account.get(f"{LIST}/1").status_code == 404


@pytest.mark.parametrize(
    ("name", "status", "code", "header"),
    [
        ("rate_limited", 429, "throttled", "RateLimit"),
        ("conflict_then_ok", 409, "conflict", "Retry-After"),
        ("unavailable", 503, "unavailable", "Retry-After"),
        ("token_expired", 401, "authentication_failed", "WWW-Authenticate"),
    ],
)
def test_a_ready_refusal_looks_like_a_true_one(
    account: httpx.Client, name: str, status: int, code: str, header: str
) -> None:
    add(account, name=name, times=1)
    refused = account.post(LIST, json=[make.order("a")])
    assert refused.status_code == status
    [error] = refused.json()["errors"]
    assert (error["status"], error["code"]) == (str(status), code)
    assert header in refused.headers
    assert account.get(LIST).json() == {"data": []}


def test_a_new_order_is_listed_only_later(account: httpx.Client) -> None:
    account.post("/sandbox/clock", json={"freeze": True})
    account.post(LIST, json=[make.order("old")])
    add(account, name="visibility_delay", then={"hidden_seconds": 30})
    assert account.post(LIST, json=[make.order("old", order_number="N-9"), make.order("new")]).status_code == 200

    def listed() -> list[str]:
        return [order["order_id"] for order in account.get(LIST).json()["data"]]

    assert listed() == ["old"]
    assert account.get(f"{LIST}/2").status_code == 200
    account.post("/sandbox/clock", json={"advance": "29s"})
    assert listed() == ["old"]
    account.post("/sandbox/clock", json={"advance": "1s"})
    assert sorted(listed()) == ["new", "old"]


def test_an_answer_is_cut_off(account: httpx.Client) -> None:
    account.post(LIST, json=[make.order("a")])
    add(account, then={"truncate": 20})
    with account.stream("GET", f"{LIST}/1") as answer:
        assert answer.status_code == 200
        received: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            received.extend(answer.iter_raw())
    assert sum(map(len, received)) == 20


def test_an_answer_of_ones_own(account: httpx.Client) -> None:
    add(account, then={"status": 502, "body": "<h1>Bad gateway</h1>", "headers": {"Via": "1.1 proxy"}}, times=1)
    add(account, then={"status": 422, "body": {"detail": "no"}}, times=1)
    first, second = account.get(LIST), account.get(LIST)
    assert (first.status_code, first.text, first.headers["Via"]) == (502, "<h1>Bad gateway</h1>", "1.1 proxy")
    assert second.json() == {"errors": [{"status": "422", "detail": "no"}]}


def test_a_rule_means_some_requests_alone(account: httpx.Client) -> None:
    match = {"method": "get", "path": "/api/v3/orders/{id}", "header": {"x-shop": "tea*"}, "nth": [2]}
    add(account, name="unavailable", match=match)
    asked = [
        account.get(f"{LIST}/1", headers={"X-Shop": "teashop"}),
        account.get(f"{LIST}/1"),
        account.get(LIST, headers={"X-Shop": "teashop"}),
        account.delete(f"{LIST}/1", headers={"X-Shop": "teashop"}),
        account.get(f"{LIST}/1", headers={"X-Shop": "teashop"}),
        account.get(f"{LIST}/1", headers={"X-Shop": "teashop"}),
    ]
    assert [answer.status_code for answer in asked] == [404, 404, 200, 404, 503, 404]
    [rule] = account.get("/sandbox/faults").json()["data"]
    assert (rule["seen"], rule["happened"]) == (3, 1)


def test_chance_is_the_same_in_each_run(account: httpx.Client) -> None:
    def ask() -> list[int]:
        add(account, name="unavailable", match={"probability": 0.5})
        return [account.get(LIST).status_code for _ in range(20)]

    first = ask()
    assert account.delete("/sandbox/faults").status_code == 204
    assert first == ask()
    assert {200, 503} == set(first)


def test_a_rule_is_taken_away(account: httpx.Client) -> None:
    rule = add(account, name="unavailable")
    assert account.get(LIST).status_code == 503
    assert account.delete(f"/sandbox/faults/{rule['id']}").status_code == 204
    assert account.delete(f"/sandbox/faults/{rule['id']}").status_code == 404
    assert account.get(LIST).status_code == 200


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"name": "none"},
        {"name": "slow", "when": 1},
        {"name": "slow", "match": {"nth": 0}},
        {"name": "slow", "then": {"drop": "never"}},
        {"then": {"status": 20}},
        {"name": "slow", "times": 0},
        [],
        "slow",
    ],
)
def test_a_rule_that_means_nothing_is_refused(account: httpx.Client, rule: Any) -> None:
    assert account.post("/sandbox/faults", json=rule).status_code == 400


def test_the_pages_and_the_sandbox_itself_have_no_faults(account: httpx.Client) -> None:
    add(account, name="unavailable")
    assert account.get("/sandbox/faults").status_code == 200
    assert httpx.get(f"{account.base_url}/sandbox").status_code == 200
