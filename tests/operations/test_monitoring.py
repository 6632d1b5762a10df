"""The rules for alerts and the dashboard: what they name is what `GET /metrics` gives, and they do as they say."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from packhouse.kit.metrics import CONTENT_TYPE
from packhouse.worker import KINDS
from tests import components
from tests.operations.texts import DOCUMENT
from tests.test_house import ROOT

FOLDER = ROOT / "deploy" / "monitoring"
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
QUESTIONS: list[str] = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


@pytest.fixture(scope="session")
def promtool() -> Callable[..., None]:
    program = components.require("promtool", package="prometheus")

    def run(*words: str) -> None:
        done = subprocess.run([program, *words], check=False, capture_output=True, text=True, cwd=ROOT)
        assert done.returncode == 0, done.stdout + done.stderr

    return run


def metrics_in(expression: str) -> set[str]:
    return {re.sub(r"_bucket$", "", name) for name in re.findall(r"\bpackhouse_\w+", expression)}


@pytest.fixture
def given(serve: Callable[..., TestClient]) -> dict[str, set[str]]:
    """The metrics of a server, as a question names them, with the labels of each."""
    client = serve()
    client.get("/api/v3/orders")
    told = client.get("/metrics")
    assert told.headers["content-type"] == CONTENT_TYPE
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(told.text):
        if not family.name.endswith("_created"):  # when it began to count
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found[name] = {label for sample in family.samples for label in sample.labels}
    found["packhouse_orders_total"] |= {"outcome"}  # no order was sent yet
    found["packhouse_database_node_up"] = {"node"}  # tests/test_sharding.py reads it of a sharded database
    return found


@pytest.mark.one_database
def test_the_page_names_every_metric(given: dict[str, set[str]]) -> None:
    assert set(re.findall(r"^\| `(packhouse_\w+)` ", DOCUMENT, re.MULTILINE)) == set(given)


@pytest.mark.one_database
def test_alerts_and_dashboard_ask_for_what_there_is(given: dict[str, set[str]]) -> None:
    for question in (*QUESTIONS, *(rule["expr"] for rule in RULES)):
        assert metrics_in(question) <= set(given), question
        known = {"job", "instance", "le"}.union(*(given[name] for name in metrics_in(question)))
        asked = re.findall(r"(\w+)=~?\"", question)
        asked += [name for listed in re.findall(r"by \(([\w, ]+)\)", question) for name in listed.split(", ")]
        assert set(asked) <= known, question


def test_the_dashboard_shows_what_an_operator_looks_for() -> None:
    shown = set().union(*map(metrics_in, QUESTIONS))
    assert {
        "packhouse_requests_total",
        "packhouse_request_duration_seconds",
        "packhouse_orders_total",
        "packhouse_outbox_jobs",
        "packhouse_outbox_overdue_seconds",
        "packhouse_search_lag_seconds",
        "packhouse_database_up",
        "packhouse_database_connections_in_use",
        "packhouse_database_connections_allowed",
    } <= shown
    deliveries = [question for question in QUESTIONS if 'kind=~"webhook.*"' in question]
    assert deliveries
    assert [kind for kind in KINDS if re.fullmatch("webhook.*", kind)]
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource"]
    places = [panel["gridPos"] for panel in panels]
    cells = [(x, y) for p in places for x in range(p["x"], p["x"] + p["w"]) for y in range(p["y"], p["y"] + p["h"])]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_there_is_an_alert_for_what_nobody_would_see() -> None:
    asked = " ".join(rule["expr"] for rule in RULES)
    assert 'up{job="packhouse"} == 0' in asked
    assert "packhouse_search_lag_seconds" in asked
    assert all(
        rule["labels"]["severity"] in ("critical", "warning") and rule["annotations"]["summary"] for rule in RULES
    )


def test_prometheus_takes_the_rules_and_they_fire_when_they_should(promtool: Callable[..., None]) -> None:
    promtool("check", "rules", "deploy/monitoring/alerts.yaml")
    promtool("test", "rules", "tests/operations/alerts.test.yaml")


def test_prometheus_takes_the_questions_of_the_dashboard(promtool: Callable[..., None], tmp_path: Path) -> None:
    rules = [
        {"record": f"question:{n}", "expr": question.replace("$__rate_interval", "5m")}
        for n, question in enumerate(QUESTIONS)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), "utf-8")
    promtool("check", "rules", str(tmp_path / "rules.yaml"))
