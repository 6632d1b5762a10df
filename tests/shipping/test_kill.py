"""Whoever asks a carrier is killed between the carrier's answer and our commit: a label is never lost, and never made
twice. Here in processes of their own, with a carrier that plugs in from outside and writes down what it was asked."""

import importlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from packhouse.carriers import registry
from tests import forkserver, make
from tests.concurrency import served
from tests.conftest import OWNER
from tests.shipping.conftest import FakeCarrier, Watch, push
from tests.shipping.crashes import Snail

Work = Callable[..., int]
COUNT, DEATHS = 12, 3
EVERY = {"integration_id": make.SHOP, "orders": [{"order_id": f"o-{n}"} for n in range(COUNT)]}
ONE = {"integration_id": make.SHOP, "order": {"order_id": "o-1"}}


@pytest.fixture
def snail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Snail]:
    """Installed here too, so that a server in this process offers it."""
    made = Snail(tmp_path / "snail")
    monkeypatch.syspath_prepend(str(made.folder))
    importlib.invalidate_caches()
    yield made
    sys.modules.pop("snail_mail", None)


@pytest.fixture
def client(snail: Snail, serve: Callable[..., TestClient]) -> TestClient:
    assert snail.folder.is_dir()
    assert "snail" in {carrier.code for carrier in registry.find_carriers()}
    client = serve()
    client.auth = OWNER
    set_up(client)
    return client


def set_up(client: httpx.Client | TestClient) -> None:
    assert client.post("/api/packhouse/contracts", json={"carrier_code": "snail"}).status_code == 201
    settings = {"default_shipping_option_code": "snail:standard"}
    assert client.patch("/api/packhouse/shipping-settings", json=settings).status_code == 200
    orders = [make.order(f"o-{n}", shipping_address=make.address()) for n in range(COUNT)]
    assert client.post("/api/v3/orders", json=orders).status_code == 200


def read_parcels(client: httpx.Client | TestClient) -> dict[str, Any]:
    """By shipment; each has one."""
    shipments = client.get("/api/v3/shipments", params={"page_size": 100}).json()["data"]
    return {shipment["id"]: shipment["parcels"][0] for shipment in shipments}


def are_ready(client: TestClient) -> bool:
    return {parcel["status"]["code"] for parcel in read_parcels(client).values()} == {"READY_TO_SEND"}


def check_labels(client: TestClient, snail: Snail, count: int) -> None:
    """Each shipment has the one label that the carrier made for it, and the carrier made none for nobody."""
    parcels, numbers = read_parcels(client), snail.numbers()
    assert len(parcels) == count
    assert {reference: [parcel["tracking_number"]] for reference, parcel in parcels.items()} == numbers
    for reference, parcel in parcels.items():
        [document] = parcel["documents"]
        answer = client.get(document["link"].removeprefix("http://testserver"))
        assert answer.content == b"%PDF " + reference.encode()


def work_until_ready(database_url: str, client: TestClient, snail: Snail) -> int:
    """With one worker after the other, a new one for each that dies; how many died."""
    deaths = 0
    while True:
        worker = snail.start_worker(database_url)
        try:
            served.wait_until(lambda gone=worker: gone.poll() is not None or are_ready(client))  # type: ignore[misc]
            if worker.poll() is None:
                return deaths
            assert worker.poll() == -signal.SIGKILL
            deaths += 1
        finally:
            end(worker)


def end(worker: subprocess.Popen[str]) -> None:
    worker.kill()
    worker.wait(served.PATIENCE_SECONDS)
    if worker.stdout is not None:
        worker.stdout.close()


def test_a_worker_that_dies_over_a_label_loses_none_and_makes_none_twice(
    client: TestClient, snail: Snail, database_url: str
) -> None:
    snail.set("deaths", DEATHS)
    assert len(client.post("/api/v3/orders/create-labels-async", json=EVERY).json()["data"]) == COUNT
    assert work_until_ready(database_url, client, snail) == DEATHS
    check_labels(client, snail, COUNT)
    asked = snail.count("asked")
    assert sum(asked.values()) >= COUNT + DEATHS
    assert max(asked.values()) > 1


