"""Print jobs, against listeners that behave as printers do."""

import io
import os
import signal
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from starlette.testclient import TestClient

from packhouse.printing import paper
from tests.concurrency import served
from tests.packing_station.conftest import CUP, Station, goods, list_labels, order, push
from tests.packing_station.printers import Printer, printing, read_attributes
from tests.web.conftest import token
from tests.web.world import query

Bench = Callable[..., Station]
HERE = {"printer_networks": "127.0.0.0/8"}


@pytest.fixture
def printer() -> Iterator[Printer]:
    with printing() as made:
        yield made


@pytest.fixture
def ipp_printer() -> Iterator[Printer]:
    with printing(is_ipp=True) as made:
        yield made


def pack(client: TestClient, station: Station, number: int = 1, **changes: Any) -> Any:
    push(client, order(number, goods(cup=1), **changes))
    station.scan(f"N-o-{number}")
    return station.scan(CUP)


def states(database_url: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in query(database_url, "SELECT state, attempts FROM print_jobs ORDER BY id", whole=True)]


def read_codes(image: Image.Image) -> set[str]:
    return {found.text for found in zxingcpp.read_barcodes(image)}


def test_a_label_is_sent_to_a_raw_printer(
    bench: Bench, client: TestClient, printer: Printer, do_jobs: Any, database_url: str
) -> None:
    station = bench(server=HERE, **{"label/way": "raw", "label/target": printer.address, "label/format": "zpl"})
    assert pack(client, station).print_states == [("Label", "waits")]
    do_jobs(**HERE)
    [content] = printer.jobs
    assert content.startswith(b"^XA")
    assert states(database_url) == [("printed", 1)]
    assert station.look().print_states == [("Label", "printed")]


@pytest.mark.one_database
def test_documents_go_to_their_own_printer_by_ipp(
    bench: Bench, client: TestClient, printer: Printer, ipp_printer: Printer, do_jobs: Any, database_url: str
) -> None:
    ways = {"label/way": "raw", "label/target": printer.address, "documents/way": "ipp"}
    ways |= {"documents/target": f"{ipp_printer.address}/ipp/laser"}
    prints = ["label", "customs-declaration", "packing-slip"]
    station = bench(server=HERE, **ways, prints=prints)
    pack(client, station)
    do_jobs(**HERE)
    assert len(printer.jobs) == 1
    [job] = ipp_printer.jobs  # within the Union there are no customs papers
    attributes, content = read_attributes(job)
    [reference] = query(database_url, "SELECT reference FROM print_jobs WHERE printer = 'documents'")
    assert attributes["job-name"] == reference
    assert attributes["document-format"] == "application/pdf"
    assert attributes["printer-uri"].endswith("/ipp/laser")
    assert b"POST /ipp/laser HTTP/1.1" in ipp_printer.heads[0]
    text = pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range()
    assert "Pakbon N-o-1" in text


@pytest.mark.one_database
def test_a_printer_that_refuses_is_told_and_can_be_asked_again(
    bench: Bench, client: TestClient, ipp_printer: Printer, do_jobs: Any, database_url: str
) -> None:
    ipp_printer.paper_out = True
    station = bench(server=HERE, **{"label/way": "ipp", "label/target": ipp_printer.address})
    pack(client, station)
    do_jobs(**HERE)
    screen = station.look()
    assert screen.print_states == [("Label", "not printed")]
    assert "refused: 0x0507" in screen.text
    ipp_printer.paper_out = False
    assert station.scan("PHREPRINT").tone == "quiet"
    do_jobs(**HERE)
    assert [state for state, _ in states(database_url)][-1] == "printed"
    assert len(list_labels(client)) == 1


@pytest.mark.one_database
def test_the_server_prints_at_no_address_that_its_operator_did_not_name(
    bench: Bench, client: TestClient, printer: Printer, do_jobs: Any
) -> None:
    station = bench(**{"label/way": "raw", "label/target": printer.address})
    pack(client, station)
    do_jobs()
    assert printer.jobs == []
    assert "PACKHOUSE_PRINTER_NETWORKS" in station.look().text


