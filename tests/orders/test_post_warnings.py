"""What POST warns of in `meta.warnings`, without refusing or changing anything."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make

URL = "/api/v3/orders"


def push(client: TestClient, *orders: dict[str, Any]) -> dict[str, Any]:
    answer = client.post(URL, json=list(orders))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert [receipt["order_id"] for receipt in body["data"]] == [order["order_id"] for order in orders]
    return body


def warned(client: TestClient, *orders: dict[str, Any]) -> list[tuple[str, str]]:
    """Code and place of each warning, each of which has words too."""
    body = push(client, *orders)
    warnings = body.get("meta", {}).get("warnings", [])
    for warning in warnings:
        assert set(warning) == {"code", "detail", "source"}
        assert warning["detail"]
        assert set(warning["source"]) == {"pointer"}
    return [(warning["code"], warning["source"]["pointer"]) for warning in warnings]


@pytest.mark.one_database
def test_an_order_without_oddities_has_no_warnings(client: TestClient) -> None:
    order = make.order(shipping_address=make.address(phone_number="+31 20 123 4567"), billing_address=make.address())
    assert set(push(client, order)) == {"data"}


@pytest.mark.one_database
def test_an_unknown_key_is_warned_of_in_full(client: TestClient) -> None:
    assert push(client, make.order(loyalty=3))["meta"] == {
        "warnings": [
            {
                "code": "unknown_field",
                "detail": "This key is unknown and was not stored.",
                "source": {"pointer": "/data/attributes/[0]/loyalty"},
            }
        ]
    }


@pytest.mark.one_database
def test_unknown_keys_are_named_at_any_depth_and_in_any_order_of_the_batch(client: TestClient) -> None:
    items = [make.item(), make.item(name="Cup", colour="red", total_price={"value": 1, "currency": "EUR", "vat": 2})]
    odd = make.order("b", order_details={"order_items": items, "a/b~c": 1})
    assert sorted(warned(client, make.order("a"), odd)) == [
        ("unknown_field", "/data/attributes/[1]/order_details/a~1b~0c"),
        ("unknown_field", "/data/attributes/[1]/order_details/order_items/1/colour"),
        ("unknown_field", "/data/attributes/[1]/order_details/order_items/1/total_price/vat"),
    ]


@pytest.mark.one_database
def test_properties_and_extra_data_may_hold_any_key(client: TestClient) -> None:
    point = {"id": "7", "extra_data": {"any": {"thing": 1}}}
    order = make.order(order_details={"order_items": [make.item(properties={"any": 1})]}, service_point_details=point)
    assert warned(client, order) == []


def ship_to(**changes: Any) -> dict[str, Any]:
    return make.order(shipping_address=make.address(**changes))


def with_item(**changes: Any) -> dict[str, Any]:
    return make.order(order_details={"order_items": [make.item(), make.item(name="Cup", **changes)]})


SWISS = {"country_code": "CH", "postal_code": "8001", "city": "Zürich"}
ODD: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (ship_to(postal_code="12"), [("invalid", "shipping_address/postal_code")]),
    (make.order(billing_address=make.address(postal_code="x")), [("invalid", "billing_address/postal_code")]),
    (ship_to(phone_number="12"), [("invalid", "shipping_address/phone_number")]),
    (make.order(billing_address=make.address(phone_number="+31 1")), [("invalid", "billing_address/phone_number")]),
    (
        make.order(customer_details={"name": "Ada", "phone_number": "+999 12"}),
        [("invalid", "customer_details/phone_number")],
    ),
    (with_item(ean="4006381333932"), [("invalid", "order_details/order_items/1/ean")]),
    (with_item(ean="tea"), [("invalid", "order_details/order_items/1/ean")]),
    (with_item(ean="4006381333931"), []),
    (
        ship_to(**SWISS),
        [("required", "customs_details"), ("required", "order_details/order_items/0/hs_code")],
    ),
    (
        ship_to(**SWISS) | {"customs_details": {"shipment_type": "gift"}},
        [("required", "order_details/order_items/0/hs_code")],
    ),
    (ship_to(country_code="DE", postal_code="10115", city="Berlin"), []),
]


@pytest.mark.parametrize(("order", "expected"), ODD)
def test_an_odd_value_is_warned_of_and_stored_as_sent(
    client: TestClient, order: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    placed = [(code, f"/data/attributes/[1]/{place}") for code, place in expected]
    assert warned(client, make.order("plain"), order) == placed
    [stored] = client.get(URL, params={"order_id": "o-1"}).json()["data"]
    assert {name: value for name, value in stored.items() if name not in ("id", "created_at", "modified_at")} == order


def test_an_update_is_warned_of_as_the_merged_order(client: TestClient) -> None:
    swiss = ship_to(**SWISS, phone_number="12")
    before = warned(client, swiss)
    assert len(before) == 3
    assert warned(client, make.key()) == before
    items = [make.item(hs_code="090210")]
    fixed = {**make.key(order_items=items), "shipping_address": make.address(**SWISS), "customs_details": {}}
    assert warned(client, fixed) == []


def test_a_warning_of_one_entry_stands_at_each_of_its_places(client: TestClient) -> None:
    odd = with_item(ean="4006381333932")
    assert [place for _, place in warned(client, odd, make.order("b"), odd)] == [
        "/data/attributes/[0]/order_details/order_items/1/ean",
        "/data/attributes/[2]/order_details/order_items/1/ean",
    ]


@pytest.mark.one_database
def test_a_refused_batch_has_errors_only(client: TestClient) -> None:
    answer = client.post(URL, json=[make.order(loyalty=3, order_number="")])
    assert answer.status_code == 400
    assert set(answer.json()) == {"errors"}
    assert [fault["source"]["pointer"] for fault in answer.json()["errors"]] == ["/data/attributes/[0]/order_number"]


def recipient(name: str) -> dict[str, Any]:
    return {"shipping_address": make.address(name=name)}


def with_items(*names: str, **changes: Any) -> dict[str, Any]:
    return {"order_details": {"order_items": [make.item(name=name, **changes) for name in names]}}


CONTRADICTIONS: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    (recipient("Ada Visser"), recipient("Bo Jansen"), "shipping_address", "different recipients"),
    (with_items("Tea"), with_items("Kettle"), "order_details/order_items", "different items"),
    (with_items("Tea", "Cup"), with_items("Tea", "Kettle"), "order_details/order_items", "different items"),
    (with_items("Tea", sku="s"), with_items("Tea", sku="l"), "order_details/order_items", "different items"),
    ({"order_number": "N-1"}, {"order_number": "N-2"}, "order_number", "different order numbers"),
]


@pytest.mark.parametrize(("first", "second", "place", "what"), CONTRADICTIONS)
def test_entries_that_contradict_each_other_are_warned_of_with_both_places(
    client: TestClient, first: dict[str, Any], second: dict[str, Any], place: str, what: str
) -> None:
    body = push(client, make.order(**first), make.order("b"), make.order(**second))
    assert body["data"][0]["id"] == body["data"][2]["id"]
    pointers = [f"/data/attributes/[{index}]/{place}" for index in (0, 2)]
    assert body["meta"]["warnings"] == [
        {
            "code": "contradiction",
            "detail": f"Entries 0 and 2 of the batch name one order and tell of {what}. Entry 2 was stored.",
            "source": {"pointer": pointers[1]},
            "meta": {"pointers": pointers},
        }
    ]
    [stored] = client.get(URL, params={"order_id": "o-1"}).json()["data"]
    assert stored["order_number"] == make.order(**second)["order_number"]
    assert stored["order_details"]["order_items"] == make.order(**second)["order_details"]["order_items"]


def test_an_order_that_is_named_by_id_and_by_key_is_one(client: TestClient) -> None:
    [receipt] = push(client, make.order())["data"]
    by_id = {"id": str(receipt["id"]), "order_id": "o-1", "order_number": "N-9"}
    [warning] = push(client, make.order(), by_id)["meta"]["warnings"]
    assert (warning["code"], warning["source"]["pointer"]) == ("contradiction", "/data/attributes/[1]/order_number")


def test_later_versions_of_one_order_are_no_contradiction(client: TestClient) -> None:
    first = make.order(**with_items("Tea"), **recipient("Ada Visser"))
    more = make.order(**with_items("Tea", "Cup", quantity=3), **recipient("ada  visser"))
    paid = {**make.key(status={"code": "paid"}), "payment_details": {"status": {"code": "paid"}}}
    less = make.order(**with_items("Tea"), shipping_address=make.address(name="Ada Visser", house_number="14"))
    assert set(push(client, first, more, paid, less)) == {"data"}
