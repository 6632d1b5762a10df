"""A statement of SQLAlchemy as a driver takes it: its text once and for all, its parameters in order."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import Dialect


class Prepared(NamedTuple):
    """`order` makes a list of the parameters from their values by name; `row` a row from a driver's, with names where
    the statement says which columns it has."""

    sql: str
    order: Callable[[dict[str, Any]], list[Any]]
    row: Callable[..., Any]


def prepare(statement: Any, dialect: Dialect) -> Prepared:
    compiled: Any = statement.compile(dialect=dialect)
    columns = [entry.keyname for entry in compiled._result_columns]  # noqa: SLF001 - it has no other name
    row: Any = namedtuple("Row", columns, rename=True) if columns else _to_tuple
    names = compiled.positiontup
    fixed = {name: value for name, value in compiled.params.items() if value is not None}

    def order(values: dict[str, Any]) -> list[Any]:
        return [fixed[name] if name in fixed else values[name] for name in names]

    return Prepared(str(compiled), order if fixed else lambda values: [values[name] for name in names], row)


def _to_tuple(*values: Any) -> tuple[Any, ...]:
    return values
