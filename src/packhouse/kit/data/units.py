"""Weights, lengths and volumes in decimal arithmetic, with the exact factor of each unit."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

KILOGRAMS: dict[str, Decimal] = {
    "kg": Decimal(1),
    "g": Decimal("0.001"),
    "lbs": Decimal("0.45359237"),
    "oz": Decimal("0.028349523125"),
}
"""Unit -> kilograms. The pound is exact by the agreement of 1959, the ounce a sixteenth of it."""

CENTIMETRES: dict[str, Decimal] = {
    "cm": Decimal(1),
    "mm": Decimal("0.1"),
    "m": Decimal(100),
    "yd": Decimal("91.44"),
    "ft": Decimal("30.48"),
    "in": Decimal("2.54"),
}
"""Unit -> centimetres."""

LITRES: dict[str, Decimal] = {
    "l": Decimal(1),
    "ml": Decimal("0.001"),
    "cm3": Decimal("0.001"),
    "m3": Decimal(1000),
    "gal": Decimal("3.785411784"),
}
"""Unit -> litres; the gallon is the United States' one of 231 cubic inches."""

ZERO = Decimal(0)

_PRECISION = 120
"""Digits: enough for a number as the wire takes it (40 characters) times a factor and a quantity, without rounding."""


def to_decimal(value: Any) -> Decimal:
    """Convert a number from the wire, which is an integer, a float or a numeric text: 79.9 becomes 79.9, without a
    binary tail."""
    return Decimal(str(value))


def convert(value: Any, unit: str, table: Mapping[str, Decimal]) -> Decimal:
    """Convert to the table's own unit, exactly."""
    with localcontext(prec=_PRECISION):
        return to_decimal(value) * table[unit]


def to_kilograms(weight: Mapping[str, Any] | None) -> Decimal | None:
    """Convert `{"value", "unit"}`; None stays None."""
    return None if not weight else convert(weight["value"], weight["unit"], KILOGRAMS)


def multiply(value: Decimal, count: int) -> Decimal:
    with localcontext(prec=_PRECISION):
        return value * count


def add(*values: Decimal) -> Decimal:
    with localcontext(prec=_PRECISION):
        return sum(values, Decimal(0))


def to_text(value: Decimal, places: int = 3) -> str:
    """Round half up and write plainly: `1.250`, never `1.25E+0`."""
    with localcontext(prec=_PRECISION):
        return f"{value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP):f}"
