"""A batch that is judged and not stored."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.conftest import STRANGERS_SHOP

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

VALIDATE = "/api/packhouse/orders/validate"


def validate(client: TestClient, *orders: Any, **headers: str) -> dict[str, Any]:
    answer = client.post(VALIDATE, json=list(orders), headers=headers)
    assert answer.status_code == 200, answer.text
    judged: dict[str, Any] = answer.json()
    return judged


def test_each_entry_is_judged_and_nothing_is_stored(client: TestClient) -> None:
    client.post("/api/v3/orders", json=[make.order("old"), make.order("same")])
    before = client.get("/api/v3/orders").json()
    change = {"order_id": "old", "order_details": {"integration": {"id": 1}, "notes": "Ring twice"}}
    new = make.order("new", shipping_address=make.address())
    judged = validate(client, change, make.order("same"), new)
    assert [entry["outcome"] for entry in judged["data"]] == ["updated", "unchanged", "created"]
    assert [entry["id"] for entry in judged["data"]] == [1, 2, None]
    assert judged["meta"] == {"would_be_stored": True}
    merged = judged["data"][0]["order"]
    assert merged["order_details"]["notes"] == "Ring twice"
    assert merged["payment_details"] == before["data"][0]["payment_details"]
    assert client.get("/api/v3/orders").json() == before
    assert client.get("/api/packhouse/orders/1/history").json()["data"][0]["action"] == "created"


def test_a_batch_is_judged_as_it_would_be_stored(client: TestClient) -> None:
    """The same errors, warnings and receipts as those of the POST of the same batch."""
    batches: list[list[Any]] = [
        [make.order("a", colour="red", shipping_address=make.address(postal_code="10"))],
        [make.order("a"), make.order("a", order_number="other")],
        [make.order("a", integration=STRANGERS_SHOP), {"order_id": "b"}, {"id": "99"}, "text", make.order("c")],
        [make.order("a", order_details={"order_items": [make.item(quantity=-1)]}), {"id": 5}],
    ]
    for batch in batches:
        judged = client.post(VALIDATE, json=batch).json()
        posted = client.post("/api/v3/orders", json=batch)
        told = posted.json()
        errors = [error for entry in judged["data"] for error in entry["errors"]]
        assert errors == told.get("errors", []), batch
        assert judged["meta"]["would_be_stored"] is (posted.status_code == 200)
        if posted.status_code == 200:
            warnings = [warning for entry in judged["data"] for warning in entry["warnings"]]
            assert sorted(warnings, key=str) == sorted(told.get("meta", {}).get("warnings", []), key=str)
            client.delete(f"/api/v3/orders/{told['data'][0]['id']}")


def test_good_entries_are_judged_beside_bad_ones(client: TestClient) -> None:
    judged = validate(client, {"order_id": "b"}, make.order("good", colour="red"))
    bad, good = judged["data"]
    assert (bad["outcome"], bad["order_id"], bad["order"], bad["shipping"]) == ("refused", "b", None, None)
    assert bad["errors"]
    assert (good["outcome"], good["errors"]) == ("created", [])
    assert good["warnings"][0]["source"]["pointer"] == "/data/attributes/[1]/colour"
    assert judged["meta"] == {"would_be_stored": False}


@pytest.mark.parametrize("body", [b"[]", b"{}", b"nothing", b"[" + b"{}," * 100 + b"{}]"])
def test_what_is_no_batch_is_refused_as_by_a_post(client: TestClient, body: bytes) -> None:
    json = {"Content-Type": "application/json"}
    judged = client.post(VALIDATE, content=body, headers=json)
    assert judged.status_code == 400
    assert judged.json() == client.post("/api/v3/orders", content=body, headers=json).json()


def test_the_option_that_rules_choose_is_told(client: TestClient) -> None:
    rule = {"name": "heavy", "conditions": {"tags": ["fragile"]}, "actions": {"shipping_option_code": "post:signed"}}
    made = client.post("/api/packhouse/shipping-rules", json=rule)
    assert made.status_code == 201, made.text
    fragile = make.order("a", order_details={"tags": ["Fragile"]})
    by_rule, by_default = (entry["shipping"] for entry in validate(client, fragile, make.order("b"))["data"])
    assert (by_rule["decided_by"], by_rule["shipping_option_code"]) == ("rule", "post:signed")
    assert by_rule["matched_rule_id"] == made.json()["data"]["id"]
    assert (by_default["decided_by"], by_default["shipping_option_code"]) == ("default", "house:standard")
    assert by_default["matched_rule_id"] is None


def test_a_full_batch_is_judged(client: TestClient) -> None:
    batch = [make.order(f"o-{number}") for number in range(100)]
    client.post("/api/v3/orders", json=batch)
    assert {entry["outcome"] for entry in validate(client, *batch)["data"]} == {"unchanged"}
