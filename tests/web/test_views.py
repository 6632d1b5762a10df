"""Views of the list under a name, and what is done to many orders or shipments at once."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.orders import operations, saved_views
from tests import make
from tests.web.conftest import token
from tests.web.world import query

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


def post(page: TestClient, place: str, data: dict[str, Any], **options: Any) -> Any:
    return page.post(place, data={"csrf": token(page.get("/orders").text), **data}, **options)


@pytest.fixture
def ids(client: TestClient) -> list[int]:
    tags = {"tags": ["gift", "late"]}
    sent = [make.order(f"v-{n}", shipping_address=make.address(), order_details=tags) for n in range(3)]
    return [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]


def test_a_view_is_ones_own_or_everybodys(person: Person) -> None:
    owner = person()
    saved = post(owner, "/orders/views", {"name": " Late  gifts ", "tag": "gift", "sort": "number", "nonsense": "1"})
    assert saved.url.query == b"tag=gift&sort=number"
    post(owner, "/orders/views", {"name": "Swiss", "country": "CH", "shared": "1"})
    assert 'href="/orders?tag=gift&amp;sort=number" aria-current="true">Late gifts<' in saved.text
    reader = person("viewer")
    shown = reader.get("/orders").text
    assert 'href="/orders?country=CH">Swiss<' in shown
    assert "Late gifts" not in shown
    assert post(reader, "/orders/views", {"name": "Mine", "shop": "1"}).status_code == 200
    for place in ("/orders/views", "/orders/views/delete"):
        assert post(reader, place, {"name": "Swiss", "shared": "1"}).status_code == 403
    assert "Swiss" not in post(person("packer"), "/orders/views/delete", {"name": "Swiss", "shared": "1"}).text
    assert post(owner, "/orders/views", {"name": "x" * 61}).status_code == 400


@pytest.mark.one_database
def test_a_person_keeps_so_many_views_and_replaces_one_of_the_same_name(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST", 1)
    page = person()
    assert post(page, "/orders/views", {"name": "One"}).status_code == 200
    assert post(page, "/orders/views", {"name": "One", "q": "ada"}).status_code == 200
    assert 'href="/orders?q=ada"' in page.get("/orders").text
    assert post(page, "/orders/views", {"name": "Two"}).status_code == 409


def test_many_are_edited_each_by_itself(person: Person, client: TestClient, ids: list[int]) -> None:
    page = person("packer")
    form = post(page, "/orders/edit", {"id": ids[:2], "then": "/orders?tag=gift"})
    assert "Edit 2 orders" in form.text
    assert post(page, "/orders/edit", {"id": ids[:2], "apply": "1"}).status_code == 422
    fields = {
        "add": "fragile, gift", "remove": "late", "hold": "hold", "option": "house:standard",
        "weight/value": "1.5", "weight/unit": "kg", "apply": "1", "then": "/orders?tag=gift",
    }  # fmt: skip
    done = post(page, "/orders/edit", {"id": ids[:2], **fields}, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/orders?tag=gift")
    changed = client.get(f"{URL}/{ids[0]}").json()["data"]
    assert changed["order_details"]["tags"] == ["gift", "fragile"]
    assert changed["order_details"]["status"]["code"] == "on_hold"
    assert changed["shipping_details"] == {
        "measurement": {"weight": {"value": 1.5, "unit": "kg"}},
        "ship_with": {
            "type": "shipping_option_code",
            "properties": {"shipping_option_code": "house:standard"},
        },
    }
    assert client.get(f"{URL}/{ids[2]}").json()["data"]["order_details"]["tags"] == ["gift", "late"]
    heavy = post(page, "/orders/edit", {"id": ids, "weight/value": "heavy", "apply": "1"})
    assert "cannot be read" in heavy.text
    assert post(person("viewer"), "/orders/edit", {"id": ids}).status_code == 403


@pytest.mark.one_database
def test_one_that_is_refused_holds_up_no_other(person: Person, ids: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    patch_order = operations.patch_order

    async def refuse(tx: Any, caller: Any, id: int, sent: Any, **options: Any) -> Any:
        if id == ids[0]:
            raise errors.Conflict(errors.ErrorItem("conflict", message("It is locked.")))
        return await patch_order(tx, caller, id, sent, **options)

    monkeypatch.setattr(operations, "patch_order", refuse)
    refused = post(person("packer"), "/orders/edit", {"id": ids, "add": "checked", "apply": "1"})
    assert refused.status_code == 422
    assert "1 order was not changed" in refused.text
    assert "It is locked." in refused.text
    assert "2 others were." in refused.text


@pytest.mark.one_database
def test_all_that_a_list_finds_can_be_selected(person: Person, ids: list[int]) -> None:
    page = person("viewer")
    assert sorted(page.get("/orders/found?sort=number").json()) == sorted(map(str, ids))
    assert page.get("/orders/found?show=shipped").json() == []
    assert "3 orders" in page.get("/orders").text
    many = [str(number) for number in range(1, 300)]
    refused = post(page, "/orders/print/pick-list", {"id": many})
    assert refused.status_code == 400
    assert "at most 200 at once" in refused.text


def test_many_shipments_are_printed_and_cancelled(
    person: Person, ids: list[int], do_jobs: Callable[..., None], database_url: str
) -> None:
    page = person("packer")
    post(page, "/orders/labels", {"id": ids})
    do_jobs()
    numbers = query(database_url, "SELECT id FROM shipments ORDER BY id")
    assert len(re.findall(r'<input type="checkbox" form="selection" name="id"', page.get("/shipments").text)) == 3
    printed = post(page, "/shipments/print", {"id": numbers})
    assert printed.headers["content-type"] == "application/pdf"
    asked = post(page, "/shipments/cancel", {"id": numbers[:2], "then": "/shipments?shop=1"})
    assert "Cancel 2 shipments?" in asked.text
    done = post(page, "/shipments/cancel", {"id": numbers[:2], "confirmed": "1", "then": "/shipments?shop=1"})
    assert done.url.query == b"shop=1"
    do_jobs()
    assert query(database_url, "SELECT state FROM shipments ORDER BY id") == ["cancelled", "cancelled", "ready"]
    again = post(page, "/shipments/cancel", {"id": numbers, "confirmed": "1"})
    assert again.status_code == 422
    assert "2 shipments were not cancelled" in again.text
    assert "1 other is being cancelled" in again.text


def test_after_a_label_the_order_stays(person: Person, ids: list[int]) -> None:
    page = person("packer")
    sent = {
        "parcel": "0",
        "seen": "0",
        "parcels/0/weight/value": "1",
        "parcels/0/weight/unit": "kg",
        "next": str(ids[1]),
    }
    shown = post(page, f"/orders/{ids[0]}/label?tag=gift", sent)
    assert shown.url.path == f"/orders/{ids[0]}"
    assert "Label made" in shown.text
    assert re.search(r'href="/labels/print\?shipments=\d+"[^>]*data-key="p-one"', shown.text)
    assert f'href="/orders/{ids[1]}?tag=gift" data-key="next"' in shown.text.replace(' role="button"', "")
    assert "Label made" not in page.get(f"/orders/{ids[1]}?made=1").text
