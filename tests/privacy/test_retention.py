"""How long an account keeps personal data: a job a day, at whatever time it is."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from packhouse.bootstrap import open_context
from packhouse.kit import clock, jobs
from packhouse.kit.db import Database
from packhouse.kit.redaction import ERASED
from packhouse.privacy import retention
from packhouse.privacy.operations import RETAIN_JOB
from packhouse.settings import Settings
from tests.conftest import OWNER
from tests.privacy import marked
from tests.privacy.conftest import ERASE, ORDERS, push, ship

Work = Callable[..., int]
PRIVACY = "/api/packhouse/privacy"
SWISS: Any = {
    "shipping_address": marked.address(country_code="CH", postal_code="3011", city="Zqxvkbern"),
    "customs_details": {"commercial_invoice_number": "INV-7", "shipment_type": "commercial_goods"},
}


def in_days(days: float) -> Callable[[], datetime]:
    moment = clock.now() + timedelta(days=days)
    return lambda: moment


def placed(order_id: str, days_ago: float) -> dict[str, Any]:
    at = clock.to_wire(clock.now() - timedelta(days=days_ago))
    made = marked.order(order_id)
    made["order_details"]["order_created_at"] = at
    return made


def names(client: TestClient) -> dict[str, str]:
    found = client.get(f"{ORDERS}?sort=pk").json()["data"]
    return {order["order_id"]: order["customer_details"]["name"] for order in found}


def keep(client: TestClient, **days: int | None) -> None:
    assert client.patch(PRIVACY, json=days).status_code == 200


def list_waiting(url: str) -> list[Any]:
    async def look() -> list[Any]:
        db = Database(url)
        async with db.read() as tx:
            found = [job for job in await jobs.list_jobs(tx, 1) if job.kind == RETAIN_JOB]
        await db.close()
        return found

    return asyncio.run(look())


def test_without_a_setting_all_is_kept(shop: TestClient, work: Work, database_url: str) -> None:
    push(shop, placed("old", 4_000))
    assert shop.get(PRIVACY).json()["data"] == {"days": None, "documents_days": None}
    work(in_days(4_000))
    assert names(shop) == {"old": marked.NAME}
    assert list_waiting(database_url) == []


def test_orders_go_by_the_day_of_placing_or_of_the_last_shipment(
    shop: TestClient, work: Work, database_url: str
) -> None:
    push(shop, placed("old", 101), placed("new", 99), placed("shipped", 300))
    ship(shop, "shipped")
    keep(shop, days=100)
    work()
    assert names(shop) == {"old": ERASED, "new": marked.NAME, "shipped": marked.NAME}
    [job] = list_waiting(database_url)
    assert timedelta(hours=23) < job.due_at - clock.now() < timedelta(hours=25)
    work(in_days(1.5))
    assert names(shop) == {"old": ERASED, "new": ERASED, "shipped": marked.NAME}
    work(in_days(99))
    assert names(shop)["shipped"] == marked.NAME
    work(in_days(101))
    assert names(shop)["shipped"] == ERASED
    assert len(list_waiting(database_url)) == 1
    assert marked.find_marks(database_url) == []
    id = shop.get(f"{ORDERS}?order_id=old").json()["data"][0]["id"]
    entries = shop.get(f"/api/packhouse/orders/{id}/history").json()["data"]
    assert [(entry["action"], entry["by"]) for entry in entries[:1]] == [
        ("erased", {"type": "server", "name": "retention"})
    ]
    assert [entry["action"] for entry in entries] == ["erased", "created"]  # once, however often it is looked at


def test_an_order_that_its_shop_filled_again_is_erased_again(shop: TestClient, work: Work) -> None:
    push(shop, placed("old", 200))
    keep(shop, days=100)
    work()
    push(shop, placed("old", 200))
    assert names(shop) == {"old": marked.NAME}
    work(in_days(1.1))
    assert names(shop) == {"old": ERASED}


def test_what_is_left_of_deleted_orders_goes_too(shop: TestClient, work: Work, database_url: str, folder: Path) -> None:
    [id] = push(shop, placed("deleted", 300))
    shop.patch(f"{ORDERS}/{id}", json={"order_details": {"notes": "zqxvkchanged"}})
    ship(shop, "deleted")
    assert shop.delete(f"{ORDERS}/{id}").status_code == 204
    log = {"base_url": "https://shop.example.com", "exception": f"{marked.EMAIL} zqxvklogged"}
    assert shop.post("/api/v3/integrations/1/logs", json=log).status_code == 201
    keep(shop, days=100)
    work(in_days(50))
    assert len(marked.find_marks(database_url)) >= 3
    work(in_days(101))
    assert marked.find_marks(database_url) == []
    assert marked.find_marks_in_files(folder) == []


@pytest.mark.parametrize("is_outside", [True, False])
def test_customs_papers_stay_as_long_as_the_law_wants(
    serve: Callable[..., TestClient], shop: TestClient, work: Work, folder: Path, is_outside: bool, database_url: str
) -> None:
    client = shop
    if not is_outside:
        client = serve()
        client.auth = OWNER
    push(client, marked.order(**SWISS))
    parcel = ship(client, "o-1", "post:parcel")["parcel_id"]
    keep(client, documents_days=3_650)
    report = client.post(ERASE, json={"email": marked.EMAIL}).json()["data"]
    assert (report["documents"], report["documents_kept"]) == (1, 2)
    place = f"/api/v3/parcels/{parcel}/documents"
    assert client.get(f"{place}/label").status_code == 404
    papers = client.get(f"{place}/customs-declaration")
    assert papers.status_code == 200
    assert any(marked.NAME in page for page in marked.read_pdf(papers.content))
    left = {line.partition(":")[0] for line in marked.find_marks(database_url)}
    assert left == (set() if is_outside else {"documents.content"})
    work(in_days(3_600))
    assert client.get(f"{place}/customs-declaration").status_code == 200
    work(in_days(3_651))
    assert client.get(f"{place}/customs-declaration").status_code == 404
    assert marked.find_marks(database_url) == []
    assert marked.find_marks_in_files(folder) == []


def test_papers_whose_time_is_over_go_with_the_person(shop: TestClient, folder: Path, database_url: str) -> None:
    push(shop, marked.order(**SWISS))
    ship(shop, "o-1", "post:parcel")
    keep(shop, documents_days=0)
    report = shop.post(ERASE, json={"email": marked.EMAIL}).json()["data"]
    assert (report["documents"], report["documents_kept"]) == (3, 0)
    assert marked.find_marks(database_url) == []
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_a_run_is_bounded_and_goes_on_where_it_stopped(
    shop: TestClient, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MOST", 2)
    seen = []
    steps = list(retention.STEPS)

    async def first(run: retention.Run) -> Any:
        seen.append(run.after)
        return await steps[0](run)

    monkeypatch.setattr(retention, "STEPS", (first, *steps[1:]))
    push(shop, *(placed(f"o-{n}", 200 + n) for n in range(5)))
    keep(shop, days=100)
    work()
    assert set(names(shop).values()) == {ERASED}
    assert len(seen) == 3
    assert seen[0] is None
    assert None not in seen[1:]


def test_who_was_too_slow_leaves_no_next_run(shop: TestClient, database_url: str) -> None:
    push(shop, placed("old", 200))
    keep(shop, days=100)

    async def overtake() -> list[Any]:
        db = Database(database_url)
        lease = timedelta(seconds=60)
        [slow] = await jobs.claim(db, 1, 1, now=clock.now(), lease=lease, kinds=[RETAIN_JOB])
        [quick] = await jobs.claim(db, 1, 1, now=in_days(1)(), lease=lease, kinds=[RETAIN_JOB])
        async with open_context(Settings(database_url=database_url), db) as ctx:
            for job in (slow, quick, slow):
                await retention.retain(ctx, job)
        async with db.read() as tx:
            found = [job for job in await jobs.list_jobs(tx, 1) if job.kind == RETAIN_JOB]
        await db.close()
        return found

    assert [job.attempts for job in asyncio.run(overtake())] == [2, 0]
    assert names(shop) == {"old": ERASED}


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("sent", [{"days": 0}, {"days": "7"}, {"days": 1.5}, {"documents_days": -1}, {"day": 7}, []])
def test_days_that_are_none_are_refused(shop: TestClient, sent: Any) -> None:
    assert shop.patch(PRIVACY, json=sent).status_code == 400
    assert shop.get(PRIVACY).json()["data"] == {"days": None, "documents_days": None}


def test_one_of_the_two_stays_as_it_was(shop: TestClient, database_url: str) -> None:
    keep(shop, days=100, documents_days=200)
    keep(shop, days=None)
    assert shop.get(PRIVACY).json()["data"] == {"days": None, "documents_days": 200}
    assert len(list_waiting(database_url)) == 1
    told = shop.get("/api/packhouse/audit-log").json()["data"][0]
    assert (told["action"], told["subject"]) == ("retention.changed", "orders for ever, customs papers 200 days")
