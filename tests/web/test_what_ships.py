"""What of orders is to be shipped, on the page and on papers; orders that had better not be are asked about once."""

import re
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import push
from tests.shipping.test_contents import SYNC, mug, price
from tests.shipping.test_holds import hold_back, status
from tests.web.conftest import token
from tests.web.test_orders_page import work

# What the page of these tests asks of the database is tried on both elsewhere.
pytestmark = pytest.mark.one_database

__all__ = ["work"]

Person = Callable[..., TestClient]
WEIGHT = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf))


def test_customs_papers_slips_and_pick_lists_name_goods_alone(person: Person, client: TestClient) -> None:
    items = [mug(), make.item(name="Discount SUMMER10", total_price=price(-5)), make.item(name="Plate", quantity=1)]
    customs = {"commercial_invoice_number": "I-1", "shipment_type": "commercial_goods", "export_type": "commercial_b2c"}
    abroad = make.address(country_code="US", postal_code="10001", city="New York", state_province_code="NY")
    id = push(client, order_details={"order_items": items}, shipping_address=abroad, customs_details=customs)
    taken = {"order_details": {"order_items": [{"name": "Plate", "quantity": 0}]}}
    assert client.patch(f"/api/v3/orders/{id}", json=taken).status_code == 200
    sender = {**make.address(), "is_default": True, "phone_number": "+31201234567", "email": "ada@example.com"}
    assert client.post("/api/packhouse/sender-addresses", json=sender).status_code == 201
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    option = {"type": "shipping_option_code", "properties": {"shipping_option_code": "post:packet"}}
    answer = client.post(SYNC, json={**call, "ship_with": option})
    assert answer.status_code == 201, answer.text
    papers = [
        text_of(client.get(found["link"].removeprefix("http://testserver")).content)
        for found in answer.json()["data"]["documents"]
        if found["document_type"] == "customs-declaration"
    ]
    page = person("packer")
    form = {"csrf": token(page.get("/orders").text), "id": str(id)}
    papers += [
        text_of(page.post(f"/orders/print/{paper}", data=form).content) for paper in ("pick-list", "packing-slips")
    ]
    assert len(papers) >= 3
    for text in papers:
        assert "Mug" in text
        assert "SUMMER10" not in text
        assert "Plate" not in text


def test_the_page_counts_weighs_and_splits_goods(person: Person, client: TestClient) -> None:
    id = push(client, order_details={"order_items": [mug(), make.item(name="Gift card (e-mail)", quantity=7)]})
    page = person("packer")
    text = page.get(f"/orders/{id}?parcels=2").text
    assert "Not shipped:" in text
    assert 'name="parcels/1/items/0"' in text
    assert 'name="parcels/1/items/1"' not in text
    listed = page.get("/orders").text
    assert '<td class="c-items num">2</td>' in listed
    assert "0.40 kg" in listed


@pytest.fixture
def ids(client: TestClient) -> list[int]:
    """A good order, a cancelled one and one on hold."""
    told: tuple[dict[str, Any], ...] = ({}, status("cancelled"), status("on-hold"))
    return [push(client, f"s-{n}", shipping_details=WEIGHT, **changes) for n, changes in enumerate(told)]


def make_labels(page: TestClient, ids: list[int], **fields: str) -> Any:
    form = {"csrf": token(page.get("/orders").text), "id": list(map(str, ids)), **fields}
    return page.post("/orders/labels", data=form)


def made(client: TestClient) -> list[str]:
    return sorted(shipment["order_number"] for shipment in client.get("/api/v3/shipments").json()["data"])


def test_the_page_asks_once_and_sets_them_aside(person: Person, client: TestClient, ids: list[int]) -> None:
    page = person("packer")
    asked = make_labels(page, ids)
    assert asked.status_code == 200
    assert "Ship these 2 orders?" in asked.text
    assert "The order is cancelled: its status is cancelled." in asked.text
    assert "The order is on hold: its status is on-hold." in asked.text
    assert "Make the label of the other order" in asked.text
    assert made(client) == []
    shown = make_labels(page, ids, held="skip")
    assert made(client) == ["N-s-0"]
    assert "The order is cancelled: its status is cancelled." in shown.text


