"""How far an import is: drawn for a person at a terminal, and never where a program reads."""

import json
import os
import pty
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests import make
from tests.concurrency import served

COUNT = 250
REPORT: dict[str, Any] = {
    "created": COUNT,
    "updated": 0,
    "unchanged": 0,
    "refused": 0,
    "dry_run": False,
    "stopped": None,
    "records": [],
}
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Seen(NamedTuple):
    """`terminal` is all that was written to it, with its control sequences."""

    code: int
    out: str
    errors: str
    terminal: str

    def text(self) -> str:
        return _CONTROLS.sub("", self.terminal)

    def left(self) -> str:
        """What stands on the terminal in the end: after the bar's line was erased."""
        return _CONTROLS.sub("", self.terminal.rpartition("\x1b[2K")[2]).strip()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(json.dumps(make.order(f"o-{n}")) + "\n" for n in range(COUNT)), "utf-8")
    return path


def run(url: str, *words: str, on_terminal: tuple[str, ...], **variables: str) -> Seen:
    """With these of `stdout` and `stderr` on a terminal, and the others in pipes."""
    ours, theirs = pty.openpty()
    environment = served.environment(url) | {"TERM": "xterm-256color", "COLUMNS": "120"} | variables
    command = subprocess.Popen(
        [sys.executable, "-m", "packhouse", *words],
        stdin=subprocess.DEVNULL,
        stdout=theirs if "stdout" in on_terminal else subprocess.PIPE,
        stderr=theirs if "stderr" in on_terminal else subprocess.PIPE,
        env=environment,
        text=True,
    )
    os.close(theirs)
    try:
        with ThreadPoolExecutor(1) as side:
            shown = side.submit(_read_all, ours)
            out, told = command.communicate(timeout=served.PATIENCE_SECONDS)
            return Seen(command.returncode, out or "", told or "", shown.result())
    finally:
        command.kill()
        os.close(ours)


def _read_all(terminal: int) -> str:
    """Until the last who could write to it is gone, which Linux says with an error."""
    shown = b""
    with suppress(OSError):
        while part := os.read(terminal, 65536):
            shown += part
    return shown.decode()


def test_it_is_shown_on_a_terminal_and_gone_in_the_end(database_url: str, source: Path) -> None:
    seen = run(database_url, "orders", "import", str(source), "--account", "owner", on_terminal=("stdout", "stderr"))
    assert seen.code == 0
    assert "Importing" in seen.text()
    assert f"{COUNT} orders" in seen.text()
    assert "100%" in seen.text()
    assert "━" in seen.text()
    assert seen.left() == f"{COUNT} created, 0 updated, 0 unchanged, 0 refused."


@pytest.mark.parametrize("backend", ["sqlite"])
def test_json_stays_clean_beside_it(database_url: str, source: Path) -> None:
    words = ("orders", "import", str(source), "--account", "owner", "--json")
    seen = run(database_url, *words, on_terminal=("stderr",))
    assert (seen.code, json.loads(seen.out)) == (0, REPORT)
    assert seen.out.count("\n") == 1
    assert "\x1b" not in seen.out
    assert f"{COUNT} orders" in seen.text()
    assert seen.left() == ""


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("variables", [{}, {"FORCE_COLOR": "1"}], ids=str)
def test_it_is_not_in_a_pipe(database_url: str, source: Path, variables: dict[str, str]) -> None:
    words = ("orders", "import", str(source), "--account", "owner", "--json")
    seen = run(database_url, *words, on_terminal=(), **variables)
    assert (seen.code, json.loads(seen.out), seen.errors) == (0, REPORT, "")
    watched = run(database_url, *words, "--again", on_terminal=("stdout",), **variables)
    told = {**REPORT, "created": 0, "unchanged": COUNT}
    assert (watched.code, json.loads(watched.terminal), watched.errors) == (0, told, "")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_orders_on_a_terminal_are_not_drawn_over(database_url: str, source: Path, tmp_path: Path) -> None:
    assert served.run(database_url, "orders", "import", str(source), "--account", "owner").returncode == 0
    export = ("orders", "export", "--account", "owner", "--sort", "pk")
    on_both = run(database_url, *export, "--format", "jsonl", on_terminal=("stdout", "stderr"))
    assert [json.loads(line)["order_id"] for line in on_both.terminal.splitlines()] == [f"o-{n}" for n in range(COUNT)]
    piped = run(database_url, *export, on_terminal=("stderr",))
    assert [order["order_id"] for order in json.loads(piped.out)] == [f"o-{n}" for n in range(COUNT)]
    assert f"{COUNT} orders" in piped.text()
    to_file = run(database_url, *export, str(tmp_path / "made.json"), on_terminal=("stdout", "stderr"))
    assert "Exporting" in to_file.text()
    assert to_file.left() == ""
