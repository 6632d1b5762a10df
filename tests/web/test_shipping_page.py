"""From the page to labels: for one order, for many, tried again and cancelled."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.web.conftest import token
from tests.web.test_orders_page import work

__all__ = ["work"]

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


@pytest.fixture
def ids(client: TestClient) -> list[int]:
    """Two orders that can be shipped and one without an address."""
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    sent = [
        make.order("s-1", shipping_address=make.address(), shipping_details=measured),
        make.order("s-2", shipping_address=make.address(), shipping_details=measured),
        make.order("s-3"),
    ]
    return [receipt["id"] for receipt in client.post(URL, json=sent).json()["data"]]


def make_labels(page: TestClient, ids: list[int], **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/orders/labels", data=form)


def test_one_order_has_its_label_at_once(person: Person, ids: list[int]) -> None:
    page = person("packer")
    text = page.get(f"/orders/{ids[0]}").text
    assert "the account's default" in text
    shown = make_labels(page, ids[:1])
    printed = re.search(r'href="(/labels/print[^"]+)"', shown.text)
    assert printed is not None
    document = page.get(printed[1].replace("&amp;", "&"))
    assert (document.headers["content-type"], document.content[:5]) == ("application/pdf", b"%PDF-")
    assert "Print label" in page.get(f"/orders/{ids[0]}").text
    assert "N-s-1" not in page.get("/orders").text
    assert "N-s-1" in page.get("/orders?show=shipped").text


def test_many_are_made_by_the_worker_and_the_rest_is_told_why(
    person: Person, ids: list[int], work: Callable[[], None]
) -> None:
    page = person("packer")
    shown = make_labels(page, ids)
    assert "1 of 3" in shown.text
    assert "The order has no valid shipping address." in shown.text
    assert 'hx-trigger="load delay:1s"' in shown.text
    work()
    again = page.get(str(shown.url))  # all of it stands in the address
    assert "3 of 3" in again.text
    assert "Print 2 labels in one PDF" in again.text
    assert "Try these again" in again.text
    assert "hx-trigger" not in again.text
    assert len(page.get("/shipments").text.split('class="c-number"')) == 3
    printed = re.search(r'href="(/labels/print[^"]+)"', again.text)
    assert printed is not None
    assert page.get(printed[1].replace("&amp;", "&")).content[:5] == b"%PDF-"


def test_a_shipment_is_found_and_cancelled(person: Person, ids: list[int], client: TestClient) -> None:
    page = person("packer")
    make_labels(page, ids[:1])
    [made] = client.get("/api/v3/shipments").json()["data"]
    assert "N-s-1" in page.get("/shipments?number=n-s-1").text
    assert "Nothing found" in page.get("/shipments?number=other").text
    form = {"csrf": token(page.get("/shipments").text)}
    assert "Cancelled" in page.post(f"/shipments/{made['id']}/cancel", data=form).text
    assert "N-s-1" in page.get("/orders").text


def test_a_viewer_and_a_stranger_ship_nothing(person: Person, ids: list[int], client: TestClient) -> None:
    assert make_labels(person("viewer"), ids).status_code == 403
    assert "Print" not in make_labels(person("stranger@example.org"), ids).text
    assert client.get("/api/v3/shipments").json()["data"] == []


def test_a_selection_prints_its_pick_list_and_packing_slips(person: Person, ids: list[int]) -> None:
    for role, status in (("viewer", 200), ("stranger@example.org", 404)):
        page = person(role)
        form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids))}
        for paper in ("pick-list", "packing-slips"):
            answer = page.post(f"/orders/print/{paper}", data=form)
            assert answer.status_code == status
            assert answer.content.startswith(b"%PDF-") == (status == 200)
        assert page.post("/orders/print/poster", data=form).status_code == 404
