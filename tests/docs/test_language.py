"""The documents use the words of the field, and not those that the project once had of its own."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCUMENTS, name_of, without_blocks, without_code

# Each with the word that a reader knows.
RETIRED = {
    "room": "package",
    "door": "API, page or interface",
    "ladder": "layers",
    "rung": "layer",
    "house": "project, or the code `house`",
    "vault": "encryption",
    "stranger": "attacker, or somebody else",
    "flaw": "error",
    "fault": "error",
    "refusal": "error",
    "refuse": "reject",
    "refused": "rejected",
    "glance": "point read",
    "errand": "batch",
    "hears": "receives",
    "is told": "is notified",
    "are told": "are notified",
    "made to tell": "erased",
    "tells of": "identifies",
    "nobody's": "unknown",
    "who is called": "the caller",
}
# What has one of these words and is meant.
QUOTED = ("Refuse a second order with the same id in one batch", "house numbers")


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_a_document_has_no_private_words(path: Path) -> None:
    prose = " ".join(without_code(path.read_text("utf-8")).split())
    for text in QUOTED:
        prose = prose.replace(text, "")
    words = re.compile(rf"\b(?:{'|'.join(RETIRED)})s?\b", re.IGNORECASE)
    assert [match[0] for match in words.finditer(prose)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_no_line_is_longer_than_an_editor_shows(path: Path) -> None:
    lines = without_blocks(path.read_text("utf-8")).splitlines()
    assert [line for line in lines if len(line) > 120 and not line.startswith(("|", "![", "<!--"))] == []
