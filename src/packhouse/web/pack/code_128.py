"""A Code 128 as a picture in the page, which every scanner reads from a screen."""

import importlib
from functools import lru_cache
from typing import Any

from markupsafe import Markup

# Modules of white that a scanner needs on both sides.
_QUIET = 10
_HEIGHT = 40


@lru_cache(64)
def to_svg(text: str, label: str) -> Markup:
    """Drawn in black on white whatever the reader's colours are."""
    barcodes: Any = importlib.import_module("packhouse.printing.barcodes")  # with its libraries, once it is needed
    across, rows = barcodes.to_rows("code-128", text)
    width = across + 2 * _QUIET
    bars = "".join(f"M{_QUIET + first} 4h{count}v{_HEIGHT - 8}h-{count}z" for first, count in rows[0])
    return Markup(
        '<svg class="code" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{width}v{height}H0z"/><path fill="#000" d="{bars}"/>'
        "</svg>"
    ).format(label=label, width=width, height=_HEIGHT, bars=bars)
