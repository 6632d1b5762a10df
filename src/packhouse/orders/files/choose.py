"""A mapping as a person makes it: a column of a file and the field that they chose for it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from packhouse.kit.messages import message
from packhouse.orders import schema
from packhouse.orders.files import guess
from packhouse.orders.files.columns import COLUMNS
from packhouse.orders.files.formats import DayOrder, Decimal
from packhouse.orders.files.mapping import (
    MappingError,
    Preset,
    Target,
    list_lacking,
    list_presets,
    parse,
    to_plain,
    to_target,
)
from packhouse.orders.files.records import Row


class NoKey(MappingError):
    """Nothing says which column tells one order from another."""


KEPT = "="
"""The choice of what a preset does with a column, where that is more than one field."""
_CLOSE = 0.5
_NUMBERS_OF_ORDERS = ("order_id", "order_number")
_WEIGHT, _WEIGHT_UNIT = "item.measurement.weight.value", "item.measurement.weight.unit"


@cache
def list_fields() -> tuple[str, ...]:
    """What a column can be."""
    return tuple(
        column.name
        for column in COLUMNS.values()
        if column.kind not in ("object", "json") and column.path[0] not in schema.READ_ONLY
    )


def list_columns(header: Sequence[str]) -> list[str]:
    """The columns that have a name, each once."""
    return list({to_plain(name): name for name in reversed(header) if to_plain(name)}.values())[::-1]


def guess_preset(title: str, header: Sequence[str], rows: Sequence[Row]) -> Preset:
    """What the columns' names and words tell. Raises MappingError."""
    return parse(guess.to_toml(title, list_columns(header), guess.guess(header, rows)))


def find_closest(header: Sequence[str], presets: Mapping[str, Preset]) -> str | None:
    """The account's own mapping that most of a file's columns are of, if it is half of them at least: shops add columns
    to their lists, and leave some out."""
    names = {to_plain(name) for name in header}
    shares: dict[str, float] = {}
    for name, preset in presets.items():
        known = preset.recognise.columns
        if known and name not in list_presets() and all(to_plain(column) in names for column in preset.key):
            shares[name] = 1 - len(list_lacking(header, preset)) / len(known)
    best = max(shares, key=lambda name: shares[name], default=None)
    return best if best is not None and shares[best] >= _CLOSE else None


def find_choices(preset: Preset, header: Sequence[str]) -> dict[str, str]:
    """Column -> the field that the preset puts it into, `KEPT`, or nothing."""
    if preset.native:
        return {name: name if name in COLUMNS else "" for name in list_columns(header)}
    return {name: _to_choice(preset, _find_told(preset, header, name)) for name in list_columns(header)}


def list_targets(preset: Preset, header: Sequence[str], column: str) -> list[str]:
    """The fields that the preset puts a column into."""
    told = [to_target(preset.columns[name]) for name in _find_told(preset, header, column)]
    return list(dict.fromkeys(field.removeprefix("+") for target in told for field in target.fields()))


def _find_told(preset: Preset, header: Sequence[str], column: str) -> list[str]:
    """The names in the preset that mean this column of the file."""
    plain = [to_plain(name) for name in header]
    found = []
    for name in preset.columns:
        wanted = to_plain(name)
        meant = next((one for one in plain if one == wanted or fnmatchcase(one, wanted)), None)
        if meant == to_plain(column):
            found.append(name)
    return found


def _to_choice(preset: Preset, told: Sequence[str]) -> str:
    if not told:
        return ""
    target = to_target(preset.columns[told[0]]).target
    is_plain = len(told) == 1 and isinstance(target.to, str) and target == Target(to=target.to)
    return str(target.to) if is_plain and target.to in COLUMNS else KEPT


def change(
    base: Preset,
    header: Sequence[str],
    chosen: Mapping[str, str],
    *,
    title: str,
    key: str = "",
    decimal: Decimal | None = None,
    dates: DayOrder | None = None,
) -> Preset:
    """The preset with what was chosen otherwise; the preset itself where nothing was. Raises MappingError."""
    before = find_choices(base, header)
    told = base.columns if not base.native else {name: field for name, field in before.items() if field}
    changed = {name: field for name, field in chosen.items() if name in before and field != before[name]}
    formats = base.formats.model_copy(update={"decimal": decimal, "dates": dates})
    is_same_key = not key or [to_plain(key)] == [to_plain(name) for name in base.key]
    if not changed and is_same_key and formats == base.formats:
        return base
    gone = {name for column in changed for name in ([column] if base.native else _find_told(base, header, column))}
    columns: dict[str, Any] = {name: target for name, target in told.items() if name not in gone}
    columns |= {name: field for name, field in changed.items() if field in COLUMNS}
    fields = {*chosen.values()}
    fixed = {name: value for name, value in base.fixed.items() if name not in fields}
    if _WEIGHT in fields and _WEIGHT_UNIT not in fields:
        column = next(name for name, field in chosen.items() if field == _WEIGHT)
        fixed.setdefault(_WEIGHT_UNIT, guess.find_weight_unit(column))
    update = {
        "title": title,
        "native": False,
        "recognise": base.recognise.model_copy(update={"columns": list_columns(header), "without": []}),
        "key": [key] if key else _find_key(base, header, chosen),
        "formats": formats,
        "columns": columns,
        "fixed": fixed,
    }
    return parse(to_toml(base.model_copy(update=update)))


def _find_key(base: Preset, header: Sequence[str], chosen: Mapping[str, str]) -> list[str]:
    """The columns that tell orders from each other: those that people chose for it, else the preset's. Raises NoKey."""
    for field in _NUMBERS_OF_ORDERS:
        if found := [name for name, choice in chosen.items() if choice == field][:1]:
            return found
    plain = {to_plain(name) for name in header}
    if not (key := [name for name in base.key if to_plain(name) in plain]):
        raise NoKey(message("A mapping says in key which columns tell one order from another."))
    return key


def to_own(preset: Preset, header: Sequence[str], title: str) -> Preset:
    """The mapping as it is kept under a name: known again by all columns of the file."""
    if preset.native:
        preset = preset.model_copy(update={"native": False, "columns": _to_plain_columns(preset, header)})
    known = preset.recognise.model_copy(update={"columns": list_columns(header), "without": []})
    key = preset.key or _find_key(preset, header, find_choices(preset, header))
    return parse(to_toml(preset.model_copy(update={"title": title, "recognise": known, "key": key})))


def _to_plain_columns(preset: Preset, header: Sequence[str]) -> dict[str, str]:
    return {name: field for name, field in find_choices(preset, header).items() if field}


def to_toml(preset: Preset) -> str:
    """A mapping as the file that it can be made from again."""
    told = preset.model_dump(exclude_defaults=True)
    tables = {name: value for name, value in told.items() if isinstance(value, dict)}
    lists = {name: value for name, value in told.items() if _is_of_tables(value)}
    lines = [f"{name} = {_to_value(value)}" for name, value in told.items() if name not in {**tables, **lists}]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_to_pairs(table)]
    for name, listed in lists.items():
        for table in listed:
            lines += ["", f"[[{name}]]", *_to_pairs(table)]
    return "\n".join([*lines, ""])


def _is_of_tables(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _to_pairs(table: Mapping[str, Any]) -> Iterator[str]:
    return (f"{_quote(name)} = {_to_value(value)}" for name, value in table.items() if value is not None)


def _to_value(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_to_pairs(value))} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_to_value, value))}]"
    return _quote(value) if isinstance(value, str) else json.dumps(value)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
