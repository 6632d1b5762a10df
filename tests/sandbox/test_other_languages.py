"""The examples in other languages do what they say, and are red where the code that they test does not try again."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests import components
from tests.test_house import ROOT

EXAMPLES = ROOT / "docs" / "examples"
MODULES = ROOT / ".venv-generators" / "node_modules"


def run(command: Sequence[str], sandbox: str, folder: Path) -> tuple[int, str]:
    ended = subprocess.run(
        command,
        check=False,
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PACKHOUSE_SANDBOX": sandbox},
    )
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(("attempts", "code"), [("3", 0), ("1", 1)])
def test_typescript(sandbox: str, tmp_path: Path, attempts: str, code: int) -> None:
    node = components.require("node", "nodejs", package="nodejs")
    if not MODULES.exists():
        components.miss("There is no TypeScript. Run make generators.")
    source = (EXAMPLES / "lost_answer.test.ts").read_text("utf-8")
    assert "attempt === 3" in source
    (tmp_path / "lost_answer.test.ts").write_text(source.replace("attempt === 3", f"attempt === {attempts}"), "utf-8")
    (tmp_path / "node_modules").symlink_to(MODULES)
    options = "--strict --skipLibCheck --target es2022 --module nodenext --types node lost_answer.test.ts"
    compiled, told = run([str(MODULES / ".bin" / "tsc"), *options.split()], sandbox, tmp_path)
    assert compiled == 0, told
    ended, told = run([node, "--test", "lost_answer.test.js"], sandbox, tmp_path)
    assert ended == code, told


@pytest.mark.parametrize(("attempts", "code"), [("3", 0), ("1", 255)])
def test_php(sandbox: str, tmp_path: Path, attempts: str, code: int) -> None:
    php = components.require("php", package="php-cli")
    source = (EXAMPLES / "lost_answer.php").read_text("utf-8")
    assert "$attempt <= 3" in source
    (tmp_path / "test.php").write_text(source.replace("$attempt <= 3", f"$attempt <= {attempts}"), "utf-8")
    ended, told = run([php, "test.php"], sandbox, tmp_path)
    assert ended == code, told
