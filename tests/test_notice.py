"""NOTICE names the licence of everything that an installation brings."""

import re

import pytest

from tests import notice

pytestmark = pytest.mark.one_database


def test_the_notice_lists_what_the_pinned_packages_say() -> None:
    written = (notice.ROOT / "NOTICE").read_text("utf-8")
    assert written == notice.to_notice(notice.read_extras()), "NOTICE is old: make notice"


def test_every_package_listed_is_pinned() -> None:
    pins = {notice.to_name(line.partition("==")[0]) for line in (notice.ROOT / "constraints.txt").read_text().split()}
    installed = set().union(*(notice.find_installed(found) for found in notice.read_extras().values()))
    assert installed <= pins


def test_a_base_installation_brings_two_packages_under_the_lgpl() -> None:
    """A third would want a look first: at what Packhouse does with it, and whether a few lines do the same."""
    base = (notice.ROOT / "NOTICE").read_text("utf-8").split("\nThe extra")[0]
    assert re.findall(r"^  (\S+) .*LGPL", base, re.MULTILINE) == ["pycountry", "python-bidi"]
