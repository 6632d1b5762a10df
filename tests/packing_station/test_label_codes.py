"""What stands on a label, scanned at a bench: it opens the label's order."""

import io
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from starlette.testclient import TestClient

from tests import make
from tests.packing_station.conftest import CUP, TEAPOT, Station, goods, list_labels, order, push
from tests.web.world import query

Bench = Callable[..., Station]


def read_label(client: TestClient) -> dict[str, str]:
    """The codes of the newest label, by kind."""
    [*_, document] = list_labels(client)[0]["parcels"][0]["documents"]
    content = client.get(document["link"].partition("testserver")[2] or document["link"]).content
    with pypdfium2.PdfDocument(io.BytesIO(content)) as file:
        image = file[0].render(scale=300 / 72).to_pil().convert("L")
    return {str(code.format.name): code.text for code in zxingcpp.read_barcodes(image)}


def ship(client: TestClient, number: int) -> None:
    body = {"integration_id": 1, "order": {"order_id": f"o-{number}"}}
    assert client.post("/api/v3/orders/create-label-sync", json=body).status_code in (200, 201)


@pytest.mark.one_database
@pytest.mark.parametrize("option", ["house:standard", "post:parcel"])
def test_every_code_of_a_label_opens_its_order(bench: Bench, client: TestClient, option: str) -> None:
    shipped = {"ship_with": {"type": "shipping_option_code", "properties": {"shipping_option_code": option}}}
    push(client, order(1, goods(cup=2), shipping_details=shipped))
    ship(client, 1)
    codes = read_label(client)
    qr = codes.pop("QRCode")
    assert len(qr.splitlines()) == 3
    [barcode] = codes.values()
    station = bench()
    squeezed = qr.replace("\n", "")
    for text in (barcode, f"]C1{barcode}", qr, " ".join(qr.splitlines()), *qr.splitlines(), squeezed):
        opened = station.scan(text)
        assert (opened.tone, "0 of 2" in opened.text) == ("good", True), text
        station.scan("PHCLOSE")


def test_a_qr_code_that_comes_line_by_line_is_one_scan(bench: Bench, client: TestClient, database_url: str) -> None:
    """As a scanner types it, with Enter after each line: nothing of it is a wrong item, and nothing opens twice."""
    push(client, order(1, goods(cup=1)), order(2, goods(cup=1)))
    for number in (1, 2):
        ship(client, number)
    numbers = {label["order_number"]: label for label in list_labels(client)}

    def lines(number: str) -> tuple[str, str, str]:
        label = numbers[number]
        return number, label["parcels"][0]["tracking_number"], label["id"]

    station = bench()
    assert [station.scan(line).tone for line in lines("N-o-1")] == ["good", "quiet", "quiet"]
    assert station.scan(lines("N-o-2")[1]).tone == "wrong"
    assert station.scan(CUP).tone == "done"
    quick = bench(name="Bench 2", verify="none")
    assert [quick.scan(line).tone for line in lines("N-o-2")] == ["done", "quiet", "quiet"]
    assert query(database_url, "SELECT count(*) FROM packing_events WHERE action = 'wrong'") == [1]


@pytest.mark.one_database
def test_lines_of_a_code_are_no_answer_to_a_question(bench: Bench, client: TestClient) -> None:
    held = {"status": {"code": "on_hold", "message": "Hold"}}
    push(client, order(1, goods(cup=1), order_details=held))
    ship(client, 1)
    [label] = list_labels(client)
    station = bench()
    for line in ("N-o-1", label["parcels"][0]["tracking_number"], label["id"]):
        asked = station.scan(line)
        assert asked.tone == "ask"
        assert "Hold" in asked.text or "hold" in asked.text
    assert station.scan(CUP).tone == "wrong"
    assert station.scan("PHGO").tone == "good"


def test_an_address_that_looks_wrong_is_asked_about_once(bench: Bench, client: TestClient, database_url: str) -> None:
    wrong = make.address(postal_code="?")
    push(client, order(1, goods(teapot=1), shipping_address=wrong), order(2, goods(teapot=1)))
    station = bench(singles="1")
    assert station.scan("N-o-2").tone == "good"
    station.scan("PHCLOSE")
    asked = station.scan("N-o-1")
    assert asked.tone == "ask"
    assert "Address: Postal codes of NL are not written like this." in asked.text
    assert station.scan("PHGO").tone == "good"
    changed = order(1, goods(teapot=1), shipping_address={**wrong, "postal_code": "??"})
    push(client, changed)
    assert station.scan(TEAPOT).tone == "ask"  # another address than was looked at
    assert station.scan("PHGO").tone == "done"
    kinds = query(database_url, "SELECT detail FROM packing_events WHERE action = 'confirmed' ORDER BY id")
    assert ["address:postal_code" in detail for detail in kinds] == [True, True]


@pytest.mark.one_database
def test_an_item_alone_opens_no_order_with_a_wrong_address(bench: Bench, client: TestClient, do_jobs: Any) -> None:
    wrong = make.address(postal_code="?")
    push(client, order(1, goods(cup=1), shipping_address=wrong), order(2, goods(cup=1)))
    do_jobs()
    assert "N-o-2 is packed." in bench(singles="1").scan(CUP).text


def test_a_return_is_no_label_to_print(bench: Bench, client: TestClient, do_jobs: Any) -> None:
    """An order whose goods came back and that is packed again gets a new label."""
    push(client, order(1, goods(cup=1)))
    station = bench()
    station.scan("N-o-1")
    station.scan(CUP)
    [label] = list_labels(client)
    assert client.post(f"/api/v3/shipments/{label['id']}/cancel").status_code in (200, 202)
    do_jobs()
    assert station.scan("N-o-1").tone == "good"
    assert station.scan(CUP).tone == "done"
    assert len(list_labels(client)) == 2
