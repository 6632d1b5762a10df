"""An answer as a test looks at it, and what of it must be there."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What the server answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """Return the JSON of the body; None for an empty one."""
        return json.loads(self.content) if self.content else None


def assert_contains(actual: Any, expected: Any, path: str = "") -> None:
    """Compare a part with the whole: objects may have more keys, all else must be equal. Raises AssertionError."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key, value in expected.items():
            if key not in actual:
                raise AssertionError(f"{path}/{key} is missing.")
            assert_contains(actual[key], value, f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            raise AssertionError(f"{path or '/'} has {len(actual)} entries, not {len(expected)}.")
        for index, value in enumerate(expected):
            assert_contains(actual[index], value, f"{path}/{index}")
    elif type(expected) is not type(actual) or expected != actual:
        raise AssertionError(f"{path or '/'} is {actual!r}, not {expected!r}.")
