"""`packhouse migrate-from`: what an account exported elsewhere."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests import make
from tests.cli.conftest import Run

SENDER = {
    "id": 71,
    "name": "Warehouse",
    "company_name": "West BV",
    "address_line_1": "Havenstraat",
    "house_number": "8",
    "address_line_2": "",
    "postal_code": "3511 AB",
    "city": "Utrecht",
    "country_code": "NL",
    "email": "",
    "tax_numbers": [{"name": "VAT", "country_code": "NL", "value": "NL1"}],
    "signature": {"full_name": "", "initials": ""},
}
CONTRACTS = [
    {"id": 5, "carrier": {"code": "ups", "name": "UPS"}, "client_id": "c-1", "name": "UPS terms", "state": "active"},
    {"id": 6, "carrier": {"code": "dpd_local", "name": "DPD"}, "client_id": "", "name": "DPD", "state": "active"},
]
RULE = {
    "id": 1,
    "name": "To Poland",
    "conditions": {"countries": ["PL"]},
    "actions": {"shipping_option_code": "ups:standard", "contract_id": 5, "sender_address_id": 71},
}


def shipment(**changes: Any) -> dict[str, Any]:
    return {
        "id": "0b4c",
        "from_address": SENDER,
        "to_address": make.address(),
        "ship_with": {"type": "shipping_option_code", "properties": {"shipping_option_code": "x:y", "contract_id": 6}},
        "carrier": {"code": "dpd_local", "name": "DPD"},
        "order_id": "o-1",
        "order_number": "N-o-1",
        "parcels": [
            {
                "id": 9,
                "status": {"code": "SHIPMENT_ON_ROUTE", "message": "Parcel en route"},
                "tracking_number": "DPD-1",
                "tracking_url": "https://t.example/1",
                "announced_at": "2026-10-01T08:00:00+00:00",
                "weight": {"value": "1.2", "unit": "kg"},
                "parcel_items": [],
            }
        ],
        **changes,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An export of two orders, one of which was shipped, and what they were shipped with."""
    made = tmp_path / "export"
    made.mkdir()
    orders = [
        {
            **make.order(f"o-{n}", 4711, shipping_address=make.address()),
            "id": 900 + n,
            "created_at": "2026-09-01T00:00:00Z",
        }
        for n in (1, 2)
    ]
    files = {
        "a-shipments.json": {"data": [shipment(), shipment(order_id="o-2", parcels=[])]},
        "b-orders.json": {"data": orders},
        "rules.json": [RULE, {**RULE, "name": "Gone", "actions": {"shipping_option_code": "other:code"}}],
        "set-up.json": {"sender_addresses": {"data": [SENDER]}, "contracts": CONTRACTS},
        "broken.json": None,
    }
    for name, content in files.items():
        (made / name).write_text("{" if content is None else json.dumps(content))
    (made / "notes.txt").write_text("hello")
    return made


def call(run: Run, folder: Path, *more: str, code: int = 1) -> Any:
    done = run(["migrate-from", str(folder), "--account", "owner", "--integration", str(make.SHOP), "--json", *more])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


def list_orders(client: TestClient) -> Any:
    return client.get("/api/v3/orders").json()["data"]


def test_all_is_taken_that_can_be_and_the_rest_said(run: Run, folder: Path, client: TestClient) -> None:
    told = call(run, folder, "--dry-run")
    assert told["dry_run"] is True
    assert list_orders(client) == []
    assert (
        call(run, folder)["counts"]
        == told["counts"]
        == {
            "sender_address": {"created": 1},
            "contract": {"created": 1, "rejected": 1},
            "rule": {"created": 1, "rejected": 1},
            "order": {"created": 2},
            "shipment": {"created": 1, "rejected": 1},
        }
    )
    why = {one["place"]: one["why"] for one in told["told"]}
    assert "not installed" in why["set-up.json#3"]
    assert "credentials" in why["set-up.json#2"]
    assert "other:code" in why["rules.json#2"]
    assert "tracking number" in why["a-shipments.json#2"]
    assert "no JSON" in why["broken.json"]
    assert "notes.txt" in why

    senders = client.get("/api/packhouse/sender-addresses").json()["data"]
    [sender] = [one for one in senders if one["name"] == "Warehouse"]
    assert (sender["vat_number"], sender["city"]) == ("NL1", "Utrecht")
    contracts = client.get("/api/packhouse/contracts").json()["data"]
    [contract] = [one for one in contracts if one["carrier_code"] == "ups"]
    [rule] = client.get("/api/packhouse/shipping-rules").json()["data"]
    assert rule["actions"] == {
        "shipping_option_code": "ups:standard",
        "contract_id": contract["id"],
        "sender_address_id": sender["id"],
    }
    assert {order["order_details"]["integration"]["id"] for order in list_orders(client)} == {make.SHOP}
    tracked = client.get("/api/v3/parcels/tracking/DPD-1").json()
    assert tracked["events"][-1]["status_description"] == "Parcel en route"
    assert client.get("/api/v3/shipments").json()["data"] == []


def test_it_can_be_run_again(run: Run, folder: Path, client: TestClient) -> None:
    call(run, folder)
    again = call(run, folder)["counts"]
    assert again["order"] == {"unchanged": 2}
    assert again["sender_address"] == {"unchanged": 1}
    assert again["contract"] == {"unchanged": 1, "rejected": 1}
    assert again["rule"] == {"unchanged": 1, "rejected": 1}
    assert again["shipment"] == {"unchanged": 1, "rejected": 1}
    changed = {**SENDER, "phone_number": "+31301234567"}
    (folder / "set-up.json").write_text(json.dumps({"data": [changed]}))
    assert call(run, folder)["counts"]["sender_address"] == {"changed": 1}
    assert len(client.get("/api/packhouse/sender-addresses").json()["data"]) == 2


@pytest.mark.one_database
def test_an_order_that_was_shipped_is_no_longer_incoming(run: Run, folder: Path, client: TestClient) -> None:
    call(run, folder)
    call(run, folder)
    body = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}
    answer = client.post("/api/v3/orders/create-label-sync", json=body).json()
    assert any("1 live shipment(s)" in warning["detail"] for warning in answer["meta"]["warnings"])


@pytest.mark.one_database
def test_one_file_for_people(run: Run, folder: Path) -> None:
    file = str(folder / "set-up.json")
    done = run(["migrate-from", file, "--account", "owner"])
    assert done.exit_code == 1
    assert "sender address: 1 created" in done.output
    assert "not installed" in done.output
    assert run(["migrate-from", str(folder / "nowhere"), "--account", "owner"]).exit_code != 0


@pytest.mark.one_database
def test_orders_of_a_shop_that_is_not_there(run: Run, folder: Path) -> None:
    done = run(["migrate-from", str(folder / "b-orders.json"), "--account", "owner", "--json"])
    assert done.exit_code == 1
    assert "Integration with id 4711 does not exist" in json.loads(done.stdout)["told"][0]["why"]


@pytest.mark.one_database
def test_what_has_another_form(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "odd.json"
    odd = shipment(parcels=[{"tracking_number": "1", "parcel_items": ["a"]}])
    file.write_text(json.dumps([odd, {"hello": 1}, 7, shipment(to_address="x"), {**SENDER, "country_code": "XX"}]))
    done = run(["migrate-from", str(file), "--account", "owner", "--json"])
    told = json.loads(done.stdout)
    assert len(told["told"]) == 4
    assert all(one["outcome"] == "rejected" for one in told["told"])
