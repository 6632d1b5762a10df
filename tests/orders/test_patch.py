"""PATCH /orders/{id}: a deep merge of what is sent."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import OWNER, SECOND_SHOP, SHOP, STRANGER

URL = "/api/v3/orders"
NO_SUCH_ORDER = {"status": "404", "code": "not_found", "title": "Not found", "detail": "Could not find specified item."}
NO_SUCH_ITEM = {
    "status": "400",
    "code": "invalid",
    "title": "Invalid",
    "detail": "Could not find specified item.",
    "source": {"pointer": "order/order_details/order_items"},
}


def push(client: TestClient, order: dict[str, Any]) -> int:
    answer = client.post(URL, json=[order])
    assert answer.status_code == 200, answer.text
    id: int = answer.json()["data"][0]["id"]
    return id


def read(client: TestClient, id: int) -> dict[str, Any]:
    order: dict[str, Any] = client.get(f"{URL}/{id}").json()["data"]
    return order


def content(client: TestClient, id: int) -> dict[str, Any]:
    return {name: value for name, value in read(client, id).items() if name not in ("id", "created_at", "modified_at")}


def patch(client: TestClient, id: int, sent: dict[str, Any]) -> dict[str, Any]:
    """What the order holds after it."""
    answer = client.patch(f"{URL}/{id}", json=sent)
    assert answer.status_code == 200, answer.text
    return content(client, id)


def refuse(client: TestClient, id: int, sent: Any) -> list[tuple[str, str]]:
    """Place and detail of each error; nothing may have changed."""
    before = read(client, id)
    answer = client.patch(f"{URL}/{id}", json=sent)
    assert answer.status_code == 400, answer.text
    assert read(client, id) == before
    faults = answer.json()["errors"]
    assert {(fault["status"], fault["code"]) for fault in faults} == {("400", "invalid")}
    return [(fault["source"]["pointer"].removeprefix("/data/attributes/"), fault["detail"]) for fault in faults]


def full(**changes: Any) -> dict[str, Any]:
    weight = {"weight": {"value": 2.5, "unit": "kg"}}
    whole = make.order(
        order_details={"notes": "ring", "tags": ["a", "b"], "order_items": [make.item(sku="t"), make.item(name="Cup")]},
        payment_details={"discount_granted": {"value": "1.00", "currency": "EUR"}, "invoice_date": "2026-03-15"},
        customer_details={"name": "Ada", "email": "ada@example.com"},
        shipping_address=make.address(),
        shipping_details={"measurement": weight, "is_local_pickup": False},
        customs_details={"shipment_type": "gift", "tax_numbers": {"sender": [{"name": "VAT", "value": "1"}]}},
        service_point_details={"id": "7", "extra_data": {"a": {"b": 1}}},
    )
    return {**whole, **changes}


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_the_answer_is_a_receipt(serve: Any, profile: str) -> None:
    client = serve(profile=profile)
    client.auth = OWNER
    client.post(URL, json=[make.order()])
    answer = client.patch(f"{URL}/1", json={"order_number": "N-2"})
    assert (answer.status_code, answer.json()) == (200, {"data": {"id": 1, "order_id": "o-1", "order_number": "N-2"}})


def test_objects_are_merged_at_any_depth(client: TestClient) -> None:
    id = push(client, full())
    found = patch(
        client,
        id,
        {
            "order_details": {"status": {"message": "Packed"}},
            "payment_details": {"total_price": {"value": "9.90"}, "discount_granted": {"currency": "USD"}},
            "shipping_address": {"city": "Delft"},
            "shipping_details": {"measurement": {"weight": {"unit": "g"}, "volume": {"value": 1, "unit": "l"}}},
            "customer_details": {"phone_number": "+31201234567"},
            "customs_details": {"export_type": "private"},
            "service_point_details": {"id": "8", "extra_data": {"a": {"c": 2}}},
        },
    )
    assert found["order_details"]["status"] == {"code": "unfulfilled", "message": "Packed"}
    assert found["payment_details"]["total_price"] == {"value": "9.90", "currency": "EUR"}
    assert found["payment_details"]["discount_granted"] == {"value": "1.00", "currency": "USD"}
    assert found["payment_details"]["status"] == {"code": "paid"}
    assert found["shipping_address"] == make.address(city="Delft")
    measurement = {"weight": {"value": 2.5, "unit": "g"}, "volume": {"value": 1, "unit": "l"}}
    assert found["shipping_details"] == {"measurement": measurement, "is_local_pickup": False}
    assert found["customer_details"] == {"name": "Ada", "email": "ada@example.com", "phone_number": "+31201234567"}
    assert found["customs_details"] == {**full()["customs_details"], "export_type": "private"}
    assert found["service_point_details"] == {"id": "8", "extra_data": {"a": {"b": 1, "c": 2}}}


def test_what_is_not_sent_stays(client: TestClient) -> None:
    id = push(client, full())
    before = read(client, id)
    nothings: list[dict[str, Any]] = [{}, {"order_details": {}}, {**items(), "shipping_address": {}}]
    for nothing in nothings:
        patch(client, id, nothing)
    assert read(client, id) == before


def test_lists_are_replaced(client: TestClient) -> None:
    id = push(client, full())
    found = patch(client, id, {"order_details": {"tags": ["c"]}, "customs_details": {"tax_numbers": {"sender": []}}})
    assert found["order_details"]["tags"] == ["c"]
    assert found["customs_details"] == {"shipment_type": "gift", "tax_numbers": {"sender": []}}


NULLABLE = [
    ("order_details", "notes"),
    ("order_details", "tags"),
    ("payment_details", "invoice_date"),
    ("payment_details", "discount_granted"),
    ("payment_details", "insurance_costs"),
    ("payment_details", "is_cash_on_delivery"),
    ("shipping_details", "is_local_pickup"),
    ("customs_details", "tax_numbers"),
    ("shipping_address", "po_box"),
]


def test_null_clears_what_may_be_null(client: TestClient) -> None:
    id = push(client, full())
    for container, name in NULLABLE:
        assert patch(client, id, {container: {name: None}})[container].get(name) is None
    assert patch(client, id, {"customs_details": None}).get("customs_details") is None
    cup = {"name": "Cup", "delivery_dates": None, "mid_code": None}
    found = patch(client, id, {"order_details": {"order_items": [cup]}})["order_details"]["order_items"][1]
    assert (found.get("delivery_dates"), found.get("mid_code"), found["quantity"]) == (None, None, 2)


NOT_NULLABLE = {
    "order_id": "Input should be a valid string",
    "order_number": "Input should be a valid string",
    "order_details": "Input should be an object",
    "order_details/status": "Input should be an object",
    "order_details/order_created_at": "Input should be a valid string",
    "order_details/order_items": "Input should be a valid array",
    "payment_details": "Input should be an object",
    "payment_details/total_price": "Input should be an object",
    "shipping_address": "Input should be an object",
    "shipping_address/city": "Input should be a valid string",
    "shipping_details": "Input should be an object",
    "customer_details": "Input should be an object",
    "service_point_details": "Input should be an object",
}


@pytest.mark.one_database
def test_null_is_refused_where_a_value_is_needed(client: TestClient) -> None:
    id = push(client, full())
    for path, detail in NOT_NULLABLE.items():
        sent: Any = None
        for step in reversed(path.split("/")):
            sent = {step: sent}
        assert refuse(client, id, sent) == [(path, detail)]


def items(*sent: dict[str, Any]) -> dict[str, Any]:
    return {"order_details": {"order_items": list(sent)}}


def test_items_are_matched_by_name_and_merged(client: TestClient) -> None:
    id = push(client, full())
    found = patch(client, id, items({"name": "Cup", "quantity": 7, "total_price": {"value": 3}}))
    cup = make.item(name="Cup", quantity=7, total_price={"value": 3, "currency": "EUR"})
    assert found["order_details"]["order_items"] == [make.item(sku="t"), cup]
    found = patch(client, id, items({"name": "Cup", "sku": "c"}, {"name": "Green tea", "quantity": 0}))
    assert found["order_details"]["order_items"] == [make.item(sku="t", quantity=0), {**cup, "sku": "c"}]
    assert found["order_details"]["notes"] == "ring"


def test_an_item_whose_name_others_have_is_refused_with_its_place(client: TestClient) -> None:
    some = [make.item(quantity=n) for n in (1, 2)]
    id = push(client, make.order(order_details={"order_items": [*some, make.item(name="Cup")]}))
    detail = "The order has 2 items named 'Green tea': say by item_id which one is meant, or send them all."
    for sent, index in (
        (({"name": "Green tea", "sku": "x"},), 0),
        (({"name": "Cup", "sku": "c"}, {"name": "Green tea"}), 1),
    ):
        assert refuse(client, id, items(*sent)) == [(f"order_details/order_items/{index}/item_id", detail)]
    twice = items({"name": "Cup", "quantity": 3}, {"name": "Cup", "quantity": 4})
    assert [place for place, _ in refuse(client, id, twice)] == ["order_details/order_items/1/name"]


def test_items_are_matched_by_item_id_where_it_is_sent(client: TestClient) -> None:
    shirts = [make.item(name="T-shirt", item_id=str(n), quantity=1) for n in (1, 2, 3)]
    id = push(client, make.order(order_details={"order_items": [*shirts, make.item(name="Cap")]}))
    found = patch(client, id, items({"name": "T-shirt", "item_id": "2", "quantity": 5}))
    assert [item["quantity"] for item in found["order_details"]["order_items"]] == [1, 5, 1, 2]
    found = patch(
        client,
        id,
        items(
            {"name": "Shirt", "item_id": "3", "quantity": 7},
            {"name": "Cap", "item_id": "9"},
            {"name": "T-shirt", "item_id": "1", "quantity": 4},
        ),
    )
    told = [(item["name"], item["item_id"], item["quantity"]) for item in found["order_details"]["order_items"]]
    assert told == [("T-shirt", "1", 4), ("T-shirt", "2", 5), ("Shirt", "3", 7), ("Cap", "9", 2)]
    for lost in ("4", "cap"):
        answer = client.patch(f"{URL}/{id}", json=items({"name": "T-shirt", "item_id": lost}))
        assert (answer.status_code, answer.json()) == (400, {"errors": [NO_SUCH_ITEM]})
    assert refuse(client, id, items(*[{"name": "T-shirt", "item_id": "2", "quantity": n} for n in (1, 2)])) != []


def test_a_whole_order_with_items_alike_is_matched_by_position(client: TestClient) -> None:
    alike = [make.item(quantity=1), make.item(item_id="1", quantity=2), make.item(quantity=3)]
    alike += [make.item(item_id="7", quantity=4), make.item(item_id="7", quantity=5)]
    id = push(client, make.order(order_details={"order_items": alike}))
    whole = read(client, id)
    assert patch(client, id, whole)["order_details"]["order_items"] == alike
    for item in whole["order_details"]["order_items"]:
        item["quantity"] *= 10
    assert patch(client, id, whole) == {n: v for n, v in whole.items() if n not in ("id", "created_at", "modified_at")}


@pytest.mark.parametrize("name", ["Pot", "cup", "Cup ", ""])
def test_an_item_of_another_name_is_not_found(client: TestClient, name: str) -> None:
    id = push(client, full())
    before = read(client, id)
    answer = client.patch(
        f"{URL}/{id}", json=items({"name": "Green tea", "sku": "lost"}, {"name": name, "quantity": 1})
    )
    assert (answer.status_code, answer.json()) == (400, {"errors": [NO_SUCH_ITEM]})
    assert read(client, id) == before


@pytest.mark.one_database
def test_each_item_must_carry_its_name(client: TestClient) -> None:
    id = push(client, full())
    assert refuse(client, id, items({"name": "Cup"}, {"quantity": 3}, {"item_id": "4"})) == [
        ("order_details/order_items/1/name", "Field required"),
        ("order_details/order_items/2/name", "Field required"),
    ]


def test_an_order_keeps_its_key(client: TestClient) -> None:
    id = push(client, make.order("abc-123"))
    assert patch(client, id, {**make.key("abc-123"), "order_number": "N-2"})["order_number"] == "N-2"
    answer = client.patch(f"{URL}/{id}", json={"order_id": "other"})
    fault = {"status": "400", "code": "invalid", "detail": "Order id abc-123 cannot be changed"}
    assert answer.json() == {"errors": [{**fault, "source": {"pointer": "/data/attributes/order_id"}}]}
    for shop in (SECOND_SHOP, 3, 99999):
        assert refuse(client, id, {"order_id": "abc-123", "order_details": {"integration": {"id": shop}}}) == [
            ("order_details/integration/id", f"Integration {SHOP} cannot be changed")
        ]


@pytest.mark.parametrize("profile", ["guide", "reference"])
def test_a_whole_order_as_read_is_a_valid_body_and_changes_nothing(serve: Any, profile: str) -> None:
    client = serve(profile=profile)
    client.auth = OWNER
    client.post(URL, json=[full()])
    client.patch(f"{URL}/1", json={"order_details": {"notes": None, "tags": None}, "customs_details": None})
    whole = read(client, 1)
    assert patch(client, 1, whole) == {n: v for n, v in whole.items() if n not in ("id", "created_at", "modified_at")}
    assert read(client, 1) == whole
    assert len(client.get("/api/packhouse/orders/1/history").json()["data"]) == 2


def test_what_the_server_decides_is_ignored_and_unknown_keys_are_dropped(client: TestClient) -> None:
    id = push(client, make.order())
    before = read(client, id)
    sent = {"id": "987", "created_at": "1999-01-01T00:00:00Z", "modified_at": 3, "colour": "green"}
    patch(client, id, {**sent, "order_details": {"gift": True}, "shipping_address": {**make.address(), "floor": 3}})
    after = read(client, id)
    assert (after["id"], after["created_at"]) == (id, before["created_at"])
    assert after["modified_at"] > before["modified_at"]
    assert content(client, id) == make.order(shipping_address=make.address())


def test_the_merged_order_must_be_valid(client: TestClient) -> None:
    id = push(client, make.order(shipping_address=make.address()))
    assert refuse(client, id, {"billing_address": {"name": "Bo", "city": "Delft"}}) == [
        ("billing_address/address_line_1", "Field required"),
        ("billing_address/postal_code", "Field required"),
        ("billing_address/country_code", "Field required"),
    ]
    assert refuse(client, id, {"customer_details": {"email": "ada@example.com"}}) == [
        ("customer_details/name", "Field required")
    ]
    assert refuse(client, id, {"service_point_details": {"type": "locker"}}) == [
        ("service_point_details/id", "Field required")
    ]
    assert refuse(client, id, {"payment_details": {"subtotal_price": {"value": 3}}}) == [
        ("payment_details/subtotal_price/currency", "Field required")
    ]
    [(place, _)] = refuse(client, id, {"shipping_address": {"postal_code": ""}})
    assert place == "shipping_address/postal_code"
    region = {"shipping_address": {"state_province_code": "US-NY"}}  # which is warned of, see test_written_otherwise
    assert client.patch(f"/api/v3/orders/{id}", json=region).status_code == 200


@pytest.mark.one_database
def test_every_wrong_field_is_named_at_once(client: TestClient) -> None:
    id = push(client, full())
    sent = {
        "order_number": "",
        "shipping_address": {"country_code": "QQ"},
        "payment_details": {"total_price": {"currency": "EURO"}},
        **items({"name": "Cup", "quantity": -1}, {"name": "Cup", "quantity": "2"}),
    }
    assert {place for place, _ in refuse(client, id, sent)} == {
        "order_number",
        "shipping_address/country_code",
        "payment_details/total_price/currency",
        "order_details/order_items/0/quantity",
        "order_details/order_items/1/quantity",
    }


@pytest.mark.one_database
def test_phone_is_another_word_for_the_customers_number(client: TestClient) -> None:
    id = push(client, full())
    found = patch(client, id, {"customer_details": {"phone": "+31201234567"}})
    assert found["customer_details"] == {"name": "Ada", "email": "ada@example.com", "phone_number": "+31201234567"}


def test_times_and_numbers_are_kept_as_by_post(client: TestClient) -> None:
    id = push(client, full())
    sent = {"order_details": {"order_created_at": "2026-03-14T10:00:00+02:00"}}
    found = patch(client, id, {**sent, "payment_details": {"total_price": {"value": "3.99"}}})
    assert found["order_details"]["order_created_at"] == "2026-03-14T08:00:00.000000+00:00"
    assert found["payment_details"]["total_price"]["value"] == "3.99"
    assert [order["id"] for order in client.get(f"{URL}?order_created_at=2026-03-14T08:00:00Z").json()["data"]] == [id]


@pytest.mark.parametrize("id", ["987", "0", "abc", "99999999999999999999"])
def test_what_is_no_order_is_not_found(client: TestClient, id: str) -> None:
    answer = client.patch(f"{URL}/{id}", json={"order_number": "N-2"})
    assert (answer.status_code, answer.json()) == (404, {"errors": [NO_SUCH_ORDER]})


def test_a_strangers_order_is_not_found(client: TestClient) -> None:
    id = push(client, make.order())
    answer = client.patch(f"{URL}/{id}", json={"order_number": "taken"}, auth=STRANGER)
    assert (answer.status_code, answer.json()) == (404, {"errors": [NO_SUCH_ORDER]})
    assert read(client, id)["order_number"] == "N-o-1"


def test_items_of_one_name_are_matched_in_turn(client: TestClient) -> None:
    """So that a whole order as read from GET, sent back, changes nothing."""
    items = [make.item(quantity=1, sku="a"), make.item(name="Cup", quantity=5), make.item(quantity=2, sku="b")]
    id = client.post(URL, json=[make.order(order_details={"order_items": items})]).json()["data"][0]["id"]
    before = client.get(f"{URL}/{id}").json()["data"]
    assert client.patch(f"{URL}/{id}", json=before).status_code == 200
    assert client.get(f"{URL}/{id}").json()["data"] == before
    sent = [{"name": "Green tea"}, {"name": "Green tea", "quantity": 9}]
    assert client.patch(f"{URL}/{id}", json={"order_details": {"order_items": sent}}).status_code == 200
    after = client.get(f"{URL}/{id}").json()["data"]["order_details"]["order_items"]
    assert [item["quantity"] for item in after] == [1, 5, 9]
