"""Serial numbers at a bench: each counts its piece, once, and is kept with the shipment."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from starlette.testclient import TestClient

from packhouse.kit.data import gs1
from tests.packing_station.conftest import CUP, EAN, Station, goods, list_labels, order, push
from tests.web.world import query

Bench = Callable[..., Station]
GTIN = f"0{EAN}"


def coded(serial: str) -> str:
    """As a scanner sends the DataMatrix of a teapot."""
    return f"]d201{GTIN}17270101\x1d21{serial}"


def listed(*serials: str, **quantities: int) -> list[dict[str, Any]]:
    items = goods(**quantities)
    items[0]["properties"] = {"packhouse_serials": list(serials)}
    return items


def read_serials(client: TestClient) -> list[Any]:
    found = [parcel["parcel_items"] for shipment in list_labels(client) for parcel in shipment["parcels"]]
    return [[item.get("serial_numbers") for item in items] for items in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"01{GTIN}21A-1", (GTIN, "A-1")),
        (f"]d201{GTIN}17270101\x1d10LOT7\x1d21A-1", (GTIN, "A-1")),
        (f"]C101{GTIN}10LOT7", (GTIN, "")),
        (f"(01){GTIN}(17)270101(21)A-1", (GTIN, "A-1")),
        (f"https://id.example.com/01/{GTIN}/21/A%2F1?x=y", (GTIN, "A/1")),
        (f"https://shop.example.com/01/{EAN}/10/LOT7/21/9", (GTIN, "9")),
        (f"https://shop.example.com/01/{EAN}", (GTIN, "")),
        ("010400638133393221A-1", None),  # a wrong check digit
        (f"9901{GTIN}", None),
        (f"01{GTIN}21" + "x" * 21, None),
        ("21A-1", None), ("", None), ("N-o-1", None), ("0", None),
    ],
)  # fmt: skip
def test_codes_of_gs1(text: str, expected: tuple[str, str] | None) -> None:
    assert gs1.read_product(text) == expected


def test_a_serial_counts_its_piece_once_and_goes_with_the_shipment(
    bench: Bench, client: TestClient, database_url: str
) -> None:
    push(client, order(1, goods(teapot=2, cup=1)))
    station = bench(verify="once")  # even there, a serial is of one piece
    station.scan("N-o-1")
    assert "1 of 2" in station.scan(coded("S-1")).text
    again = station.scan(coded("s-1"))
    assert (again.tone, "The serial number s-1 was scanned already." in again.text) == ("wrong", True)
    assert "1 of 2" in again.text
    assert "2 of 2" in station.scan(f"01{GTIN}21S-2").text
    surplus = station.scan(coded("S-3"))
    assert (surplus.tone, "One too many" in surplus.text) == ("wrong", True)
    assert station.scan(CUP).tone == "done"
    assert read_serials(client) == [[["S-1", "S-2"], None]]
    log = query(database_url, "SELECT detail FROM packing_events WHERE action = 'count' ORDER BY id")
    assert [orjson.loads(detail)["code"] for detail in log] == ["S-1", "S-2", CUP]
    assert query(database_url, "SELECT count(*) FROM packing_events WHERE action = 'serial_twice'") == [1]


def test_serials_that_an_order_lists(bench: Bench, client: TestClient) -> None:
    push(client, order(1, listed("A1", "A2", teapot=2)))
    station = bench()
    station.scan("N-o-1")
    assert station.scan("A9").tone == "wrong"
    assert "1 of 2" in station.scan("a2").text
    assert station.scan("A2").tone == "wrong"
    assert "0 of 2" in station.scan("PHUNDO").text
    assert "1 of 2" in station.scan("A2").text  # what was undone is free again
    assert station.scan("A1").tone == "done"
    assert read_serials(client) == [[["A2", "A1"]]]


def test_a_piece_is_in_one_order_until_it_is_free_again(bench: Bench, client: TestClient, do_jobs: Any) -> None:
    push(client, *(order(number, goods(teapot=1)) for number in (1, 2, 3)))
    station = bench()
    station.scan("N-o-1")
    assert station.scan(coded("S-1")).tone == "done"
    station.scan("N-o-2")
    refused = station.scan(coded("S-1"))
    assert refused.tone == "wrong"
    assert "The serial number S-1 was packed in N-o-1 already." in refused.text
    [label] = list_labels(client)
    assert client.post(f"/api/v3/shipments/{label['id']}/cancel").status_code in (200, 202)
    do_jobs()
    assert station.scan(coded("S-1")).tone == "done"
    station.scan("N-o-3")
    assert "was packed in N-o-2 already" in station.scan(coded("S-1")).text


def test_each_box_has_its_serials(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=2, cup=1)))
    station = bench()
    for code in ("N-o-1", coded("S-1"), CUP, "PHNEXTBOX"):
        assert station.scan(code).tone == "good"
    assert station.scan(coded("S-2")).tone == "done"
    assert read_serials(client) == [[["S-1"], None], [["S-2"]]]


@pytest.mark.one_database
def test_a_serial_that_is_scanned_first_opens_its_order(bench: Bench, client: TestClient) -> None:
    push(client, order(1, goods(teapot=1)))
    station = bench()
    station.scan("N-o-1")
    station.scan(coded("S-1"))
    for text in (coded("S-1"), "S-1"):
        asked = station.scan(text)
        assert (asked.tone, "N-o-1" in asked.text) == ("ask", True)
        station.scan("PHNO")
