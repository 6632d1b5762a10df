"""The Dockerfile, the unit, compose.yaml and what the operator's page shows to be copied, as far as that can be seen
without running them."""

import configparser
import json
import re
import shlex
import tomllib
from typing import Any

import pytest
import yaml
from babel.core import get_global

from packhouse.kit.data.places import names
from packhouse.orders.files import formats
from packhouse.web.frame import languages
from tests.operations.texts import DOCUMENT, SETTINGS, blocks, commands_in, require_command
from tests.outages.test_pgbouncer import SETTINGS as POOLER_SETTINGS
from tests.test_house import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text("utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "server", "worker")


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines]


def stages() -> dict[str, list[tuple[str, str]]]:
    """By their names; what stands before the first is that of ""."""
    found: dict[str, list[tuple[str, str]]] = {"": []}
    for name, value in instructions():
        if name == "FROM":
            found[value.rpartition(" ")[2]] = []
        found[[*found][-1]].append((name, value))
    return found


def last(name: str, stage: str = "runtime") -> str:
    return [value for instruction, value in stages()[stage] if instruction == name][-1]


def words(value: str) -> list[str]:
    found: list[str] = json.loads(value)
    return found


def test_the_image_is_built_of_files_that_are_there_and_all_that_are_needed() -> None:
    first_stage = stages()["build"]
    copied = {word for name, value in first_stage if name == "COPY" for word in value.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert {"pyproject.toml", "constraints.txt", "src", project["readme"], *project["license-files"]} <= copied
    ignored = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}
    extras = re.search(r"'\.\[([a-z0-9,]+)\]'", " ".join(value for _, value in first_stage))
    assert extras is not None
    assert set(extras[1].split(",")) <= set(project["optional-dependencies"])


def test_the_base_is_one_and_the_same_tomorrow() -> None:
    base = re.fullmatch(r"BASE=python:3\.\d+-slim@sha256:[0-9a-f]{64}", stages()[""][0][1])
    assert base is not None
    froms = [value.split(" ")[0] for name, value in instructions() if name == "FROM"]
    assert froms == ["${BASE}", "${BASE}", "runtime", "runtime"]
    assert re.fullmatch(r"postgres:17@sha256:[0-9a-f]{64}", SERVICES["database"]["image"])


def test_the_image_runs_as_nobody_special_and_says_how_it_is() -> None:
    assert last("USER") == "10001:10001"
    assert words(last("ENTRYPOINT")) == ["packhouse"]
    assert [*stages()][-2:] == ["sandbox", "server"]
    require_command(words(last("CMD", "server")))
    assert words(last("CMD", "sandbox"))[0] == "sandbox"
    assert last("HEALTHCHECK").endswith('CMD ["python", "-m", "packhouse.health"]')
    assert set(re.findall(r"PACKHOUSE_\w+", " ".join(value for _, value in instructions()))) <= SETTINGS
    made = stages()["runtime"][1][1]
    assert "groupadd --gid 10001 packhouse" in made
    assert "--no-create-home" in made


def test_the_image_keeps_the_languages_that_are_read() -> None:
    kept = set(re.search(r'LANGUAGES="([a-z|]+)"', str(instructions()))[1].split("|"))  # type: ignore[index]
    read = {*languages.LANGUAGES, *formats.LANGUAGES, *names.LANGUAGES}
    parents = get_global("parent_exceptions")  # a language's texts complete those of another
    assert {"root", *(name.partition("_")[0] for name in read), *(parents[n] for n in read if n in parents)} == kept


def test_a_slow_start_is_waited_for() -> None:
    starting = [int(last("HEALTHCHECK").split("--start-period=")[1].split("s")[0])]
    starting += [int(SERVICES[name]["healthcheck"]["start_period"][:-1]) for name in ("server", "worker")]
    assert min(starting) >= 120


def test_whoever_needs_the_schema_waits_for_it() -> None:
    assert SERVICES["migrate"]["command"] == ["migrate"]
    for name in ("server", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}


@pytest.mark.parametrize("name", [*OURS, "database"])
def test_no_service_may_take_all_memory(name: str) -> None:
    assert re.fullmatch(r"[1-9]\d*[mg]", SERVICES[name]["mem_limit"])


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
    assert SERVICES["worker"]["command"] == ["worker"]
    assert SERVICES["server"]["ports"] == ["127.0.0.1:8000:8000"]


@pytest.mark.parametrize("name", [*OURS, "database"])
def test_no_service_is_root_and_each_says_how_it_is(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].partition(":")[0] not in ("", "0", "root")
    if service["healthcheck"] == {"disable": True}:
        assert name == "migrate"  # it ends
        return
    kind, *test = service["healthcheck"]["test"]
    assert kind == "CMD"
    if test[0] == "packhouse":
        require_command(test[1:])
    elif test[0] == "python":
        assert test == ["python", "-m", "packhouse.health"]
    else:
        assert test[0] == "pg_isready"


def test_an_option_that_is_not_there_would_be_seen() -> None:
    with pytest.raises(Exception, match="No such option: --hosts"):
        require_command(["serve", "--hosts", "0.0.0.0"])  # noqa: S104 - refused, not listened on
    with pytest.raises(AssertionError):
        require_command(["server"])


def test_the_unit_starts_what_there_is() -> None:
    unit = configparser.ConfigParser(interpolation=None, comment_prefixes=("#",))
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read_string((ROOT / "deploy" / "packhouse.service").read_text("utf-8"))
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
