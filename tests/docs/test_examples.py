"""Every command and every example of the documents, run as a reader would run them (`runner`)."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.docs import documents, runner
from tests.docs.documents import DOCUMENTS, Block, list_blocks, name_of
from tests.webhooks.conftest import Receiver

# What cannot be run here, by document, with the reason that the document gives.
NOT_RUN: dict[str, list[str]] = {
    "README.md": [
        "it installs a virtual environment, and the server runs until it is stopped",
    ],
    "docs/benchmarks.md": [
        "a benchmark takes minutes",
        "a benchmark takes minutes",
        "a benchmark takes minutes",
        "it takes minutes",
        "a benchmark takes minutes",
        "a benchmark takes minutes",
    ],
    "docs/carriers.md": [
        "it installs a package",
    ],
    "docs/cli.md": ["it changes the shell of the reader"],
    "docs/client.md": [
        "it installs a package",
    ],
    "docs/extend.md": [
        "a part of a class",
        "a part of the class above",
    ],
    "docs/integrate.md": [
        "the server runs until it is stopped",
        "the server runs until it is stopped",
        "tests/testing/test_plugin.py runs such tests",
        "it starts a server of its own; tests/testing/test_plugin.py runs the class",
        "it runs on GitHub",
        "it shows all keys of a rule at once",
        "it needs a sandbox that runs; tests/sandbox/test_command.py runs such commands",
        "tests/testing/test_plugin.py runs such tests",
        "it needs a sandbox that runs; tests/sandbox/test_carriers.py posts such rules",
        "the server runs until it is stopped",
    ],
    "docs/labels.md": [
        "it takes minutes",
    ],
    "docs/operations.md": [
        "it needs Docker",
        "it needs Helm and a cluster",
        "tests/operations/test_backups.py runs it while clients write",
        "tests/operations/test_backups.py runs it and compares what is restored",
        "tests/operations/test_backups.py runs it while clients write",
        "tests/operations/test_backups.py runs it and compares what is restored",
        "it needs systemd",
    ],
    "docs/packing-station.md": [
        "it prints until it is stopped",
    ],
    "docs/page.md": [
        "the demo user has no second factor",
    ],
    "docs/scaling.md": [
        "it needs a PostgreSQL, and the server runs until it is stopped",
        "it needs a cluster of Citus; tests/test_sharding.py compares it with what the command prints",
        "it needs a cluster of Citus; tests/test_sharding.py compares it with what the command prints",
        "it is a list of statements",
    ],
    "docs/start.md": [
        "it installs a virtual environment, and the server runs until it is stopped",
        "it installs a package, and the server runs until it is stopped",
    ],
    "docs/webhooks.md": [
        "no receiver is paused in the example",
    ],
}


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if list_blocks(path.read_text("utf-8"))], ids=name_of)
def test_the_examples_do_what_they_say(
    path: Path,
    tmp_path: Path,
    demo_database: Path,
    programs: Path,
    receive: Callable[[], Receiver],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        skipped = runner.Runner(tmp_path, demo_database, programs, receive, stack).run(path)
    assert skipped == NOT_RUN.get(name_of(path), [])


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_block_names_a_language_that_is_tried(path: Path) -> None:
    blocks = list_blocks(path.read_text("utf-8"))
    assert {block.language for block in blocks if not block.reason} <= runner.LANGUAGES


def test_what_is_not_run_is_listed_with_its_reason() -> None:
    blocks = {name_of(path): list_blocks(path.read_text("utf-8")) for path in DOCUMENTS}
    found = {name: [block.reason for block in of_page if block.reason] for name, of_page in blocks.items()}
    assert {name: reasons for name, reasons in found.items() if reasons} == NOT_RUN


def test_a_block_is_found_with_why_it_is_not_run() -> None:
    text = '# A\n\n<!-- skip: next "it needs Docker" -->\n```sh\ndocker ps\n```\n\n```json\n{}\n```\n'
    assert documents.list_blocks(text) == [Block("sh", "docker ps\n", "it needs Docker"), Block("json", "{}\n", "")]


@pytest.mark.parametrize(
    ("expected", "found", "does"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": 1, "…": "…"}, {"a": 1, "b": 2}, True),
        ({"a": "…"}, {"a": [1]}, True),
        ({"a": "…"}, {}, False),
        ([1, "…"], [1, 2, 3], True),
        ([2, "…"], [1, 2, 3], False),
        ([1], [1, 2], False),
        (1, True, False),
    ],
)
def test_an_answer_is_compared_with_what_is_shown(expected: object, found: object, does: bool) -> None:
    assert runner.matches(expected, found) is does
