"""The command line as people and programs call it, in process, on a database of the test alone."""

import functools
from collections.abc import Callable

import pytest
import typer.main
from typer.testing import CliRunner, Result

from packhouse import cli

Run = Callable[..., Result]

# Made once for all tests: typer would make it anew each time, which takes longer than most commands do.
_get_command = functools.cache(typer.main.get_command)


@pytest.fixture
def run(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("orders import -", input=…)`: the words of a command; a list where a word holds a space."""
    monkeypatch.setenv("PACKHOUSE_DATABASE_URL", database_url)
    monkeypatch.setattr("typer.testing._get_command", _get_command)

    def call(command: str | list[str], **options: object) -> Result:
        words = command.split() if isinstance(command, str) else command
        done = CliRunner().invoke(cli.app, words, **options)  # type: ignore[arg-type]
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return call
