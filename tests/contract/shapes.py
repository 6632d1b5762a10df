"""The published shapes, which answers are compared with: `shapes.find_errors("returns", "post", "/returns", answer)`.

They stand in `published/` as facts only. A validator takes the whole file, so that its references lead somewhere.
"""

import functools
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

FOLDER = Path(__file__).parent / "published"


@functools.cache
def load(name: str) -> Any:
    return _to_31(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")))


def _to_31(part: Any) -> Any:
    """Older files say `nullable: true`, and a type that may be null forgets it among its choices."""
    if isinstance(part, list):
        return [_to_31(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    made = {key: _to_31(inner) for key, inner in part.items() if key != "nullable"}
    if isinstance(made.get("enum"), list) and "null" in made.get("type", ()):
        made["enum"] = [*made["enum"], None]
    return {"anyOf": [made, {"type": "null"}]} if part.get("nullable") is True else made


def find_schema(name: str, method: str, path: str, status: int) -> Any:
    """The schema of an answer's JSON body."""
    document = load(name)
    answer = document["paths"][path][method]["responses"][str(status)]
    while "$ref" in answer:
        answer = _follow(document, answer["$ref"])
    return answer["content"]["application/json"]["schema"]


def _follow(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step.replace("~1", "/").replace("~0", "~")]
    return document


def find_errors(name: str, method: str, path: str, answer: Any) -> list[str]:
    """What does not fit in a response, for the status that it has."""
    schema = find_schema(name, method, path, answer.status_code)
    return find_errors_of(name, schema, answer.json())


def find_errors_of(name: str, schema: Any, value: Any) -> list[str]:
    validator = jsonschema_rs.validator_for({**load(name), **schema})
    return [re.sub(r"\s+", " ", f"{error.instance_path}: {error}")[:300] for error in validator.iter_errors(value)]
