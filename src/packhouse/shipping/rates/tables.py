"""The table of rate tables: the document with its rows, beside the name and the date that identify a version."""

from sqlalchemy import BigInteger, Column, Index, Table, Text

from packhouse.kit.db.columns import CodePointText, Instant, metadata

rate_tables = Table(
    "rate_tables",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", CodePointText, nullable=False),
    Column("valid_from", Text, nullable=False),  # a date as ISO 8601 writes it, which sorts as text
    Column("created_at", Instant, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_rate_tables_name", "account_id", "name", "valid_from"),
)
