"""Documents as they are asked for: another format, another paper, several in one file."""

from collections.abc import Sequence
from typing import Any

from packhouse.kit import errors
from packhouse.shipping import printers
from packhouse.shipping.schema import PDF, Label


async def render(content: bytes, mime_type: str, label: Label) -> bytes:
    """One document in the format that is wanted. Raises Invalid where it cannot be had from what the carrier gave."""
    if mime_type == label.mime_type:
        return content
    if mime_type != PDF:
        raise errors.Invalid(errors.Fault("invalid", f"This document exists as {mime_type} only."))
    made: bytes = await printers.run("convert", content, mime_type, label.mime_type, label.dpi)
    return made


async def merge(rows: Sequence[Any], contents: Sequence[bytes], label: Label, paper_size: str | None) -> bytes:
    """Several documents in one file, or on sheets of a paper. Raises Invalid where one of them is no PDF."""
    strangers = sorted({row.mime_type for row in rows if row.mime_type != PDF})
    if strangers:
        raise errors.Invalid(errors.Fault("invalid", f"A document of {strangers[0]} cannot be put into another file."))
    whole: bytes = await (
        printers.run("sheets", contents, paper_size) if paper_size else printers.run("merge", contents)
    )
    return await render(whole, PDF, label)
