"""Views of the order list that people keep; shipped orders by age and stale shipments, for what lists those.

What orders are found by is written anew by a worker afterwards (`search.SINCE`)."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("name", CodePointText(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "owner", "name", name="pk_saved_views"),
    )
    shipped = sa.text("live_shipments > 0")
    op.create_index(
        "ix_orders_shipped",
        "orders",
        ["account_id", "order_created_at", "id"],
        sqlite_where=shipped,
        postgresql_where=shipped,
    )
    stale = sa.text("stale IS NOT NULL")
    op.create_index("ix_shipments_stale", "shipments", ["account_id", "id"], sqlite_where=stale, postgresql_where=stale)
