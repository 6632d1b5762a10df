"""One person erased: nothing of them is left in any table or file, and the rest is as it was."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from packhouse.kit import clock
from packhouse.kit.redaction import ERASED
from tests import make, servers
from tests.privacy import marked
from tests.privacy.conftest import ERASE, ORDERS, fill_rest, push, put_in, ship, subscribe

Person = Callable[..., TestClient]
Work = Callable[..., int]


def fill(client: TestClient, page: TestClient, work: Work, url: str) -> dict[str, int]:
    """Orders of the person by name: patched and shipped, deleted after a change, about to be deleted."""
    subscribe(client)
    [shipped] = push(client, marked.order("shipped"), **{"Idempotency-Key": f"{marked.EMAIL}-1"})
    changed = {"order_details": {"notes": "zqxvksecond"}, "billing_address": {"name": "Zqxvkother"}}
    assert client.patch(f"{ORDERS}/{shipped}", json=changed).status_code == 200
    work()
    label = ship(client, "shipped")
    status = {"status": "11", "message": "Taken by zqxvkneighbour"}
    assert client.post(f"/api/packhouse/parcels/{label['parcel_id']}/status", json=status).status_code == 200
    [deleted, leaving] = push(client, marked.order("deleted"), marked.order("leaving"))
    assert client.patch(f"{ORDERS}/{deleted}", json={"customer_details": {"name": "Zqxvknew"}}).status_code == 200
    assert client.delete(f"{ORDERS}/{deleted}").status_code == 204
    form = {"csrf": page.get("/orders").text.partition('name="csrf" value="')[2].partition('"')[0]}
    assert page.post("/orders/delete", data={**form, "id": str(leaving), "confirmed": "1"}).status_code == 200
    log = {
        "base_url": "https://shop.example.com",
        "full_url": f"https://shop.example.com/orders?email={marked.EMAIL.replace('@', '%40')}&x=zqxvkquery",
        "request": {"headers": None, "payload": marked.order("logged")},
        "response": {"headers": None, "body": "zqxvkresponse"},
        "exception": "zqxvkexception",
    }
    assert client.post("/api/v3/integrations/1/logs", json=log).status_code == 201
    wrong = marked.order("wrong", payment_details={"total_price": "zqxvkfree", "status": {"code": "paid"}})
    put_in(page, marked.order("put-in"), wrong, make.order("somebody"))
    work()
    push(client, {**marked.order("shipped"), "order_number": "N-again"})
    fill_rest(url)
    return {"shipped": shipped, "deleted": deleted, "leaving": leaving}


def test_nothing_is_left_in_any_table_or_file(
    shop: TestClient, person: Person, work: Work, database_url: str, folder: Path
) -> None:
    page = person()
    ids = fill(shop, page, work, database_url)
    push(shop, make.order("o-2", shipping_address=make.address(), order_details={"notes": "stays"}))
    other = shop.get(f"{ORDERS}?order_id=o-2").json()
    tables = {place.partition(".")[0] for place in marked.find_marks(database_url)}
    assert tables >= {
        "orders", "order_history", "order_terms", "shipments", "parcels", "deliveries", "integration_logs", "jobs",
        "imports", "import_parts", "audit_log",
    }  # fmt: skip
    assert "idempotency_keys" not in tables  # kept, and encrypted under a key that is not
    assert marked.find_marks_in_files(folder)
    answer = shop.post(ERASE, json={"email": marked.EMAIL})
    assert answer.status_code == 200, answer.text
    report = answer.json()["data"]
    assert (report["orders"], report["shipments"], report["documents"]) == (3, 1, 1)
    assert all(report[name] for name in ("deliveries", "integration_logs", "import_records", "jobs", "audit_entries"))
    assert marked.find_marks(database_url) == []
    assert marked.find_marks_in_files(folder) == []
    assert marked.find_marks(database_url, "12349876", "555599", "1015") == marked.find_marks(database_url, "keizers")
    assert shop.get(f"{ORDERS}?order_id=o-2").json() == other
    history = shop.get(f"/api/packhouse/orders/{ids['deleted']}/history").json()["data"]
    assert [entry["action"] for entry in history] == ["erased", "deleted", "updated", "created"]
    again = shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]
    assert set(again.values()) == {0}


def test_figures_numbers_and_country_stay(shop: TestClient) -> None:
    [id] = push(shop, marked.order(), **{"Idempotency-Key": "k"})
    label = ship(shop, "o-1")
    before = shop.get(f"{ORDERS}/{id}").json()["data"]
    [parcel] = shop.get("/api/v3/shipments").json()["data"][0]["parcels"]
    assert shop.post(ERASE, json={"email": marked.EMAIL.upper()}).status_code == 200
    after = shop.get(f"{ORDERS}/{id}").json()["data"]
    for name in ("id", "order_id", "order_number", "created_at", "payment_details"):
        assert after[name] == before[name]
    place = {"country_code": "NL", "postal_code": "10", "name": ERASED, "city": ERASED, "address_line_1": ""}
    assert after["shipping_address"] == after["billing_address"] == place
    assert after["customer_details"] == {"name": ERASED}
    assert after["customs_details"]["commercial_invoice_number"] == "INV-7"
    [item] = after["order_details"]["order_items"]
    assert item["name"] == f"Mug for {ERASED}"
    kept = ("quantity", "sku", "hs_code", "country_of_origin", "total_price", "measurement")
    assert {name: item[name] for name in kept} == {name: marked.ITEM[name] for name in kept}
    assert "service_point_details" not in after
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shipment["to_address"] == place
    assert shipment["parcels"][0]["tracking_number"] == parcel["tracking_number"]
    assert shipment["parcels"][0]["weight"] == parcel["weight"]
    assert shop.get(f"/api/v3/parcels/{label['parcel_id']}/documents/label").status_code == 404


def test_one_of_several_addresses_is_found(shop: TestClient) -> None:
    address = {**make.address(), "email": f"other@example.com; {marked.EMAIL}"}
    [id] = push(shop, make.order(shipping_address=address))
    assert shop.get(f"{ORDERS}/{id}").json()["data"]["shipping_address"]["email"] == address["email"]
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 1
    assert marked.EMAIL not in shop.get(f"{ORDERS}/{id}").text


def test_history_says_who_and_when_and_nothing_of_before(shop: TestClient) -> None:
    [id] = push(shop, marked.order())
    shop.patch(f"{ORDERS}/{id}", json={"shipping_address": {"city": "Zqxvktown"}, "order_details": {"notes": "zqxvkn"}})
    tag = shop.get(f"{ORDERS}/{id}").headers["etag"]
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 1
    entries = shop.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert [entry["action"] for entry in entries] == ["erased", "updated", "created"]
    assert entries[0]["by"] == {"type": "api_key", "name": "owner-public"}
    assert clock.from_wire(entries[0]["at"]) <= clock.now()
    assert entries[0]["changes"] == []
    changed = {change["path"]: change["value"] for change in entries[1]["changes"]}
    assert changed == {"/shipping_address/city": ERASED, "/order_details/notes": ERASED}
    late = shop.patch(f"{ORDERS}/{id}", json={"order_number": "late"}, headers={"If-Match": tag})
    assert late.status_code == 412


def test_a_shop_goes_on_with_an_erased_order(shop: TestClient) -> None:
    [id] = push(shop, marked.order())
    shop.post(ERASE, json={"email": marked.EMAIL})
    patched = shop.patch(f"{ORDERS}/{id}", json={"shipping_address": {"name": "Bo Peters", "city": "Utrecht"}})
    assert patched.status_code == 200, patched.text
    assert shop.get(f"{ORDERS}/{id}").json()["data"]["shipping_address"]["name"] == "Bo Peters"
    assert push(shop, marked.order()) == [id]
    entries = shop.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert [entry["action"] for entry in entries] == ["updated", "updated", "erased", "created"]
    assert shop.get(f"{ORDERS}/{id}").json()["data"]["customer_details"]["name"] == marked.NAME
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 1
    assert shop.get(f"{ORDERS}/{id}").json()["data"]["customer_details"] == {"name": ERASED}


@pytest.mark.parametrize(
    "named",
    [
        {"email": "  Ada.ZQXVKemail@Example.COM "},
        {"phone": "+31612349876"},
        {"phone": "0031 (0)6 12 34 98 76"},
        {"phone": "06-1234 9876"},
        {"phone": "0612349876"},
        {"name": "zqxvkfirst  ZQXVKLAST", "postal_code": "1015cr"},
        {"name": "Zqxvkfirst Zqxvklast", "postal_code": "NL-1015 CR"},
        {"name": "zqxvkpayer", "postal_code": "1015CR"},
        {"email": "nobody@example.com", "phone": "06 12 34 98 76"},
    ],
)
def test_a_person_is_found_by_any_spelling(shop: TestClient, named: dict[str, str]) -> None:
    [id, other] = push(
        shop, marked.order(), make.order("o-2", shipping_address=make.address(phone_number="0612349875"))
    )
    assert shop.post(ERASE, json=named).json()["data"]["orders"] == 1
    assert shop.get(f"{ORDERS}/{id}").json()["data"]["customer_details"] == {"name": ERASED}
    assert shop.get(f"{ORDERS}/{other}").json()["data"]["shipping_address"]["name"] == "Ada Visser"


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("named", "pointer"),
    [
        ({}, "email"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"name": "Ada"}, "postal_code"),
        ({"postal_code": "1015CR"}, "name"),
        ({"phone": "12"}, "phone"),
        ({"mail": marked.EMAIL}, "mail"),
        ({"email": 7}, "email"),
        ({"email": marked.EMAIL, "phone_number": "06"}, "phone_number"),
    ],
)
def test_whoever_is_not_well_named_is_refused(shop: TestClient, named: Any, pointer: str) -> None:
    push(shop, marked.order())
    answer = shop.post(ERASE, json=named)
    assert answer.status_code == 400
    assert f"/data/attributes/{pointer}" in {fault["source"]["pointer"] for fault in answer.json()["errors"]}
    assert shop.get(ORDERS).json()["data"][0]["customer_details"]["name"] == marked.NAME


def test_another_account_keeps_its_own(shop: TestClient, serve: Callable[..., TestClient]) -> None:
    stranger = serve()
    stranger.auth = ("stranger-public", "stranger-secret")
    theirs = marked.order("theirs")
    theirs["order_details"]["integration"] = {"id": 3}
    [id] = push(stranger, theirs)
    before = stranger.get(f"{ORDERS}/{id}").json()
    push(shop, marked.order())
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 1
    assert stranger.get(f"{ORDERS}/{id}").json() == before


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_no_byte_is_left_in_the_file(
    shop: TestClient, person: Person, work: Work, database_url: str, tmp_path: Path
) -> None:
    fill(shop, person(), work, database_url)
    assert shop.post(ERASE, json={"email": marked.EMAIL}).status_code == 200
    path = tmp_path / "packhouse.db"
    servers.checkpoint(path)
    files = [path, *tmp_path.glob("packhouse.db-*")]
    assert [file.name for file in files if marked.MARK.encode() in file.read_bytes().lower()] == []
    with closing(sqlite3.connect(path)) as connection:
        stored = connection.execute("SELECT document FROM orders").fetchone()[0]
    assert orjson.loads(stored)["customer_details"] == {"name": ERASED}
