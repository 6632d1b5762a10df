"""Exports for spreadsheets and shops, mappings of an account's own, and watched folders."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from starlette.testclient import TestClient

from packhouse.orders.files import mapping, write
from tests import make
from tests.cli.conftest import Run
from tests.cli.test_file_cases import line, read_file, table
from tests.cli.test_import_export import stored

ODD = make.order(
    "007",
    order_number="+49",
    order_details={"notes": "=1+1\nnext", "order_items": [make.item(name="@home", quantity=3), make.item(sku="-5")]},
    payment_details={"total_price": {"value": 1234.567, "currency": "EUR"}},
    shipping_address=make.address(city="'s-Hertogenbosch", postal_code="01234", phone_number="'06"),
)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("form", ["excel-csv", "xlsx"])
def test_what_is_written_for_a_spreadsheet_is_read_again(
    form: str, run: Run, client: TestClient, tmp_path: Path
) -> None:
    assert client.post("/api/v3/orders", json=[ODD, make.order("b")]).status_code == 200
    before = stored(client)
    path = tmp_path / f"orders.{'xlsx' if form == 'xlsx' else 'csv'}"
    style = "" if form == "xlsx" else "--separator semicolon --decimal ,"
    assert run(f"orders export {path} --account owner --sort pk --format {form} {style}").exit_code == 0
    done = run(f"orders import {path} --account owner --json")
    report = json.loads(done.stdout)
    assert (report["unchanged"], report["refused"], report["stopped"]) == (2, 0, None), report
    assert stored(client) == before


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_spreadsheet_runs_nothing_of_an_export(run: Run, client: TestClient, tmp_path: Path) -> None:
    client.post("/api/v3/orders", json=[ODD])
    done = run("orders export - --account owner --format excel-csv --separator semicolon --decimal ,")
    assert done.stdout_bytes.startswith(b"\xef\xbb\xbforder_id;")
    [first, second] = csv.DictReader(io.StringIO(done.stdout_bytes.decode("utf-8-sig"), newline=""), delimiter=";")
    assert first["order_number"] == "'+49"
    assert first["order_details.notes"] == "'=1+1\nnext"
    assert first["payment_details.total_price.value"] == "1234,5670"
    assert (first["item.name"], second["item.sku"]) == ("'@home", "'-5")
    assert run(f"orders export {tmp_path}/x.xlsx --account owner").exit_code == 0
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["Orders"]
    cells = {str(name.value): cell for name, cell in zip(sheet[1], sheet[2], strict=False)}
    assert (cells["order_details.notes"].data_type, cells["order_id"].value) == ("s", "007")
    assert cells["payment_details.total_price.value"].value == 1234.567


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_shops_are_told_what_is_on_its_way(run: Run, client: TestClient) -> None:
    measured = {"measurement": {"weight": {"value": 1, "unit": "kg"}}}
    order = make.order("302-1", order_number="#1001", shipping_address=make.address(), shipping_details=measured)
    assert client.post("/api/v3/orders", json=[order, make.order("302-2")]).status_code == 200
    for form, header in [
        ("shopify-tracking", "Name,Tracking Number,Tracking Company,Tracking URL"),
        ("woocommerce-tracking", "order_id,tracking_provider,tracking_number,date_shipped,status_shipped"),
        (
            "amazon-tracking",
            "order-id\torder-item-id\tquantity\tship-date\tcarrier-code\tcarrier-name\ttracking-number\tship-method",
        ),
    ]:
        done = run(f"orders export - --account owner --format {form}")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines() == [header]
    asked = {"integration_id": make.SHOP, "order": {"order_id": "302-1"}}
    assert client.post("/api/v3/orders/create-label-sync", json=asked).status_code == 201
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    [number] = [parcel["tracking_number"] for parcel in shipment["parcels"]]
    carrier = shipment["carrier"]["name"]
    day = datetime.fromisoformat(shipment["parcels"][0]["announced_at"]).astimezone(ZoneInfo("Europe/Amsterdam")).date()
    for form, told in [
        ("shopify", f"#1001,{number},{carrier},"),
        ("woocommerce", f"302-1,{carrier},{number},{day:%d-%m-%Y},1"),
        ("amazon", f"302-1\t\t\t{day}\tOther\t{carrier}\t{number}\t"),
    ]:
        done = run(f"orders export - --account owner --format {form}-tracking")
        assert done.exit_code == 0, done.output
        [row] = done.stdout.splitlines()[1:]
        assert row.startswith(told)


@pytest.mark.parametrize(("name", "known"), [("UPS", "UPS"), ("DHL Express", "DHL"), ("PostNL", ""), ("DHLX", "")])
def test_a_carrier_that_amazon_knows_is_named_by_its_code(name: str, known: str) -> None:
    target = io.BytesIO()
    tracking = write.open_tracking("amazon-tracking", target)
    tracking.add([write.Parcel("1", "#1", "N1", "", name, "", date(2026, 3, 14))])
    [row] = list(csv.DictReader(io.StringIO(target.getvalue().decode()), delimiter="\t"))
    assert (row["carrier-code"], row["carrier-name"]) == (known or "Other", "" if known else name)
    assert row["ship-date"] == "2026-03-14"


MAPPING = """
title = "Our own"
key = ["Auftrag"]
[columns]
"Auftrag" = ["order_id", "order_number"]
"Wann" = "order_details.order_created_at"
"Kunde" = "shipping_address.name"
"Strasse" = "shipping_address.address_line_1"
"PLZ" = "shipping_address.postal_code"
"Ort" = "shipping_address.city"
"Land" = "shipping_address.country_code"
"Artikel" = "item.name"
"Menge" = "item.quantity"
"Preis" = "item.unit_price.value"
[fixed]
"payment_details.total_price.currency" = "EUR"
"""
THEIRS = (
    "Auftrag;Wann;Kunde;Strasse;PLZ;Ort;Land;Artikel;Menge;Preis;Egal\n"
    "A1;20.02.2026 10:00;Anna Tester;Testweg 10;10115;Berlin;Deutschland;Becher;2;1.234,50;x\n"
)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_mapping_of_ones_own_is_used_kept_shown_and_forgotten(run: Run, client: TestClient, tmp_path: Path) -> None:
    theirs, own = tmp_path / "theirs.csv", tmp_path / "own.toml"
    theirs.write_text(THEIRS, "utf-8")
    own.write_text(MAPPING, "utf-8")
    base = f"orders import {theirs} --account owner --into 1 --json"
    assert "No preset knows these columns" in json.loads(run(base).stdout)["stopped"]["detail"]
    report = json.loads(run(f"{base} --mapping {own} --save-as ours").stdout)
    assert (report["created"], report["stopped"]) == (1, None), report
    [order] = stored(client)
    assert order["order_details"]["order_items"][0]["total_price"] == {"value": 2469.0, "currency": "EUR"}
    assert order["shipping_address"]["country_code"] == "DE"
    assert run("orders mapping show ours --account owner").stdout == MAPPING
    assert "There is no mapping" in run("orders mapping show ours --account stranger").stderr
    theirs.write_text(THEIRS.replace("A1", "A2"), "utf-8")
    assert json.loads(run(f"{base} --preset ours").stdout)["created"] == 1
    listed = {row["name"]: row["whose"] for row in json.loads(run("orders mapping list --account owner --json").stdout)}
    assert (listed["ours"], listed["shopify"]) == ("owner", "Packhouse")
    assert run("orders mapping delete ours --account owner").exit_code == 0
    assert "There is no preset 'ours'" in run(f"{base} --preset ours").stderr
    own.write_text(MAPPING.replace("item.name", "item.nam"), "utf-8")
    assert "There is no field 'item.nam'" in run(f"orders mapping save x {own} --account owner").stderr
    own.write_text(MAPPING, "utf-8")
    assert "A preset of Packhouse has this name" in run(f"orders mapping save shopify {own} --account owner").stderr
    assert mapping.parse(run("orders mapping show shopify --account owner").stdout) == mapping.list_presets()["shopify"]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_mapping_is_guessed_by_names_and_words(run: Run, tmp_path: Path) -> None:
    theirs, own = tmp_path / "theirs.csv", tmp_path / "own.toml"
    theirs.write_text(
        "Bestellnummer;Bestelldatum;Empfänger;Straße;PLZ;Ort;Land;Artikel;Menge;Preis;Kontakt\n"
        "A1;20.02.2026;Anna;Testweg 10;10115;Berlin;DE;Becher;2;2,50;anna@example.com\n",
        "utf-8",
    )
    own.write_text(run(f"orders mapping guess {theirs}").stdout, "utf-8")
    done = run(f"orders import {theirs} --account owner --into 1 --mapping {own} --json")
    report = json.loads(done.stdout)
    assert (report["created"], report["refused"], report["stopped"]) == (1, 0, None), report


def test_the_same_file_is_known_again(run: Run, client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(table(line("A1")))
    base = f"orders import {path} --account owner --into 1"
    assert json.loads(run(f"{base} --json --dry-run").stdout)["created"] == 1
    assert json.loads(run(f"{base} --json").stdout)["created"] == 1
    id = client.get("/api/v3/orders").json()["data"][0]["id"]
    client.patch(f"/api/v3/orders/{id}", json={"order_details": {"notes": "Mind the dog"}})
    client.patch(f"/api/v3/orders/{id}", json={"shipping_address": {"city": "Utrecht"}})
    again = json.loads(run(f"{base} --json").stdout)
    assert (again["created"], again["updated"], again["again"]["file_name"]) == (0, 0, "orders.csv")
    assert stored(client)[0]["shipping_address"]["city"] == "Utrecht"
    assert "This file was imported before" in run(base).stdout
    assert json.loads(run(f"{base} --json --again").stdout)["updated"] == 1
    assert "again" not in json.loads(run(f"orders import {path} --account owner --into 2 --json").stdout)


def test_what_was_refused_of_a_file_can_come_again(run: Run, client: TestClient, tmp_path: Path) -> None:
    """The file is right, and what it needs is not there yet: the other shop, or a better mapping."""
    path, own = tmp_path / "orders.csv", tmp_path / "own.toml"
    path.write_bytes(table(line("A1"), line("A2"), line("A3", **{"shipping_address.country_code": "Narnia"})))
    base = f"orders import {path} --account owner --into 1 --json"
    first = json.loads(run(base).stdout)
    assert (first["created"], first["refused"]) == (2, 1)
    again = json.loads(run(base).stdout)
    assert (again["created"], again["unchanged"], again["refused"]) == (0, 2, 1)
    assert again["again"]["partly"] is True
    id = client.get("/api/v3/orders?order_id=A1").json()["data"][0]["id"]
    client.patch(f"/api/v3/orders/{id}", json={"shipping_address": {"city": "Utrecht"}})
    spared = json.loads(run(base).stdout)
    assert (spared["updated"], spared["unchanged"], spared["left_out"], spared["refused"]) == (0, 1, 1, 1)
    [told] = [one for warned in spared["warnings"] for one in warned["warnings"] if one["code"] == "left_out"]
    assert told["detail"] == "Changed since this file was imported before: left as it is."
    assert client.get(f"/api/v3/orders/{id}").json()["data"]["shipping_address"]["city"] == "Utrecht"
    assert "imported again" in run(base.removesuffix(" --json")).stdout
    assert client.get(f"/api/v3/orders/{id}").json()["data"]["shipping_address"]["city"] == "Utrecht"
    assert len(stored(client)) == 2
    whole = table(line("A1"), line("A2"))
    path.write_bytes(whole)
    assert json.loads(run(base).stdout)["unchanged"] == 1
    known = json.loads(run(base).stdout)
    assert (known["unchanged"], known["again"]["partly"]) == (0, False)
    # A mapping of one's own that is changed under its name reads the same bytes in another way.
    theirs = "title = 'Ours'\nkey = ['order_id']\n[recognise]\ncolumns = ['order_id']\n[columns]\n"
    for fields in ("", "'order_number' = 'order_details.notes'\n"):
        own.write_text(f"{theirs}'order_id' = ['order_id', 'order_number']\n{fields}", "utf-8")
        assert run(f"orders mapping save ours {own} --account owner").exit_code == 0
        assert "again" not in json.loads(run(f"{base} --preset ours").stdout)


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_refused_rows_are_written_as_a_file_to_mend(run: Run, tmp_path: Path) -> None:
    path, refused = tmp_path / "orders.csv", tmp_path / "refused.csv"
    path.write_bytes(table(line("A1"), line("A2", quantity="many")))
    done = run(f"orders import {path} --account owner --into 1 --refused {refused}")
    assert done.exit_code == 1
    assert "item.quantity" in done.stdout
    assert (
        refused.read_bytes().decode("utf-8-sig").splitlines()
        == table(line("A2", quantity="many")).decode().splitlines()
    )
    refused.write_bytes(refused.read_bytes().replace(b"many", b"1"))
    assert run(f"orders import {refused} --account owner --into 1").exit_code == 0


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_refused_rows_of_a_workbook_can_be_brought_again(run: Run, client: TestClient, tmp_path: Path) -> None:
    path, refused = tmp_path / "orders.xlsx", tmp_path / "refused.csv"
    header, *rows = csv.reader(io.StringIO(table(line("1"), line("2", quantity="many"), line("3")).decode()))
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    ids = {"1": 1, "2": 2, "3": 12345678901234567}
    for cells in (header, *rows):
        sheet.append([ids.get(cell, 7.5 if cell == "25.00" else cell) for cell in cells])
    workbook.save(path)
    report = json.loads(run(f"orders import {path} --account owner --into 1 --refused {refused} --json").stdout)
    assert (report["created"], report["refused"]) == (1, 2), report
    assert [record["order_id"] for record in report["records"]] == ["2", "1.23456789012346E+16"]
    written = refused.read_text("utf-8-sig")
    assert "\x01" not in written
    refused.write_text(written.replace("many", "1"), "utf-8")
    again = json.loads(run(f"orders import {refused} --account owner --into 1 --json").stdout)
    assert (again["created"], again["refused"]) == (1, 1), again
    assert sorted(order["order_id"] for order in stored(client)) == ["1", "2"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of its own: a SQLite database lies in the one of the test."""
    made = tmp_path / "watched"
    made.mkdir()
    return made


