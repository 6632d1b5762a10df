"""POST /orders: who is created, who is updated, and what an update replaces."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import SECOND_SHOP, SHOP, STRANGER

URL = "/api/v3/orders"
READ_ONLY = ("id", "created_at", "modified_at")


def push(client: TestClient, *orders: dict[str, Any]) -> list[int]:
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 200, answer.text
    return [receipt["id"] for receipt in answer.json()["data"]]


def read(client: TestClient, id: int) -> dict[str, Any]:
    order: dict[str, Any] = client.get(f"{URL}/{id}").json()["data"]
    return order


def content(client: TestClient, id: int) -> dict[str, Any]:
    """The order without what the server adds to it."""
    return {name: value for name, value in read(client, id).items() if name not in READ_ONLY}


def refuse(client: TestClient, *orders: dict[str, Any]) -> list[tuple[str, str]]:
    """Place and detail of each error of a batch of which nothing may be stored."""
    before = client.get(URL).json()
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 400, answer.text
    faults = answer.json()["errors"]
    assert {(fault["status"], fault["code"]) for fault in faults} == {("400", "invalid")}
    assert client.get(URL).json() == before
    return [(fault["source"]["pointer"], fault["detail"]) for fault in faults]


def test_the_answer_has_a_receipt_for_each_order_in_the_order_sent(client: TestClient) -> None:
    known = push(client, make.order("b"))[0]
    answer = client.post(
        URL, json=[make.order("c", SECOND_SHOP), make.order("a"), make.order("b"), make.order("c", SHOP)]
    )
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert [(entry["order_id"], entry["order_number"]) for entry in data] == [
        ("c", "N-c"),
        ("a", "N-a"),
        ("b", "N-b"),
        ("c", "N-c"),
    ]
    assert data[2] == {"id": known, "order_id": "b", "order_number": "N-b"}
    assert len({entry["id"] for entry in data}) == 4
    assert read(client, data[0]["id"])["order_details"]["integration"] == {"id": SECOND_SHOP}
    assert read(client, data[3]["id"])["order_details"]["integration"] == {"id": SHOP}


def test_a_hundred_orders_are_visible_when_the_answer_is_there(client: TestClient) -> None:
    ids = push(client, *(make.order(f"o-{n}", 1 + n % 2) for n in range(100)))
    listed = client.get(URL).json()["data"]
    assert sorted(order["id"] for order in listed) == sorted(ids)
    assert {order["id"]: order["order_id"] for order in listed} == {id: f"o-{n}" for n, id in enumerate(ids)}


def test_a_batch_is_stored_whole_or_not_at_all(client: TestClient) -> None:
    push(client, make.order("known"))
    broken = make.order("bad", order_details={"order_items": [make.item(quantity=0)]})
    assert refuse(client, make.key("known", notes="lost"), make.order("new"), broken) == [
        ("/data/attributes/[2]/order_details/order_items/0/quantity", "Input should be greater than 0")
    ]


def test_the_same_key_updates_and_another_integration_or_order_id_creates(client: TestClient) -> None:
    first = push(client, make.order("a"))[0]
    assert push(client, make.order("a", order_number="N-2")) == [first]
    assert read(client, first)["order_number"] == "N-2"
    others = push(client, make.order("a", SECOND_SHOP), make.order("A"))
    assert len({first, *others}) == 3
    assert len(client.get(URL).json()["data"]) == 3


def test_a_strangers_order_of_the_same_order_id_is_another(client: TestClient) -> None:
    [mine] = push(client, make.order("a"))
    stranger_answer = client.post(URL, json=[make.order("a", 3)], auth=STRANGER)
    [theirs] = [entry["id"] for entry in stranger_answer.json()["data"]]
    assert theirs != mine
    answer = client.post(URL, json=[{"id": str(mine), "order_number": "taken"}], auth=STRANGER)
    assert answer.status_code == 400
    assert answer.json()["errors"] == [
        {
            "status": "400",
            "code": "invalid",
            "detail": f"Order with id {mine} does not exist",
            "source": {"pointer": "/data/attributes/[0]/id"},
        }
    ]
    assert read(client, mine)["order_number"] == "N-a"


def test_an_id_addresses_the_order_without_its_key(client: TestClient) -> None:
    [id] = push(client, make.order("a"))
    answer = client.post(URL, json=[{"id": str(id), "order_number": "N-2"}])
    assert answer.json() == {"data": [{"id": id, "order_id": "a", "order_number": "N-2"}]}
    assert content(client, id) == make.order("a", order_number="N-2")


def test_an_id_that_is_no_order_is_refused_even_with_a_known_key(client: TestClient) -> None:
    push(client, make.order("a"))
    for id in ("987", "0", "-1", "abc", "", "99999999999999999999"):
        assert refuse(client, {**make.order("a"), "id": id}) == [
            ("/data/attributes/[0]/id", f"Order with id {id} does not exist")
        ]


@pytest.mark.one_database
def test_an_id_as_a_number_is_refused(client: TestClient) -> None:
    [id] = push(client, make.order("a"))
    assert refuse(client, {**make.order("a"), "id": id}) == [
        ("/data/attributes/[0]/id", "Input should be a valid string")
    ]


def test_the_same_key_twice_is_one_order_and_the_later_entry_wins(client: TestClient) -> None:
    ids = push(
        client, make.order("a", order_details={"notes": "first"}), make.order("b"), make.key("a", notes="second")
    )
    assert ids[0] == ids[2] != ids[1]
    assert content(client, ids[0]) == make.order("a", order_details={"notes": "second"})
    assert len(client.get(URL).json()["data"]) == 2
    history = client.get(f"/api/packhouse/orders/{ids[0]}/history").json()["data"]
    assert [entry["action"] for entry in history] == ["created"]


def test_each_entry_is_applied_to_what_the_ones_before_it_left(client: TestClient) -> None:
    ids = push(client, make.order("a"), make.key("a", notes="kept"), make.key("a", tags=["new"]))
    assert len(set(ids)) == 1
    assert content(client, ids[0]) == make.order("a", order_details={"notes": "kept", "tags": ["new"]})


def test_by_key_and_by_id_in_one_batch_is_the_same_order(client: TestClient) -> None:
    [id] = push(client, make.order("a"))
    by_id = {"id": str(id), "order_details": {"tags": ["x"]}, "order_number": "by id"}
    assert push(client, make.key("a", notes="by key"), by_id) == [id, id]
    details = {"notes": "by key", "tags": ["x"]}
    assert content(client, id) == make.order("a", order_number="by id", order_details=details)
    assert push(client, by_id, {**make.key("a"), "order_number": "by key"}) == [id, id]
    assert read(client, id)["order_number"] == "by key"


def test_receipts_carry_the_order_number_that_the_entry_ends_with(client: TestClient) -> None:
    answer = client.post(URL, json=[make.order("a"), {**make.key("a"), "order_number": "later"}]).json()["data"]
    assert answer[1]["order_number"] == "later"
    assert read(client, answer[0]["id"])["order_number"] == "later"


@pytest.mark.one_database
def test_a_create_needs_every_required_field(client: TestClient) -> None:
    assert refuse(client, make.key("a")) == [
        (f"/data/attributes/[0]/{place}", "Field required")
        for place in (
            "order_number",
            "payment_details",
            "order_details/status",
            "order_details/order_created_at",
            "order_details/order_items",
        )
    ]
    order = make.order("a")
    del order["payment_details"]["status"]
    del order["order_details"]["order_items"][0]["total_price"]
    assert sorted(refuse(client, order)) == [
        ("/data/attributes/[0]/order_details/order_items/0/total_price", "Field required"),
        ("/data/attributes/[0]/payment_details/status", "Field required"),
    ]


def test_what_an_update_does_not_hold_stays(client: TestClient) -> None:
    full = make.order(
        "a", customer_details={"name": "Ada"}, shipping_address=make.address(), billing_address=make.address()
    )
    [id] = push(client, full)
    push(client, make.key("a"))
    assert content(client, id) == full


CONTAINERS = [
    ("order_details", {"notes": "ring"}),
    ("payment_details", {"invoice_date": "2026-03-15"}),
    ("shipping_details", {"delivery_indicator": "express"}),
]


@pytest.mark.parametrize(("container", "sent"), CONTAINERS)
def test_a_container_is_updated_key_by_key(client: TestClient, container: str, sent: dict[str, Any]) -> None:
    whole = make.order("a", shipping_details={"is_local_pickup": True})
    [id] = push(client, whole)
    push(client, {"id": str(id), container: sent})
    assert content(client, id) == {**whole, container: {**whole[container], **sent}}


WEIGHED = {"weight": {"value": 2.5, "unit": "kg"}, "volume": {"value": 3, "unit": "l"}}
SHIP_WITH = {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:a", "contract_id": 4}}
# A value, and another that has fewer keys: nothing of the first may be left.
WHOLE_VALUES: list[tuple[tuple[str, ...], Any, Any]] = [
    (("shipping_address",), make.address(email="ada@example.com"), make.address(name="Bo")),
    (("billing_address",), make.address(company_name="Tea Ltd"), make.address(city="Delft")),
    (("customer_details",), {"name": "Ada", "phone_number": "+31201234567"}, {"name": "Bo"}),
    (("customs_details",), {"shipment_type": "gift", "export_type": "private"}, {"shipment_type": "commercial_goods"}),
    (("service_point_details",), {"id": "7", "extra_data": {"a": 1}}, {"carrier_service_point_id": "9"}),
    (("order_details", "order_items"), [make.item(sku="s"), make.item(name="Cup")], [make.item(quantity=5)]),
    (("order_details", "status"), {"code": "new", "message": "New"}, {"code": "old"}),
    (("order_details", "tags"), ["a", "b"], ["c"]),
    (("payment_details", "status"), {"code": "paid", "message": "Paid"}, {"code": "open"}),
    (("payment_details", "total_price"), {"value": 1, "currency": "EUR"}, {"value": 2, "currency": "USD"}),
    (("payment_details", "discount_granted"), {"value": "1.00", "currency": "EUR"}, {"value": "2"}),
    (("shipping_details", "measurement"), WEIGHED, {"weight": {"value": "1.5", "unit": "g"}}),
    (("shipping_details", "ship_with"), SHIP_WITH, {**SHIP_WITH, "properties": {"shipping_option_code": "b"}}),
]


def place(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    return {path[0]: value if len(path) == 1 else {path[1]: value}}


@pytest.mark.parametrize(
    ("path", "first", "second"), WHOLE_VALUES, ids=lambda v: "/".join(v) if type(v) is tuple else ""
)
def test_a_value_is_replaced_whole(client: TestClient, path: tuple[str, ...], first: Any, second: Any) -> None:
    [id] = push(client, make.order("a", **place(path, first)))
    push(client, {"id": str(id), **place(path, second)})
    assert content(client, id) == make.order("a", **place(path, second))


NOT_WHOLE: list[tuple[tuple[str, ...], Any, str]] = [
    (("shipping_address",), {"city": "Delft"}, "name address_line_1 postal_code country_code"),
    (("billing_address",), {"name": "Bo"}, "address_line_1 postal_code city country_code"),
    (("customer_details",), {"email": "ada@example.com"}, "name"),
    (("service_point_details",), {"post_number": "12"}, "id"),
    (("order_details", "order_items"), [{"name": "Green tea"}], "0/quantity 0/total_price"),
    (("order_details", "status"), {"message": "New"}, "code"),
    (("order_details", "integration"), {}, "id"),
    (("payment_details", "status"), {"message": "Paid"}, "code"),
    (("payment_details", "total_price"), {"value": 4}, "currency"),
    (("payment_details", "subtotal_price"), {"currency": "EUR"}, "value"),
    (("shipping_details", "ship_with"), {"type": "shipping_option_code"}, "properties"),
    (("shipping_details", "measurement"), {"weight": {"value": 1}}, "weight/unit"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("path", "part", "missing"), NOT_WHOLE, ids=lambda v: "/".join(v) if type(v) is tuple else "")
def test_a_part_of_a_value_is_refused(client: TestClient, path: tuple[str, ...], part: Any, missing: str) -> None:
    [id] = push(client, make.order("a", shipping_address=make.address(), customer_details={"name": "Ada"}))
    assert refuse(client, {"id": str(id), **place(path, part)}) == [
        ("/".join(("/data/attributes/[0]", *path, name)), "Field required") for name in missing.split()
    ]


NULLABLE: list[tuple[tuple[str, ...], Any]] = [
    (("customs_details",), {"shipment_type": "gift"}),
    (("payment_details", "is_cash_on_delivery"), True),
    (("payment_details", "invoice_date"), "2026-03-15"),
    *(
        (("payment_details", f"{kind}"), {"value": "3", "currency": "EUR"})
        for kind in ("discount_granted", "insurance_costs", "freight_costs", "other_costs")
    ),
    (("shipping_details", "is_local_pickup"), False),
]


@pytest.mark.parametrize(("path", "value"), NULLABLE, ids=lambda v: "/".join(v) if type(v) is tuple else "")
def test_null_clears_what_may_be_null(client: TestClient, path: tuple[str, ...], value: Any) -> None:
    [id] = push(client, make.order("a", **place(path, value)))
    push(client, {"id": str(id), **place(path, None)})
    found: Any = read(client, id)
    for step in path:
        found = found.get(step)
    assert found is None


NOT_NULLABLE: list[tuple[tuple[str, ...], str]] = [
    (("order_id",), "Input should be a valid string"),
    (("order_number",), "Input should be a valid string"),
    *(
        ((name,), "Input should be an object")
        for name in (
            "order_details",
            "payment_details",
            "shipping_details",
            "customer_details",
            "billing_address",
            "shipping_address",
            "service_point_details",
        )
    ),
    (("order_details", "status"), "Input should be an object"),
    (("order_details", "integration"), "Input should be an object"),
    (("order_details", "order_created_at"), "Input should be a valid string"),
    (("order_details", "order_items"), "Input should be a valid array"),
    (("payment_details", "total_price"), "Input should be an object"),
    (("payment_details", "status"), "Input should be an object"),
    (("shipping_details", "ship_with"), "Input should be an object"),
]


@pytest.mark.one_database
@pytest.mark.parametrize(("path", "detail"), NOT_NULLABLE, ids=lambda v: "/".join(v) if type(v) is tuple else "")
def test_null_is_refused_where_a_value_is_needed(client: TestClient, path: tuple[str, ...], detail: str) -> None:
    [id] = push(client, make.order("a", shipping_address=make.address()))
    assert refuse(client, {"id": str(id), **place(path, None)}) == [("/".join(("/data/attributes/[0]", *path)), detail)]


def test_an_order_keeps_its_key(client: TestClient) -> None:
    [id] = push(client, make.order("abc-123"))
    assert refuse(client, {"id": str(id), "order_id": "other"}) == [
        ("/data/attributes/[0]/order_id", "Order id abc-123 cannot be changed")
    ]
    assert refuse(client, {"id": str(id), "order_details": {"integration": {"id": SECOND_SHOP}}}) == [
        ("/data/attributes/[0]/order_details/integration/id", f"Integration {SHOP} cannot be changed")
    ]
    assert push(client, {**make.order("abc-123"), "id": str(id)}) == [id]


def test_unknown_integrations_are_refused_each_at_its_place(client: TestClient) -> None:
    assert refuse(client, make.order("a", 99999), make.order("b"), make.order("c", 3)) == [
        ("/data/attributes/[0]/order_details/integration/id", "Integration with id 99999 does not exist"),
        ("/data/attributes/[2]/order_details/integration/id", "Integration with id 3 does not exist"),
    ]


def test_what_the_server_decides_is_ignored(client: TestClient) -> None:
    sent = {**make.order("a"), "created_at": "1999-01-01T00:00:00Z", "modified_at": None}
    [id] = push(client, sent)
    found = read(client, id)
    assert found["id"] == id
    assert found["created_at"] == found["modified_at"] > "2026"
    push(client, {**sent, "created_at": 17, "order_number": "N-2"})
    assert read(client, id)["created_at"] == found["created_at"]
    assert read(client, id)["modified_at"] > found["modified_at"]


def test_pushing_the_same_again_changes_nothing(client: TestClient) -> None:
    order = make.order("a", shipping_address=make.address(), customs_details=None)
    [id] = push(client, order)
    before = read(client, id)
    backwards = dict(reversed(list(order.items())))
    assert push(client, order, backwards, {"id": str(id)}, make.key("a")) == [id] * 4
    push(client, make.order("a", order_details={"order_created_at": "2026-03-14T10:26:53.589+02:00"}))
    assert read(client, id) == before
    assert len(client.get(f"/api/packhouse/orders/{id}/history").json()["data"]) == 1


def test_unknown_keys_are_dropped(client: TestClient) -> None:
    details = {"order_items": [make.item(colour="green")], "gift": True}
    answer = client.post(URL, json=[make.order("a", loyalty=3, order_details=details)])
    assert answer.status_code == 200
    [receipt] = answer.json()["data"]
    assert content(client, receipt["id"]) == make.order("a")


def test_the_reference_profile_answers_201_with_numbers(serve: Any) -> None:
    client = serve(profile="reference")
    client.auth = ("owner-public", "owner-secret")
    answer = client.post(URL, json=[make.order("a")])
    assert (answer.status_code, type(answer.json()["data"][0]["id"])) == (201, int)
    id = answer.json()["data"][0]["id"]
    assert read(client, id)["id"] == str(id)
    assert client.get(URL).json()["data"][0]["id"] == str(id)