@pytest.mark.parametrize(
    ("way", "target"),
    [("agent", "lp:-o"), ("agent", "x"), ("raw", ""), ("raw", "a b"), ("ipp", "http://x.example"), ("fax", "")],
)
@pytest.mark.one_database
def test_what_is_no_printer_is_refused_at_its_field(bench: Bench, way: str, target: str) -> None:
    station = bench("owner")
    form = {"csrf": station.csrf, "name": "B", "verify": "each", "label/way": way, "label/target": target}
    form |= {"label/paper": "A6", "label/format": "pdf"}
    form |= {"documents/way": "browser", "documents/paper": "A4", "documents/format": "pdf"}
    answer = station.page.post("/settings/benches", data=form, follow_redirects=False)
    assert answer.status_code == 422


def make_token(station: Station) -> str:
    answer = station.page.post(f"/settings/benches/{station.bench}/token", data={"csrf": station.csrf})
    assert answer.status_code == 200, answer.text
    return answer.text.split('<code id="token">')[1].split("<")[0]


def test_an_agent_prints_the_jobs_of_its_bench_and_of_no_other(
    bench: Bench, client: TestClient, database_url: str
) -> None:
    agents = {"label/way": "agent", "label/target": "lp:Zebra"}
    station, other = bench("owner", **agents), bench("owner", "Bench 2", **agents)
    tokens = [make_token(made) for made in (station, other)]
    pack(client, station)
    asked: dict[str, Any] = {"headers": {"authorization": f"Bearer {tokens[1]}", "accept": "*/*"}}
    page = station.page
    assert page.post("/print-agent/jobs/next?wait=0", **asked).status_code == 204
    mine = {"authorization": f"Bearer {tokens[0]}", "accept": "*/*"}
    job = page.post("/print-agent/jobs/next?wait=0", headers=mine).json()
    assert (job["target"], job["order_number"], job["attempt"]) == ("lp:Zebra", "N-o-1", 1)
    assert b64decode(job["content"]).startswith(b"%PDF")
    assert page.post("/print-agent/jobs/next?wait=0", headers=mine).status_code == 204  # it is out
    place = f"/print-agent/jobs/{job['id']}"
    assert page.post(place, json={"attempt": 1}, **asked).status_code == 404
    assert page.post(place, json={"attempt": 7}, headers=mine).status_code == 409
    assert page.post(place, json={"attempt": 1, "error": "paper out"}, headers=mine).status_code == 204
    assert "paper out" in station.look().text
    assert states(database_url) == [("failed", 1)]
    for wrong in ("", "Bearer x", f"Bearer {tokens[0]}x", f"Bearer phb.1.99.{'a' * 43}"):
        headers = {"authorization": wrong, "accept": "*/*"}
        assert page.post("/print-agent/jobs/next?wait=0", headers=headers).status_code == 401
    renewed = make_token(station)
    assert page.post("/print-agent/jobs/next?wait=0", headers=mine).status_code == 401
    assert renewed != tokens[0]
    assert not [kept for kept in query(database_url, "SELECT token_hash FROM benches") if renewed[-20:] in kept]


@pytest.mark.one_database
def test_an_agent_that_dies_leaves_its_job_to_the_next(bench: Bench, client: TestClient, database_url: str) -> None:
    station = bench("owner", **{"label/way": "agent", "label/target": "lp"})
    headers = {"authorization": f"Bearer {make_token(station)}", "accept": "*/*"}
    pack(client, station)
    first = station.page.post("/print-agent/jobs/next?wait=0", headers=headers).json()
    assert station.page.post("/print-agent/jobs/next?wait=0", headers=headers).status_code == 204
    served_long_ago = "UPDATE print_jobs SET claimed_until = '2020-01-01T00:00:00.000000Z'"
    query(database_url, served_long_ago + " RETURNING id")
    again = station.page.post("/print-agent/jobs/next?wait=0", headers=headers)
    if again.status_code == 204:
        pytest.fail("the job was not given out again")
    assert (again.json()["reference"], again.json()["attempt"]) == (first["reference"], 2)


