"""A request of the journal as a test that runs, and two of them compared."""

from typing import Any

import httpx
import pytest

from packhouse.testing import Account, SandboxError, assert_contains
from tests import make
from tests.sandbox.conftest import NewAccount


def newest(account: httpx.Client) -> int:
    return int(account.get("/sandbox/requests").json()["data"][-1]["id"])


def get_code(account: httpx.Client, id: int) -> str:
    answer = account.get(f"/sandbox/requests/{id}/test")
    assert answer.status_code == 200, answer.text
    return answer.text


def run(code: str, account: httpx.Client) -> None:
    """Run the only test of a module, on an account of its own."""
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - it is what is tested
    [test] = [value for name, value in names.items() if name.startswith("test_")]
    test(Account(account.account, str(account.base_url)))  # type: ignore[attr-defined]


@pytest.fixture
def shop(new_account: NewAccount) -> httpx.Client:
    """An account with invented orders, and one that was pushed, changed and shipped."""
    account = new_account(orders=2, seed=4)
    account.post("/api/v3/orders", json=[make.order(shipping_address=make.address(name="Käthe 'O' Neill"))])
    account.patch("/api/v3/orders/3", json={"order_number": "N-2"})
    account.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": "o-1"}})
    return account


def test_every_request_of_a_journal_is_a_test_that_passes(shop: httpx.Client, new_account: NewAccount) -> None:
    shop.get("/api/v3/orders?page_size=2", headers={"X-Shop": "tea"})
    shop.get("/api/v3/orders/77")
    shop.post("/api/v3/orders", json=[{"order_id": "b"}])
    shop.delete("/api/v3/orders/1")
    shop.get("/api/v3/orders", headers={"Packhouse-Fault": "unavailable"})
    for id in range(1, newest(shop) + 1):
        code = get_code(shop, id)
        run(code, new_account())
    assert "packhouse.seed(2, seed=4)" in code
    assert "'X-Shop'" in get_code(shop, 4) or "'x-shop'" in get_code(shop, 4)


def test_the_test_is_red_where_the_server_answers_otherwise(shop: httpx.Client, new_account: NewAccount) -> None:
    shop.get("/api/v3/orders/3")
    code = get_code(shop, newest(shop))
    before, _, after = code.rpartition("'order_number': 'N-2'")
    with pytest.raises(AssertionError, match="order_number"):
        run(f"{before}'order_number': 'N-3'{after}", new_account())


def test_a_lost_answer_is_a_test_too(account: httpx.Client, new_account: NewAccount) -> None:
    account.post("/sandbox/faults", json={"name": "answer_lost"})
    with pytest.raises(httpx.RemoteProtocolError):
        account.post("/api/v3/orders", json=[make.order()])
    code = get_code(account, newest(account))
    assert "packhouse.add_fault('answer_lost', times=1)" in code
    run(code, new_account())
    account.post("/sandbox/faults", json={"then": {"status": 418, "body": {"tea": True}}})
    account.get("/api/v3/orders")
    run(get_code(account, newest(account)), new_account())


def test_a_body_that_is_no_json_makes_no_test(account: httpx.Client) -> None:
    account.post("/api/v3/orders", content=b"{", headers={"Content-Type": "application/json"})
    assert account.get(f"/sandbox/requests/{newest(account)}/test").status_code == 409
    page = account.get("/sandbox", params={"account": account.account["name"], "request": newest(account)})  # type: ignore[attr-defined]
    assert "is no JSON" in page.text


def test_two_requests_are_compared(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("a")])
    first = newest(account)
    account.post("/api/v3/orders?x=1", json=[{**make.order("a"), "order_number": 7}])
    second = newest(account)
    found = account.get(f"/sandbox/requests/{first}/diff", params={"with": second}).json()["data"]
    places = {(each["part"], each["path"]): (each["before"], each["after"]) for each in found}
    assert places["status", ""] == (200, 400)
    assert places["query", "/x"] == (None, "1")
    assert places["request.body", "/0/order_number"] == ("N-a", 7)
    assert ("response.body", "/errors") in places
    assert account.get(f"/sandbox/requests/{first}/diff?with={first}").json()["data"] == []
    assert account.get(f"/sandbox/requests/{first}/diff?with=99").status_code == 404
    name = account.account["name"]  # type: ignore[attr-defined]
    page = account.get("/sandbox", params={"account": name, "request": second, "with": first}).text
    assert "request.body/0/order_number" in page
    assert "Copy as test" in page
    assert "def test_post_api_v3_orders" in page


@pytest.mark.parametrize(
    ("actual", "expected", "told"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, ""),
        ({"a": 1}, {"b": 1}, "/b is missing"),
        ([1, 2], [1], "2 entries"),
        ({"a": [{"b": 1}]}, {"a": [{"b": True}]}, "/a/0/b"),
        (1, 1.0, "is 1"),
    ],
)
def test_a_part_of_an_answer_is_asserted(actual: Any, expected: Any, told: str) -> None:
    if not told:
        assert_contains(actual, expected)
        return
    with pytest.raises(AssertionError, match=told):
        assert_contains(actual, expected)


def test_what_is_refused_is_raised_by_request_and_returned_by_send(account: httpx.Client) -> None:
    mine = Account(account.account, str(account.base_url))  # type: ignore[attr-defined]
    assert mine.send("GET", "/api/v3/orders/9").status == 404
    with pytest.raises(SandboxError):
        mine.request("GET", "/api/v3/orders/9")
