"""One person's data by command and as a document; what happens when an erasure is stopped half way."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.accounts.schema import Caller
from packhouse.kit import clock, errors
from packhouse.kit.db import Transaction
from packhouse.kit.messages import message
from packhouse.kit.redaction import ERASED
from packhouse.orders import deletions, erasure, redaction
from packhouse.shipping.storage import Folder
from tests import make
from tests.cli.conftest import Run, run  # noqa: F401 - a fixture
from tests.privacy import marked
from tests.privacy.conftest import ERASE, ORDERS, push, ship, subscribe, write

EXPORT = "/api/packhouse/persons/export"
Work = Callable[..., int]


def test_an_export_holds_all_that_is_stored(shop: TestClient) -> None:
    subscribe(shop)
    [id, other] = push(shop, marked.order(), make.order("o-2", shipping_address=make.address()))
    shop.patch(f"{ORDERS}/{id}", json={"order_details": {"notes": "zqxvksecond"}})
    label = ship(shop, "o-1")
    log = {"base_url": "https://shop.example.com", "exception": f"no such person: {marked.EMAIL}"}
    shop.post("/api/v3/integrations/1/logs", json=log)
    answer = shop.post(EXPORT, json={"email": marked.EMAIL})
    assert answer.headers["cache-control"] == "no-store"
    data = answer.json()["data"]
    [found] = data["orders"]
    assert found["order"] == shop.get(f"{ORDERS}/{id}").json()["data"]
    assert found["history"] == shop.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert data["shipments"] == shop.get("/api/v3/shipments").json()["data"]
    assert [paper["link"] for paper in data["documents"]] == [
        f"http://testserver/api/v3/parcels/{label['parcel_id']}/documents/label"
    ]
    subjects = {delivery["subject"] for delivery in data["deliveries"]}
    assert subjects == {f"order:{id}", f"parcel:{label['parcel_id']}"}
    assert [entry["exception"] for entry in data["integration_logs"]] == [log["exception"]]
    assert str(other) not in {str(each["id"]) for each in data["orders"]}
    assert "Keizersgracht" not in answer.text
    audited = shop.get("/api/packhouse/audit-log").json()["data"][0]
    assert (audited["action"], audited["subject"]) == ("person.exported", "1 orders, 1 shipments")
    shop.post(ERASE, json={"email": marked.EMAIL})
    after = shop.post(EXPORT, json={"email": marked.EMAIL}).json()["data"]
    assert (after["orders"], after["shipments"], after["deliveries"]) == ([], [], [])


def test_a_person_is_exported_and_erased_by_command(
    run: Run,  # noqa: F811
    client: TestClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "papers"
    monkeypatch.setenv("PACKHOUSE_DOCUMENTS_URL", folder.as_uri())
    [id] = push(client, marked.order())
    file = tmp_path / "person.json"
    done = run(["person", "export", "--account", "owner", "--phone", "06 1234 9876", "--output", str(file), "--json"])
    assert json.loads(done.stdout) == {"orders": 1, "shipments": 0, "deliveries": 0, "documents": 0}
    assert json.loads(file.read_bytes())["orders"][0]["order"]["id"] == id
    assert file.stat().st_mode & 0o777 == 0o600
    words = ["person", "erase", "--account", "owner", "--email", marked.EMAIL]
    refused = run(words, input="n\n")
    assert refused.exit_code == 1
    assert "Erase the person in 1 orders and 0 shipments, for good?" in refused.stderr
    assert client.get(f"{ORDERS}/{id}").json()["data"]["customer_details"]["name"] == marked.NAME
    report = json.loads(run([*words, "--yes", "--json"]).stdout)
    assert report["orders"] == 1
    assert client.get(f"{ORDERS}/{id}").json()["data"]["customer_details"] == {"name": ERASED}
    [newest, *_] = client.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert (newest["action"], newest["by"]) == ("erased", {"type": "command", "name": "person erase"})
    again = run([*words, "--yes"])
    assert again.exit_code == 0
    assert "orders               0" in again.stdout


def test_a_command_says_whom_it_cannot_look_for(run: Run) -> None:  # noqa: F811
    for words, told in (
        ([], "Say an e-mail address, a telephone number, or a name with a postal code."),
        (["--name", "Ada"], "A name is looked for together with a postal code."),
        (["--email", "ada"], "This is no e-mail address."),
    ):
        refused = run(["person", "erase", "--account", "owner", "--yes", *words])
        assert (refused.exit_code, refused.stderr) == (1, f"packhouse: {told}\n")
    nobody = run(["person", "erase", "--account", "nobody", "--yes", "--email", "a@example.com"])
    assert (nobody.exit_code, nobody.stderr) == (1, "packhouse: There is no account named 'nobody'.\n")


def test_days_are_set_by_command(run: Run, client: TestClient) -> None:  # noqa: F811
    assert json.loads(run("account retention owner --json").stdout)["days"] is None
    set_to = json.loads(run("account retention owner --days 730 --documents-days 3650 --json").stdout)
    assert set_to == {"name": "owner", "days": 730, "documents_days": 3_650}
    assert client.get("/api/packhouse/privacy").json()["data"] == {"days": 730, "documents_days": 3_650}
    assert json.loads(run("account retention owner --days 365 --json").stdout)["documents_days"] == 3_650
    kept = json.loads(run("account retention owner --days 365 --keep --json").stdout)
    assert kept == {"name": "owner", "days": 365, "documents_days": None}
    assert run("account retention owner --days 0").exit_code == 2
    assert run("account retention nobody").exit_code == 1


def test_one_that_was_stopped_is_begun_anew(
    shop: TestClient, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "AT_ONCE", 1)
    push(shop, *(marked.order(f"o-{n}") for n in range(3)))
    ship(shop, "o-1")
    redact = redaction.redact
    calls: list[Any] = []

    def stop(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise errors.Unavailable(message("killed"))
        return redact(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "redaction", _With(redaction, redact=stop))
        assert shop.post(ERASE, json={"email": marked.EMAIL}).status_code == 503
    found = {order["order_id"]: order["customer_details"]["name"] for order in shop.get(ORDERS).json()["data"]}
    assert sorted(found.values()) == sorted([ERASED, marked.NAME, marked.NAME])  # what was done stays done
    assert marked.find_marks(database_url)
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 2
    assert marked.find_marks(database_url) == []
    assert marked.find_marks_in_files(folder) == []


class _With:
    """A module with something else in the place of one of its functions."""

    def __init__(self, module: Any, **others: Any) -> None:
        self._module, self._others = module, others

    def __getattr__(self, name: str) -> Any:
        return self._others.get(name) or getattr(self._module, name)


def test_a_file_that_cannot_be_removed_is_found_again(
    shop: TestClient, database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    push(shop, marked.order())
    ship(shop, "o-1")

    async def refuse(_self: Folder, _key: str) -> None:
        raise errors.Unavailable(message("The store of documents cannot be reached now."))

    with monkeypatch.context() as patch:
        patch.setattr(Folder, "delete", refuse)
        assert shop.post(ERASE, json={"email": marked.EMAIL}).status_code == 503
    assert marked.find_marks_in_files(folder)
    assert shop.post(ERASE, json={"email": marked.EMAIL}).status_code == 200
    assert marked.find_marks_in_files(folder) == []
    assert marked.find_marks(database_url) == []


def test_a_shipment_that_is_being_announced_follows_later(
    shop: TestClient, work: Work, database_url: str, folder: Path
) -> None:
    push(shop, marked.order())
    chosen = {"type": "shipping_option_code", "properties": {"shipping_option_code": "house:standard"}}
    body = {"integration_id": make.SHOP, "orders": [{"order_id": "o-1"}], "ship_with": chosen}
    assert shop.post("/api/v3/orders/create-labels-async", json=body).status_code == 202
    report = shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]
    assert (report["orders"], report["shipments"], report["shipments_postponed"]) == (1, 0, 1)
    assert {mark.partition(".")[0] for mark in marked.find_marks(database_url)} == {"shipments", "parcels"}
    work()
    assert marked.find_marks_in_files(folder)  # the label, as it was asked for
    later = clock.now() + timedelta(minutes=5)
    work(lambda: later)
    assert marked.find_marks(database_url) == []
    assert marked.find_marks_in_files(folder) == []
    [shipment] = shop.get("/api/v3/shipments").json()["data"]
    assert shipment["parcels"][0]["tracking_number"]


def test_an_order_about_to_be_deleted_is_deleted_all_the_same(shop: TestClient, database_url: str, work: Work) -> None:
    [id] = push(shop, marked.order())

    async def request(tx: Transaction) -> None:
        await deletions.request_deletion(tx, Caller(1, "NL", "user:1"), [id], now=clock.now())

    write(database_url, request)
    assert shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]["orders"] == 1
    later = clock.now() + timedelta(minutes=1)
    work(lambda: later)
    assert shop.get(f"{ORDERS}/{id}").status_code == 404
    entries = shop.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert [entry["action"] for entry in entries] == ["deleted", "erased", "created"]
