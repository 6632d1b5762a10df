"""The log of what went wrong with a shop: written, read newest first, paged by a date-time."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.conftest import SECOND_SHOP, SHOP, STRANGER, STRANGERS_SHOP

ALL = "/api/v3/integrations/logs"
LOGS = f"/api/v3/integrations/{SHOP}/logs"
WHOLE: dict[str, Any] = {
    "base_url": "shop.example.com",
    "full_url": "https://shop.example.com/orders?page=1",
    "method": "GET",
    "response_code": 502,
    "response": {"headers": {"Content-Type": "text/html"}, "body": "<h1>Bad gateway</h1>"},
    "request": {"headers": "Accept: */*", "payload": {"deep": [1, {"x": None}]}},
    "created_at": "2026-03-14T08:26:53.589000+00:00",
    "exception_type": "BadGateway",
    "exception": "the shop is down",
}


def write(client: TestClient, **changes: Any) -> dict[str, Any]:
    shop = changes.pop("shop", SHOP)
    answer = client.post(f"/api/v3/integrations/{shop}/logs", json={"base_url": "x", **changes})
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert isinstance(made, dict)
    return made


def test_a_whole_entry_is_given_back_as_sent(client: TestClient) -> None:
    made = write(client, **WHOLE)
    expected = {"id": made["id"], "integration_id": SHOP, **WHOLE, "protected": False, "additional_data": ""}
    assert made == expected
    assert client.get(LOGS).json() == {"data": [expected]}
    assert client.get(ALL).json() == {"data": [expected]}


def test_a_small_entry_has_its_defaults(client: TestClient) -> None:
    before = datetime.now(UTC)
    made = write(client, method=None, created_at=None, response=None)
    assert made == {
        "id": made["id"],
        "integration_id": SHOP,
        "base_url": "x",
        "full_url": None,
        "method": "",
        "response_code": None,
        "response": None,
        "request": None,
        "created_at": made["created_at"],
        "exception_type": None,
        "exception": None,
        "protected": False,
        "additional_data": "",
    }
    assert before <= datetime.fromisoformat(made["created_at"]) <= datetime.now(UTC)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("change", "code", "place", "detail"),
    [
        ({"base_url": ""}, "invalid", "base_url", "String should have at least 1 character"),
        ({"protected": True}, "unknown_field", "protected", "Extra inputs are not permitted"),
        ({"response_code": -1}, "invalid", "response_code", "Input should be greater than or equal to 0"),
        ({"response": []}, "invalid", "response", "Input should be an object"),
        ({"response": {"body": 1}}, "invalid", "response/body", "Input should be an object, a string or null"),
        ({"response": {"headers": "x"}}, "invalid", "response/headers", "Input should be an object or null"),
        ({"request": {"x": 1}}, "unknown_field", "request/x", "Extra inputs are not permitted"),
        ({"created_at": "yesterday"}, "invalid", "created_at", None),
        ({"exception": "\0"}, "invalid", "exception", "String should not contain U+0000"),
    ],
)
def test_what_is_wrong_is_named(client: TestClient, change: Any, code: str, place: str, detail: str | None) -> None:
    answer = client.post(LOGS, json={"base_url": "x", **change})
    [fault] = answer.json()["errors"]
    assert (answer.status_code, fault["code"]) == (400, code)
    assert fault["source"] == {"pointer": f"/data/attributes/{place}"}
    assert detail is None or fault["detail"] == detail
    assert client.get(LOGS).json() == {"data": []}


def walk(client: TestClient, url: str, rel: str = "next") -> list[list[int]]:
    pages = []
    while url:
        answer = client.get(url)
        assert answer.status_code == 200
        pages.append([entry["id"] for entry in answer.json()["data"]])
        url = answer.links.get(rel, {}).get("url", "")
    return pages


def test_pages_lose_and_repeat_nothing_even_within_one_instant(client: TestClient) -> None:
    for second in (3, 1, 1, 1, 1, 2, 1):
        write(client, created_at=f"2026-03-14T08:26:0{second}Z")
    whole = [entry["id"] for entry in client.get(LOGS).json()["data"]]
    assert len(whole) == 7
    assert whole[0] == min(whole)
    for size in (1, 2, 3, 7, 100):
        pages = walk(client, f"{LOGS}?page_size={size}")
        assert [id for page in pages for id in page] == whole
        assert all(len(page) <= size for page in pages)
    last = f"{LOGS}?page_size=2"
    while "next" in (answer := client.get(last)).links:
        last = answer.links["next"]["url"]
    back = walk(client, last, "prev")
    assert [id for page in reversed(back) for id in page] == whole


def test_a_cursor_is_a_date_time(client: TestClient) -> None:
    ids = [write(client, created_at=f"2026-03-14T08:26:0{second}+00:00")["id"] for second in range(5)]
    for cursor in ("2026-03-14T08:26:03Z", "2026-03-14T09:26:03+01:00", "2026-03-14 08:26:03"):
        found = client.get(LOGS, params={"cursor": cursor}).json()["data"]
        assert [entry["id"] for entry in found] == ids[2::-1]
    followed = client.get(f"{LOGS}?page_size=2").links["next"]["url"].partition("cursor=")[2]
    assert datetime.fromisoformat(followed.replace("%3A", ":")).tzinfo is not None
    assert client.get(f"{LOGS}?cursor=").status_code == 200
    bad = client.get(f"{LOGS}?cursor=cj0xJnA9MzAw")
    assert (bad.status_code, bad.json()["errors"][0]["source"]) == (400, {"parameter": "cursor"})


def test_page_size_has_bounds_and_a_default(client: TestClient) -> None:
    for _ in range(26):
        write(client)
    assert len(client.get(LOGS).json()["data"]) == 25
    for size in ("0", "101", "x", "-1"):
        answer = client.get(f"{ALL}?page_size={size}")
        assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": "page_size"})


def test_each_integration_and_each_account_has_its_own(client: TestClient) -> None:
    mine, second = write(client)["id"], write(client, shop=SECOND_SHOP)["id"]
    assert [entry["id"] for entry in client.get(LOGS).json()["data"]] == [mine]
    assert [entry["id"] for entry in client.get(ALL).json()["data"]] == [second, mine]
    assert client.get(ALL, auth=STRANGER).json() == {"data": []}
    assert client.get(LOGS, auth=STRANGER).status_code == 404
    assert client.post(LOGS, json={"base_url": "x"}, auth=STRANGER).status_code == 404
    assert client.post(f"/api/v3/integrations/{STRANGERS_SHOP}/logs", json={"base_url": "x"}).status_code == 404
