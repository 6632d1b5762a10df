"""Batches over HTTP: taken by a rule, picked by bin, packed in the order of the cart."""

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from starlette.testclient import TestClient

from packhouse.packing_station import bins
from tests import make
from tests.packing_station.conftest import CUP, EAN, TEAPOT, Person, Station, goods, list_labels, order, push
from tests.web.conftest import EMAILS, token
from tests.web.world import query

Bench = Callable[..., Station]
BINS = f"sku;bin\n{TEAPOT};B-2-10\n{CUP};A-1-2\nPL-9;B-2-9\n"


def take(station: Station, **form: str) -> Any:
    return station.page.post("/pack/batches", data={"csrf": station.csrf, **form}, follow_redirects=False)


def take_id(station: Station, **form: str) -> int:
    answer = take(station, **form)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].rpartition("/")[2])


def put_bins(station: Station, content: str, **form: str) -> Any:
    files = {"file": ("bins.csv", content.encode(), "text/csv")}
    data = {"csrf": station.csrf, **form}
    return station.page.post("/pack/bins", data=data, files=files, follow_redirects=False)


def members(database_url: str, state: str = "waiting") -> list[tuple[int, str]]:
    """Batch and number of the orders, in the order of the cart."""
    wanted = "SELECT batch_id, order_number, state FROM batch_orders ORDER BY batch_id, position"
    rows = query(database_url, wanted, whole=True)
    return [(row.batch_id, row.order_number) for row in rows if row.state == state]


def plates(count: int) -> list[dict[str, Any]]:
    return [make.item(name="Plate", sku="PL-9", item_id="i-3", quantity=count)]


def test_a_batch_is_picked_by_bin_and_packed_in_the_order_of_the_cart(
    bench: Bench, client: TestClient, database_url: str
) -> None:
    station = bench()
    assert put_bins(station, BINS).status_code == 303
    push(
        client, order(1, goods(teapot=2)), order(2, plates(1)), order(3, goods(teapot=1, cup=1)), order(4, goods(cup=1))
    )
    id = take_id(station, size="3")
    # The three oldest, by where the first item of each lies: A-1-2, B-2-9, B-2-10.
    assert members(database_url) == [(id, "N-o-3"), (id, "N-o-2"), (id, "N-o-1")]
    page = station.page.get(f"/pack/batches/{id}").text
    rows = [re.sub(r"<[^>]+>", " ", row).split() for row in re.findall(r"<tr>(<td><strong>.*?)</tr>", page)]
    assert rows == [
        ["A-1-2", "1", "CU-6", "Cup", "1"],
        ["B-2-9", "1", "PL-9", "Plate", "2"],
        ["B-2-10", "3", "TP-1", "Teapot,", "blue", "1,", "3", "×", "2"],
    ]
    assert f"Next in B-{id}: place 1, N-o-3" in station.look().text
    opened = station.scan("PHNEXT")
    assert (opened.tone, "Place 1" in opened.text, "A-1-2" in opened.text) == ("good", True, True)
    assert station.scan("PHNEXT").tone == "wrong"  # one at a time
    station.scan(CUP)
    assert station.scan(EAN).tone == "done"
    # An item opens the next order that needs it.
    assert station.scan(TEAPOT).tone == "good"
    assert "Place 3" in station.look().text
    assert station.scan(TEAPOT).tone == "done"
    assert f"1 to go in batch B-{id}" in station.look().text
    station.scan("PHNEXT")
    assert station.scan("PL-9").tone == "done"
    assert query(database_url, "SELECT state FROM batches") == ["done"]
    assert station.scan("PHNEXT").tone == "wrong"
    assert len(list_labels(client)) == 3


def test_two_people_never_get_one_order_twice(bench: Bench, client: TestClient, database_url: str) -> None:
    """One after the other, and at the same moment."""
    push(client, *(order(number, goods(cup=1)) for number in range(1, 9)))
    stations = [bench(), bench("owner", "Bench 2")]

    async def both() -> list[int]:
        taking = [asyncio.to_thread(take_id, station, size="4") for station in stations]
        return list(await asyncio.gather(*taking))

    ids = asyncio.run(both())
    taken = members(database_url)
    assert sorted(number for _, number in taken) == [f"N-o-{number}" for number in range(1, 9)]
    assert sorted(id for id, _ in taken) == sorted(ids * 4)
    refused = take(stations[0])
    assert (refused.status_code, "No order that could be packed is of this kind." in refused.text) == (409, True)


