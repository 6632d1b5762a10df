"""`If-Match`: a change that is meant for one version of an order, and for no other."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SHOP

ORDERS = "/api/v3/orders"


@pytest.fixture
def url(client: TestClient) -> str:
    return f"{ORDERS}/{client.post(ORDERS, json=[make.order('o-1')]).json()['data'][0]['id']}"


def stale(answer: Any, detail: str) -> bool:
    assert answer.status_code == 412, answer.text
    fault = {"status": "412", "code": "conflict", "detail": detail, "source": {"header": "If-Match"}}
    return bool(answer.json() == {"errors": [fault]})


def test_each_change_gives_the_order_another_tag(client: TestClient, url: str) -> None:
    first = client.get(url).headers["etag"]
    patched = client.patch(url, json={"order_number": "second"})
    assert patched.headers["etag"] == client.get(url).headers["etag"] != first
    again = client.patch(url, json={"order_number": "second"})
    assert again.headers["etag"] == patched.headers["etag"], "nothing changed"
    posted = client.post(ORDERS, json=[make.order("o-1")])
    assert posted.headers["etag"] == client.get(url).headers["etag"] not in (first, patched.headers["etag"])
    made = client.post(ORDERS, json=[make.order("o-2")])
    assert made.headers["etag"] == client.get(f"{ORDERS}/{made.json()['data'][0]['id']}").headers["etag"]
    assert "etag" not in client.post(ORDERS, json=[make.order("o-3"), make.order("o-4")]).headers


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "POST"])
def test_a_change_for_a_version_that_is_gone_is_refused(client: TestClient, url: str, method: str) -> None:
    first = client.get(url).headers["etag"]
    client.patch(url, json={"order_number": "second"})
    now = client.get(url).headers["etag"]
    place = ORDERS if method == "POST" else url
    body: Any = {"PATCH": {"order_number": "third"}, "POST": [make.order("o-1", order_number="third")]}.get(method)

    def change(tag: str) -> Any:
        return client.request(method, place, json=body, headers={"If-Match": tag})

    before = client.get(url).text
    for tag in (first, '"0"', f"W/{now}", '""', "nonsense", f"{first}, W/{now}"):
        assert stale(change(tag), "The order is at version 2 by now."), tag
    assert client.get(url).text == before
    assert change(f"{first}, {now}").status_code in (200, 204)
    if method == "DELETE":
        assert change(now).status_code == 404
    else:
        assert client.get(url).json()["data"]["order_number"] == "third"
        assert change("*").status_code == 200


def test_a_new_order_is_at_no_version(client: TestClient) -> None:
    for tag in ('"1"', "*"):
        answer = client.post(ORDERS, json=[make.order("new")], headers={"If-Match": tag})
        assert stale(answer, "There is no such order yet.")
    assert client.get(ORDERS).json()["data"] == []


def test_a_batch_of_several_has_no_version(client: TestClient, url: str) -> None:
    answer = client.post(ORDERS, json=[make.order("o-1"), make.order("o-2")], headers={"If-Match": '"1"'})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"header": "If-Match"}
    assert client.get(url).headers["etag"] == '"1"'


def test_an_order_that_is_made_anew_is_another_order(client: TestClient, url: str) -> None:
    client.delete(url)
    made = client.post(ORDERS, json=[make.order("o-1", order_details={"integration": {"id": SHOP}})])
    assert client.patch(url, json={}, headers={"If-Match": made.headers["etag"]}).status_code == 404
