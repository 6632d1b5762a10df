"""The first hour: how fast the command answers, what it writes for programs, and what it leaves behind."""

import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from typer.core import TyperGroup

from packhouse import cli
from packhouse.accounts import schema as account_schema
from packhouse.accounts import users
from packhouse.cli import choices, terminal
from packhouse.orders import queries
from packhouse.orders.files import read, write
from packhouse.privacy import schema as privacy_schema
from packhouse.shipping.setup import setup_schema
from packhouse.webhooks import schema as webhook_schema
from tests import components
from tests.cli.conftest import Run
from tests.concurrency import served

ROOT = Path(__file__).parent.parent.parent
one_database = pytest.mark.one_database

COMPLETING = {"_PACKHOUSE_COMPLETE": "complete_bash"}
QUICK: list[tuple[list[str], dict[str, str], str]] = [
    (["--version"], {}, "packhouse "),
    (["--help"], {}, "deliveries"),
    (["orders", "import", "--help"], {}, "--dry-run"),
    ([], {**COMPLETING, "COMP_WORDS": "packhouse or", "COMP_CWORD": "1"}, "orders"),
    ([], {**COMPLETING, "COMP_WORDS": "packhouse orders im", "COMP_CWORD": "2"}, "import"),
    ([], {**COMPLETING, "COMP_WORDS": "packhouse orders import --acc", "COMP_CWORD": "3"}, "--account"),
    ([], {**COMPLETING, "COMP_WORDS": "packhouse orders import x --format ", "COMP_CWORD": "5"}, "jsonl"),
]


def measure(words: list[str], more: dict[str, str], *program: str) -> tuple[float, str]:
    """Seconds of CPU of `packhouse WORDS`, or of another program, and what it wrote."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, *(program or ("-m", "packhouse")), *words]
    environment = served.environment("sqlite:///nowhere.db") | more
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


@one_database
@pytest.mark.parametrize(("words", "more", "told"), QUICK, ids=str)
def test_help_and_completion_take_less_than_a_third_of_a_second(
    words: list[str], more: dict[str, str], told: str
) -> None:
    """Where a machine is slow, or busy: at most twice what the library of the command line takes by itself, side by
    side. The server's code takes seven times as long."""
    tries: list[tuple[float, float]] = []
    while not tries or (not any(map(is_quick, tries)) and len(tries) < 20):
        seconds, written = measure(words, more)
        assert told in written
        tries.append((seconds, measure([], {}, "-c", "import typer")[0]))
    assert any(map(is_quick, tries))


def is_quick(measured: tuple[float, float]) -> bool:
    seconds, of_library = measured
    return seconds < max(0.3, 2 * of_library)


_LOADED = """
import runpy, sys
sys.argv[:] = ["packhouse", "orders", "import", "--help"]
try:
    runpy.run_module("packhouse", run_name="__main__")
except SystemExit:
    heavy = ("asyncio", "pydantic", "rich", "sqlalchemy", "starlette", "uvicorn", "packhouse.app", "packhouse.orders")
    plain = {name for name, module in sys.modules.items() if type(module).__name__ != "_Waiting"}
    print(sorted(plain & set(heavy)), file=sys.stderr)
"""


@one_database
def test_help_loads_nothing_of_the_server() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        env=served.environment("sqlite:///nowhere.db"),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stderr.replace("'", '"')) == ["packhouse.orders"]  # the package, which holds a docstring


@one_database
def test_choices_are_those_of_their_packages() -> None:
    assert choices.SCOPES == account_schema.SCOPES
    assert choices.ALL_SCOPES == account_schema.ALL
    assert tuple(users.ROLES) == choices.ROLES
    assert choices.DELIVERY_STATUSES == webhook_schema.STATUSES
    assert tuple(read.FORMS) == choices.READ_FORMATS
    assert tuple(write.NAMES) == choices.WRITTEN_FORMATS
    assert tuple(queries.SORTS) == choices.SORTS
    assert tuple(kind.path for kind in setup_schema.KINDS.values()) == choices.SETUP_KINDS
    assert choices.MOST_DAYS == privacy_schema.MAX_DAYS


@one_database
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_for_each_shell(run: Run, shell: str) -> None:
    script = run(f"completion {shell}").stdout
    assert "_PACKHOUSE_COMPLETE" in script
    assert json.loads(run(f"completion {shell} --json").stdout) == {"script": script.rstrip("\n")}


