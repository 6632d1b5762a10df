"""The documents that people read, and the examples in them as sybil finds them.

Every block of code names its language, and each language has its way to be tried (`runner`). A block that cannot be
tried here stands behind an invisible comment that says why: `<!-- skip: next "it needs Docker" -->`.
"""

import re
from pathlib import Path
from typing import NamedTuple

from tests.test_house import ROOT

DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")])

_SKIP = re.compile(r'<!--- *skip: next "([^"]+)" *-->|<!-- *skip: next "([^"]+)" *-->')
_BLOCK = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block; `reason` is why it is not run, or empty."""

    language: str
    source: str
    reason: str


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def list_blocks(text: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(text):
        before = text[: match.start()].rstrip().rpartition("\n")[2]
        skipped = _SKIP.search(before)
        found.append(Block(match[2], match[3], (skipped[1] or skipped[2]) if skipped else ""))
    return found


def without_blocks(text: str) -> str:
    """The prose, with the code that stands in it."""
    return _BLOCK.sub("", text)


def without_code(text: str) -> str:
    """The prose alone."""
    prose = re.sub(r"`[^`\n]+`", "", without_blocks(text))
    return re.sub(r"\]\([^)]*\)|<!--.*?-->", "", prose, flags=re.DOTALL)


def list_links(text: str) -> list[str]:
    return _LINK.findall(without_blocks(text))


def list_anchors(text: str) -> set[str]:
    """The fragments by which a page's headings are linked to, as GitHub makes them."""
    headings = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(without_blocks(text)))
    return {heading.strip().replace(" ", "-") for heading in headings}


def read_table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its header."""
    section = re.search(rf"^#+ +{re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    rows = [line for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]
