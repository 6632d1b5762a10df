"""Documents in the requested form: another format, another paper, several in one file."""

from collections.abc import Sequence

from packhouse.kit import errors
from packhouse.kit.messages import message
from packhouse.printing import printers
from packhouse.shipping.queries import Content
from packhouse.shipping.schema import DPIS, PDF, ZPL, Label

_ZPL_DPI = DPIS[ZPL][0]


async def render(content: bytes, mime_type: str, label: Label) -> bytes:
    """Convert one document to the requested format. Raises Invalid if the carrier's document cannot be converted."""
    if mime_type == label.mime_type:
        return content
    if mime_type != PDF:
        raise _exists_as(mime_type)
    dpi = _ZPL_DPI if label.mime_type == ZPL else label.dpi
    made: bytes = await printers.run("convert", content, mime_type, label.mime_type, dpi)
    return made


async def merge(rows: Sequence[Content], contents: Sequence[bytes], label: Label, paper_size: str | None) -> bytes:
    """Join documents in one file, labels on sheets of a paper if one is requested. ZPL is appended to ZPL; anything
    else is first joined as PDF."""
    if {row.mime_type for row in rows} == {label.mime_type} and label.mime_type == ZPL:
        return b"".join(contents)
    for row in rows:
        if row.mime_type != PDF:
            raise _exists_as(row.mime_type)
    if paper_size is not None and all(row.kind == "label" for row in rows):
        whole = await printers.run("sheets", contents, paper_size)
    else:
        whole = await printers.run("merge", contents)
    return await render(whole, PDF, label)


def _exists_as(mime_type: str) -> errors.Invalid:
    return errors.Invalid(
        errors.ErrorItem(
            "invalid", message("This document exists as {mime_type} only.", mime_type=mime_type), header="Accept"
        )
    )
