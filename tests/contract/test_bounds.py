"""What one body may hold, and how much is said of what is wrong with it."""

import json
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from packhouse.kit.wire import validation
from tests import make

ORDERS = "/api/v3/orders"


@pytest.fixture
def backend() -> str:
    """Nothing of this reaches a database."""
    return "sqlite"


def details(**changes: Any) -> dict[str, Any]:
    return {"order_details": changes}


def refuse(client: TestClient, order: dict[str, Any], method: str = "POST") -> tuple[str, str]:
    """The one error's place and words."""
    if method == "PATCH":
        answer = client.patch(f"{ORDERS}/1", json=order)
    else:
        answer = client.post(ORDERS, json=[make.order(**order)])
    assert answer.status_code == 400, answer.text[:300]
    [error] = answer.json()["errors"]
    return error["source"]["pointer"].removeprefix("/data/attributes/").removeprefix("[0]/"), error["detail"]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    ("order", "place", "detail"),
    [
        (details(order_items=[{}] * 5_001), "order_details/order_items", "List should have at most 5000 items"),
        (details(tags=[1] * 101), "order_details/tags", "List should have at most 100 items"),
        (
            details(order_items=[make.item(properties={str(number): 1 for number in range(501)})]),
            "order_details/order_items/0/properties",
            "Dictionary should have at most 500 items",
        ),
        (
            {"customs_details": {"tax_numbers": {"sender": [{}] * 101}}},
            "customs_details/tax_numbers/sender",
            "List should have at most 100 items",
        ),
    ],
    ids=["items", "tags", "properties", "tax numbers"],
)
def test_a_list_or_an_object_that_is_too_long(
    client: TestClient, method: str, order: dict[str, Any], place: str, detail: str
) -> None:
    client.post(ORDERS, json=[make.order()])
    found, said = refuse(client, order, method)
    assert found == place
    assert said.startswith(detail)


def test_lists_as_long_as_they_may_be(client: TestClient) -> None:
    order = make.order(**details(order_items=[make.item()] * 5_000, tags=["a"] * 100))
    assert client.post(ORDERS, json=[order]).status_code == 200


def test_a_thousand_errors_are_told_and_that_there_are_more(client: TestClient) -> None:
    batch = [make.order(f"o-{number}", **details(order_items=[{}] * 400)) for number in range(2)]
    answer = client.post(ORDERS, json=batch)
    told = answer.json()
    assert (answer.status_code, len(told["errors"]), told["meta"]) == (400, 1_000, {"more_errors": True})
    first = "/data/attributes/[0]/order_details/order_items/0/name"
    assert told["errors"][0]["source"] == {"pointer": first}
    few = client.post(ORDERS, json=[make.order(**details(order_items=[{}] * 333))]).json()
    assert (len(few["errors"]), "meta" in few) == (999, False)


def test_a_thousand_errors_of_a_patch(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order()])
    items = [{"name": "tea", "quantity": -1, "total_price": {"currency": "QQQ"}}] * 600
    told = client.patch(f"{ORDERS}/1", json=details(order_items=items)).json()
    assert (len(told["errors"]), told["meta"]) == (1_000, {"more_errors": True})


def test_a_thousand_unknown_keys_are_warned_of_and_that_there_are_more(client: TestClient) -> None:
    unknown = {f"key{number}": number for number in range(1_500)}
    answer = client.post(ORDERS, json=[{**make.order(), **unknown}])
    meta = answer.json()["meta"]
    assert (answer.status_code, len(meta["warnings"]), meta["more_warnings"]) == (200, 1_000, True)
    assert meta["warnings"][0]["source"] == {"pointer": "/data/attributes/[0]/key0"}