def test_the_page_ships_them_when_somebody_says_so(person: Person, client: TestClient, ids: list[int]) -> None:
    page = person("packer")
    assert "Make all labels, these too" in make_labels(page, ids).text
    make_labels(page, ids, held="ship")
    assert made(client) == ["N-s-0", "N-s-1", "N-s-2"]


def test_a_selection_without_any_is_not_asked_about(person: Person, client: TestClient, ids: list[int]) -> None:
    make_labels(person("packer"), ids[:1])
    assert made(client) == ["N-s-0"]


def test_what_a_rule_keeps_back_is_asked_about_whatever_option_is_chosen(
    person: Person, client: TestClient, ids: list[int]
) -> None:
    hold_back(client, countries=["NL"])
    page = person("packer")
    for option in ("", "house:standard"):
        asked = make_labels(page, ids[:1], option=option)
        assert "The shipping rule “Wait” keeps this order back." in asked.text
        assert made(client) == []
    make_labels(page, ids[:1], held="ship")
    assert made(client) == ["N-s-0"]


def test_one_order_is_asked_about_on_its_own_page(person: Person, client: TestClient, ids: list[int]) -> None:
    page = person("packer")
    text = page.get(f"/orders/{ids[1]}").text
    form = {"csrf": token(text), "parcel": "0", "seen": "0", "option": ""}
    asked = page.post(f"/orders/{ids[1]}/label", data=form)
    assert asked.status_code == 422
    assert "The order is cancelled: its status is cancelled." in asked.text
    assert "Ship it all the same" in asked.text
    assert made(client) == []
    again = re.search(r'name="held" value="(\w+)"', asked.text)
    assert again is not None
    assert page.post(f"/orders/{ids[1]}/label", data={**form, "held": again[1]}).status_code == 200
    assert made(client) == ["N-s-1"]


def test_a_table_of_weights_sets_them_aside_too(person: Person, client: TestClient, ids: list[int]) -> None:
    page = person("packer")
    form = {"csrf": token(page.get("/orders").text), "row": list(map(str, ids)), "id": list(map(str, ids))}
    shown = page.post("/labels/new", data=form)
    assert "The order is cancelled: its status is cancelled." in shown.text
    assert made(client) == ["N-s-0"]
    assert not re.search(rf'name="id" value="{ids[1]}" checked', shown.text)
    held = re.search(r'name="held" value="(\w+)"', shown.text)
    assert held is not None
    left = {**form, "row": list(map(str, ids[1:])), "id": [str(ids[2])], "held": held[1]}
    page.post("/labels/new", data=left)
    assert made(client) == ["N-s-0", "N-s-2"]


def test_a_label_of_an_order_that_was_changed_is_marked_until_a_button_is_pressed(
    person: Person, client: TestClient, ids: list[int], work: Callable[[], None]
) -> None:
    page = person("packer")
    make_labels(page, ids[:1])
    told = "The order&#39;s address was changed after the label was made."
    assert told not in page.get(f"/orders/{ids[0]}").text
    sent = {"shipping_address": {"city": "Delft"}}
    assert client.patch(f"/api/v3/orders/{ids[0]}", json=sent).status_code == 200
    work()
    for url in (f"/orders/{ids[0]}", "/shipments"):
        assert told in page.get(url).text
    assert "The label is right all the same" not in person("viewer").get("/shipments").text
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    form = {"csrf": token(page.get("/shipments").text)}
    assert told not in page.post(f"/shipments/{shipment['id']}/confirm", data=form).text
    assert told not in page.get(f"/orders/{ids[0]}").text
