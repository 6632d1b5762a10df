"""Mappings: which column of a file is which field of an order, as data (docs/files.md).

The presets are mappings that come with Packhouse, one TOML file each in `presets/`; an account keeps those of its own.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from packhouse.kit.messages import message
from packhouse.kit.wire.pydantic_messages import to_message
from packhouse.orders.files.columns import COLUMNS
from packhouse.orders.files.formats import Conventions, DayOrder, Decimal

NATIVE = "packhouse"
_MOST = 2_000
PATTERNS = {
    "@cash-on-delivery": r"cash[ _-]?on[ _-]?delivery|collect on delivery|pay(ment)? on delivery|\bcod\b|rembours"
    r"|betalen bij (af)?levering|nachnahme|contre[ -]?remboursement|paiement à la livraison|contra[ -]?re+mbolso"
    r"|contra[ -]?entrega|contrassegno|pagamento (alla consegna|na entrega)|pobrani|przy odbiorze|dobírk|dobierk"
    r"|utánvét|ramburs|postförskott|efterkrav|postoppkrav|postiennakko|αντικαταβολή|kapıda ödeme|наложен|pouzeć"
    r"|povzetj|代引|代金引換|貨到付款|货到付款|착불",
}
"""Patterns that mappings name, since many need them."""
_Name = Annotated[str, Field(min_length=1, max_length=400)]


class MappingError(ValueError):
    """What keeps a text from being a mapping."""


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(_Shape):
    """Where a column goes. `values` puts words in place of others, `sum` adds the numbers of all rows of an order,
    `first` takes the first row's word where rows differ, `minus` takes the number from what is there (what was paid
    back), and `read` names another way to read the cell."""

    to: str | list[str]
    values: Mapping[str, str] = {}
    sum: bool = False
    first: bool = False
    minus: bool = False
    read: Literal["", "address"] = ""


class Recognised(_Shape):
    """The columns that make a file one of this kind, and those that make it another."""

    columns: list[_Name] = []
    without: list[_Name] = []


class Formats(_Shape):
    decimal: Decimal | None = None
    dates: DayOrder | None = None


class Cell(_Shape):
    """What a column must hold: one of some words, anything at all, or what a pattern finds."""

    column: _Name
    values: list[str] = []
    filled: bool = False
    matches: str = ""

    @field_validator("matches")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(message("no pattern: {error}", error=error)) from None
        return value


class Skip(Cell):
    """Which rows are no items, or which orders are left out."""

    what: Literal["item", "order"]
    why: str


class When(Cell):
    """What a column says beyond its own field: how an order is paid, by the name of the payment."""

    put: Mapping[str, str | int | float | bool]


class PackedItems(_Shape):
    """Items within the cells of an order's row, `name:Mug|sku:M-1|quantity:2`, or as JSON. `item` is a pattern for a
    whole item instead, with a group for each field."""

    columns: list[_Name]
    between_items: str = ""
    between: str = "|"
    colon: str = ":"
    item: str = ""
    fields: Mapping[str, str | Target] = {}

    def list_fields(self) -> dict[str, Target]:
        return {name: told if isinstance(told, Target) else Target(to=told) for name, told in self.fields.items()}


class Preset(_Shape):
    """A mapping. `columns` lead from a column's name to a field, to several, or to a `Target`; of several columns of
    one field the first that is filled counts, and a field with `+` before it is added behind what is there. `tracking`
    leads back, from the columns of the file that a shop takes to what `write.Parcel` tells, or to a word behind `=`."""

    title: str
    form: Literal["table", "json"] = "table"
    native: bool = False
    recognise: Recognised = Recognised()
    key: list[_Name] = []
    formats: Formats = Formats()
    columns: Annotated[Mapping[str, str | list[str] | Target], Field(max_length=_MOST)] = {}
    fixed: Mapping[str, str | int | float | bool] = {}
    assumed: Mapping[str, str] = {}
    skip: list[Skip] = []
    when: list[When] = []
    items: PackedItems | None = None
    tracking: Mapping[str, str] = {}
    tracking_carriers: list[str] = []
    tracking_dates: str = "%Y-%m-%d"
    tracking_separator: Literal["comma", "tab"] = "comma"

    def usual(self) -> Conventions:
        return Conventions(self.formats.decimal, self.formats.dates)

    def fields(self) -> Iterable[str]:
        for target in self.columns.values():
            yield from (field.removeprefix("+") for field in to_target(target).fields())


class Targets(NamedTuple):
    target: Target

    def fields(self) -> list[str]:
        return [self.target.to] if isinstance(self.target.to, str) else list(self.target.to)


def to_target(told: str | list[str] | Target) -> Targets:
    return Targets(told if isinstance(told, Target) else Target(to=told))


def parse(text: str) -> Preset:
    """Raises MappingError."""
    try:
        preset = Preset.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingError(message("This is no TOML: {error}", error=error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = to_message(first)
        raise MappingError(message("The mapping cannot be read at {place}: {msg}", place=place, msg=why)) from None
    packed = [str(target.to) for target in preset.items.list_fields().values()] if preset.items else []
    told = (name for when in preset.when for name in when.put)
    named = (*preset.fields(), *preset.fixed, *preset.assumed, *packed, *told)
    if unknown := [name for name in named if name not in COLUMNS]:
        raise MappingError(message("There is no field {unknown}.", unknown=repr(unknown[0])))
    if not preset.native and preset.form == "table" and not preset.key:
        raise MappingError(message("A mapping says in key which columns tell one order from another."))
    return preset


@cache
def list_presets() -> Mapping[str, Preset]:
    """Those that come with Packhouse, by name: the ones that ask for most columns first, our own last."""
    folder = files("packhouse").joinpath("orders", "files", "presets")
    found = {
        entry.name.removesuffix(".toml"): parse(entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    asks_more = sorted(found, key=lambda name: (found[name].native, -len(found[name].recognise.columns), name))
    return {name: found[name] for name in asks_more}


def read_preset(name: str) -> str:
    """The text of a preset that comes with Packhouse."""
    return files("packhouse").joinpath("orders", "files", "presets", f"{name}.toml").read_text("utf-8")


def to_plain(name: str) -> str:
    """A column's name as it is compared: without regard to case, spaces, underscores and quotes around it."""
    return " ".join(name.replace("_", " ").replace("\ufeff", "").strip(" \t\r\n\"'").split()).casefold()


