"""What NOTICE says of the packages that an installation brings: `python -m tests.notice` writes it anew."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
DEVELOPMENT = ("test", "lint")

HEAD = """\
Packhouse
Copyright The Packhouse developers

Packhouse is licensed under the Apache License 2.0 (see LICENSE). It contains no code of the packages below: pip
installs them beside it, each under its own licence, at the versions that constraints.txt pins. A test compares this
list with what the packages say of themselves.

Those under the LGPL or the MPL are used as they are published, unchanged, and each can be replaced by another version
with pip.
"""

# What a package says in its older metadata, in the words of SPDX where those are certain.
_SPDX = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "BSD 3-Clause License": "BSD-3-Clause",
    "GNU Lesser General Public License v2 (LGPLv2)": "LGPL-2.1-only",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL",
    "ISC License": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}


def find_licence(name: str) -> str:
    """The package's own expression; else its short licence field, else its classifiers."""
    told = metadata.metadata(name)
    if "License-Expression" in told:
        return told["License-Expression"]
    field = told["License"].strip() if "License" in told else ""
    classified = [
        found.rpartition(" :: ")[2]
        for found in told.get_all("Classifier") or []
        if found.startswith("License :: ") and found != "License :: OSI Approved"
    ]
    if field and "\n" not in field and len(field) <= 60:
        return _SPDX.get(field, field)
    assert classified, f"{name} names no licence"
    return " AND ".join(_SPDX.get(one, one) for one in classified)


def read_extras() -> dict[str, list[str]]:
    """Name of each extra that users install -> its requirements; the base install is the empty name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = {name: found for name, found in project["optional-dependencies"].items() if name not in DEVELOPMENT}
    return {"": project["dependencies"], **extras}


def to_name(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def find_installed(requirements: list[str]) -> set[str]:
    """The packages that these requirements bring, with those that they bring in turn."""
    found: set[tuple[str, str]] = set()
    waiting = [(requirement, "") for requirement in requirements]
    while waiting:
        text, extra = waiting.pop()
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = to_name(requirement.name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in found:
                found.add((name, wanted))
                waiting.extend((text, wanted) for text in metadata.requires(name) or ())
    return {name for name, _ in found}


def to_notice(extras: Mapping[str, list[str]]) -> str:
    return "".join(_to_sections(extras))


def _to_sections(extras: Mapping[str, list[str]]) -> Iterator[str]:
    yield HEAD
    base = find_installed(extras[""])
    for extra, requirements in extras.items():
        installed = base if not extra else find_installed(requirements) - base
        title = f"The extra [{extra}] adds:" if extra else "Every installation has:"
        width = max(map(len, installed), default=0)
        lines = [f"  {name:<{width}}  {find_licence(name)}\n" for name in sorted(installed)]
        yield f"\n{title}\n\n" + ("".join(lines) or "  nothing more\n")


if __name__ == "__main__":
    (ROOT / "NOTICE").write_text(to_notice(read_extras()), "utf-8")
