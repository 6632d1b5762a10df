"""GET /api/packhouse/orders/{id}/history: who changed an order, when, and what."""

from typing import Any

import jsonpatch
import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, STRANGER

URL = "/api/v3/orders"
WHO = {"type": "api_key", "name": OWNER[0]}


def push(client: TestClient, *orders: dict[str, Any]) -> int:
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 200, answer.text
    id: int = answer.json()["data"][0]["id"]
    return id


def history(client: TestClient, id: int, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/packhouse/orders/{id}/history?{query}")
    assert answer.status_code == 200, answer.text
    entries: list[dict[str, Any]] = answer.json()["data"]
    return entries


def content(client: TestClient, id: int) -> dict[str, Any]:
    order: dict[str, Any] = client.get(f"{URL}/{id}").json()["data"]
    return {name: value for name, value in order.items() if name not in ("id", "created_at", "modified_at")}


def test_the_first_entry_says_who_made_the_order_and_when(client: TestClient) -> None:
    id = push(client, make.order())
    made = client.get(f"{URL}/{id}").json()["data"]["created_at"]
    assert history(client, id) == [{"version": 1, "action": "created", "at": made, "by": WHO, "changes": []}]


def test_an_update_says_what_changed_newest_first(client: TestClient) -> None:
    id = push(client, make.order())
    push(client, make.key(notes="ring", status={"code": "paid"}))
    client.patch(f"{URL}/{id}", json={"order_number": "N-2"})
    newest, middle, oldest = history(client, id)
    assert [entry["version"] for entry in (newest, middle, oldest)] == [3, 2, 1]
    assert newest["at"] == client.get(f"{URL}/{id}").json()["data"]["modified_at"] > middle["at"] > oldest["at"]
    assert newest["by"] == middle["by"] == WHO
    assert [step for step in newest["changes"] if step["op"] != "test"] == [
        {"op": "replace", "path": "/order_number", "value": "N-2"}
    ]
    assert [step for step in middle["changes"] if step["op"] != "test"] == [
        {"op": "replace", "path": "/order_details/status/code", "value": "paid"},
        {"op": "remove", "path": "/order_details/status/message"},
        {"op": "add", "path": "/order_details/notes", "value": "ring"},
    ]


def test_each_patch_applied_to_a_version_gives_the_next(client: TestClient) -> None:
    items = [make.item(name=name, properties={"a/b": 1, "c~d": [1, 2, {"": None}]}) for name in ("Tea", "Cup", "Pot")]
    changes: list[dict[str, Any]] = [
        make.key(order_items=items),
        make.key(order_items=items[2:]),
        make.key(order_items=[*items[:1], make.item(properties={"a/b": "1", "c~d": [2], "-": []})]),
        make.key(tags=["x", "y"], notes=""),
        make.key(tags=[]),
        make.key(order_items=[]),
        {**make.key(), "payment_details": {"total_price": {"value": "25.0", "currency": "EUR"}}},
        {
            **make.key(),
            "payment_details": {"total_price": {"value": 25, "currency": "EUR"}, "is_cash_on_delivery": None},
        },
    ]
    id = push(client, make.order())
    versions = [content(client, id)]
    for change in changes:
        push(client, change)
        versions.append(content(client, id))
    entries = history(client, id)[::-1]
    assert len(entries) == len(versions)
    for before, after, entry in zip(versions, versions[1:], entries[1:], strict=False):
        applied = jsonpatch.apply_patch(before, entry["changes"])
        assert applied == after
        assert repr(applied["payment_details"]["total_price"]) == repr(after["payment_details"]["total_price"])


def test_several_changes_in_one_batch_are_one_version(client: TestClient) -> None:
    id = push(client, make.order())
    push(client, make.key(notes="first"), make.key(notes="second"), {"id": str(id), "order_number": "N-2"})
    newest, oldest = history(client, id)
    assert [step["path"] for step in newest["changes"] if step["op"] != "test"] == [
        "/order_number",
        "/order_details/notes",
    ]
    assert oldest["action"] == "created"


def test_there_and_back_in_one_batch_is_no_change(client: TestClient) -> None:
    id = push(client, make.order())
    before = client.get(f"{URL}/{id}").json()
    push(client, {**make.key(), "order_number": "other"}, make.order())
    assert client.get(f"{URL}/{id}").json() == before
    assert len(history(client, id)) == 1


def test_a_refused_batch_leaves_no_entry(client: TestClient) -> None:
    id = push(client, make.order())
    assert client.post(URL, json=[make.key(notes="ring"), make.order("b", 99999)]).status_code == 400
    assert client.patch(f"{URL}/{id}", json={"order_number": ""}).status_code == 400
    assert len(history(client, id)) == 1


def test_history_stays_readable_after_a_delete(client: TestClient) -> None:
    id = push(client, make.order())
    push(client, make.key(notes="ring"))
    before = history(client, id)
    client.delete(f"{URL}/{id}")
    gone, *rest = history(client, id)
    assert rest == before
    assert (gone["version"], gone["action"], gone["by"], gone["changes"]) == (3, "deleted", WHO, [])
    assert gone["at"] > before[0]["at"]
    push(client, make.order())
    assert history(client, id) == [gone, *before]


@pytest.mark.parametrize("deleted", [False, True])
def test_a_strangers_history_is_not_found(client: TestClient, *, deleted: bool) -> None:
    id = push(client, make.order())
    if deleted:
        client.delete(f"{URL}/{id}")
    answer = client.get(f"/api/packhouse/orders/{id}/history", auth=STRANGER)
    missing = client.get("/api/packhouse/orders/987/history")
    assert answer.status_code == missing.status_code == 404
    assert answer.json() == missing.json()
    assert answer.json()["errors"][0]["code"] == "not_found"


@pytest.mark.parametrize("deleted", [False, True])
def test_history_is_paged(client: TestClient, *, deleted: bool) -> None:
    id = push(client, make.order())
    for n in range(5):
        push(client, make.key(notes=f"note {n}"))
    if deleted:
        client.delete(f"{URL}/{id}")
    whole = [entry["version"] for entry in history(client, id)]
    assert whole == list(range(6 + deleted, 0, -1))
    url, found = f"/api/packhouse/orders/{id}/history?page_size=2", []
    for _ in range(9):
        answer = client.get(url)
        found.append([entry["version"] for entry in answer.json()["data"]])
        if "next" not in answer.links:
            break
        url = answer.links["next"]["url"]
    assert [version for page in found for version in page] == whole
    back = client.get(answer.links["prev"]["url"])
    assert [entry["version"] for entry in back.json()["data"]] == found[-2]
    assert set(client.get(f"/api/packhouse/orders/{id}/history?page_size=2").links) == {"next"}