def to_distinct(header: Sequence[str]) -> list[str]:
    """Column names of which each is there once: the second `Name` is `Name (2)`, so that it can be told what it is."""
    taken: set[str] = set()
    distinct = []
    for name in header:
        number, own = 1, name
        while to_plain(own) and to_plain(own) in taken:
            number += 1
            own = f"{name} ({number})"
        taken.add(to_plain(own))
        distinct.append(own)
    return distinct


def recognise(header: Sequence[str], presets: Mapping[str, Preset]) -> str | None:
    """The name of the preset whose columns these are."""
    names = {to_plain(cell) for cell in to_distinct(header) if cell.strip()}
    for name, preset in presets.items():
        if preset.native:
            if any(cell.strip() in COLUMNS for cell in header):
                return name
        elif preset.form == "table" and preset.recognise.columns and _fits(names, preset.recognise):
            return name
    return None


def _fits(names: set[str], asked: Recognised) -> bool:
    has_all = all(_is_there(wanted, names) for wanted in asked.columns)
    return has_all and not any(to_plain(name) in names for name in asked.without)


def _is_there(column: str, names: set[str]) -> bool:
    """Among plain names; a name with brackets is no pattern of itself."""
    wanted = to_plain(column)
    return wanted in names or any(fnmatchcase(name, wanted) for name in names)


def list_lacking(header: Sequence[str], preset: Preset) -> list[str]:
    """The columns by which a preset is known that a file does not have."""
    names = {to_plain(cell) for cell in header if cell.strip()}
    return [name for name in preset.recognise.columns if not _is_there(name, names)]


def count_shared(header: Sequence[str], preset: Preset) -> int:
    """How many of a mapping's columns a row names: how likely it is the header."""
    if preset.native:
        return sum(cell.strip() in COLUMNS for cell in header)
    names = {to_plain(cell) for cell in header}
    return sum(to_plain(name) in names for name in (*preset.columns, *preset.key))
