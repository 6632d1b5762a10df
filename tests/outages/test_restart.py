"""PostgreSQL goes away under a running server and comes back: meanwhile 503, never a hang, never a 500."""

from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import make
from tests.clusters import Cluster
from tests.concurrency import served
from tests.outages.conftest import Askers, check_no_failure, check_unavailable

# The longest that any request may take, whatever became of the database: to connect takes 5 seconds at most.
LONGEST_SECONDS = 15


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_postgres_is_503_meanwhile_and_found_again(cluster: Cluster, tmp_path: Path, mode: str) -> None:
    with served.serve(cluster.url(), tmp_path / "log", "--workers", "2") as server:
        askers = Askers(server)
        with askers.asking():
            askers.wait_for(200)
            cluster.stop(mode)
            askers.wait_for(503)
            with server.client() as client:
                assert client.get("/health").status_code == 503
            cluster.start()
            askers.wait_for(200)
            cluster.stop(mode)
            cluster.start()
            askers.wait_for(200)
        for _, answer, seconds in askers.heard:
            assert seconds < LONGEST_SECONDS
            if answer.status_code != 200:
                check_unavailable(answer)
        with server.client() as client:
            assert client.get("/health").status_code == 200
        served.wait_until(lambda: count_jobs(server) == 0)  # the workers are at work again too
        check_no_failure(server)
        assert server.stop() == 0


def count_jobs(server: served.Server) -> float:
    families = text_string_to_metric_families(httpx.get(f"{server.url}/metrics").text)
    return sum(
        sample.value for family in families for sample in family.samples if sample.name == "packhouse_outbox_jobs"
    )


def test_a_postgres_that_says_nothing_is_not_waited_for_without_end(cluster: Cluster, tmp_path: Path) -> None:
    settings = {"statement_timeout_seconds": 0.5, "lock_timeout_seconds": 0.5, "pool_size": 2}
    with served.serve(cluster.url(), tmp_path / "log", **settings) as server:
        askers = Askers(server)
        with askers.asking():
            askers.wait_for(200)
            with cluster.frozen():
                askers.wait_for(503, 409)
                askers.wait_for(503, 409)
            askers.wait_for(200)
        for _, answer, seconds in askers.heard:
            assert seconds < LONGEST_SECONDS
            assert answer.status_code in (200, 503, 409), answer.text
        check_no_failure(server)
        assert server.stop() == 0


def test_more_clients_than_postgres_takes_are_503(cluster: Cluster, tmp_path: Path) -> None:
    cluster.stop()
    cluster.options["max_connections"] = "4"
    cluster.options["superuser_reserved_connections"] = "1"
    cluster.options["max_wal_senders"] = "0"
    cluster.start()
    with served.serve(cluster.url(), tmp_path / "log", "--no-worker") as server, ExitStack() as stack:
        askers = [Askers(server) for _ in range(3)]
        for asker in askers:
            stack.enter_context(asker.asking())
        served.wait_until(lambda: any(h.answer.status_code == 503 for asker in askers for h in asker.heard))
        stack.close()
        for heard in (heard for asker in askers for heard in asker.heard):
            if heard.answer.status_code not in (200, 409):
                check_unavailable(heard.answer)
        with server.client() as client:
            served.wait_until(lambda: client.post("/api/v3/orders", json=[make.order()]).status_code == 200)
        check_no_failure(server)
