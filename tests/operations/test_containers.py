"""The Dockerfile, compose.yaml and what the operator's page shows to be copied, as far as that can be seen without
running them."""

import configparser
import re
import shlex
import tomllib
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from packhouse.kit.metrics import CONTENT_TYPE
from tests.operations.texts import DOCUMENT, SETTINGS, blocks, commands_in, require_command
from tests.outages.test_pgbouncer import SETTINGS as POOLER_SETTINGS
from tests.test_house import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("server", "worker")


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def last(name: str) -> str:
    return [value for instruction, value in instructions() if instruction == name][-1]


def test_the_image_is_built_of_files_that_are_there_and_all_that_are_needed() -> None:
    first_stage = instructions()[: [name for name, _ in instructions()].index("FROM", 1)]
    copied = {word for name, value in first_stage if name == "COPY" for word in value.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"pyproject.toml", "constraints.txt", "src", project["readme"], *project["license-files"]} <= copied
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    extras = re.search(r"'\.\[([a-z0-9,]+)\]'", " ".join(value for _, value in first_stage))
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    assert last("USER") == "10001:10001"
    assert instructions()[-1][0] == "CMD"
    assert shlex.split(last("ENTRYPOINT").strip("[]").replace(",", " ")) == ["packhouse"]
    require_command(shlex.split(last("CMD").strip("[]").replace(",", " ")))
    assert "/health" in last("HEALTHCHECK")
    assert set(re.findall(r"PACKHOUSE_\w+", " ".join(value for _, value in instructions()))) <= SETTINGS


@pytest.mark.parametrize("name", OURS)
def test_a_service_of_ours_asks_for_what_there_is(name: str) -> None:
    service = SERVICES[name]
    require_command(service["command"])
    named = {key for key in service["environment"] if key.startswith("PACKHOUSE_")}
    assert named <= SETTINGS
    assert {"PACKHOUSE_DATABASE_URL", "PACKHOUSE_SECRET_KEY"} <= named
    assert "@database:5432/" in service["environment"]["PACKHOUSE_DATABASE_URL"]
    assert {"PACKHOUSE_SECRET_KEY", "POSTGRES_PASSWORD"} <= set(re.findall(r"\$\{(\w+):\?\}", str(service)))
    assert set(service["depends_on"]) <= set(SERVICES)


def test_the_server_does_no_jobs_and_the_worker_does() -> None:
    assert "--no-worker" in SERVICES["server"]["command"]
    assert "--migrate" in SERVICES["server"]["command"]
    assert SERVICES["worker"]["command"] == ["worker"]
    assert SERVICES["server"]["ports"] == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize("name", [*OURS, "database"])
def test_no_service_is_root_and_each_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    kind, *test = service["healthcheck"]["test"]
    assert kind == "CMD"
    if test[0] == "packhouse":
        require_command(test[1:])
    elif test[0] == "python":
        compile(test[2], "healthcheck", "exec")
        assert "/health" in test[2]
    else:
        assert test[0] == "pg_isready"


def test_an_option_that_is_not_there_would_be_seen() -> None:
    with pytest.raises(Exception, match="No such option: --hosts"):
        require_command(["serve", "--hosts", "0.0.0.0"])  # noqa: S104 - refused, not listened on
    with pytest.raises(AssertionError):
        require_command(["server"])


def test_the_unit_starts_what_there_is() -> None:
    unit = configparser.ConfigParser(interpolation=None, comment_prefixes=(";",))
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string(blocks("systemd", "ini")[0])
    service = unit["Service"]
    for name in ("ExecStartPre", "ExecStart"):
        program, *words = shlex.split(service[name])
        assert program.endswith("/packhouse")
        require_command(words)
    assert service["DynamicUser"] == "yes"
    assert service["Restart"] == "always"


def test_the_page_names_commands_and_settings_that_there_are() -> None:
    assert set(re.findall(r"PACKHOUSE_[A-Z0-9_]*[A-Z0-9]", DOCUMENT)) <= SETTINGS
    scripts = re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    asked = [words for script in scripts for words in commands_in(script.replace("exec server packhouse", "packhouse"))]
    assert ["migrate"] in asked
    for words in asked:
        require_command(words)


def test_the_pooler_of_the_page_is_the_one_that_is_tested() -> None:
    shown = configparser.ConfigParser(interpolation=None)
    shown.read_string(blocks("pgbouncer", "ini")[0])
    assert shown["pgbouncer"]["pool_mode"] == POOLER_SETTINGS["pool_mode"]
    assert "PACKHOUSE_PREPARED_STATEMENTS=false" in DOCUMENT


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_page_names_every_figure_and_the_alerts_name_no_other(serve: Callable[..., TestClient]) -> None:
    client = serve()
    client.get("/api/v3/orders")
    told = client.get("/metrics")
    assert told.headers["content-type"] == CONTENT_TYPE
    families = {family.name: family.type for family in text_string_to_metric_families(told.text)}
    figures = {f"{name}_total" if kind == "counter" else name for name, kind in families.items()}
    figures = {name for name in figures if not name.endswith("_created")}  # when it began to count
    assert set(re.findall(r"^\| `(packhouse_\w+)` ", DOCUMENT, re.MULTILINE)) == figures
    rules = [rule for group in yaml.safe_load(blocks("Alerts", "yaml")[0])["groups"] for rule in group["rules"]]
    named = {name.removesuffix("_bucket") for rule in rules for name in re.findall(r"packhouse_\w+", rule["expr"])}
    assert len(rules) >= 5
    assert named <= figures