def test_several_workers_killed_from_outside(client: TestClient, snail: Snail, database_url: str) -> None:
    """Two at work at once; one is killed as soon as some labels are made, wherever it is then."""
    assert len(client.post("/api/v3/orders/create-labels-async", json=EVERY).json()["data"]) == COUNT
    first, second = snail.start_worker(database_url), None
    try:
        served.wait_until(lambda: len(snail.numbers()) >= 3)
        second = snail.start_worker(database_url)
        end(first)
        served.wait_until(lambda: are_ready(client))
    finally:
        for worker in (first, second):
            if worker is not None:
                end(worker)
    check_labels(client, snail, COUNT)


def test_a_worker_waits_for_a_carrier_that_is_away(client: TestClient, snail: Snail, database_url: str) -> None:
    snail.set("away", 2)
    client.post("/api/v3/orders/create-labels-async", json={**EVERY, "orders": [{"order_id": "o-1"}]})
    assert work_until_ready(database_url, client, snail) == 0
    check_labels(client, snail, 1)
    assert list(snail.count("asked").values()) == [3]


def test_a_server_that_dies_in_a_sync_call_is_taken_over(
    client: TestClient, snail: Snail, database_url: str, watch: Watch, work: Work
) -> None:
    """The caller got no answer; the label is made, and its shipment comes by it when the caller can no longer wait."""
    snail.set("deaths", 1)
    environment = snail.environment(database_url)
    process = forkserver.start(["serve", "--port", "0", "--json"], stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        served.wait_until(lambda: served.is_up(url))
        with pytest.raises(httpx.TransportError):
            httpx.post(f"{url}/api/v3/orders/create-label-sync", json=ONE, auth=OWNER, timeout=served.PATIENCE_SECONDS)
        assert process.wait(served.PATIENCE_SECONDS) == -signal.SIGKILL
    finally:
        end(process)
    [parcel] = read_parcels(client).values()
    assert parcel["status"]["code"] == "ANNOUNCING"
    work()
    assert list(snail.count("asked").values()) == [1]
    watch.move(minutes=5)
    work()
    check_labels(client, snail, 1)
    assert list(snail.count("asked").values()) == [2]


def test_a_carrier_that_forgets_is_not_asked_again_by_whoever_comes_after(
    snail: Snail, serve: Callable[..., TestClient], database_url: str, watch: Watch, work: Work
) -> None:
    """Its label is there, and a person is told where to look for it."""
    snail.set("forgets", 1)
    client = serve()
    client.auth = OWNER
    set_up(client)
    snail.set("deaths", 1)
    client.post("/api/v3/orders/create-labels-async", json={**EVERY, "orders": [{"order_id": "o-1"}]})
    worker = snail.start_worker(database_url)
    try:
        assert worker.wait(served.PATIENCE_SECONDS) == -signal.SIGKILL
    finally:
        end(worker)
    watch.move(minutes=5)
    work()
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    assert shipment["parcels"][0]["status"]["code"] == "ANNOUNCEMENT_FAILED"
    [fault] = shipment["errors"]
    assert shipment["id"].replace("-", "") in fault["detail"]
    assert snail.count("asked") == {shipment["id"]: 1}
    assert len(snail.numbers()[shipment["id"]]) == 1


def test_the_waits_for_a_carrier_grow(shop: TestClient, carrier: FakeCarrier, watch: Watch, work: Work) -> None:
    push(shop)
    shop.post("/api/v3/orders/create-labels-async", json={"integration_id": 1, "orders": [{"order_id": "o-1"}]})
    carrier.mood = "away"
    work()
    asked = 1
    for seconds in (2, 4, 8, 16, 32):
        watch.move(seconds=seconds - 0.1)
        work()
        assert len(carrier.asked) == asked
        watch.move(seconds=0.1)
        work()
        asked += 1
        assert len(carrier.asked) == asked
    for _ in range(10):
        watch.move(hours=1)  # never longer than that
        work()
        asked += 1
        assert len(carrier.asked) == asked
