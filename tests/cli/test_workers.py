"""`packhouse serve --workers N`: N processes behind one port, replaced when they die, stopped together."""

import json
import os
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
import uvicorn
from uvicorn.supervisors.multiprocess import SIGNALS, Process

from packhouse.cli import processes
from tests import make
from tests.cli.test_serve import begin_upload, is_refused, read_body
from tests.concurrency import served

ORDERS = "/api/v3/orders"


def test_a_process_that_is_killed_is_replaced_while_the_others_answer(database_url: str, tmp_path: Path) -> None:
    done = threading.Event()
    answered: list[str] = []
    victims: list[int] = []

    def keep_asking(server: served.Server) -> None:
        while not done.is_set():
            name = f"o-{len(answered)}"
            try:
                answer = httpx.post(
                    f"{server.url}{ORDERS}", json=[make.order(name)], auth=("owner-public", "owner-secret")
                )
            except httpx.TransportError:  # this very connection was the killed one's
                continue
            assert answer.status_code == 200, answer.text
            answered.append(name)

    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        client = threading.Thread(target=keep_asking, args=(server,))
        client.start()
        try:
            for _ in range(2):
                served.wait_until(lambda: len(server.workers()) == 2)
                victim = min(server.workers())
                victims.append(victim)
                before = len(answered)
                os.kill(victim, signal.SIGKILL)
                served.wait_until(lambda gone=victim: len(server.workers() - {gone}) == 2)  # type: ignore[misc]
                served.wait_until(lambda before=before: len(answered) > before + 10)  # type: ignore[misc]
        finally:
            done.set()
            client.join()
        with server.client() as reader:
            found = {order["order_id"] for order in reader.get(ORDERS, params={"page_size": 200}).json()["data"]}
            assert found >= set(answered[-100:])
        told = [line for line in server.lines() if line["event"] == "process replaced"]
        assert [(line["process"], line["exit_code"]) for line in told] == [(gone, -signal.SIGKILL) for gone in victims]
        assert server.stop() == 0


def test_a_stop_finishes_what_every_process_is_doing(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        bodies = [json.dumps([make.order(f"o-{n}")]).encode() for n in range(6)]
        uploads = [begin_upload(server.url, body) for body in bodies]
        server.process.send_signal(signal.SIGTERM)
        served.wait_until(lambda: is_refused(server.url))
        for upload, body in zip(uploads, bodies, strict=True):
            with upload:
                upload.sendall(body[len(body) // 2 :])
                assert len(json.loads(read_body(upload))["data"]) == 1
        assert server.process.wait(served.PATIENCE_SECONDS) == 0


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_process_that_is_silent_for_seconds_is_let_live(database_url: str, tmp_path: Path) -> None:
    """As on a machine that is short of memory; uvicorn itself kills after 5 seconds."""
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        served.wait_until(lambda: len(find_answering(server)) == 2)
        before = server.workers()
        os.kill(min(before), signal.SIGSTOP)
        try:
            time.sleep(7)
        finally:
            os.kill(min(before), signal.SIGCONT)
        served.wait_until(lambda: len(find_answering(server)) == 2)
        assert server.workers() == before
        assert [line for line in server.lines() if line["event"] == "process replaced"] == []


def find_answering(server: served.Server) -> set[str]:
    """Of each process that answered one of a few calls at once, the first half of the request's id."""

    def ask(_: int) -> str:
        return str(httpx.get(f"{server.url}/nowhere").headers["x-request-id"][:16])

    with ThreadPoolExecutor(8) as pool:
        return set(pool.map(ask, range(32)))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_nobody_stays_behind_when_the_supervisor_is_killed(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        workers = server.workers()
        assert len(workers) == 2
        server.kill()
        served.wait_until(lambda: not any(map(psutil.pid_exists, workers)) and is_refused(server.url))


@pytest.mark.one_database
def test_a_process_that_starts_slowly_is_not_killed_and_one_that_hangs_is(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is frozen from its first moment on, for longer than a process that serves may be silent."""
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", database_url)
    handlers = {name: signal.getsignal(name) for name in SIGNALS}
    config = uvicorn.Config(
        "packhouse.cli.processes:create_app_without_worker", factory=True, workers=1, timeout_worker_healthcheck=1
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        supervisor = processes._Supervisor(config, [listener], str(tmp_path))
        try:
            supervisor.init_processes()
            [first] = supervisor.processes
            freeze(first)
            for _ in range(4):
                supervisor.keep_subprocess_alive()
                time.sleep(0.5)
            assert supervisor.processes == [first]
            os.kill(first.pid or 0, signal.SIGCONT)
            served.wait_until(lambda: keep(supervisor) and first in supervisor._started)
            assert supervisor.processes == [first]
            freeze(first)
            supervisor.keep_subprocess_alive()
            [second] = supervisor.processes
            assert (second is not first, first.exitcode) == (True, -signal.SIGKILL)
            # Nor may a start take for ever.
            freeze(second)
            supervisor.keep_subprocess_alive()
            monkeypatch.setattr(processes, "_STARTS_WITHIN_SECONDS", 0)
            supervisor.keep_subprocess_alive()
            assert second.exitcode == -signal.SIGKILL
        finally:
            for process in supervisor.processes:
                process.process.kill()
                process.join()
            for name, handler in handlers.items():
                signal.signal(name, handler)


def freeze(process: Process) -> None:
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    served.wait_until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


def keep(supervisor: processes._Supervisor) -> bool:
    supervisor.keep_subprocess_alive()
    return True