@pytest.mark.parametrize("size", [100, 30_000])
def test_large_and_small_bodies_are_told_the_same(client: TestClient, size: int) -> None:
    """Past a megabyte a body is validated an order at a time."""
    batch = [make.order(f"o-{number}", **details(notes="n" * size)) for number in range(50)]
    assert client.post(ORDERS, json=batch).status_code == 200
    for order in batch[1::10]:
        order["order_details"]["order_items"] = [make.item(quantity=0, extra=1), make.item(quantity="2")]
        order["shipping_address"] = make.address(country_code="US", state_province_code="QQ", email=7)
        order["order_details"]["order_items"][0].pop("name")
        order["payment_details"].pop("status")
    answer = client.post(ORDERS, json=batch)
    assert answer.status_code == 400
    errors = [(error["source"]["pointer"], error["detail"]) for error in answer.json()["errors"]]
    expected = []
    for index in range(1, 50, 10):
        at = f"/data/attributes/[{index}]"
        expected += [
            (f"{at}/order_details/order_items/0/name", "Field required"),
            (f"{at}/order_details/order_items/0/quantity", "Input should be greater than 0"),
            (f"{at}/order_details/order_items/1/quantity", "Input should be a valid integer"),
            (f"{at}/shipping_address/email", "Input should be a valid string"),
        ]
    assert errors == expected


def test_texts_are_remembered_where_they_repeat() -> None:
    batch = orjson.dumps([make.order(f"o-{n}") for n in range(100)])
    differing = b"[{" + b",".join(b'"%06x":1' % n for n in range(100_000)) + b"}]"
    assert validation.repeats_keys(batch)
    assert not any(validation.repeats_keys(b" " * offset + differing) for offset in range(20))
    assert validation.repeats_keys(b"[" + b"{}," * 100_000 + b"{}]")


def test_large_bodies_that_are_no_batch(client: TestClient) -> None:
    for sent, detail in [
        (b" " * 1_100_000, "Invalid JSON: EOF while parsing a value"),
        (b'"' + b"a" * 1_100_000 + b'"', "Wrong request format, expected list of objects"),
        (b"[" + b"{}," * 390_000 + b"{}]", "Orders list should have at most 100 items, not 390001"),
        (b"[" + b"{}," * 400_000 + b"{}]", "A body may hold at most 400000 objects and lists"),
        (b"[" + b"1," * 600_001 + b"1]", "A body may hold at most 400000 objects and lists, and 600000 values"),
        (
            b'[{"order_id": NaN, "x": "' + b"a" * 1_100_000 + b'"}]',
            "Invalid JSON: NaN and Infinity are no JSON numbers",
        ),
    ]:
        answer = client.post(ORDERS, content=sent, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400
        [error] = answer.json()["errors"]
        assert error["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/api/v3/shop-order-statuses", {"integration_id": 1, "statuses": [{}] * 1_001}, "statuses"),
        (
            "/api/packhouse/integrations",
            {"shop_name": "a", "service_point_carriers": ["a"] * 201},
            "service_point_carriers",
        ),
        (
            "/api/packhouse/shipping-rules",
            {"name": "a", "actions": {}, "conditions": {"tags": ["a"] * 1_001}},
            "conditions/tags",
        ),
        (
            "/api/packhouse/contracts",
            {"carrier_code": "a", "credentials": dict.fromkeys(map(str, range(501)), "a")},
            "credentials",
        ),
        ("/api/v3/orders/create-labels-async", {"integration_id": 1, "orders": [{}] * 21}, "orders"),
    ],
)
def test_lists_of_other_bodies(client: TestClient, path: str, body: dict[str, Any], place: str) -> None:
    answer = client.post(path, json=body)
    assert answer.status_code == 400, answer.text[:300]
    assert place in {error["source"]["pointer"].removeprefix("/data/attributes/") for error in answer.json()["errors"]}
    assert len(answer.content) < 200_000


def test_other_bodies_with_very_many_errors(client: TestClient) -> None:
    parcels: list[Any] = [{"parcel_items": [{}] * 1_000}] * 50
    body = {"integration_id": 1, "orders": [{"order_id": "a", "parcels": parcels}] * 2}
    answer = client.post("/api/v3/orders/create-labels-async", content=json.dumps(body))
    assert answer.status_code == 400
    assert (len(answer.json()["errors"]), answer.json()["meta"]) == (1_000, {"more_errors": True})
