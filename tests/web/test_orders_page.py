"""The list of orders and one order, by HTTP: found, narrowed, changed, and refused in the words of the API."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.bootstrap import open_context
from packhouse.kit.db import Database
from packhouse.settings import Settings
from packhouse.worker import Worker
from tests import make
from tests.conftest import SECOND_SHOP, SHOP, STRANGER
from tests.web.conftest import token

Person = Callable[..., TestClient]
URL = "/api/v3/orders"


@pytest.fixture
def work(database_url: str) -> Callable[[], None]:
    """Do what is due, as the worker does."""

    async def drain() -> None:
        db = Database(database_url)
        async with open_context(Settings(database_url=database_url), db) as ctx:
            await Worker(ctx).drain()
        await db.close()

    return lambda: asyncio.run(drain())


def numbers(page: Any) -> list[str]:
    return re.findall(r'class="c-number"><a[^>]*>([^<]*)</a>', page.text)


def placed(hour: int, **details: Any) -> dict[str, Any]:
    return {"order_created_at": f"2026-03-14T{hour:02}:00:00Z", **details}


@pytest.fixture
def orders(client: TestClient, work: Callable[[], None]) -> TestClient:
    """Three of two shops; the second has a tag and a warning."""
    ada = make.address(email="ada@example.com")
    sent = [
        make.order("a-1", order_details=placed(8), shipping_address=ada),
        make.order(
            "a-2",
            order_details=placed(9, tags=["gift"], order_items=[make.item(sku="TEA-9")]),
            shipping_address=make.address(name="Jan Kowalski", postal_code="1", country_code="NL"),
        ),
        make.order(
            "b-3",
            integration=SECOND_SHOP,
            order_details=placed(10, status={"code": "on-hold"}),
            shipping_address=make.address(name="Ada Blum", country_code="DE", postal_code="10115"),
        ),
    ]
    assert client.post(URL, json=sent).status_code == 200
    work()
    return client


def test_the_newest_stand_first_and_narrow_by_everything(person: Person, orders: TestClient) -> None:
    assert orders
    page = person("viewer")
    for query, found in {
        "": ["N-b-3", "N-a-2", "N-a-1"],
        "?sort=placed": ["N-a-1", "N-a-2", "N-b-3"],
        "?sort=number": ["N-a-1", "N-a-2", "N-b-3"],
        f"?shop={SHOP}": ["N-a-2", "N-a-1"],
        "?status=on-hold": ["N-b-3"],
        "?country=NL": ["N-a-2", "N-a-1"],
        "?country=NL&sort=number": ["N-a-1", "N-a-2"],
        "?tag=gift": ["N-a-2"],
        "?warnings=1": ["N-a-2"],
        "?from=2026-03-15": [],
        "?to=2026-03-14&country=DE": ["N-b-3"],
        "?q=n-A-1": ["N-a-1"],
        "?q=b-3": ["N-b-3"],
        "?q=ada": ["N-b-3", "N-a-1"],
        "?q=Ada+Visser": ["N-a-1"],
        "?q=kow": ["N-a-2"],
        "?q=ADA@example.com": ["N-a-1"],
        "?q=tea-9": ["N-a-2"],
        "?q=1015+cr": ["N-a-1"],
        "?q=1015CR": ["N-a-1"],
        "?q=ada&country=DE": ["N-b-3"],
        "?q=nobody": [],
        "?show=shipped": [],
        "?cursor=nonsense": ["N-b-3", "N-a-2", "N-a-1"],
    }.items():
        assert numbers(page.get(f"/orders{query}")) == found, query


SORTED = {
    "recipient": ["N-s-2", "N-s-3", "N-s-1"],  # Ada, bob, Cy
    "country": ["N-s-2", "N-s-3", "N-s-1"],  # BE, DE, NL
    "items": ["N-s-3", "N-s-1", "N-s-2"],  # 1, 2, 7
    "weight": ["N-s-2", "N-s-3", "N-s-1"],  # none, 900 g, 2.5 kg
    "total": ["N-s-1", "N-s-2", "N-s-3"],  # 9 EUR, 80 EUR, 5 USD
    "payment": ["N-s-3", "N-s-1", "N-s-2"],  # invoice, paid, pending
    "status": ["N-s-2", "N-s-1", "N-s-3"],  # held, open, sent
    "delivery": ["N-s-1", "N-s-3", "N-s-2"],  # none, Evening, express
    "tags": ["N-s-2", "N-s-1", "N-s-3"],  # none, a, b
    "warnings": ["N-s-1", "N-s-2", "N-s-3"],  # 0, 0, 1
    "number": ["N-s-1", "N-s-2", "N-s-3"],
    "shop": ["N-s-1", "N-s-3", "N-s-2"],
    "placed": ["N-s-1", "N-s-2", "N-s-3"],
}


def price(value: float | str, currency: str, status: str) -> dict[str, Any]:
    return {"total_price": {"value": value, "currency": currency}, "status": {"code": status}}


@pytest.fixture
def sortable(client: TestClient) -> TestClient:
    """Three orders that every column sorts in another way."""

    def weigh(value: Any, unit: str) -> dict[str, Any]:
        return {"measurement": {"weight": {"value": value, "unit": unit}}}

    def details(hour: int, quantity: int, status: str, tags: list[str]) -> dict[str, Any]:
        return placed(hour, order_items=[make.item(quantity=quantity)], status={"code": status}, tags=tags)

    def to(name: str, country: str, code: str) -> dict[str, Any]:
        return make.address(name=name, country_code=country, postal_code=code)

    places = (to("Cy", "NL", "1015 CR"), to("Ada", "BE", "1000"), to("bob", "DE", "?"))
    parts = (details(8, 2, "open", ["a"]), details(9, 7, "held", []), details(10, 1, "sent", ["b"]))
    prices = (price("9", "EUR", "paid"), price(80, "EUR", "pending"), price(5, "USD", "invoice"))
    evening = {**weigh(900, "g"), "delivery_indicator": "Evening"}
    ways: tuple[dict[str, Any], ...] = (weigh(2.5, "kg"), {"delivery_indicator": "express"}, evening)
    sent = []
    for number, (address, part, paid, way) in enumerate(zip(places, parts, prices, ways, strict=True), 1):
        shop = SECOND_SHOP if number == 2 else SHOP
        held = {"shipping_address": address, "order_details": part, "payment_details": paid, "shipping_details": way}
        sent.append(make.order(f"s-{number}", shop, **held))
    answer = client.post(URL, json=sent)
    assert answer.status_code == 200, answer.text
    return client


@pytest.mark.parametrize("column", SORTED)
def test_every_column_sorts_both_ways_and_turns_its_pages(person: Person, sortable: TestClient, column: str) -> None:
    assert sortable
    page = person("viewer")
    wanted = SORTED[column]
    assert numbers(page.get(f"/orders?sort={column}")) == wanted
    falling = numbers(page.get(f"/orders?sort=-{column}"))
    assert sorted(falling) == sorted(wanted)
    assert falling[::-1] == wanted or column == "warnings"  # of equals the newest comes first then, too
    text = page.get("/orders").text
    assert re.search(rf'<th class="c-{column}"[^>]*><a href="/orders[^"]*">', text)


def test_a_list_that_is_sorted_here_turns_its_pages_without_losing_or_repeating_any(
    person: Person, client: TestClient
) -> None:
    parts = [placed(n % 24, order_items=[make.item(quantity=n % 7 + 1)]) for n in range(120)]
    sent = [make.order(f"w-{n:03}", order_details=part) for n, part in enumerate(parts)]
    assert client.post(URL, json=sent[:100]).status_code == client.post(URL, json=sent[100:]).status_code == 200
    page = person()
    for sort in ("items", "-items"):
        seen: list[str] = []
        place = f"/orders?size=50&sort={sort}"
        pages = 0
        while place:
            text = page.get(place)
            seen += numbers(text)
            found = re.search(r'rel="next" href="([^"]+)"', text.text)
            last, place = place, found[1].replace("&amp;", "&") if found else ""
            pages += 1
        assert (pages, len(seen), len(set(seen))) == (3, 120, 120)
        counts = [int(number[4:]) % 7 for number in seen]
        assert counts == sorted(counts, reverse=sort.startswith("-"))
        back = re.search(r'rel="prev" href="([^"]+)"', page.get(last).text)
        assert back is not None
        assert numbers(page.get(back[1].replace("&amp;", "&"))) == seen[50:100]
    for place in ("cursor=cD1bMSwyXQ", "cursor=cD1bImEiLDJd", "cursor=cD03"):
        assert len(numbers(page.get(f"/orders?size=50&sort=items&{place}"))) == 50


def test_what_changed_is_found_by_what_it_is_now(person: Person, orders: TestClient, work: Callable[[], None]) -> None:
    page = person()
    id = orders.get(f"{URL}?order_id=a-1").json()["data"][0]["id"]
    orders.patch(f"{URL}/{id}", json={"shipping_address": {"name": "Zoe Quist"}, "order_details": {"tags": ["late"]}})
    work()
    assert numbers(page.get("/orders?q=visser")) == []
    assert numbers(page.get("/orders?q=quist&tag=late")) == ["N-a-1"]


def test_a_stranger_sees_nothing_of_it(person: Person, orders: TestClient) -> None:
    stranger = person("stranger@example.org")
    for query in ("", "?q=ada", "?country=NL"):
        assert numbers(stranger.get(f"/orders{query}")) == []
    id = orders.get(URL).json()["data"][0]["id"]
    assert stranger.get(f"/orders/{id}").status_code == 404
    assert orders.get(URL, auth=STRANGER).json()["data"] == []


def test_pages_are_turned_by_place(person: Person, client: TestClient) -> None:
    batch = [make.order(f"p-{n:03}", order_details=placed(n % 24)) for n in range(60)]
    client.post(URL, json=batch)
    page = person()
    first = page.get("/orders?size=50")
    following = re.search(r'rel="next" href="([^"]+)"', first.text)
    assert following is not None
    second = page.get(following[1].replace("&amp;", "&"))
    assert (len(numbers(first)), len(numbers(second))) == (50, 10)
    assert set(numbers(first)).isdisjoint(numbers(second))
    assert 'rel="prev"' in second.text


@pytest.mark.one_database
def test_columns_are_kept(person: Person, orders: TestClient) -> None:
    assert orders
    page = person()
    form = page.get("/orders").text
    sent = {"csrf": token(form), "column": ["shop", "total"], "then": "/orders?shop=1"}
    kept = page.post("/orders/columns", data=sent)
    assert re.findall(r'<th class="c-(\w+)"', kept.text) == ["number", "shop", "total"]
    assert str(kept.url).endswith("/orders?shop=1")


def open_order(page: TestClient, orders: TestClient, order_id: str) -> tuple[int, dict[str, str]]:
    id = orders.get(f"{URL}?order_id={order_id}").json()["data"][0]["id"]
    text = page.get(f"/orders/{id}").text
    version = re.search(r'name="version" value="(\d+)"', text)
    assert version is not None
    return id, {"csrf": token(text), "version": version[1]}


def test_each_section_changes_its_fields_and_no_other(person: Person, orders: TestClient) -> None:
    page = person("packer")
    id, form = open_order(page, orders, "a-1")
    before = orders.get(f"{URL}/{id}").json()["data"]
    changes = {"shipping_address/city": "Delft", "order_details/notes": "ring\r\ntwice", "order_details/tags": "a, b,a"}
    weight = {"shipping_details/measurement/weight/value": "2.5", "shipping_details/measurement/weight/unit": "kg"}
    quantity = {"order_details/order_items/0/quantity": "7"}
    answer = page.post(f"/orders/{id}", data={**form, **changes, **weight, **quantity}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/orders/{id}")
    after = orders.get(f"{URL}/{id}").json()["data"]
    before["shipping_address"]["city"] = "Delft"
    before["order_details"] |= {"notes": "ring\ntwice", "tags": ["a", "b"]}
    before["order_details"]["order_items"][0]["quantity"] = 7
    before["shipping_details"] = {"measurement": {"weight": {"value": 2.5, "unit": "kg"}}}
    assert {**after, "modified_at": ""} == {**before, "modified_at": ""}
    [newest, _] = orders.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert newest["by"]["type"] == "user"
    shown = page.get(f"/orders/{id}").text
    assert "bo@example.com" in shown
    assert "<del>Amsterdam</del> → <ins>Delft</ins>" in shown


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shipping_address/country_code", "QQ"),
        ("shipping_address/city", ""),
        ("shipping_address/email", "nobody"),
        ("shipping_address/state_province_code", "US-NY"),
        ("order_details/order_items/0/quantity", "many"),
        ("shipping_details/measurement/weight/value", "0"),
        ("order_details/status/code", ""),
    ],
)
def test_a_fault_stands_at_its_field_in_the_words_of_the_api(
    person: Person, orders: TestClient, field: str, value: str
) -> None:
    page = person()
    id, form = open_order(page, orders, "a-1")
    before = orders.get(f"{URL}/{id}").content
    answer = page.post(f"/orders/{id}", data={**form, field: value})
    assert answer.status_code == 422
    assert orders.get(f"{URL}/{id}").content == before
    place = re.escape(field)
    told = re.search(
        rf'name="{place}"[^>]*aria-invalid="true".*?<(?:span|td)[^>]* ?class="fault">([^<]+)</', answer.text, re.DOTALL
    )
    assert told is not None
    assert "should" in told[1] or "valid" in told[1] or "cannot be read" in told[1]


def test_of_two_items_of_one_name_the_one_that_was_edited_changes(person: Person, client: TestClient) -> None:
    items = [make.item(quantity=1, sku="a"), make.item(quantity=2, sku="b")]
    client.post(URL, json=[make.order("twins", order_details={"order_items": items})])
    page = person()
    id, form = open_order(page, client, "twins")
    quantities = {"order_details/order_items/0/quantity": "1", "order_details/order_items/1/quantity": "7"}
    assert page.post(f"/orders/{id}", data={**form, **quantities}).status_code == 200
    found = client.get(f"{URL}/{id}").json()["data"]["order_details"]["order_items"]
    assert [item["quantity"] for item in found] == [1, 7]


def test_an_order_without_an_address_is_given_one(person: Person, client: TestClient) -> None:
    client.post(URL, json=[make.order("bare")])
    page = person()
    id, form = open_order(page, client, "bare")
    refused = page.post(f"/orders/{id}", data={**form, "shipping_address/name": "Ada", "shipping_address/city": ""})
    assert refused.status_code == 422
    assert "Field required" in refused.text
    whole = {f"shipping_address/{name}": value for name, value in make.address().items()}
    assert page.post(f"/orders/{id}", data={**form, **whole}).status_code == 200
    assert client.get(f"{URL}/{id}").json()["data"]["shipping_address"] == make.address()


def test_a_status_and_an_items_weight_are_told_and_customs_are_shown(person: Person, client: TestClient) -> None:
    customs = {
        "commercial_invoice_number": "INV-7",
        "shipment_type": "gift",
        "tax_numbers": {"sender": [{"name": "EORI", "country_code": "NL", "value": "NL0001"}]},
    }
    items = [make.item(hs_code="0902100000", country_of_origin="JP")]
    to = make.address(country_code="CH", postal_code="8001")
    order = make.order("far", order_details={"order_items": items}, customs_details=customs, shipping_address=to)
    assert client.post(URL, json=[order]).status_code == 200
    page = person()
    id, form = open_order(page, client, "far")
    status = {"order_details/status/code": "packed", "order_details/status/message": "Packed"}
    assert page.post(f"/orders/{id}", data={**form, **status}).status_code == 200
    stored = client.get(f"{URL}/{id}").json()["data"]["order_details"]["status"]
    assert stored == {"code": "packed", "message": "Packed"}
    text = page.get(f"/orders/{id}").text
    for told in ("INV-7", "<dd>gift</dd>", "EORI NL0001", "0902100000 · Japan", "status › code"):
        assert told in text


@pytest.mark.one_database
def test_warnings_stand_at_their_places(person: Callable[..., TestClient], client: TestClient) -> None:
    odd = make.order("odd", shipping_address=make.address(postal_code="nowhere", phone_number="12"))
    odd["order_details"]["order_items"][0]["ean"] = "4006381333932"
    [receipt] = client.post(URL, json=[odd]).json()["data"]
    shown = person().get(f"/orders/{receipt['id']}").text
    address = shown.partition("<address>")[2].partition("</section>")[0]
    assert "⚠ Postal codes of NL are not written like this." in address
    assert "⚠ This can&#39;t be a telephone number, dialled from NL." in address
    items = shown.partition('class="items"')[2].partition("</table>")[0]
    assert "⚠ The check digit of EAN 4006381333932 is wrong" in items
    field = shown.partition('name="shipping_address/postal_code"')[2].partition("</label>")[0]
    assert "⚠ Postal codes of NL are not written like this." in field


def test_a_change_made_elsewhere_meanwhile_is_shown_and_not_overwritten(person: Person, orders: TestClient) -> None:
    page = person()
    id, form = open_order(page, orders, "a-1")
    orders.patch(f"{URL}/{id}", json={"shipping_address": {"city": "Gouda"}})
    answer = page.post(f"/orders/{id}", data={**form, "shipping_address/city": "Delft"})
    assert answer.status_code == 409
    assert "changed elsewhere meanwhile" in answer.text
    assert "Now: Gouda" in answer.text
    assert orders.get(f"{URL}/{id}").json()["data"]["shipping_address"]["city"] == "Gouda"
    assert 'name="version" value="2"' in answer.text


def test_a_viewer_changes_nothing(person: Person, orders: TestClient) -> None:
    page = person("viewer")
    id = orders.get(URL).json()["data"][0]["id"]
    text = page.get(f"/orders/{id}").text
    assert "Save address" not in text
    answer = page.post(f"/orders/{id}", data={"csrf": token(text), "version": "1", "shipping_address/city": "X"})
    assert answer.status_code == 403


@pytest.mark.one_database
def test_pictures_come_from_outside_only_where_a_setting_allows(person: Person, client: TestClient) -> None:
    item = make.item(image_url="https://shop.example/tea.png")
    client.post(URL, json=[make.order(order_details={"order_items": [item]})])
    plain = person().get("/orders/1")
    assert "shop.example" not in plain.text
    assert "img-src 'self' data:;" in plain.headers["content-security-policy"]
    shown = person(outside_images=True).get("/orders/1")
    assert 'src="https://shop.example/tea.png"' in shown.text
    assert "img-src 'self' data: https:" in shown.headers["content-security-policy"]


@pytest.mark.one_database
def test_an_account_without_orders_is_told_how_to_send_the_first(person: Person) -> None:
    text = person().get("/orders").text
    assert "No orders yet" in text
    assert "curl -u owner-public http://testserver/api/v3/orders" in text
