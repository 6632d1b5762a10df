"""Statements for many rows at once, whose text does not depend on the number of rows."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache, lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias, cast

import orjson
from sqlalchemy import (
    ARRAY,
    TIMESTAMP,
    Column,
    ColumnElement,
    Executable,
    Select,
    Table,
    Text,
    TextualSelect,
    and_,
    bindparam,
    column,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

from packhouse.kit import clock
from packhouse.kit.db.columns import CodePointText, Instant
from packhouse.kit.db.sqlite import InlineConnection

KeyColumns: TypeAlias = tuple[Column[Any], ...]
Keys: TypeAlias = Sequence[Sequence[Any]]
Rows: TypeAlias = Sequence[dict[str, Any]]

# What our own types are inside an array.
_ELEMENTS: dict[type, TypeEngine[Any]] = {Instant: TIMESTAMP(timezone=True), CodePointText: Text()}


def to_upsert(table: Table, rows: Rows) -> tuple[Executable, dict[str, Any]]:
    """Return PostgreSQL's statement and its values: one array per column, or one value if all rows share it."""
    known = _known_of(table)
    values: dict[str, Any] = {name: [row[name] for row in rows] for name in known.names}
    shared = frozenset(name for name in known.shared if _is_one_value(values[name]))
    values.update((name, values[name][:1]) for name in shared)
    for name in known.instants:
        values[name] = [value and clock.to_instant(value) for value in values[name]]
    values.update((name, values[name][0]) for name in shared)
    return _upsert_arrays(table, shared), values


def to_upsert_few(table: Table, rows: Rows) -> tuple[Executable, dict[str, Any]]:
    """Return one VALUES with a row for each, which names the account once. A sharded database sends it to one shard,
    whereas it would collect the rows of a SELECT first. The text differs for each number of rows."""
    known = _known_of(table)
    values: dict[str, Any] = {"account_id": rows[0]["account_id"]}
    for index, row in enumerate(rows):
        values.update((f"{name}_{index}", row[name]) for name in known.names if name != "account_id")
        for name in known.instants:
            values[f"{name}_{index}"] = row[name] and clock.to_instant(row[name])
    return _upsert_rows(table, len(rows)), values


def to_find(
    columns: KeyColumns, key: KeyColumns, keys: Keys, *, lock: bool, is_sqlite: bool
) -> tuple[Executable, dict[str, Any]]:
    """Return the statement that looks up each key in the index, and its values except `account`."""
    if is_sqlite:
        return _find_in_json(columns, key), {"sent": orjson.dumps(keys).decode()}
    sent = {f"sent_{index}": list(values) for index, values in enumerate(zip(*keys, strict=True))}
    return _find_in_arrays(columns, key, lock), sent


def to_present(key: Column[Any], values: Sequence[str], *, is_sqlite: bool) -> tuple[Executable, dict[str, Any]]:
    """Return the statement that says which of these texts the account has in a column that its index begins with, and
    its values except `account`: one index look-up for each, however many rows have it."""
    sent = orjson.dumps(list(values)).decode() if is_sqlite else list(values)
    return _find_present(key, is_sqlite), {"sent": sent}


_PRESENT: Column[Any] = Column("value", Text)


@lru_cache
def _find_present(key: Column[Any], is_sqlite: bool) -> TextualSelect:
    """The limit prevents PostgreSQL from reading the whole table to find a few of its values."""
    sent = "json_each(:sent) AS sent" if is_sqlite else "unnest(CAST(:sent AS text[])) AS sent(value)"
    there = f"SELECT 1 FROM {key.table.name} WHERE account_id = :account AND {key.name} = sent.value"  # noqa: S608
    if is_sqlite:
        return text(f"SELECT sent.value FROM {sent} WHERE EXISTS ({there})").columns(_PRESENT)  # noqa: S608
    return text(f"SELECT sent.value FROM {sent} CROSS JOIN LATERAL ({there} LIMIT 1) AS found").columns(_PRESENT)  # noqa: S608


def upsert_inline(connection: InlineConnection, table: Table, rows: Rows) -> None:
    """Bypass SQLAlchemy on SQLite: its checks of every value would cost a fifth of the statement."""
    known = _known_of(table)
    written: dict[datetime, str] = {}  # most are the moment of the batch
    for row in rows:
        for name in known.instants:
            if isinstance(value := row[name], datetime):
                row[name] = written.get(value) or written.setdefault(value, clock.to_wire(value))
    keys = tuple(column.name for column in table.primary_key)
    connection.upsert(table.name, known.names, keys, list(map(known.pick, rows)))


