"""Printers that are out: told by IPP and by the agent, shown at the bench and at the owner's start; test pages."""

import io
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from starlette.testclient import TestClient

from packhouse.cli import print_agent
from packhouse.consignment import EPL, PDF
from packhouse.packing_station import network_printers, printer_states
from packhouse.printing import paper, sheets, test_pages
from tests.concurrency import served
from tests.packing_station.conftest import Station
from tests.packing_station.printers import Printer, printing
from tests.packing_station.test_printing import HERE, make_token, pack, states
from tests.web.world import query

Bench = Callable[..., Station]


@pytest.fixture
def ipp_printer() -> Iterator[Printer]:
    with printing(is_ipp=True) as made:
        yield made


def look_again(database_url: str) -> None:
    query(database_url, "UPDATE jobs SET due_at = created_at RETURNING id")


def test_a_printer_without_paper_is_told_until_it_has_some(
    bench: Bench, client: TestClient, ipp_printer: Printer, do_jobs: Any, database_url: str
) -> None:
    ipp_printer.reasons = ["media-empty-error", "marker-supply-low-warning"]
    station = bench("owner", server=HERE, **{"label/way": "ipp", "label/target": ipp_printer.address})
    pack(client, station)
    do_jobs(**HERE)
    told = "Label printer : the paper is out"
    assert told in station.look().text
    start = station.page.get("/").text
    assert "Printers that do not print" in start
    assert "the paper is out" in start
    assert "the paper is out" in station.page.get("/settings/benches").text
    # It is looked after: nobody prints, and the state goes all the same.
    ipp_printer.reasons = ["none"]
    look_again(database_url)
    do_jobs(**HERE)
    assert told not in station.look().text
    assert "Printers that do not print" not in station.page.get("/").text
    assert query(database_url, "SELECT count(*) FROM jobs WHERE kind = 'printer.look'") == [0]


