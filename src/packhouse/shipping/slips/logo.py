"""A shop's logo. The uploaded picture is drawn again, so that nothing else of the file is stored or printed."""

import io
import warnings

from PIL import Image

from packhouse.kit import errors
from packhouse.kit.messages import Message, message
from packhouse.shipping.slips.schema import MAX_LOGO_BYTES, Logo

MAX_PIXELS = 16_000_000
_FORMATS = ("PNG", "JPEG")
_WIDEST, _TALLEST = 1_200, 600
"""Pixels: 300 dots an inch of the largest that is printed."""


def read_logo(content: bytes) -> Logo:
    """Raises Invalid for a file that is no PNG or JPEG, or too large. The size is checked before decoding."""
    if len(content) > MAX_LOGO_BYTES:
        raise _refuse(message("A logo has at most {most} MB.", most=MAX_LOGO_BYTES // 1_000_000))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=_FORMATS) as found:
                if found.width * found.height <= MAX_PIXELS:
                    return _draw_anew(found)
    # What Pillow raises for a broken file is not one kind: OSError, SyntaxError, ValueError, struct.error and others.
    except Exception as error:
        raise _refuse(message("This is no PNG or JPEG that can be read.")) from error
    raise _refuse(message("A logo has at most {most} million pixels.", most=MAX_PIXELS // 1_000_000))


def _draw_anew(found: Image.Image) -> Logo:
    """Remove metadata, profiles and further frames, and reduce the picture to its printed size."""
    drawn = found.convert("RGBA")
    drawn.thumbnail((_WIDEST, _TALLEST))
    drawn.info.clear()
    if drawn.getchannel("A").getextrema() == (255, 255):
        drawn = drawn.convert("RGB")
    file = io.BytesIO()
    drawn.save(file, "PNG", optimize=True)
    return Logo(file.getvalue(), drawn.width, drawn.height)


def _refuse(detail: Message) -> errors.Invalid:
    return errors.Invalid(errors.ErrorItem("invalid", detail, parameter="logo"))
