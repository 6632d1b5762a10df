"""Programs that tests need and pip does not bring."""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest


def require(*names: str, package: str) -> str:
    """The first of these programs that is there. Without any the test is skipped, and fails where CI=true: a check
    that a change must pass may not go without it."""
    for name in names:
        # Debian keeps the programs of servers where only their administrators look.
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
        if found is not None:
            return str(Path(found).resolve())
    miss(f"There is no {names[0]}. On Debian: apt install {package}")


def miss(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must not go without this test.)")
    pytest.skip(reason)