@pytest.mark.one_database
def test_a_printer_that_does_not_answer_is_told(
    bench: Bench, client: TestClient, do_jobs: Any, database_url: str
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
    station = bench("owner", server=HERE, **{"label/way": "raw", "label/target": address})
    pack(client, station)
    do_jobs(**HERE)
    assert "Label printer : it does not answer" in station.look().text
    with printing() as other:
        changed = {"csrf": station.csrf, "name": "Bench 1", "verify": "each", "prints": ["label"]}
        changed |= {"label/way": "raw", "label/paper": "A6", "label/format": "pdf", "label/target": other.address}
        changed |= {"documents/way": "browser", "documents/paper": "A4", "documents/format": "pdf"}
        assert station.page.post(f"/settings/benches/{station.bench}", data=changed).status_code == 200
        assert "it does not answer" not in station.look().text  # it is another printer now
        look_again(database_url)
        do_jobs(**HERE)
    assert "it does not answer" not in station.look().text


def test_an_agent_tells_the_states_of_its_printers(bench: Bench, client: TestClient, database_url: str) -> None:
    station = bench("owner", **{"label/way": "agent", "label/target": "lp:Zebra"})
    headers = {"authorization": f"Bearer {make_token(station)}", "accept": "*/*"}
    page = station.page
    answer = page.post(
        "/print-agent/printers", json={"states": {"label": ["media-jam-error"], "x": ["y"]}}, headers=headers
    )
    assert answer.json() == {"printers": {"label": "lp:Zebra"}}
    assert "Label printer : the paper is jammed" in station.look().text
    assert page.post("/print-agent/printers", json={"states": {"label": ["none"]}}, headers=headers).status_code == 200
    assert "jammed" not in station.look().text
    wrong: list[Any] = [{}, {"states": 1}, []]
    for bad in wrong:
        assert page.post("/print-agent/printers", json=bad, headers=headers).status_code in (400, 422)
    stranger = {**headers, "authorization": headers["authorization"] + "x"}
    assert page.post("/print-agent/printers", json={"states": {}}, headers=stranger).status_code == 401
    # One that is gone: its job waits, and that is said.
    pack(client, station)
    assert "does not ask for its jobs" not in station.look().text
    long_ago = "2020-01-01T00:00:00.000000Z"
    query(database_url, f"UPDATE print_jobs SET created_at = '{long_ago}' RETURNING id")  # noqa: S608
    query(database_url, f"UPDATE benches SET agent_seen_at = '{long_ago}' RETURNING id")  # noqa: S608
    assert "the print agent of the bench does not ask for its jobs" in station.look().text
    assert "does not ask for its jobs" in page.get("/").text


def put_program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.one_database
def test_the_command_tells_what_cups_says(
    bench: Bench, client: TestClient, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lp` and `lpstat` are scripts here."""
    put_program(tmp_path / "bin", "lp", "cat > /dev/null")
    status = "printer Zebra disabled since Sat 14 Mar 2026 -\\n\\tpaused\\n\\tAlerts: media-empty-warning none"
    put_program(tmp_path / "bin", "lpstat", f'test "$*" = "-l -p Zebra" && printf "{status}\\n"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert print_agent.read_reasons("lp:Zebra") == ["paused", "media-empty-warning"]
    assert print_agent.read_reasons("lp:Other") == []
    assert print_agent.read_reasons("raw:127.0.0.1:9100") == []
    station = bench("owner", **{"label/way": "agent", "label/target": "lp:Zebra"})
    file = tmp_path / "token.txt"
    file.write_text(make_token(station))
    pack(client, station)
    with served.serve(database_url, tmp_path / "log") as server:
        ran = served.run(database_url, "print-agent", server.url, "--token-file", str(file), "--once")
        assert ran.returncode == 0, ran.stderr
    assert states(database_url) == [("printed", 1)]
    assert "Label printer : it is paused, the paper is out" in station.look().text


@pytest.mark.parametrize("printer_name", ["label", "documents"])
@pytest.mark.one_database
def test_a_test_page_is_printed_from_the_page(
    bench: Bench, ipp_printer: Printer, do_jobs: Any, printer_name: str
) -> None:
    ways = {f"{printer_name}/way": "ipp", f"{printer_name}/target": ipp_printer.address}
    station = bench("owner", server=HERE, **ways)
    place = f"/settings/benches/{station.bench}"
    answer = station.page.post(f"{place}/test/{printer_name}", data={"csrf": station.csrf})
    assert "waits" in answer.text
    do_jobs(**HERE)
    [job] = ipp_printer.jobs
    [page] = pypdfium2.PdfDocument(job[job.index(b"%PDF") :])
    assert {code.text for code in zxingcpp.read_barcodes(page.render(scale=3).to_pil())} == {test_pages.CODE}
    text = page.get_textpage().get_text_range()
    assert ("Bench 1" in text, f"{printer_name}: ipp" in text) == (True, True)
    screen = station.look()
    assert screen.print_states == [("Test page", "printed")]
    [id] = re.findall(r"/pack/jobs/(\d+)/reprint", screen.html)
    assert station.page.post(f"/pack/jobs/{id}/reprint", data={"csrf": station.csrf}).status_code == 200
    assert station.scan("PHREPRINT").tone == "wrong"  # a test page is of no order
    do_jobs(**HERE)
    assert len(ipp_printer.jobs) == 2
    assert station.page.post(f"{place}/test/fax", data={"csrf": station.csrf}).status_code == 404


@pytest.mark.one_database
def test_a_test_page_is_printed_from_the_command(bench: Bench, database_url: str) -> None:
    station = bench("owner", **{"label/way": "agent", "label/target": "lp"})
    ran = served.run(database_url, "bench", "test-page", "Bench 1", "--account", "owner", "--json")
    assert (ran.returncode, '"printer":"label"' in ran.stdout) == (0, True), ran.stderr
    assert station.look().print_states == [("Test page", "waits")]
    assert served.run(database_url, "bench", "test-page", "Bench 9", "--account", "owner").returncode == 1


@pytest.mark.parametrize("size", list(paper.PAPERS))
def test_a_test_page_fits_every_paper(size: str) -> None:
    content = test_pages.make_test_page(size, ["Bench 1", "label: ipp 192.0.2.7", "abc", "PDF, 203 dpi"])
    with pypdfium2.PdfDocument(paper.fit(content, size)) as made:
        assert len(made) == 1
        assert abs(made[0].get_size()[0] - paper.PAPERS[size].width / 25.4 * 72) < 2
        read = {code.text for code in zxingcpp.read_barcodes(made[0].render(scale=203 / 72).to_pil())}
    assert read == {test_pages.CODE}


def read_epl(content: bytes) -> Image.Image:
    """The picture of one EPL2 form, as a printer lays it out: a dot of 0 is black."""
    found = re.match(rb"\nN\nq(\d+)\nQ(\d+),24\nGW0,0,(\d+),(\d+),", content)
    assert found is not None, content[:60]
    width, height, across, tall = (int(number) for number in found.groups())
    data = content[found.end() : found.end() + across * tall]
    assert (width, height, content[found.end() + across * tall :]) == (across * 8, tall, b"\nP1\n")
    return Image.frombytes("1", (width, height), data)


@pytest.mark.one_database
def test_a_label_in_epl_is_read_by_a_scanner(bench: Bench, client: TestClient) -> None:
    station = bench(**{"label/format": "epl", "label/paper": "4x6"})
    pack(client, station)
    [id] = re.findall(r"/pack/jobs/(\d+)/reprint", station.look().html)
    answer = station.page.get(f"/pack/jobs/{id}/content")
    assert answer.headers["content-type"] == EPL
    image = read_epl(answer.content).convert("L")
    assert abs(image.width - round(101.6 / 25.4 * 203)) <= 8
    tracked = client.get("/api/v3/shipments").json()["data"][0]["parcels"][0]["tracking_number"]
    assert any(tracked in code.text for code in zxingcpp.read_barcodes(image))
    edge = image.crop((image.width - 4, 0, image.width, image.height))
    assert edge.getextrema() == (255, 255)


def test_several_labels_in_epl_are_forms_of_their_own() -> None:
    page = test_pages.make_test_page("62", ["x"])
    both = sheets.convert(sheets.merge([page, page]), PDF, EPL, 203)
    assert both.count(b"\nP1\n") == 2


@pytest.mark.parametrize(("dpi", "format", "status"), [("300", "png", 303), ("300", "epl", 422), ("72", "png", 422)])
@pytest.mark.one_database
def test_dots_an_inch_of_a_printer(bench: Bench, client: TestClient, dpi: str, format: str, status: int) -> None:
    station = bench("owner")
    form = {"csrf": station.csrf, "name": "Bench 2", "verify": "none", "prints": ["label"], "label/paper": "62"}
    form |= {"label/way": "browser", "label/format": format, "label/dpi": dpi}
    form |= {"documents/way": "browser", "documents/paper": "A4", "documents/format": "pdf"}
    answer = station.page.post("/settings/benches", data=form, follow_redirects=False)
    assert answer.status_code == status
    if status != 303:
        return
    [id] = re.findall(r'/settings/benches/(\d+)"[^>]*>Bench 2<', station.page.get("/settings/benches").text)
    other = Station(station.page, int(id))
    pack(client, other)
    [job] = re.findall(r"/pack/jobs/(\d+)/reprint", other.look().html)
    image = Image.open(io.BytesIO(station.page.get(f"/pack/jobs/{job}/content").content))
    assert abs(image.width - round(62 / 25.4 * 300)) <= 2


def test_reasons_of_ipp_are_read() -> None:
    told = ["none", "media-empty-error", "Cover-Open", "toner-low-warning", "x-report", "media-empty-warning"]
    assert printer_states.to_reasons(told) == ["media-empty", "cover-open"]
    assert str(printer_states.to_words("odd-thing")) == "it says “odd-thing”"
    assert network_printers.read_values(b"\x02\x00\x00\x00\x00\x00\x00\x01\x04\x44\x00", "x") == []
