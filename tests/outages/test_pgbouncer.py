"""Behind Debian's pgbouncer in transaction mode, which gives each transaction any of its few connections."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest

from packhouse import migrations
from tests import components, locks, make, servers
from tests.clusters import NAME, Cluster
from tests.concurrency import served
from tests.concurrency.test_two_clients import is_conflict, of_writer
from tests.outages.conftest import Askers, check_no_failure, check_unavailable

ORDERS = "/api/v3/orders"
# Fewer than any of the clients' pools, so that transactions of different ones meet on the same connection.
SERVER_CONNECTIONS = 2


SETTINGS = {"pool_mode": "transaction", "default_pool_size": str(SERVER_CONNECTIONS), "query_wait_timeout": "5"}


class Pooler(NamedTuple):
    folder: Path

    def url(self, name: str = NAME) -> str:
        return f"postgresql://postgres@/{name}?host={self.folder}&port=6432"


@pytest.fixture
def program() -> str:
    return components.require("pgbouncer", package="pgbouncer")


@pytest.fixture
def pooler(program: str, cluster: Cluster) -> Iterator[Pooler]:
    folder = cluster.folder / "pooler"
    folder.mkdir()
    if cluster.owner:
        os.chown(folder, cluster.owner["user"], cluster.owner["group"])
    settings = {
        **SETTINGS,
        "auth_type": "any",
        "listen_port": "6432",
        "unix_socket_dir": str(folder),
        "server_login_retry": "0.1",
        "logfile": str(folder / "log"),
    }
    lines = ["[databases]", f"* = host={cluster.folder} user=postgres", "[pgbouncer]"]
    file = folder / "pgbouncer.ini"
    file.write_text("\n".join([*lines, *(f"{name} = {value}" for name, value in settings.items())]) + "\n")
    running = subprocess.Popen([program, "-q", str(file)], stderr=subprocess.DEVNULL, **cluster.owner)
    try:
        served.wait_until(lambda: (folder / ".s.PGSQL.6432").exists() or running.poll() is not None)
        assert running.poll() is None, (folder / "log").read_text()
        yield Pooler(folder)
    finally:
        running.kill()
        running.wait()


def serving(pooler: Pooler, log: Path, *arguments: str, **settings: Any) -> Any:
    return served.serve(pooler.url(), log, *arguments, prepared_statements="false", **settings)


def write(server: served.Server, writer: int, failed: list[str]) -> None:
    with server.client() as client:
        for turn in range(8):
            order = of_writer(writer, f"own-{writer}-{turn}")
            answers = [client.post(ORDERS, json=[order, of_writer(writer, f"shared-{turn}")])]
            if answers[0].status_code == 200:
                url = f"{ORDERS}/{answers[0].json()['data'][0]['id']}"
                answers += [client.patch(url, json={"order_number": f"{turn}"}), client.get(url), client.get(ORDERS)]
                answers += [client.get(f"/api/packhouse{url[7:]}/history")]
            failed += [a.text for a in answers if a.status_code != 200 and not is_conflict(a)]


def test_many_clients_share_its_few_connections(pooler: Pooler, cluster: Cluster, tmp_path: Path) -> None:
    with serving(pooler, tmp_path / "log", "--workers", "2") as server:
        failed: list[str] = []
        writers = [threading.Thread(target=write, args=(server, n, failed)) for n in range(8)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert failed == []
        with server.client() as client:
            orders = client.get(ORDERS, params={"page_size": 200}).json()["data"]
        names = [order["order_id"] for order in orders]
        assert len(set(names)) == len(names) == 8 * 8 + 8
        # It was the pooler that was spoken to, and nothing was left behind on its connections.
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert int(servers.ask(cluster.url(), count)) <= SERVER_CONNECTIONS
        assert servers.ask(pooler.url(), "SELECT count(*) FROM pg_prepared_statements", plain=True) == "0"
        assert servers.ask(pooler.url(), "SHOW lock_timeout", plain=True) == "0"
        check_no_failure(server)
        assert server.stop() == 0


def test_limits_of_time_hold_behind_it(pooler: Pooler, cluster: Cluster, tmp_path: Path) -> None:
    with serving(pooler, tmp_path / "log", lock_timeout_seconds=0.4) as server, server.client() as client:
        assert client.post(ORDERS, json=[make.order()]).status_code == 200
        with locks.holding_orders(cluster.url(), locks.EVERYBODY):
            began = time.monotonic()
            assert is_conflict(client.post(ORDERS, json=[make.order(order_number="other")]))
            check_unavailable(client.get(ORDERS))
            assert 0.8 <= time.monotonic() - began < 15
        assert client.post(ORDERS, json=[make.order(order_number="other")]).status_code == 200
    settings = {"lock_timeout_seconds": 60, "statement_timeout_seconds": 0.4}
    with serving(pooler, tmp_path / "log", **settings) as server, server.client() as client:
        with locks.holding_orders(cluster.url(), locks.EVERYBODY):
            check_unavailable(client.get(ORDERS))
        assert client.get(ORDERS).status_code == 200


def test_the_schema_is_made_through_it(pooler: Pooler, cluster: Cluster) -> None:
    servers.execute(cluster.url("postgres"), "CREATE DATABASE fresh")
    made = served.run(pooler.url("fresh"), "migrate", "--json", prepared_statements="false")
    assert made.returncode == 0, made.stderr
    assert servers.ask(cluster.url("fresh"), "SELECT version_num FROM alembic_version") == migrations.HEAD


def test_a_restart_behind_it_is_503_meanwhile(pooler: Pooler, cluster: Cluster, tmp_path: Path) -> None:
    with serving(pooler, tmp_path / "log") as server:
        askers = Askers(server)
        with askers.asking():
            askers.wait_for(200)
            cluster.stop("immediate")
            askers.wait_for(503)
            cluster.start()
            askers.wait_for(200)
        for _, answer, _seconds in askers.heard:
            if answer.status_code != 200:
                check_unavailable(answer)
        check_no_failure(server)


def test_without_the_setting_the_driver_is_refused_what_it_asks_for(pooler: Pooler) -> None:
    """What the setting is for: if this comes to work, it can go."""
    command = served.start(pooler.url(), "serve", "--port", "0", "--json")
    try:
        line = command.stdout.readline() if command.stdout else ""
        if not line:
            assert command.wait(served.PATIENCE_SECONDS) == 1
            return
        url = line.split('"')[3]
        served.wait_until(lambda: served.is_up(url))
        statuses = {httpx.get(f"{url}{ORDERS}", auth=("owner-public", "owner-secret")).status_code for _ in range(40)}
        assert statuses != {200}
    finally:
        if psutil.pid_exists(command.pid):
            command.terminate()
        command.communicate()
