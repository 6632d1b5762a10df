"""A PostgreSQL that a test may end, and clients that go on asking."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests import clusters, make, servers
from tests.concurrency import served
from tests.conftest import _make_accounts


@pytest.fixture
def backend() -> str:
    return "postgresql"


@pytest.fixture(scope="session")
def cluster_files() -> Iterator[Path]:
    with servers.made_files(clusters.NAME, lambda url: asyncio.run(_make_accounts(url))) as files:
        yield files


@pytest.fixture
def cluster(cluster_files: Path) -> Iterator[clusters.Cluster]:
    with clusters.run_copy(cluster_files) as cluster:
        yield cluster


class Heard(NamedTuple):
    """One answer: to which kind of request, and how many seconds it took."""

    kind: str
    answer: httpx.Response
    seconds: float


class Askers:
    """A client a kind of request, each asking again as soon as it is answered."""

    def __init__(self, server: served.Server) -> None:
        self._server = server
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.heard: list[Heard] = []
        self.broken: list[Exception] = []
        with server.client() as client:
            self._id = client.post("/api/v3/orders", json=[make.order("asked")]).json()["data"][0]["id"]

    def requests(self) -> dict[str, dict[str, Any]]:
        one = f"/api/v3/orders/{self._id}"
        return {
            "list": {"method": "GET", "url": "/api/v3/orders"},
            "get": {"method": "GET", "url": one},
            "post": {"method": "POST", "url": "/api/v3/orders", "json": [make.order(f"o-{n}") for n in range(5)]},
            "patch": {"method": "PATCH", "url": one, "json": {"order_number": "patched"}},
        }

    def run(self, kind: str, request: dict[str, Any]) -> None:
        try:
            with self._server.client(headers={"Connection": "close"}) as client:
                while not self._ended.is_set():
                    began = time.monotonic()
                    answer = client.request(**request)
                    with self._lock:
                        self.heard.append(Heard(kind, answer, time.monotonic() - began))
                    self._ended.wait(0.01)
        except httpx.HTTPError as error:
            self.broken.append(error)

    def wait_for(self, *statuses: int) -> list[Heard]:
        """Until each kind was answered so, from now on; all that was heard meanwhile."""
        first = len(self.heard)

        def told() -> bool:
            assert self.broken == []
            return {kind for kind, answer, _ in self.heard[first:] if answer.status_code in statuses} == set(
                self.requests()
            )

        served.wait_until(told)
        return self.heard[first:]

    @contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.run, args=item) for item in self.requests().items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()
        assert self.broken == []


def check_unavailable(answer: Any) -> None:
    assert answer.status_code == 503, answer.text
    assert [error["code"] for error in answer.json()["errors"]] == ["unavailable"]
    assert int(answer.headers["retry-after"]) >= 1


def check_no_failure(server: served.Server) -> None:
    """Nothing that it logged is a fault of ours."""
    assert [line for line in server.lines() if line["level"] == "error"] == []
