"""DELETE /orders/{id}."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from starlette.testclient import TestClient

from packhouse.kit import clock, jobs
from packhouse.kit.db import Database
from packhouse.orders import search
from packhouse.orders.tables import order_terms
from tests import make
from tests.conftest import STRANGER, STRANGERS_SHOP

URL = "/api/v3/orders"
NO_SUCH_ORDER = "The order could not be found with the search criteria given"


def push(client: TestClient, order_id: str = "o-1") -> int:
    answer = client.post(URL, json=[make.order(order_id)])
    assert answer.status_code == 200
    id: int = answer.json()["data"][0]["id"]
    return id


def test_a_deleted_order_leaves_the_list_the_view_and_every_read(client: TestClient) -> None:
    gone, kept = push(client, "gone"), push(client, "kept")
    answer = client.delete(f"{URL}/{gone}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"{URL}/{gone}").status_code == 404
    assert [order["id"] for order in client.get(URL).json()["data"]] == [kept]
    assert client.get(URL, params={"order_id": "gone"}).json() == {"data": []}
    assert client.patch(f"{URL}/{gone}", json={"order_number": "N"}).status_code == 404
    answer = client.post(URL, json=[{"id": str(gone), "order_number": "N"}])
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["detail"] == f"Order with id {gone} does not exist"


def test_a_second_delete_is_not_found(client: TestClient) -> None:
    id = push(client)
    assert client.delete(f"{URL}/{id}").status_code == 204
    answer = client.delete(f"{URL}/{id}")
    [fault] = answer.json()["errors"]
    assert answer.status_code == 404
    assert (fault["status"], fault["code"], fault["detail"]) == ("404", "not_found", NO_SUCH_ORDER)


@pytest.mark.parametrize("id", ["7", "0", "abc", "99999999999999999999"])
def test_what_is_no_order_is_not_found(client: TestClient, id: str) -> None:
    push(client)
    answer = client.delete(f"{URL}/{id}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
    assert client.get(f"{URL}/1").status_code == 200


def test_a_stranger_deletes_nothing(client: TestClient) -> None:
    id = push(client)
    assert client.delete(f"{URL}/{id}", auth=STRANGER).status_code == 404
    assert client.get(f"{URL}/{id}").status_code == 200


def test_the_same_key_made_anew_has_a_new_id_and_nothing_of_the_old_order(client: TestClient) -> None:
    client.post(URL, json=[make.order("a", order_details={"notes": "old"})])
    client.delete(f"{URL}/1")
    refused = client.post(URL, json=[make.key("a", notes="only a part")])
    assert {fault["detail"] for fault in refused.json()["errors"]} == {"Field required"}
    id = push(client, "a")
    assert id > 1
    assert "notes" not in client.get(f"{URL}/{id}").json()["data"]["order_details"]
    history = client.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert [entry["action"] for entry in history] == ["created"]


def test_an_id_is_never_used_twice(client: TestClient) -> None:
    """Also when the highest is deleted, when all are, and when another account makes an order in between."""
    used: list[int] = []
    for n in range(4):
        used += [push(client, f"o-{n}"), push(client, "again")]
        for id in used[-2:]:
            client.delete(f"{URL}/{id}")
        stranger_order = client.post(URL, json=[make.order(f"s-{n}", STRANGERS_SHOP)], auth=STRANGER)
        used.append(stranger_order.json()["data"][0]["id"])
    assert len(set(used)) == len(used)
    assert used == sorted(used)


def test_a_deleted_order_leaves_nothing_to_search_for(client: TestClient, database_url: str) -> None:
    """Names and addresses go with the order, also where the worker had written them down."""
    id = int(client.post("/api/v3/orders", json=[make.order()]).json()["data"][0]["id"])

    async def count(*, first_index: bool) -> int:
        db = Database(database_url)
        try:
            if first_index:
                due = await jobs.claim(db, 1, 10, now=clock.now(), lease=timedelta(minutes=1), kinds=[search.JOB])
                async for _ in search.handle(db, due):
                    pass
            async with db.read() as tx:
                terms = select(func.count()).where(order_terms.c.account_id == 1, order_terms.c.id == id)
                return int(await tx.fetch_value(terms))
        finally:
            await db.close()

    assert asyncio.run(count(first_index=True)) >= 2  # its number and its id
    assert client.delete(f"/api/v3/orders/{id}").status_code == 204
    assert asyncio.run(count(first_index=False)) == 0
