"""The published shapes of answers, as facts in `facts/*.yaml`, and whether an answer has the shape of its operation."""

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

FACTS = Path(__file__).parent / "facts"


@cache
def read(name: str) -> Any:
    return _to_meant(yaml.safe_load((FACTS / f"{name}.yaml").read_text("utf-8")))


def _to_meant(value: Any) -> Any:
    """`oneOf` is written where `anyOf` is meant: a whole item fits the shape of a bare one too."""
    if isinstance(value, dict):
        return {"anyOf" if key == "oneOf" else key: _to_meant(inner) for key, inner in value.items()}
    return [_to_meant(inner) for inner in value] if isinstance(value, list) else value


def require_shape(name: str, method: str, path: str, answer: Any) -> Any:
    """The answer's JSON, once it fits what the file `name` says of this operation and status."""
    document = read(name)
    responses = document["paths"][path][method.lower()]["responses"]
    schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    if str(answer.status_code) == "409":  # published bare, sent under `data` (contract, section 9)
        schema = {"type": "object", "properties": {"data": schema}, "required": ["data"]}
    validator = jsonschema_rs.validator_for({**schema, "components": document["components"]})
    found = answer.json()
    assert [(error.message, list(error.instance_path)) for error in validator.iter_errors(found)] == []
    return found