@one_database
def test_bash_completes_by_the_script() -> None:
    asked = """
        eval "$(packhouse completion bash)"
        COMP_WORDS=(packhouse inte) COMP_CWORD=1
        _packhouse_completion packhouse
        echo "${COMPREPLY[@]}"
    """
    folder = str(Path(sys.executable).parent)
    environment = served.environment("sqlite:///nowhere.db")
    environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
    if shutil.which("packhouse", path=folder) is None:
        components.miss("The command packhouse is not installed in this environment.")
    done = subprocess.run(["bash", "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "integration\n"


def find_commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(command, TyperGroup):
        for name, inner in command.commands.items():
            yield from find_commands(inner, (*words, name))
    else:
        yield words, command


COMMANDS = dict(find_commands(typer.main.get_command(cli.app)))


@one_database
def test_every_command_answers_programs() -> None:
    without = [words for words, command in COMMANDS.items() if "as_json" not in {p.name for p in command.params}]
    assert without == []


@one_database
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_makes_its_errors_json(run: Run, words: tuple[str, ...]) -> None:
    failed = run([*words, "--json", "--no-such-option"])
    assert (failed.exit_code, failed.stdout) == (2, "")
    [error] = json.loads(failed.stderr)["errors"]
    assert error.keys() == {"code", "detail"}
    assert "--no-such-option" in error["detail"]


@one_database
@pytest.mark.parametrize(
    ("command", "code", "detail"),
    [
        ("key list --account nobody --json", "not_found", "There is no account named 'nobody'."),
        ("shipping list hats --account owner --json", "invalid", "There is no kind 'hats': it is one of"),
        ("orders export --account owner --sort hat --json", "invalid", "--sort: 'hat' is none of"),
        ("orders import nowhere.csv --account owner --json", "invalid", "Cannot read nowhere.csv: No such file"),
        ("account create --json", "invalid", "Missing argument"),
    ],
)
def test_an_error_is_json_on_standard_error(run: Run, command: str, code: str, detail: str) -> None:
    failed = run(command)
    assert failed.exit_code in (1, 2)
    assert failed.stdout == ""
    [error] = json.loads(failed.stderr)["errors"]
    assert error["code"] == code
    assert error["detail"].startswith(detail)


@one_database
def test_a_fault_of_ours_is_json_too(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(terminal, "load_settings", fail)
    failed = run("account list --json")
    [error] = json.loads(failed.stderr)["errors"]
    assert (failed.exit_code, error["code"], error["detail"]) == (1, "internal_error", "RuntimeError: out of order")
    assert "Traceback" in error["meta"]["traceback"]
    with pytest.raises(RuntimeError):
        run("account list")


READING = [
    "account list",
    "key list --account owner",
    "orders export --account owner",
    "person export --account owner --email a@example.com --output person.json",
    "deliveries list --account owner",
    "connections key 1 --account owner",
    "shipping settings --account owner",
    "worker --check",
    "serve --port 0",
]


@one_database
@pytest.mark.parametrize("command", READING)
def test_a_command_that_reads_makes_no_database(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", "sqlite:///new.db")
    failed = run(command)
    assert (failed.exit_code, failed.stdout) == (1, "")
    assert failed.stderr == "packhouse: There is no database at new.db. Run: packhouse migrate\n"
    assert list(folder.iterdir()) == []


LISTS = [
    "account list",
    "key list --account owner",
    "integration list --account owner",
    "audit list --account owner",
    "orders mapping list --account owner",
    "shipping list sender-addresses --account owner",
]


@pytest.fixture
def filled(run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """With long values, as real ones are, on a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    for number in range(3):
        name = f"Webshop of the north-eastern department number {number}"
        run(["key", "create", "--account", "owner", "--name", name])
        run(["integration", "create", "--account", "owner", "--shop-name", name])
    address = ["company_name=Thee & Koffiehandel Visser", "address_line_1=Lange Nieuwstraat", "house_number=117",
               "postal_code=3512 PG", "city=Utrecht", "country_code=NL", "name=Ada Visser"]  # fmt: skip
    assert run(["shipping", "add", "sender-addresses", "--account", "owner", *address]).exit_code == 0
    return run


@one_database
@pytest.mark.parametrize("command", LISTS)
def test_tables_can_be_read_at_80_columns(filled: Run, command: str) -> None:
    """Every value stands there whole, and no line is longer than the terminal is wide."""
    shown = filled(command).stdout
    assert max(map(len, shown.splitlines())) <= 80
    flat = re.sub(r"\s+", " ", re.sub("[│┃]", " ", shown))
    rows = json.loads(filled(f"{command} --json").stdout)
    assert rows
    for row in rows:
        for value in row.values():
            if isinstance(value, str):
                assert re.sub(r"\s+", " ", value).strip() in flat


@one_database
def test_help_can_be_read_at_80_columns(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for words in COMMANDS:
        assert max(map(len, run([*words, "--help"]).stdout.splitlines())) <= 80, words


def copy_checkout(folder: Path) -> Path:
    """A clone of this checkout with what is not committed yet."""
    clone = folder / "packhouse"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, clone / name)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=clone, check=True, capture_output=True)
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "commit", "-q", "-m", "All"], cwd=clone, check=True, capture_output=True)
    return clone


def have_installed(clone: Path) -> None:
    """An environment as `make run` makes it, which is the one that this test runs in."""
    bin = clone / ".venv" / "bin"
    bin.mkdir(parents=True)
    command = bin / "packhouse"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{clone}/src" exec "{sys.executable}" -m packhouse "$@"\n')
    command.chmod(0o755)
    (clone / ".venv" / ".made").touch()
    (clone / ".venv" / ".installed-run").touch()


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("git") is None or shutil.which("make") is None or not (ROOT / ".git").exists():
        components.miss("This needs git, make and a checkout.")
    made = copy_checkout(tmp_path_factory.mktemp("clone"))
    have_installed(made)
    return made


def make(clone: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", f"PYTHON={sys.executable}", *words],
        cwd=clone,
        env={name: value for name, value in os.environ.items() if not name.startswith(("PACKHOUSE_", "MAKE"))},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@one_database
def test_a_start_leaves_nothing_that_git_would_take(clone: Path) -> None:
    """With a receiver of webhooks, whose signing key makes a key file."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = make(clone, "run", f"PORT={port}")
    try:
        assert server.stdout is not None
        told = ""
        while "The API explained" not in told:
            line = server.stdout.readline()
            assert line, told
            told += line
        served.wait_until(lambda: served.is_up(f"http://127.0.0.1:{port}"))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", auth=("demo-public-key", "demo-secret-key")) as client:
            hook = {"type": "webhook", "configuration": {"url": "http://127.0.0.1:1/"}}
            assert client.post("/api/v3/event-subscriptions/connections", json=hook).status_code < 300
        assert (clone / "packhouse.db.key").exists()
        assert (clone / "packhouse.db-wal").exists()
        assert status_of(clone) == ""
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.communicate(timeout=served.PATIENCE_SECONDS)
    assert status_of(clone) == ""
    assert f"The data:           {clone / 'packhouse.db'}" in told
    assert "-m packhouse --help" in told
    assert "account create NAME" in told
    assert "curl -u demo-public-key:demo-secret-key" in told
    assert "make shell" in told


def status_of(clone: Path) -> str:
    done = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout


@one_database
def test_a_taken_port_is_said_before_anything_is_installed(clone: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = make(clone, "run", f"PORT={port}", f"VENV={tmp_path / 'not-made'}")
        told, _ = done.communicate(timeout=served.PATIENCE_SECONDS)
    assert done.returncode == 2
    assert re.match(rf"Cannot listen on 127.0.0.1 port {port}: Address already in use. Port \d+ is free.\n", told)
    assert not (tmp_path / "not-made").exists()


@one_database
def test_a_shell_in_which_the_command_is_called_packhouse(clone: Path) -> None:
    shell = subprocess.run(
        ["make", "shell"], cwd=clone, input="packhouse --version\n", capture_output=True, text=True,
        env={**os.environ, "SHELL": "/bin/sh", "PS1": ""}, check=False,
    )  # fmt: skip
    assert re.search(r"^packhouse \d", shell.stdout, re.MULTILINE), shell.stdout + shell.stderr


_PYTHON = """#!/bin/sh
case "$*" in
"-m venv "*) mkdir -p "$3/bin" && cp "{folder}/pip" "$3/bin/python" && cp "{folder}/packhouse" "$3/bin/packhouse" ;;
*) exec "{python}" "$@" ;;
esac
"""


@one_database
def test_each_step_of_a_first_start_is_named(clone: Path, tmp_path: Path) -> None:
    """With stand-ins for venv, pip and the server, which take no time and no network."""
    stand_ins = {
        "python": _PYTHON.format(folder=tmp_path, python=sys.executable),
        "pip": '#!/bin/sh\necho "(pip $3 $4)"\n',
        "packhouse": '#!/bin/sh\necho "(packhouse $1 $2)"\n',
    }
    for name, script in stand_ins.items():
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    venv = tmp_path / "venv"
    done = make(clone, "run", "PORT=0", f"VENV={venv}", f"PYTHON={tmp_path / 'python'}")
    told, _ = done.communicate(timeout=served.PATIENCE_SECONDS)
    assert done.returncode == 0, told
    assert told.splitlines() == [
        f"Making an environment in {venv} …",
        f"Installing Packhouse and the packages it needs in {venv} …",
        "(pip -qq --disable-pip-version-check)",
        f"Starting {venv}/bin/packhouse demo run. (make shell opens a shell in which it is called packhouse.)",
        "(packhouse demo run)",
    ]
