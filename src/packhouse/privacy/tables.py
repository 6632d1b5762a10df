"""How long an account keeps personal data. An account without a row keeps it."""

from sqlalchemy import BigInteger, Column, Integer, Table, Text

from packhouse.kit.db.columns import Instant, metadata

# `days` of orders and shipments, `documents_days` of customs papers; None is for ever.
retention_settings = Table(
    "retention_settings",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("days", Integer),
    Column("documents_days", Integer),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", Text, nullable=False),
)
