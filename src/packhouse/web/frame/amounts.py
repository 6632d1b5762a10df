"""Numbers in forms: read as the language of the form writes them, within bounds that nobody packs beyond, and asked
about once where they are far above what was there before."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from babel import numbers

from packhouse.kit import errors
from packhouse.kit.data import units
from packhouse.kit.messages import message
from packhouse.web.frame import formats, languages

# The field of a form that says which of the numbers that were asked about are right.
CONFIRMED = "sure"
MOST_PIECES = 1_000_000
# What the largest lorry carries, and how long a thing may be in it.
MOST_KILOGRAMS = Decimal(30_000)
MOST_CENTIMETRES = Decimal(3_000)
# How many times what was there before is asked about.
UNUSUAL = 10
_EXAMPLE = Decimal("1234.5")
_LONGEST = 40
# What every reader of JSON takes for a whole number.
_LARGEST_INTEGER = 2**53


def read_decimal(tag: str, text: str) -> Decimal | None:
    """None for what the language does not write so: `1.5` is no number in German, nor `1,5` in English."""
    locale = languages.locale(tag)
    group, point = numbers.get_group_symbol(locale), numbers.get_decimal_symbol(locale)
    text = _to_group(text, group)
    if not re.fullmatch(rf"-?[0-9]*(?:{re.escape(group)}[0-9]+)*(?:{re.escape(point)}[0-9]*)?", text, re.ASCII):
        return None
    try:
        return numbers.parse_decimal(text, locale=locale, strict=True)
    except numbers.NumberFormatError:
        return None


def _to_group(text: str, group: str) -> str:
    """What keyboards have for the sign between thousands: any blank for a narrow one, a straight apostrophe for a
    typographic one."""
    if group.isspace():
        return re.sub(r"\s", group, text)
    return text.replace("'", group) if group == "’" else text


def to_wire(amount: Decimal) -> int | float:
    is_whole = amount == amount.to_integral_value() and abs(amount) < _LARGEST_INTEGER
    return int(amount) if is_whole else float(amount)


class FormReader:
    """Reads the numbers of one form and gathers what is wrong with them, at the places of their fields below `at`.

    Numbers that cannot be taken are given back as they were typed. What is asked about stands in `questions`, the
    number by its field, and is taken when the form comes again with `field=number` among what is confirmed.
    """

    def __init__(self, tag: str, confirmed: Collection[str] = (), at: str = f"{errors.ATTRIBUTES}/") -> None:
        self.tag = tag
        self.confirmed = confirmed
        self.at = at
        self.faults: list[errors.ErrorItem] = []
        self.questions: dict[str, str] = {}

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Raises Invalid for the numbers together with what else is refused inside, one voice a field."""
        try:
            yield
        except errors.Invalid as refusal:
            known = {fault.pointer for fault in self.faults}
            others = [fault for fault in refusal.faults if fault.pointer not in known]
            raise errors.Invalid([*self.faults, *others]) from None
        if self.faults:
            raise errors.Invalid(self.faults)

    def number(self, field: str, text: str) -> Any:
        amount = self._read(field, text)
        return text if amount is None else to_wire(amount)

    def pieces(self, field: str, text: str, before: int | None = None) -> Any:
        """How many of an item; `before` is how many there were."""
        amount = self._read(field, text)
        if amount is None:
            return text
        shown = text[:_LONGEST]
        if amount != amount.to_integral_value():
            self._refuse(field, errors.ErrorItem("invalid", message("“{shown}” is not a whole number.", shown=shown)))
        elif amount > MOST_PIECES:
            most = formats.number(self.tag, MOST_PIECES)
            self._refuse(field, errors.ErrorItem("invalid", message("At most {most} are possible.", most=most)))
        elif before is not None and amount > UNUSUAL * max(before, 1):
            self._ask(field, amount, formats.number(self.tag, amount), formats.number(self.tag, before))
        return to_wire(amount)

    def weight(self, field: str, text: str, unit: str, before: Decimal | None = None) -> Any:
        """`before` is in kilograms."""
        amount = self._read(field, text)
        kilograms = None if amount is None else _to_kilograms(amount, unit)
        if amount is None or kilograms is None:
            return text if amount is None else to_wire(amount)
        if kilograms > MOST_KILOGRAMS:
            most = formats.number(self.tag, MOST_KILOGRAMS)
            self._refuse(field, errors.ErrorItem("invalid", message("At most {most} kg are possible.", most=most)))
        elif before and kilograms > UNUSUAL * before:
            self._ask(field, amount, f"{formats.number(self.tag, amount)} {unit}", formats.kilograms(self.tag, before))
        return to_wire(amount)

    def side(self, field: str, text: str, unit: str) -> Any:
        amount = self._read(field, text)
        if amount is None:
            return text
        if unit in units.CENTIMETRES and amount * units.CENTIMETRES[unit] > MOST_CENTIMETRES:
            most = formats.number(self.tag, MOST_CENTIMETRES)
            self._refuse(field, errors.ErrorItem("invalid", message("At most {most} cm are possible.", most=most)))
        return to_wire(amount)

    def _read(self, field: str, text: str) -> Decimal | None:
        """What is empty is left to whoever needs it."""
        if not text:
            return None
        amount = read_decimal(self.tag, text) if len(text) <= _LONGEST else None
        if amount is None:
            shown, example = text[:_LONGEST], formats.number(self.tag, _EXAMPLE)
            detail = message(
                "“{shown}” cannot be read: a number is written like {example} here.", shown=shown, example=example
            )
            self._refuse(field, errors.ErrorItem("invalid", detail))
        return amount

    def _ask(self, field: str, amount: Decimal, typed: str, before: str) -> None:
        value = f"{amount.normalize():f}"
        if f"{field}={value}" in self.confirmed:
            return
        self.questions[field] = value
        detail = message("You typed {typed} where there were {before}: is that right?", typed=typed, before=before)
        self._refuse(field, errors.ErrorItem("unusual", detail))

    def _refuse(self, field: str, fault: errors.ErrorItem) -> None:
        self.faults.append(errors.ErrorItem(fault.code, fault.detail, pointer=f"{self.at}{field}"))


def _to_kilograms(amount: Decimal, unit: str) -> Decimal | None:
    return units.convert(amount, unit, units.KILOGRAMS) if unit in units.KILOGRAMS else None
