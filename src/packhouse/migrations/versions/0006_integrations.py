"""The rest of an integration, the statuses of its shop, and its log."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("shop_url", sa.Text()),
        sa.Column("type", sa.Text(), nullable=False, server_default="api"),
        sa.Column("service_point_enabled", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("service_point_carriers", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("status_mapping", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("webhook_active", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("webhook_url", sa.Text()),
        sa.Column("feedback_type", sa.Text(), nullable=False, server_default="none"),
        sa.Column("started_failing_at", Instant()),
        sa.Column("last_fetched_at", Instant()),
        sa.Column("updated_at", Instant()),
    ):
        op.add_column("integrations", column)
    _make_statuses()
    _make_logs()


def _make_statuses() -> None:
    op.create_table(
        "shop_order_statuses",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("translations", sa.Text(), nullable=False),
        sa.Column("deleted_at", Instant()),
        sa.ForeignKeyConstraint(
            ["account_id", "integration_id"],
            ["integrations.account_id", "integrations.id"],
            name="fk_shop_order_statuses_integration",
        ),
        sa.PrimaryKeyConstraint("account_id", "integration_id", "external_id", name="pk_shop_order_statuses"),
    )


def _make_logs() -> None:
    op.create_table(
        "integration_logs",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger()),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("protected", sa.Boolean(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_integration_logs_account_id"),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_integration_logs"),
    )
    op.create_index("ix_integration_logs_created", "integration_logs", ["account_id", "created_at", "id"])
    op.create_index(
        "ix_integration_logs_integration", "integration_logs", ["account_id", "integration_id", "created_at", "id"]
    )
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.schema.CreateSequence(sa.Sequence("integration_logs_id")))
