"""The columns of orders as CSV (docs/files.md), made from the wire shapes: a new field needs no change here.

A column is named by the way to its field, `shipping_address.city`; those of an order item begin with `item.`. An empty
cell is an absent field, `null` is null, and a text that is empty, `null` or begins with a quote is written as JSON.
An object has a column of its own beside those of its fields, for where it is null or empty.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Required, TypeAlias, Union, get_args, get_origin
from typing import get_type_hints as hints_of

from typing_extensions import is_typeddict

from packhouse.orders import schema
from packhouse.orders.files import formats

Kind: TypeAlias = Literal["text", "number", "boolean", "texts", "json", "object"]
Place: TypeAlias = tuple[str, ...]

ITEMS: Place = ("order_details", "order_items")
KEY = ("order_details.integration.id", "order_id")

ABSENT: Any = object()
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


class Column(NamedTuple):
    """`path` leads from the order to the value or, with `of_item`, from the item."""

    name: str
    path: Place
    of_item: bool
    kind: Kind
    is_whole: bool = False
    is_instant: bool = False


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
            is_instant = "format': 'date-time'" in repr(hint)
            yield Column(name, path, of_item, _to_kind(kind), kind is int, is_instant)


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
    value = find(holder, column.path)
    if value is ABSENT or (column.kind == "object" and value):
        return ""
    if isinstance(value, str) and column.kind in ("text", "texts"):
        is_odd = value in ("", "null") or value.startswith('"') or is_guarded(column, value)
        return _dump(value) if is_odd or (column.is_instant and not formats.is_instant(value)) else value
    if column.kind == "texts" and _is_plain(value):
        return "|".join(value)
    # A created_at is a text among fields that may hold anything; a numeric text keeps its quotes here.
    return value if column.name in schema.READ_ONLY and isinstance(value, str) else _dump(value)


_GUARDED = re.compile(r"'[\d+=@'\t\r-].*|=\".*\"", re.DOTALL)
# Shops put the mark before every value of these, whatever it begins with; a name may begin with one: 's-Hertogenbosch.
_CODES = ("postal_code", "phone_number", "post_number")


def is_guarded(column: Column, cell: str) -> bool:
    """Whether a cell is not read as it stands: spreadsheets and shops put a mark before what is to stay a text."""
    return unguard(column, cell) != cell or formats.is_mangled(cell)


def unguard(column: Column, cell: str) -> str:
    """`'01011` and `="01011"` without what keeps a spreadsheet from reading a number."""
    if cell.startswith("'"):
        return cell[1:] if column.path[-1] in _CODES or _GUARDED.fullmatch(cell) else cell
    return cell[2:-1].replace('""', '"') if cell.startswith('="') and _GUARDED.fullmatch(cell) else cell


def _is_plain(texts: list[str] | None) -> bool:
    """Whether `a|b` says it all."""
    if not texts or texts[0].startswith(("[", '"')) or texts == ["null"]:
        return False
    return all(text and "|" not in text for text in texts)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def find(holder: Any, path: Place) -> Any:
    for step in path:
        if not isinstance(holder, dict) or step not in holder:
            return ABSENT
        holder = holder[step]
    return holder


def put(holder: dict[str, Any], path: Place, value: Any) -> None:
    for step in path[:-1]:
        inner = holder.get(step)
        holder[step] = holder = inner if isinstance(inner, dict) else {}
    holder[path[-1]] = value


def from_cell(kind: Kind, cell: str) -> Any:
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


def is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None


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
