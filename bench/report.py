"""What the bench says: one line a figure."""

import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Asked(NamedTuple):
    """A bound: on the ratio to the limit, or on the figure itself where there is no limit."""

    bound: float
    at_least: bool

    def is_met(self, value: float) -> bool:
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g}"


class Figure(NamedTuple):
    """Measured rounds of ours, and of the limit in the same rounds; medians are what counts."""

    name: str
    unit: str
    ours: Sequence[float]
    limit: Sequence[float] = ()
    asked: Asked | None = None

    @property
    def value(self) -> float:
        return statistics.median(self.ours)

    @property
    def limit_value(self) -> float | None:
        return statistics.median(self.limit) if self.limit else None

    @property
    def ratio(self) -> float | None:
        return self.value / self.limit_value if self.limit_value else None

    @property
    def spread(self) -> float:
        """From the least to the greatest round, as a share of the median."""
        return (max(self.ours) - min(self.ours)) / self.value

    @property
    def verdict(self) -> str:
        if self.asked is None:
            return ""
        return "ok" if self.asked.is_met(self.value if self.ratio is None else self.ratio) else "short"


Cell = Callable[[Figure], str]

COLUMNS: dict[str, Cell] = {
    "figure": lambda figure: figure.name,
    "ours": lambda figure: f"{_to_text(figure.value)} {figure.unit}",
    "± rounds": lambda figure: f"{figure.spread / 2:.0%}",
    "limit": lambda figure: "" if figure.limit_value is None else _to_text(figure.limit_value),
    "ratio": lambda figure: "" if figure.ratio is None else f"{figure.ratio:.2f}",
    "asked": lambda figure: str(figure.asked or ""),
    "": lambda figure: figure.verdict,
}


def to_lines(figures: Sequence[Figure]) -> list[list[str]]:
    return [[cell(figure) for cell in COLUMNS.values()] for figure in figures]


def show(figures: Sequence[Figure]) -> None:
    table = Table(*COLUMNS, box=None, pad_edge=False)
    for column in table.columns[1:6]:
        column.justify = "right"
    for line in to_lines(figures):
        table.add_row(*line)
    Console(width=120, highlight=False).print(table)


def _to_text(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
