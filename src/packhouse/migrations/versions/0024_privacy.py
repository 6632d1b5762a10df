"""Which orders and shipments were erased, and how long an account keeps personal data."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import Instant

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("erased_version", sa.Integer(), nullable=True))
    op.add_column("shipments", sa.Column("erased_at", Instant(), nullable=True))
    op.create_table(
        "retention_settings",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("days", sa.Integer(), nullable=True),
        sa.Column("documents_days", sa.Integer(), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_retention_settings"),
    )
