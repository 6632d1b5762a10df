"""Counters of the rate limits; on SQLite they stand in a file of their own."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.create_table(
        "rate_counters",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("slot", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("burst_slot", sa.BigInteger(), nullable=False),
        sa.Column("burst_used", sa.BigInteger(), nullable=False),
        sa.Column("burst_before", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "kind", name="pk_rate_counters"),
        prefixes=["UNLOGGED"],
    )
