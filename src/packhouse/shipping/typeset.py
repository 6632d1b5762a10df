"""Setting texts of any script into boxes: the right font for each letter, lines that fit, nothing outside."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Literal, NamedTuple

import arabic_reshaper
from bidi import get_display
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

Weight = Literal["Regular", "Bold"]
LEADING = 1.24
ELLIPSIS = "…"
_UNKNOWN = "?"

_FAMILIES = ("NotoSans-{}", "NotoSansArabic-{}", "NotoSansHebrew-{}", "DroidSansFallbackFull")
"""In the order they are asked for a letter."""

_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


class Box(NamedTuple):
    """In points; `x` and `y` are the lower left corner."""

    x: float
    y: float
    width: float
    height: float


class Text(NamedTuple):
    """A paragraph; it is wrapped where it is too long for its box."""

    text: str
    weight: Weight = "Regular"
    scale: float = 1.0


class Line(NamedTuple):
    text: str
    weight: Weight
    size: float


@cache
def _font(name: str) -> TTFont:
    """Loaded once a process: it takes some 40 ms each."""
    path = resources.files("packhouse.shipping").joinpath("fonts", f"{name}.ttf")
    font = TTFont(name, str(path))
    pdfmetrics.registerFont(font)
    return font


@lru_cache(maxsize=4096)
def _font_for(letter: str, weight: Weight) -> str | None:
    """None where no font has it. A font is not loaded for a letter that an earlier one has."""
    for family in _FAMILIES:
        name = family.format(weight)
        if ord(letter) in _font(name).face.charToGlyph:
            return name
    return None


def clean(text: str) -> str:
    """Without what is not printed: control and format characters; composed where letters come in parts."""
    composed = unicodedata.normalize("NFC", text)
    spaced = "".join(" " if unicodedata.category(letter) in ("Cc", "Zl", "Zp", "Zs") else letter for letter in composed)
    kept = "".join(letter for letter in spaced if unicodedata.category(letter) not in ("Cf", "Cs", "Co", "Cn"))
    return re.sub(" +", " ", kept).strip()


def _to_shown(text: str) -> str:
    """In the order and forms in which it is seen: right to left, and Arabic letters joined."""
    if not _RIGHT_TO_LEFT.search(text):
        return text
    return str(get_display(arabic_reshaper.reshape(text)))


@lru_cache(maxsize=8192)
def _to_runs(text: str, weight: Weight) -> tuple[tuple[str, str], ...]:
    """Font and letters, as seen from left to right. `text` is clean. A space stays with the font before it."""
    runs: list[tuple[str, str]] = []
    for letter in _to_shown(text):
        font = _font_for(letter, weight)
        shown = letter if font else _UNKNOWN
        if runs and (font == runs[-1][0] or letter == " "):
            runs[-1] = (runs[-1][0], runs[-1][1] + shown)
        else:
            runs.append((font or _FAMILIES[0].format(weight), shown))
    return tuple(runs)


def measure(text: str, weight: Weight = "Regular", size: float = 1.0) -> float:
    """The width of clean text in points."""
    return sum(float(_font(font).stringWidth(run, size)) for font, run in _to_runs(text, weight))


def _to_pieces(text: str) -> list[str]:
    """What may stand on a line of its own: words with the space after them, and each wide letter."""
    return re.findall(rf"{_WIDE.pattern}|[^\s{_WIDE.pattern[1:-1]}]+\s*|\s+", text)


def wrap(text: str, weight: Weight, size: float, width: float) -> list[str]:
    """Lines of at most this width; a word longer than a line is broken."""
    lines, line = [], ""
    for piece in _to_pieces(text):
        if line and measure((line + piece).rstrip(), weight, size) > width:
            lines.append(line.rstrip())
            line = ""
        line += piece
        while measure(line.rstrip(), weight, size) > width and len(line) > 1:
            head = _find_head(line, weight, size, width)
            lines.append(line[:head])
            line = line[head:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _find_head(text: str, weight: Weight, size: float, width: float) -> int:
    """How many letters fit, at least one."""
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(text[:middle], weight, size) <= width else (low, middle - 1)
    return low


def shorten(text: str, weight: Weight, size: float, width: float) -> str:
    """With an ellipsis where it is too long."""
    if measure(text, weight, size) <= width:
        return text
    head = _find_head(text, weight, size, width - measure(ELLIPSIS, weight, size))
    return text[:head].rstrip() + ELLIPSIS


def fit(texts: Sequence[Text], box: Box, largest: float, smallest: float) -> list[Line]:
    """In the largest size at which all of it fits; in the smallest one what fits, the last line with an ellipsis."""
    cleaned = [text._replace(text=shown) for text in texts if (shown := clean(text.text[:4000]))]
    size = largest
    while True:
        lines = list(_wrap_all(cleaned, size, box.width))
        if sum(line.size for line in lines) * LEADING <= box.height:
            return lines
        if size <= smallest:
            return _cut(lines, box)
        size = max(smallest, size - 0.5)


def _wrap_all(texts: Sequence[Text], size: float, width: float) -> Iterator[Line]:
    for text in texts:
        for line in wrap(text.text, text.weight, size * text.scale, width):
            yield Line(line, text.weight, size * text.scale)


def _cut(lines: list[Line], box: Box) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        if sum(other.size for other in (*kept, line)) * LEADING > box.height:
            break
        kept.append(line)
    if kept and len(kept) < len(lines):
        last = kept[-1]
        kept[-1] = last._replace(text=shorten(last.text + " " + ELLIPSIS * 9, last.weight, last.size, box.width))
        kept[-1] = kept[-1]._replace(text=re.sub(f"[ {ELLIPSIS}]+$", ELLIPSIS, kept[-1].text))
    return kept


def draw(canvas: Canvas, x: float, y: float, text: str, weight: Weight = "Regular", size: float = 8) -> None:
    """Clean text on a base line that begins at `x`, `y`."""
    for font, run in _to_runs(text, weight):
        canvas.setFont(font, size)
        canvas.drawString(x, y, run)
        x += float(_font(font).stringWidth(run, size))


def draw_box(canvas: Canvas, texts: Sequence[Text], box: Box, *, largest: float, smallest: float) -> None:
    """From the top of the box downwards."""
    y = box.y + box.height
    for line in fit(texts, box, largest, smallest):
        y -= line.size * LEADING
        draw(canvas, box.x, y + line.size * 0.28, line.text, line.weight, line.size)


def draw_aligned(
    canvas: Canvas, place: tuple[float, float], text: str, weight: Weight, size: float, share: float, **limits: Any
) -> None:
    """Ends at the place (`share` 1) or is centred on it (0.5); `width` shortens it."""
    shown = shorten(clean(text), weight, size, limits.get("width", 10_000))
    draw(canvas, place[0] - measure(shown, weight, size) * share, place[1], shown, weight, size)