@pytest.mark.parametrize("size", [name for name in paper.PAPERS if name not in ("A4", "Letter")])
@pytest.mark.one_database
def test_a_label_can_be_read_on_every_paper(bench: Bench, client: TestClient, size: str) -> None:
    """By a scanner, at the 203 dots an inch of a label printer."""
    station = bench(**{"label/paper": size, "label/format": "png"})
    pack(client, station)
    [id] = {part.split("/content")[0] for part in station.look().html.split("/pack/jobs/")[1:] if "/content" in part}
    image = Image.open(io.BytesIO(station.page.get(f"/pack/jobs/{id}/content").content))
    width = round(paper.PAPERS[size].width / 25.4 * 203)
    assert abs(image.width - width) <= 2
    tracked = list_labels(client)[0]["parcels"][0]["tracking_number"]
    assert any(tracked in text for text in read_codes(image.convert("L")))


def test_pages_are_turned_and_made_smaller_but_never_larger() -> None:
    def page(width: float, height: float) -> bytes:
        with pypdfium2.PdfDocument.new() as made:
            made.new_page(width, height)
            buffer = io.BytesIO()
            made.save(buffer)
        return buffer.getvalue()

    def size(content: bytes) -> tuple[int, int]:
        width, height = pypdfium2.PdfDocument(content)[0].get_size()
        return round(width), round(height)

    a6 = page(297.6, 419.5)
    assert paper.fit(a6, "A6") == a6
    assert size(paper.fit(a6, "4x6")) == (288, 432)
    assert size(paper.fit(page(419.5, 297.6), "100x150")) == (283, 425)
    assert size(paper.fit(a6, "Letter")) == (612, 792)
    width, height = size(paper.fit(a6, "62"))
    assert (width, height < 419) == (176, True)


@pytest.mark.one_database
def test_the_command_prints_by_raw_tcp(
    bench: Bench, client: TestClient, printer: Printer, database_url: str, tmp_path: Path
) -> None:
    target = f"raw:{printer.address}"
    station = bench("owner", **{"label/way": "agent", "label/target": target, "label/format": "zpl"})
    file = tmp_path / "token.txt"
    file.write_text(make_token(station) + "\n")
    pack(client, station)
    with served.serve(database_url, tmp_path / "log") as server:
        ran = served.run(database_url, "print-agent", server.url, "--token-file", str(file), "--once", "--json")
        assert ran.returncode == 0, ran.stderr
        assert '"kind":"label"' in ran.stdout
        assert '"error":""' in ran.stdout
        [content] = printer.jobs
        assert content.startswith(b"^XA")
        assert states(database_url) == [("printed", 1)]
        file.write_text("phb.1.1." + "x" * 43)
        refused = served.run(database_url, "print-agent", server.url, "--token-file", str(file), "--once")
        assert refused.returncode == 1
        assert "does not know this token" in refused.stderr


