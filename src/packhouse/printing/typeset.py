"""Setting texts of any script into boxes: lines that fit, nothing outside; `shaping` makes glyphs of them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from reportlab.pdfgen.canvas import Canvas

from packhouse.kit.data import letters
from packhouse.printing import shaping
from packhouse.printing.shaping import Run, Weight, get_font, shape, to_runs

LEADING = 1.24
_TALL_LEADING = 1.72
_TALL = re.compile("[\u0f00-\u109f\u1780-\u17ff\ua9e0-\ua9ff\uaa60-\uaa7f]")
ELLIPSIS = "…"

SMALLEST = 7.0
"""Points: the smallest type on any paper, as people read it."""

_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")
clean = letters.clean
find_undrawable = letters.find_undrawable


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

    @property
    def height(self) -> float:
        """From this line to the next."""
        return self.size * find_leading(self.text)


def find_leading(text: str) -> float:
    """How many sizes of the type a line is high. Letters stand upon one another in Khmer, Burmese and Tibetan."""
    return _TALL_LEADING if _TALL.search(text) else LEADING


def find_base(text: str) -> float:
    """How many sizes above the lower edge of its line a text stands: most of what makes tall letters tall is below."""
    return 0.28 + (find_leading(text) - LEADING) * 0.8


def measure(text: str, weight: Weight = "Regular", size: float = 1.0) -> float:
    """The width of clean text in points."""
    return sum(_measure_run(run, size) for run in to_runs(text, weight))


def _measure_run(run: Run, size: float) -> float:
    return shape(run).width * size / 1000 if run.is_shaped else float(get_font(run.font).stringWidth(run.text, size))


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
    return _keep_whole(text, low)


def _keep_whole(text: str, head: int) -> int:
    """Not between a letter and its marks, unless it is the first."""
    whole = head
    while 0 < whole < len(text) and (shaping.is_mark(text[whole]) or text[whole - 1] == "\u200d"):
        whole -= 1
    return whole or head


def shorten(text: str, weight: Weight, size: float, width: float) -> str:
    """With an ellipsis where it is too long."""
    if measure(text, weight, size) <= width:
        return text
    head = _find_head(text, weight, size, width - measure(ELLIPSIS, weight, size))
    return text[:head].rstrip() + ELLIPSIS


def fit(texts: Sequence[Text], box: Box, largest: float, smallest: float) -> list[Line]:
    """In the largest size at which all of it fits; in the smallest one each text with fewer lines, and then what fits:
    a name without end must not push the country off a label."""
    cleaned = [text._replace(text=shown) for text in texts if (shown := clean(text.text[:4000]))]
    size = largest
    while True:
        lines = list(_wrap_all(cleaned, size, smallest, box.width))
        if _fits(lines, box):
            return lines
        if size <= smallest:
            break
        size = max(smallest, size - 0.5)
    for most in (12, 8, 6, 4, 3, 2, 1):
        lines = list(_wrap_all(cleaned, smallest, smallest, box.width, most))
        if _fits(lines, box):
            return lines
    return _cut(lines, box)


def _fits(lines: Sequence[Line], box: Box) -> bool:
    return sum(line.height for line in lines) <= box.height


def _wrap_all(texts: Sequence[Text], size: float, smallest: float, width: float, most: int = 1000) -> Iterator[Line]:
    """`most` lines of each text; the last one says by an ellipsis that there is more."""
    for text in texts:
        own = max(smallest, size * text.scale)
        lines = wrap(text.text, text.weight, own, width)
        if len(lines) > most:
            lines = [*lines[: most - 1], shorten(f"{lines[most - 1]} {ELLIPSIS * 9}", text.weight, own, width)]
            lines[-1] = re.sub(f"[ {ELLIPSIS}]+$", ELLIPSIS, lines[-1])
        for line in lines:
            yield Line(line, text.weight, own)


def _cut(lines: list[Line], box: Box) -> list[Line]:
    kept: list[Line] = []
    for line in lines:
        if sum(other.height for other in (*kept, line)) > box.height:
            break
        kept.append(line)
    if kept and len(kept) < len(lines):
        last = kept[-1]
        kept[-1] = last._replace(text=shorten(last.text + " " + ELLIPSIS * 9, last.weight, last.size, box.width))
        kept[-1] = kept[-1]._replace(text=re.sub(f"[ {ELLIPSIS}]+$", ELLIPSIS, kept[-1].text))
    return kept


def draw(canvas: Canvas, x: float, y: float, text: str, weight: Weight = "Regular", size: float = 8) -> None:
    """Clean text on a base line that begins at `x`, `y`."""
    for run in to_runs(text, weight):
        canvas.setFont(run.font, size)
        if run.is_shaped:
            _draw_shaped(canvas, x, y, run, size)
        else:
            canvas.drawString(x, y, run.text)
        x += _measure_run(run, size)


def _draw_shaped(canvas: Canvas, x: float, y: float, run: Run, size: float) -> None:
    """Glyph by glyph. Who copies or searches the text finds the letters that were meant: readers know the forms of
    Arabic letters and turn round what runs to the left, and are told where a glyph stands for no letter."""
    shaped = shape(run)
    is_told = shaped.has_private or not run.is_rtl
    if is_told:
        canvas.addLiteral(f"/Span <</ActualText <FEFF{run.text.encode('utf-16-be').hex().upper()}>>> BDC")
    text = canvas.beginText()
    text.setFont(run.font, size)
    for glyph in shaped.glyphs:
        text.setTextOrigin(x + glyph.x * size / 1000, y + glyph.y * size / 1000)
        text.textOut(glyph.letter)
    canvas.drawText(text)
    if is_told:
        canvas.addLiteral("EMC")


def measure_height(texts: Sequence[Text], width: float, size: float) -> float:
    """Measure the height of all of it, set in this size."""
    cleaned = [text._replace(text=clean(text.text)) for text in texts]
    return sum(line.height for line in _wrap_all(cleaned, size, size, width))


def draw_box(canvas: Canvas, texts: Sequence[Text], box: Box, *, largest: float, smallest: float) -> None:
    """From the top of the box downwards."""
    y = box.y + box.height
    for line in fit(texts, box, largest, smallest):
        y -= line.height
        draw(canvas, box.x, y + find_base(line.text) * line.size, line.text, line.weight, line.size)


def draw_aligned(
    canvas: Canvas, place: tuple[float, float], text: str, weight: Weight, size: float, share: float, **limits: Any
) -> None:
    """Ends at the place (`share` 1) or is centred on it (0.5); `width` shortens it."""
    shown = shorten(clean(text), weight, size, limits.get("width", 10_000))
    draw(canvas, place[0] - measure(shown, weight, size) * share, place[1], shown, weight, size)
