"""Eight clients write batches while processes are killed: of the server with -9, of PostgreSQL as by a power cut. What
was answered is there whole, nothing is half there, and who asked again has one order each.

PACKHOUSE_TEST_LOSSES=20 makes it 20 rounds.
"""

import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import httpx
import pytest

from tests.clusters import Cluster
from tests.concurrency import served
from tests.concurrency.test_kill import (
    Ledger,
    check_answered,
    check_history,
    check_ids,
    check_whole,
    read_all,
    to_batch,
)
from tests.outages.test_restart import count_jobs

WRITERS = 8
ROUNDS = int(os.environ.get("PACKHOUSE_TEST_LOSSES", "4"))
# In the middle of the load: a round's kill comes after so many more batches were answered.
ANSWERED_BEFORE_KILL = (3, 12)


class Writers:
    def __init__(self, server: served.Server, ledger: Ledger) -> None:
        self._server, self._ledger = server, ledger
        self._ended = threading.Event()
        self.asked_again = 0
        self.strange: list[str] = []

    def write(self, writer: int) -> None:
        """Batch after batch, each asked for until it is answered; every other writer with an `Idempotency-Key`."""
        # A connection a request, so that no process keeps a client to itself.
        with self._server.client(headers={"Connection": "close"}) as client:
            for number in count():
                tag, batch = to_batch(0, writer, number)
                self._ledger.note_sent(tag, batch)
                headers = {"Idempotency-Key": tag} if writer % 2 else {}
                while (answer := self._post(client, batch, headers)) is None or answer.status_code != 200:
                    if self._ended.wait(0.05):
                        return
                    self.asked_again += 1
                self._ledger.note_answered(tag, answer.json()["data"])
                if self._ended.is_set():
                    return

    def _post(
        self, client: httpx.Client, batch: list[dict[str, object]], headers: dict[str, str]
    ) -> httpx.Response | None:
        try:
            answer = client.post("/api/v3/orders", json=batch, headers=headers)
        except httpx.TransportError:
            return None
        if answer.status_code not in (200, 409, 503):
            self.strange.append(answer.text)
        return answer

    @contextmanager
    def writing(self) -> Iterator[None]:
        threads = [threading.Thread(target=self.write, args=(n,)) for n in range(WRITERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in threads:
                thread.join()


def kill_workers(server: served.Server, how_many: int) -> list[int]:
    served.wait_until(lambda: len(server.workers()) == 2)
    killed = sorted(server.workers())[:how_many]
    for worker in killed:
        os.kill(worker, signal.SIGKILL)
    return killed


def find_errors(server: served.Server) -> list[tuple[str, int | None, int | None]]:
    """What it logged as errors: the event, and of a process that died which one and how."""
    errors = [line for line in server.lines() if line["level"] == "error"]
    return sorted((line["event"], line.get("process"), line.get("exit_code")) for line in errors)


def prove(url: str, log: Path, blows: list[Callable[[served.Server], list[int]]]) -> Writers:
    """One blow after the other, while all write; then everything is looked at. A blow gives the processes it killed."""
    ledger, seed, killed = Ledger(), random.Random(len(blows)), set[int]()
    with served.serve(url, log, "--workers", "2", worker_lease_seconds=2) as server:
        writers = Writers(server, ledger)
        with writers.writing():
            for strike in blows:
                for _ in range(seed.randint(*ANSWERED_BEFORE_KILL)):
                    assert ledger.enough.acquire(timeout=served.PATIENCE_SECONDS), writers.strange
                killed.update(strike(server))
            for _ in range(WRITERS):  # and they go on
                assert ledger.enough.acquire(timeout=served.PATIENCE_SECONDS), writers.strange
        assert writers.strange == []
        with server.client() as client:
            orders = read_all(client)
            check_answered(ledger, orders)
            check_whole(ledger, orders)
            check_history(client, orders)
            check_ids(ledger, orders)
        served.wait_until(lambda: count_jobs(server) == 0)
        told = [("process replaced", process, -signal.SIGKILL) for process in sorted(killed)]
        served.wait_until(lambda: len(find_errors(server)) >= len(told))
        assert find_errors(server) == told
    print(  # noqa: T201
        f"{len(blows)} blows, {len(ledger.receipts)} batches answered, {writers.asked_again} asked again, "
        f"{len(orders)} orders"
    )
    return writers


def test_of_postgresql_nothing_is_lost(cluster: Cluster, tmp_path: Path) -> None:
    def cut_power(_server: served.Server) -> list[int]:
        cluster.stop("immediate")
        cluster.start()
        return []

    turns = (cut_power, lambda server: kill_workers(server, 1), cut_power, lambda server: kill_workers(server, 2))
    assert prove(cluster.url(), tmp_path / "log", [turns[n % 4] for n in range(ROUNDS)]).asked_again > 0


@pytest.mark.parametrize("backend", ["sqlite"])
def test_of_sqlite_nothing_is_lost(database_url: str, tmp_path: Path) -> None:
    turns = (lambda server: kill_workers(server, 2), lambda server: kill_workers(server, 1))
    blows: list[Callable[[served.Server], list[int]]] = [turns[n % 2] for n in range(max(2, ROUNDS // 2))]
    assert prove(database_url, tmp_path / "log", blows).asked_again > 0
