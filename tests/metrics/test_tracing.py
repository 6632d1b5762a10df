"""Spans by OTLP, to a collector on this machine."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests import make
from tests.concurrency import served


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", received
        server.shutdown()


def spans(received: list[bytes]) -> list[tuple[str, dict[str, Any], str]]:
    """Name, attributes and trace id."""
    found = []
    for body in received:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    told = {a.key: a.value.string_value or a.value.int_value for a in span.attributes}
                    found.append((span.name, told, span.trace_id.hex()))
    return found


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("tracing", [True, False])
def test_a_request_is_a_span_when_asked_for(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracing: bool, collector: Any
) -> None:
    address, received = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with served.serve(database_url, tmp_path / "log", tracing=tracing) as server, server.client() as client:
        made = client.post("/api/v3/orders", json=[make.order()], headers={"traceparent": parent})
        assert made.status_code == 200
        client.get("/api/v3/orders/Quastenhuber")
        assert server.stop() == 0
    found = {name: (told, trace) for name, told, trace in spans(received)}
    if not tracing:
        assert received == []
        return
    told, trace = found["POST /api/v3/orders"]
    assert trace == "0af7651916cd43dd8448eb211c80319c"
    assert told == {
        "http.request.method": "POST",
        "http.route": "/api/v3/orders",
        "http.response.status_code": 200,
        "packhouse.account_id": 1,
        "packhouse.request_id": made.headers["x-request-id"],
    }
    assert found["GET /api/v3/orders/{id}"][0]["http.response.status_code"] == 404
    assert not any(b"Quast" in body for body in received)