def test_a_watched_folder_is_emptied_into_done_and_failed(run: Run, client: TestClient, folder: Path) -> None:
    (folder / "good.csv").write_bytes(table(line("A1")))
    (folder / "bad.csv").write_bytes(table(line("A2", quantity="many"), line("A3")))
    (folder / "half.csv.part").write_bytes(b"order_id")
    watch = f"orders watch {folder} --account owner --into 1 --interval 0.05 --once"
    assert run(watch).exit_code == 0
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.name[0] != ".")
    assert found == [
        "done/good.csv", "done/good.csv.report.json", "failed/bad.csv", "failed/bad.csv.report.json", "half.csv.part",
    ]  # fmt: skip
    report = json.loads((folder / "failed/bad.csv.report.json").read_text("utf-8"))
    assert (report["created"], report["records"][0]["faults"][0]["column"]) == (1, "item.quantity")
    (folder / "good.csv").write_bytes(table(line("A1")))
    assert run(watch).exit_code == 0
    assert "again" in json.loads((folder / "done/good-1.csv.report.json").read_text("utf-8"))
    assert [order["order_id"] for order in stored(client)] == ["A3", "A1"] or len(stored(client)) == 2


def test_a_watcher_may_be_killed_at_any_moment(database_url: str, run: Run, client: TestClient, folder: Path) -> None:
    (folder / "many.csv").write_bytes(table(*(line(f"A{n}") for n in range(1500))))
    words = [sys.executable, "-m", "packhouse", "orders", "watch", str(folder), "--account", "owner", "--into", "1"]
    environment = {**os.environ, "PACKHOUSE_DATABASE_URL": database_url}
    with subprocess.Popen([*words, "--interval", "0.05"], env=environment, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while count_orders(client) < 100 and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert run(f"orders watch {folder} --account owner --into 1 --interval 0.05 --once").exit_code == 0
    report: dict[str, Any] = json.loads((folder / "done/many.csv.report.json").read_text("utf-8"))
    assert report["refused"] == 0
    assert count_orders(client, 2_000) == 1500


def test_a_folder_that_holds_the_database_is_not_watched(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", f"sqlite:///{folder}/packhouse.db")
    (folder / "packhouse.db").touch()
    done = run(f"orders watch {folder} --account owner --into 1 --once")
    assert (done.exit_code, (folder / "packhouse.db").exists()) == (1, True)
    assert "holds the database" in done.stderr


def test_a_look_at_a_folder_ends_when_the_database_is_away(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", f"sqlite:///{tmp_path}/nowhere/packhouse.db")
    (folder / "good.csv").write_bytes(table(line("A1")))
    done = run(f"orders watch {folder} --account owner --into 1 --interval 0.05 --once")
    assert (done.exit_code, (folder / "good.csv").exists()) == (1, True)
    assert "good.csv waits" in done.stderr


def count_orders(client: TestClient, most: int = 200) -> int:
    count, url = 0, "/api/v3/orders?page_size=200"
    while url and count < most:
        answer = client.get(url)
        count += len(answer.json()["data"])
        url = answer.links.get("next", {}).get("url", "")
    return count


def test_a_workbook_and_archives_are_read(tmp_path: Path) -> None:
    import_of = openpyxl.Workbook()
    sheet = import_of.active
    assert sheet is not None
    plain = line("A1").split(",")
    sheet.append(["Orders of February"])
    sheet.append(table().decode().split("\n")[0].split(","))
    sheet.append([5001000000001, *plain[1:5], 2, 25, *plain[7:]])
    sheet.append([1234567890123456789, *plain[1:]])
    import_of.save(tmp_path / "x.xlsx")
    reading, found = read_file((tmp_path / "x.xlsx").read_bytes(), "xlsx")
    assert reading.preset == "packhouse"
    assert found[0]["order_id"] == "5001000000001"
    assert found[0]["payment_details"]["total_price"]["value"] == 25.0
    assert "its digits are lost" in found[1][0]
