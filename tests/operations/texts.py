"""The parts of docs/operations.md that are meant to be copied."""

import re
import shlex
from typing import Any

import typer

from packhouse import cli
from packhouse.settings import Settings
from tests.test_house import ROOT

DOCUMENT = (ROOT / "docs" / "operations.md").read_text("utf-8")
SETTINGS = {f"PACKHOUSE_{name.upper()}" for name in Settings.model_fields}


def blocks(chapter: str, language: str) -> list[str]:
    """The blocks of code in the chapter with this heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(chapter)}\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert found is not None, chapter
    return re.findall(rf"```{language}\n(.*?)```", found[1], re.DOTALL)


def require_command(words: list[str]) -> None:
    """Raises what the command line raises unless `packhouse` knows the command and each of its options."""
    command: Any = typer.main.get_command(cli.app)
    words = list(words)
    while hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, name
        command = command.commands[name]
    command.make_context(command.name, words)


def commands_in(script: str) -> list[list[str]]:
    """What it asks of `packhouse`: the words after the program's name."""
    return [
        shlex.split(line.split("packhouse ", 1)[1])
        for line in script.splitlines()
        if re.search(r"(?:^|[ /])packhouse (?!--)[a-z]", line)
    ]