@pytest.mark.one_database
def test_the_command_prints_by_lp(
    bench: Bench, client: TestClient, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which here is a script that keeps what it was given."""
    lp = tmp_path / "bin" / "lp"
    lp.parent.mkdir()
    lp.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\ncat > {tmp_path}/printed\ntest ! -e {tmp_path}/out || '
                  '{ echo "no paper" >&2; exit 1; }\n')  # fmt: skip
    lp.chmod(0o755)
    monkeypatch.setenv("PATH", f"{lp.parent}:{os.environ['PATH']}")
    station = bench("owner", **{"label/way": "agent", "label/target": "lp:Zebra"})
    file = tmp_path / "token.txt"
    file.write_text(make_token(station))
    pack(client, station)
    with served.serve(database_url, tmp_path / "log") as server:
        agent = ("print-agent", server.url, "--token-file", str(file), "--once")
        assert served.run(database_url, *agent).returncode == 0
        [reference] = query(database_url, "SELECT reference FROM print_jobs")
        assert (tmp_path / "calls").read_text().strip() == f"-t {reference} -d Zebra -"
        assert (tmp_path / "printed").read_bytes().startswith(b"%PDF")
        (tmp_path / "out").touch()
        station.scan("PHREPRINT")
        assert "no paper" in served.run(database_url, *agent).stdout
    assert states(database_url) == [("printed", 1), ("failed", 1)]


@pytest.mark.one_database
def test_a_worker_that_is_killed_at_the_printer_prints_again_under_the_same_name(
    bench: Bench, client: TestClient, ipp_printer: Printer, database_url: str
) -> None:
    station = bench(server=HERE, **{"label/way": "ipp", "label/target": ipp_printer.address})
    pack(client, station)
    settings = {**HERE, "worker_lease_seconds": "4"}
    worker = served.start(database_url, "worker", **settings)
    ipp_printer.on_job = lambda: os.kill(worker.pid, signal.SIGKILL)
    try:
        worker.wait(60)
        assert states(database_url) == [("sent", 1)]
        ipp_printer.on_job = lambda: None
        other = served.start(database_url, "worker", **settings)
        try:
            served.wait_until(lambda: states(database_url)[0][0] == "printed")
        finally:
            other.terminate()
            other.communicate(timeout=60)
    finally:
        _end(worker)
    names = [read_attributes(job)[0]["job-name"] for job in ipp_printer.jobs]
    assert len(names) >= 2  # on a busy machine a lease may end once more
    assert len(set(names)) == 1
    assert len(list_labels(client)) == 1


def _end(process: "subprocess.Popen[str]") -> None:
    if process.poll() is None:
        process.kill()
    process.communicate(timeout=60)


_DIES_BEFORE_PRINTING = """
import os, signal
from packhouse.packing_station import print_jobs
async def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
print_jobs.write_for_order = die
from packhouse.cli import main
main()
"""


@pytest.mark.one_database
def test_a_worker_that_is_killed_between_label_and_print_leaves_the_job_to_the_next(
    bench: Bench, client: TestClient, printer: Printer, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By SIGKILL, in the transaction that writes the print job: the next worker writes it, and prints it, once."""
    station = bench(server=HERE, **{"label/way": "raw", "label/target": printer.address})
    with monkeypatch.context() as patch:

        async def leave_it(*_: Any) -> list[int]:
            return []

        patch.setattr("packhouse.packing_station.printing.make_label", leave_it)
        pack(client, station)
    query(database_url, "UPDATE jobs SET due_at = created_at RETURNING id")
    settings = served.environment(database_url, worker_lease_seconds=4, **HERE)
    command = [sys.executable, "-c", _DIES_BEFORE_PRINTING, "worker"]
    first = subprocess.run(command, env=settings, capture_output=True, timeout=60, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    [label] = list_labels(client)
    assert label["parcels"][0]["tracking_number"]  # the label is there, and nothing of its print job
    assert (query(database_url, "SELECT state FROM packings"), states(database_url)) == (["labelling"], [])
    other = served.start(database_url, "worker", worker_lease_seconds="4", **HERE)
    try:
        served.wait_until(lambda: states(database_url) == [("printed", 1)])
    finally:
        other.terminate()
        other.communicate(timeout=60)
    assert len(printer.jobs) == 1
    assert list_labels(client) == [label]
    assert query(database_url, "SELECT state FROM packings") == ["packed"]


@pytest.mark.one_database
def test_print_jobs_of_a_label_are_written_by_the_worker_where_the_server_dies_in_between(
    bench: Bench, client: TestClient, do_jobs: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends after the label is stored and before its print jobs are: the job in the database is left."""
    station = bench()
    push(client, order(1, goods(cup=1)))
    station.scan("N-o-1")
    with monkeypatch.context() as patch:

        async def die(*_: Any) -> None:
            raise RuntimeError("killed")

        patch.setattr("packhouse.packing_station.printing.write_jobs", die)
        form = {"csrf": station.csrf, "bench": str(station.bench), "text": CUP, "key": "last"}
        assert station.page.post("/pack/scan", data=form).status_code == 500
    assert len(list_labels(client)) == 1
    assert query(database_url, "SELECT state FROM packings") == ["labelling"]
    assert states(database_url) == []
    query(database_url, "UPDATE jobs SET due_at = created_at RETURNING id")
    do_jobs()
    assert query(database_url, "SELECT state FROM packings") == ["packed"]
    assert states(database_url) == [("waiting", 0)]
    do_jobs()
    assert len(states(database_url)) == 1
    assert token(station.page.get("/pack").text)
