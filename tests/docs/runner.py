"""How each language of an example is tried.

A document is run from its first example to its last, in an empty folder, against a server of its own with the demo
account. Commands must succeed. A `json` or `text` block shows what the command or the Python above it has answered:
`…` stands for what differs from run to run, and `"…": "…"` for further keys. An answer that holds errors must be shown.
"""

import configparser
import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import SkipTest

import yaml
from sybil import Document, Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from packhouse.settings import Settings
from tests.concurrency import served
from tests.webhooks.conftest import Receiver

SERVER = "http://127.0.0.1:8000"
RECEIVER = "http://127.0.0.1:9000"
ANY = "…"
# Marks before a block: the answer is what the receiver at RECEIVER got; the script ends with this exit code.
_RECEIVED = "<!-- received -->"
_EXIT_1 = "<!-- exit code: 1 -->"


class Runner:
    """Runs the examples of one document; `stack` ends what it starts."""

    def __init__(self, folder: Path, demo: Path, path: Path, receive: Callable[[], Receiver], stack: ExitStack) -> None:
        self._folder = folder
        self._database = folder / "packhouse.db"
        shutil.copyfile(demo, self._database)
        self._receive = receive
        self._stack = stack
        self._receiver: Receiver | None = None
        self._server: served.Server | None = None
        self._environment = served.environment(f"sqlite:///{self._database}", webhooks_allow_private=True)
        programs = [str(path), str(Path(sys.executable).parent), self._environment["PATH"]]
        self._environment["PATH"] = ":".join(programs)
        self._names: dict[str, Any] = {}
        self._answer = ""

    def run(self, path: Path) -> list[str]:
        """Returns what was not run, with its reason."""
        skipped = []
        document = Sybil(parsers=list_parsers(self)).parse(path)
        for example in document.examples():
            try:
                example.evaluate()
            except SkipTest as skip:
                skipped.append(str(skip))
        self.require_shown()
        return skipped

    def require_shown(self) -> None:
        assert '"errors":' not in self._answer, self._answer

    def run_shell(self, example: Example) -> str | None:
        self.require_shown()
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._localise(example.parsed)],
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=served.PATIENCE_SECONDS,
            check=False,
        )
        self._answer = ended.stdout
        wanted = 1 if has_mark(example.document, example.start, _EXIT_1) else 0
        if ended.returncode != wanted:
            return f"exit code {ended.returncode}: {ended.stderr}{ended.stdout}"
        return None

    def run_python(self, example: Example) -> None:
        self.require_shown()
        source = "\n" * (example.line + example.parsed.line_offset) + self._localise(example.parsed)
        written = io.StringIO()
        with contextlib.redirect_stdout(written):
            exec(compile(source, example.path, "exec"), self._names)  # noqa: S102 - that is what it is for
        self._answer = written.getvalue()

    def compare_json(self, example: Example) -> str | None:
        answer = self._answer
        if has_mark(example.document, example.start, _RECEIVED):
            assert self._receiver is not None
            answer = self._receiver.wait_for(1)[-1].body.decode()
        self._answer = ""
        expected = json.loads(example.parsed)
        try:
            found = json.loads(answer)
        except json.JSONDecodeError:
            return f"The answer was {answer}"
        return None if matches(expected, found) else f"The answer was {answer}"

    def compare_text(self, example: Example) -> str | None:
        answer, self._answer = self._answer, ""
        pattern = ".*?".join(map(re.escape, textwrap.dedent(example.parsed).strip().split(ANY)))
        if re.fullmatch(pattern, self._globalise(answer).strip(), re.DOTALL):
            return None
        return f"The answer was {answer}"

    def _localise(self, script: str) -> str:
        """The script with the addresses of this run's server and receiver, which are started when they are named."""
        if SERVER in script:
            script = script.replace(SERVER, self._serve().url)
        if RECEIVER in script:
            self._receiver = self._receiver or self._receive()
            script = script.replace(RECEIVER, self._receiver.url.rstrip("/"))
        return script

    def _globalise(self, answer: str) -> str:
        return answer if self._server is None else answer.replace(self._server.url, SERVER)

    def _serve(self) -> served.Server:
        if self._server is None:
            url = f"sqlite:///{self._database}"
            serving = served.serve(url, self._folder / "log", webhooks_allow_private=True)
            self._server = self._stack.enter_context(serving)
        return self._server


def list_parsers(runner: Runner) -> list[Any]:
    ways: dict[str, Callable[[Example], str | None]] = {
        "sh": runner.run_shell,
        "python": runner.run_python,
        "json": runner.compare_json,
        "text": runner.compare_text,
        **PARSED,
    }
    return [SkipParser(), *(CodeBlockParser(language, way) for language, way in ways.items())]


def matches(expected: Any, found: Any) -> bool:
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(found, dict):
        named = {key: value for key, value in expected.items() if key != ANY}
        is_whole = ANY in expected or expected.keys() == found.keys()
        return is_whole and all(key in found and matches(value, found[key]) for key, value in named.items())
    if isinstance(expected, list) and isinstance(found, list):
        if expected[-1:] == [ANY]:
            expected, found = expected[:-1], found[: len(expected) - 1]
        return len(expected) == len(found) and all(map(matches, expected, found))
    return type(expected) is type(found) and bool(expected == found)


def has_mark(document: Document, start: int, mark: str) -> bool:
    return document.text[:start].rstrip().endswith(mark)


def _parse_ini(example: Example) -> None:
    configparser.ConfigParser(interpolation=None, comment_prefixes=(";", "#")).read_string(example.parsed)


def _parse_toml(example: Example) -> None:
    tomllib.loads(example.parsed)


def _parse_yaml(example: Example) -> None:
    yaml.safe_load(example.parsed)


def _parse_settings(example: Example) -> None:
    """Lines of NAME=value, as systemd and Docker read them: all known, and all good together."""
    lines = [line for line in example.parsed.splitlines() if line and not line.startswith("#")]
    given = dict(line.split("=", 1) for line in lines)
    fields = {f"PACKHOUSE_{name.upper()}": name for name in Settings.model_fields}
    Settings(**{fields[name]: value for name, value in given.items()})


def _require_skipped(_example: Example) -> str:
    return "There is nothing here to run it on: say so with `skip`."


# What is read and not run: a mistake in it is found all the same.
PARSED: dict[str, Callable[[Example], str | None]] = {
    "ini": _parse_ini,
    "toml": _parse_toml,
    "yaml": _parse_yaml,
    "env": _parse_settings,
    "sql": _require_skipped,
}
LANGUAGES = {"sh", "python", "json", "text", *PARSED}
