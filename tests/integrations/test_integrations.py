"""Integrations on the wire: a list with sorts, one, changed, deleted, and made (which is ours)."""

import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run, run
from tests.conftest import OWNER, SECOND_SHOP, SHOP, STRANGER, STRANGERS_SHOP

__all__ = ["run"]

LIST = "/api/v3/integrations"
CREATE = "/api/packhouse/integrations"
ONE = f"{LIST}/{SHOP}"


def fetch(client: TestClient, id: int = SHOP) -> dict[str, Any]:
    answer = client.get(f"{LIST}/{id}")
    assert answer.status_code == 200
    found = answer.json()["data"]
    assert isinstance(found, dict)
    return found


def missing(id: object) -> dict[str, Any]:
    detail = f"The account has no integration {id}."
    return {"errors": [{"status": "404", "code": "not_found", "title": "Not found", "detail": detail}]}


def test_one_as_it_is_made(client: TestClient) -> None:
    found = fetch(client)
    at = found["created_at"]
    assert found == {
        "id": SHOP,
        "shop_name": found["shop_name"],
        "shop_url": None,
        "type": "api",
        "service_point_enabled": False,
        "service_point_carriers": [],
        "webhook_active": False,
        "webhook_url": None,
        "feedback_type": "none",
        "started_failing_at": None,
        "last_fetched_at": None,
        "created_at": at,
        "updated_at": at,
    }
    assert at.endswith("+00:00")


CHANGES = {
    "shop_name": "Tea & Co",
    "shop_url": "https://shop.example.com/",
    "service_point_enabled": True,
    "service_point_carriers": ["house", "other"],
    "webhook_active": True,
    "webhook_url": "https://hooks.example.com/in?x=1",
    "feedback_type": "delayed",
}


def test_what_is_sent_is_changed_and_the_rest_stays(client: TestClient) -> None:
    before = fetch(client)
    done = client.patch(ONE, json=CHANGES)
    assert (done.status_code, done.content) == (204, b"")
    after = fetch(client)
    assert after == {**before, **CHANGES, "updated_at": after["updated_at"]}
    assert after["updated_at"] > before["updated_at"]
    assert client.patch(ONE, json={"webhook_url": None}).status_code == 204
    again = fetch(client)
    assert again == {**after, "webhook_url": None, "updated_at": again["updated_at"]}
    assert fetch(client, SECOND_SHOP)["feedback_type"] == "none"


