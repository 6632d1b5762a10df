"""GET /parcels/{id}/documents/{type} and GET /parcel-documents/{type}: formats, resolutions, papers, several in one."""

import base64
import io
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from starlette.testclient import TestClient

from tests import make
from tests.shipping.conftest import push

# What is read here is decided before a database is asked.
pytestmark = pytest.mark.one_database

MILLIMETRE = 72 / 25.4


def ship(client: TestClient, order_id: str = "o-1", **changes: Any) -> Any:
    push(client, order_id)
    body = {"integration_id": make.SHOP, "order": {"order_id": order_id}, **changes}
    answer = client.post("/api/v3/orders/create-label-sync", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["data"]


def read(client: TestClient, label: Any, accept: str = "*/*", query: str = "", type: str = "label") -> Any:
    path = f"/api/v3/parcels/{label['parcel_id']}/documents/{type}"
    return client.get(f"{path}?{query}", headers={"Accept": accept})


def to_sizes(content: bytes) -> list[tuple[int, int]]:
    """Of each page, in millimetres."""
    with pypdfium2.PdfDocument(content) as file:
        return [(round(w / MILLIMETRE), round(h / MILLIMETRE)) for w, h in (page.get_size() for page in file)]


def test_accept_chooses_the_format(client: TestClient) -> None:
    label = ship(client)
    for accept in ("*/*", "application/pdf", "image/png;q=0.5, application/pdf", "text/html, application/*"):
        answer = read(client, label, accept)
        assert answer.headers["content-type"] == "application/pdf"
        assert to_sizes(answer.content) == [(105, 148)]
    png = read(client, label, "image/png", "dpi=203")
    assert png.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(png.content)).size == pytest.approx((839, 1183), abs=2)
    zpl = read(client, label, "application/zpl")
    assert (zpl.headers["content-type"], zpl.content[:3]) == ("application/zpl", b"^XA")


@pytest.mark.parametrize("dpi", [150, 203, 300])
def test_png_in_three_resolutions(client: TestClient, dpi: int) -> None:
    label = ship(client, label_details={"mime_type": "image/png", "dpi": dpi})
    assert (label["label"]["mime_type"], label["label"]["dpi"]) == ("image/png", dpi)
    image = Image.open(io.BytesIO(base64.b64decode(label["label"]["file"])))
    assert image.size == pytest.approx((105 / 25.4 * dpi, 148 / 25.4 * dpi), abs=2)
    assert read(client, label, "image/png", f"dpi={dpi}").content == base64.b64decode(label["label"]["file"])


@pytest.mark.parametrize(
    ("accept", "query", "source"),
    [
        ("application/pdf", "dpi=203", {"parameter": "dpi"}),
        ("image/png", "dpi=72", {"parameter": "dpi"}),
        ("image/png", "dpi=600", {"parameter": "dpi"}),
        ("application/pdf", "dpi=x", {"parameter": "dpi"}),
        ("application/pdf", "paper_size=A3", {"parameter": "paper_size"}),
        ("text/html", "", {"header": "Accept"}),
    ],
)
def test_what_is_not_to_be_had(client: TestClient, accept: str, query: str, source: dict[str, str]) -> None:
    answer = read(client, ship(client), accept, query)
    assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, source)


def test_papers(client: TestClient) -> None:
    label = ship(client)
    for paper, size in (("A4", (210, 297)), ("A5", (148, 210)), ("a6", (105, 148))):
        assert to_sizes(read(client, label, query=f"paper_size={paper}").content) == [size]


def test_several_parcels_in_one_file(client: TestClient) -> None:
    labels = [ship(client, f"o-{n}") for n in range(5)]
    query = "&".join(f"parcels={label['parcel_id']}" for label in labels)
    answer = client.get(f"/api/v3/parcel-documents/label?{query}")
    assert answer.headers["content-type"] == "application/pdf"
    assert to_sizes(answer.content) == [(210, 297), (210, 297)]
    small = client.get(f"/api/v3/parcel-documents/label?{query}&paper_size=A6")
    assert to_sizes(small.content) == [(105, 148)] * 5
    listed = ",".join(str(label["parcel_id"]) for label in labels[:4])
    assert to_sizes(client.get(f"/api/v3/parcel-documents/label?parcels={listed}").content) == [(210, 297)]


def test_several_parcels_in_other_formats(client: TestClient) -> None:
    labels = [ship(client, f"o-{n}") for n in range(3)]
    path = f"/api/v3/parcel-documents/label?parcels={','.join(str(label['parcel_id']) for label in labels)}"
    zpl = client.get(path, headers={"Accept": "application/zpl"})
    assert (zpl.headers["content-type"], zpl.content.count(b"^XA")) == ("application/zpl", 3)
    png = client.get(f"{path}&dpi=150", headers={"Accept": "image/png"})
    sheet = Image.open(io.BytesIO(png.content))
    assert sheet.size == pytest.approx((210 / 25.4 * 150, 297 / 25.4 * 150), abs=2)
    assert len(zxingcpp.read_barcodes(sheet.convert("L"))) == 6
    assert client.get(f"{path}&dpi=150").json()["errors"][0]["source"] == {"parameter": "dpi"}


def test_a_sync_call_gives_zpl_as_it_is(client: TestClient) -> None:
    label = ship(client, label_details={"mime_type": "application/zpl"})
    file = base64.b64decode(label["label"]["file"])
    assert (label["label"]["mime_type"], file[:3]) == ("application/zpl", b"^XA")
    assert read(client, label, "application/zpl").content == file


def test_parcels_that_are_not_there(client: TestClient) -> None:
    label = ship(client)
    assert client.get(f"/api/v3/parcel-documents/label?parcels={label['parcel_id']}&parcels=99999").status_code == 404
    assert read(client, label, type="customs-declaration").status_code == 404
    assert read(client, label, type="nothing").status_code == 404
    assert read(client, {"parcel_id": 99999}).status_code == 404
    for query in ("", "parcels=x", "&".join(f"parcels={n}" for n in range(1, 22))):
        answer = client.get(f"/api/v3/parcel-documents/label?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["source"]) == (400, {"parameter": "parcels"})
