"""A QR code as a picture that stands in the page itself: what it says goes to no other host and into no cache."""

import importlib
from collections.abc import Iterator
from typing import Any

from markupsafe import Markup

# Modules of white that a reader needs around the code.
_QUIET = 4


def to_svg(text: str, label: str) -> Markup:
    """Drawn in black on white whatever the reader's colours are: a camera is to see it."""
    zxingcpp: Any = importlib.import_module("zxingcpp")  # as `shipping.printers` does: a server that starts needs none
    made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M")
    image: Any = zxingcpp.write_barcode_to_image(made, scale=1, add_quiet_zones=False)
    pixels: Any = memoryview(image).tolist()
    size = len(pixels) + 2 * _QUIET
    return Markup(
        '<svg class="qr" role="img" aria-label="{label}" viewBox="0 0 {size} {size}" width="220" height="220" '
        'shape-rendering="crispEdges"><path fill="#fff" d="M0 0h{size}v{size}H0z"/><path fill="#000" d="{bars}"/></svg>'
    ).format(label=label, size=size, bars="".join(_draw(pixels)))


def _draw(pixels: Any) -> Iterator[str]:
    for y, row in enumerate(pixels, start=_QUIET):
        for x, pixel in enumerate(row, start=_QUIET):
            if pixel < 128:
                yield f"M{x} {y}h1v1h-1z"