class _Known(NamedTuple):
    """The written columns of a table: their names, which hold times, which rows often share (always the account), and
    what takes their values from a row."""

    names: tuple[str, ...]
    instants: tuple[str, ...]
    shared: tuple[str, ...]
    pick: Callable[[dict[str, Any]], Sequence[Any]]


@cache
def _known_of(table: Table) -> _Known:
    columns = _upserted(table)
    return _Known(
        tuple(columns),
        tuple(name for name, column in columns.items() if isinstance(column.type, Instant)),
        ("account_id", *(name for name, column in columns.items() if column.info.get("shared"))),
        itemgetter(*columns),
    )


@cache
def _upsert_arrays(table: Table, shared: frozenset[str]) -> Executable:
    """Build one array per column and one value for a shared one: the text is constant, whatever the number of rows."""
    kinds = {name: _ELEMENTS.get(type(c.type), c.type) for name, c in _upserted(table).items()}
    arrays = {name: bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items() if name not in shared}
    columns: list[Column[Any]] = [Column(name, kinds[name]) for name in arrays]
    unnested = func.unnest(*arrays.values()).table_valued(*columns, name="sent").render_derived()
    values = [unnested.c[name] if name in arrays else bindparam(name, type_=kind) for name, kind in kinds.items()]
    return _replacing(table, postgresql.insert(table).from_select(list(kinds), select(*values)))


@lru_cache
def _upsert_rows(table: Table, count: int) -> Executable:
    kinds = {name: _ELEMENTS.get(type(c.type), c.type) for name, c in _upserted(table).items()}
    account = bindparam("account_id", type_=kinds.pop("account_id"))
    rows = [
        {"account_id": account, **{name: bindparam(f"{name}_{index}", type_=kind) for name, kind in kinds.items()}}
        for index in range(count)
    ]
    return _replacing(table, postgresql.insert(table).values(rows))


def _replacing(table: Table, statement: postgresql.Insert) -> Executable:
    key, replaced = list(table.primary_key), _replaced(table, statement)
    if not replaced:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=replaced)


@lru_cache
def _find_in_json(columns: KeyColumns, key: KeyColumns) -> TextualSelect:
    """SQLite has no arrays; a list of lists as JSON is one parameter too. CROSS JOIN is its word for "in this order":
    left to itself it walks the table and looks into the list. No order: one transaction writes at a time."""
    table = key[0].table.name
    found = ", ".join(f"{table}.{part.name}" for part in columns)
    same = " AND ".join(f"{table}.{part.name} = sent.value->>{i}" for i, part in enumerate(key))
    source = f"json_each(:sent) AS sent CROSS JOIN {table} ON {table}.account_id = :account AND {same}"
    return text(f"SELECT {found} FROM {source}").columns(*columns)  # noqa: S608 - names of our own tables


@lru_cache
def _find_in_arrays(columns: KeyColumns, key: KeyColumns, lock: bool) -> Select[Any]:
    kinds = [_ELEMENTS.get(type(part.type), part.type) for part in key]
    arrays = [bindparam(f"sent_{index}", type_=ARRAY(kind)) for index, kind in enumerate(kinds)]
    named = [column(part.name, kind) for part, kind in zip(key, kinds, strict=True)]
    sent = func.unnest(*arrays).table_valued(*named, name="sent").render_derived()
    same = [part == sent.c[part.name] for part in key]
    statement = select(*columns).select_from(sent).join(key[0].table, and_(_of_account(key[0].table), *same))
    statement = statement.order_by(*key)
    return statement.with_for_update(of=key[0].table) if lock else statement


def _of_account(table: Any) -> ColumnElement[bool]:
    return cast("ColumnElement[bool]", table.c.account_id == bindparam("account"))


def _replaced(table: Table, statement: Any) -> dict[str, ColumnElement[Any]]:
    return {name: statement.excluded[name] for name, c in _upserted(table).items() if not c.primary_key}


def _is_one_value(values: Sequence[Any]) -> bool:
    """Not of a single row: it would be another statement to prepare, and save nothing."""
    return len(values) > 1 and values.count(values[0]) == len(values)


def _upserted(table: Table) -> dict[str, Column[Any]]:
    return {c.name: c for c in table.columns if not c.info.get("kept")}
