"""Carriers of the sandbox: they refuse, fall silent, lose answers and track by a script where an order says so."""

import re
from typing import Any

import httpx
import pypdfium2
import pytest

from packhouse.sandbox.transport import NAMED
from tests import make
from tests.test_house import ROOT


def push(account: httpx.Client, word: str, order_id: str = "o-1", **changes: Any) -> None:
    address = make.address(email=f"sandbox-{word}@example.com")
    answer = account.post("/api/v3/orders", json=[make.order(order_id, shipping_address=address, **changes)])
    assert answer.status_code == 200, answer.text


def ship(account: httpx.Client, order_id: str = "o-1") -> httpx.Response:
    return account.post("/api/v3/orders/create-label-sync", json={"integration_id": 1, "order": {"order_id": order_id}})


def list_shipments(account: httpx.Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = account.get("/api/v3/shipments").json()["data"]
    return found


def advance(account: httpx.Client, span: str) -> None:
    assert account.post("/sandbox/clock", json={"advance": span}).status_code == 200


def list_statuses(account: httpx.Client) -> list[str]:
    """What the parcel has come to, as its shop was told."""
    received = account.get("/sandbox/inbox/shop", params={"event": "parcel_status_changed", "wait": "5s"}).json()[
        "data"
    ]
    bodies = [httpx.Response(200, content=each["body"]).json() for each in received]
    return [body["parcel"]["status"]["message"] for body in bodies]


def test_an_address_is_refused(account: httpx.Client) -> None:
    push(account, "refused-address")
    answer = ship(account)
    assert answer.status_code == 400
    assert "does not know this postal code" in answer.text
    push(account, "refused", "o-2")
    assert "refuses this shipment" in ship(account, "o-2").text


@pytest.mark.parametrize("word", ["timeout-once", "answer-lost"])
def test_a_label_comes_later_where_no_answer_came(account: httpx.Client, word: str) -> None:
    push(account, word)
    first = ship(account)
    assert first.status_code >= 202
    advance(account, "5m")
    [shipment] = list_shipments(account)
    assert shipment["parcels"][0]["status"]["code"] in ("READY_TO_SEND", "1000")
    assert shipment["parcels"][0]["tracking_number"]


def test_a_carrier_that_never_answers_makes_no_label(account: httpx.Client) -> None:
    push(account, "timeout")
    ship(account)
    advance(account, "1h")
    assert list_shipments(account)[0]["parcels"][0]["tracking_number"] in (None, "")


def test_a_wrong_label_has_the_right_number(account: httpx.Client) -> None:
    push(account, "wrong-label")
    made = ship(account).json()["data"]
    label = account.get(f"/api/v3/parcels/{made['parcel_id']}/documents/label").content
    text = pypdfium2.PdfDocument(label)[0].get_textpage().get_text_range()
    assert "Somebody Else" in text
    assert made["tracking_number"] not in text.replace(" ", "")


def test_a_cancellation_is_refused(account: httpx.Client) -> None:
    push(account, "refused-cancellation")
    made = ship(account).json()["data"]
    answer = account.post(f"/api/v3/shipments/{made['shipment_id']}/cancel")
    assert "has the parcel already" in answer.text


def listen(account: httpx.Client) -> None:
    name = account.account["name"]  # type: ignore[attr-defined]
    hook = {"webhook_active": True, "webhook_url": f"{account.base_url}/sandbox/inbox/shop?account={name}"}
    assert account.patch("/api/v3/integrations/1", json=hook).status_code in (200, 204)


def test_a_parcel_runs_through_its_script(account: httpx.Client) -> None:
    listen(account)
    push(account, "returned")
    assert ship(account).status_code == 201
    advance(account, "8h")
    assert list_statuses(account)[-1] == "Parcel en route"
    advance(account, "4d")
    told = list_statuses(account)
    assert told[-4:] == [
        "Shipment picked up by driver",
        "Parcel en route",
        "Delivery attempt failed",
        "Returned to sender",
    ]
    assert "Announced" in told


def test_a_script_of_ones_own_is_a_rule(account: httpx.Client) -> None:
    listen(account)
    script = [{"after": "1h", "status": "AT_CUSTOMS"}, {"after": "2h", "status": "DELIVERED", "message": "By a window"}]
    rule = {"order_number": "N-o-*", "script": script, "times": 1}
    made = account.post("/sandbox/carriers", json=rule)
    assert made.status_code == 201, made.text
    push(account, "none")
    ship(account)
    advance(account, "4h")
    assert list_statuses(account)[-2:] == ["At Customs", "By a window"]
    told = account.get("/sandbox/carriers").json()
    assert [(each["happened"], each["times"]) for each in told["data"]] == [(1, 0)]
    assert told["meta"]["named"] == list(NAMED)
    account.delete("/sandbox/carriers")
    assert account.get("/sandbox/carriers").json()["data"] == []


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"name": "vanish"},
        {"script": [{"after": "soon", "status": "DELIVERED"}]},
        {"script": [{"after": "1h", "status": "FLOWN"}]},
    ],
)
def test_a_rule_that_says_nothing_is_rejected(account: httpx.Client, rule: dict[str, Any]) -> None:
    assert account.post("/sandbox/carriers", json=rule).status_code == 400


def test_the_word_may_stand_in_the_number(account: httpx.Client) -> None:
    address = make.address()
    order = make.order("sandbox-refused-7", shipping_address=address)
    account.post("/api/v3/orders", json=[order])
    assert ship(account, "sandbox-refused-7").status_code == 400


def test_every_word_is_documented_and_no_other() -> None:
    text = (ROOT / "docs" / "integrate.md").read_text("utf-8")
    assert set(re.findall(r"^\| `sandbox-([a-z-]+)` \|", text, re.MULTILINE)) == set(NAMED)


def test_other_parcels_are_not_tracked(account: httpx.Client) -> None:
    account.post("/api/v3/orders", json=[make.order("o-1", shipping_address=make.address())])
    assert ship(account).status_code == 201
    ran = account.post("/sandbox/clock", json={"advance": "1d"}).json()["data"]["ran"]
    assert [run for run in ran if run["kind"] == "parcel.track"] == []
