"""SQLAlchemy statements compiled for a driver: their text, and their parameters in order."""

from collections import namedtuple
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    BindParameter,
    Column,
    Dialect,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.sql import visitors


class CompiledStatement(NamedTuple):
    """`order` turns values by name into a list of parameters; `row` turns a driver's row into a named tuple, if the
    statement has named columns."""

    sql: str
    order: Callable[[dict[str, Any]], list[Any]]
    row: Callable[..., Any]


def compile_statement(statement: Any, dialect: Dialect) -> CompiledStatement:
    compiled: Any = statement.compile(dialect=dialect)
    columns = [entry.keyname for entry in compiled._result_columns]  # noqa: SLF001 - it has no other name
    row: Any = namedtuple("Row", columns, rename=True) if columns else _to_tuple
    names = compiled.positiontup
    fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def order(values: dict[str, Any]) -> list[Any]:
        return [fixed[name] if name in fixed else values[name] for name in names]

    return CompiledStatement(str(compiled), order if fixed else lambda values: [values[name] for name in names], row)


def compile_many(statement: Select[Any], dialect: Dialect) -> CompiledStatement:
    """Compile a SELECT of the first row for many sets of parameters, which are sent as one array per parameter. A row
    begins with the number of its set, from 1, and `order` takes lists of values. PostgreSQL only."""
    parts: Iterable[Any] = visitors.iterate(statement)
    binds = {part.key: part for part in parts if _is_asked_for(part)}
    named = [Column(name, bind.type) for name, bind in binds.items()]
    arrays = [bindparam(name, type_=ARRAY(bind.type)) for name, bind in binds.items()]
    sent = func.unnest(*arrays).table_valued(*named, with_ordinality="number").render_derived("sent")

    def to_column(part: Any, **_: Any) -> Any:
        return sent.c[part.key] if _is_asked_for(part) else None

    traverse: Any = visitors.replacement_traverse  # typed for expressions only
    replaced = traverse(statement, {}, to_column)
    found = replaced.correlate(sent).limit(literal_column("1")).lateral("found")
    return compile_statement(select(sent.c.number, found).select_from(sent.join(found, true())), dialect)


class CompiledStatements:
    """The statements of a process that are constants of their modules, each compiled once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: dict[Any, CompiledStatement] = {}

    def compile(self, statement: Any) -> CompiledStatement:
        found = self._known.get(statement)
        if found is None:
            found = self._known[statement] = compile_statement(statement, self._dialect)
        return found


def _is_asked_for(part: Any) -> bool:
    """Return whether it is a parameter of the caller, not a constant of the statement."""
    return isinstance(part, BindParameter) and part.required


def _to_tuple(*values: Any) -> tuple[Any, ...]:
    return values
