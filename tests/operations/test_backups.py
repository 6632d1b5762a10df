"""Backup and restore of both databases, by the commands of docs/operations.md, while clients write."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests import make, servers
from tests.clusters import PROGRAMS
from tests.concurrency import served
from tests.concurrency.test_kill import read_all, read_history
from tests.operations.texts import blocks

ORDERS = "/api/v3/orders"
RECEIVERS = "/api/v3/event-subscriptions/connections"
CHAPTERS = {"sqlite": "Backup and restore: SQLite", "postgresql": "Backup and restore: PostgreSQL"}


def run(script: str, **given: str) -> None:
    """As an operator does, with the programs of PostgreSQL and of this environment at hand."""
    path = f"{Path(sys.executable).parent}:{PROGRAMS}:{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), **given}
    command = ["bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def order(number: int) -> dict[str, Any]:
    return make.order(f"o-{number}", order_details={"notes": f"number {number}"})


@contextmanager
def writing(server: served.Server, stored: list[int]) -> Iterator[None]:
    """Orders one after the other; `stored` has those that were answered."""
    ended = threading.Event()

    def write() -> None:
        with server.client() as client:
            while not ended.is_set():
                number = len(stored)
                assert client.post(ORDERS, json=[order(number), make.order("again", order_number=f"{number}")])
                stored.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        served.wait_until(lambda: len(stored) > 5)
        yield
    finally:
        ended.set()
        writer.join()


def check_restored(url: str, log: Path, before: int, after: int, secret: str, **settings: Any) -> None:
    """All that was answered before the backup began is there, whole, as of one moment; and life goes on."""
    with served.serve(url, log, **settings) as server, server.client() as client:
        assert read_secret(client) == secret
        orders = read_all(client)
        numbers = sorted(int(name[2:]) for name in orders if name.startswith("o-"))
        assert numbers == list(range(len(numbers)))
        assert before <= len(numbers) <= after
        for number in numbers:
            assert {name: orders[f"o-{number}"][name] for name in order(number)} == order(number)
        assert orders["again"]["order_number"] == f"{len(numbers) - 1}"
        assert len(read_history(client, orders["again"]["id"])) == len(numbers)
        made = client.post(ORDERS, json=[make.order("new")]).json()["data"][0]["id"]
        assert made > max(order["id"] for order in orders.values())
        assert server.stop() == 0


def make_secret(client: httpx.Client) -> str:
    """Something that only the key opens."""
    sent = {"type": "webhook", "configuration": {"url": "https://example.com/hook"}}
    made = client.post(RECEIVERS, json=sent)
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["signing_key"])


def read_secret(client: httpx.Client) -> str:
    id = client.get(RECEIVERS).json()["data"][0]["id"]
    path = f"/api/packhouse/event-subscriptions/connections/{id}/signing-key"
    return str(client.get(path).json()["data"]["signing_key"])


def test_what_is_backed_up_is_restored(backend: str, database_url: str, tmp_path: Path, request: Any) -> None:
    save, restore = blocks(CHAPTERS[backend], "sh")
    backup = str(tmp_path / "backup")
    settings = {"secret_key": "a key for the test of backups"} if backend == "postgresql" else {}
    stored: list[int] = []
    with served.serve(database_url, tmp_path / "log", **settings) as server:
        with server.client() as client:
            secret = make_secret(client)
        with writing(server, stored):
            before = len(stored)
            run(save, DATABASE=database_url.removeprefix("sqlite:///"), DATABASE_URL=database_url, BACKUP=backup)
            after = len(stored) + 1
            served.wait_until(lambda: len(stored) > after + 3)
    if backend == "sqlite":
        new = f"sqlite:///{tmp_path / 'restored.db'}"
        run(restore, DATABASE=new.removeprefix("sqlite:///"), BACKUP=backup)
        assert (tmp_path / "restored.db.key").read_bytes() == (tmp_path / "packhouse.db.key").read_bytes()
        check_restored(new, tmp_path / "log-2", before, after, secret, **settings)
        return
    name = servers.new_database_name()
    server_url: str = request.getfixturevalue("postgres")
    servers.execute(server_url, f'CREATE DATABASE "{name}"')
    new = servers.with_name(server_url, name)
    try:
        run(restore, NEW_DATABASE_URL=new, BACKUP=backup)
        check_restored(new, tmp_path / "log-2", before, after, secret, **settings)
    finally:
        servers.execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_the_worker_says_whether_jobs_are_done_in_time(database_url: str) -> None:
    well = served.run(database_url, "worker", "--check", "--json")
    assert (well.returncode, well.stdout) == (0, '{"jobs":0,"overdue_seconds":0}\n')
    columns = "account_id, id, kind, lane, payload, attempts, due_at, created_at"
    old = "'2026-03-14T08:26:53.589000+00:00'"
    statement = f"INSERT INTO jobs ({columns}) VALUES (1, 1, 'order.index', '', '{{}}', 0, {old}, {old})"  # noqa: S608
    servers.change(database_url, statement)
    late = served.run(database_url, "worker", "--check")
    assert (late.returncode, late.stdout) == (1, "")
    assert late.stderr.startswith("packhouse: A job is overdue by ")
