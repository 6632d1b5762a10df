"""What of an order is to be shipped, asked by every door that packs, weighs, prints or declares it."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.orders import contents
from tests import make
from tests.shipping.conftest import FakeCarrier, push

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

SYNC = "/api/v3/orders/create-label-sync"
ASYNC = "/api/v3/orders/create-labels-async"


def mug(**changes: Any) -> dict[str, Any]:
    plain = {"item_id": "1", "name": "Mug", "sku": "MUG", "hs_code": "691110", "country_of_origin": "NL"}
    return make.item(**{**plain, "measurement": {"weight": {"value": 0.2, "unit": "kg"}}, **changes})


def price(value: Any) -> dict[str, Any]:
    return {"value": value, "currency": "EUR"}


NO_GOODS: list[dict[str, Any]] = [
    {"quantity": 1, "total_price": price(-5), "name": "Ten off"},
    {"quantity": 1, "total_price": price("-0.50"), "measurement": mug()["measurement"], "hs_code": "691110"},
    {"name": "Discount SUMMER10"},
    {"name": "Gift card (e-mail)"},
    {"name": "Cadeaubon € 50"},
    {"name": "Versandkosten"},
    {"name": "Carte cadeau"},
    {"name": "Gastos de envío"},
    {"name": "Anything", "sku": "GIFT-CARD-50"},
    {"name": "Anything", "sku": "-1"},
    {"name": "E-Book", "sku": "B-1"},
    {"properties": {"is_virtual": True}},
    {"properties": {"_downloadable": "yes"}},
    {"properties": {"requiresShipping": False}},
    {"properties": {"product_type": "gift_card"}},
    {"properties": {"packhouse_ships": False}, "hs_code": "691110"},
]
GOODS: list[dict[str, Any]] = [
    {"name": "Gift card holder"},
    {"name": "Tea service"},
    {"name": "Discount SUMMER10", "measurement": mug()["measurement"]},
    {"name": "Gift card (e-mail)", "properties": {"packhouse_ships": "yes"}},
    {"name": "Ten off", "total_price": price(-5), "properties": {"packhouse_ships": True}},
    {"name": "A cup for free", "total_price": price(0)},
    {"properties": {"gift_card": "Happy birthday"}},
    {"properties": {"is_virtual": False, "requires_shipping": "true"}},
]


def ship(shop: TestClient, items: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    details = {"order_items": items, **changes.pop("order_details", {})}
    push(shop, order_details=details, **changes)
    answer = shop.post(SYNC, json={"integration_id": make.SHOP, "order": {"order_id": "o-1"}})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def packed(carrier: FakeCarrier) -> list[tuple[str, int]]:
    [consignment] = carrier.asked
    return [(item["name"], item["quantity"]) for parcel in consignment.parcels for item in parcel.items]


@pytest.mark.parametrize("odd", NO_GOODS)
def test_what_is_no_goods_is_in_no_parcel(shop: TestClient, carrier: FakeCarrier, odd: dict[str, Any]) -> None:
    ship(shop, [mug(), make.item(**odd)])
    assert packed(carrier) == [("Mug", 2)]
    assert str(carrier.asked[0].parcels[0].weight) == "0.400"


@pytest.mark.parametrize("good", GOODS)
def test_what_is_goods_is_packed(shop: TestClient, carrier: FakeCarrier, good: dict[str, Any]) -> None:
    ship(shop, [mug(), make.item(**good)])
    assert len(packed(carrier)) == 2


def test_a_guess_is_told(shop: TestClient) -> None:
    answer = ship(shop, [mug(), make.item(name="Gift card (e-mail)"), make.item(properties={"is_virtual": True})])
    assert [warning["code"] for warning in answer["meta"]["warnings"]].count("item_left_out") == 1
    [told] = [warning for warning in answer["meta"]["warnings"] if warning["code"] == "item_left_out"]
    assert told["detail"].startswith("order_details.order_items.1: ")
    assert "packhouse_ships" in told["detail"]


def test_a_tag_of_the_order_makes_all_of_it_goods(shop: TestClient, carrier: FakeCarrier) -> None:
    items = [mug(), make.item(name="Gift card (e-mail)"), make.item(quantity=1, total_price=price(-1))]
    ship(shop, items, order_details={"tags": ["Packhouse:ships-all"]})
    assert len(packed(carrier)) == 3


def test_what_was_taken_back_is_gone_whatever_else_is_said(shop: TestClient, carrier: FakeCarrier) -> None:
    id = push(
        shop, order_details={"order_items": [mug(), mug(item_id="2", name="Plate")], "tags": ["packhouse:ships-all"]}
    )
    taken = {"order_details": {"order_items": [{"name": "Plate", "quantity": 0}]}}
    assert shop.patch(f"/api/v3/orders/{id}", json=taken).status_code == 200
    call = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    assert shop.post(SYNC, json=call).status_code == 201
    assert packed(carrier) == [("Mug", 2)]


def test_the_parent_of_a_bundle_gives_its_parts_price_and_weight(shop: TestClient, carrier: FakeCarrier) -> None:
    free = {"total_price": price(0), "measurement": {}}
    items = [
        mug(item_id="9", name="Tea set", quantity=1, total_price=price("10.00"), measurement=mug()["measurement"]),
        mug(item_id="1", name="Pot", quantity=1, properties={"parent_item_id": "9"}, **free),
        mug(item_id="2", name="Cup", quantity=2, properties={"bundled_by": "9"}, **free),
    ]
    ship(shop, items)
    assert packed(carrier) == [("Pot", 1), ("Cup", 2)]
    inside = carrier.asked[0].parcels[0].items
    assert [item["total_price"]["value"] for item in inside] == ["3.33", "6.67"]
    assert str(carrier.asked[0].parcels[0].weight) == "0.200"


def test_a_bundle_without_its_parts_is_packed(shop: TestClient, carrier: FakeCarrier) -> None:
    ship(shop, [mug(item_id="9", name="Tea set"), mug(item_id="1", name="Cup", properties={"parent_item_id": "8"})])
    assert packed(carrier) == [("Tea set", 2), ("Cup", 2)]


def test_a_parcel_may_name_what_is_no_goods(shop: TestClient, carrier: FakeCarrier, work: Callable[..., int]) -> None:
    items = [mug(), make.item(item_id="2", name="Gift card (e-mail)")]
    push(shop, order_details={"order_items": items})
    lines = [{"item_id": id, "quantity": 2} for id in ("1", "2")]
    orders = [{"order_id": "o-1", "parcels": [{"parcel_items": lines}]}]
    answer = shop.post(ASYNC, json={"integration_id": make.SHOP, "orders": orders})
    assert answer.status_code == 202, answer.text
    work()
    assert packed(carrier) == [("Mug", 2)]


def test_only_goods_need_an_hs_code(client: TestClient) -> None:
    abroad = make.address(country_code="CH", postal_code="8001", city="Zürich")
    items = [make.item(name="Gift card (e-mail)"), make.item(quantity=1, total_price=price(-2)), make.item(name="Tea")]
    order = make.order(shipping_address=abroad, order_details={"order_items": items}, customs_details={})
    body = client.post("/api/v3/orders", json=[order]).json()
    assert [warning["source"]["pointer"] for warning in body["meta"]["warnings"]] == [
        "/data/attributes/[0]/order_details/order_items/2/hs_code"
    ]


@pytest.mark.parametrize(
    ("items", "subtotal", "is_odd"),
    [
        ([mug(unit_price=price("3.33"), quantity=3, total_price=price(10))], 10, False),
        ([mug(total_price=price("0.33"))] * 3, 1, False),
        ([mug(total_price=price(30)), mug(total_price=price(-5), name="Ten off")], 25, False),
        ([mug(total_price=price(30)), mug(total_price=price(-5), name="Ten off")], 30, False),
        ([mug(total_price=price(30))], 29, True),
        ([mug(unit_price=price("3.00"), quantity=3, total_price=price("9.50"))], "9.50", True),
    ],
)
def test_a_sum_that_misses_by_a_rounding_is_not_warned_of(
    shop: TestClient, items: list[dict[str, Any]], subtotal: Any, is_odd: bool
) -> None:
    payment = {"total_price": price(25), "status": {"code": "paid"}, "subtotal_price": price(subtotal)}
    answer = ship(shop, items, payment_details=payment)
    assert any("total" in warning["detail"] for warning in answer.get("meta", {}).get("warnings", [])) == is_odd


NAMED_AS_SERVICES = (
    "Kerst cadeaubon", "Bon d'achat", "Buono regalo 20 EUR", "Tarjeta de regalo", "Karta podarunkowa", "Presentkort",
    "Dárkový poukaz", "Rembourskosten", "Spese di spedizione", "Wysyłka", "Shipping protection",
    "Route Package Protection", "Express shipping upgrade", "Carbon offset", "送料", "クーポン割引", "ギフト券 1000",
    "运费", "배송비", "Доставка", "Подарочный сертификат",
)  # fmt: skip
NAMED_AS_GOODS = (
    "Gift card holder", "Tea service", "Delivery bag", "Voucher wallet leather", "Shipping box 20x20", "Tip jar",
    "Donation box", "Insurance policy folder", "Download festival T-shirt", "送料無料のお茶", "ギフト券ケース",
    "Kargo pantolon", "12", "3-2-1",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMED_AS_SERVICES)
def test_a_service_is_known_by_its_name_in_many_languages(name: str) -> None:
    assert not contents.find_goods({"order_details": {"order_items": [make.item(name=name)]}})


@pytest.mark.parametrize("name", NAMED_AS_GOODS)
def test_what_only_holds_the_word_is_goods(name: str) -> None:
    assert contents.find_goods({"order_details": {"order_items": [make.item(name=name)]}})
