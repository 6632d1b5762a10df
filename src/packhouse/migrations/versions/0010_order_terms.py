"""What orders are found by."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_terms",
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("term", CodePointText(), nullable=False),
        sa.Column("placed_at", Instant(), nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "term", "placed_at", "id", name="pk_order_terms"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_order_terms_id", "order_terms", ["account_id", "id"])
