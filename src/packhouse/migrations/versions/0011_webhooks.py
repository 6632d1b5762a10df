"""Connections, subscriptions and deliveries."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        for name in ("connections", "subscriptions", "deliveries"):
            op.execute(sa.schema.CreateSequence(sa.Sequence(f"{name}_id")))
    op.create_table(
        "connections",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("integration_id", sa.BigInteger()),
        sa.Column("configuration", sa.Text(), nullable=False),
        sa.Column("sealed", sa.Text()),
        sa.Column("failing_since", Instant()),
        sa.Column("paused_at", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_connections"),
    )
    op.create_index("uq_connections_integration", "connections", ["account_id", "integration_id"], unique=True)
    op.create_table(
        "subscriptions",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_subscriptions"),
    )
    _make_deliveries()


def _make_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("connection_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger()),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", Instant()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("attempted_at", Instant()),
        sa.Column("status_code", sa.Integer()),
        sa.Column("answer", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_deliveries"),
    )
    waits = sa.text("due_at IS NOT NULL")
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["account_id", "connection_id", "due_at", "id"],
        postgresql_where=waits,
        sqlite_where=waits,
    )
    op.create_index("ix_deliveries_connection", "deliveries", ["account_id", "connection_id", "id"])
    op.create_index("ix_deliveries_status", "deliveries", ["account_id", "status", "id"])
