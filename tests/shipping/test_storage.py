"""Documents in the database, in a folder, and in a store that speaks S3 (a small one, run here)."""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from packhouse.shipping import storage
from tests import make
from tests.shipping.conftest import Open, push

KEY, SECRET, REGION = "packer", "bucket-secret", "eu-test-1"


class Bucket(BaseHTTPRequestHandler):
    """PUT, GET and removal of objects, signed by AWS Signature Version 4, as the published algorithm says."""

    objects: dict[str, bytes]
    is_away = False
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        content = self.rfile.read(int(self.headers["content-length"]))
        if self._is_welcome():
            self.objects[self.path] = content
            self._answer(200, b"")

    def do_GET(self) -> None:
        if self._is_welcome():
            found = self.objects.get(self.path)
            self._answer(200 if found is not None else 404, found or b"")

    def do_POST(self) -> None:
        """The removal of several at once, which is how S3 is asked for one too."""
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        if self._is_welcome():
            keys = re.findall(r"<Key>([^<]*)</Key>", body)
            for key in keys:
                self.objects.pop(f"{urlsplit(self.path).path}/{key}", None)
            deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
            self._answer(200, f"<DeleteResult>{deleted}</DeleteResult>".encode())

    def _is_welcome(self) -> bool:
        if type(self).is_away:
            self._answer(503, b"")
        elif not hmac.compare_digest(self._sign(), self.headers.get("authorization", "").rpartition("Signature=")[2]):
            self._answer(403, b"")
        else:
            return True
        return False

    def _sign(self) -> str:
        signed = self.headers.get("authorization", "").partition("SignedHeaders=")[2].partition(",")[0]
        url = urlsplit(self.path)
        headers = "".join(f"{name}:{(self.headers[name] or '').strip()}\n" for name in signed.split(";") if name)
        body = self.headers.get("x-amz-content-sha256", "")
        query = "delete=" if url.query == "delete" else url.query
        request = f"{self.command}\n{url.path}\n{query}\n{headers}\n{signed}\n{body}"
        at = self.headers.get("x-amz-date", "")
        scope = f"{at[:8]}/{REGION}/s3/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{SECRET}".encode()
        for part in (at[:8], REGION, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), "sha256")
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()[:32]}"')
        self.send_header("Last-Modified", "Tue, 24 Nov 2026 20:00:00 GMT")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Quiet."""


@pytest.fixture
def bucket() -> Iterator[Any]:
    handler = type("OneBucket", (Bucket,), {"objects": {}, "is_away": False})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    handler.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
    yield handler
    server.shutdown()
    thread.join()
    server.server_close()


def in_bucket(bucket: Any, **changes: Any) -> dict[str, Any]:
    return {
        "documents_url": "s3://labels/shop",
        "s3_endpoint": bucket.url,
        "s3_region": REGION,
        "s3_access_key": KEY,
        "s3_secret_key": SECRET,
        **changes,
    }


def ship(client: TestClient, order_id: str = "o-1") -> Any:
    push(client, order_id)
    body = {"integration_id": make.SHOP, "order": {"order_id": order_id}}
    return client.post("/api/v3/orders/create-label-sync", json=body)


def read(client: TestClient, label: Any) -> Any:
    return client.get(f"/api/v3/parcels/{label['parcel_id']}/documents/label")


def test_in_a_folder(open_shop: Open, tmp_path: Path) -> None:
    folder = tmp_path / "all labels"
    label = ship(open_shop(documents_url=folder.as_uri())).json()["data"]
    [file] = [path for path in folder.rglob("*") if path.is_file()]
    assert file.read_bytes().startswith(b"%PDF")
    again = open_shop(documents_url=folder.as_uri())  # another process finds it
    assert read(again, label).content == file.read_bytes()
    file.unlink()
    assert read(again, label).status_code == 503


def test_in_a_bucket(open_shop: Open, bucket: Any) -> None:
    label = ship(open_shop(**in_bucket(bucket))).json()["data"]
    [(path, content)] = bucket.objects.items()
    assert path.startswith("/labels/shop/1/")
    assert content.startswith(b"%PDF")
    assert read(open_shop(**in_bucket(bucket)), label).content == content


def test_a_persons_label_is_removed_from_a_bucket(open_shop: Open, bucket: Any) -> None:
    client = open_shop(**in_bucket(bucket))
    label = ship(client).json()["data"]
    assert len(bucket.objects) == 1
    named = {"name": "Ada Visser", "postal_code": "1015 CR"}
    bucket.is_away = True
    assert client.post("/api/packhouse/persons/erase", json=named).status_code == 503
    bucket.is_away = False
    report = client.post("/api/packhouse/persons/erase", json=named).json()["data"]
    assert (report["orders"], report["documents"]) == (1, 1)
    assert bucket.objects == {}
    assert read(client, label).status_code == 404


def test_what_is_in_the_database_stays_readable(open_shop: Open, tmp_path: Path) -> None:
    label = ship(open_shop()).json()["data"]
    moved = open_shop(documents_url=(tmp_path / "labels").as_uri())
    assert read(moved, label).content.startswith(b"%PDF")


def test_a_label_is_not_ready_before_its_file_is_safe(open_shop: Open, bucket: Any, work: Any, watch: Any) -> None:
    client = open_shop(**in_bucket(bucket))
    bucket.is_away = True
    answer = ship(client)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "parcel_announcement_error")
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    assert shipment["parcels"][0]["status"]["code"] == "ANNOUNCING"
    bucket.is_away = False
    watch.move(hours=1)
    work(**in_bucket(bucket))
    [shipment] = client.get("/api/v3/shipments").json()["data"]
    assert shipment["parcels"][0]["status"]["code"] == "READY_TO_SEND"
    assert read(client, {"parcel_id": shipment["parcels"][0]["id"]}).content.startswith(b"%PDF")


def test_a_wrong_secret_is_no_label(open_shop: Open, bucket: Any) -> None:
    assert ship(open_shop(**in_bucket(bucket, s3_secret_key="wrong"))).status_code == 400
    assert bucket.objects == {}


@pytest.mark.parametrize("url", ["labels", "s3://", "file:", "ftp://labels.example.com/x"])
def test_a_place_that_cannot_be_used(url: str) -> None:
    with pytest.raises(storage.StorageError):
        storage.open_store(url)
