"""Strict mode, and what the journal says of a request that was read otherwise than it was written."""

from typing import Any

import httpx
import pytest

from packhouse.sandbox.spellings import MISSING, find_changes
from tests import make
from tests.sandbox.conftest import NewAccount

STRICT = {"Packhouse-Strict": "true"}


def to_places(answer: httpx.Response) -> list[tuple[str, str]]:
    faults = answer.json()["errors"]
    return [(fault["code"], "".join(fault.get("source", {}).values())) for fault in faults]


def count_orders(account: httpx.Client) -> int:
    return len(account.get("/api/v3/orders", headers={"Packhouse-Strict": "false"}).json()["data"])


def test_a_strict_request_is_rejected_and_does_nothing(account: httpx.Client) -> None:
    order = make.order()
    order["order_details"]["colour"] = "red"
    answer = account.post("/api/v3/orders?dry=1", json=[{**order, "colur": 1}], headers=STRICT)
    assert answer.status_code == 400
    assert to_places(answer) == [
        ("unknown_parameter", "dry"),
        ("unknown_field", "/data/attributes/[0]/order_details/colour"),
        ("unknown_field", "/data/attributes/[0]/colur"),
    ]
    assert count_orders(account) == 0
    assert account.post("/api/v3/orders", json=[order]).status_code == 200
    notes = account.get("/sandbox/requests").json()["data"][0]["notes"]
    assert "strict" in [note["code"] for note in notes]


def test_what_is_right_passes(account: httpx.Client) -> None:
    order = make.order(shipping_address=make.address())
    order["order_details"]["order_items"][0]["properties"] = {"colour": "red"}  # any keys may be in there
    assert account.post("/api/v3/orders", json=[order], headers=STRICT).status_code == 200
    listed = account.get("/api/v3/orders", params={"page_size": 5, "integration[0]": 1}, headers=STRICT)
    assert listed.status_code == 200
    assert account.get("/api/v3/orders/1", headers=STRICT).status_code == 200
    assert account.patch("/api/v3/orders/1", json={"order_number": "N-2"}, headers=STRICT).status_code == 200
    label = {"integration_id": 1, "order": {"order_id": "o-1"}}
    assert account.post("/api/v3/orders/create-label-sync", json=label, headers=STRICT).status_code == 201
    assert account.post("/api/v3/orders", content=b"{", headers=STRICT).status_code == 400


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        ("/api/v3/shipping-options", {"from_country_code": "NL"}, "/data/attributes/from_country_code"),
        ("/api/v3/fetch-shipping-options", {}, ""),
        (
            "/api/v3/event-subscriptions/connections",
            {"type": "webhook", "configuration": {"url": "http://127.0.0.1:9/", "authentication": {"type": "none"}}},
            "/data/attributes/configuration/authentication",
        ),
    ],
)
def test_deprecated_spellings_are_errors(account: httpx.Client, path: str, body: Any, place: str) -> None:
    assert ("deprecated", place) in to_places(account.post(path, json=body, headers=STRICT))
    account.post(path, json=body)
    notes = account.get("/sandbox/requests").json()["data"][-1]["notes"]
    assert ("deprecated", place) in [(note["code"], note["place"]) for note in notes]


def test_an_account_or_all_are_strict(new_account: NewAccount) -> None:
    one, other = new_account(), new_account()
    assert one.post("/sandbox/strict", json={"is_on": True}).status_code == 200
    assert one.get("/sandbox/strict").json()["data"] == {"is_on": True}
    assert one.get("/api/v3/orders?colour=red").status_code == 400
    assert one.get("/api/v3/orders?colour=red", headers={"Packhouse-Strict": "false"}).status_code == 200
    assert other.get("/api/v3/orders?colour=red").status_code == 200
    try:
        other.post("/sandbox/strict", json={"is_on": True, "for_all": True})
        assert other.get("/api/v3/orders?colour=red").status_code == 400
        assert new_account().get("/api/v3/orders?colour=red").status_code == 400
    finally:
        other.post("/sandbox/strict", json={"is_on": False, "for_all": True})
    one.post("/sandbox/strict", json={"is_on": True})
    one.post("/sandbox/reset")
    assert one.get("/api/v3/orders?colour=red").status_code == 200


def list_notes(account: httpx.Client, code: str) -> list[tuple[str, str]]:
    entry = account.get("/sandbox/requests").json()["data"][-1]
    return [(note["place"], note["detail"]) for note in entry["notes"] if note["code"] == code]


def test_values_that_are_read_as_another_are_noted(account: httpx.Client) -> None:
    address = make.address(country_code="nl", company_name="")
    account.post("/api/v3/orders", json=[make.order(shipping_address=address)])
    at = "/data/attributes/[0]/shipping_address"
    assert (f"{at}/country_code", "'nl' is read as 'NL'.") in list_notes(account, "normalised")
    assert (f"{at}/company_name", "'' is passed over.") in list_notes(account, "normalised")
    account.patch("/api/v3/orders/1", json={"shipping_address": {"country_code": "be"}})
    assert [place for place, _ in list_notes(account, "normalised")] == [
        "/data/attributes/shipping_address/country_code"
    ]


def test_what_a_strict_client_stumbles_over_is_noted(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order()])
    assert ("status", "The profile reference answers 201 here.") in list_notes(account, "strict_client")
    account.get("/api/v3/orders/1")
    assert ("id", "In the profile reference the id of an order is a text.") in list_notes(account, "strict_client")
    account.get("/api/v3/integrations")
    assert list_notes(account, "strict_client") == []


def test_it_is_noted_who_chose_the_option(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order(n, shipping_address=make.address()) for n in ("a", "b", "c")])
    label: dict[str, Any] = {"integration_id": 1, "order": {"order_id": "a"}}
    account.post("/api/v3/orders/create-label-sync", json=label)
    [(_, default)] = list_notes(account, "option")
    assert default.startswith("house:standard: the account's default")
    rule = {"name": "All by express", "conditions": {}, "actions": {"shipping_option_code": "house:express"}}
    made = account.post("/api/packhouse/shipping-rules", json=rule)
    assert made.status_code == 201, made.text
    label = {**label, "order": {"order_id": "b", "apply_shipping_rules": True}}
    account.post("/api/v3/orders/create-label-sync", json=label)
    [(number, ruled)] = list_notes(account, "option")
    assert (number, "chosen by the shipping rule" in ruled, "All by express" in ruled) == ("N-b", True, True)
    named = {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:standard"}}
    account.post(
        "/api/v3/orders/create-label-sync",
        json={"integration_id": 1, "order": {"order_id": "c"}, "ship_with": named},
    )
    assert list_notes(account, "option") == [("N-c", "house:standard: named by the call.")]


def test_changes_are_found_with_their_places() -> None:
    found = list(find_changes({"a": 1, "b": [1, 2], "c": True}, {"a": 1.5, "b": [1], "c": 1, "d": None}))
    assert [(change.path, change.before, change.after) for change in found] == [
        (("a",), 1, 1.5),
        (("b", 1), 2, MISSING),
        (("c",), True, 1),
        (("d",), MISSING, None),
    ]
