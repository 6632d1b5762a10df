"""Shops at rest. A deleted one stays as a row, because its orders stay readable."""

from sqlalchemy import BigInteger, Column, ForeignKey, Table, Text

from packhouse.kit.db import Instant, metadata

integrations = Table(
    "integrations",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("shop_name", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("deleted_at", Instant),
)
