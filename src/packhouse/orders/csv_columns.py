"""The columns of orders as CSV (docs/files.md), made from the wire shapes: a new field needs no change here.

A column is named by the way to its field, `shipping_address.city`; those of an order item begin with `item.`. An empty
cell is an absent field, `null` is null, and a text that is empty, `null` or begins with a quote is written as JSON.
An object has a column of its own beside those of its fields, for where it is null or empty.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, TypeAlias, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from typing_extensions import is_typeddict

from packhouse.orders import schema

Kind: TypeAlias = Literal["text", "number", "boolean", "texts", "json", "object"]
Place: TypeAlias = tuple[str, ...]

ITEMS: Place = ("order_details", "order_items")
KEY = ("order_details.integration.id", "order_id")

_ABSENT: Any = object()
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class Column(NamedTuple):
    """`path` leads from the order to the value or, with `of_item`, from the item."""

    name: str
    path: Place
    of_item: bool
    kind: Kind


def _find_columns(shape: Any, of_item: bool, at: Place = ()) -> Iterator[Column]:
    for field, hint in hints_of(shape, include_extras=True).items():
        kind, path = _strip(hint), (*at, field)
        name = ".".join(("item", *path) if of_item else path)
        if is_typeddict(kind):
            yield Column(name, path, of_item, "object")
            yield from _find_columns(kind, of_item, path)
        elif path == ITEMS and not of_item:
            yield Column(name, path, of_item, "object")
            yield from _find_columns(get_args(kind)[0], True)
        else:
            yield Column(name, path, of_item, _to_kind(kind))


def _strip(hint: Any) -> Any:
    """The kind of value itself, without `NotRequired`, annotations and `| None`."""
    origin = get_origin(hint)
    if origin in (Required, NotRequired, Annotated):
        return _strip(get_args(hint)[0])
    if origin in (Union, UnionType):
        return _strip(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def _to_kind(kind: Any) -> Kind:
    if get_origin(kind) is list:
        return "texts" if get_args(kind) == (str,) else "json"
    if get_origin(kind) is dict:
        return "json"
    simple: dict[Any, Kind] = {bool: "boolean", int: "number", float: "number", Any: "number"}
    return simple.get(kind, "text")


COLUMNS = {column.name: column for column in sorted(_find_columns(schema.Order, False), key=lambda c: c.of_item)}
_OF_ORDER = [column for column in COLUMNS.values() if not column.of_item]
_OF_ITEM = [column for column in COLUMNS.values() if column.of_item]
# An object's own cell is read before those of its fields, whatever the file's order.
PLACES = {name: place for place, name in enumerate(COLUMNS)}


def to_rows(order: Mapping[str, Any]) -> Iterator[list[str]]:
    """A row an item, at least one. What belongs to the order stands in the first; the others repeat its key only."""
    items = order.get("order_details", {}).get("order_items") or [{}]
    whole = [_to_cell(column, order) for column in _OF_ORDER]
    key = [cell if column.name in KEY else "" for column, cell in zip(_OF_ORDER, whole, strict=True)]
    for index, item in enumerate(items):
        yield (key if index else whole) + [_to_cell(column, item) for column in _OF_ITEM]


def _to_cell(column: Column, holder: Any) -> str:
    value = _find(holder, column.path)
    if value is _ABSENT or (column.kind == "object" and value):
        return ""
    if isinstance(value, str) and column.kind in ("text", "texts"):
        return _dump(value) if value in ("", "null") or value.startswith('"') else value
    if column.kind == "texts" and _is_plain(value):
        return "|".join(value)
    # A created_at is a text among fields that may hold anything; a numeric text keeps its quotes here.
    return value if column.name in schema.READ_ONLY and isinstance(value, str) else _dump(value)


def _is_plain(texts: list[str] | None) -> bool:
    """Whether `a|b` says it all."""
    if not texts or texts[0].startswith(("[", '"')) or texts == ["null"]:
        return False
    return all(text and "|" not in text for text in texts)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _find(holder: Any, path: Place) -> Any:
    for step in path:
        if not isinstance(holder, dict) or step not in holder:
            return _ABSENT
        holder = holder[step]
    return holder


def read_header(cells: Sequence[str]) -> list[Column]:
    """The columns of a file. Raises ValueError that names the unknown ones and those that are there twice."""
    names = [cell.strip() for cell in cells]
    unknown = [repr(name) for name in dict.fromkeys(names) if name not in COLUMNS]
    twice = [repr(name) for name in dict.fromkeys(names) if name in COLUMNS and names.count(name) > 1]
    said = [f"{what}: {', '.join(found)}" for what, found in (("unknown", unknown), ("repeated", twice)) if found]
    if said:
        raise ValueError(f"Columns that cannot be read. {'; '.join(said)}.")
    return [COLUMNS[name] for name in names]


def to_order(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """From the filled cells of consecutive rows, by column name and in the order of `PLACES`; of what belongs to the
    order itself the first row tells."""
    order = _read_cells(rows[0], of_item=False)
    items = [item for row in rows if (item := _read_cells(row, of_item=True))]
    if items:
        _put(order, ITEMS, items)
    return order


def _read_cells(row: Mapping[str, str], *, of_item: bool) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, cell in row.items():
        column = COLUMNS[name]
        if column.of_item == of_item:
            _put(made, column.path, _from_cell(column.kind, cell))
    return made


def _put(holder: dict[str, Any], path: Place, value: Any) -> None:
    for step in path[:-1]:
        inner = holder.get(step)
        holder[step] = holder = inner if isinstance(inner, dict) else {}
    holder[path[-1]] = value


def _from_cell(kind: Kind, cell: str) -> Any:
    """What does not read as its kind stays a text: the wire shape says what is wrong with it."""
    if cell == "null":
        return None
    if cell.startswith('"'):
        return _load(cell)
    return _READERS[kind](cell)


def _load(cell: str) -> Any:
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _read_number(cell: str) -> Any:
    return _load(cell.strip()) if _NUMBER.fullmatch(cell.strip()) else cell


def _read_boolean(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell.strip().lower(), cell)


def _read_texts(cell: str) -> Any:
    listed = _load(cell) if cell.startswith("[") else cell
    return cell.split("|") if isinstance(listed, str) else listed


_READERS: dict[Kind, Callable[[str], Any]] = {
    "text": str,
    "number": _read_number,
    "boolean": _read_boolean,
    "texts": _read_texts,
    "json": _load,
    "object": _load,
}