@pytest.mark.one_database
def test_the_rules_of_a_batch(bench: Bench, client: TestClient, database_url: str) -> None:
    station = bench()
    put_bins(station, BINS)
    due = [{**goods(cup=1)[0], "delivery_dates": {"handover_at": "2020-01-01T12:00:00Z"}}]
    express = {"type": "shipping_option_code", "properties": {"shipping_option_code": "post:express"}}
    held = {"status": {"code": "on_hold", "message": "Hold"}}
    push(
        client,
        order(1, goods(cup=1), order_details=held),  # never taken
        order(2, goods(cup=2)),
        order(3, goods(teapot=1)),
        order(4, goods(teapot=1, cup=1)),
        order(5, due),
        order(6, goods(teapot=3), shipping_address=make.address(country_code="BE", postal_code="1000")),
        order(7, goods(teapot=2), shipping_details={"ship_with": express}),
    )
    wanted: dict[str, list[int]] = {
        "pieces=one": [3, 5],
        "pieces=one_sku": [2, 3, 5, 6, 7],
        "pieces=several": [4],
        "zone=a-1": [2, 5],
        "zone=B": [3, 6, 7],
        "countries=be, lu": [6],
        "option=post:express": [7],
        "due=today": [5],
        "size=1": [5],  # what is due comes first
        "integration_id=1": [2, 3, 4, 5, 6, 7],
        "integration_id=99": [],
    }
    for rule, numbers in wanted.items():
        name, _, value = rule.partition("=")
        answer = take(station, **{name: value})
        assert answer.status_code == (303 if numbers else 409), rule
        taken = sorted(number for _, number in members(database_url))
        assert taken == [f"N-o-{number}" for number in numbers], rule
        if numbers:
            station.page.post(answer.headers["location"] + "/back", data={"csrf": station.csrf})
    for field, bad in {"size": "0", "due": "never", "pieces": "x", "zone": "z" * 21, "countries": "Holland"}.items():
        answer = take(station, **{field: bad})
        assert (answer.status_code, f'id="m-take-{field}"' in answer.text) == (422, True), field


def test_a_batch_is_handed_over_and_given_back(bench: Bench, client: TestClient, database_url: str) -> None:
    push(client, *(order(number, goods(teapot=1, cup=1)) for number in (1, 2, 3)))
    station, other = bench(), bench("owner", "Bench 2")
    id = take_id(station)
    station.scan("PHNEXT")
    station.scan(CUP)
    # Somebody else asks before they take an order out of it, and may leave it there.
    asked = other.scan("N-o-2")
    assert f"It is in the batch B-{id} of {EMAILS['packer']}." in asked.text
    other.scan("PHNO")
    assert len(members(database_url)) == 3
    assert other.scan("PHNEXT").tone == "wrong"
    # By the barcode of the pick list: what was counted goes on at the other bench.
    assert "3 to go" in other.scan(f"PHLIST{id}").text
    assert other.scan("PHNEXT").tone == "good"
    assert "N-o-2" in other.look().text  # the first is still open at the first bench
    other.scan("PHCLOSE")
    other.scan("N-o-1")
    other.scan("PHGO")
    assert "1 of 1" in other.look().text
    assert other.scan(TEAPOT).tone == "done"
    people = re.findall(r'<option value="(\d+)"[^>]*>([^<]+)<', other.page.get(f"/pack/batches/{id}").text)
    [bo] = [user for user, email in people if email == EMAILS["packer"]]
    assert EMAILS["viewer"] not in dict(people).values()
    other.page.post(f"/pack/batches/{id}/owner", data={"csrf": other.csrf, "user": bo})
    assert query(database_url, "SELECT owner FROM batches") == [f"user:{bo}"]
    history = other.page.get(f"/pack/batches/{id}").text.partition("History")[2]
    assert history.count("Handed over") == 2
    station.scan("PHNO")  # it was told that N-o-1 was taken over
    assert "N-o-3" in station.scan("PHNEXT").text
    station.scan("PHHOLDSHORT")
    station.page.post(f"/pack/batches/{id}/back", data={"csrf": station.csrf})
    states = {
        state: [number for _, number in members(database_url, state)] for state in ("packed", "aside", "returned")
    }
    assert states == {"packed": ["N-o-1"], "aside": ["N-o-3"], "returned": ["N-o-2"]}
    assert station.page.post(f"/pack/batches/{id}/back", data={"csrf": station.csrf}).status_code == 409
    assert other.scan(f"PHLIST{id}").tone == "wrong"
    assert [number for _, number in members(database_url)] == []
    take_id(other)
    assert [number for _, number in members(database_url)] == ["N-o-2"]


@pytest.mark.one_database
def test_progress_survives_a_server_that_is_gone(
    bench: Bench, person: Person, client: TestClient, database_url: str
) -> None:
    """Another server and another bench go on where the first was."""
    push(client, *(order(number, goods(teapot=1, cup=1)) for number in (1, 2)))
    station = bench()
    id = take_id(station)
    station.scan("PHNEXT")
    station.scan(CUP)
    elsewhere = Station(person("packer"), station.bench)
    assert (f"2 to go in batch B-{id}" in elsewhere.look().text, elsewhere.look().counts) == (
        True,
        ["0 of 1", "1 of 1"],
    )
    assert elsewhere.scan(TEAPOT).tone == "done"
    assert f"1 to go in batch B-{id}" in elsewhere.look().text
    assert members(database_url) == [(id, "N-o-2")]


