"""A disk without room, a small one in memory: 503 until there is room again, and nothing half there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import components, make
from tests.clusters import NAME, Cluster, run_copy
from tests.concurrency import served
from tests.concurrency.test_kill import read_all, read_history
from tests.outages.conftest import check_no_failure, check_unavailable

ORDERS = "/api/v3/orders"
BATCH = 20
NOTES = "x" * 20_000


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, *, leave: int) -> None:
        """All but so many bytes."""
        with self._filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.folder).free - leave)

    def make_room(self) -> None:
        self._filler.unlink()


@contextmanager
def mounted(megabytes: int) -> Iterator[Disk]:
    with tempfile.TemporaryDirectory(prefix="packhouse-disk-") as folder:
        options = f"size={megabytes}m,mode=0777"
        command = ["mount", "-t", "tmpfs", "-o", options, "packhouse", folder]
        if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            components.miss("Only root may mount a small disk")
        try:
            yield Disk(Path(folder))
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def full_batch(number: int) -> list[dict[str, Any]]:
    """New orders, and one that every batch writes again."""
    names = ["again", *(f"o-{number}-{n}" for n in range(1, BATCH))]
    return [make.order(name, order_number=f"{number}", order_details={"notes": NOTES}) for name in names]


class Sender:
    """Batch after batch; `stored` counts those that were answered 2xx."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.sent = 0
        self.stored: list[int] = []

    def send(self) -> httpx.Response:
        answer = self._client.post(ORDERS, json=full_batch(self.sent))
        if answer.status_code == 200:
            self.stored.append(self.sent)
        self.sent += 1
        return answer

    def send_until(self, status: int) -> httpx.Response:
        for _ in range(200):
            answer = self.send()
            if answer.status_code == status:
                return answer
            assert answer.status_code in (200, 503), answer.text
        raise AssertionError(f"it was never {status}")


def check_stored(client: httpx.Client, stored: list[int]) -> None:
    """What was answered, whole, and nothing else."""
    orders = read_all(client)
    expected = {order["order_id"]: order["order_number"] for number in stored for order in full_batch(number)}
    assert {name: order["order_number"] for name, order in orders.items()} == expected
    assert {order["order_details"]["notes"] for order in orders.values()} == {NOTES}
    versions = [entry["version"] for entry in read_history(client, orders["again"]["id"])]
    assert versions == list(range(len(stored), 0, -1))


def endure(
    server: served.Server, disk: Disk, *, leave: int, reads: bool = True, revive: Callable[[], None] = lambda: None
) -> None:
    """Fill the disk under a running server, see it refuse and read on, make room, see it go on."""
    with server.client() as client:
        sender = Sender(client)
        assert sender.send().status_code == 200
        disk.fill(leave=leave)
        check_unavailable(sender.send_until(503))
        check_unavailable(sender.send())
        if reads:
            assert client.get(ORDERS).status_code == 200
        disk.make_room()
        revive()
        served.wait_until(lambda: sender.send().status_code == 200)
        check_stored(client, sender.stored)
        check_no_failure(server)


def test_a_full_disk_under_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    with mounted(32) as disk:
        file = disk.folder / "packhouse.db"
        shutil.copyfile(sqlite_template, file)
        with served.serve(f"sqlite:///{file}", tmp_path / "log") as server:
            endure(server, disk, leave=2_000_000)
            assert server.stop() == 0


def test_a_full_disk_under_the_tables_of_postgresql(cluster: Cluster, tmp_path: Path) -> None:
    """Its log is elsewhere, so the server goes on and refuses what needs room."""
    with mounted(64) as disk:
        tables = cluster.folder / "data" / "base"
        cluster.stop()
        shutil.copytree(tables, disk.folder / "base", copy_function=shutil.copy)
        shutil.rmtree(tables)
        tables.symlink_to(disk.folder / "base")
        subprocess.run(["chown", "-R", f"--reference={cluster.folder}", disk.folder / "base"], check=True)
        cluster.start()
        try:
            with served.serve(cluster.url(), tmp_path / "log") as server:
                endure(server, disk, leave=2_000_000)
                assert server.stop() == 0
        finally:
            cluster.stop("immediate")


def test_a_full_disk_under_all_of_postgresql(cluster_files: Path, tmp_path: Path) -> None:
    """Its log too: it ends itself, and is started again when there is room."""
    with (
        mounted(256) as disk,
        run_copy(cluster_files, parent=disk.folder) as cluster,
        served.serve(cluster.url(NAME), tmp_path / "log") as server,
    ):

        def revive() -> None:
            if cluster.is_running():
                cluster.stop("immediate")
            cluster.start()

        endure(server, disk, leave=1_000_000, reads=False, revive=revive)
        assert server.stop() == 0
