"""Batches of orders to pack, the bins of articles, and what was last heard of a bench's printers."""

import sqlalchemy as sa
from alembic import op

from packhouse.kit.db.columns import CodePointText, Instant

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.execute(sa.schema.CreateSequence(sa.Sequence("batches_id")))
    op.add_column("benches", sa.Column("printers", sa.Text()))
    op.create_table(
        "batches",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "id", name="pk_batches"),
    )
    op.create_index("ix_batches_state", "batches", ["account_id", "state", "id"])
    op.create_table(
        "batch_orders",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("batch_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("order_number", CodePointText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "batch_id", "order_id", name="pk_batch_orders"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "uq_batch_orders_waiting",
        "batch_orders",
        ["account_id", "order_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_table(
        "bins",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("folded", CodePointText(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("bin", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "folded", name="pk_bins"),
        sqlite_with_rowid=False,
    )