@pytest.mark.one_database
def test_an_order_that_is_gone_or_refused_holds_up_no_batch(
    bench: Bench, client: TestClient, database_url: str
) -> None:
    ids = push(client, *(order(number, goods(cup=1)) for number in (1, 2, 3)))
    station = bench()
    take_id(station)
    assert client.delete(f"/api/v3/orders/{ids[0]}").status_code == 204
    cancelled = {"status": {"code": "cancelled", "message": "C"}}
    push(client, order(2, goods(cup=1), order_details=cancelled))
    assert "deleted" in station.scan("PHNEXT").text
    assert station.scan("PHNEXT").tone == "ask"
    station.scan("PHNO")
    station.scan("PHNEXT")
    assert station.scan(CUP).tone == "done"
    assert query(database_url, "SELECT state FROM batches") == ["done"]


@pytest.mark.one_database
def test_a_single_order_of_somebodys_batch_is_not_given_to_others(
    bench: Bench, client: TestClient, do_jobs: Any
) -> None:
    push(client, order(1, goods(cup=1)), order(2, goods(cup=1)))
    do_jobs()
    station, other = bench(), bench("owner", "Bench 2", singles="1")
    take_id(station, size="1")
    assert other.scan(CUP).tone == "done"
    assert [shipment["order_number"] for shipment in list_labels(client)] == ["N-o-2"]
    assert other.scan(CUP).tone == "wrong"


@pytest.mark.one_database
def test_the_pick_list_on_paper(bench: Bench, client: TestClient) -> None:
    station = bench()
    put_bins(station, BINS)
    push(client, order(1, goods(teapot=2, cup=1)), order(2, plates(70)))
    id = take_id(station)
    answer = station.page.get(f"/pack/batches/{id}/pick-list")
    assert answer.headers["content-type"] == "application/pdf"
    [page] = pypdfium2.PdfDocument(answer.content)
    text = " ".join(page.get_textpage().get_text_range().split())
    assert f"Pick list B-{id}" in text
    assert "2 orders, 73 pieces, 3 articles" in text
    assert text.index("A-1-2") < text.index("B-2-9") < text.index("B-2-10")
    assert "2 × 70" in text
    read = {found.text for found in zxingcpp.read_barcodes(page.render(scale=3).to_pil())}
    assert f"PHLIST{id}" in read


def test_bins_come_from_a_file(bench: Bench, client: TestClient, database_url: str) -> None:
    station = bench()
    assert put_bins(station, BINS).status_code == 303
    assert put_bins(station, "\ufeffSKU,Bin\ntp-1,C-1\nPL-9,\n").status_code == 303
    assert query(database_url, "SELECT sku, bin FROM bins ORDER BY folded", whole=True) == [
        (CUP, "A-1-2"),
        ("tp-1", "C-1"),
    ]
    own = [{**goods(cup=1)[0], "properties": {bins.PROPERTY: "Z-9"}}]
    push(client, order(1, own), order(2, goods(teapot=1)))
    assert "Z-9" in station.scan("N-o-1").text
    station.scan("PHCLOSE")
    assert "C-1" in station.scan("N-o-2").text
    page = station.page.get("/pack/bins?sku=CU").text
    assert (CUP in page, "tp-1" in page, "1 of 2" in page) == (True, False, True)
    assert station.page.get("/pack/bins/file").text == f"sku,bin\n{CUP},A-1-2\ntp-1,C-1\n"
    assert put_bins(station, f"sku\tbin\n{CUP}\tA-1\n", replaces="1").status_code == 303
    assert query(database_url, "SELECT sku FROM bins") == [CUP]


@pytest.mark.parametrize(
    "content", ["a,b\n1,2\n", "sku,bin\n,A-1\n", f"sku,bin\n{'x' * 121},A\n", f"sku,bin\nx,{'B' * 41}\n"]
)
@pytest.mark.one_database
def test_a_file_that_holds_no_bins_is_refused(bench: Bench, content: str) -> None:
    answer = put_bins(bench(), content)
    assert (answer.status_code, 'id="m-file-file"' in answer.text) == (422, True)


@pytest.mark.one_database
def test_strangers_see_no_batch(bench: Bench, person: Person, client: TestClient) -> None:
    push(client, order(1, goods(cup=1)))
    station = bench()
    id = take_id(station)
    put_bins(station, BINS)
    stranger = person("stranger@example.org")
    csrf = token(stranger.get("/account").text)
    for place in (f"/pack/batches/{id}", f"/pack/batches/{id}/pick-list"):
        assert stranger.get(place).status_code == 404
    for place in ("owner", "back"):
        assert stranger.post(f"/pack/batches/{id}/{place}", data={"csrf": csrf}).status_code == 404
    assert f"B-{id}" not in stranger.get("/pack/batches").text
    assert CUP not in stranger.get("/pack/bins").text


def test_bins_sort_as_one_walks() -> None:
    walked = ["A-1", "A-2-9", "A-2-10", "B", "b-1", "C"]
    assert sorted(["", *reversed(walked)], key=bins.to_key) == [*walked, ""]