def test_what_changes_nothing_writes_nothing(client: TestClient) -> None:
    client.patch(ONE, json=CHANGES)
    before = fetch(client)
    for body in ({}, before, CHANGES, {"id": 77, "type": "other", "unknown": 1}):
        assert client.patch(ONE, json=body).status_code == 204
    assert fetch(client) == before


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "place", "detail"),
    [
        ({"shop_name": ""}, "shop_name", "String should have at least 1 character"),
        ({"shop_name": "x" * 251}, "shop_name", "String should have at most 250 characters"),
        ({"shop_name": None}, "shop_name", "Input should be a valid string"),
        ({"shop_name": "a\0"}, "shop_name", "String should not contain U+0000"),
        ({"shop_name": " \t"}, "shop_name", "Input should have a character that is not a space"),
        ({"shop_url": "tea"}, "shop_url", "Input should be a valid URL, relative URL without a base"),
        ({"webhook_url": ""}, "webhook_url", "Input should be a valid URL, input is empty"),
        ({"webhook_active": "yes"}, "webhook_active", "Input should be a valid boolean"),
        ({"service_point_carriers": ["a", 1]}, "service_point_carriers/1", "Input should be a valid string"),
        ({"service_point_carriers": ["a", "a"]}, "service_point_carriers", "List items should differ from each other"),
        ({"feedback_type": "never"}, "feedback_type", "Input should be 'eager', 'delayed' or 'none'"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, change: Any, place: str, detail: str) -> None:
    before = fetch(client)
    for method, path, body in (("PATCH", ONE, change), ("POST", CREATE, {"shop_name": "x", **change})):
        answer = client.request(method, path, json=body)
        source = {"pointer": f"/data/attributes/{place}"}
        fault = {"status": "400", "code": "invalid", "detail": detail, "source": source}
        assert (answer.status_code, answer.json()) == (400, {"errors": [fault]})
    assert fetch(client) == before
    assert len(client.get(LIST).json()["data"]) == 2


@pytest.mark.one_database
def test_all_faults_are_listed_at_once(client: TestClient) -> None:
    answer = client.patch(ONE, json={"shop_name": "", "feedback_type": 1})
    places = [fault["source"]["pointer"] for fault in answer.json()["errors"]]
    assert places == ["/data/attributes/shop_name", "/data/attributes/feedback_type"]


def test_a_new_one(client: TestClient) -> None:
    made = client.post(CREATE, json={**CHANGES, "type": "webshop"})
    assert made.status_code == 201
    found = made.json()["data"]
    assert found == {**fetch(client, found["id"]), **CHANGES, "type": "webshop"}
    assert client.post("/api/v3/orders", json=[make.order(integration=found["id"])]).status_code == 200
    nameless = client.post(CREATE, json={"type": "x"})
    pointer = {"pointer": "/data/attributes/shop_name"}
    fault = {"status": "400", "code": "invalid", "detail": "Field required", "source": pointer}
    assert (nameless.status_code, nameless.json()) == (400, {"errors": [fault]})
    assert client.post(CREATE, json={"shop_name": " "}).status_code == 400


def test_the_list_and_its_sorts(client: TestClient) -> None:
    third = client.post(CREATE, json={"shop_name": "apples", "type": "zoo"}).json()["data"]["id"]
    for id, name in ((SHOP, "Cherries"), (SECOND_SHOP, "bananas")):
        client.patch(f"{LIST}/{id}", json={"shop_name": name})
    orders = {
        "": [SHOP, SECOND_SHOP, third],
        "id": [SHOP, SECOND_SHOP, third],
        "-id": [third, SECOND_SHOP, SHOP],
        "shop_name": [third, SECOND_SHOP, SHOP],
        "-shop_name": [SHOP, SECOND_SHOP, third],
        "type": [SHOP, SECOND_SHOP, third],
        "-type": [third, SHOP, SECOND_SHOP],
        "-type,-id": [third, SECOND_SHOP, SHOP],
        "created_at": [SHOP, SECOND_SHOP, third],
        "-updated_at": [SECOND_SHOP, SHOP, third],
        "last_fetched_at": [SHOP, SECOND_SHOP, third],
        "colour": [SHOP, SECOND_SHOP, third],
        "-id,colour": [SHOP, SECOND_SHOP, third],
    }
    for sort, expected in orders.items():
        found = client.get(LIST, params={"sort": sort} if sort else {}).json()["data"]
        assert [entry["id"] for entry in found] == expected, sort
        assert found[expected.index(SHOP)] == fetch(client)


def test_a_deleted_one_keeps_its_orders_readable_and_refuses_new_ones(client: TestClient) -> None:
    client.post("/api/v3/orders", json=[make.order()])
    done = client.delete(ONE)
    assert (done.status_code, done.content) == (204, b"")
    assert [order["id"] for order in client.get("/api/v3/orders").json()["data"]] == [1]
    assert [order["id"] for order in client.get(f"/api/v3/orders?integration={SHOP}").json()["data"]] == [1]
    refused = client.post("/api/v3/orders", json=[make.order("o-2")])
    assert refused.json()["errors"][0]["detail"] == f"Integration with id {SHOP} does not exist"
    assert [entry["id"] for entry in client.get(LIST).json()["data"]] == [SECOND_SHOP]
    for method, body in (("GET", None), ("PATCH", {"shop_name": "x"}), ("DELETE", None)):
        answer = client.request(method, ONE, json=body)
        assert (answer.status_code, answer.json()) == (404, missing(SHOP))


@pytest.mark.parametrize("id", ["0", "-1", "x", "987", "1.0", "9" * 19, "9" * 40])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_what_nobody_has_is_404(client: TestClient, method: str, id: str) -> None:
    answer = client.request(method, f"{LIST}/{id}", json={} if method == "PATCH" else None)
    assert (answer.status_code, answer.json()) == (404, missing(id))


def test_another_accounts_is_404(client: TestClient) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = client.request(method, f"{LIST}/{STRANGERS_SHOP}", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()) == (404, missing(STRANGERS_SHOP))
    assert [entry["id"] for entry in client.get(LIST, auth=STRANGER).json()["data"]] == [STRANGERS_SHOP]


def test_the_metadata_names_the_first_that_lives(client: TestClient) -> None:
    metadata = "/api/v3/user/auth/metadata"
    assert client.get(metadata).json() == {"data": {"user_id": 1, "integration_id": SHOP, "account_id": 1}}
    client.delete(ONE)
    assert client.get(metadata).json() == {"data": {"user_id": 1, "integration_id": SECOND_SHOP, "account_id": 1}}
    client.delete(f"{LIST}/{SECOND_SHOP}")
    assert client.get(metadata).json() == {"data": {"user_id": 1, "integration_id": None, "account_id": 1}}


def test_the_command_and_the_api_see_the_same(client: TestClient, run: Run) -> None:
    made = json.loads(run(["integration", "create", "--account", "owner", "--shop-name", "Tea", "--json"]).stdout)
    assert fetch(client, made["id"])["shop_name"] == "Tea"
    assert client.get(f"{LIST}/", auth=OWNER).json() == client.get(LIST).json()
