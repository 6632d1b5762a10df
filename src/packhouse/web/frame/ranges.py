"""Many ids in a short address: `1001-1050,1055`."""

import re
from collections.abc import Iterable


def to_text(ids: Iterable[int]) -> str:
    parts: list[list[int]] = []
    for id in sorted(set(ids)):
        if parts and parts[-1][-1] == id - 1:
            parts[-1] = [parts[-1][0], id]
        else:
            parts.append([id])
    return ",".join("-".join(map(str, part)) for part in parts)


def from_text(text: str, most: int) -> list[int]:
    """Read the first so many; what is no id is passed over."""
    found: dict[int, None] = {}
    for part in text.split(","):
        match = re.fullmatch(r"([1-9][0-9]{0,17})(?:-([1-9][0-9]{0,17}))?", part)
        if match is not None:
            first, last = int(match[1]), int(match[2] or match[1])
            found |= dict.fromkeys(range(first, min(last, first + most - 1) + 1))
    return list(found)[:most]
