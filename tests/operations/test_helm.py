"""The chart in deploy/helm as Helm renders it: by the program `helm`, or by Helm's library in the package
`helm-python-sdk`, which is too large to be one of the tests' own."""

import json
import re
import shutil
import subprocess
from importlib import import_module, util
from typing import Any

import pytest
import yaml

import packhouse
from tests.operations.texts import SETTINGS, require_command
from tests.test_house import ROOT

CHART = ROOT / "deploy" / "helm"
LEAST = {"databaseUrl": "postgresql://packhouse:secret@db:5432/packhouse", "secretKey": "c2VjcmV0"}

pytestmark = pytest.mark.skipif(
    shutil.which("helm") is None and util.find_spec("helm_python") is None,
    reason="there is no Helm: the program, or pip install helm-python-sdk",
)


def render(**values: Any) -> dict[tuple[str, str], Any]:
    """By kind and name."""
    text = _run_helm(values) if shutil.which("helm") else _ask_library(values)
    return {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text) if each}


def _run_helm(values: dict[str, Any]) -> str:
    command = ["helm", "template", "packhouse", str(CHART), "--values", "-"]
    done = subprocess.run(command, check=False, input=json.dumps(values), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


def _ask_library(values: dict[str, Any]) -> str:
    helm = import_module("helm_python")
    with helm.Chart.load(CHART) as chart:
        found = chart.render(values, name="packhouse", namespace="default")
    return "\n---\n".join(text for name, text in sorted(found.items()) if name.endswith(".yaml"))


def pods(found: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """By their component."""
    templates = [each["spec"]["template"] for (kind, _), each in found.items() if kind in ("Deployment", "Job")]
    return {each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"] for each in templates}


def test_a_server_a_worker_and_a_migration_before_them() -> None:
    found = render(**LEAST)
    assert {key for key in found if key[0] != "PodDisruptionBudget"} == {
        ("Secret", "packhouse"),
        ("Job", "packhouse-migrate"),
        ("Deployment", "packhouse-server"),
        ("Deployment", "packhouse-worker"),
        ("Service", "packhouse"),
    }
    started = {name: pod["containers"][0]["args"] for name, pod in pods(found).items()}
    for words in started.values():
        require_command(words)
    assert started["migration"] == ["migrate"]
    assert started["worker"] == ["worker"]
    assert "--no-worker" in started["server"]
    # The secret is there before the migration, and that before all else.
    hooks = [found[key]["metadata"]["annotations"] for key in (("Secret", "packhouse"), ("Job", "packhouse-migrate"))]
    assert [hook["helm.sh/hook"] for hook in hooks] == ["pre-install,pre-upgrade"] * 2
    assert int(hooks[0]["helm.sh/hook-weight"]) < int(hooks[1]["helm.sh/hook-weight"])


def test_no_pod_is_root_or_writes_or_is_without_a_limit() -> None:
    for pod in pods(render(**LEAST)).values():
        assert (pod["securityContext"]["runAsUser"], pod["securityContext"]["runAsNonRoot"]) == (10001, True)
        [container] = pod["containers"]
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in container["resources"]["limits"]
        assert container["image"] == f"packhouse:{packhouse.__version__}"


def test_a_slow_start_is_no_failure_and_a_database_that_is_away_restarts_nobody() -> None:
    [server] = pods(render(**LEAST))["server"]["containers"]
    assert server["startupProbe"]["periodSeconds"] * server["startupProbe"]["failureThreshold"] >= 300
    assert server["readinessProbe"]["exec"]["command"][1:] == ["-m", "packhouse.health", "--during-upgrade"]
    assert "httpGet" not in server["livenessProbe"]


def test_settings_and_secrets_are_settings_of_ours() -> None:
    found = render(
        **LEAST,
        readDatabaseUrl="postgresql://packhouse:secret@replica/packhouse",
        settings={"PACKHOUSE_POOL_SIZE": 4},
        ingress={"enabled": True, "host": "orders.example.com", "className": "nginx", "tlsSecret": "certificate"},
        imagePullSecrets=[{"name": "registry"}],
        podAnnotations={"team": "warehouse"},
        nodeSelector={"disk": "fast"},
    )
    named = set(found["Secret", "packhouse"]["stringData"])
    for pod in pods(found).values():
        given = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        assert given["PACKHOUSE_POOL_SIZE"] == "4"
        assert given["PACKHOUSE_PUBLIC_URL"] == "https://orders.example.com"
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "packhouse"}}]
        assert pod["imagePullSecrets"] == [{"name": "registry"}]
        named |= set(given)
    assert named <= SETTINGS
    [rule] = found["Ingress", "packhouse"]["spec"]["rules"]
    assert (rule["host"], rule["http"]["paths"][0]["backend"]["service"]["name"]) == ("orders.example.com", "packhouse")
    assert found["Ingress", "packhouse"]["spec"]["tls"][0]["secretName"] == "certificate"


def test_a_secret_of_ones_own_takes_the_place_of_the_charts() -> None:
    found = render(existingSecret="mine")
    assert ("Secret", "packhouse") not in found
    for pod in pods(found).values():
        assert pod["containers"][0]["envFrom"] == [{"secretRef": {"name": "mine"}}]


def test_without_a_database_nothing_is_rendered() -> None:
    with pytest.raises(Exception, match="databaseUrl or existingSecret must be set"):
        render(secretKey="x")


def test_what_is_one_pod_has_no_budget_that_would_keep_it_where_it_is() -> None:
    both = {name for kind, name in render(**LEAST) if kind == "PodDisruptionBudget"}
    assert both == {"packhouse-server", "packhouse-worker"}
    fewer = render(**LEAST, worker={"replicas": 1}, server={"replicas": 1})
    assert [key for key in fewer if key[0] == "PodDisruptionBudget"] == []
    none = render(**LEAST, worker={"replicas": 0}, migration={"enabled": False}, serviceMonitor={"enabled": True})
    assert {kind for kind, _ in none} == {"Secret", "Deployment", "Service", "PodDisruptionBudget", "ServiceMonitor"}
    assert "annotations" not in none["Secret", "packhouse"]["metadata"]


def test_what_selects_pods_finds_those_of_its_own() -> None:
    found = render(**LEAST)
    for key, each in found.items():
        if key[0] != "Deployment":
            continue
        chosen = each["spec"]["selector"]["matchLabels"]
        assert chosen.items() <= each["spec"]["template"]["metadata"]["labels"].items()
        assert found["PodDisruptionBudget", key[1]]["spec"]["selector"]["matchLabels"] == chosen
    server = found["Deployment", "packhouse-server"]["spec"]["template"]
    assert found["Service", "packhouse"]["spec"]["selector"].items() <= server["metadata"]["labels"].items()


def test_the_charts_version_is_that_of_what_it_starts() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    assert chart["appVersion"] == packhouse.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", chart["version"])
