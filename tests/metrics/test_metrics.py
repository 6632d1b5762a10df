"""`GET /metrics` as Prometheus reads it."""

import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from packhouse.app import create_app
from packhouse.settings import Settings
from packhouse.worker import KINDS
from tests import locks, make, servers
from tests.concurrency import served
from tests.conftest import OWNER

ORDERS, ONE = "/api/v3/orders", "/api/v3/orders/{id}"


def figures(answer: Any) -> dict[tuple[str, ...], float]:
    """By name and the values of the labels, in the order of the labels' names."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_requests_are_counted_by_route_and_status(client: TestClient) -> None:
    made = client.post(ORDERS, json=[make.order("o-1"), make.order("o-2")]).json()["data"]
    client.get(f"{ORDERS}/{made[0]['id']}")
    client.get(f"{ORDERS}/{made[1]['id']}/")
    client.get(f"{ORDERS}/999")
    client.get("/anything/else")
    client.request("BREW", "/pots/17")
    found = figures(client.get("/metrics"))
    assert {key[1:]: n for key, n in found.items() if key[0] == "packhouse_requests_total"} == {
        ("POST", ORDERS, "200"): 1,
        ("GET", ONE, "200"): 2,
        ("GET", ONE, "404"): 1,
        ("GET", "unmatched", "404"): 1,
        ("other", "unmatched", "404"): 1,
    }
    assert found["packhouse_request_duration_seconds_count", "GET", ONE] == 3
    assert 0 < found["packhouse_request_duration_seconds_sum", "GET", ONE] < 10
    assert found["packhouse_request_duration_seconds_bucket", "+Inf", "GET", ONE] == 3
    assert ("packhouse_requests_total", "GET", "/metrics", "200") in figures(client.get("/metrics"))


def test_orders_are_counted_by_what_became_of_them(client: TestClient) -> None:
    orders = [make.order(f"o-{n}") for n in range(3)]
    ids = [receipt["id"] for receipt in client.post(ORDERS, json=[*orders, orders[0]]).json()["data"]]
    client.post(ORDERS, json=[orders[0], {**orders[1], "order_number": "other"}])
    client.post(ORDERS, json=[orders[0], {}])
    client.post(ORDERS, json=[make.order("o-9", order_details={"integration": {"id": 99}})])
    client.post(ORDERS, json={"no": "list"})
    client.patch(f"{ORDERS}/{ids[2]}", json={"order_number": "third"})
    client.delete(f"{ORDERS}/{ids[2]}")
    found = figures(client.get("/metrics"))
    assert {key[1]: n for key, n in found.items() if key[0] == "packhouse_orders_total"} == {
        "created": 3,
        "updated": 2,
        "unchanged": 1,
        "deleted": 1,
        "refused": 3,
    }
    assert found["packhouse_database_connections_in_use",] == 0


def of_outbox(client: TestClient, name: str) -> dict[str, float]:
    """By the kind of job, without those of which there is nothing to tell."""
    found = figures(client.get("/metrics"))
    assert {key[1] for key in found if key[0] == f"packhouse_outbox_{name}"} == set(KINDS)
    return {key[1]: value for key, value in found.items() if key[0] == f"packhouse_outbox_{name}" and value}


def test_the_outbox_is_counted_and_its_oldest_job_has_an_age(database_url: str) -> None:
    moment = [datetime(2026, 3, 14, 12, tzinfo=UTC)]
    app = create_app(Settings(database_url=database_url), now=lambda: moment[0])
    with TestClient(app, raise_server_exceptions=False) as client:
        client.auth = OWNER
        assert (of_outbox(client, "jobs"), of_outbox(client, "oldest_age_seconds")) == ({}, {})
        for n in range(3):
            assert client.post(ORDERS, json=[make.order(f"o-{n}")]).status_code == 200
            moment[0] += timedelta(seconds=100)
        (kind,) = of_outbox(client, "jobs")
        assert of_outbox(client, "jobs") == {kind: 3}
        assert of_outbox(client, "oldest_age_seconds") == {kind: 300}
        assert of_outbox(client, "overdue_seconds") == {kind: 300}
        moment[0] -= timedelta(hours=1)  # another machine's clock is ahead
        assert of_outbox(client, "jobs") == {kind: 3}
        assert (of_outbox(client, "oldest_age_seconds"), of_outbox(client, "overdue_seconds")) == ({}, {})


def test_a_worker_empties_the_outbox(serve: Callable[..., TestClient]) -> None:
    client = serve(works=True)
    client.auth = OWNER
    assert client.post(ORDERS, json=[make.order()]).status_code == 200
    served.wait_until(lambda: of_outbox(client, "jobs") == {})
    assert figures(client.get("/metrics"))["packhouse_database_up",] == 1


def test_a_connection_in_use_is_seen(client: TestClient, database_url: str) -> None:
    before = figures(client.get("/metrics"))
    assert before["packhouse_database_connections_in_use",] == 0
    assert before["packhouse_database_connections_allowed",] >= 8
    with locks.holding_orders(database_url):
        waiting = threading.Thread(target=client.post, args=(ORDERS,), kwargs={"json": [make.order()]})
        waiting.start()
        served.wait_until(lambda: figures(client.get("/metrics"))["packhouse_database_connections_in_use",] == 1)
    waiting.join()
    served.wait_until(lambda: figures(client.get("/metrics"))["packhouse_database_connections_in_use",] == 0)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_figures_are_given_while_the_database_is_away(client: TestClient, database_url: str, postgres: str) -> None:
    client.get(ORDERS)
    with servers.closed(postgres, database_url):
        found = figures(client.get("/metrics"))
        assert found["packhouse_database_up",] == 0
        assert found["packhouse_requests_total", "GET", ORDERS, "200"] == 1
        assert not [key for key in found if key[0].startswith("packhouse_outbox")]
    assert figures(client.get("/metrics"))["packhouse_database_up",] == 1


def test_nothing_of_a_person_is_in_it(client: TestClient) -> None:
    client.post(ORDERS, json=[make.order("Quast-1")])
    client.get(f"{ORDERS}/Quastenhuber")
    client.get("/Quakkelveen")
    text = client.get("/metrics").text
    assert "quast" not in text.lower()
    assert "Quakkelveen" not in text


TOKEN = "an-operators-token-of-metrics"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_another_machine_needs_the_operators_token(serve: Callable[..., TestClient]) -> None:
    for settings, headers, status in (
        ({}, {}, 403),
        ({"metrics_token": TOKEN}, {}, 403),
        ({"metrics_token": TOKEN}, {"Authorization": "Bearer guessed"}, 403),
        ({"metrics_token": TOKEN}, {"Authorization": f"Bearer {TOKEN}"}, 200),
    ):
        app = serve(**settings).app
        far = TestClient(app, client=("203.0.113.7", 4711), raise_server_exceptions=False)
        answer = far.get("/metrics", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.json()["errors"][0]["code"] == "forbidden"
    near = TestClient(serve().app, client=("127.0.0.1", 4711), raise_server_exceptions=False)
    assert near.get("/metrics").status_code == 200


def test_whichever_process_is_asked_answers_for_all_and_for_the_dead(database_url: str, tmp_path: Path) -> None:
    with served.serve(database_url, tmp_path / "log", "--workers", "2") as server:
        for n in range(20):  # a connection each, so that both processes get some
            with server.client() as client:
                assert client.post(ORDERS, json=[make.order(f"o-{n}")]).status_code == 200

        def counted() -> dict[tuple[str, ...], float]:
            with server.client() as client:
                return figures(client.get("/metrics"))

        served.wait_until(lambda: counted().get(("packhouse_requests_total", "POST", ORDERS, "200")) == 20)
        old = server.workers()
        assert len(old) == 2
        os.kill(min(old), signal.SIGKILL)
        served.wait_until(lambda: len(server.workers()) == 2 and min(old) not in server.workers())
        for _ in range(10):
            assert counted()["packhouse_requests_total", "POST", ORDERS, "200"] == 20
            assert counted()["packhouse_orders_total", "created"] == 20
        served.wait_until(lambda: counted()["packhouse_database_connections_in_use",] == 0)
        assert server.stop() == 0
