"""Column types for both databases, and facts about columns. All tables are declared with these."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import TIMESTAMP, Dialect, FromClause, Join, MetaData, Table, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from packhouse.kit import clock

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    }
)

# Of a column that `upsert` leaves alone: a new row gets its default, a row that is there keeps its value.
KEPT = {"kept": True}
# Of a column whose value the rows of most batches have in common, as they have the account: PostgreSQL is then sent it
# once, not in an array.
SHARED = {"shared": True}
# Of a table that finds out which account it is: where the database is sharded by account, it is whole on every node.
REFERENCE = {"reference": True}


def is_reference(source: FromClause) -> bool:
    """Return whether a table, or every table of a join, is a reference table."""
    if isinstance(source, Join):
        return is_reference(source.left) and is_reference(source.right)
    return bool(source.info.get("reference")) if isinstance(source, Table) else False


class Instant(TypeDecorator[datetime]):
    """A point in time: timestamptz on PostgreSQL, the text of the wire on SQLite (which sorts by time). A value in the
    form of the wire can be given as that text."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> Any:
        if dialect.name == "postgresql":
            return clock.from_wire(value) if isinstance(value, str) else value
        return clock.to_wire(value) if isinstance(value, datetime) else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its signature
        if isinstance(value, str):
            return clock.from_wire(value)
        # The driver takes the first and the last instant for infinities, and gives those back without a zone.
        return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


class CodePointText(TypeDecorator[str]):
    """A text that sorts by code point on both databases."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Text(collation="C"))
        return dialect.type_descriptor(Text())
