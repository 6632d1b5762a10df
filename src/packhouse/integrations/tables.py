"""Integrations at rest, with the words of their shops for an order's status, and the log of what went wrong."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Table, Text, false

from packhouse.kit.db.columns import Instant, metadata

integrations = Table(
    "integrations",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("shop_name", Text, nullable=False),
    Column("shop_url", Text),
    Column("type", Text, nullable=False, server_default="api"),
    Column("service_point_enabled", Boolean, nullable=False, server_default=false()),
    # JSON lists: nothing is filtered by them.
    Column("service_point_carriers", Text, nullable=False, server_default="[]"),
    Column("status_mapping", Text, nullable=False, server_default="[]"),
    Column("webhook_active", Boolean, nullable=False, server_default=false()),
    Column("webhook_url", Text),
    Column("feedback_type", Text, nullable=False, server_default="none"),
    Column("started_failing_at", Instant),
    Column("last_fetched_at", Instant),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant),
    Column("deleted_at", Instant),
)

shop_order_statuses = Table(
    "shop_order_statuses",
    metadata,
    Column("account_id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger, primary_key=True, autoincrement=False),
    Column("external_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("translations", Text, nullable=False),
    Column("deleted_at", Instant),
    ForeignKeyConstraint(
        ["account_id", "integration_id"],
        ["integrations.account_id", "integrations.id"],
        name="fk_shop_order_statuses_integration",
    ),
)

integration_logs = Table(
    "integration_logs",
    metadata,
    Column("account_id", BigInteger, ForeignKey("accounts.account_id"), primary_key=True, autoincrement=False),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("integration_id", BigInteger),
    Column("created_at", Instant, nullable=False),
    Column("protected", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Index("ix_integration_logs_created", "account_id", "created_at", "id"),
    Index("ix_integration_logs_integration", "account_id", "integration_id", "created_at", "id"),
)


class StatusRow(NamedTuple):
    """A row of `shop_order_statuses`."""

    account_id: int
    integration_id: int
    external_id: str
    position: int
    translations: str
    deleted_at: datetime | None


class LogRow(NamedTuple):
    """A row of `integration_logs`."""

    account_id: int
    id: int
    integration_id: int | None
    created_at: datetime
    protected: bool
    document: str
