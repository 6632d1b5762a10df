"""Deleting on the page: nothing is deleted for ten seconds, whoever looks and whatever happens meanwhile."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.bootstrap import open_context
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.worker import Worker
from tests import make
from tests.conftest import OWNER
from tests.web.conftest import EMAILS, sign_in, token

URL = "/api/v3/orders"


class Desk:
    """A server whose clock is set by hand, and what its worker does at that time."""

    def __init__(self, database_url: str, stack: ExitStack) -> None:
        self.now = datetime(2026, 3, 14, 8, 0, tzinfo=UTC)
        self._url, self._stack = database_url, stack
        self.api = self._open()
        self.api.auth = OWNER

    def _open(self) -> TestClient:
        app = create_app(Settings(database_url=self._url), now=lambda: self.now)
        return self._stack.enter_context(TestClient(app, raise_server_exceptions=False))

    def person(self, role: str) -> TestClient:
        client = self._open()
        client.headers["accept"] = "text/html"
        assert sign_in(client, EMAILS.get(role, role)).status_code == 303
        return client

    def wait(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

        async def drain() -> None:
            db = Database(self._url)
            async with open_context(Settings(database_url=self._url), db, now=lambda: self.now) as ctx:
                await Worker(ctx).drain()
            await db.close()

        asyncio.run(drain())

    def has(self, id: int) -> bool:
        return self.api.get(f"{URL}/{id}").status_code == 200

    def actions(self, id: int) -> list[str]:
        history = self.api.get(f"/api/packhouse/orders/{id}/history").json()["data"]
        return [entry["action"] for entry in history]


@pytest.fixture
def desk(database_url: str, people: None) -> Iterator[Desk]:
    assert people is None
    with ExitStack() as stack:
        yield Desk(database_url, stack)


@pytest.fixture
def ids(desk: Desk) -> list[int]:
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = [make.order(f"d-{n}", shipping_address=make.address(), shipping_details=measured) for n in range(3)]
    return [receipt["id"] for receipt in desk.api.post(URL, json=sent).json()["data"]]


def delete(page: TestClient, ids: list[int], **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/orders/delete", data=form)


def undo(page: TestClient, ids: list[int]) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids))}
    return page.post("/orders/delete/undo", data=form)


def read(page: TestClient, ids: list[int], **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/orders/delete/read", data=form)


def test_nothing_is_deleted_before_the_ten_seconds_are_over(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    before = desk.api.get(f"{URL}/{ids[0]}").content
    answer = delete(page, ids[:2], confirmed="1")
    assert "2 orders are being deleted" in answer.text
    assert len(re.findall(r'<tr id="o\d+" data-id="\d+" class="leaving">', answer.text)) == 2
    desk.wait(9.9)
    assert "2 orders are being deleted" in page.get("/orders").text  # after a reload too
    assert desk.api.get(f"{URL}/{ids[0]}").content == before
    assert desk.actions(ids[0]) == ["created"]
    desk.wait(0.1)
    assert [desk.has(id) for id in ids] == [False, False, True]
    assert "being deleted" not in page.get("/orders").text
    [newest, _] = desk.api.get(f"/api/packhouse/orders/{ids[0]}/history").json()["data"]
    assert (newest["action"], newest["by"]["type"]) == ("deleted", "user")


def test_undone_it_is_whole_with_its_history(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    desk.api.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "ring twice"}})
    before = desk.api.get(f"{URL}/{ids[0]}").content
    delete(page, ids[:1], confirmed="1")
    desk.wait(5)
    assert "being deleted" not in undo(page, ids[:1]).text
    desk.wait(60)
    assert desk.api.get(f"{URL}/{ids[0]}").content == before
    assert desk.actions(ids[0]) == ["updated", "created"]


def test_another_packer_sees_it_and_may_undo_it(desk: Desk, ids: list[int]) -> None:
    bo, ada, viewer = desk.person("packer"), desk.person("owner"), desk.person("viewer")
    delete(bo, ids[:1], confirmed="1")
    assert "bo@example.com deletes 1 order" in ada.get("/orders").text
    assert "bo@example.com deletes 1 order" in ada.get(f"/orders/{ids[0]}").text
    assert "Undo" not in viewer.get("/orders").text
    undo(ada, ids[:1])
    desk.wait(60)
    assert desk.has(ids[0])


def test_who_deletes_again_lets_the_seconds_begin_anew(desk: Desk, ids: list[int]) -> None:
    bo, ada = desk.person("packer"), desk.person("owner")
    delete(bo, ids[:1], confirmed="1")
    desk.wait(6)
    delete(ada, ids[:1], confirmed="1")
    desk.wait(6)
    assert desk.has(ids[0])
    desk.wait(4)
    assert not desk.has(ids[0])


def test_too_late_is_told(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    delete(page, ids[:1], confirmed="1")
    desk.wait(10)
    answer = undo(page, ids[:2])
    assert answer.status_code == 409
    assert "Too late: not all of these orders are there any more." in answer.text


def test_the_api_may_delete_meanwhile(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    delete(page, ids[:2], confirmed="1")
    assert desk.api.delete(f"{URL}/{ids[0]}").status_code == 204
    assert undo(page, ids[:1]).status_code == 409
    desk.wait(10)
    assert desk.actions(ids[0]) == ["deleted", "created"]
    assert not desk.has(ids[1])


def test_what_is_changed_or_shipped_meanwhile_is_kept(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    delete(page, ids, confirmed="1")
    desk.api.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "wait"}})
    body = {"integration_id": 1, "order": {"order_id": "d-1"}}
    assert desk.api.post("/api/v3/orders/create-label-sync", json=body).status_code == 201
    desk.wait(10)
    assert [desk.has(id) for id in ids] == [True, True, False]
    assert "being deleted" not in page.get("/orders").text


def test_what_was_kept_is_told_to_who_asked_with_the_reason(desk: Desk, ids: list[int]) -> None:
    bo, ada = desk.person("packer"), desk.person("owner")
    delete(bo, ids, confirmed="1")
    desk.api.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "wait"}})
    body = {"integration_id": 1, "order": {"order_id": "d-1"}}
    assert desk.api.post("/api/v3/orders/create-label-sync", json=body).status_code == 201
    assert "not deleted" not in bo.get("/orders").text
    desk.wait(10)
    told = bo.get("/orders").text
    assert "<strong>2 orders were not deleted</strong>" in told
    assert f'<li><a href="/orders/{ids[0]}">N-d-0</a>: it was changed meanwhile</li>' in told
    assert f'<li><a href="/orders/{ids[1]}">N-d-1</a>: a label was made of it meanwhile</li>' in told
    assert "not deleted" not in ada.get("/orders").text
    read(ada, ids)
    assert "not deleted" in bo.get("/orders").text  # after a reload too, and whatever others have read
    assert str(read(bo, ids[:1], then="/orders?shop=1").url).endswith("/orders?shop=1")
    told = bo.get("/orders").text
    assert "<strong>1 order was not deleted</strong>" in told
    assert "N-d-0</a>: it was" not in told
    read(bo, ids)
    assert "not deleted" not in bo.get("/orders").text
    assert desk.has(ids[0])


def test_what_was_kept_can_be_deleted_after_all(desk: Desk, ids: list[int]) -> None:
    bo = desk.person("packer")
    delete(bo, ids[:1], confirmed="1")
    desk.api.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "wait"}})
    desk.wait(10)
    answer = delete(bo, ids[:1], confirmed="1")
    assert "not deleted" not in answer.text
    assert "1 order is being deleted" in answer.text
    desk.wait(10)
    assert not desk.has(ids[0])


def test_what_nobody_reads_is_forgotten_after_a_day(desk: Desk, ids: list[int]) -> None:
    bo, ada = desk.person("packer"), desk.person("owner")
    delete(bo, ids[:1], confirmed="1")
    desk.api.patch(f"{URL}/{ids[0]}", json={"order_details": {"notes": "wait"}})
    desk.wait(10)
    desk.wait(23 * 3600)
    assert "N-d-0</a>: it was changed meanwhile" in bo.get("/orders").text
    desk.wait(3600)
    delete(ada, ids[1:2], confirmed="1")
    desk.wait(10)
    assert "not deleted" not in bo.get("/orders").text
    assert desk.has(ids[0])


def test_without_scripts_a_page_asks_first(desk: Desk, ids: list[int]) -> None:
    page = desk.person("packer")
    asked = delete(page, ids[:2], then="/orders?shop=1")
    assert "Delete 2 orders?" in asked.text
    assert "N-d-0, N-d-1" in asked.text
    desk.wait(60)
    assert desk.has(ids[0])
    form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', asked.text))
    answer = page.post("/orders/delete", data={**form, "id": list(map(str, ids[:2]))})
    assert str(answer.url).endswith("/orders?shop=1")
    desk.wait(10)
    assert not desk.has(ids[0])


def test_a_viewer_and_a_stranger_delete_nothing(desk: Desk, ids: list[int]) -> None:
    assert delete(desk.person("viewer"), ids, confirmed="1").status_code == 403
    stranger = desk.person("stranger@example.org")
    assert delete(stranger, ids).status_code == 404
    delete(stranger, ids, confirmed="1")
    desk.wait(10)
    delete(desk.person("packer"), ids[:1], confirmed="1")
    undo(stranger, ids[:1])
    desk.wait(10)
    assert [desk.has(id) for id in ids] == [False, True, True]


def test_what_a_deleted_order_was_found_by_is_forgotten(desk: Desk, ids: list[int]) -> None:
    desk.wait(0)
    page = desk.person("packer")
    assert '<option value="NL"' in page.get("/orders").text
    delete(page, ids, confirmed="1")
    desk.wait(10)
    assert '<option value="NL"' not in page.get("/orders").text
