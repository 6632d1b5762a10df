"""The document of the API is one that linters and generators of clients take."""

from collections.abc import Iterator
from typing import Any

import pytest

from packhouse import document
from packhouse.app import ROUTES

pytestmark = pytest.mark.one_database

DOCUMENT = document.describe(ROUTES)
OPERATIONS = [operation for operations in DOCUMENT["paths"].values() for operation in operations.values()]


def walk(part: Any) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        yield part
        for inner in part.values():
            yield from walk(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from walk(inner)


def test_every_operation_is_named_by_a_verb_and_described() -> None:
    names = [operation["operationId"] for operation in OPERATIONS]
    assert len(names) == len(set(names))
    verbs = {
        "activate", "announce", "append", "authorize", "broadcast", "cancel", "change", "check", "confirm", "create",
        "delete", "dry", "erase", "export", "fetch", "find", "follow", "get", "import", "issue", "list", "map", "patch",
        "refresh", "replace", "replay", "resume", "retry", "revoke", "rotate", "send", "ship", "start", "test",
        "track", "try", "update", "upsert", "validate",
    }  # fmt: skip
    assert {name.partition("_")[0] for name in names} <= verbs
    assert [operation["operationId"] for operation in OPERATIONS if not operation.get("description")] == []


def test_every_tag_is_described_and_used() -> None:
    assert {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]} == {
        tag for operation in OPERATIONS for tag in operation["tags"]
    }


def test_no_answer_is_of_type_null_and_every_operation_may_be_refused() -> None:
    for operation in OPERATIONS:
        contents = [
            content["schema"]
            for answer in operation["responses"].values()
            for content in answer.get("content", {}).values()
        ]
        assert {"type": "null"} not in contents
        assert [status for status in operation["responses"] if status.startswith("4")]


def test_every_shape_is_used_once_and_under_its_own_name() -> None:
    shapes = DOCUMENT["components"]["schemas"]
    named = {part["$ref"].rpartition("/")[2] for part in walk(DOCUMENT) if isinstance(part.get("$ref"), str)}
    assert named == set(shapes)
    assert [name for name, shape in shapes.items() if shape["title"] != name] == []
    whole = [str({key: value for key, value in shape.items() if key != "title"}) for shape in shapes.values()]
    assert len(whole) == len(set(whole))


def test_the_document_says_where_the_server_is_and_what_it_is_licensed_under() -> None:
    assert DOCUMENT["servers"][0]["url"] == "/"
    assert {"title", "summary", "description", "version", "contact", "license"} <= DOCUMENT["info"].keys()
