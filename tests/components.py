"""Programs that tests need and pip does not bring."""

import os
import shutil
from typing import NoReturn

import pytest


def require(*names: str, package: str) -> str:
    """The first of these programs that is there. Without any the test is skipped, and fails where CI=true: a check
    that a change must pass may not go without it."""
    path = os.environ.get("PATH", "")
    if "/usr/bin" in path.split(":"):  # Debian keeps the programs of servers where only administrators look
        path += ":/usr/sbin"
    places = (shutil.which(name, path=path) for name in names)
    return next(filter(None, places), None) or miss(f"There is no {names[0]}. On Debian: apt install {package}")


def miss(reason: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI must not go without this test.)")
    pytest.skip(reason)
