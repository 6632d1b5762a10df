"""Tables that go on to the next page: rows as high as their texts need, in type that people can read."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas

from packhouse.printing import typeset
from packhouse.printing.shaping import Weight
from packhouse.printing.typeset import LEADING, Box, Text

_PAD = 1.0 * mm
_MOST_LINES = 12
"""Of one cell: nobody names an article in more, and a row must fit on a page."""


class Column(NamedTuple):
    """`share` of the table's width; numbers end at its right edge."""

    title: str
    share: float
    is_number: bool = False


class Table(NamedTuple):
    """`size` is that of its type, in points."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    width: float
    size: float = 8.0
    row_height: float = 0.0

    def wrap_row(self, cells: Sequence[str], weight: Weight = "Regular") -> list[list[str]]:
        return [list(self._wrap(column, cell, weight)) for column, cell in zip(self.columns, cells, strict=True)]

    def _wrap(self, column: Column, cell: str, weight: Weight) -> Iterator[str]:
        width = self.width * column.share - 2 * _PAD
        box = Box(0, 0, width, _MOST_LINES * self.size * LEADING + 1)
        yield from (line.text for line in typeset.fit([Text(cell, weight)], box, self.size, self.size))

    def measure(self, cells: Sequence[str], weight: Weight = "Regular") -> float:
        highest = max(
            (sum(map(typeset.find_leading, lines)) for lines in self.wrap_row(cells, weight)), default=LEADING
        )
        return float(max(self.row_height, max(LEADING, highest) * self.size + 1.2 * _PAD))

    def head_height(self) -> float:
        return self.measure([column.title for column in self.columns], "Bold")


class Page(NamedTuple):
    """Rows from `start` to `stop` of a table, on page `number` of `of`."""

    start: int
    stop: int
    number: int
    of: int

    @property
    def is_last(self) -> bool:
        return self.number == self.of


def paginate(table: Table, first: float, later: float, foot: float) -> list[Page]:
    """What stands on which page: `first` and `later` are the heights that pages have for the table, head included;
    `foot` is what the last one must keep free."""
    heights = [table.measure(row) for row in table.rows]
    head = table.head_height()
    starts, used = [0], head
    for index, height in enumerate(heights):
        room = first if len(starts) == 1 else later
        if used + height > room and index > starts[-1]:
            starts.append(index)
            used = head
        used += height
    room = first if len(starts) == 1 else later
    if used + foot > room and len(heights) > starts[-1]:
        starts.append(_find_last_start(heights, starts[-1], head, room - foot))
    stops = [*starts[1:], len(heights)]
    return [
        Page(start, stop, number, len(starts))
        for number, (start, stop) in enumerate(zip(starts, stops, strict=True), 1)
    ]


def _find_last_start(heights: Sequence[float], start: int, head: float, room: float) -> int:
    """The rows that find no place above the foot go on, one at least; all that stood there where they are only one."""
    used, index = head, start
    while index < len(heights) - 1 and used + heights[index] <= room:
        used += heights[index]
        index += 1
    return index if index > start else len(heights)


def draw_table(canvas: Canvas, table: Table, page: Page, left: float, top: float) -> list[float]:
    """The lower edges of the rows, from the head's on."""
    edges = [_draw_row(canvas, table, [column.title for column in table.columns], left, top, "Bold")]
    for row in table.rows[page.start : page.stop]:
        edges.append(_draw_row(canvas, table, row, left, edges[-1], "Regular"))
    return edges


def _draw_row(canvas: Canvas, table: Table, cells: Sequence[str], left: float, top: float, weight: Weight) -> float:
    height = table.measure(cells, weight)
    canvas.setLineWidth(0.3)
    x = left
    for column, lines in zip(table.columns, table.wrap_row(cells, weight), strict=True):
        width = table.width * column.share
        y = top - 0.4 * _PAD
        for line in lines:
            y -= table.size * typeset.find_leading(line)
            base = y + table.size * typeset.find_base(line)
            at = (x + width - _PAD, base) if column.is_number else (x + _PAD, base)
            typeset.draw_aligned(canvas, at, line, weight, table.size, 1 if column.is_number else 0)
        canvas.rect(x, top - height, width, height, stroke=1, fill=0)
        x += width
    return top - height
